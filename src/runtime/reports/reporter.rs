//! The reporter: a bounded queue of notices, and the thread that makes reports of them.
//!
//! The watch must not wait for anybody, so it leaves notices in the queue; the reporter thread, which exists from the first
//! notice on, finds out names and paths, and calls the user's callback or writes a line. Reports of one spawn location are
//! at least a second apart, but for those that say how a reported stall went on; what was left out is counted.

use std::collections::{HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use super::{StallReport, writers};
use crate::primitives::Mutex;
use crate::primitives::parker::{Parker, Unparker};
use crate::primitives::thread::Spawner;
use crate::runtime::backtraces::Collector;
use crate::runtime::{Inner, system_calls};
use crate::scheduler::Shared;
use crate::scheduler::stall::{Class, Notice, Stage};

/// How many notices wait at most; more are left out.
const QUEUE: usize = 256;

/// How far apart two new stalls of one location are reported.
const APART: Duration = Duration::from_secs(1);

/// A user's callback for reports.
pub(in crate::runtime) type OnStall = Arc<dyn Fn(&StallReport) + Send + Sync>;

/// Where notices wait for the reporter.
pub(in crate::runtime) struct Reports {
    queue: Mutex<Waiting>,
    callback: Option<OnStall>,
    /// Whether reports come with the stack of the stuck thread.
    backtraces: bool,
}

#[derive(Default)]
struct Waiting {
    notices: VecDeque<Notice>,
    /// Stalls that found no room, by their places; counted with those that are not reported.
    lost: HashMap<Key, u64>,
    /// The reporter, once it exists.
    reporter: Option<Unparker>,
    closed: bool,
}

impl Reports {
    pub(in crate::runtime) fn new(callback: Option<OnStall>, backtraces: bool) -> Self {
        Self { queue: Mutex::new(Waiting::default()), callback, backtraces }
    }

    /// Queues a notice; starts the reporter with the first. Never waits. A reporter that cannot be started is tried again
    /// with the next notice.
    pub(in crate::runtime) fn push(self: &Arc<Self>, notice: Notice, threads: &Spawner, runtime: &Weak<Inner>) {
        let mut waiting = self.queue.lock();
        if waiting.closed {
            // The watch may have one more while it ends; a reporter of its own would run beside the first, which tells the rest.
            return;
        }
        if waiting.notices.len() >= QUEUE {
            if notice.is_new() {
                *waiting.lost.entry(key(&notice)).or_default() += 1;
            }
            return;
        }
        waiting.notices.push_back(notice);
        if let Some(reporter) = waiting.reporter.clone() {
            drop(waiting);
            reporter.unpark();
            return;
        }
        let parker = Parker::new();
        waiting.reporter = Some(parker.unparker());
        drop(waiting);
        let (reports, runtime) = (self.clone(), runtime.clone());
        let started = threads.spawn_plain("freewheel-reporter".to_owned(), move || reports.run(&parker, &runtime));
        if started.is_err() {
            self.queue.lock().reporter = None;
        }
    }

    /// Ends the reporter once it has told what is queued. From now on it does not touch the runtime: whoever drops that may rely
    /// on its descriptors being closed.
    pub(in crate::runtime) fn close(&self) {
        let mut waiting = self.queue.lock();
        waiting.closed = true;
        let reporter = waiting.reporter.take();
        drop(waiting);
        reporter.iter().for_each(Unparker::unpark);
    }

    fn run(&self, parker: &Parker, runtime: &Weak<Inner>) {
        let mut told: HashMap<Key, Told> = HashMap::new();
        let mut collector = self.backtraces.then(Collector::new);
        loop {
            let mut waiting = self.queue.lock();
            let notice = waiting.notices.pop_front();
            let (lost, closed) = (std::mem::take(&mut waiting.lost), waiting.closed);
            drop(waiting);
            for (place, count) in lost {
                told.entry(place).or_default().suppressed += count;
            }
            match notice {
                Some(notice) => self.tell(&notice, &mut told, &mut collector, runtime),
                None if closed => return,
                None => parker.park(),
            }
        }
    }

    fn tell(
        &self,
        notice: &Notice,
        told: &mut HashMap<Key, Told>,
        collector: &mut Option<Collector>,
        runtime: &Weak<Inner>,
    ) {
        let entry = told.entry(key(notice)).or_default();
        let Some(suppressed) = entry.admit(notice) else { return };
        let mut report = StallReport::new(notice, suppressed);
        find_out(&mut report, notice, collector, &Lent { reports: self, runtime });
        // The user's code, or the logger's. If it panics the panic hook has told; the next report is made all the same.
        let told = AssertUnwindSafe(|| match &self.callback {
            Some(callback) => callback(&report),
            None => writers::write(&report),
        });
        if let Err(payload) = catch_unwind(told) {
            // What was thrown may throw again when it is dropped, which would end this thread.
            std::mem::forget(payload);
        }
    }
}

/// The runtime, for a look and no longer: to find out takes a tenth of a second at times, and the runtime may end meanwhile.
struct Lent<'a> {
    reports: &'a Reports,
    runtime: &'a Weak<Inner>,
}

impl Lent<'_> {
    /// Looks, unless the reports are closed. They cannot be meanwhile, so it is not here that the runtime's last reference goes.
    fn look<R>(&self, look: impl FnOnce(&Shared) -> R) -> Option<R> {
        let waiting = self.reports.queue.lock();
        let runtime = if waiting.closed { None } else { self.runtime.upgrade() };
        runtime.map(|runtime| look(&runtime.scheduler))
    }
}

/// Finds out what the watch had no time for. What hangs on the thread's stack or its descriptors counts only if the poll
/// lasts when it has been read.
fn find_out(report: &mut StallReport, notice: &Notice, collector: &mut Option<Collector>, runtime: &Lent<'_>) {
    let lasts = || notice.poll.is_some_and(|poll| runtime.look(|shared| poll.lasts(&shared.slots)).unwrap_or(false));
    report.name = runtime.look(|shared| shared.registry.name_of(notice.task)).flatten();
    if let Some(call) = &notice.system_call {
        let (name, subject) = system_calls::describe(call);
        (report.system_call, report.file) = (name, subject.filter(|_| lasts()));
    }
    if let (Some(collector), Some(poll), true) = (collector, notice.poll, notice.stage != Stage::Ended) {
        // A copy may be torn, and what reads it may stumble over that; the report goes out without it then.
        let take = AssertUnwindSafe(|| collector.take(poll.thread, notice.class == Class::Hog, lasts));
        match catch_unwind(take) {
            Ok(backtrace) => report.backtrace = backtrace,
            // What it had read may be half made.
            Err(_) => *collector = Collector::new(),
        }
    }
}

/// A place, by its address, and whether it is what is said of the whole process that bears it: a future may have the same one.
type Key = (usize, bool);

fn key(notice: &Notice) -> Key {
    (std::ptr::from_ref(notice.location).addr(), notice.class == Class::Standstill)
}

/// What was told of one location.
#[derive(Default)]
struct Told {
    last: Option<Instant>,
    /// The task whose stall was reported and has not ended.
    open: Option<u64>,
    suppressed: u64,
}

impl Told {
    /// Whether a notice is to be reported, and how many were not before it.
    fn admit(&mut self, notice: &Notice) -> Option<u64> {
        if notice.class == Class::NoThread {
            return Some(0);
        }
        if notice.is_new() {
            let now = Instant::now();
            if self.last.is_some_and(|last| now.duration_since(last) < APART) {
                self.suppressed += 1;
                return None;
            }
            (self.last, self.open) = (Some(now), Some(notice.task));
            return Some(std::mem::take(&mut self.suppressed));
        }
        let is_open = self.open == Some(notice.task);
        if is_open && notice.stage == Stage::Ended {
            self.open = None;
        }
        is_open.then_some(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::Location;

    fn notice(stage: Stage, task: u64) -> Notice {
        let location = Location::caller();
        let (class, nanos) = (Class::Blocked, 12_345_678);
        Notice { stage, class, task, location, nanos, system_call: None, poll: None, stuck: 1 }
    }

    #[test]
    fn a_second_stall_within_a_second_is_counted_and_its_end_is_not_told() {
        let mut told = Told::default();
        assert_eq!(told.admit(&notice(Stage::Detected, 1)), Some(0));
        assert_eq!(told.admit(&notice(Stage::Detected, 2)), None);
        assert_eq!(told.admit(&notice(Stage::Ended, 2)), None);
        assert_eq!(told.admit(&notice(Stage::Ended, 1)), Some(0));
        told.last = None;
        assert_eq!(told.admit(&notice(Stage::Detected, 3)), Some(1));
    }

    #[test]
    fn what_finds_no_room_is_counted_with_what_is_not_reported() {
        let (sender, told) = std::sync::mpsc::channel();
        let (leave, stay) = std::sync::mpsc::channel::<()>();
        let (sender, stay) = (Mutex::new(sender), Mutex::new(stay));
        let callback = move |report: &StallReport| {
            let _ = sender.lock().send(report.suppressed);
            let _ = stay.lock().recv();
        };
        let reports = Arc::new(Reports::new(Some(Arc::new(callback)), false));
        let threads = Spawner { name: None, stack_size: None, on_start: None, on_stop: None };
        let push = |notice| reports.push(notice, &threads, &Weak::new());
        let (first, other) =
            (notice(Stage::Detected, 1), Notice { class: Class::Standstill, ..notice(Stage::Ended, 0) });
        push(first);
        assert_eq!(told.recv(), Ok(0));
        // The reporter is held up: the queue fills, and three find no room.
        (0..QUEUE).for_each(|_| push(Notice { stage: Stage::Ongoing, ..notice(Stage::Ongoing, 2) }));
        (0..3).for_each(|_| push(other));
        push(Notice { stage: Stage::Ended, ..notice(Stage::Ended, 2) });
        drop(leave);
        let count = || reports.queue.lock().notices.len();
        while count() > 0 {
            std::thread::yield_now();
        }
        push(other);
        assert_eq!(told.recv(), Ok(3));
        reports.close();
    }

    #[test]
    fn what_comes_after_the_end_starts_no_second_reporter() {
        let (sender, told) = std::sync::mpsc::channel();
        let sender = Mutex::new(sender);
        let callback = move |report: &StallReport| sender.lock().send(report.elapsed).unwrap();
        let reports = Arc::new(Reports::new(Some(Arc::new(callback)), false));
        let threads = Spawner { name: None, stack_size: None, on_start: None, on_stop: None };
        reports.push(notice(Stage::Detected, 1), &threads, &Weak::new());
        reports.close();
        reports.push(notice(Stage::Detected, 2), &threads, &Weak::new());
        assert!(reports.queue.lock().reporter.is_none());
        drop(reports);
        // The reporter holds the last reference, and ends.
        assert_eq!(told.iter().count(), 1);
    }

    #[test]
    fn that_no_thread_can_be_had_is_no_stall_of_the_place_that_is_named() {
        let none = Notice { class: Class::NoThread, ..notice(Stage::Detected, 0) };
        let mut told = Told::default();
        assert!(!none.is_new() && notice(Stage::Detected, 1).is_new());
        assert_eq!((told.admit(&none), told.admit(&none)), (Some(0), Some(0)));
        assert_eq!(told.admit(&notice(Stage::Detected, 1)), Some(0));
    }
}
