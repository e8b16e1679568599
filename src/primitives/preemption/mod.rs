//! Whether the calling thread, when it wakes up, takes the core from one that computes: the system's *wakeup preemption*.
//!
//! One file for Linux, where a thread can do without it, and one for everybody else; chosen here.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(not(target_os = "linux"))]
mod portable;

#[cfg(target_os = "linux")]
pub(crate) use linux::Preemption;
#[cfg(not(target_os = "linux"))]
pub(crate) use portable::Preemption;

use std::cell::Cell;

std::thread_local! {
    /// Whether this thread has renounced it: a thread that it starts would inherit that.
    static IS_RENOUNCED: Cell<bool> = const { Cell::new(false) };
}

/// What a thread that this one starts has to do first.
pub(super) fn heritage() -> fn() {
    if IS_RENOUNCED.get() { Preemption::disown } else { || () }
}
