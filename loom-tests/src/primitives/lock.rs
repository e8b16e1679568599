//! Loom's `Mutex` and `Condvar` in the library's clothes, and the check that no lock is held where user code runs.

use std::cell::Cell;
use std::time::Duration;

use loom::sync;

/// A mutex that ignores poisoning.
#[derive(Debug, Default)]
pub(crate) struct Mutex<T>(sync::Mutex<T>);

/// The lock, held.
pub(crate) struct MutexGuard<'a, T> {
    mutex: &'a Mutex<T>,
    guard: sync::MutexGuard<'a, T>,
    _held: Held,
}

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(sync::Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        MutexGuard { mutex: self, guard: self.0.lock().unwrap(), _held: Held::new() }
    }

    pub(crate) fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        self.0.try_lock().ok().map(|guard| MutexGuard { mutex: self, guard, _held: Held::new() })
    }
}

impl<T> std::ops::Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.guard
    }
}

impl<T> std::ops::DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.guard
    }
}

/// A condition variable whose timeouts never fire: a model that needs one fires it by `notify_*` from another thread. But a
/// timeout of zero is over at once: the lock is given up and taken again.
#[derive(Debug, Default)]
pub(crate) struct Condvar(sync::Condvar);

impl Condvar {
    pub(crate) fn new() -> Self {
        Self(sync::Condvar::new())
    }

    pub(crate) fn wait<'a, T>(&self, guard: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
        let MutexGuard { mutex, guard, _held } = guard;
        MutexGuard { mutex, guard: self.0.wait(guard).unwrap(), _held }
    }

    pub(crate) fn wait_timeout<'a, T>(&self, guard: MutexGuard<'a, T>, timeout: Duration) -> MutexGuard<'a, T> {
        if timeout.is_zero() {
            let mutex = guard.mutex;
            drop(guard);
            return mutex.lock();
        }
        self.wait(guard)
    }

    pub(crate) fn notify_one(&self) {
        self.0.notify_one();
    }

    pub(crate) fn notify_all(&self) {
        self.0.notify_all();
    }
}

loom::thread_local! {
    static HELD: Cell<usize> = Cell::new(0);
}

struct Held;

impl Held {
    fn new() -> Self {
        let _ = HELD.try_with(|held| held.set(held.get() + 1));
        Self
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let _ = HELD.try_with(|held| held.set(held.get().saturating_sub(1)));
    }
}

/// Panics if this thread of the model holds a lock.
#[track_caller]
pub(crate) fn assert_none_held() {
    if !std::thread::panicking() {
        let held = HELD.try_with(Cell::get).unwrap_or(0);
        assert!(held == 0, "user code called while this thread holds {held} lock(s) of the runtime");
    }
}
