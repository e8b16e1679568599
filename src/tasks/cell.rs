//! The task's one allocation: its layout, its table of functions, and the future-or-output in it.
//!
//! ```text
//!   Header                                         | scheduler | contents
//!   state · vtable · id · location · place · joiner |     S     | future ∪ output ∪ panic
//! ```
//!
//! The header comes first and has no type parameter, so that every reference is one thin pointer to it. Contents is a
//! union whose tag lies in the header's padding: a task costs its future (or output, if larger) and 64 bytes.
//!
//! The numbered rules that the SAFETY comments name are in the folder's `mod.rs`.

use std::any::Any;
use std::future::Future;
use std::mem::ManuallyDrop;
use std::panic::Location;
use std::pin::Pin;
use std::ptr::NonNull;
use std::task::{Context, Poll, Waker};

use super::error::{JoinError, Payload};
use super::id::Id;
use super::references::Reference;
use super::state::State;
use super::{JoinHandle, Notified, Schedule, Task, harness};
use crate::primitives::UnsafeCell;
use crate::primitives::atomic::AtomicBool;

/// The part of a task that does not depend on its types.
#[repr(C)]
pub(crate) struct Header {
    pub(super) state: State,
    pub(super) vtable: &'static Vtable,
    id: Id,
    location: &'static Location<'static>,
    /// Rule 4: written before the registry shows the task to others, and never again.
    place: UnsafeCell<Place>,
    /// Rule 1.
    tag: UnsafeCell<Tag>,
    /// A worker passed it on since its last poll. Only the one `Notified` touches it, and it goes through the queues with that.
    pub(super) passed_on: AtomicBool,
    /// Rule 3.
    pub(super) join_waker: UnsafeCell<Option<Waker>>,
}

/// Where the registry keeps its reference.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) key: u32,
    /// `UNBOUND` for a task that was never registered.
    pub(super) shard: u16,
    /// The registry has a name for it.
    pub(super) named: bool,
}

/// The shard of a task that is in no registry.
pub(super) const UNBOUND: u16 = u16::MAX;

/// What the contents are now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Tag {
    Future,
    Value,
    Panic,
    Cancelled,
    /// Taken, or being dropped.
    Nothing,
}

/// What differs between the types of tasks.
pub(super) struct Vtable {
    /// Consumes a reference that was a `Notified`; returns the next, if the task was woken while it ran.
    pub(super) poll: unsafe fn(NonNull<Header>) -> Option<Notified>,
    /// Hands a new `Notified` to the scheduler; the caller keeps a reference of its own until this returns.
    pub(super) schedule: unsafe fn(NonNull<Header>, Notified),
    /// As `schedule`, to the back of a queue.
    pub(super) yield_now: unsafe fn(NonNull<Header>, Notified),
    /// Drops the future and completes. The caller has set RUNNING; consumes a reference.
    pub(super) cancel: unsafe fn(NonNull<Header>),
    /// Moves the output into the `Option<Result<T, JoinError>>` behind the pointer.
    pub(super) take_output: unsafe fn(NonNull<Header>, *mut ()),
    /// Drops an output that nobody will read.
    pub(super) drop_output: unsafe fn(NonNull<Header>),
    /// Frees the cell: the last reference is gone.
    pub(super) free: unsafe fn(NonNull<Header>),
    /// `S::BLOCKING`.
    pub(super) blocking: bool,
}

/// A task.
#[repr(C)]
pub(super) struct Cell<F: Future, S> {
    pub(super) header: Header,
    pub(super) scheduler: S,
    contents: UnsafeCell<Contents<F, F::Output>>,
}

union Contents<F, T> {
    future: ManuallyDrop<F>,
    value: ManuallyDrop<T>,
    // Boxed twice, since a fat pointer would make small tasks larger.
    panic: ManuallyDrop<Box<Payload>>,
}

/// What became of a task.
pub(super) enum Outcome<T> {
    Value(T),
    Panicked(Payload),
    Cancelled,
}

/// Makes a task with its three first references: the registry's, the right to its first poll, and the join handle.
pub(crate) fn new<F, S>(
    future: F,
    scheduler: S,
    id: Id,
    location: &'static Location<'static>,
) -> (Task, Notified, JoinHandle<F::Output>)
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
    S: Schedule,
{
    let header = Header {
        state: State::new(),
        vtable: const { &harness::vtable::<F, S>() },
        id,
        location,
        place: UnsafeCell::new(Place { key: 0, shard: UNBOUND, named: false }),
        tag: UnsafeCell::new(Tag::Future),
        passed_on: AtomicBool::new(false),
        join_waker: UnsafeCell::new(None),
    };
    let contents = UnsafeCell::new(Contents { future: ManuallyDrop::new(future) });
    let cell = Box::into_raw(Box::new(Cell { header, scheduler, contents }));
    // SAFETY: a box is never null.
    let header = unsafe { NonNull::new_unchecked(cell) }.cast::<Header>();
    // SAFETY: the state begins with three references, and each is given out here once; NOTIFIED and JOIN_INTEREST are set.
    unsafe { (Task::new(Reference::from_raw(header)), Notified::from_raw(header), JoinHandle::from_raw(header)) }
}

impl Header {
    /// The task's number.
    pub(crate) fn id(&self) -> Id {
        self.id
    }

    /// Where the task was spawned.
    pub(crate) fn location(&self) -> &'static Location<'static> {
        self.location
    }

    pub(super) fn place(&self) -> Place {
        // SAFETY: rule 4, written only before anyone else could have this reference.
        self.place.with(|place| unsafe { *place })
    }

    /// # Safety
    /// Rule 4: nobody else can reach the task yet.
    pub(super) unsafe fn set_place(&self, place: Place) {
        // SAFETY: the caller's promise.
        self.place.with_mut(|slot| unsafe { *slot = place });
    }

    /// Whether there is an outcome that has not been taken.
    ///
    /// # Safety
    /// Rule 1, and the task is complete.
    pub(super) unsafe fn has_outcome(&self) -> bool {
        self.tag() != Tag::Nothing
    }

    fn tag(&self) -> Tag {
        // SAFETY: rule 1, the tag is read by the contents' owner only.
        self.tag.with(|tag| unsafe { *tag })
    }

    fn set_tag(&self, tag: Tag) {
        // SAFETY: rule 1, the tag is written by the contents' owner only.
        self.tag.with_mut(|slot| unsafe { *slot = tag });
    }
}

/// All of these are for the owner of the contents alone (rule 1), and none of them is re-entered: `Nothing` is put in place
/// before a destructor runs, so that one that panics leaves nothing half dropped to be dropped again.
impl<F: Future, S> Cell<F, S> {
    /// # Safety
    /// Rule 1, and the contents are the future.
    pub(super) unsafe fn poll_future(&self, cx: &mut Context<'_>) -> Poll<F::Output> {
        debug_assert_eq!(self.header.tag(), Tag::Future);
        self.contents.with_mut(|contents| {
            // SAFETY: the caller owns the contents, which are the future; it never moves out of the allocation.
            let future = unsafe { Pin::new_unchecked(&mut *(*contents).future) };
            future.poll(cx)
        })
    }

    /// Drops the contents, whatever they are. May unwind, out of the user's destructor; they are gone all the same.
    ///
    /// # Safety
    /// Rule 1.
    pub(super) unsafe fn drop_contents(&self) {
        let tag = self.header.tag();
        self.header.set_tag(Tag::Nothing);
        // SAFETY: the caller owns the contents, and the tag says what they are; after this it says they are gone.
        self.contents.with_mut(|contents| unsafe {
            match tag {
                Tag::Future => ManuallyDrop::drop(&mut (*contents).future),
                Tag::Value => ManuallyDrop::drop(&mut (*contents).value),
                Tag::Panic => ManuallyDrop::drop(&mut (*contents).panic),
                Tag::Cancelled | Tag::Nothing => {}
            }
        });
    }

    /// # Safety
    /// Rule 1, and the contents are nothing.
    pub(super) unsafe fn store(&self, outcome: Outcome<F::Output>) {
        debug_assert_eq!(self.header.tag(), Tag::Nothing);
        let (contents, tag) = match outcome {
            Outcome::Value(value) => (Some(Contents { value: ManuallyDrop::new(value) }), Tag::Value),
            Outcome::Panicked(payload) => (Some(Contents { panic: ManuallyDrop::new(Box::new(payload)) }), Tag::Panic),
            Outcome::Cancelled => (None, Tag::Cancelled),
        };
        if let Some(contents) = contents {
            // SAFETY: the caller owns the contents, and what was in them has been dropped or taken.
            self.contents.with_mut(|slot| unsafe { slot.write(contents) });
        }
        self.header.set_tag(tag);
    }

    /// The outcome, once. None if it has been taken.
    ///
    /// # Safety
    /// Rule 1, and the task is complete.
    pub(super) unsafe fn take(&self) -> Option<Outcome<F::Output>> {
        let tag = self.header.tag();
        if matches!(tag, Tag::Future | Tag::Nothing) {
            return None;
        }
        self.header.set_tag(Tag::Nothing);
        // SAFETY: the caller owns the contents, and the tag said what they are; now it says that they are gone.
        self.contents.with_mut(|contents| unsafe {
            match tag {
                Tag::Value => Some(Outcome::Value(ManuallyDrop::take(&mut (*contents).value))),
                Tag::Panic => Some(Outcome::Panicked(*ManuallyDrop::take(&mut (*contents).panic))),
                _ => Some(Outcome::Cancelled),
            }
        })
    }
}

impl<T> Outcome<T> {
    pub(super) fn panicked(payload: Box<dyn Any + Send>) -> Self {
        Self::Panicked(Payload::new(payload))
    }

    pub(super) fn into_result(self, id: Id) -> Result<T, JoinError> {
        match self {
            Self::Value(value) => Ok(value),
            Self::Panicked(payload) => Err(JoinError::panicked(id, payload)),
            Self::Cancelled => Err(JoinError::cancelled(id)),
        }
    }
}
