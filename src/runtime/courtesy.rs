//! When the reactor thread takes a core for its tick, and when it waits until one falls free.
//!
//! **Decision.** While its ticks find that nobody needed them it renounces wakeup preemption: with a core idle it runs at once all
//! the same; with none it waits until a thread goes to sleep, or for the system's own tick, a few milliseconds at most. A tick
//! that came late for that reason, and was needed, puts an end to it: then the thread insists, until its ticks have not been needed
//! for a while.
//!
//! A tick is needed if it moved a permit. So are several in a row that found a poll that computes, or that nobody had polled the reactor
//! since the last; one alone may be due to a worker that was itself put aside. A server that is busy with short polls looks at the
//! reactor by itself, and its threads go to sleep all the time, so a tick waits for some 100 µs there, and for longer only where that
//! does no harm.
//!
//! **Because.** Where client and server share all cores, a thousand times a second a thread in the midst of a batch had to make way
//! for a tick that found nothing. Medians of each round's ratio to no courtesy (two cores, virtual, Xeon 2.5 GHz, 2 workers, 6 to 8
//! rounds, November 2026); *always* is a switch of one program, *as it is* was another build than what it is compared with, and two
//! builds of the same source differed by up to 4 %:
//!
//! | | requests/s: always | as it is | server CPU per request: always | as it is |
//! | --- | --- | --- | --- | --- |
//! | tcp echo 8 | 1.07 | 0.99 | 0.93 | 1.01 |
//! | tcp echo 64 | 1.11, 1.10 | 1.05 | 0.96, 0.95 | 0.98 |
//! | tcp echo 512 | 1.07 | 1.04 | 0.94 | 0.97 |
//! | http hello 64 | 1.04, 1.04 | 1.05 | 1.00, 1.00 | 0.95 |
//! | http hello 256 | 1.10 | 1.00 | 0.95 | 1.03 |
//!
//! **What it costs.** On a machine whose cores are all computing, the first stall after a calm time is found up to the
//! system's tick later (4 ms at 250 Hz). The next ones are not.
//!
//! **Rejected.** *To insist after any tick that came late*: one in ten did under echo 64, none of them needed. *To take one long
//! poll, or one tick without a poll of the reactor, for a need*: a worker that is itself put aside looks like that, and the thread
//! insisted all the time. *Longer ticks*: a stall would be found later on every machine, not on crowded ones alone.

use crate::primitives::clock::Nanos;
use crate::primitives::preemption::Preemption;

/// For so many ticks it insists.
const INSISTS: Nanos = 1024;

/// So many ticks in a row that were all somewhat needed are as good as one that was.
const STREAK: u32 = 8;

/// What would have become of the others without a tick.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    Nothing,
    /// Nobody had polled the reactor, or somebody computes in a long poll. With cores too few that happens to anyone now and then.
    Some,
    /// Somebody would still be without a permit.
    Much,
}

pub(super) struct Courtesy {
    preemption: Preemption,
    tick: Nanos,
    /// How many ticks in a row have been needed.
    streak: u32,
    insists_until: Nanos,
}

impl Courtesy {
    /// Of the calling thread, whose ticks are so long.
    pub(super) fn new(tick: Nanos) -> Self {
        Self { preemption: Preemption::of_this_thread(), tick, streak: 0, insists_until: 0 }
    }

    /// After a tick at `now` that came so `late`.
    pub(super) fn ticked(&mut self, now: Nanos, late: Nanos, need: Need) {
        self.streak = if need == Need::Nothing { 0 } else { self.streak + 1 };
        let needed = need == Need::Much || self.streak >= STREAK;
        if needed && (late > self.tick / 2 || self.insists(now)) {
            self.insists_until = now + INSISTS * self.tick;
        }
        self.preemption.renounce(!self.insists(now));
    }

    fn insists(&self, now: Nanos) -> bool {
        now < self.insists_until
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::primitives::clock::MILLISECOND as TICK;

    /// Whether it insists after these ticks, each with its number, how late it came, and what for.
    fn insists(ticks: impl IntoIterator<Item = (Nanos, Nanos, Need)>) -> bool {
        let mut courtesy = Courtesy::new(TICK);
        let mut now = 0;
        for (number, late, need) in ticks {
            now = number * TICK;
            courtesy.ticked(now, late, need);
        }
        courtesy.insists(now)
    }

    #[test]
    fn a_late_tick_that_was_needed_makes_it_insist_until_none_has_been_for_long() {
        assert!(!insists([(1, 0, Need::Much)]), "in time, so nobody had to wait");
        assert!(!insists([(1, 9 * TICK, Need::Nothing), (2, 9 * TICK, Need::Some)]), "late, and nobody had waited");
        let late = (20, TICK, Need::Much);
        assert!(insists([late]));
        assert!(insists([late, (20 + INSISTS - 1, 0, Need::Nothing)]));
        assert!(!insists([late, (20 + INSISTS, 0, Need::Nothing)]));
        let again = (1000, 0, Need::Much);
        assert!(insists([late, again, (1000 + INSISTS - 1, 0, Need::Nothing)]), "in time because it insists");
    }

    #[test]
    fn what_happens_now_and_then_must_happen_in_a_row_to_count() {
        let streak = u64::from(STREAK);
        let ticks = |count: Nanos| (0..count).map(|number| (number, TICK, Need::Some));
        assert!(!insists(ticks(streak - 1)));
        assert!(insists(ticks(streak)));
        assert!(!insists(ticks(streak - 1).chain([(streak, TICK, Need::Nothing), (streak + 1, TICK, Need::Some)])));
    }
}
