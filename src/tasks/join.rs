//! `JoinHandle`: the right to a task's output.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::pin::Pin;
use std::ptr::NonNull;
use std::task::{Context, Poll, Waker, ready};

use super::abort::AbortHandle;
use super::cell::Header;
use super::coop;
use super::error::{JoinError, contain};
use super::harness::drop_join_waker;
use super::id::Id;
use super::references::{Reference, free};
use super::state::{Dropped, JoinWaker, Leave};
use crate::primitives::assert_none_held;

/// An owned permission to wait for a task's end and take its output.
///
/// Awaiting it gives `Ok(output)`, or a [`JoinError`] when the task panicked or was cancelled. **Dropping it detaches the
/// task**, which runs on; to stop the task, call [`abort`](Self::abort). `spawn` and `spawn_blocking` return it.
///
/// # Cancel safety
/// Awaiting `&mut handle` is cancel safe: as long as it is pending, the output stays with the task.
///
/// # Panics
/// Polling it again after it was ready.
///
/// # Examples
///
/// ```
/// let runtime = freewheel::runtime::Runtime::new()?;
/// let answer = runtime.block_on(async {
///     let handle = freewheel::spawn(async { 6 * 7 });
///     handle.await.unwrap()
/// });
/// assert_eq!(answer, 42);
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct JoinHandle<T> {
    // Not a `Reference`: the handle gives up more than a reference when it goes, in one step.
    header: NonNull<Header>,
    _output: PhantomData<T>,
}

// SAFETY: the handle moves a T out of the task, on whatever thread it is; all else it touches is atomic or guarded by the
// rules of the folder.
unsafe impl<T: Send> Send for JoinHandle<T> {}
// SAFETY: through a shared handle only the state word is reached.
unsafe impl<T: Send> Sync for JoinHandle<T> {}

impl<T> Unpin for JoinHandle<T> {}
impl<T> UnwindSafe for JoinHandle<T> {}
impl<T> RefUnwindSafe for JoinHandle<T> {}

impl<T> JoinHandle<T> {
    /// # Safety
    /// The caller gives a counted reference and JOIN_INTEREST of a task whose output is a `T`.
    pub(super) unsafe fn from_raw(header: NonNull<Header>) -> Self {
        Self { header, _output: PhantomData }
    }

    /// Cancels the task: its future is dropped at its next turn, and awaiting the handle then gives a cancelled
    /// [`JoinError`]. A task that is ending at this moment may still end well. Safe from any thread, at any time, and
    /// without effect on a task that is over. A `spawn_blocking` job is cancelled only as long as it has not begun.
    ///
    /// # Examples
    ///
    /// ```
    /// let runtime = freewheel::runtime::Runtime::new()?;
    /// runtime.block_on(async {
    ///     let handle = freewheel::spawn(std::future::pending::<()>());
    ///     handle.abort();
    ///     assert!(handle.await.unwrap_err().is_cancelled());
    /// });
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn abort(&self) {
        self.abort_handle().abort();
    }

    /// Whether the task is over: its output is there, or it panicked or was cancelled, and its future is dropped.
    ///
    /// After [`abort`](Self::abort) this may be false for a while, until the task has really gone.
    pub fn is_finished(&self) -> bool {
        self.header().state.look().is_complete()
    }

    /// A handle that can abort the task but not await it, and does not detach anything when dropped.
    pub fn abort_handle(&self) -> AbortHandle {
        self.header().state.add_reference();
        // SAFETY: the reference was added for it.
        AbortHandle::new(unsafe { Reference::from_raw(self.header) })
    }

    /// The task's number.
    pub fn id(&self) -> Id {
        self.header().id()
    }

    fn header(&self) -> &Header {
        // SAFETY: the handle's reference keeps the cell alive.
        unsafe { self.header.as_ref() }
    }

    /// True if the task is complete, else it will wake `waker`.
    fn is_ready(&self, waker: &Waker) -> bool {
        let header = self.header();
        let now = header.state.look();
        if now.is_complete() {
            return true;
        }
        if now.has_join_waker() {
            // SAFETY: rule 3, while JOIN_WAKER is set the waker is only read.
            let same =
                header.join_waker.with(|slot| unsafe { (*slot).as_ref().is_some_and(|old| old.will_wake(waker)) });
            if same {
                return false;
            }
        }
        // Before the state changes: a clone is the user's code and may panic.
        assert_none_held();
        let waker = waker.clone();
        if now.has_join_waker() && header.state.unset_join_waker() == JoinWaker::Complete {
            return self.must_be_complete();
        }
        // SAFETY: rule 3, the task was not complete and JOIN_WAKER unset, or just unset by us: the waker is the handle's.
        let old = header.join_waker.with_mut(|slot| unsafe { (*slot).replace(waker) });
        let state = header.state.set_join_waker();
        // After the state has changed, so that a panic in it finds everything in order.
        contain(|| drop(old));
        match state {
            JoinWaker::Done => false,
            JoinWaker::Complete => self.must_be_complete(),
        }
    }

    /// The handle of a complete task goes.
    fn leave_complete(&self) -> Leave {
        let header = self.header();
        let now = header.state.look();
        debug_assert!(now.is_complete(), "complete is for ever");
        // SAFETY: the task is complete, so its contents are ours (rule 1).
        if unsafe { header.has_outcome() } {
            // SAFETY: as above.
            unsafe { (header.vtable.drop_output)(self.header) };
        }
        if now.has_join_waker() {
            // The runner is still waking us.
            return header.state.leave_complete();
        }
        // SAFETY: rule 3, of a complete task a waker that is unset is the handle's for good.
        unsafe { drop_join_waker(header) };
        header.state.leave_empty()
    }

    /// The transitions that found the task complete published nothing to us; this load does.
    fn must_be_complete(&self) -> bool {
        let complete = self.header().state.look().is_complete();
        debug_assert!(complete, "complete is for ever");
        complete
    }
}

impl<T> Future for JoinHandle<T> {
    type Output = Result<T, JoinError>;

    #[track_caller]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let budget = ready!(coop::poll_proceed(cx));
        if !self.is_ready(cx.waker()) {
            return Poll::Pending;
        }
        budget.made_progress();
        let mut output: Option<Result<T, JoinError>> = None;
        // SAFETY: the task is complete, so its contents are ours (rule 1), and its output is a T.
        unsafe { (self.header().vtable.take_output)(self.header, (&raw mut output).cast()) };
        Poll::Ready(output.expect("JoinHandle polled after completion: it has given its output already"))
    }
}

impl<T> Drop for JoinHandle<T> {
    fn drop(&mut self) {
        let header = self.header();
        let duty = match header.state.leave() {
            Leave::Complete => self.leave_complete(),
            duty => duty,
        };
        let last = match duty {
            Leave::Gone | Leave::Complete => false,
            Leave::LastReference => true,
            Leave::DropWaker => {
                // SAFETY: rule 3, the waker is the handle's again.
                unsafe { drop_join_waker(header) };
                header.state.drop_references(1) == Dropped::LastReference
            }
        };
        if last {
            // SAFETY: that was the last reference.
            unsafe { free(self.header) };
        }
    }
}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinHandle").field("id", &self.id()).finish()
    }
}
