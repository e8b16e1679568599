//! A clock that a model moves by hand. It starts at zero in every round.

use std::cell::Cell;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// A monotonic clock; all clocks of a model are one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock;

/// Nanoseconds since a clock's origin; `u64::MAX` means never.
pub(crate) type Nanos = u64;

/// A millisecond.
pub(crate) const MILLISECOND: Nanos = 1_000_000;

/// A deadline that never comes.
pub(crate) const NEVER: Nanos = u64::MAX;

std::thread_local! {
    /// Loom runs a model on one thread of the system. Reading the clock orders nothing, so loom need not see it.
    static NOW: Cell<Nanos> = const { Cell::new(0) };
}

/// Moves the clock on to `now`, never back.
pub(crate) fn advance_to(now: Nanos) {
    NOW.set(NOW.get().max(now));
}

pub(crate) fn reset() {
    NOW.set(0);
}

impl Clock {
    pub(crate) fn new() -> Self {
        Self
    }

    pub(crate) fn now(&self) -> Nanos {
        NOW.get()
    }

    pub(crate) fn at(&self, instant: Instant) -> Nanos {
        static ORIGIN: OnceLock<Instant> = OnceLock::new();
        nanos(instant.saturating_duration_since(*ORIGIN.get_or_init(Instant::now)))
    }
}

/// A duration as nanoseconds, saturating at [`NEVER`].
pub(crate) fn nanos(duration: Duration) -> Nanos {
    u64::try_from(duration.as_nanos()).unwrap_or(NEVER)
}
