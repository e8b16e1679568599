//! The one door to the clock: monotonic nanoseconds since the clock was made.
//!
//! Every other file asks a [`Clock`] for the time, so that a paused or simulated clock can later stand in its place. The
//! timer wheel never asks at all: it is told.

use std::time::{Duration, Instant};

/// A monotonic clock with an origin of its own.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    origin: Instant,
}

/// Nanoseconds since a clock's origin; `u64::MAX` means never.
pub(crate) type Nanos = u64;

/// A millisecond.
pub(crate) const MILLISECOND: Nanos = 1_000_000;

/// A deadline that never comes.
pub(crate) const NEVER: Nanos = u64::MAX;

impl Clock {
    pub(crate) fn new() -> Self {
        Self { origin: Instant::now() }
    }

    /// Now, in nanoseconds since the origin.
    #[inline]
    pub(crate) fn now(&self) -> Nanos {
        nanos(self.origin.elapsed())
    }

    /// Where `instant` lies on this clock: zero before the origin, [`NEVER`] when too far (some 584 years).
    #[inline]
    pub(crate) fn at(&self, instant: Instant) -> Nanos {
        nanos(instant.saturating_duration_since(self.origin))
    }
}

/// A duration as nanoseconds, saturating at [`NEVER`].
#[inline]
pub(crate) fn nanos(duration: Duration) -> Nanos {
    duration
        .as_secs()
        .checked_mul(1_000_000_000)
        .map_or(NEVER, |s| s.saturating_add(u64::from(duration.subsec_nanos())))
}
