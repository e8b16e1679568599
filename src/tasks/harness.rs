//! What is done to a task: poll it, cancel it, complete it, free it. The only code that knows its types again.
//!
//! Every call into the user's code (poll, destructors, wakers, hooks) is made with no lock held and inside `catch_unwind`,
//! and the state is such before each that an unwinding leaves the task whole.

use std::future::Future;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::NonNull;
use std::task::{Context, Poll};

use super::cell::{Cell, Header, Outcome, Vtable};
use super::error::contain;
use super::id::Current;
use super::state::{Complete, Dropped, EndPoll, StartPoll, Woken};
use super::{Notified, Schedule, coop, waker};
use crate::primitives::assert_none_held;

pub(super) const fn vtable<F, S>() -> Vtable
where
    F: Future + 'static,
    S: Schedule,
{
    Vtable {
        poll: poll::<F, S>,
        schedule: schedule::<F, S>,
        yield_now: yield_now::<F, S>,
        cancel: cancel::<F, S>,
        take_output: take_output::<F, S>,
        drop_output: drop_output::<F, S>,
        free: free::<F, S>,
        blocking: S::BLOCKING,
    }
}

/// # Safety
/// The header is that of a `Cell<F, S>` that lives for `'a`: the caller has a reference to it.
unsafe fn cell<'a, F: Future, S>(header: NonNull<Header>) -> &'a Cell<F, S> {
    // SAFETY: the caller's promise; the header is the cell's first field (repr(C)), and the pointer came from the cell's.
    unsafe { header.cast::<Cell<F, S>>().as_ref() }
}

/// # Safety
/// Consumes the reference of a `Notified`, of a task of these types.
unsafe fn poll<F: Future, S: Schedule>(header: NonNull<Header>) -> Option<Notified> {
    // SAFETY: the caller's types and reference.
    let task = unsafe { cell::<F, S>(header) };
    match task.header.state.start_poll() {
        StartPoll::Nothing => return None,
        // SAFETY: that was the last reference.
        StartPoll::LastReference => unsafe { free::<F, S>(header) },
        // SAFETY: RUNNING is ours, and the reference is the run's.
        StartPoll::Cancel => unsafe { cancel::<F, S>(header) },
        StartPoll::Poll => {
            // SAFETY: RUNNING is ours (rule 1).
            if unsafe { poll_future(task, header) }.is_ready() {
                // SAFETY: as above, and the outcome is stored.
                unsafe { complete::<F, S>(header) };
                return None;
            }
            match task.header.state.end_poll() {
                EndPoll::Idle => {}
                // SAFETY: the run's reference is now this Notified's, and NOTIFIED is set.
                EndPoll::Again => return Some(unsafe { Notified::from_raw(header) }),
                // SAFETY: that was the last reference.
                EndPoll::LastReference => unsafe { free::<F, S>(header) },
                // SAFETY: RUNNING is still ours, and so is the run's reference.
                EndPoll::Cancel => unsafe { cancel::<F, S>(header) },
            }
        }
    }
    None
}

/// Polls once. Ready means that the future is gone and its outcome stored.
///
/// # Safety
/// Rule 1: the caller has set RUNNING; the contents are the future.
unsafe fn poll_future<F: Future, S: Schedule>(task: &Cell<F, S>, header: NonNull<Header>) -> Poll<()> {
    assert_none_held();
    let _current = Current::enter(task.header.id());
    // SAFETY: the run's reference outlives this borrowed waker.
    let waker = unsafe { waker::borrow(header) };
    let polled = catch_unwind(AssertUnwindSafe(|| {
        let _budget = (!S::BLOCKING).then(coop::begin);
        // SAFETY: the caller owns the contents, which are the future.
        unsafe { task.poll_future(&mut Context::from_waker(&waker)) }
    }));
    let outcome = match polled {
        Ok(Poll::Pending) => return Poll::Pending,
        Ok(Poll::Ready(value)) => Outcome::Value(value),
        Err(payload) => Outcome::panicked(payload),
    };
    // SAFETY: the caller owns the contents.
    let dropped = catch_unwind(AssertUnwindSafe(|| unsafe { task.drop_contents() }));
    let outcome = match (outcome, dropped) {
        (outcome, Ok(())) => outcome,
        // A future whose destructor panics has not ended well, whatever it returned.
        (Outcome::Value(value), Err(payload)) => {
            contain(|| drop(value));
            Outcome::panicked(payload)
        }
        // The first panic is the one to report.
        (outcome, Err(second)) => {
            contain(|| drop(second));
            outcome
        }
    };
    // SAFETY: the caller owns the contents, and they are gone.
    unsafe { task.store(outcome) };
    Poll::Ready(())
}

/// # Safety
/// The caller has set RUNNING and gives up one reference.
unsafe fn cancel<F: Future, S: Schedule>(header: NonNull<Header>) {
    // SAFETY: the caller's types and reference.
    let task = unsafe { cell::<F, S>(header) };
    assert_none_held();
    {
        let _current = Current::enter(task.header.id());
        // SAFETY: RUNNING is the caller's (rule 1).
        let dropped = catch_unwind(AssertUnwindSafe(|| unsafe { task.drop_contents() }));
        let outcome = dropped.map_or_else(Outcome::panicked, |()| Outcome::Cancelled);
        // SAFETY: as above, and the contents are gone.
        unsafe { task.store(outcome) };
    }
    // SAFETY: RUNNING is ours, and the outcome is stored.
    unsafe { complete::<F, S>(header) };
}

/// Publishes the outcome, wakes who waits for it, and gives up the run's reference and the registry's.
///
/// # Safety
/// The caller has set RUNNING, has stored the outcome, and gives up one reference.
unsafe fn complete<F: Future, S: Schedule>(header: NonNull<Header>) {
    // SAFETY: the caller's types and reference.
    let task = unsafe { cell::<F, S>(header) };
    let state = &task.header.state;
    // First out of the registry: once the join handle is ready, the task is no longer counted as alive.
    let registered = task.scheduler.release(&task.header).map(mem::forget);
    let references = 1 + usize::from(registered.is_some());
    let dropped = match state.complete(references) {
        Complete::Gone => return,
        Complete::Unread => {
            // SAFETY: RUNNING is ours, and there is no handle any more that could read the outcome.
            unsafe { drop_unread(task) };
            state.complete_unread(references)
        }
        Complete::WakeJoiner => {
            assert_none_held();
            task.header.join_waker.with(|waker| {
                // SAFETY: rule 3, while JOIN_WAKER is set the waker is only read.
                let waker = unsafe { &*waker };
                contain(|| waker.as_ref().expect("JOIN_WAKER is set").wake_by_ref());
            });
            match state.finish_waking(references) {
                Woken::Gone => return,
                Woken::DropWaker => {
                    // SAFETY: rule 3, the handle is gone and JOIN_WAKER unset: the waker is the runner's.
                    unsafe { drop_join_waker(&task.header) };
                    state.drop_references(references)
                }
            }
        }
    };
    if dropped == Dropped::LastReference {
        // SAFETY: that was the last reference.
        unsafe { free::<F, S>(header) };
    }
}

/// # Safety
/// Rule 1, and the outcome is stored. Nobody else will read it.
unsafe fn drop_unread<F: Future, S: Schedule>(task: &Cell<F, S>) {
    assert_none_held();
    let _current = Current::enter(task.header.id());
    // SAFETY: the caller's promise.
    match unsafe { task.take() } {
        Some(Outcome::Value(value)) => contain(|| drop(value)),
        Some(Outcome::Panicked(payload)) => {
            let (id, location) = (task.header.id(), task.header.location());
            contain(|| task.scheduler.unhandled_panic(id, location, payload.into_any()));
        }
        Some(Outcome::Cancelled) | None => {}
    }
}

/// Drops the join waker, if there is one.
///
/// # Safety
/// Rule 3: the waker is the caller's.
pub(super) unsafe fn drop_join_waker(header: &Header) {
    // SAFETY: the caller's promise.
    let waker = header.join_waker.with_mut(|slot| unsafe { (*slot).take() });
    if waker.is_some() {
        assert_none_held();
        contain(|| drop(waker));
    }
}

/// # Safety
/// The caller has a reference until this returns; the task is of these types.
unsafe fn schedule<F: Future, S: Schedule>(header: NonNull<Header>, task: Notified) {
    // SAFETY: the caller's types and reference.
    unsafe { cell::<F, S>(header) }.scheduler.schedule(task);
}

/// # Safety
/// The caller has a reference until this returns; the task is of these types.
unsafe fn yield_now<F: Future, S: Schedule>(header: NonNull<Header>, task: Notified) {
    // SAFETY: the caller's types and reference.
    unsafe { cell::<F, S>(header) }.scheduler.yield_now(task);
}

/// # Safety
/// Called by the join handle of a complete task; `into` points to an `Option<Result<F::Output, JoinError>>`.
unsafe fn take_output<F: Future, S: Schedule>(header: NonNull<Header>, into: *mut ()) {
    // SAFETY: the caller's types and reference.
    let task = unsafe { cell::<F, S>(header) };
    // SAFETY: rule 1, of a complete task the contents are the handle's.
    if let Some(outcome) = unsafe { task.take() } {
        let result = Some(outcome.into_result(task.header.id()));
        // SAFETY: the caller's promise about `into`; what was there is a None.
        unsafe { into.cast::<Option<Result<F::Output, super::JoinError>>>().write(result) };
    }
}

/// # Safety
/// Called by the join handle of a complete task.
unsafe fn drop_output<F: Future, S: Schedule>(header: NonNull<Header>) {
    // SAFETY: rule 1, of a complete task the contents are the handle's, who has a reference.
    unsafe { drop_unread(cell::<F, S>(header)) };
}

/// # Safety
/// There is no reference left: the caller gave up the last.
unsafe fn free<F: Future, S: Schedule>(header: NonNull<Header>) {
    {
        // SAFETY: the cell is alive until the box is dropped below, and nobody else can reach it.
        let task = unsafe { cell::<F, S>(header) };
        assert_none_held();
        let _current = Current::enter(task.header.id());
        // SAFETY: nobody else is left, so contents and waker are ours.
        contain(|| unsafe { task.drop_contents() });
        // SAFETY: as above.
        unsafe { drop_join_waker(&task.header) };
    }
    // SAFETY: the pointer came from this box, and no reference is left. The scheduler's handle is dropped with it.
    contain(|| drop(unsafe { Box::from_raw(header.cast::<Cell<F, S>>().as_ptr()) }));
}
