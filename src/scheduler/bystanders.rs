//! The other threads of the process: whether one of them wants a core and gets none. One that sleeps may be waiting for it.
//!
//! Looked at only when somebody is about to be told on, and told are only those who have slept long; so it may cost
//! some dozens of reads.

use std::collections::HashMap;

use super::thread_state::{Account, Probe, threads};
use crate::primitives::clock::{MILLISECOND, NEVER, Nanos};

/// How many threads are looked at, the oldest ones. Blocked ones, which may be thousands, are the younger ones.
const MOST: usize = 64;

/// Two looks are compared when they are at least and at most so far apart.
pub(super) const APART: Nanos = 2 * MILLISECOND;
const FRESH: Nanos = 256 * MILLISECOND;

#[derive(Debug)]
pub(super) struct Bystanders {
    accounts: HashMap<u32, Account>,
    last: Nanos,
    kept: Option<Nanos>,
}

impl Bystanders {
    pub(super) fn new() -> Self {
        Self { accounts: HashMap::new(), last: NEVER, kept: None }
    }

    /// The longest that any of them has been kept from a core between the last look and this one. None: it takes another
    /// look, after [`APART`].
    pub(super) fn kept(&mut self, now: Nanos) -> Option<Nanos> {
        let passed = now.checked_sub(self.last).unwrap_or(NEVER);
        if passed < APART {
            return self.kept;
        }
        let mut before = std::mem::take(&mut self.accounts);
        if passed > FRESH {
            before.clear();
        }
        let mut longest = 0;
        for thread in threads().take(MOST) {
            let Some(sight) = Probe::new(thread).look() else { continue };
            let mut account = before.remove(&thread).unwrap_or_default();
            account.enter(now, sight);
            longest = longest.max(account.kept());
            self.accounts.insert(thread, account);
        }
        self.last = now;
        self.kept = (passed <= FRESH).then_some(longest);
        self.kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_takes_two_looks_not_too_far_apart() {
        let mut others = Bystanders::new();
        assert_eq!(others.kept(MILLISECOND), None);
        assert_eq!(others.kept(2 * MILLISECOND), None);
        assert!(others.kept(3 * MILLISECOND).is_some());
        assert!(others.kept(3 * MILLISECOND).is_some());
        assert_eq!(others.kept(4 * MILLISECOND + FRESH), None);
    }
}
