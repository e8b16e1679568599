//! Whether the process was stopped, and for how long: by a signal, a debugger, a suspended machine. That time counts
//! for nobody.
//!
//! The one sign of it is that the watch's own tick comes late. But so it does when the machine is overloaded, and then
//! the time is real: what the system says the watch's thread has waited for a core is taken off. In the deep sleep no
//! tick is expected. There a stop shows as one rest more than the sleep itself, which a contended lock may be too; so
//! one asks further, see [`Stops::missed`].

use super::thread_state::Probe;
use crate::primitives::clock::{MILLISECOND, NEVER, Nanos};
use crate::primitives::thread::{native_id, rests};

/// By a tick that comes so much too late nobody is judged: the whole process may have been stopped.
pub(super) const LATE: Nanos = 5 * MILLISECOND;

/// By so much any tick may come late, and nobody asks why.
const IN_TIME: Nanos = MILLISECOND;

/// How old the last look at the watch's own account may become while its ticks come in time.
const REFRESH: Nanos = 64 * MILLISECOND;

#[derive(Debug)]
pub(super) struct Stops {
    /// When the next tick should come, and when the last did.
    expected: Nanos,
    last: Nanos,
    own: Option<Probe>,
    /// For how long the watch had waited for cores, and when that was asked.
    waited: Option<(Nanos, Nanos)>,
    /// How often the thread had rested before its deep sleep, and whether it did more than that in it.
    rested: Option<u64>,
    interrupted: bool,
    /// Nothing but the next tick was waited for, so what makes it late comes from outside.
    resting: bool,
    /// For how long the process stood still before the last tick, as far as that is certain.
    standstill: Nanos,
}

/// What a late tick means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Missed {
    /// By how much it is late.
    pub(super) late: Nanos,
    /// How much of the time since the last tick the process was stopped.
    pub(super) stopped: Nanos,
}

impl Stops {
    pub(super) fn new() -> Self {
        Self {
            expected: NEVER,
            last: 0,
            own: None,
            waited: None,
            rested: None,
            interrupted: false,
            resting: false,
            standstill: 0,
        }
    }

    /// A tick was at `now`, and the next should come after `length`.
    pub(super) fn expect(&mut self, now: Nanos, length: Nanos) {
        (self.expected, self.last) = (now + length, now);
    }

    /// From now on nothing is done but to wait for the next tick, which is not due yet.
    pub(super) fn rest(&mut self) {
        self.resting = true;
    }

    /// For how long the process stood still before the last tick; only what nothing else can explain: that the
    /// watch itself was at work, or waited for a core, or that the system does not say.
    pub(super) fn standstill(&self) -> Nanos {
        self.standstill
    }

    /// A deep sleep begins, at once after a tick; somebody is stuck meanwhile or not.
    pub(super) fn sleep(&mut self, stuck: bool) {
        self.expected = NEVER;
        self.rested = stuck.then(rests);
    }

    /// The deep sleep is over; the next tick is a usual one, after `length`.
    pub(super) fn wake(&mut self, now: Nanos, length: Nanos) {
        // The time was asked first: a stop in between is a rest too.
        self.interrupted = self.rested.take().is_some_and(|before| rests() > before + 1);
        self.expected = now + length;
    }

    /// What the time since the last tick means. `slept_on` tells whether a thread that is stuck did not stir in a
    /// deep sleep: then there was no stop, which makes everybody stir.
    pub(super) fn missed(&mut self, now: Nanos, slept_on: impl FnOnce() -> bool) -> Missed {
        let late = now.saturating_sub(self.expected);
        let rested = std::mem::take(&mut self.resting);
        self.standstill = 0;
        if std::mem::take(&mut self.interrupted) && !slept_on() {
            // Nobody knows for how long: rather too much than too little.
            return Missed { late, stopped: now - self.last };
        }
        let fresh = self.waited.is_some_and(|(at, _)| now - at < REFRESH);
        if late <= IN_TIME && fresh {
            return Missed { late, stopped: 0 };
        }
        let waited = self.own.get_or_insert_with(|| Probe::new(native_id())).look().map(|sight| (now, sight.waited));
        let starved = match (self.waited, waited) {
            (Some((_, before)), Some((_, after))) => Some(after.saturating_sub(before)),
            _ => None,
        };
        self.waited = waited;
        let stopped = if late > IN_TIME { late.saturating_sub(starved.unwrap_or(0)) } else { 0 };
        if rested && starved.is_some() {
            self.standstill = stopped;
        }
        Missed { late, stopped }
    }
}

impl Missed {
    /// Whether nobody is to be judged by this tick.
    pub(super) fn is_much(self) -> bool {
        self.stopped > LATE
    }

    /// By how much the tick came late while the process was not stopped, if that is worth a word.
    pub(super) fn starved(self) -> Nanos {
        if self.late > IN_TIME { self.late.saturating_sub(self.stopped) } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TICK: Nanos = MILLISECOND;

    #[test]
    fn a_tick_that_nothing_explains_means_a_stop() {
        let mut stops = Stops::new();
        assert_eq!(stops.missed(TICK, || true), Missed { late: 0, stopped: 0 });
        stops.expect(TICK, TICK);
        assert_eq!(stops.missed(2 * TICK, || true), Missed { late: 0, stopped: 0 });
        stops.expect(2 * TICK, TICK);
        // This thread has not waited for a core as long as that.
        let missed = stops.missed(1_000_000 * TICK, || true);
        assert!(missed.is_much() && missed.stopped > 900_000 * TICK);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_standstill_is_certain_only_if_the_watch_itself_had_nothing_to_do() {
        let mut stops = Stops::new();
        let mut late_tick = |after: Nanos, rests: bool| {
            stops.expect(after * TICK, TICK);
            if rests {
                stops.rest();
            }
            let stopped = stops.missed((after + 1000) * TICK, || true).stopped;
            (stopped > 900 * TICK, stops.standstill() == stopped)
        };
        // Nothing to compare the first look with.
        late_tick(1, false);
        assert_eq!(late_tick(2000, true), (true, true));
        assert_eq!(late_tick(4000, false), (true, false));
        // In the deep sleep nobody knows for how long.
        stops.expect(6000 * TICK, TICK);
        stops.sleep(false);
        stops.wake(9000 * TICK, TICK);
        stops.missed(9001 * TICK, || true);
        assert_eq!(stops.standstill(), 0);
    }

    #[test]
    fn a_disturbed_deep_sleep_is_a_stop_unless_somebody_slept_on() {
        for slept_on in [false, true] {
            let mut stops = Stops::new();
            stops.expect(TICK, TICK);
            stops.sleep(true);
            for _ in 0..2 {
                // Not to wait for anything: each is a time that this thread rests.
                std::thread::sleep(std::time::Duration::from_millis(1));
            }
            stops.wake(99 * TICK, TICK);
            let stopped = if slept_on || cfg!(not(target_os = "linux")) { 0 } else { 99 * TICK };
            assert_eq!(stops.missed(100 * TICK, || slept_on), Missed { late: 0, stopped });
        }
    }
}
