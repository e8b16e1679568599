//! The state word of a task: six flags and a reference count in one atomic, and every change that it may make.
//!
//! Each transition is one read-modify-write and returns an enum that names the caller's duty. A store or a plain
//! `fetch_add` guarded by an earlier load would be cheaper in places, and is how others lost wake-ups: not here.
//!
//! The edges that the orderings below name:
//! * *wake*: what a waker wrote before `wake` is seen by the poll that follows. Release in `wake*`, Acquire in `start_poll`.
//! * *turn*: what one poll did to the future is seen by the next, on whatever thread. `end_poll` → `start_poll`, `shutdown`.
//! * *end*: the output is seen by the join handle. `complete` → the handle's Acquire load.
//! * *joiner*: the join waker is seen by whoever completes the task, and its last use there by the handle that drops it.
//! * *last*: everything done through any reference comes before the memory is freed.

use std::fmt;

use crate::primitives::atomic::{AtomicUsize, Ordering};
use crate::primitives::say;

/// Somebody polls the future, or drops it: whoever set this bit owns the contents.
const RUNNING: usize = 1 << 0;
/// The outcome is final. Never cleared.
const COMPLETE: usize = 1 << 1;
/// A `Notified` exists, or, while RUNNING, another poll is owed.
const NOTIFIED: usize = 1 << 2;
/// The task is to be dropped instead of polled. Never cleared.
const CANCELLED: usize = 1 << 3;
/// The join handle exists.
const JOIN_INTEREST: usize = 1 << 4;
/// The join waker is set: both sides may read it. Unset, it belongs to the handle.
const JOIN_WAKER: usize = 1 << 5;
/// One reference.
const REFERENCE: usize = 1 << 6;
/// Beyond this many references something leaks without end: stop before the counter wraps.
const MAX: usize = isize::MAX as usize;

/// A new task: about to be run, with references for the registry, for the first `Notified`, and for the join handle.
const NEW: usize = NOTIFIED | JOIN_INTEREST | (3 * REFERENCE);

/// The state word.
pub(super) struct State(AtomicUsize);

/// What the word was at one moment.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Snapshot(usize);

/// What the owner of a `Notified` has to do. In the first two cases its reference is now the run's.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub(super) enum StartPoll {
    /// Poll the future, then `end_poll` or complete.
    Poll,
    /// Drop the future and complete.
    Cancel,
    /// Someone else runs it, or it is complete; the reference is given up.
    Nothing,
    /// As `Nothing`, and that was the last reference: free the cell.
    LastReference,
}

/// What the runner has to do after a poll that returned `Pending`.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub(super) enum EndPoll {
    /// Nothing: the run's reference is given up.
    Idle,
    /// Free the cell: nobody can ever wake it.
    LastReference,
    /// It was woken meanwhile: the run's reference is now a `Notified`'s.
    Again,
    /// It was aborted meanwhile: drop the future and complete; still running.
    Cancel,
}

/// What a waker has to do.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wake {
    /// Nothing (and a waker that was consumed has given up its reference).
    Nothing,
    /// Schedule: a reference was added for the `Notified`, and the waker still has its own.
    Schedule,
    /// Free the cell.
    LastReference,
}

/// What one who cancels from outside has to do.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Cancel {
    /// Nothing: it is over, or whoever runs it will see the mark.
    Nothing,
    /// Drop the future and complete: it was idle, and now this thread runs it.
    DropFuture,
}

/// What the runner has to do with a finished task.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Complete {
    /// Nobody will read the output, and the state is unchanged: drop it, then `complete_unread`.
    Unread,
    /// Complete. Wake the join handle, then `finish_waking`; the references are still held.
    WakeJoiner,
    /// Complete, and the references are given up.
    Gone,
}

/// Whether references are left.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Dropped {
    Alive,
    /// Free the cell.
    LastReference,
}

/// Who drops the join waker once it has been woken.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Woken {
    /// The handle does, and the references are given up.
    Gone,
    /// The handle is gone: drop the waker, then the references.
    DropWaker,
}

/// What a join handle that is dropped has to do.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Leave {
    /// Nothing: the reference is given up.
    Gone,
    /// Free the cell.
    LastReference,
    /// The waker is the handle's again: drop it, then the reference.
    DropWaker,
    /// The task is complete, and the state is unchanged: drop the output, then `leave_empty`, or `leave_complete`.
    Complete,
}

/// Whether the join waker could be handed over or taken back.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub(super) enum JoinWaker {
    Done,
    /// The task is complete: read the output instead.
    Complete,
}

impl State {
    pub(super) fn new() -> Self {
        Self(AtomicUsize::new(NEW))
    }

    /// The state now, to decide nothing by: for reports and `Debug`.
    pub(super) fn peek(&self) -> Snapshot {
        // Relaxed: a report of a moment that is over; nothing is read on the strength of it.
        Snapshot(self.0.load(Ordering::Relaxed))
    }

    /// The state as the join handle must see it: once complete, with the output.
    ///
    /// Look once, and decide by that. Of two looks the second may see JOIN_WAKER cleared by a task that completed in
    /// between, and take a waker for its own that the runner has only just used.
    pub(super) fn look(&self) -> Snapshot {
        // ORDERING: Acquire, edge "end": pairs with `complete`; without it the output might not be seen. And edge "joiner": a
        // waker that the runner has given back is no longer in use.
        Snapshot(self.0.load(Ordering::Acquire))
    }

    /// `Notified` → run.
    pub(super) fn start_poll(&self) -> StartPoll {
        // ORDERING: AcqRel, edges "wake", "turn" (Acquire side) and "last". Without it the poll would miss what its waker
        // wrote, or what the poll before it left behind on another thread.
        self.update(Ordering::AcqRel, |now| {
            if now.has(RUNNING | COMPLETE) {
                let next = now.less(1);
                return (
                    if next.references() == 0 { StartPoll::LastReference } else { StartPoll::Nothing },
                    Some(next),
                );
            }
            let duty = if now.has(CANCELLED) { StartPoll::Cancel } else { StartPoll::Poll };
            (duty, Some(now.without(NOTIFIED).with(RUNNING)))
        })
    }

    /// Run → idle, or owed another run.
    pub(super) fn end_poll(&self) -> EndPoll {
        // ORDERING: AcqRel, edges "turn" (Release side) and "last". Without it the next poll might see the future as it
        // was before this one.
        self.update(Ordering::AcqRel, |now| {
            if now.has(CANCELLED) {
                return (EndPoll::Cancel, None);
            }
            let idle = now.without(RUNNING);
            if now.has(NOTIFIED) {
                return (EndPoll::Again, Some(idle));
            }
            let next = idle.less(1);
            (if next.references() == 0 { EndPoll::LastReference } else { EndPoll::Idle }, Some(next))
        })
    }

    /// A waker is used up.
    pub(super) fn wake(&self) -> Wake {
        // ORDERING: AcqRel, edges "wake" (Release side) and "last". Needed even when the task is notified or running
        // already: that poll may have looked before this waker wrote.
        self.update(Ordering::AcqRel, |now| {
            if now.has(RUNNING | NOTIFIED | COMPLETE) {
                // A running task has the run's reference, so only an idle queue entry or a finished task can end here.
                let next = if now.has(COMPLETE) { now.less(1) } else { now.with(NOTIFIED).less(1) };
                return (if next.references() == 0 { Wake::LastReference } else { Wake::Nothing }, Some(next));
            }
            (Wake::Schedule, Some(now.with(NOTIFIED).more()))
        })
    }

    /// A waker is used and kept.
    pub(super) fn wake_by_ref(&self) -> Wake {
        // ORDERING: Release, edge "wake". A task that is notified or running already is written all the same: its poll
        // may have looked before this waker wrote, and only this write makes it look again and see.
        self.update(Ordering::Release, |now| {
            if now.has(COMPLETE) {
                return (Wake::Nothing, None);
            }
            if now.has(RUNNING | NOTIFIED) {
                return (Wake::Nothing, Some(now.with(NOTIFIED)));
            }
            (Wake::Schedule, Some(now.with(NOTIFIED).more()))
        })
    }

    /// Marks the task cancelled; an idle one is to be scheduled, so that its own thread drops the future.
    pub(super) fn abort(&self) -> Wake {
        // ORDERING: Release, edge "wake", as for any other waker.
        self.update(Ordering::Release, |now| {
            if now.has(COMPLETE | CANCELLED) {
                return (Wake::Nothing, None);
            }
            if now.has(RUNNING | NOTIFIED) {
                return (Wake::Nothing, Some(now.with(CANCELLED)));
            }
            (Wake::Schedule, Some(now.with(CANCELLED | NOTIFIED).more()))
        })
    }

    /// Marks the task cancelled; the caller, who holds a reference, drops the future of an idle one.
    pub(super) fn shutdown(&self) -> Cancel {
        // ORDERING: AcqRel, edge "turn" (Acquire side): the future is seen as its last poll left it.
        self.update(Ordering::AcqRel, |now| {
            if now.has(RUNNING | COMPLETE) {
                return (Cancel::Nothing, Some(now.with(CANCELLED)));
            }
            (Cancel::DropFuture, Some(now.with(CANCELLED | RUNNING)))
        })
    }

    /// Run → complete, giving up `references` where nothing is left to do.
    pub(super) fn complete(&self, references: usize) -> Complete {
        // ORDERING: AcqRel, edges "end" (Release side: the output), "joiner" (Acquire side: the waker) and "last".
        self.update(Ordering::AcqRel, |now| {
            debug_assert!(now.has(RUNNING) && !now.has(COMPLETE), "completed while {now:?}");
            let next = now.without(RUNNING).with(COMPLETE);
            if !now.has(JOIN_INTEREST) {
                (Complete::Unread, None)
            } else if now.has(JOIN_WAKER) {
                (Complete::WakeJoiner, Some(next))
            } else {
                // The join handle has a reference of its own, so these are not the last.
                (Complete::Gone, Some(next.less(references)))
            }
        })
    }

    /// Run → complete for a task without a join handle, whose output has been dropped.
    pub(super) fn complete_unread(&self, references: usize) -> Dropped {
        // RUNNING is ours and set, COMPLETE unset, so one addition does what the difference says and no more.
        let difference = COMPLETE.wrapping_sub(RUNNING).wrapping_sub(references * REFERENCE);
        // ORDERING: AcqRel, edge "last".
        let before = Snapshot(self.0.fetch_add(difference, Ordering::AcqRel));
        debug_assert!(before.has(RUNNING) && !before.has(COMPLETE | JOIN_INTEREST), "completed while {before:?}");
        if before.references() == references { Dropped::LastReference } else { Dropped::Alive }
    }

    /// The join waker has been woken: it goes back to the handle, if there still is one.
    pub(super) fn finish_waking(&self, references: usize) -> Woken {
        // ORDERING: AcqRel, edge "joiner" in both directions: our use of the waker comes before the handle drops it, and
        // the handle's before we do. And "last".
        self.update(Ordering::AcqRel, |now| {
            if now.has(JOIN_INTEREST) {
                return (Woken::Gone, Some(now.without(JOIN_WAKER).less(references)));
            }
            (Woken::DropWaker, Some(now.without(JOIN_WAKER)))
        })
    }

    /// The handle hands over the waker it has just written.
    pub(super) fn set_join_waker(&self) -> JoinWaker {
        // ORDERING: Release, edge "joiner": publishes the waker to `complete`.
        self.update(Ordering::Release, |now| {
            debug_assert!(now.has(JOIN_INTEREST) && !now.has(JOIN_WAKER), "join waker set twice: {now:?}");
            if now.has(COMPLETE) { (JoinWaker::Complete, None) } else { (JoinWaker::Done, Some(now.with(JOIN_WAKER))) }
        })
    }

    /// The handle takes the waker back, to replace it.
    pub(super) fn unset_join_waker(&self) -> JoinWaker {
        // Relaxed: until the task completes nobody but the handle touches the waker, and if it has completed by now this
        // changes nothing.
        self.update(Ordering::Relaxed, |now| {
            if now.has(COMPLETE) {
                return (JoinWaker::Complete, None);
            }
            (JoinWaker::Done, Some(now.without(JOIN_WAKER)))
        })
    }

    /// The join handle goes.
    pub(super) fn leave(&self) -> Leave {
        // ORDERING: AcqRel, edge "last". (The waker it takes back is its own: until completion no one else touches it.)
        self.update(Ordering::AcqRel, |now| {
            if now.has(COMPLETE) {
                return (Leave::Complete, None);
            }
            let next = now.without(JOIN_INTEREST | JOIN_WAKER);
            if now.has(JOIN_WAKER) {
                return (Leave::DropWaker, Some(next));
            }
            let next = next.less(1);
            (if next.references() == 0 { Leave::LastReference } else { Leave::Gone }, Some(next))
        })
    }

    /// The join handle of a complete task goes; output and waker are dropped already.
    pub(super) fn leave_empty(&self) -> Leave {
        // JOIN_INTEREST is ours and set, so one subtraction does what the difference says and no more.
        // ORDERING: AcqRel, edge "last".
        let before = Snapshot(self.0.fetch_sub(JOIN_INTEREST + REFERENCE, Ordering::AcqRel));
        debug_assert!(
            before.has(COMPLETE) && before.has(JOIN_INTEREST) && !before.has(JOIN_WAKER),
            "left while {before:?}"
        );
        if before.references() == 1 { Leave::LastReference } else { Leave::Gone }
    }

    /// The join handle of a complete task goes while its waker is in use; the output is dropped already.
    pub(super) fn leave_complete(&self) -> Leave {
        // ORDERING: AcqRel, edge "joiner" in both directions, see `finish_waking`; and "last".
        self.update(Ordering::AcqRel, |now| {
            let next = now.without(JOIN_INTEREST);
            if now.has(JOIN_WAKER) {
                // The runner is still waking: it has a reference, and will find the handle gone and drop the waker.
                return (Leave::Gone, Some(next.less(1)));
            }
            (Leave::DropWaker, Some(next))
        })
    }

    /// One more reference. The caller has one.
    pub(super) fn add_reference(&self) {
        // Relaxed: a reference is made from a reference, so nothing new is published.
        let before = self.0.fetch_add(REFERENCE, Ordering::Relaxed);
        if before > MAX {
            overflow();
        }
    }

    /// Gives up `count` references.
    pub(super) fn drop_references(&self, count: usize) -> Dropped {
        // ORDERING: AcqRel, edge "last": Release orders our use of the cell before the freeing, Acquire all others'.
        let before = Snapshot(self.0.fetch_sub(count * REFERENCE, Ordering::AcqRel));
        debug_assert!(before.references() >= count, "more references dropped than there are: {before:?}");
        if before.references() == count { Dropped::LastReference } else { Dropped::Alive }
    }

    /// One read-modify-write (or none, where `step` wants no change), and what `step` says of the state it was made on.
    #[inline]
    fn update<R>(&self, order: Ordering, step: impl Fn(Snapshot) -> (R, Option<Snapshot>)) -> R {
        // Relaxed: only a guess, which the exchange confirms. A duty without a change relies on nothing but its bits.
        let mut now = self.0.load(Ordering::Relaxed);
        loop {
            let (duty, next) = step(Snapshot(now));
            let Some(next) = next else { return duty };
            // ORDERING: the caller's, named there.
            match self.0.compare_exchange_weak(now, next.0, order, Ordering::Relaxed) {
                Ok(_) => return duty,
                Err(other) => now = other,
            }
        }
    }
}

impl Snapshot {
    /// Whether any of `bits` is set.
    fn has(self, bits: usize) -> bool {
        self.0 & bits != 0
    }

    fn with(self, bits: usize) -> Self {
        Self(self.0 | bits)
    }

    fn without(self, bits: usize) -> Self {
        Self(self.0 & !bits)
    }

    fn more(self) -> Self {
        if self.0 > MAX {
            overflow();
        }
        Self(self.0 + REFERENCE)
    }

    fn less(self, references: usize) -> Self {
        debug_assert!(self.references() >= references, "more references dropped than there are: {self:?}");
        Self(self.0 - references * REFERENCE)
    }

    pub(super) fn references(self) -> usize {
        self.0 / REFERENCE
    }

    pub(super) fn is_complete(self) -> bool {
        self.has(COMPLETE)
    }

    pub(super) fn has_join_waker(self) -> bool {
        self.has(JOIN_WAKER)
    }

    pub(super) fn is_running(self) -> bool {
        self.has(RUNNING)
    }

    pub(super) fn is_notified(self) -> bool {
        self.has(NOTIFIED)
    }
}

/// So many references can only come from a leak in a loop. Going on would wrap the count and free a live task.
#[cold]
fn overflow() -> ! {
    say(format_args!("a task has more references than memory could hold: its wakers are being leaked. Aborting."));
    std::process::abort();
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = ["running", "complete", "notified", "cancelled", "join-interest", "join-waker"];
        for (bit, name) in names.iter().enumerate().filter(|(bit, _)| self.has(1 << bit)) {
            write!(f, "{}{name}", if self.0 & ((1 << bit) - 1) == 0 { "" } else { "|" })?;
        }
        write!(f, " ({} references)", self.references())
    }
}

#[cfg(test)]
impl State {
    /// A task one reference short of the limit, for the test that sees the process abort.
    pub(super) fn exhaust_references(&self) {
        // Relaxed: a test on one thread.
        self.0.fetch_or(MAX & !(REFERENCE - 1), Ordering::Relaxed);
    }
}
