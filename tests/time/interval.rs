//! `interval`, `interval_at`, `Interval` and `MissedTickBehavior`.

use std::pin::pin;

use freewheel::time::{Duration, Instant, MissedTickBehavior, interval, interval_at, sleep, timeout};

use crate::support::poll_once;
use crate::{HOUR, MS, in_both};

/// Long enough that a busy machine's jitter, below this, does not make a tick count as missed twice.
const PERIOD: Duration = Duration::from_millis(20);

#[test]
fn the_first_tick_comes_at_once_and_the_others_a_period_apart() {
    in_both(|| async {
        let mut interval = interval(2 * MS);
        let first = interval.tick().await;
        for n in 1..5 {
            let due = interval.tick().await;
            assert_eq!(due - first, n * 2 * MS);
            assert!(Instant::now() >= due, "early");
        }
        assert_eq!(interval.period(), 2 * MS);
        assert_eq!(interval.missed_tick_behavior(), MissedTickBehavior::Burst);
    });
}

#[test]
fn an_interval_begins_when_it_is_told() {
    in_both(|| async {
        assert!(poll_once(pin!(interval_at(Instant::now() + HOUR, MS).tick())).is_pending());
        let start = Instant::now() + 5 * MS;
        let mut interval = interval_at(start, HOUR);
        assert_eq!(interval.tick().await, start);
        assert!(Instant::now() >= start);
    });
}

#[test]
fn a_tick_that_is_dropped_is_not_lost() {
    in_both(|| async {
        let mut interval = interval(10 * MS);
        let first = interval.tick().await;
        for _ in 0..3 {
            let _ = timeout(MS, interval.tick()).await;
        }
        assert!(interval.tick().await - first <= 40 * MS);
    });
}

/// Lets more than two periods go by after the first tick. Returns when that was, and the interval.
async fn missed(behavior: MissedTickBehavior) -> (Instant, freewheel::time::Interval) {
    let mut interval = interval(PERIOD);
    interval.set_missed_tick_behavior(behavior);
    assert_eq!(interval.missed_tick_behavior(), behavior);
    let first = interval.tick().await;
    sleep(PERIOD * 5 / 2).await;
    (first, interval)
}

#[test]
fn burst_makes_up_for_missed_ticks() {
    in_both(|| async {
        let (first, mut interval) = missed(MissedTickBehavior::Burst).await;
        for n in 1..4 {
            assert_eq!(interval.tick().await - first, n * PERIOD);
        }
    });
}

#[test]
fn delay_goes_on_from_the_late_tick() {
    in_both(|| async {
        let (first, mut interval) = missed(MissedTickBehavior::Delay).await;
        let before = Instant::now();
        assert_eq!(interval.tick().await - first, PERIOD);
        let after = Instant::now();
        let next = interval.tick().await;
        assert!(next >= before + PERIOD && next <= after + PERIOD);
    });
}

#[test]
fn skip_goes_on_in_the_old_rhythm() {
    in_both(|| async {
        let (first, mut interval) = missed(MissedTickBehavior::Skip).await;
        assert_eq!(interval.tick().await - first, PERIOD);
        let next = interval.tick().await - first;
        assert!(next >= 3 * PERIOD, "a missed tick was made up for");
        assert_eq!(next.as_nanos() % PERIOD.as_nanos(), 0, "the rhythm is lost");
    });
}

#[test]
fn resets_move_the_next_tick() {
    in_both(|| async {
        let mut interval = interval(HOUR);
        interval.tick().await;
        interval.reset_immediately();
        let now = interval.tick().await;
        interval.reset_after(2 * MS);
        assert!(interval.tick().await >= now + 2 * MS);
        let at = Instant::now() + MS;
        interval.reset_at(at);
        assert_eq!(interval.tick().await, at);
        interval.reset();
        assert!(poll_once(pin!(interval.tick())).is_pending());
        interval.reset_immediately();
        interval.tick().await;
    });
}

#[test]
fn an_interval_ticks_from_a_spawned_task() {
    in_both(|| async {
        let ticker = freewheel::spawn(async {
            let mut interval = interval(MS);
            for _ in 0..10 {
                interval.tick().await;
            }
        });
        ticker.await.expect("the ticker");
    });
}
