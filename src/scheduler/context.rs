//! Which worker this thread is: the scheduler's own thread-local.
//!
//! The runtime above keeps another one (which `Handle` is current); this one never reads that.

use std::cell::Cell;
use std::ptr;

use super::worker::Worker;
use crate::primitives::thread_local;

thread_local! {
    static CURRENT: Cell<*const Worker> = Cell::new(ptr::null());
}

/// Makes `worker` this thread's worker until the guard drops. Guards nest.
pub(crate) fn enter(worker: &Worker) -> Entered<'_> {
    Entered { previous: CURRENT.with(|current| current.replace(worker)), _worker: worker }
}

pub(crate) struct Entered<'a> {
    previous: *const Worker,
    _worker: &'a Worker,
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        CURRENT.with(|current| current.set(self.previous));
    }
}

/// Calls `f` with this thread's worker, if it is one. Also None while the thread's thread-locals are being torn down.
#[inline]
pub(crate) fn with<R>(f: impl FnOnce(Option<&Worker>) -> R) -> R {
    let worker = CURRENT.try_with(Cell::get).unwrap_or(ptr::null());
    // SAFETY: `enter` set it from a reference that its guard keeps borrowed, on this very thread, and the guard takes it
    // back on drop; `f` cannot keep it, since its lifetime is made up here.
    f(unsafe { worker.as_ref() })
}
