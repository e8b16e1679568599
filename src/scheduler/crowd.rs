//! Whether the machine is crowded, so that a thread that is woken finds no core: told by how long the watch's own thread waits for one.
//!
//! It wakes up at every tick, and the system keeps the account of its waits. With a core idle a tick waits for some microseconds, with
//! none for a hundred or so. Where the system keeps no account nothing is ever crowded.

use crate::primitives::atomic::{AtomicBool, Ordering};
use crate::primitives::clock::{MILLISECOND, Nanos};

/// Over how much time a share is taken, at least.
const WINDOW: Nanos = 32 * MILLISECOND;

/// Who waits for more than such a part of the time, a thread that hardly ever runs, waits in a crowd.
const SHARE: Nanos = 32;

/// What the workers see of it.
#[derive(Debug, Default)]
pub(crate) struct Crowd(AtomicBool);

/// What the watch knows of it: the account that the present window begins with.
#[derive(Debug, Default)]
pub(super) struct Account {
    begin: Option<(Nanos, Nanos)>,
}

impl Crowd {
    /// Whether a thread that is woken is likely to wait for a core, or to take it from another of ours.
    pub(crate) fn is_crowded(&self) -> bool {
        // Relaxed: advice.
        self.0.load(Ordering::Relaxed)
    }
}

impl Account {
    /// At `now` the watch's thread had waited for so long, all told; None: the system does not say.
    pub(super) fn enter(&mut self, now: Nanos, waited: Option<Nanos>, crowd: &Crowd) {
        let Some(waited) = waited else { return };
        let (begin, before) = *self.begin.get_or_insert((now, waited));
        if now - begin < WINDOW {
            return;
        }
        self.begin = Some((now, waited));
        let crowded = waited.saturating_sub(before) > (now - begin) / SHARE;
        if crowded != crowd.is_crowded() {
            // Relaxed: advice; the watch alone writes it.
            crowd.0.store(crowded, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is seen after ticks of a millisecond, each of which waited so long.
    fn crowded(crowd: &Crowd, account: &mut Account, waits: impl IntoIterator<Item = Nanos>) -> bool {
        let (mut now, mut waited) = account.begin.unwrap_or_default();
        for wait in waits {
            now += MILLISECOND;
            waited += wait;
            account.enter(now, Some(waited), crowd);
        }
        crowd.is_crowded()
    }

    #[test]
    fn it_is_crowded_while_the_watch_waits_for_its_core() {
        let (crowd, mut account) = (Crowd::default(), Account::default());
        assert!(!crowded(&crowd, &mut account, vec![5_000; 100]));
        assert!(crowded(&crowd, &mut account, vec![80_000; 100]));
        assert!(!crowded(&crowd, &mut account, vec![5_000; 100]));
        assert!(!crowded(&crowd, &mut account, [500_000].into_iter().chain([0; 99])), "one long wait is no crowd");
    }

    #[test]
    fn without_an_account_nothing_is_crowded() {
        let (crowd, mut account) = (Crowd::default(), Account::default());
        (0..1000).for_each(|tick| account.enter(tick * MILLISECOND, None, &crowd));
        assert!(!crowd.is_crowded());
    }
}
