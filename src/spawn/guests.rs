//! Who is still inside a scope: guests, who sign out as they go, and the host, who stays until the last has gone.
//!
//! The host counts its own guests, and a guest that is counted may bring another: so a count of zero is final once the host
//! has stopped inviting. Model: `loom-tests/src/models/guests.rs`.

use crate::primitives::Arc;
use crate::primitives::atomic::{AtomicUsize, Ordering};
use crate::primitives::parker::{Parker, Unparker};

/// The thread that waits.
pub(crate) struct Host {
    parker: Parker,
    guests: Guests,
}

/// The list of guests.
#[derive(Clone)]
pub(crate) struct Guests(Arc<List>);

struct List {
    count: AtomicUsize,
    host: Unparker,
}

/// One guest's presence; its drop signs out.
pub(crate) struct Guest(Guests);

impl Host {
    pub(crate) fn new() -> Self {
        let parker = Parker::new();
        let guests = Guests(Arc::new(List { count: AtomicUsize::new(0), host: parker.unparker() }));
        Self { parker, guests }
    }

    pub(crate) fn guests(&self) -> Guests {
        self.guests.clone()
    }

    /// Sleeps until the last guest has gone. The host invites nobody any more.
    pub(crate) fn wait(&self) {
        while !self.guests.are_gone() {
            self.parker.park();
        }
    }
}

impl Guests {
    pub(crate) fn sign_in(&self) -> Guest {
        // Relaxed: the host counts its own guests, or a guest that is counted brings another.
        self.0.count.fetch_add(1, Ordering::Relaxed);
        Guest(self.clone())
    }

    fn are_gone(&self) -> bool {
        // ORDERING: Acquire, edge "guest-gone": all that the guests did, what they dropped included, is seen by the host.
        self.0.count.load(Ordering::Acquire) == 0
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let list = &self.0.0;
        // ORDERING: Release, edge "guest-gone": pairs with `are_gone`; what the guest did comes before it.
        if list.count.fetch_sub(1, Ordering::Release) == 1 {
            list.host.unpark();
        }
    }
}
