//! Rows 28 and 29, as far as they are about time, and 36 to 43 of the list of faults.

use std::future::{Future, pending};
use std::pin::{Pin, pin};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Wake};

use freewheel::time::{
    Duration, Instant, MissedTickBehavior, Sleep, interval, interval_at, sleep, sleep_until, timeout, timeout_at,
};

use crate::support::{
    CountingWaker, eventually, in_child, must_panic_at, panic_text, poll_once, resident_kilobytes, test,
};
use crate::{HOUR, MS, current_thread, in_both, multi_thread};

#[test]
fn fault_28_time_outside_a_runtime_panics_at_the_caller_with_the_words_people_search_for() {
    let now = Instant::now();
    let attempts: [&dyn Fn(); 6] = [
        &|| drop(sleep(MS)),
        &|| drop(sleep_until(now)),
        &|| drop(timeout(MS, pending::<()>())),
        &|| drop(timeout_at(now, pending::<()>())),
        &|| drop(interval(MS)),
        &|| drop(interval_at(now, MS)),
    ];
    for attempt in attempts {
        let (text, place) = must_panic_at(attempt);
        assert!(text.contains("there is no reactor running"), "{text}");
        assert!(place.starts_with("tests/time/faults.rs:"), "{place}");
    }
}

#[test]
fn fault_29_a_timer_whose_runtime_goes_does_not_hang() {
    test(|| {
        let (first, second) = (multi_thread(), multi_thread());
        let sleep = {
            let _entered = first.enter();
            sleep(HOUR)
        };
        let (sender, armed) = std::sync::mpsc::channel();
        let waiting = second.spawn(async move {
            let mut sleep = pin!(sleep);
            std::future::poll_fn(|cx| {
                let polled = sleep.as_mut().poll(cx);
                let _ = sender.send(());
                polled
            })
            .await;
        });
        armed.recv().expect("the task polls");
        drop(first);
        let error = second.block_on(waiting).expect_err("an hour has not passed");
        let text = panic_text(&*error.into_panic());
        assert!(text.contains("shut down") && text.contains("is being shutdown"), "{text}");
    });
}

#[test]
fn fault_36_the_far_future_never_comes_and_never_panics() {
    in_both(|| async {
        let now = Instant::now();
        for duration in
            [Duration::MAX, Duration::from_nanos(u64::MAX), Duration::from_secs(u64::MAX / 4), 1_000_000 * HOUR]
        {
            let mut asleep = pin!(sleep(duration));
            assert!(poll_once(asleep.as_mut()).is_pending(), "{duration:?}");
            assert!(asleep.deadline() > now + HOUR && !asleep.is_elapsed());
            assert!(poll_once(pin!(timeout(duration, pending::<()>()))).is_pending());
            let mut interval = interval(duration);
            interval.tick().await;
            assert!(poll_once(pin!(interval.tick())).is_pending(), "{duration:?}");
            interval.reset();
            interval.reset_after(duration);
            assert!(poll_once(pin!(interval.tick())).is_pending(), "{duration:?}");
            // Brought back, it works as any other.
            asleep.as_mut().reset(Instant::now() + MS);
            asleep.await;
        }
        let farthest = now.checked_add(Duration::from_nanos(u64::MAX)).unwrap_or(now + 1_000_000 * HOUR);
        assert!(poll_once(pin!(sleep_until(farthest))).is_pending());
        assert!(poll_once(pin!(timeout_at(farthest, pending::<()>()))).is_pending());
        sleep(MS).await;
    });
}

#[test]
fn fault_37_zero_and_the_past_are_ready_at_the_first_poll() {
    in_both(|| async {
        assert!(poll_once(pin!(sleep(Duration::ZERO))).is_ready());
        let now = Instant::now();
        assert!(poll_once(pin!(sleep_until(now))).is_ready());
        let long_ago = now.checked_sub(HOUR).unwrap_or(now);
        assert!(poll_once(pin!(sleep_until(long_ago))).is_ready());
        assert!(poll_once(pin!(interval_at(long_ago, HOUR).tick())).is_ready());
        let mut reset = pin!(sleep(HOUR));
        reset.as_mut().reset(now);
        assert!(poll_once(reset.as_mut()).is_ready());
        reset.as_mut().reset(Instant::now() + HOUR);
        assert!(poll_once(reset.as_mut()).is_pending());
    });
}

#[test]
fn fault_38_a_period_of_zero_panics_at_the_caller() {
    test(|| {
        let runtime = current_thread();
        let _entered = runtime.enter();
        let attempts: [&dyn Fn(); 2] =
            [&|| drop(interval(Duration::ZERO)), &|| drop(interval_at(Instant::now(), Duration::ZERO))];
        for attempt in attempts {
            let (text, place) = must_panic_at(attempt);
            assert_eq!(text, "`period` must be non-zero.");
            assert!(place.starts_with("tests/time/faults.rs:"), "{place}");
        }
    });
}

/// Holds the very sleep it is the waker of.
#[derive(Default)]
struct DropsItsSleep {
    sleep: Mutex<Option<Pin<Box<Sleep>>>>,
    wakes: AtomicUsize,
}

impl Wake for DropsItsSleep {
    fn wake(self: Arc<Self>) {
        let sleep = self.sleep.lock().unwrap().take();
        drop(sleep);
        self.wakes.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn fault_39_a_sleep_may_be_dropped_by_its_own_waker() {
    test(|| {
        let runtime = multi_thread();
        let _entered = runtime.enter();
        for _ in 0..50 {
            let waker = Arc::new(DropsItsSleep::default());
            let mut slot = waker.sleep.lock().unwrap();
            let asleep = slot.insert(Box::pin(sleep(Duration::from_micros(300))));
            let pending = asleep.as_mut().poll(&mut Context::from_waker(&waker.clone().into())).is_pending();
            drop(slot);
            eventually(|| !pending || waker.wakes.load(Ordering::Relaxed) == 1);
            waker.sleep.lock().unwrap().take();
            eventually(|| Arc::strong_count(&waker) == 1);
        }
    });
}

#[test]
fn fault_39_dropping_while_it_fires_wakes_at_most_once() {
    test(|| {
        let runtime = multi_thread();
        let _entered = runtime.enter();
        for n in 0..300 {
            let waker = CountingWaker::new();
            let mut asleep = Box::pin(sleep(Duration::from_micros(70)));
            let _ = asleep.as_mut().poll(&mut Context::from_waker(&waker.waker()));
            while n % 3 == 0 && waker.wakes() == 0 && poll_once(asleep.as_mut()).is_pending() {
                std::thread::yield_now();
            }
            drop(asleep);
            eventually(|| Arc::strong_count(&waker) == 1);
            assert!(waker.wakes() <= 1);
        }
    });
}

#[test]
fn fault_40_a_reset_to_earlier_while_everything_sleeps_fires_on_time() {
    test(|| {
        let runtime = multi_thread();
        let _entered = runtime.enter();
        for _ in 0..20 {
            let waker = CountingWaker::new();
            let mut asleep = pin!(sleep(HOUR));
            assert!(asleep.as_mut().poll(&mut Context::from_waker(&waker.waker())).is_pending());
            // Not to wait for anything: the poller mostly sleeps for the hour by then, and must do as well if it does not yet.
            std::thread::sleep(MS);
            asleep.as_mut().reset(Instant::now() + MS);
            eventually(|| waker.wakes() == 1);
        }
    });
}

#[test]
fn fault_40_a_timer_armed_from_outside_ends_a_long_sleep() {
    test(|| {
        let runtime = multi_thread();
        let long = runtime.spawn(sleep_in(&runtime, HOUR));
        for _ in 0..20 {
            // Not to wait for anything: the poller mostly sleeps for the hour by then, and must do as well if it does not yet.
            std::thread::sleep(MS);
            runtime.block_on(sleep_in(&runtime, MS));
        }
        long.abort();
    });
}

fn sleep_in(runtime: &freewheel::runtime::Runtime, duration: Duration) -> Sleep {
    let _entered = runtime.enter();
    sleep(duration)
}

#[test]
fn fault_41_a_hundred_thousand_sleepers_all_wake_and_none_early() {
    in_both(|| async {
        let begin = Instant::now();
        let tasks: Vec<_> = (0..100_000u32)
            .map(|n| {
                let deadline = begin + Duration::from_micros(u64::from(n.wrapping_mul(2_654_435_761) % 400_000));
                freewheel::spawn(async move {
                    sleep_until(deadline).await;
                    assert!(Instant::now() >= deadline, "early");
                })
            })
            .collect();
        for task in tasks {
            task.await.expect("a sleeper");
        }
    });
}

/// A process that is stopped for a second, and goes on: neither a panic, nor more ticks than the policy allows.
#[test]
fn fault_42_a_stopped_process_goes_on_as_the_policy_says() {
    in_child("faults::fault_42_a_stopped_process_goes_on_as_the_policy_says", || {
        multi_thread().block_on(async {
            let period = 50 * MS;
            let mut skipping = interval(period);
            skipping.set_missed_tick_behavior(MissedTickBehavior::Skip);
            let first = skipping.tick().await;
            let asleep = freewheel::spawn(sleep(10 * MS));
            let mut waker = Command::new("sh")
                .args(["-c", &format!("while sleep 1; do kill -CONT {}; done", std::process::id())])
                .spawn()
                .expect("a shell");
            // SAFETY: sends a signal to this process, whose default is to stop it.
            assert_eq!(unsafe { libc::raise(libc::SIGSTOP) }, 0);
            let missed = skipping.tick().await;
            let next = skipping.tick().await;
            assert_eq!(missed - first, period);
            assert!(next - first >= Duration::from_millis(900), "{:?}", next - first);
            assert_eq!((next - first).as_nanos() % period.as_nanos(), 0);
            asleep.await.expect("the sleeper");
            waker.kill().and_then(|()| waker.wait()).expect("the shell's end");
        });
    })
    .assert_ok();
}

#[test]
fn fault_43_a_storm_of_timers_that_never_fire_leaves_memory_flat() {
    in_child("faults::fault_43_a_storm_of_timers_that_never_fire_leaves_memory_flat", || {
        let runtime = multi_thread();
        let _entered = runtime.enter();
        let storm = |count: usize| {
            for n in 0..count {
                let mut asleep = pin!(sleep(HOUR + Duration::from_micros(n as u64)));
                assert!(poll_once(asleep.as_mut()).is_pending());
            }
        };
        let all_at_once = || {
            let mut asleep: Vec<_> = (0..100_000).map(|_| Box::pin(sleep(HOUR))).collect();
            assert!(asleep.iter_mut().all(|asleep| poll_once(asleep.as_mut()).is_pending()));
        };
        storm(100_000);
        all_at_once();
        let before = resident_kilobytes();
        storm(1_000_000);
        (0..5).for_each(|_| all_at_once());
        let after = resident_kilobytes();
        assert!(after < before + 16 * 1024, "{before} kB, then {after} kB");
    })
    .assert_ok();
}
