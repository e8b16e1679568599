//! Which worker this thread is: the scheduler's own thread-local.
//!
//! A thread may be several at once, one within the other: in a task of one runtime it drives another, and in a task of that the
//! first again. The innermost is the current one, and all that those who run tasks look at; the others are found by
//! [`with_entered`].
//!
//! The runtime above keeps another one (which `Handle` is current); this one never reads that.

use std::cell::Cell;
use std::ptr;

use super::shared::Shared;
use super::worker::Worker;
use crate::primitives::thread_local;

thread_local! {
    static CURRENT: Cell<*const Worker> = Cell::new(ptr::null());
    static INNERMOST: Cell<*const Entry> = Cell::new(ptr::null());
}

/// One of the workers that this thread is; it lies in the stack frame of [`enter`].
struct Entry {
    worker: *const Worker,
    around: *const Entry,
}

/// Calls `f` with `worker` as this thread's worker. Calls nest.
pub(crate) fn enter<R>(worker: &Worker, f: impl FnOnce() -> R) -> R {
    let entry = Entry { worker, around: INNERMOST.with(Cell::get) };
    INNERMOST.with(|innermost| innermost.set(&entry));
    let _leave = Leave { before: CURRENT.with(|current| current.replace(worker)), around: entry.around };
    f()
}

/// Leaves the worker again, also when `f` unwinds.
struct Leave {
    before: *const Worker,
    around: *const Entry,
}

impl Drop for Leave {
    fn drop(&mut self) {
        CURRENT.with(|current| current.set(self.before));
        INNERMOST.with(|innermost| innermost.set(self.around));
    }
}

/// Calls `f` with this thread's worker, if it is one. Also None while the thread's thread-locals are being torn down.
#[inline]
pub(crate) fn with<R>(f: impl FnOnce(Option<&Worker>) -> R) -> R {
    let worker = CURRENT.try_with(Cell::get).unwrap_or(ptr::null());
    // SAFETY: `enter` set it from a reference that it has borrowed, on this very thread, and takes it back before it returns;
    // `f` cannot keep it, since its lifetime is made up here.
    f(unsafe { worker.as_ref() })
}

/// Calls `f` with the worker of `shared` that this thread is, be it the current one or around that. None as for [`with`].
pub(crate) fn with_entered<R>(shared: &Shared, f: impl FnOnce(Option<&Worker>) -> R) -> R {
    let mut next = INNERMOST.try_with(Cell::get).unwrap_or(ptr::null());
    // SAFETY: an entry lies in a frame of `enter` further out on this very thread, which takes it off the list before it returns,
    // and the worker that it borrowed with it; `f` cannot keep the worker, since its lifetime is made up here.
    while let Some(entry) = unsafe { next.as_ref() } {
        // SAFETY: as above.
        let worker = unsafe { &*entry.worker };
        if worker.belongs_to(shared) {
            return f(Some(worker));
        }
        next = entry.around;
    }
    f(None)
}

/// Whether this thread is in the user's hook around the sleep of a worker of `shared`.
pub(crate) fn in_hook(shared: &Shared) -> bool {
    with_entered(shared, |worker| worker.is_some_and(Worker::is_in_hook))
}
