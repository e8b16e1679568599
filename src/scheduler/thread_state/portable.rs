//! What a thread is doing, where the system does not say: unknown, which the watch treats like running.

use super::super::stall::SystemCall;

/// What the system says about a thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(dead_code, reason = "the same list on every system; the portable probe knows only the last")]
pub(crate) enum Activity {
    /// It sleeps in a system call: its core is free.
    Blocked,
    /// It runs.
    Running,
    /// It could run, but others have the cores.
    Starved,
    /// The system does not say.
    Unknown,
}

/// Looks at one thread.
#[derive(Debug)]
pub(crate) struct Probe(u32);

impl Probe {
    pub(crate) fn new(thread: u32) -> Self {
        Self(thread)
    }

    /// The thread it looks at.
    pub(crate) fn thread(&self) -> u32 {
        self.0
    }

    /// Another poll of the same thread.
    pub(crate) fn begin_again(&mut self) {}

    pub(crate) fn on_core(&self) -> Option<u64> {
        None
    }

    pub(crate) fn look(&mut self) -> Activity {
        Activity::Unknown
    }
}

/// The system call a thread is in: never known.
pub(crate) fn system_call(_thread: u32) -> Option<SystemCall> {
    None
}
