//! Which runtime this thread is in: the runtime's own thread-local, read by everything above and nothing below.

use std::cell::RefCell;
use std::fmt;
use std::marker::PhantomData;
use std::thread::AccessError;

use super::Handle;
use crate::scheduler::Shared;

std::thread_local! {
    static CURRENT: RefCell<Entries> = const { RefCell::new(Entries { stack: Vec::new(), next: 0 }) };
}

/// The runtimes this thread has entered. Guards may be dropped out of order, so each entry has a number.
struct Entries {
    stack: Vec<(u64, Handle)>,
    next: u64,
}

/// Keeps a runtime entered; made by [`Runtime::enter`](super::Runtime::enter) and [`Handle::enter`].
///
/// The runtime that was current before becomes current again when the guard is dropped. Guards are best dropped in the
/// reverse order of their making; if they are not, the youngest one that lives decides.
#[must_use = "the runtime is left again as soon as the guard is dropped"]
pub struct EnterGuard<'a> {
    number: u64,
    _handle: PhantomData<&'a Handle>,
    // Belongs to this thread's stack of entries.
    _not_send: PhantomData<*mut ()>,
}

/// Why there is no current runtime; returned by [`Handle::try_current`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TryCurrentError {
    thread_ends: bool,
}

#[track_caller]
pub(crate) fn enter<'a>(handle: &Handle) -> EnterGuard<'a> {
    match enter_if_alive(handle) {
        Some(guard) => guard,
        None => panic!("{}", TryCurrentError { thread_ends: true }),
    }
}

/// As [`enter`]; None if the thread is ending and its thread-locals are gone, as in the drop of a runtime that lay in one.
pub(crate) fn enter_if_alive<'a>(handle: &Handle) -> Option<EnterGuard<'a>> {
    let number = CURRENT.try_with(|current| {
        let mut current = current.borrow_mut();
        current.next += 1;
        let number = current.next;
        current.stack.push((number, handle.clone()));
        number
    });
    number.ok().map(|number| EnterGuard { number, _handle: PhantomData, _not_send: PhantomData })
}

/// The current handle.
pub(crate) fn current() -> Result<Handle, TryCurrentError> {
    look(Handle::clone)
}

/// Whether `shared` belongs to the current runtime: spares those who are on one of its workers the count of a handle.
pub(crate) fn is_current(shared: &Shared) -> bool {
    look(|handle| std::ptr::eq(&*handle.inner().scheduler, shared)) == Ok(true)
}

/// A look at the current handle, under the borrow of it: `look` must not call user code, which may enter and leave.
fn look<R>(look: impl FnOnce(&Handle) -> R) -> Result<R, TryCurrentError> {
    CURRENT
        .try_with(|current| current.borrow().stack.last().map(|(_, handle)| look(handle)))
        .map_err(|_: AccessError| TryCurrentError { thread_ends: true })?
        .ok_or(TryCurrentError { thread_ends: false })
}

impl Drop for EnterGuard<'_> {
    fn drop(&mut self) {
        // The handle is dropped after the borrow: it may be the runtime's last one.
        let _left = CURRENT.try_with(|current| {
            let mut current = current.borrow_mut();
            let at = current.stack.iter().rposition(|(number, _)| *number == self.number)?;
            Some(current.stack.remove(at))
        });
    }
}

impl fmt::Debug for EnterGuard<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EnterGuard").finish_non_exhaustive()
    }
}

impl TryCurrentError {
    /// True if this thread is in no runtime.
    #[must_use]
    pub fn is_missing_context(&self) -> bool {
        !self.thread_ends
    }

    /// True if the thread is ending and its thread-locals are already gone.
    #[must_use]
    pub fn is_thread_local_destroyed(&self) -> bool {
        self.thread_ends
    }
}

impl fmt::Display for TryCurrentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.thread_ends {
            f.write_str(
                "The freewheel context thread-local variable has been destroyed: the thread is ending; \
                 take a Handle before, and use that",
            )
        } else {
            f.write_str(
                "there is no reactor running, must be called from the context of a freewheel runtime (a \"Tokio 1.x \
                 runtime\" in tokio's words): call it inside Runtime::block_on or a task, mark the function with \
                 #[freewheel::main], or enter a runtime first with Runtime::enter",
            )
        }
    }
}

impl std::error::Error for TryCurrentError {}
