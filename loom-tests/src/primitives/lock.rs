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

/// A mutex for `try_lock`. Loom's blocks there as long as another thread holds it, so this one is a flag under a lock that is
/// held for no longer than it takes to look.
#[derive(Debug)]
pub(crate) struct TryMutex<T> {
    taken: sync::Mutex<bool>,
    freed: sync::Condvar,
    value: std::cell::UnsafeCell<T>,
}

// SAFETY: the value is reached through the guard only, and there is one guard at a time: whoever set the flag.
unsafe impl<T: Send> Sync for TryMutex<T> {}

/// The lock, held.
pub(crate) struct TryMutexGuard<'a, T> {
    mutex: &'a TryMutex<T>,
    _held: Held,
}

impl<T> TryMutex<T> {
    pub(crate) fn new(value: T) -> Self {
        let (taken, freed) = (sync::Mutex::new(false), sync::Condvar::new());
        Self { taken, freed, value: std::cell::UnsafeCell::new(value) }
    }

    pub(crate) fn lock(&self) -> TryMutexGuard<'_, T> {
        let mut taken = self.taken.lock().unwrap();
        while *taken {
            taken = self.freed.wait(taken).unwrap();
        }
        *taken = true;
        TryMutexGuard { mutex: self, _held: Held::new() }
    }

    pub(crate) fn try_lock(&self) -> Option<TryMutexGuard<'_, T>> {
        let free = !std::mem::replace(&mut *self.taken.lock().unwrap(), true);
        free.then(|| TryMutexGuard { mutex: self, _held: Held::new() })
    }
}

impl<T> std::ops::Deref for TryMutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: the flag is this guard's.
        unsafe { &*self.mutex.value.get() }
    }
}

impl<T> std::ops::DerefMut for TryMutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the flag is this guard's.
        unsafe { &mut *self.mutex.value.get() }
    }
}

impl<T> Drop for TryMutexGuard<'_, T> {
    fn drop(&mut self) {
        *self.mutex.taken.lock().unwrap() = false;
        self.mutex.freed.notify_one();
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
