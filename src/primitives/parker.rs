//! A thread's own sleep: park until unparked, with one token that is never lost.
//!
//! ```text
//!            park                         unpark
//!   EMPTY ----------> PARKED ------------------------> NOTIFIED --park--> EMPTY (returns at once)
//!     \______________________unpark______________________/
//! ```
//!
//! Why not `std::thread::park`: its token belongs to the whole thread, so a task that parks its thread on its own
//! account would eat a wake-up that was meant for the scheduler.
//!
//! Proof that no token is lost: `state` changes by read-modify-write only, so each `unpark` is ordered with the parker's
//! `EMPTY → PARKED`. An unpark before it makes that exchange fail, and park returns. An unpark after it reads `PARKED` and
//! passes through the lock; the parker holds the lock from the exchange until it waits, so the notification comes after
//! the wait began. Model: `loom-tests/src/models/parker.rs`.

use std::time::Duration;

use super::atomic::{AtomicUsize, Ordering};
use super::{Arc, Condvar, Mutex};

const EMPTY: usize = 0;
const PARKED: usize = 1;
const NOTIFIED: usize = 2;

/// The sleeping side. One thread at a time may park.
#[derive(Debug)]
pub(crate) struct Parker {
    shared: Arc<Shared>,
}

/// The waking side: cheap to clone, usable from anywhere.
#[derive(Debug, Clone)]
pub(crate) struct Unparker {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    state: AtomicUsize,
    lock: Mutex<()>,
    condvar: Condvar,
}

impl Parker {
    pub(crate) fn new() -> Self {
        let shared = Shared { state: AtomicUsize::new(EMPTY), lock: Mutex::new(()), condvar: Condvar::new() };
        Self { shared: Arc::new(shared) }
    }

    pub(crate) fn unparker(&self) -> Unparker {
        Unparker { shared: self.shared.clone() }
    }

    /// Sleeps until a token is there, and takes it.
    pub(crate) fn park(&self) {
        self.shared.park(None);
    }

    /// Sleeps until a token is there, or about `timeout` has passed. True if it took a token.
    pub(crate) fn park_timeout(&self, timeout: Duration) -> bool {
        self.shared.park(Some(timeout))
    }
}

impl Unparker {
    /// Leaves the token, and wakes the thread if it sleeps. Tokens do not add up.
    pub(crate) fn unpark(&self) {
        // ORDERING: Release, edge "unpark": publishes what the waker did before; the parker takes it with Acquire in
        // `take_token`. Without it the woken thread might not see why it was woken.
        if self.shared.state.swap(NOTIFIED, Ordering::Release) == PARKED {
            // Passing through the lock orders this after the parker's wait began: it holds the lock until then.
            drop(self.shared.lock.lock());
            self.shared.condvar.notify_one();
        }
    }
}

impl Shared {
    fn park(&self, timeout: Option<Duration>) -> bool {
        if self.take_token() {
            return true;
        }
        let mut guard = self.lock.lock();
        // Relaxed: nothing is published by going to sleep, and a token found here is taken with Acquire below.
        if self.state.compare_exchange(EMPTY, PARKED, Ordering::Relaxed, Ordering::Relaxed).is_err() {
            drop(guard);
            return self.take_token();
        }
        loop {
            guard = match timeout {
                None => self.condvar.wait(guard),
                Some(timeout) => self.condvar.wait_timeout(guard, timeout),
            };
            if self.take_token() {
                return true;
            }
            if timeout.is_some() {
                // Timed out, or woken for nothing, which a timed wait may be: leave. An unpark that comes at this very
                // moment is seen by the swap.
                // ORDERING: Acquire, edge "unpark", as in `take_token`.
                return self.state.swap(EMPTY, Ordering::Acquire) == NOTIFIED;
            }
        }
    }

    /// Takes the token if it is there.
    fn take_token(&self) -> bool {
        // ORDERING: Acquire, edge "unpark": pairs with the Release in `unpark`.
        self.state.compare_exchange(NOTIFIED, EMPTY, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }
}
