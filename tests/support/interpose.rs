//! Plans for injected faults: the test binary defines a libc function itself and asks a [`Plan`] before it forwards.
//!
//! ```ignore
//! static ACCEPT: Plan = Plan::new();
//! interpose! { fn accept4(fd: c_int, addr: *mut sockaddr, len: *mut socklen_t, flags: c_int) -> c_int = ACCEPT, fails -1 }
//! ```
//! The linker resolves std's and mio's calls to the binary's own definition; the real one is the next in the search order.

use std::ffi::{CStr, c_void};
use std::sync::atomic::{AtomicI32, AtomicUsize, Ordering};

/// Which calls of one function fail, and how.
///
/// Atomics and no lock: a lock may call what is interposed. One plan is armed by one thread at a time.
#[derive(Debug)]
pub(crate) struct Plan {
    /// Calls seen since the plan was armed.
    calls: AtomicUsize,
    /// The first call to fail, from 1; 0: none. It publishes the others.
    first: AtomicUsize,
    /// How many calls fail from there.
    count: AtomicUsize,
    errno: AtomicI32,
    /// How often it did fail.
    hits: AtomicUsize,
}

impl Plan {
    pub(crate) const fn new() -> Self {
        Self {
            calls: AtomicUsize::new(0),
            first: AtomicUsize::new(0),
            count: AtomicUsize::new(0),
            errno: AtomicI32::new(0),
            hits: AtomicUsize::new(0),
        }
    }

    /// From now on, the `first`-th call (from 1) and the `count - 1` after it fail with `errno`.
    pub(crate) fn arm(&self, first: usize, count: usize, errno: i32) {
        self.first.store(0, Ordering::Relaxed);
        self.calls.store(0, Ordering::Relaxed);
        self.hits.store(0, Ordering::Relaxed);
        self.errno.store(errno, Ordering::Relaxed);
        self.count.store(count, Ordering::Relaxed);
        // ORDERING: Release, edge "plan": publishes how many calls fail and how. Without it a call could fail with the errno of
        // the plan before.
        self.first.store(first, Ordering::Release);
    }

    /// No more faults. Tells how often the plan struck.
    pub(crate) fn disarm(&self) -> usize {
        self.first.store(0, Ordering::Relaxed);
        self.hits()
    }

    /// How often the plan has struck since it was armed.
    pub(crate) fn hits(&self) -> usize {
        self.hits.load(Ordering::Relaxed)
    }

    /// Calls seen since the plan was armed.
    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }

    /// Counts a call: the error to fail it with, if the plan says so.
    pub(crate) fn next(&self) -> Option<i32> {
        let call = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
        // ORDERING: Acquire, edge "plan": the count and the errno are those of this plan.
        let first = self.first.load(Ordering::Acquire);
        if first == 0 || call < first || call - first >= self.count.load(Ordering::Relaxed) {
            return None;
        }
        self.hits.fetch_add(1, Ordering::Relaxed);
        Some(self.errno.load(Ordering::Relaxed))
    }
}

/// Sweeps as SQLite does: the first call fails, then the second, and so on, until a run ends that the plan never touched.
///
/// `scenario` must end in a value or an error for every fault. Gives the number of faults that struck.
pub(crate) fn sweep(plan: &Plan, count: usize, errno: i32, mut scenario: impl FnMut(usize)) -> usize {
    for n in 1.. {
        plan.arm(n, count, errno);
        scenario(n);
        if plan.disarm() == 0 {
            return n - 1;
        }
        assert!(n < 10_000, "the sweep does not end");
    }
    unreachable!()
}

/// The libc function that a definition in this binary hides.
pub(crate) fn real(name: &CStr, cache: &AtomicUsize) -> *mut c_void {
    // Relaxed: the address is all there is to know, and each thread that finds it finds the same.
    let known = cache.load(Ordering::Relaxed);
    if known != 0 {
        return known as *mut c_void;
    }
    // SAFETY: `name` is a C string.
    let found = unsafe { libc::dlsym(libc::RTLD_NEXT, name.as_ptr()) };
    assert!(!found.is_null(), "libc has no {name:?}");
    cache.store(found as usize, Ordering::Relaxed);
    found
}

/// Sets the calling thread's `errno`.
pub(crate) fn set_errno(errno: i32) {
    // SAFETY: the pointer is this thread's own errno.
    unsafe { *libc::__errno_location() = errno };
}

/// Defines a libc function in this binary that asks a plan, and forwards to the real one.
///
/// `fails returns_errno`: a function such as `pthread_create`, that returns its error instead of setting `errno`.
#[allow(unused_macros)]
macro_rules! interpose {
    ($(fn $name:ident($($arg:ident: $type:ty),* $(,)?) -> $ret:ty = $plan:expr, fails $failure:tt;)*) => {$(
        /// Stands before libc's own.
        // SAFETY: it has libc's own signature, and does what the real one does or fails as that may fail.
        #[unsafe(no_mangle)]
        unsafe extern "C" fn $name($($arg: $type),*) -> $ret {
            static REAL: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
            if let Some(errno) = $plan.next() {
                return $crate::support::interpose::interpose!(@fail errno, $failure);
            }
            let name = const {
                match std::ffi::CStr::from_bytes_with_nul(concat!(stringify!($name), "\0").as_bytes()) {
                    Ok(name) => name,
                    Err(_) => panic!("a function's name has no zero in it"),
                }
            };
            let real = $crate::support::interpose::real(name, &REAL);
            // SAFETY: the symbol of this name in libc has this very signature; the arguments are the caller's.
            unsafe {
                let real = std::mem::transmute::<*mut std::ffi::c_void, unsafe extern "C" fn($($type),*) -> $ret>(real);
                real($($arg),*)
            }
        }
    )*};
    (@fail $errno:ident, returns_errno) => { $errno };
    (@fail $errno:ident, $failure:tt) => {{
        $crate::support::interpose::set_errno($errno);
        ($failure) as _
    }};
}
#[allow(unused_imports)]
pub(crate) use interpose;
