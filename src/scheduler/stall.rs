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
    /// Not one task, but the whole: a permit is idle, work waits, and no further thread can be had.
    NoThread,
    /// Not one task, but the whole process: no thread of it ran.
    Standstill,
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
    /// How long the poll has lasted, in nanoseconds.
    pub(crate) nanos: Nanos,
    /// The system call the thread is in.
    pub(crate) system_call: Option<SystemCall>,
    /// The poll it is about; None if it is about none in particular.
    pub(crate) poll: Option<PollOf>,
    /// How many threads are stuck in tasks of this location.
    pub(crate) stuck: usize,
}

impl Notice {
    /// Which stall it is of, among those of its place: that of a task, or of the poll of a future that is none.
    pub(crate) fn of(&self) -> (u64, Option<(Place, u64)>) {
        (self.task, self.poll.filter(|_| self.task == 0).map(|poll| (poll.place, poll.epoch)))
    }

    /// Whether it begins a stall of the place it names. A standstill begins and ends at once; that no thread can be had is nothing
    /// that this place alone does.
    pub(crate) fn is_new(&self) -> bool {
        match self.class {
            Class::NoThread => false,
            Class::Standstill => true,
            _ => self.stage == Stage::Detected,
        }
    }
}

/// A system call as the system tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SystemCall {
    pub(crate) number: u64,
    pub(crate) arguments: [u64; 6],
}

/// Which poll, so that who looks later can tell whether it still lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PollOf {
    pub(crate) place: Place,
    pub(crate) epoch: u64,
    /// The system's number of the thread.
    pub(crate) thread: u32,
}

/// Whose poll: which entry of which table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Slot(usize),
    Visitor(usize),
}

/// Takes notices, each with the name of the task that it is of; must not block.
// std's own Arc: loom must not see it, and has none of `dyn`.
pub(crate) type Notices = std::sync::Arc<dyn Fn(Notice, Option<std::sync::Arc<str>>) + Send + Sync>;

/// How the watch behaves.
#[derive(Clone)]
pub(crate) struct Rules {
    /// Whether there is a watch at all.
    pub(crate) watches: bool,
    /// The time between two of its looks while any worker is busy, in nanoseconds.
    pub(crate) tick: Nanos,
    /// Whether permits are moved; else the watch only rescues and reports.
    pub(crate) hands_off: bool,
    /// How many threads may compute beyond the permits.
    pub(crate) max_cpu_extra: usize,
    /// Whether it tells of the polls of `block_on`'s own futures too.
    pub(crate) visitors: bool,
    /// How long a poll lasts before it is reported, in nanoseconds.
    pub(crate) report_after: Nanos,
    /// Where the runtime was built: what is said of the whole of it bears this place.
    pub(crate) built_at: &'static Location<'static>,
    pub(crate) notices: Option<Notices>,
}

/// Counts of what happened. Relaxed throughout: each stands alone.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    stalls: AtomicU64,
    blocked: AtomicU64,
    hogs: AtomicU64,
    longest: AtomicU64,
    without_thread: AtomicU64,
    standstills: AtomicU64,
    longest_standstill: AtomicU64,
}

/// What the figures are at some moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reading {
    /// Polls that lasted beyond the threshold.
    pub(crate) stalls: u64,
    /// Permits taken from blocked threads, or given up by those about to block; and taken from computing ones.
    pub(crate) blocked: u64,
    pub(crate) hogs: u64,
    /// The longest stall so far, in nanoseconds.
    pub(crate) longest: Nanos,
    /// For how long work has waited for a thread that could not be had, in nanoseconds.
    pub(crate) without_thread: Nanos,
    /// How often the whole process stood still, and the longest of these times in nanoseconds.
    pub(crate) standstills: u64,
    pub(crate) longest_standstill: Nanos,
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

    /// Work has waited so much longer for a thread that cannot be had.
    pub(crate) fn waited_for_thread(&self, nanos: Nanos) {
        self.without_thread.fetch_add(nanos, Ordering::Relaxed);
    }

    pub(crate) fn stood_still(&self, nanos: Nanos) {
        self.standstills.fetch_add(1, Ordering::Relaxed);
        self.longest_standstill.fetch_max(nanos, Ordering::Relaxed);
    }

    pub(crate) fn read(&self) -> Reading {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Reading {
            stalls: read(&self.stalls),
            blocked: read(&self.blocked),
            hogs: read(&self.hogs),
            longest: read(&self.longest),
            without_thread: read(&self.without_thread),
            standstills: read(&self.standstills),
            longest_standstill: read(&self.longest_standstill),
        }
    }
}
