//! Whether the machine is crowded, so that a thread that is woken finds no core: told by how long the watch's own thread waits for one.
//!
//! It wakes up at every tick, and the system keeps the account of its waits. With a core idle each lasts some microseconds, with
//! none a hundred or so. Where the system keeps no account nothing is ever crowded. It speaks for the cores that the watch's thread may
//! run on, whatever those of the workers are.

use super::thread_state::Delays;
use crate::primitives::atomic::{AtomicBool, Ordering};
use crate::primitives::clock::{MILLISECOND, Nanos};

/// Over how much time a mean is taken, at least.
const WINDOW: Nanos = 32 * MILLISECOND;

/// Who waits for a core longer than this each time, a thread that hardly ever runs, waits in a crowd.
const WAIT: Nanos = 30_000;

/// What the workers see of it.
#[derive(Debug, Default)]
pub(crate) struct Crowd(AtomicBool);

/// What the watch knows of it: the account that the present window begins with, and whether the last one was of a crowd.
#[derive(Debug, Default)]
pub(super) struct Account {
    begin: Option<(Nanos, Delays)>,
    was_crowded: bool,
}

impl Crowd {
    /// Whether a thread that is woken is likely to wait for a core, or to take it from another of ours.
    pub(crate) fn is_crowded(&self) -> bool {
        // Relaxed: advice.
        self.0.load(Ordering::Relaxed)
    }

    fn set(&self, is_crowded: bool) {
        if is_crowded != self.is_crowded() {
            // Relaxed: advice; the watch alone writes it.
            self.0.store(is_crowded, Ordering::Relaxed);
        }
    }
}

impl Account {
    /// At `now` the watch's thread had waited so long, so many times, all told; None: the system does not say. A crowd is what two
    /// windows in a row show, for a single long wait fills one.
    pub(super) fn enter(&mut self, now: Nanos, delays: Option<Delays>, crowd: &Crowd) {
        let Some(delays) = delays else { return self.begin_anew(crowd) };
        let (begin, before) = *self.begin.get_or_insert((now, delays));
        let waits = delays.switches.saturating_sub(before.switches);
        if now - begin < WINDOW || waits == 0 {
            return;
        }
        self.begin = Some((now, delays));
        let is_crowded = delays.waited.saturating_sub(before.waited) / waits > WAIT;
        let was_crowded = std::mem::replace(&mut self.was_crowded, is_crowded);
        crowd.set(is_crowded && was_crowded);
    }

    /// What was seen so far says nothing of what comes.
    pub(super) fn begin_anew(&mut self, crowd: &Crowd) {
        *self = Self::default();
        crowd.set(false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is seen after ticks of such a length, each of which waited so long.
    fn crowded(crowd: &Crowd, account: &mut Account, tick: Nanos, waits: impl IntoIterator<Item = Nanos>) -> bool {
        let (mut now, mut told) = account.begin.unwrap_or((0, Delays { waited: 0, switches: 0 }));
        for wait in waits {
            now += tick;
            (told.waited, told.switches) = (told.waited + wait, told.switches + 1);
            account.enter(now, Some(told), crowd);
        }
        crowd.is_crowded()
    }

    #[test]
    fn it_is_crowded_while_the_watch_waits_for_its_core_whatever_its_ticks() {
        for tick in [MILLISECOND / 10, MILLISECOND, 10 * MILLISECOND] {
            let (crowd, mut account) = (Crowd::default(), Account::default());
            let mut crowded = |wait| crowded(&crowd, &mut account, tick, vec![wait; 1000]);
            assert!(!crowded(9_000));
            assert!(crowded(80_000));
            assert!(!crowded(9_000));
        }
    }

    #[test]
    fn one_long_wait_is_no_crowd() {
        let long = 3 * MILLISECOND;
        for before in 0..40 {
            let (crowd, mut account) = (Crowd::default(), Account::default());
            for waits in [vec![0; before], vec![long], vec![0; 80]] {
                assert!(!crowded(&crowd, &mut account, MILLISECOND, waits), "after {before}");
            }
        }
        let (crowd, mut account) = (Crowd::default(), Account::default());
        assert!(crowded(&crowd, &mut account, MILLISECOND, [long; 80]));
    }

    #[test]
    fn without_an_account_or_after_a_deep_sleep_nothing_is_crowded() {
        let (crowd, mut account) = (Crowd::default(), Account::default());
        assert!(crowded(&crowd, &mut account, MILLISECOND, [80_000; 100]));
        account.enter(101 * MILLISECOND, None, &crowd);
        assert!(!crowd.is_crowded());
        assert!(crowded(&crowd, &mut account, MILLISECOND, [80_000; 100]));
        account.begin_anew(&crowd);
        assert!(!crowd.is_crowded());
    }
}
