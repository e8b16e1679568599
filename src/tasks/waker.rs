//! The task's waker: `std`'s waker over a pointer to the header. It owns a reference.

use std::mem::ManuallyDrop;
use std::ops::Deref;
use std::ptr::NonNull;
use std::task::{RawWaker, RawWakerVTable, Waker};

use super::cell::Header;
use super::references::{Reference, act, free};
use super::state::{Dropped, Wake};

/// One table for all types of tasks, at one address, so that `will_wake` is right.
static VTABLE: RawWakerVTable = RawWakerVTable::new(clone, wake, wake_by_ref, drop);

/// A waker without a reference of its own, for the time of one poll.
pub(super) struct Borrowed(ManuallyDrop<Waker>);

/// A waker for the poll that is about to be made; its clones have references of their own.
///
/// # Safety
/// The caller has a reference that outlives the result.
pub(super) unsafe fn borrow(header: NonNull<Header>) -> Borrowed {
    // SAFETY: the table's functions fit this pointer; without a drop, no reference is given up that was not taken.
    Borrowed(ManuallyDrop::new(unsafe { Waker::from_raw(raw(header)) }))
}

impl Deref for Borrowed {
    type Target = Waker;

    fn deref(&self) -> &Waker {
        &self.0
    }
}

fn raw(header: NonNull<Header>) -> RawWaker {
    RawWaker::new(header.as_ptr().cast::<()>().cast_const(), &VTABLE)
}

/// # Safety
/// `data` is a waker's.
unsafe fn header<'a>(data: *const ()) -> (&'a Header, NonNull<Header>) {
    // SAFETY: it was made of a header's pointer in `raw`, and the waker's reference keeps that alive.
    unsafe {
        let pointer = NonNull::new_unchecked(data.cast_mut().cast::<Header>());
        (pointer.as_ref(), pointer)
    }
}

unsafe fn clone(data: *const ()) -> RawWaker {
    // SAFETY: called with a waker's data.
    let (task, pointer) = unsafe { header(data) };
    task.state.add_reference();
    raw(pointer)
}

unsafe fn wake(data: *const ()) {
    // SAFETY: called with a waker's data.
    let (task, pointer) = unsafe { header(data) };
    match task.state.wake() {
        Wake::Nothing => {}
        // SAFETY: the reference was the last.
        Wake::LastReference => unsafe { free(pointer) },
        Wake::Schedule => {
            // The waker's own reference: it keeps the cell while the scheduler's handle in it is used.
            // SAFETY: this waker is used up, so its reference is ours to give up, after `act`.
            let _reference = unsafe { Reference::from_raw(pointer) };
            // SAFETY: the state added a reference for the Notified, and NOTIFIED is ours.
            unsafe { act(pointer) };
        }
    }
}

unsafe fn wake_by_ref(data: *const ()) {
    // SAFETY: called with a waker's data.
    let (task, pointer) = unsafe { header(data) };
    if task.state.wake_by_ref() == Wake::Schedule {
        // SAFETY: the state added a reference for the Notified; the waker keeps its own.
        unsafe { act(pointer) };
    }
}

unsafe fn drop(data: *const ()) {
    // SAFETY: called with a waker's data.
    let (task, pointer) = unsafe { header(data) };
    if task.state.drop_references(1) == Dropped::LastReference {
        // SAFETY: the reference was the last.
        unsafe { free(pointer) };
    }
}
