//! What a thread is doing, where the system does not say: unknown, which the watch treats like running.

use super::super::stall::SystemCall;
use super::Sight;

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

    /// Never known.
    pub(crate) fn look(&self) -> Option<Sight> {
        None
    }
}

/// The threads of this process: never known.
pub(crate) fn threads() -> impl Iterator<Item = u32> {
    std::iter::empty()
}

/// The system call a thread is in: never known.
pub(crate) fn system_call(_thread: u32) -> Option<SystemCall> {
    None
}
