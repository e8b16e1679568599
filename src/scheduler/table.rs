//! A table that grows up to its capacity and never moves an entry: read by anyone at any time, filled under its owner's lock.

use std::marker::PhantomData;
use std::ptr::{self, NonNull};

use crate::primitives::atomic::{AtomicPtr, AtomicUsize, Ordering};

pub(super) struct Table<T> {
    entries: Box<[AtomicPtr<T>]>,
    /// How many entries are filled, from the front.
    len: AtomicUsize,
    /// It owns them, and is shared as they may be.
    _entries: PhantomData<T>,
}

impl<T> Table<T> {
    pub(super) fn new(capacity: usize) -> Self {
        let entries = (0..capacity).map(|_| AtomicPtr::new(ptr::null_mut())).collect();
        Self { entries, len: AtomicUsize::new(0), _entries: PhantomData }
    }

    pub(super) fn is_full(&self) -> bool {
        self.len() == self.entries.len()
    }

    /// Fills the next entry. Only one at a time, under a lock of the caller's, and not when it is full.
    pub(super) fn append(&self, value: T) -> usize {
        // Relaxed: only changed under the lock that the caller holds.
        let index = self.len.load(Ordering::Relaxed);
        // Relaxed: published by the store to `len`.
        self.entries[index].store(Box::into_raw(Box::new(value)), Ordering::Relaxed);
        // ORDERING: Release, edge "slot-added": publishes the entry and what lies behind it to `iter` and `get`.
        self.len.store(index + 1, Ordering::Release);
        index
    }

    pub(super) fn len(&self) -> usize {
        // ORDERING: Acquire, edge "slot-added": whoever sees the count sees the entries.
        self.len.load(Ordering::Acquire)
    }

    pub(super) fn get(&self, index: usize) -> &T {
        debug_assert!(index < self.len());
        // Relaxed: an index that anyone can know of came after the "slot-added" edge.
        let entry = self.entries[index].load(Ordering::Relaxed);
        // SAFETY: entries below `len` were filled from a Box before `len` grew, and are freed only in `drop`.
        unsafe { NonNull::new(entry).expect("an entry below len is filled").as_ref() }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, &T)> {
        (0..self.len()).map(|index| (index, self.get(index)))
    }
}

impl<T> Drop for Table<T> {
    fn drop(&mut self) {
        for entry in &self.entries[..self.len()] {
            // Relaxed: `&mut self`, nobody else is here.
            let entry = entry.load(Ordering::Relaxed);
            // SAFETY: it came from Box::into_raw in `append`, and nobody can hold a reference while `self` drops.
            drop(unsafe { Box::from_raw(entry) });
        }
    }
}
