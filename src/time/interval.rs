//! A sequence of moments, one period apart.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use super::{Instant, Sleep, sleep_until};

/// A tick that comes by more than this late was missed; less is a busy thread's jitter.
const TOLERANCE: Duration = Duration::from_millis(5);

/// Ticks every `period`, the first time at once.
///
/// Other than with a [`sleep`](super::sleep) in a loop, the time between the ticks does not add to the period. What
/// becomes of ticks that were missed is up to [`MissedTickBehavior`]; by default they come in a burst.
///
/// # Panics
/// If `period` is zero. Outside a runtime.
///
/// # Examples
///
/// ```
/// use freewheel::time::{Duration, interval};
///
/// # freewheel::runtime::Runtime::new().unwrap().block_on(async {
/// let mut interval = interval(Duration::from_millis(2));
/// let first = interval.tick().await; // at once
/// let second = interval.tick().await; // 2 ms later
/// assert_eq!(second - first, Duration::from_millis(2));
/// # });
/// ```
#[track_caller]
pub fn interval(period: Duration) -> Interval {
    interval_at(Instant::now(), period)
}

/// Ticks every `period`, the first time at `start`.
///
/// # Panics
/// If `period` is zero. Outside a runtime.
///
/// # Examples
///
/// ```
/// use freewheel::time::{Duration, Instant, interval_at};
///
/// # freewheel::runtime::Runtime::new().unwrap().block_on(async {
/// let start = Instant::now() + Duration::from_millis(2);
/// let mut interval = interval_at(start, Duration::from_secs(60));
/// assert_eq!(interval.tick().await, start);
/// # });
/// ```
#[track_caller]
pub fn interval_at(start: Instant, period: Duration) -> Interval {
    assert!(!period.is_zero(), "`period` must be non-zero.");
    Interval { delay: sleep_until(start), period, missed: MissedTickBehavior::Burst }
}

/// What an [`Interval`] does about ticks it has missed: those that came by more than 5 ms late.
///
/// In the pictures the period is one cell, and somebody is busy over the third and fourth tick.
///
/// # Examples
///
/// ```
/// use freewheel::time::{Duration, MissedTickBehavior, interval};
///
/// # freewheel::runtime::Runtime::new().unwrap().block_on(async {
/// let mut interval = interval(Duration::from_secs(1));
/// interval.set_missed_tick_behavior(MissedTickBehavior::Skip);
/// interval.tick().await;
/// # });
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MissedTickBehavior {
    /// Makes up for them, one right after the other, until it is on time again. The default.
    ///
    /// ```text
    /// due     1    2    3    4    5    6    7
    /// ticks   1    2    ········34 5    6    7
    /// ```
    #[default]
    Burst,
    /// Goes on from the late tick, one period apart: all later ticks are shifted.
    ///
    /// ```text
    /// due     1    2    3    4    5    6    7
    /// ticks   1    2    ········3    4    5
    /// ```
    Delay,
    /// Leaves them out, and goes on with the next one that is due in the original rhythm.
    ///
    /// ```text
    /// due     1    2    3    4    5    6    7
    /// ticks   1    2    ········3 5    6    7
    /// ```
    Skip,
}

impl MissedTickBehavior {
    /// The tick after the one that was due at `due`, missed, and came at `now`.
    fn after_missed(self, due: Instant, now: Instant, period: Duration) -> Instant {
        match self {
            Self::Burst => due.after(period),
            Self::Delay => now.after(period),
            Self::Skip => {
                let into_period = (now - due).as_nanos() % period.as_nanos();
                // Less than a period, and than the time since `due`: it fits.
                let into_period = Duration::from_nanos(u64::try_from(into_period).unwrap_or(u64::MAX));
                now.after(period - into_period)
            }
        }
    }
}

/// Ticks at a fixed period. Made by [`interval`] and [`interval_at`].
///
/// Dropping it ends it.
#[derive(Debug)]
pub struct Interval {
    /// Until the next tick.
    delay: Sleep,
    period: Duration,
    missed: MissedTickBehavior,
}

impl Interval {
    /// Waits for the next tick. Returns the moment it was due.
    ///
    /// # Cancel safety
    /// Cancel safe: if it is dropped before it is ready, no tick is lost.
    ///
    /// # Examples
    ///
    /// ```
    /// use freewheel::time::{Duration, interval};
    ///
    /// # freewheel::runtime::Runtime::new().unwrap().block_on(async {
    /// let mut interval = interval(Duration::from_millis(1));
    /// for _ in 0..3 {
    ///     interval.tick().await;
    /// }
    /// # });
    /// ```
    pub async fn tick(&mut self) -> Instant {
        poll_fn(|cx| self.poll_tick(cx)).await
    }

    /// Polls for the next tick. Only the task that polled last is woken.
    pub fn poll_tick(&mut self, cx: &mut Context<'_>) -> Poll<Instant> {
        ready!(Pin::new(&mut self.delay).poll(cx));
        let (due, now) = (self.delay.deadline(), Instant::now());
        let next = if now - due > TOLERANCE {
            self.missed.after_missed(due, now, self.period)
        } else {
            due.after(self.period)
        };
        if next > now {
            self.delay.set_ahead(next);
        } else {
            Pin::new(&mut self.delay).reset(next);
        }
        Poll::Ready(due)
    }

    /// Makes the next tick come one period from now.
    ///
    /// # Examples
    ///
    /// ```
    /// use freewheel::time::{Duration, Instant, interval};
    ///
    /// # freewheel::runtime::Runtime::new().unwrap().block_on(async {
    /// let mut interval = interval(Duration::from_millis(2));
    /// interval.reset();
    /// let now = Instant::now();
    /// interval.tick().await; // not at once
    /// assert!(now.elapsed() >= Duration::from_millis(1));
    /// # });
    /// ```
    pub fn reset(&mut self) {
        self.reset_at(Instant::now().after(self.period));
    }

    /// Makes the next tick come at once, and the others one period apart from it.
    pub fn reset_immediately(&mut self) {
        self.reset_at(Instant::now());
    }

    /// Makes the next tick come `after` from now, and the others one period apart from it.
    pub fn reset_after(&mut self, after: Duration) {
        self.reset_at(Instant::now().after(after));
    }

    /// Makes the next tick come at `deadline`, and the others one period apart from it.
    pub fn reset_at(&mut self, deadline: Instant) {
        Pin::new(&mut self.delay).reset(deadline);
    }

    /// What it does about missed ticks.
    #[must_use]
    pub fn missed_tick_behavior(&self) -> MissedTickBehavior {
        self.missed
    }

    /// Sets what it does about missed ticks.
    pub fn set_missed_tick_behavior(&mut self, behavior: MissedTickBehavior) {
        self.missed = behavior;
    }

    /// The time between two ticks.
    #[must_use]
    pub fn period(&self) -> Duration {
        self.period
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// Ticks every second; due at 0, come by after 2.25 s.
    fn after_missed(behavior: MissedTickBehavior, late: Duration) -> Duration {
        let due = Instant::now();
        behavior.after_missed(due, due + late, SECOND) - due
    }

    #[test]
    fn fault_42_missed_ticks_follow_the_policy() {
        let late = Duration::from_millis(2250);
        assert_eq!(after_missed(MissedTickBehavior::Burst, late), SECOND);
        assert_eq!(after_missed(MissedTickBehavior::Delay, late), late + SECOND);
        assert_eq!(after_missed(MissedTickBehavior::Skip, late), 3 * SECOND);
    }

    #[test]
    fn skipping_from_exactly_on_time_waits_a_whole_period() {
        assert_eq!(after_missed(MissedTickBehavior::Skip, 2 * SECOND), 3 * SECOND);
    }
}
