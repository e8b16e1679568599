//! Whether the machine is crowded, so that a thread that is woken finds no core: told by how late the watch's own ticks come.
//!
//! With a core idle a tick is late by what a timer and a wake-up take; with none it waits for its turn, for it wakes up without
//! preempting anybody (`runtime/courtesy.rs`). One late tick says little; of a crowded machine, a quarter of them and more are late.

use crate::primitives::atomic::{AtomicU32, Ordering};
use crate::primitives::clock::{MILLISECOND, Nanos};

/// A tick that comes later than this waited for a core.
const LATE: Nanos = MILLISECOND / 5;

/// What a late tick adds; one in time takes off 1. So the score rises if more than one tick in nine is late.
const WEIGHT: u32 = 8;

/// From which score on it is crowded, and the most there is: so it falls after a few dozen ticks in time.
const CROWDED: u32 = 16;
const MOST: u32 = 64;

#[derive(Debug)]
pub(crate) struct Crowd {
    /// Relaxed throughout: advice, written by the watch alone.
    score: AtomicU32,
}

impl Crowd {
    pub(crate) fn new() -> Self {
        Self { score: AtomicU32::new(0) }
    }

    /// A tick of the watch came so late.
    pub(crate) fn ticked(&self, late: Nanos) {
        let score = self.score.load(Ordering::Relaxed);
        let next = if late > LATE { (score + WEIGHT).min(MOST) } else { score.saturating_sub(1) };
        if next != score {
            self.score.store(next, Ordering::Relaxed);
        }
    }

    /// Whether a thread that is woken is likely to wait for a core, or to take it from another of ours.
    pub(crate) fn is_crowded(&self) -> bool {
        self.score.load(Ordering::Relaxed) >= CROWDED
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether it is crowded after 10,000 ticks, of which each so-and-so-manieth is late.
    fn crowded(each: usize) -> bool {
        let crowd = Crowd::new();
        (0..10_000).for_each(|tick| crowd.ticked(if tick % each == 0 { LATE + 1 } else { LATE }));
        crowd.is_crowded()
    }

    #[test]
    fn it_is_crowded_if_many_ticks_are_late_and_no_longer_once_they_are_not() {
        assert!(crowded(1) && crowded(4));
        assert!(!crowded(20) && !crowded(10_001));
        let crowd = Crowd::new();
        (0..1000).for_each(|_| crowd.ticked(Nanos::MAX));
        (0..MOST).for_each(|_| crowd.ticked(0));
        assert!(!crowd.is_crowded());
    }
}
