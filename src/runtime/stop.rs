//! A stop that was asked for, and who waits for it: asked for once, taken once.
//!
//! Whoever waits looks, puts its waker on the list, and looks again; whoever asks raises the flag, and then empties the list
//! under the same lock. So the waker is found there, or the second look comes after the flag was raised.
//! Model: `loom-tests/src/models/stop.rs`.

use std::task::{Context, Poll, Waker};

use crate::primitives::atomic::{AtomicBool, Ordering};
use crate::primitives::{Mutex, assert_none_held};

#[derive(Debug, Default)]
pub(crate) struct Stop {
    asked: AtomicBool,
    waiting: Mutex<Vec<Waker>>,
}

impl Stop {
    pub(crate) fn ask(&self) {
        // ORDERING: Release, edge "stop": what was done before the stop is seen by who takes it. The lock below makes sure that
        // a waiter is either woken or has seen the flag. A swap for loom's sake, which takes a plain store for one that
        // somebody's swap may miss and yet overwrite.
        self.asked.swap(true, Ordering::Release);
        let waiting = std::mem::take(&mut *self.waiting.lock());
        assert_none_held();
        waiting.into_iter().for_each(Waker::wake);
    }

    /// Takes the stop, if there was one.
    pub(crate) fn take(&self) -> bool {
        // ORDERING: Acquire, edge "stop", pairs with the Release in `ask`.
        self.asked.swap(false, Ordering::Acquire)
    }

    /// Takes the stop once there is one.
    pub(crate) fn poll_take(&self, context: &mut Context<'_>) -> Poll<()> {
        if self.take() {
            return Poll::Ready(());
        }
        // Cloned, and dropped if it is there already, without the lock.
        let waker = context.waker().clone();
        {
            let mut waiting = self.waiting.lock();
            if !waiting.iter().any(|known| known.will_wake(&waker)) {
                waiting.push(waker);
            }
        }
        if self.take() { Poll::Ready(()) } else { Poll::Pending }
    }
}
