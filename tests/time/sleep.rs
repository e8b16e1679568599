//! `sleep`, `sleep_until`, `Sleep` and `Instant`.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Context;

use freewheel::time::{Duration, Instant, Sleep, sleep, sleep_until};

use crate::support::{CountingWaker, eventually, poll_once, test};
use crate::{HOUR, MS, in_both, multi_thread};

fn is_send_sync_unpin<T: Send + Sync + Unpin + 'static>() {}

#[test]
fn a_sleep_is_sendable_and_movable() {
    is_send_sync_unpin::<Sleep>();
}

#[test]
fn a_sleep_never_ends_early() {
    in_both(|| async {
        for micros in [1, 50, 66, 300, 1_000, 1_500, 7_000] {
            let duration = Duration::from_micros(micros);
            let begin = Instant::now();
            sleep(duration).await;
            assert!(begin.elapsed() >= duration, "slept {:?} instead of {duration:?}", begin.elapsed());
        }
    });
}

#[test]
fn a_sleep_until_ends_after_its_deadline() {
    in_both(|| async {
        let deadline = Instant::now() + 3 * MS;
        let mut sleep = sleep_until(deadline);
        assert_eq!(sleep.deadline(), deadline);
        (&mut sleep).await;
        assert!(Instant::now() >= deadline);
        assert!(sleep.is_elapsed());
        (&mut sleep).await;
    });
}

#[test]
fn a_sleep_that_waits_has_not_elapsed() {
    in_both(|| async {
        let mut sleep = pin!(sleep(HOUR));
        assert!(!sleep.is_elapsed());
        assert!(poll_once(sleep.as_mut()).is_pending());
        assert!(!sleep.is_elapsed());
    });
}

#[test]
fn sleeps_end_in_the_order_of_their_deadlines() {
    in_both(|| async {
        let begin = Instant::now();
        let tasks: Vec<_> = [9u32, 1, 5, 3, 7]
            .map(|n| {
                freewheel::spawn(async move {
                    sleep_until(begin + n * 4 * MS).await;
                    (Instant::now(), n)
                })
            })
            .into();
        for task in tasks {
            let (ended, n) = task.await.expect("a sleeper");
            assert!(ended >= begin + n * 4 * MS);
        }
    });
}

#[test]
fn a_reset_before_the_first_poll_counts() {
    in_both(|| async {
        let mut sleep = sleep(HOUR);
        let deadline = Instant::now() + MS;
        Pin::new(&mut sleep).reset(deadline);
        assert_eq!(sleep.deadline(), deadline);
        sleep.await;
        assert!(Instant::now() >= deadline);
    });
}

#[test]
fn a_reset_to_later_waits_longer() {
    in_both(|| async {
        let mut sleep = pin!(sleep(2 * MS));
        // Pending, unless this thread was held up for two milliseconds: then it is reset after it ended.
        let _ = poll_once(sleep.as_mut());
        let deadline = Instant::now() + 20 * MS;
        sleep.as_mut().reset(deadline);
        sleep.await;
        assert!(Instant::now() >= deadline);
    });
}

#[test]
fn a_sleep_that_ended_can_be_used_again() {
    in_both(|| async {
        let mut sleep = pin!(sleep(Duration::ZERO));
        for _ in 0..5 {
            sleep.as_mut().await;
            let deadline = Instant::now() + MS;
            sleep.as_mut().reset(deadline);
            assert!(!sleep.is_elapsed() || Instant::now() >= deadline);
            sleep.as_mut().await;
            assert!(Instant::now() >= deadline);
        }
    });
}

#[test]
fn a_reset_wakes_the_task_without_another_poll() {
    test(|| {
        let runtime = multi_thread();
        let _entered = runtime.enter();
        let waker = CountingWaker::new();
        let mut sleep = pin!(sleep(HOUR));
        assert!(sleep.as_mut().poll(&mut Context::from_waker(&waker.waker())).is_pending());
        sleep.as_mut().reset(Instant::now() + MS);
        eventually(|| waker.wakes() == 1);
        assert!(poll_once(sleep.as_mut()).is_ready());
    });
}

#[test]
fn only_the_last_waker_is_woken() {
    test(|| {
        let runtime = multi_thread();
        let _entered = runtime.enter();
        let (first, second) = (CountingWaker::new(), CountingWaker::new());
        let mut sleep = pin!(sleep(HOUR));
        for waker in [&first, &second] {
            assert!(sleep.as_mut().poll(&mut Context::from_waker(&waker.waker())).is_pending());
        }
        assert_eq!(Arc::strong_count(&first), 1, "the displaced waker was kept");
        sleep.as_mut().reset(Instant::now() + MS);
        eventually(|| second.wakes() == 1);
        assert_eq!(first.wakes(), 0);
    });
}

#[test]
fn a_dropped_sleep_leaves_no_waker() {
    test(|| {
        let runtime = multi_thread();
        let _entered = runtime.enter();
        let waker = CountingWaker::new();
        let mut sleep = Box::pin(sleep(HOUR));
        assert!(sleep.as_mut().poll(&mut Context::from_waker(&waker.waker())).is_pending());
        assert_eq!(Arc::strong_count(&waker), 2);
        drop(sleep);
        assert_eq!(Arc::strong_count(&waker), 1);
    });
}

#[test]
fn a_sleep_keeps_the_time_of_the_runtime_it_was_made_in() {
    test(|| {
        let (first, second) = (multi_thread(), multi_thread());
        let deadline = Instant::now() + 5 * MS;
        let sleep = {
            let _entered = first.enter();
            sleep_until(deadline)
        };
        second.block_on(async { freewheel::spawn(sleep).await.expect("the sleeper") });
        assert!(Instant::now() >= deadline);
    });
}

#[test]
fn instants_compute_like_those_of_std() {
    let now = Instant::now();
    let later = now + HOUR;
    assert_eq!(later - now, HOUR);
    assert_eq!(now - later, Duration::ZERO, "earlier than the earlier: saturates");
    assert_eq!(later.duration_since(now), HOUR);
    assert_eq!(now.checked_duration_since(later), None);
    assert_eq!(now.saturating_duration_since(later), Duration::ZERO);
    assert_eq!(later - HOUR, now);
    assert_eq!(now.checked_add(Duration::MAX), None);
    assert_eq!(
        now.checked_sub(HOUR).map(|earlier| earlier + HOUR),
        Some(now).filter(|_| now.checked_sub(HOUR).is_some())
    );
    assert_eq!(Instant::from_std(now.into_std()), now);
    assert_eq!(Instant::from(std::time::Instant::from(now)), now);
    let mut moved = now;
    moved += HOUR;
    moved -= HOUR;
    assert_eq!(moved, now);
    assert!(now.elapsed() <= Instant::now() - now + HOUR);
    assert_eq!(format!("{now:?}"), format!("{:?}", now.into_std()));
}
