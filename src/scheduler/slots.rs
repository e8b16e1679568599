//! The table of slots: grows up to its capacity, never moves a slot, and reuses the seats of threads that left.

use std::ptr::{self, NonNull};

use super::slot::{Control, Slot};
use crate::primitives::Mutex;
use crate::primitives::atomic::{AtomicPtr, AtomicUsize, Ordering};
use crate::primitives::parker::Parker;
use crate::queue::Local;
use crate::tasks::Notified;

pub(crate) struct Slots {
    table: Box<[AtomicPtr<Slot>]>,
    /// How many entries of the table are filled, from the front.
    len: AtomicUsize,
    left: Mutex<Vec<Seat>>,
}

/// A thread's own half of its slot.
pub(crate) struct Seat {
    pub(crate) index: usize,
    pub(crate) queue: Local<Notified>,
    pub(crate) parker: Parker,
}

impl Slots {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            table: (0..capacity).map(|_| AtomicPtr::new(ptr::null_mut())).collect(),
            len: AtomicUsize::new(0),
            left: Mutex::new(Vec::new()),
        }
    }

    /// A seat for a new thread; None when all are taken.
    pub(crate) fn sit_down(&self) -> Option<Seat> {
        let mut left = self.left.lock();
        let seat = match left.pop() {
            Some(seat) => seat,
            None => self.append()?,
        };
        self.get(seat.index).set_control(Control::Idle);
        Some(seat)
    }

    /// The thread leaves; its queue must be empty.
    pub(crate) fn stand_up(&self, seat: Seat) {
        debug_assert!(seat.queue.is_empty(), "a thread left its queue behind");
        self.get(seat.index).set_control(Control::Empty);
        self.left.lock().push(seat);
    }

    /// Fills the next entry. Called under the lock of `left`.
    fn append(&self) -> Option<Seat> {
        // Relaxed: only changed under the lock that the caller holds.
        let index = self.len.load(Ordering::Relaxed);
        let entry = self.table.get(index)?;
        let (queue, parker) = (Local::new_fifo(), Parker::new());
        let slot = Box::new(Slot::new(queue.stealer(), parker.unparker()));
        // Relaxed: published by the store to `len`.
        entry.store(Box::into_raw(slot), Ordering::Relaxed);
        // ORDERING: Release, edge "slot-added": publishes the entry and the slot behind it to `iter` and `get`.
        self.len.store(index + 1, Ordering::Release);
        Some(Seat { index, queue, parker })
    }

    pub(crate) fn len(&self) -> usize {
        // ORDERING: Acquire, edge "slot-added": whoever sees the count sees the slots.
        self.len.load(Ordering::Acquire)
    }

    pub(crate) fn get(&self, index: usize) -> &Slot {
        debug_assert!(index < self.len());
        // Relaxed: an index that anyone can know of came after the "slot-added" edge.
        let slot = self.table[index].load(Ordering::Relaxed);
        // SAFETY: entries below `len` were filled from a Box before `len` grew, and are freed only in `drop`.
        unsafe { NonNull::new(slot).expect("a slot below len is filled").as_ref() }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (usize, &Slot)> {
        (0..self.len()).map(|index| (index, self.get(index)))
    }
}

impl Drop for Slots {
    fn drop(&mut self) {
        for entry in &self.table {
            // Relaxed: `&mut self`, nobody else is here.
            if let Some(slot) = NonNull::new(entry.load(Ordering::Relaxed)) {
                // SAFETY: it came from Box::into_raw in `append`, and nobody can hold a reference while `self` drops.
                drop(unsafe { Box::from_raw(slot.as_ptr()) });
            }
        }
    }
}
