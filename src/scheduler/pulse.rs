//! Whether the process ran while its watch did not: told by what it used of the cores meanwhile.
//!
//! A tick comes late too if the watch's own thread alone is held: by a handler of the program's signals, by the disk under a page
//! of its own, by a limit on memory. The others run on, and then the process did not stand still. The system adds up what all threads
//! have used; one that is stopped used what its threads did until then, and nothing after. Asking costs more the more there are, so one
//! asks when a rest begins, but spends no more than a thousandth of the time.

use crate::primitives::clock::{Clock, MILLISECOND, Nanos};
use crate::primitives::thread::{cores, process_cpu_time};

/// One asks again after so many times what the last question took.
const SPARING: Nanos = 1000;

/// And at the latest after this: that one may have been put aside in the midst of the question.
const LATEST: Nanos = 64 * MILLISECOND;

/// What a process uses that is stopped: before it is and when it goes on.
const LEAST: Nanos = 5 * MILLISECOND;

/// What the system learns late of each thread that runs: it looks at them so often itself.
const UNCOUNTED: Nanos = 10 * MILLISECOND;

/// A process that ran used at least such a part of the time by which the tick came late.
const SHARE: Nanos = 10;

#[derive(Debug)]
pub(super) struct Pulse {
    ask: fn() -> Option<Nanos>,
    cores: fn() -> usize,
    /// The last answer, and when it was given; the one from which on the load is taken.
    last: Option<(Nanos, Nanos)>,
    first: Option<(Nanos, Nanos)>,
    next: Nanos,
    /// How many cores the process kept busy of late, rounded up: with workers and with all that runs beside them.
    busy: usize,
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
        Self::asking(process_cpu_time, cores)
    }

    /// One that asks this, and how many cores there are.
    pub(super) fn asking(ask: fn() -> Option<Nanos>, cores: fn() -> usize) -> Self {
        Self { ask, cores, last: None, first: None, next: 0, busy: 0 }
    }

    /// A rest begins at `now`.
    pub(super) fn feel(&mut self, now: Nanos, clock: &Clock) {
        if now < self.next {
            return;
        }
        self.last = (self.ask)().map(|used| (now, used));
        self.weigh();
        let taken = clock.now().saturating_sub(now);
        self.next = now + taken.saturating_mul(SPARING).min(LATEST);
    }

    /// After an answer: the load, once as much time has passed as makes up for what the system learns late.
    fn weigh(&mut self) {
        let (Some((now, used)), Some((at, before))) = (self.last, self.first.or(self.last)) else { return };
        if now - at >= LATEST {
            self.busy = used.saturating_sub(before).div_ceil(now - at) as usize;
        }
        if self.first.is_none() || now - at >= LATEST {
            self.first = self.last;
        }
    }

    /// What it did while a tick that was due at `expected` came so `late`, with so many workers in a poll at the last one.
    pub(super) fn since(&self, expected: Nanos, late: Nanos, running: usize) -> Meanwhile {
        let (Some((asked, before)), Some(now)) = (self.last, (self.ask)()) else { return Meanwhile::Unknown };
        let (used, cores) = (now.saturating_sub(before), (self.cores)());
        // So much so many of its threads use by the time the tick is due, and stop then.
        let stopped =
            |threads: usize| LEAST + (UNCOUNTED + expected.saturating_sub(asked)) * threads.min(cores) as Nanos;
        if used <= stopped(running.max(self.busy)) {
            return Meanwhile::Rested;
        }
        // Others may have begun to compute just before, on every core.
        if used > stopped(cores) && used >= late / SHARE { Meanwhile::Ran } else { Meanwhile::Unknown }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    const TICK: Nanos = MILLISECOND;

    thread_local!(static USED: Cell<Option<Nanos>> = const { Cell::new(None) });

    fn uses(more: Nanos) {
        USED.set(Some(USED.get().unwrap_or(0) + more));
    }

    /// Of two cores; it asks at `now`.
    fn pulse_at(now: Nanos, clock: &Clock) -> Pulse {
        let mut pulse = Pulse::asking(|| USED.get(), || 2);
        uses(7 * MILLISECOND);
        pulse.feel(now, clock);
        pulse
    }

    #[test]
    fn a_process_that_used_the_cores_since_the_rest_began_ran() {
        let clock = Clock::new();
        assert_eq!(Pulse::asking(|| USED.get(), || 2).since(0, 0, 0), Meanwhile::Unknown);
        let now = clock.now();
        let pulse = pulse_at(now, &clock);
        assert!((now..=now + LATEST).contains(&pulse.next));
        let mut all = 0;
        let mut used = |sum: Nanos, late: Nanos, running: usize| {
            uses(sum - std::mem::replace(&mut all, sum));
            pulse.since(now + TICK, late, running)
        };
        let each = UNCOUNTED + TICK;
        assert_eq!(used(LEAST, 100 * TICK, 0), Meanwhile::Rested);
        assert_eq!(used(LEAST + 1, 100 * TICK, 0), Meanwhile::Unknown);
        assert_eq!(used(LEAST + each, 100 * TICK, 1), Meanwhile::Rested);
        assert_eq!(used(LEAST + 2 * each, 100 * TICK, 9), Meanwhile::Rested);
        assert_eq!(used(LEAST + 2 * each + 1, 100 * TICK, 0), Meanwhile::Ran);
        assert_eq!(used(LEAST + 2 * each + 1, 100 * TICK, 9), Meanwhile::Ran);
        assert_eq!(used(400 * TICK, 4000 * TICK, 2), Meanwhile::Ran);
        // On all cores for a moment, and then nothing for long.
        assert_eq!(used(400 * TICK, 4001 * TICK * SHARE, 2), Meanwhile::Unknown);
    }

    #[test]
    fn what_others_than_workers_use_before_a_stop_does_not_hide_it() {
        let clock = Clock::new();
        let now = clock.now();
        let mut pulse = pulse_at(now, &clock);
        // The answer may be older than the last tick.
        uses(2 * LATEST - 1);
        pulse.feel(now + LATEST, &clock);
        assert_eq!(pulse.busy, 2);
        uses(LEAST + 2 * (UNCOUNTED + 30 * TICK));
        assert_eq!(pulse.since(now + LATEST + 30 * TICK, 600 * TICK, 0), Meanwhile::Rested);
        uses(1);
        assert_eq!(pulse.since(now + LATEST + 30 * TICK, 600 * TICK, 0), Meanwhile::Ran);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_process_that_computes_is_seen_to() {
        let clock = Clock::new();
        let mut pulse = Pulse::asking(process_cpu_time, || 1);
        let now = clock.now();
        pulse.feel(now, &clock);
        while pulse.since(now, 0, 0) != Meanwhile::Ran {
            std::hint::spin_loop();
        }
        assert!(cores() > 0);
    }
}
