//! The references a task is held by: `Notified`, the right to poll it once, and `Task`, the registry's.

use std::fmt;
use std::mem::{self, ManuallyDrop};
use std::panic::Location;
use std::ptr::NonNull;

use super::cell::Header;
use super::id::Id;
use super::state::{Cancel, Dropped, Wake};
use crate::primitives::atomic::Ordering;

/// One reference, counted in the state word.
pub(super) struct Reference(NonNull<Header>);

// SAFETY: a reference gives access to the state word (atomic), to what never changes, and through the vtable to what the
// rules of the folder guard. The future and its output are Send (required by `cell::new`), the scheduler is Sync.
unsafe impl Send for Reference {}
// SAFETY: as above.
unsafe impl Sync for Reference {}

impl Reference {
    /// # Safety
    /// The caller owns a counted reference, and gives it to the result.
    pub(super) unsafe fn from_raw(header: NonNull<Header>) -> Self {
        Self(header)
    }

    pub(super) fn into_raw(self) -> NonNull<Header> {
        ManuallyDrop::new(self).0
    }

    pub(super) fn pointer(&self) -> NonNull<Header> {
        self.0
    }

    pub(super) fn header(&self) -> &Header {
        // SAFETY: this reference keeps the cell alive.
        unsafe { self.0.as_ref() }
    }

    /// Cancels the task from outside: an async task at its next turn, a blocking job that has not begun at once.
    pub(super) fn abort(&self) {
        let header = self.header();
        if header.vtable.blocking {
            if header.state.shutdown() == Cancel::DropFuture {
                // SAFETY: RUNNING is ours; `cancel` consumes the reference cloned for it.
                unsafe { (header.vtable.cancel)(self.clone().into_raw()) };
            }
        } else if header.state.abort() == Wake::Schedule {
            // SAFETY: the state added a reference for the Notified; we keep our own.
            unsafe { act(self.0) };
        }
    }
}

impl Clone for Reference {
    fn clone(&self) -> Self {
        self.header().state.add_reference();
        Self(self.0)
    }
}

impl Drop for Reference {
    fn drop(&mut self) {
        if self.header().state.drop_references(1) == Dropped::LastReference {
            // SAFETY: it was the last.
            unsafe { free(self.0) };
        }
    }
}

/// Does what `Wake::Schedule` asks for.
///
/// # Safety
/// The state has added a reference for the new `Notified`, and the caller keeps one of its own until this returns.
pub(super) unsafe fn act(header: NonNull<Header>) {
    // SAFETY: the caller's promise.
    unsafe { (header.as_ref().vtable.schedule)(header, Notified::from_raw(header)) };
}

/// Does what `LastReference` asks for.
///
/// # Safety
/// The caller has given up the last reference.
pub(super) unsafe fn free(header: NonNull<Header>) {
    // SAFETY: the caller's promise; the table is a static.
    unsafe { (header.as_ref().vtable.free)(header) };
}

/// A task that is to be run: the right to poll it once. There is never more than one of a task.
///
/// Dropped unused, the task is never polled again, but nothing leaks: for queues that are thrown away after the registry
/// has shut every task down.
#[must_use = "a task that is not run is lost"]
pub(crate) struct Notified(Reference);

impl Notified {
    /// Polls the task once (or drops it, if it was cancelled). If it was woken while it ran, returns the right to the next
    /// poll: to be put at the back of a queue. Never unwinds.
    #[must_use = "the task was woken while it ran and must be put back into a queue"]
    pub(crate) fn poll_once(self) -> Option<Notified> {
        let header = self.into_raw();
        // SAFETY: the reference of this Notified is consumed by the call.
        unsafe { (header.as_ref().vtable.poll)(header) }
    }

    /// [`poll_once`](Self::poll_once), then the scheduler's `yield_now` if the task was woken while it ran.
    pub(crate) fn run(self) {
        if let Some(again) = self.poll_once() {
            // Kept while the scheduler's handle in the cell is used: another thread may run the task to its end meanwhile.
            let reference = again.0.clone();
            // SAFETY: `reference` outlives the call.
            unsafe { (reference.header().vtable.yield_now)(reference.pointer(), again) };
        }
    }

    /// Cancels the task and drops its future here, unless it runs elsewhere; there it will be dropped.
    pub(crate) fn shutdown(self) {
        shutdown(self.0);
    }

    /// The reference as a pointer, for queues that store words. Give it back to [`from_raw`](Self::from_raw).
    pub(crate) fn into_raw(self) -> NonNull<Header> {
        self.0.into_raw()
    }

    /// # Safety
    /// The pointer is from `into_raw`, and each is used once.
    pub(crate) unsafe fn from_raw(header: NonNull<Header>) -> Self {
        // SAFETY: the reference that `into_raw` gave up.
        Self(unsafe { Reference::from_raw(header) })
    }

    /// The task's number.
    pub(crate) fn id(&self) -> Id {
        self.0.header().id()
    }

    /// Where the task was spawned.
    pub(crate) fn location(&self) -> &'static Location<'static> {
        self.0.header().location()
    }

    /// A worker passes it on to another, unpolled.
    pub(crate) fn pass_on(&self) {
        // Relaxed: the queue that the task goes through publishes it.
        self.header().passed_on.store(true, Ordering::Relaxed);
    }

    /// Whether it was passed on to this worker; for a second time it may be once it was polled.
    pub(crate) fn was_passed_on(&self) -> bool {
        let passed_on = &self.header().passed_on;
        // Relaxed: as above. A store only where there is something to take back.
        passed_on.load(Ordering::Relaxed) && {
            passed_on.store(false, Ordering::Relaxed);
            true
        }
    }

    pub(super) fn header(&self) -> &Header {
        self.0.header()
    }
}

/// The registry's reference to a task.
pub(crate) struct Task(Reference);

impl Task {
    pub(super) fn new(reference: Reference) -> Self {
        Self(reference)
    }

    /// Cancels the task and drops its future here, unless it runs elsewhere; there it will be dropped.
    pub(crate) fn shutdown(self) {
        shutdown(self.0);
    }

    /// The task's number.
    pub(crate) fn id(&self) -> Id {
        self.0.header().id()
    }

    pub(super) fn header(&self) -> &Header {
        self.0.header()
    }

    pub(super) fn into_raw(self) -> NonNull<Header> {
        self.0.into_raw()
    }
}

fn shutdown(reference: Reference) {
    if reference.header().state.shutdown() == Cancel::DropFuture {
        let header = reference.into_raw();
        // SAFETY: RUNNING is ours; `cancel` consumes the reference.
        unsafe { (header.as_ref().vtable.cancel)(header) };
    } else {
        mem::drop(reference);
    }
}

impl fmt::Debug for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "task {}: {:?}", self.header().id(), self.header().state.peek())
    }
}

impl fmt::Debug for Notified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Notified").field(&self.0).finish()
    }
}

impl fmt::Debug for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Task").field(&self.0).finish()
    }
}
