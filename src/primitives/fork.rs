//! Whether the process was forked: threads do not come along, so what was built before is of no use in the child.

use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};

/// How many forks lie between this process and the first one that used freewheel.
static GENERATION: AtomicU32 = AtomicU32::new(0);

/// The process's generation: it differs between a parent and its forked child.
pub(crate) fn generation() -> u32 {
    static COUNT_FORKS: Once = Once::new();
    COUNT_FORKS.call_once(count_forks);
    // Relaxed: written by a process's only thread, before it does anything else.
    GENERATION.load(Ordering::Relaxed)
}

#[cfg(unix)]
fn count_forks() {
    extern "C" fn in_child() {
        GENERATION.fetch_add(1, Ordering::Relaxed);
    }
    // SAFETY: the handler is a plain function that lives for ever and does one atomic addition, which is allowed after a
    // fork. Out of memory, the handler is not installed, and forks are not noticed.
    unsafe { libc::pthread_atfork(None, None, Some(in_child)) };
}

#[cfg(not(unix))]
fn count_forks() {}
