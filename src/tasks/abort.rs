//! `AbortHandle`: cancels a task from anywhere, without waiting for it.

use std::fmt;

use super::id::Id;
use super::references::Reference;

/// An owned permission to abort a task, without the permission to await it.
///
/// Made by [`JoinHandle::abort_handle`](super::JoinHandle::abort_handle). Dropping it has no effect on the task.
///
/// # Examples
///
/// ```
/// let runtime = freewheel::runtime::Runtime::new()?;
/// runtime.block_on(async {
///     let handle = freewheel::spawn(std::future::pending::<()>());
///     let abort = handle.abort_handle();
///     std::thread::spawn(move || abort.abort()).join().unwrap();
///     assert!(handle.await.unwrap_err().is_cancelled());
/// });
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone)]
pub struct AbortHandle(Reference);

impl AbortHandle {
    pub(super) fn new(reference: Reference) -> Self {
        Self(reference)
    }

    /// Cancels the task, as [`JoinHandle::abort`](super::JoinHandle::abort) does.
    pub fn abort(&self) {
        self.0.abort();
    }

    /// Whether the task is over: its output is there, or it panicked or was cancelled, and its future is dropped.
    pub fn is_finished(&self) -> bool {
        self.0.header().state.look().is_complete()
    }

    /// The task's number.
    pub fn id(&self) -> Id {
        self.0.header().id()
    }
}

impl std::panic::UnwindSafe for AbortHandle {}
impl std::panic::RefUnwindSafe for AbortHandle {}

impl fmt::Debug for AbortHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AbortHandle").field("id", &self.id()).finish()
    }
}

#[cfg(test)]
impl AbortHandle {
    pub(super) fn exhaust_references(&self) {
        self.0.header().state.exhaust_references();
    }
}
