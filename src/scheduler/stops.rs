//! Whether the process was stopped, and for how long: by a signal, a debugger, a suspended machine. That time counts
//! for nobody.
//!
//! The one sign of it is that the watch's own tick comes late. But so it does when the machine is overloaded, and then
//! the time is real: what the system says the watch's thread has waited for a core is taken off. And so it does when the
//! watch's thread alone is held: then the others have run, see `pulse.rs`. In the deep sleep no tick is expected. There a stop
//! shows as one rest more than the sleep itself, which a contended lock may be too; so one asks further, see [`Stops::missed`].

use super::pulse::{Meanwhile, Pulse};
use super::thread_state::{Delays, Probe, Reserve};
use crate::primitives::clock::{Clock, MILLISECOND, NEVER, Nanos};
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
    /// How the watch had waited for cores, if the system said so, and when that was asked.
    delays: Option<(Nanos, Option<Delays>)>,
    pulse: Pulse,
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
    /// How much of the time since the last tick the process was stopped.
    pub(super) stopped: Nanos,
    /// For how much of it the watch waited for a core, if that is worth a word.
    pub(super) starved: Nanos,
}

impl Stops {
    pub(super) fn new() -> Self {
        Self {
            expected: NEVER,
            last: 0,
            own: None,
            delays: None,
            pulse: Pulse::new(),
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

    /// From `now` on nothing is done but to wait for the next tick, which is not due yet.
    pub(super) fn rest(&mut self, now: Nanos, clock: &Clock) {
        self.resting = true;
        self.pulse.feel(now, clock);
    }

    /// For how long the process stood still before the last tick; only what nothing else can explain: that the
    /// watch itself was at work, or waited for a core, or was held alone, or that the system does not say.
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
    /// deep sleep: then there was no stop, which makes everybody stir; `running`, how many workers may have been on a core at
    /// the last tick.
    pub(super) fn missed(
        &mut self,
        now: Nanos,
        reserve: &mut Reserve,
        slept_on: impl FnOnce() -> bool,
        running: impl FnOnce() -> usize,
    ) -> Missed {
        let late = now.saturating_sub(self.expected);
        let rested = std::mem::take(&mut self.resting);
        self.standstill = 0;
        if std::mem::take(&mut self.interrupted) && !slept_on() {
            // Nobody knows for how long: rather too much than too little.
            return Missed { stopped: now - self.last, starved: 0 };
        }
        let fresh = self.delays.is_some_and(|(at, _)| now - at < REFRESH);
        if late <= IN_TIME && fresh {
            return Missed::NOTHING;
        }
        let starved = self.waited_more(now, reserve);
        if late <= IN_TIME {
            return Missed::NOTHING;
        }
        let missed = Missed::of(late, starved);
        let meanwhile =
            if missed.is_much() { self.pulse.since(self.expected, late, running()) } else { Meanwhile::Unknown };
        if meanwhile == Meanwhile::Ran {
            return Missed { stopped: 0, ..missed };
        }
        if rested && starved.is_some() && meanwhile == Meanwhile::Rested {
            self.standstill = missed.stopped;
        }
        missed
    }

    /// How the watch's thread had waited for cores when that was asked last, and when.
    pub(super) fn delays(&self) -> Option<(Nanos, Option<Delays>)> {
        self.delays
    }

    /// For how long the watch has waited for cores since this was asked last.
    fn waited_more(&mut self, now: Nanos, reserve: &mut Reserve) -> Option<Nanos> {
        let sight = self.own.get_or_insert_with(|| reserve.probe(native_id())).look();
        let delays = sight.and_then(|sight| sight.delays);
        let (_, before) = self.delays.replace((now, delays))?;
        Some(delays?.waited.saturating_sub(before?.waited))
    }
}

impl Missed {
    const NOTHING: Self = Self { stopped: 0, starved: 0 };

    /// What it means to be `late`, having waited for a core so long meanwhile.
    fn of(late: Nanos, starved: Option<Nanos>) -> Self {
        let starved = starved.unwrap_or(0).min(late);
        Self { stopped: late - starved, starved }
    }

    /// Whether nobody is to be judged by this tick.
    pub(super) fn is_much(self) -> bool {
        self.stopped > LATE
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    const TICK: Nanos = MILLISECOND;

    thread_local!(static USED: Cell<Nanos> = const { Cell::new(0) });

    /// Of a process that uses what the test says: others run beside it.
    fn stops() -> Stops {
        Stops { pulse: Pulse::asking(|| Some(USED.get()), || 2), ..Stops::new() }
    }

    fn missed(stops: &mut Stops, now: Nanos) -> Missed {
        stops.missed(now, &mut Reserve::default(), || true, || 1)
    }

    #[test]
    fn a_tick_that_nothing_explains_means_a_stop() {
        let mut stops = stops();
        assert_eq!(missed(&mut stops, TICK), Missed::NOTHING);
        stops.expect(TICK, TICK);
        assert_eq!(missed(&mut stops, 2 * TICK), Missed::NOTHING);
        stops.expect(2 * TICK, TICK);
        // This thread has not waited for a core as long as that.
        let missed = missed(&mut stops, 1_000_000 * TICK);
        assert!(missed.is_much() && missed.stopped > 900_000 * TICK);
    }

    /// The next tick is a second late, after a rest or not, and the process used so much meanwhile. What that means, and how much
    /// of it is certain.
    fn late_tick(stops: &mut Stops, after: Nanos, rests: bool, used: Nanos) -> (Missed, Nanos) {
        stops.expect(after * TICK, TICK);
        if rests {
            stops.rest(after * TICK, &Clock::new());
        }
        USED.set(USED.get() + used * MILLISECOND);
        let missed = missed(stops, (after + 1000) * TICK);
        (missed, stops.standstill())
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_standstill_is_certain_only_if_the_watch_itself_had_nothing_to_do() {
        let mut stops = stops();
        // Nothing to compare the first look with.
        assert_eq!(late_tick(&mut stops, 1, true, 0).1, 0);
        let (missed, certain) = late_tick(&mut stops, 2000, true, 0);
        assert!(missed.stopped > 900 * TICK && certain == missed.stopped);
        let (missed, certain) = late_tick(&mut stops, 4000, false, 0);
        assert!(missed.stopped > 900 * TICK && certain == 0);
        // In the deep sleep nobody knows for how long.
        stops.expect(6000 * TICK, TICK);
        stops.sleep(false);
        stops.wake(9000 * TICK, TICK);
        stops.missed(9001 * TICK, &mut Reserve::default(), || true, || 0);
        assert_eq!(stops.standstill(), 0);
    }

    #[test]
    fn a_process_that_ran_meanwhile_did_not_stand_still_and_its_time_counts() {
        let mut stops = stops();
        late_tick(&mut stops, 1, true, 0);
        let (missed, certain) = late_tick(&mut stops, 2000, true, 900);
        assert_eq!((missed.stopped, certain), (0, 0));
        assert!(!missed.is_much() && missed.starved < 100 * TICK);
        // The watch did not ask before this one, so it may all have been used before the last tick.
        let (missed, certain) = late_tick(&mut stops, 4000, false, 900);
        assert!(missed.stopped > 900 * TICK && certain == 0);
    }

    #[test]
    fn where_the_system_does_not_say_how_long_the_watch_waited_nothing_is_certain() {
        let mut stops = stops();
        late_tick(&mut stops, 1, true, 0);
        stops.delays = stops.delays.map(|(at, _)| (at, None));
        let (missed, certain) = late_tick(&mut stops, 2000, true, 0);
        assert_eq!((missed, certain), (Missed { stopped: 999 * TICK, starved: 0 }, 0));
        assert_eq!(Missed::of(9, Some(4)), Missed { stopped: 5, starved: 4 });
        assert_eq!(Missed::of(9, Some(10)), Missed { stopped: 0, starved: 9 });
    }

    #[test]
    fn a_disturbed_deep_sleep_is_a_stop_unless_somebody_slept_on() {
        for slept_on in [false, true] {
            let mut stops = stops();
            stops.expect(TICK, TICK);
            stops.sleep(true);
            for _ in 0..2 {
                // Not to wait for anything: each is a time that this thread rests.
                std::thread::sleep(std::time::Duration::from_millis(1));
            }
            stops.wake(99 * TICK, TICK);
            let stopped = if slept_on || cfg!(not(target_os = "linux")) { 0 } else { 99 * TICK };
            assert_eq!(
                stops.missed(100 * TICK, &mut Reserve::default(), || slept_on, || 0),
                Missed { stopped, starved: 0 }
            );
        }
    }
}
