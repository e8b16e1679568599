//! Descriptors set aside, so that a new probe need not wait for the table of them to grow.
//!
//! While the kernel enlarges a process's table of descriptors, milliseconds in which all cores are asked, it lets wait whoever
//! wants a number beyond the old one. A task that opens files by the thousand waits so, and the watch must not wait with it when it
//! looks why that task is stuck. Whoever closes two descriptors first is given their numbers, from within the old table.
//!
//! They are taken when the runtime is built, so that a program which counts its descriptors, or has no more, is not
//! surprised by them later. Few other looks go on at once, so as a rule the number does not change from then on.

use std::fs::File;

use super::Probe;

/// For how many probes: the watch's own, one to look with, and one beside it.
const PROBES: usize = 3;

/// How many descriptors a probe has.
const EACH: usize = 2;

#[derive(Debug, Default)]
pub(crate) struct Reserve {
    /// Not used yet.
    untouched: Vec<File>,
    /// Probes that are done with, kept open.
    kept: Vec<Probe>,
}

impl Reserve {
    /// Takes the descriptors, as far as the system has any left.
    pub(crate) fn new() -> Self {
        // What probes look at is below this; where it is not there they open nothing. One more of what is open is cheap.
        let mut untouched = Vec::new();
        if let Ok(file) = File::open("/proc") {
            untouched.extend((1..PROBES * EACH).map_while(|_| file.try_clone().ok()));
            untouched.push(file);
        }
        Self { untouched, kept: Vec::new() }
    }

    /// A probe of the thread with this number.
    pub(crate) fn probe(&mut self, thread: u32) -> Probe {
        if self.kept.pop().is_none() {
            self.untouched.truncate(self.untouched.len().saturating_sub(EACH));
        }
        Probe::new(thread)
    }

    /// This probe, if there is one, is done with.
    pub(crate) fn keep(&mut self, probe: impl Into<Option<Probe>>) {
        if self.kept.len() + self.untouched.len() / EACH < PROBES - 1 {
            self.kept.extend(probe.into());
        }
    }
}
