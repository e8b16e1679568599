//! `Mutex` and `Condvar` without poisoning: a panic under one of our locks is our own bug, and never the next caller's.
//!
//! No lock of the runtime is held while user code runs (poll, drop, waker, hook). Debug builds check it: each thread
//! counts the locks it holds, and `assert_none_held` stands before every call into user code.

use std::sync::{self, PoisonError, TryLockError};
use std::time::Duration;

/// A mutex that ignores poisoning.
#[derive(Debug, Default)]
pub(crate) struct Mutex<T>(sync::Mutex<T>);

/// The lock, held.
pub(crate) struct MutexGuard<'a, T> {
    guard: sync::MutexGuard<'a, T>,
    _held: Held,
}

impl<T> Mutex<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(sync::Mutex::new(value))
    }

    #[inline]
    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        let guard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        MutexGuard { guard, _held: Held::new() }
    }

    /// The lock if nobody holds it now.
    #[inline]
    pub(crate) fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        let guard = match self.0.try_lock() {
            Ok(guard) => guard,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return None,
        };
        Some(MutexGuard { guard, _held: Held::new() })
    }
}

impl<T> std::ops::Deref for MutexGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.guard
    }
}

impl<T> std::ops::DerefMut for MutexGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        &mut self.guard
    }
}

/// A condition variable for [`Mutex`].
#[derive(Debug, Default)]
pub(crate) struct Condvar(sync::Condvar);

impl Condvar {
    pub(crate) const fn new() -> Self {
        Self(sync::Condvar::new())
    }

    pub(crate) fn wait<'a, T>(&self, guard: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
        let MutexGuard { guard, _held } = guard;
        let guard = self.0.wait(guard).unwrap_or_else(PoisonError::into_inner);
        MutexGuard { guard, _held }
    }

    /// Waits at most `timeout`; may return early.
    pub(crate) fn wait_timeout<'a, T>(&self, guard: MutexGuard<'a, T>, timeout: Duration) -> MutexGuard<'a, T> {
        let MutexGuard { guard, _held } = guard;
        let (guard, _) = self.0.wait_timeout(guard, timeout).unwrap_or_else(PoisonError::into_inner);
        MutexGuard { guard, _held }
    }

    pub(crate) fn notify_one(&self) {
        self.0.notify_one();
    }

    pub(crate) fn notify_all(&self) {
        self.0.notify_all();
    }
}

#[cfg(debug_assertions)]
std::thread_local! {
    static HELD: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// Counts a held lock in debug builds; nothing in release builds.
struct Held;

impl Held {
    #[inline]
    fn new() -> Self {
        #[cfg(debug_assertions)]
        let _ = HELD.try_with(|held| held.set(held.get() + 1));
        Self
    }
}

impl Drop for Held {
    #[inline]
    fn drop(&mut self) {
        #[cfg(debug_assertions)]
        let _ = HELD.try_with(|held| held.set(held.get().saturating_sub(1)));
    }
}

/// In debug builds, panics if this thread holds a lock of the runtime. Stands before every call into user code.
#[inline]
#[track_caller]
pub(crate) fn assert_none_held() {
    #[cfg(debug_assertions)]
    if !std::thread::panicking() {
        let held = HELD.try_with(std::cell::Cell::get).unwrap_or(0);
        assert!(held == 0, "user code called while this thread holds {held} lock(s) of the runtime");
    }
}
