//! `timeout`, `timeout_at` and `Timeout`.

use std::future::{pending, ready};

use freewheel::time::{Duration, Instant, sleep, timeout, timeout_at};

use crate::support::DropCounter;
use crate::{HOUR, MS, in_both};

#[test]
fn what_ends_in_time_gives_its_value() {
    in_both(|| async {
        assert_eq!(timeout(HOUR, ready(1)).await, Ok(1));
        let slow = async {
            sleep(2 * MS).await;
            2
        };
        assert_eq!(timeout(HOUR, slow).await, Ok(2));
        assert_eq!(timeout_at(Instant::now() + HOUR, ready(3)).await, Ok(3));
    });
}

#[test]
fn what_takes_longer_gives_elapsed_and_not_early() {
    in_both(|| async {
        let begin = Instant::now();
        assert!(timeout(3 * MS, pending::<()>()).await.is_err());
        assert!(begin.elapsed() >= 3 * MS);
        let deadline = Instant::now() + 3 * MS;
        assert!(timeout_at(deadline, pending::<()>()).await.is_err());
        assert!(Instant::now() >= deadline);
    });
}

#[test]
fn the_future_is_polled_before_the_clock() {
    in_both(|| async {
        assert_eq!(timeout(Duration::ZERO, ready(1)).await, Ok(1));
        assert!(timeout(Duration::ZERO, pending::<()>()).await.is_err());
        let past = Instant::now();
        sleep(2 * MS).await;
        assert_eq!(timeout_at(past, ready(1)).await, Ok(1));
        assert!(timeout_at(past, pending::<()>()).await.is_err());
    });
}

#[test]
fn the_future_is_dropped_with_its_timeout() {
    in_both(|| async {
        let drops = DropCounter::new();
        let token = drops.token();
        let limited = timeout(MS, async move {
            let _token = token;
            pending::<()>().await;
        });
        assert!(limited.await.is_err());
        drops.assert_all_dropped(1);
    });
}

#[test]
fn the_future_is_in_reach() {
    in_both(|| async {
        let mut limited = timeout(HOUR, ready(1));
        let _: &std::future::Ready<i32> = limited.get_ref();
        *limited.get_mut() = ready(2);
        assert_eq!(limited.into_inner().await, 2);
    });
}

#[test]
fn a_future_that_eats_up_the_budget_does_not_escape_its_limit() {
    in_both(|| async {
        let greedy = async {
            loop {
                freewheel::task::coop::consume_budget().await;
            }
        };
        assert!(freewheel::spawn(timeout(5 * MS, greedy)).await.expect("the task").is_err());
    });
}

#[test]
fn nested_timeouts_end_by_the_shorter() {
    in_both(|| async {
        assert!(timeout(HOUR, timeout(2 * MS, pending::<()>())).await.expect("the outer has time").is_err());
        assert!(timeout(2 * MS, timeout(HOUR, pending::<()>())).await.is_err());
    });
}

#[test]
fn elapsed_is_an_error_with_tokios_words() {
    in_both(|| async {
        let elapsed = timeout(MS, pending::<()>()).await.expect_err("time is up");
        assert_eq!(elapsed.to_string(), "deadline has elapsed");
        let error: &dyn std::error::Error = &elapsed;
        assert!(error.source().is_none());
        assert_eq!(std::io::Error::from(elapsed).kind(), std::io::ErrorKind::TimedOut);
    });
}
