//! Whether the process ran while its watch did not: told by what it used of the cores meanwhile.
//!
//! A tick comes late too if the watch's own thread alone is held: by a handler of the program's signals, by the disk under a page
//! of its own, by a limit on memory. The others run on, and then the process did not stand still. The system adds up what all threads
//! have used; asking costs more the more there are, so one asks when a rest begins, but spends no more than a thousandth of the time.

use crate::primitives::clock::{Clock, MILLISECOND, Nanos};
use crate::primitives::thread::process_cpu_time;

/// One asks again after so many times what the last question took.
const SPARING: Nanos = 1000;

/// And at the latest after this: that one may have been put aside in the midst of the question.
const LATEST: Nanos = 64 * MILLISECOND;

/// What a process uses that is stopped: before it is and when it goes on.
const LEAST: Nanos = 5 * MILLISECOND;

/// What the system learns late of each thread that runs: it looks at them so often itself.
const UNCOUNTED: Nanos = 10 * MILLISECOND;

#[derive(Debug)]
pub(super) struct Pulse {
    ask: fn() -> Option<Nanos>,
    /// The last answer, and when it was given.
    last: Option<(Nanos, Nanos)>,
    next: Nanos,
}

/// What the process did while the watch's thread got nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meanwhile {
    /// It ran.
    Ran,
    /// Nothing, as far as that shows.
    Rested,
    /// The system does not say, or not of this time alone.
    Unknown,
}

impl Pulse {
    pub(super) fn new() -> Self {
        Self::asking(process_cpu_time)
    }

    /// One that asks this.
    pub(super) fn asking(ask: fn() -> Option<Nanos>) -> Self {
        Self { ask, last: None, next: 0 }
    }

    /// A rest begins at `now`.
    pub(super) fn feel(&mut self, now: Nanos, clock: &Clock) {
        if now < self.next {
            return;
        }
        self.last = (self.ask)().map(|used| (now, used));
        let taken = clock.now().saturating_sub(now);
        self.next = now + taken.saturating_mul(SPARING).min(LATEST);
    }

    /// What it did since `last`, the last tick, with so many workers in a poll then.
    pub(super) fn since(&self, last: Nanos, running: usize) -> Meanwhile {
        let (Some((asked, before)), Some(now)) = (self.last, (self.ask)()) else { return Meanwhile::Unknown };
        let allowed = LEAST + UNCOUNTED * running as Nanos;
        match now.saturating_sub(before) <= allowed {
            // Nor in the time before that, if the answer is older.
            true => Meanwhile::Rested,
            false if asked >= last => Meanwhile::Ran,
            false => Meanwhile::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    thread_local!(static USED: Cell<Option<Nanos>> = const { Cell::new(None) });

    #[test]
    fn a_process_that_used_the_cores_since_the_rest_began_ran() {
        let clock = Clock::new();
        let mut pulse = Pulse::asking(|| USED.get());
        assert_eq!(pulse.since(0, 0), Meanwhile::Unknown);
        USED.set(Some(7 * MILLISECOND));
        let now = clock.now();
        pulse.feel(now, &clock);
        assert!((now..=now + LATEST).contains(&pulse.next));
        let used = |more: Nanos, last: Nanos, running: usize| {
            USED.set(Some(7 * MILLISECOND + more));
            pulse.since(last, running)
        };
        assert_eq!(used(LEAST, now, 0), Meanwhile::Rested);
        assert_eq!(used(LEAST + 1, now, 0), Meanwhile::Ran);
        assert_eq!(used(LEAST + 1, now, 1), Meanwhile::Rested);
        assert_eq!(used(400 * MILLISECOND, now, 2), Meanwhile::Ran);
        // Of that time some lies before the last tick.
        assert_eq!(used(400 * MILLISECOND, now + 1, 2), Meanwhile::Unknown);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_process_that_computes_is_seen_to() {
        let clock = Clock::new();
        let mut pulse = Pulse::new();
        pulse.feel(clock.now(), &clock);
        while pulse.since(0, 0) != Meanwhile::Ran {
            std::hint::spin_loop();
        }
    }
}
