//! The LIFO slot: the task that the running one woke last, to be run next while its data is warm.
//!
//! The owner fills it: with a plain store when it is empty, for nobody else ever fills it; everyone, the owner too,
//! takes from it by `swap(null)`, so a task is taken once. A push wakes nobody. If the running poll turns out slow, thieves on
//! their last pass and the reactor thread rescue what waits here; of a fast poll it is left alone (`sleep.md`).
//!
//! Model: `loom-tests/src/models/lifo.rs`.

use std::ptr::{self, NonNull};

use crate::primitives::atomic::{AtomicPtr, Ordering};
use crate::tasks::{Header, Notified};

#[derive(Debug)]
pub(crate) struct LifoSlot(AtomicPtr<Header>);

impl LifoSlot {
    pub(crate) fn new() -> Self {
        Self(AtomicPtr::new(ptr::null_mut()))
    }

    /// Puts `task` into the slot and returns the one it displaced. Only the owner may call this.
    pub(crate) fn push(&self, task: Notified) -> Option<Notified> {
        let task = task.into_raw().as_ptr();
        // Relaxed: the owner alone fills the slot, so if it reads null the slot is, and stays, empty.
        if self.0.load(Ordering::Relaxed).is_null() {
            // ORDERING: Release, edge "lifo": publishes the task to a thief's swap. A plain store, though thieves swap the
            // same word: they only ever turn a task into null, and there is none to take.
            self.0.store(task, Ordering::Release);
            return None;
        }
        // ORDERING: Release, edge "lifo": publishes the new task. The old one was this thread's own: nothing to acquire.
        let displaced = self.0.swap(task, Ordering::Release);
        // SAFETY: what a swap takes out is a pointer that `into_raw` gave when it was pushed, and nobody takes it twice.
        NonNull::new(displaced).map(|task| unsafe { Notified::from_raw(task) })
    }

    /// Takes the task, if there is one.
    pub(crate) fn take(&self) -> Option<Notified> {
        if self.is_empty() {
            return None;
        }
        // ORDERING: Acquire, edge "lifo": pairs with the Release in `push`; without it the task's fields could be stale.
        let task = self.0.swap(ptr::null_mut(), Ordering::Acquire);
        // SAFETY: as in `push`: the swap took it out, so it is ours alone.
        NonNull::new(task).map(|task| unsafe { Notified::from_raw(task) })
    }

    pub(crate) fn is_empty(&self) -> bool {
        // Relaxed: a hint; `take` decides.
        self.0.load(Ordering::Relaxed).is_null()
    }
}

impl Drop for LifoSlot {
    fn drop(&mut self) {
        drop(self.take());
    }
}
