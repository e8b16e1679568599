//! A moment of the monotonic clock.

use std::fmt;
use std::ops::{Add, AddAssign, Sub, SubAssign};
use std::time::{self, Duration};

/// A moment of the monotonic clock: std's [`Instant`](time::Instant), with the same meaning.
///
/// It is a type of its own so that a runtime with a clock of its own (paused, or simulated) can stand behind it.
///
/// # Examples
///
/// ```
/// use freewheel::time::{Duration, Instant, sleep_until};
///
/// # freewheel::runtime::Runtime::new().unwrap().block_on(async {
/// let begin = Instant::now();
/// sleep_until(begin + Duration::from_millis(2)).await;
/// assert!(begin.elapsed() >= Duration::from_millis(2));
/// # });
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(time::Instant);

/// So far away that a program does not live to see it, where the clock's own range allows no more.
const AGES: Duration = Duration::from_secs(60 * 60 * 24 * 365 * 30);

impl Instant {
    /// This moment.
    #[must_use]
    pub fn now() -> Self {
        Self(time::Instant::now())
    }

    /// The same moment, from std's type.
    #[must_use]
    pub fn from_std(std: time::Instant) -> Self {
        Self(std)
    }

    /// The same moment, in std's type.
    #[must_use]
    pub fn into_std(self) -> time::Instant {
        self.0
    }

    /// How long after `earlier` this is; zero if it is not after it.
    #[must_use]
    pub fn duration_since(&self, earlier: Self) -> Duration {
        self.0.saturating_duration_since(earlier.0)
    }

    /// How long after `earlier` this is; `None` if it is before it.
    #[must_use]
    pub fn checked_duration_since(&self, earlier: Self) -> Option<Duration> {
        self.0.checked_duration_since(earlier.0)
    }

    /// How long after `earlier` this is; zero if it is not after it.
    #[must_use]
    pub fn saturating_duration_since(&self, earlier: Self) -> Duration {
        self.0.saturating_duration_since(earlier.0)
    }

    /// How long ago this was; zero if it is yet to come.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        Self::now().saturating_duration_since(*self)
    }

    /// This moment and `duration`; `None` if that is beyond the clock's range.
    #[must_use]
    pub fn checked_add(&self, duration: Duration) -> Option<Self> {
        self.0.checked_add(duration).map(Self)
    }

    /// This moment less `duration`; `None` if that is beyond the clock's range.
    #[must_use]
    pub fn checked_sub(&self, duration: Duration) -> Option<Self> {
        self.0.checked_sub(duration).map(Self)
    }

    /// This moment and `duration`, or, where the clock's range ends before that, a moment that never comes.
    pub(super) fn after(self, duration: Duration) -> Self {
        // The runtime's clock counts 584 years and takes all beyond for never; if std's has no such moment, then the
        // latest one within reach.
        let moments = [duration, Duration::from_nanos(u64::MAX), AGES];
        moments.iter().find_map(|&duration| self.checked_add(duration)).unwrap_or(self)
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    /// # Panics
    /// If the sum is beyond the clock's range; see [`Instant::checked_add`].
    fn add(self, duration: Duration) -> Self {
        Self(self.0 + duration)
    }
}

impl AddAssign<Duration> for Instant {
    fn add_assign(&mut self, duration: Duration) {
        *self = *self + duration;
    }
}

impl Sub for Instant {
    type Output = Duration;

    /// How long after `earlier` this is; zero if it is not after it.
    fn sub(self, earlier: Self) -> Duration {
        self.0.saturating_duration_since(earlier.0)
    }
}

impl Sub<Duration> for Instant {
    type Output = Self;

    /// # Panics
    /// If the difference is beyond the clock's range; see [`Instant::checked_sub`].
    fn sub(self, duration: Duration) -> Self {
        Self(self.0 - duration)
    }
}

impl SubAssign<Duration> for Instant {
    fn sub_assign(&mut self, duration: Duration) {
        *self = *self - duration;
    }
}

impl From<time::Instant> for Instant {
    fn from(std: time::Instant) -> Self {
        Self::from_std(std)
    }
}

impl From<Instant> for time::Instant {
    fn from(instant: Instant) -> Self {
        instant.into_std()
    }
}

impl fmt::Debug for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
