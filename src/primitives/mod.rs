//! The one list of allowed atomics, cells, locks, threads and clocks: every other file takes them from here.
//!
//! `loom-tests` puts its own `primitives` in this place, with loom's types under the same names, and mounts the floors
//! above unchanged. So a name that is missing there cannot be used here, and `src` needs no `cfg(loom)`.
//! `tests/tidy.rs` refuses `std::sync`, `std::thread` and `UnsafeCell` anywhere else in `src`'s lower floors.

pub(crate) mod clock;
pub(crate) mod fork;
pub(crate) mod ids;
mod lock;
pub(crate) mod names;
pub(crate) mod parker;
mod prefetch;
pub(crate) mod random;
mod say;
pub(crate) mod thread;

pub(crate) use crossbeam_utils::CachePadded;
pub(crate) use lock::{Condvar, Mutex, MutexGuard, assert_none_held};
/// Where `try_lock` matters: loom's own blocks in it while another thread holds the lock.
pub(crate) use lock::{Mutex as TryMutex, MutexGuard as TryMutexGuard};
pub(crate) use prefetch::prefetch;
pub(crate) use say::{say, say_apart};
pub(crate) use std::sync::Arc;

/// `std::thread_local!` with constant initial values, which cost no check at each access. Loom's macro does not know them.
macro_rules! constant_thread_local {
    ($($(#[$attribute:meta])* $vis:vis static $name:ident: $type:ty = $init:expr);* $(;)?) => {
        std::thread_local! { $($(#[$attribute])* $vis static $name: $type = const { $init };)* }
    };
}
pub(crate) use constant_thread_local as thread_local;

/// The atomics.
pub(crate) mod atomic {
    pub(crate) use std::sync::atomic::{
        AtomicBool, AtomicPtr, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence,
    };
}

/// A cell whose accesses are closures, so that loom can see where each begins and ends.
#[derive(Debug)]
#[repr(transparent)]
pub(crate) struct UnsafeCell<T>(std::cell::UnsafeCell<T>);

impl<T> UnsafeCell<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(std::cell::UnsafeCell::new(value))
    }

    /// Shared access. The pointer must not outlive `f`, and nobody may write during it.
    #[inline]
    pub(crate) fn with<R>(&self, f: impl FnOnce(*const T) -> R) -> R {
        f(self.0.get())
    }

    /// Exclusive access. The pointer must not outlive `f`, and nobody may read or write during it.
    #[inline]
    pub(crate) fn with_mut<R>(&self, f: impl FnOnce(*mut T) -> R) -> R {
        f(self.0.get())
    }
}
