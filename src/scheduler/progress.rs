//! What a thread is at, as the watch and the thieves see it: which poll, of what, and with whose leave.

use std::panic::Location;
use std::ptr;

use crate::primitives::atomic::{AtomicBool, AtomicPtr, AtomicU8, AtomicU32, AtomicU64, Ordering};
use crate::tasks::Notified;

/// What a thread is doing, as far as permits are concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Control {
    /// No thread sits here.
    Empty = 0,
    /// The thread sleeps, or is on its way to or from sleep.
    Idle = 1,
    /// The thread holds a permit and runs tasks.
    Active = 2,
    /// The thread is about to block and says so; it has its permit until the watch takes it.
    Blocking = 3,
    /// The thread runs on without a permit to the end of its poll.
    Revoked = 4,
}

/// Written once per poll by plain stores of the thread that it is of.
#[derive(Debug)]
pub(crate) struct Progress {
    /// Rises by one when a poll begins and when it ends, so it is odd within a poll.
    epoch: AtomicU64,
    task: AtomicU64,
    location: AtomicPtr<Location<'static>>,
    control: AtomicU8,
    /// The poll is in a call that it has said may block.
    declared: AtomicBool,
    /// The system's number of the thread.
    thread: AtomicU32,
}

impl Progress {
    pub(crate) fn new(control: Control) -> Self {
        Self {
            epoch: AtomicU64::new(0),
            task: AtomicU64::new(0),
            location: AtomicPtr::new(ptr::null_mut()),
            control: AtomicU8::new(control as u8),
            declared: AtomicBool::new(false),
            thread: AtomicU32::new(0),
        }
    }

    /// The owner begins to poll `task`.
    #[inline]
    pub(crate) fn begin_poll(&self, task: &Notified) {
        self.begin_poll_of(task.id().number(), task.location());
    }

    /// The same of a future by its place and, if it is a task, its number; else that is zero. Not within another poll: see
    /// [`Progress::leave_poll`]. Relaxed stores all: the watch reads them to judge and to report, never to follow.
    #[inline]
    pub(crate) fn begin_poll_of(&self, task: u64, location: &'static Location<'static>) {
        self.task.store(task, Ordering::Relaxed);
        self.location.store(ptr::from_ref(location).cast_mut(), Ordering::Relaxed);
        self.next_epoch();
    }

    /// The poll has ended.
    #[inline]
    pub(crate) fn end_poll(&self) {
        self.next_epoch();
    }

    /// The owner is about to run tasks from within a poll, if it is in one. What is told of that poll ends here, until the guard drops:
    /// then it is a poll that has just begun.
    pub(crate) fn leave_poll(&self) -> LeftPoll<'_> {
        let left = self.current_task().filter(|_| is_in_poll(self.epoch()));
        if left.is_some() {
            self.end_poll();
        }
        LeftPoll { progress: self, left }
    }

    #[inline]
    fn next_epoch(&self) {
        // Relaxed, a load and a store: the owner alone writes it, and it publishes nothing.
        let epoch = self.epoch.load(Ordering::Relaxed);
        self.epoch.store(epoch + 1, Ordering::Relaxed);
    }

    pub(crate) fn epoch(&self) -> u64 {
        // Relaxed: compared with another epoch, nothing is read through it.
        self.epoch.load(Ordering::Relaxed)
    }

    /// The task in the current or last poll, and where it was spawned. Racy by nature: for reports.
    pub(crate) fn current_task(&self) -> Option<(u64, &'static Location<'static>)> {
        // Relaxed: both are plain facts; a torn pair names the previous task's id or place in a report.
        let location = self.location.load(Ordering::Relaxed);
        // SAFETY: only `begin_poll` writes it, from a `&'static Location`, so it is null or valid for ever.
        let location = unsafe { location.as_ref() }?;
        Some((self.task.load(Ordering::Relaxed), location))
    }

    /// What the thread is doing.
    pub(crate) fn control(&self) -> Control {
        // Relaxed: the owner reads its own word once per poll; the watch reads it to judge.
        match self.control.load(Ordering::Relaxed) {
            0 => Control::Empty,
            1 => Control::Idle,
            2 => Control::Active,
            3 => Control::Blocking,
            _ => Control::Revoked,
        }
    }

    /// The owner, with a permit in its hand or without, says what it does next. See [`Progress::change_control`] for the
    /// changes that the watch may make too.
    pub(crate) fn set_control(&self, control: Control) {
        // Relaxed: a statement; the permits themselves move through `Idle`.
        self.control.store(control as u8, Ordering::Relaxed);
    }

    /// From one state to another, where the owner and the watch may try at once. True if this thread made the change: then
    /// what hangs on it, the permit, is in its hand.
    pub(crate) fn change_control(&self, from: Control, to: Control) -> bool {
        let (from, to) = (from as u8, to as u8);
        // Relaxed: who wins the exchange is decided by this word alone; the permit is passed on through `Idle`.
        self.control.compare_exchange(from, to, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    /// The owner begins a call that it says may block, or is back from it. What was so before.
    pub(crate) fn declare(&self, declared: bool) -> bool {
        // Relaxed, a load and a store: the owner alone writes it, and it decides only whether the watch tells of the poll.
        let before = self.declared.load(Ordering::Relaxed);
        self.declared.store(declared, Ordering::Relaxed);
        before
    }

    /// Whether the poll is in a call that it has said may block.
    pub(crate) fn is_declared(&self) -> bool {
        self.declared.load(Ordering::Relaxed)
    }

    /// The owner says which thread it is, by the system's number.
    pub(crate) fn set_thread(&self, thread: u32) {
        // Relaxed: a fact for the watch.
        self.thread.store(thread, Ordering::Relaxed);
    }

    pub(crate) fn thread(&self) -> u32 {
        self.thread.load(Ordering::Relaxed)
    }
}

/// A poll that is left for others within it; taken up again by the drop, also when it unwinds.
#[must_use]
pub(crate) struct LeftPoll<'a> {
    progress: &'a Progress,
    left: Option<(u64, &'static Location<'static>)>,
}

impl Drop for LeftPoll<'_> {
    fn drop(&mut self) {
        if let Some((task, location)) = self.left {
            self.progress.begin_poll_of(task, location);
        }
    }
}

/// Whether an epoch belongs to a poll in progress.
pub(crate) fn is_in_poll(epoch: u64) -> bool {
    epoch % 2 == 1
}
