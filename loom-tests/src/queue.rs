//! A stand-in for crossbeam-deque, never stronger than the real one, so that it lends no fence to the code under test.
//!
//! The orderings are those of crossbeam-deque 0.8.8, line for line: `push` is a release fence and a relaxed store; the
//! owner's `is_empty` has no fence; a stealer's `steal` carries a `SeqCst` fence; the injector's `push` is a
//! read-modify-write without a fence, and its `steal` fences and looks at the length before it touches anything else.
//! Weaker on purpose: `is_empty` of stealer and injector has neither fence nor ordering here. The protocol of sleep and wake
//! has fences of its own before each such look; with the real one's they could be taken out, and no model would tell.
//! (The real one's SeqCst accesses are AcqRel to loom, which is weaker, never stronger.) Slots are atomic, since a thief
//! reads a slot before it knows that the slot is its own.
//!
//! Capacity is four, without growth: a model that needs more is too large.

use std::collections::VecDeque;
use std::fmt;

pub(crate) use crossbeam_deque::Steal;
use loom::sync::atomic::{AtomicIsize, AtomicPtr, AtomicUsize, Ordering, fence};
use loom::sync::{Arc, Mutex};

const CAPACITY: isize = 4;

struct Ring<T> {
    front: AtomicIsize,
    back: AtomicIsize,
    slots: [AtomicPtr<T>; CAPACITY as usize],
}

/// One worker's FIFO queue.
pub(crate) struct Local<T> {
    ring: Arc<Ring<T>>,
    // Like the real one: Send, but not Sync.
    _owner: std::marker::PhantomData<std::cell::Cell<()>>,
}

/// The far end of a [`Local`].
pub(crate) struct Stealer<T> {
    ring: Arc<Ring<T>>,
}

// SAFETY: a value goes through a slot as a Box, and exactly one side wins the exchange of `front` that hands it out.
unsafe impl<T: Send> Send for Ring<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for Ring<T> {}

impl<T> Ring<T> {
    fn slot(&self, index: isize) -> &AtomicPtr<T> {
        &self.slots[index.rem_euclid(CAPACITY) as usize]
    }

    fn write(&self, index: isize, value: *mut T) {
        self.slot(index).store(value, Ordering::Relaxed);
    }

    fn read(&self, index: isize) -> *mut T {
        self.slot(index).load(Ordering::Relaxed)
    }

    /// Takes what a thief sees: up to `limit`, half of them at most when `limit` is above one.
    fn steal(&self, limit: impl Fn(isize) -> isize) -> Steal<Vec<*mut T>> {
        let front = self.front.load(Ordering::Acquire);
        fence(Ordering::SeqCst);
        let back = self.back.load(Ordering::Acquire);
        let length = back.wrapping_sub(front);
        if length <= 0 {
            return Steal::Empty;
        }
        let count = limit(length);
        let taken = (0..count).map(|n| self.read(front.wrapping_add(n))).collect();
        match self.front.compare_exchange(front, front.wrapping_add(count), Ordering::SeqCst, Ordering::Relaxed) {
            Ok(_) => Steal::Success(taken),
            Err(_) => Steal::Retry,
        }
    }
}

impl<T> Drop for Ring<T> {
    fn drop(&mut self) {
        let (front, back) = (self.front.with_mut(|n| *n), self.back.with_mut(|n| *n));
        for index in front..back {
            let value = self.slots[index.rem_euclid(CAPACITY) as usize].with_mut(|slot| *slot);
            // SAFETY: between front and back each slot owns a box, and nobody else has the ring any more.
            drop(unsafe { Box::from_raw(value) });
        }
    }
}

/// A value back out of its slot.
fn unbox<T>(value: *mut T) -> T {
    // SAFETY: the caller won the exchange that hands this slot out, so it alone owns the box.
    *unsafe { Box::from_raw(value) }
}

impl<T> Local<T> {
    pub(crate) fn new_fifo() -> Self {
        let slots = [(); CAPACITY as usize].map(|()| AtomicPtr::new(std::ptr::null_mut()));
        let ring = Ring { front: AtomicIsize::new(0), back: AtomicIsize::new(0), slots };
        Self { ring: Arc::new(ring), _owner: std::marker::PhantomData }
    }

    pub(crate) fn stealer(&self) -> Stealer<T> {
        Stealer { ring: self.ring.clone() }
    }

    pub(crate) fn push(&self, value: T) {
        let back = self.ring.back.load(Ordering::Relaxed);
        let front = self.ring.front.load(Ordering::Acquire);
        assert!(back.wrapping_sub(front) < CAPACITY, "a model pushed more than {CAPACITY} tasks into one queue");
        self.ring.write(back, Box::into_raw(Box::new(value)));
        fence(Ordering::Release);
        self.ring.back.store(back.wrapping_add(1), Ordering::Relaxed);
    }

    pub(crate) fn pop(&self) -> Option<T> {
        let back = self.ring.back.load(Ordering::Relaxed);
        let front = self.ring.front.load(Ordering::Relaxed);
        if back.wrapping_sub(front) <= 0 {
            return None;
        }
        let front = self.ring.front.fetch_add(1, Ordering::SeqCst);
        if back.wrapping_sub(front.wrapping_add(1)) < 0 {
            self.ring.front.store(front, Ordering::Relaxed);
            return None;
        }
        Some(unbox(self.ring.read(front)))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn len(&self) -> usize {
        let back = self.ring.back.load(Ordering::Relaxed);
        let front = self.ring.front.load(Ordering::SeqCst);
        back.wrapping_sub(front).max(0) as usize
    }

    /// Takes what a thief brought.
    fn receive(&self, values: &[*mut T]) {
        let mut back = self.ring.back.load(Ordering::Relaxed);
        let front = self.ring.front.load(Ordering::Relaxed);
        assert!(back.wrapping_sub(front) + values.len() as isize <= CAPACITY, "a stolen batch does not fit");
        for &value in values {
            self.ring.write(back, value);
            back = back.wrapping_add(1);
        }
        fence(Ordering::Release);
        self.ring.back.store(back, Ordering::Relaxed);
    }
}

impl<T> Stealer<T> {
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn len(&self) -> usize {
        // Relaxed and without a fence, see the file's head.
        let front = self.ring.front.load(Ordering::Relaxed);
        let back = self.ring.back.load(Ordering::Relaxed);
        back.wrapping_sub(front).max(0) as usize
    }

    pub(crate) fn steal(&self) -> Steal<T> {
        map(self.ring.steal(|_| 1), |values| unbox(values[0]))
    }

    pub(crate) fn steal_batch(&self, dest: &Local<T>) -> Steal<()> {
        self.steal_batch_with_limit(dest, CAPACITY as usize)
    }

    pub(crate) fn steal_batch_with_limit(&self, dest: &Local<T>, limit: usize) -> Steal<()> {
        map(self.ring.steal(|length| half(length, limit)), |values| dest.receive(&values))
    }

    pub(crate) fn steal_batch_and_pop(&self, dest: &Local<T>) -> Steal<T> {
        self.steal_batch_with_limit_and_pop(dest, CAPACITY as usize)
    }

    pub(crate) fn steal_batch_with_limit_and_pop(&self, dest: &Local<T>, limit: usize) -> Steal<T> {
        map(self.ring.steal(|length| half(length, limit)), |values| {
            if values.len() > 1 {
                dest.receive(&values[1..]);
            }
            unbox(values[0])
        })
    }
}

/// Half of `length`, rounded up, and at most `limit`.
fn half(length: isize, limit: usize) -> isize {
    ((length + 1) / 2).min(limit as isize)
}

fn map<T, U>(steal: Steal<T>, f: impl FnOnce(T) -> U) -> Steal<U> {
    match steal {
        Steal::Success(value) => Steal::Success(f(value)),
        Steal::Empty => Steal::Empty,
        Steal::Retry => Steal::Retry,
    }
}

impl<T> Clone for Stealer<T> {
    fn clone(&self) -> Self {
        Self { ring: self.ring.clone() }
    }
}

/// The queue all may push to: a lock, and a length that is read without it.
///
/// The lock alone would order every look after every push, and so hide a missing fence.
pub(crate) struct Injector<T> {
    values: Mutex<VecDeque<T>>,
    length: AtomicUsize,
}

impl<T> Injector<T> {
    pub(crate) fn new() -> Self {
        Self { values: Mutex::new(VecDeque::new()), length: AtomicUsize::new(0) }
    }

    pub(crate) fn push(&self, value: T) {
        let mut values = self.values.lock().unwrap();
        values.push_back(value);
        self.length.fetch_add(1, Ordering::SeqCst);
    }

    pub(crate) fn steal(&self) -> Steal<T> {
        map(self.take(|_| 1), |mut values| values.pop_front().expect("one was taken"))
    }

    pub(crate) fn steal_batch(&self, dest: &Local<T>) -> Steal<()> {
        self.steal_batch_with_limit(dest, CAPACITY as usize)
    }

    pub(crate) fn steal_batch_with_limit(&self, dest: &Local<T>, limit: usize) -> Steal<()> {
        map(self.take(|length| half(length, limit)), |values| values.into_iter().for_each(|value| dest.push(value)))
    }

    pub(crate) fn steal_batch_and_pop(&self, dest: &Local<T>) -> Steal<T> {
        self.steal_batch_with_limit_and_pop(dest, CAPACITY as usize)
    }

    pub(crate) fn steal_batch_with_limit_and_pop(&self, dest: &Local<T>, limit: usize) -> Steal<T> {
        map(self.take(|length| half(length, limit)), |mut values| {
            let first = values.pop_front().expect("at least one was taken");
            values.into_iter().for_each(|value| dest.push(value));
            first
        })
    }

    fn take(&self, count: impl Fn(isize) -> isize) -> Steal<VecDeque<T>> {
        fence(Ordering::SeqCst);
        if self.length.load(Ordering::Relaxed) == 0 {
            return Steal::Empty;
        }
        let mut values = self.values.lock().unwrap();
        if values.is_empty() {
            return Steal::Empty;
        }
        let count = count(values.len() as isize) as usize;
        self.length.fetch_sub(count, Ordering::SeqCst);
        Steal::Success(values.drain(..count).collect())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn len(&self) -> usize {
        // Relaxed, see the file's head.
        self.length.load(Ordering::Relaxed)
    }
}

impl<T> Default for Injector<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> fmt::Debug for Local<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("Local { .. }")
    }
}

impl<T> fmt::Debug for Stealer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("Stealer { .. }")
    }
}

impl<T> fmt::Debug for Injector<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("Injector { .. }")
    }
}
