//! The backtrace of another thread of this process, on Linux and x86-64.
//!
//! ```text
//! blocked:  /proc/self/task/N/syscall ──▶ stack and instruction pointer ──▶ a copy of the stack, through process_vm_readv
//! running:  a signal, whose handler copies registers and stack
//!                                  copy ──▶ unwind.rs (framehop, with the unwind tables that modules.rs copies)
//!                                       ──▶ frames.rs (symbols by the backtrace crate, what nobody needs left out)
//! ```
//!
//! Nothing that belongs to the other thread is followed as a pointer: stack, tables and code are copied by the system, which
//! refuses what is not there, so the thread may go on, end, or unload a library at any time. The copy counts only if the
//! poll still lasts afterwards; torn copies are possible all the same, so each step of the unwinding is checked.
//!
//! Rejected: a signal for blocked threads too (it may end the very call with EINTR, and the call is what is to be reported);
//! ptrace (needs another process, and stops ours); unwinding in the handler (not async-signal-safe: the unwinder takes the
//! dynamic linker's lock).

mod frames;
mod interrupt;
mod modules;
mod snapshot;
mod unwind;

use super::StallBacktrace;
use modules::Modules;
use snapshot::Look;

pub(in crate::runtime) use snapshot::Snapshot;

/// Takes backtraces. Keeps what it has read of the program's unwind tables.
pub(in crate::runtime) struct Collector {
    modules: Modules,
}

impl Collector {
    pub(in crate::runtime) fn new() -> Self {
        Self { modules: Modules::new() }
    }

    /// The stack of the thread with the system's number `thread`, if `lasts` says before and afterwards that it was the right moment.
    /// A thread that runs is interrupted by a signal, if `may_interrupt`. Takes about as long as to copy it.
    pub(in crate::runtime) fn look(thread: u32, may_interrupt: bool, lasts: impl Fn() -> bool) -> Option<Snapshot> {
        // The number may be another thread's by now, which is none of ours to look at, or to interrupt.
        if !lasts() {
            return None;
        }
        let snapshot = match snapshot::look(thread) {
            Look::Asleep(snapshot) => snapshot,
            // Not where the system does not say: a call that sleeps would be interrupted.
            Look::Running if may_interrupt && lasts() => interrupt::of_running(thread)?,
            Look::Running | Look::Unknown => return None,
        };
        lasts().then_some(snapshot)
    }

    /// What it shows. The first may take seconds: the program's debug information is read.
    pub(in crate::runtime) fn read(&mut self, snapshot: &Snapshot) -> StallBacktrace {
        self.modules.refresh();
        let addresses = unwind::addresses(&mut self.modules, snapshot);
        StallBacktrace { frames: frames::describe(&self.modules, &addresses) }
    }
}
