//! The library's `primitives` made of loom's types, under the same names: what is missing here cannot be used there.
//!
//! What differs, and why: timeouts never fire (a model fires them from a thread of its own); the clock is moved by hand;
//! seeds are constant; ids begin at one in every round; `thread::Spawner` starts loom's threads and can be told to refuse.

pub(crate) mod clock;
pub(crate) mod ids;
mod lock;
#[path = "../../../src/primitives/parker.rs"]
pub(crate) mod parker;
#[path = "../../../src/primitives/prefetch.rs"]
mod prefetch;
pub(crate) mod random;
#[path = "../../../src/primitives/say.rs"]
mod say;
pub(crate) mod thread;

pub(crate) use crossbeam_utils::CachePadded;
pub(crate) use lock::{Condvar, Mutex, MutexGuard, TryMutex, TryMutexGuard, assert_none_held};
pub(crate) use loom::cell::UnsafeCell;
pub(crate) use loom::sync::Arc;
pub(crate) use prefetch::prefetch;
pub(crate) use say::{say, say_apart};

/// No model forks.
pub(crate) mod fork {
    pub(crate) fn generation() -> u32 {
        0
    }
}

/// The atomics.
pub(crate) mod atomic {
    pub(crate) use loom::sync::atomic::{
        AtomicBool, AtomicPtr, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence,
    };
}

/// Loom's thread-locals, in std's syntax: loom's own macro does not know `const { … }`.
macro_rules! modelled_thread_local {
    ($($(#[$attribute:meta])* $vis:vis static $name:ident: $type:ty = $init:expr);* $(;)?) => {
        $(loom::thread_local! { $(#[$attribute])* $vis static $name: $type = $init; })*
    };
}
pub(crate) use modelled_thread_local as thread_local;
