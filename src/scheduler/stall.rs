//! What the watch has to say: raw notices for the reporter, and figures for the metrics.

use std::panic::Location;

use crate::primitives::atomic::{AtomicU64, Ordering};
use crate::primitives::clock::Nanos;

/// Why a poll does not end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Class {
    /// Its thread sleeps in a system call.
    Blocked,
    /// It computes.
    Hog,
    /// It could run, but the system gives it no core.
    Starved,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    Detected,
    Ongoing,
    Ended,
}

/// One thing the watch saw, without anything that takes time to find out.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Notice {
    pub(crate) stage: Stage,
    pub(crate) class: Class,
    pub(crate) task: u64,
    pub(crate) location: &'static Location<'static>,
    /// The system's number of the thread.
    pub(crate) thread: u32,
    /// How long the poll has lasted, in nanoseconds.
    pub(crate) nanos: Nanos,
}

/// Takes notices; must not block.
pub(crate) type Notices = std::sync::Arc<dyn Fn(Notice) + Send + Sync>;

/// How the watch behaves.
#[derive(Clone)]
pub(crate) struct Rules {
    /// Whether permits are moved; else the watch only rescues and reports.
    pub(crate) hands_off: bool,
    /// How many threads may compute beyond the permits.
    pub(crate) max_cpu_extra: usize,
    /// How long a poll lasts before it is reported, in nanoseconds.
    pub(crate) report_after: Nanos,
    pub(crate) notices: Option<Notices>,
}

/// Counts of what happened. Relaxed throughout: each stands alone.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    stalls: AtomicU64,
    blocked: AtomicU64,
    hogs: AtomicU64,
    longest: AtomicU64,
}

impl Figures {
    pub(crate) fn stalled(&self) {
        self.stalls.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn handed_off(&self, class: Class) {
        let count = if class == Class::Hog { &self.hogs } else { &self.blocked };
        count.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn lasted(&self, nanos: Nanos) {
        self.longest.fetch_max(nanos, Ordering::Relaxed);
    }

    /// Stalls reported, permits handed off from blocked and from computing threads, and the longest stall so far.
    pub(crate) fn read(&self) -> (u64, u64, u64, Nanos) {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        (read(&self.stalls), read(&self.blocked), read(&self.hogs), read(&self.longest))
    }
}
