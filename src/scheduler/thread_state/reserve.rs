//! Probes that are done with, kept open for their descriptors: so a new probe need not wait for the table of them to grow.
//!
//! While the kernel enlarges a process's table of descriptors, milliseconds in which all cores are asked, it lets wait whoever
//! wants a number beyond the old one. A task that opens files by the thousand waits so, and the watch must not wait with it when it
//! looks why that task is stuck. Whoever closes two descriptors first is given their numbers, from within the old table.

use super::Probe;
use crate::primitives::thread::native_id;

/// How many are kept.
const KEPT: usize = 2;

#[derive(Debug, Default)]
pub(crate) struct Reserve {
    kept: Vec<Probe>,
    is_filled: bool,
}

impl Reserve {
    /// Takes the descriptors, the first time: nobody waits for one now. Later what comes back is all there is.
    pub(crate) fn fill(&mut self) {
        if !self.is_filled {
            self.is_filled = true;
            (0..KEPT).for_each(|_| self.keep(Probe::new(native_id())));
        }
    }

    /// A probe of the thread with this number.
    pub(crate) fn probe(&mut self, thread: u32) -> Probe {
        drop(self.kept.pop());
        Probe::new(thread)
    }

    /// This probe, if there is one, is done with.
    pub(crate) fn keep(&mut self, probe: impl Into<Option<Probe>>) {
        if self.kept.len() < KEPT {
            self.kept.extend(probe.into());
        }
    }
}
