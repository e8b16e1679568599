//! How overloaded the machine is, as far as it shows: for how long a thread of ours was lately kept from the core it wanted.
//!
//! A thread may sleep through no fault of its own: whoever holds the lock it waits for (of the allocator, of this
//! runtime) was put aside by the system in the midst. That lasts as long as a thread is kept from a core, times the
//! few that stand before it in the same queue. So a sleep is called a stall only once it has lasted so much longer
//! than the threshold. On a machine with cores to spare nobody is kept from one, and the allowance is zero.
//!
//! The allowance is bounded: no load delays the report of a true stall by more than [`MOST`].

use crate::primitives::clock::Nanos;

/// How many waits of the longest kind a sleep may consist of.
const WAITS: Nanos = 4;

/// The most that is allowed.
pub(crate) const MOST: Nanos = 1_000_000_000;

/// How long it takes until what was seen counts half.
const HALF_LIFE: Nanos = 250_000_000;

#[derive(Debug, Default)]
pub(crate) struct Overload {
    longest: Nanos,
    halved: Nanos,
}

impl Overload {
    /// A thread has been kept from a core for so long.
    pub(crate) fn saw(&mut self, starved: Nanos) {
        self.longest = self.longest.max(starved);
    }

    /// Time passes: what was seen fades.
    pub(crate) fn pass(&mut self, now: Nanos) {
        let halvings = now.saturating_sub(self.halved) / HALF_LIFE;
        if halvings > 0 {
            self.halved = now;
            self.longest = self.longest.checked_shr(halvings as u32).unwrap_or(0);
        }
    }

    /// How much longer than the threshold a thread may sleep without being told on.
    pub(crate) fn allowance(&self) -> Nanos {
        self.longest.saturating_mul(WAITS).min(MOST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_seen_is_allowed_several_times_and_fades() {
        let mut overload = Overload::default();
        assert_eq!(overload.allowance(), 0);
        overload.saw(20_000_000);
        overload.saw(5_000_000);
        assert_eq!(overload.allowance(), 80_000_000);
        overload.saw(u64::MAX);
        assert_eq!(overload.allowance(), MOST);
        overload.pass(64 * HALF_LIFE);
        assert_eq!(overload.allowance(), 0);
        overload.saw(20_000_000);
        overload.pass(65 * HALF_LIFE);
        assert_eq!(overload.allowance(), 40_000_000);
    }
}
