//! The reporter: a bounded queue of notices, and the thread that makes reports of them.
//!
//! The watch must not wait for anybody, so it leaves notices in the queue; the reporter thread, which exists from the first
//! notice on, finds out in what a thread is stuck, and calls the user's callback or writes a line. Which notices become
//! reports is the matter of `told.rs`.

use std::collections::{HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Weak};
use std::time::Instant;

use super::told::{Heard, LeftOut, Place, Told};
use super::{StallReport, StallStage, writers};
use crate::primitives::Mutex;
use crate::primitives::parker::{Parker, Unparker};
use crate::primitives::thread::Spawner;
use crate::runtime::backtraces::Collector;
use crate::runtime::{Inner, system_calls};
use crate::scheduler::Shared;
use crate::scheduler::stall::{Class, Notice, Stage};

/// How many notices wait at most; more are left out.
const QUEUE: usize = 256;

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
    notices: VecDeque<Heard>,
    /// Stalls that found no room, by their places; counted with those that are not reported.
    lost: HashMap<Place, Option<LeftOut>>,
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
                let heard = Heard { notice, name: None };
                LeftOut::add(waiting.lost.entry(heard.place()).or_default(), 1, heard);
            }
            return;
        }
        // Now: when it is told the task may be gone, and its name with it.
        let name = runtime.upgrade().and_then(|runtime| runtime.scheduler.registry.name_of(notice.task));
        waiting.notices.push_back(Heard { notice, name });
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
        let mut told = Told::default();
        let mut collector = self.backtraces.then(Collector::new);
        loop {
            let mut waiting = self.queue.lock();
            let heard = waiting.notices.pop_front();
            let (lost, closed) = (std::mem::take(&mut waiting.lost), waiting.closed);
            drop(waiting);
            for (place, lost) in lost {
                lost.into_iter().for_each(|lost| told.left_out(place, lost));
            }
            let now = Instant::now();
            if let Some(mut heard) = heard {
                if let Some(suppressed) = told.admit(&mut heard, now) {
                    self.tell(heard, suppressed, &mut collector, runtime);
                }
            } else if let Some(left_out) = told.overdue(now, closed) {
                self.tell_left_out(left_out);
            } else if closed {
                return;
            } else {
                match told.next_due(now) {
                    Some(due) => _ = parker.park_timeout(due.saturating_duration_since(now)),
                    None => parker.park(),
                }
            }
        }
    }

    fn tell(&self, heard: Heard, suppressed: u64, collector: &mut Option<Collector>, runtime: &Weak<Inner>) {
        let mut report = StallReport::new(&heard.notice, suppressed);
        report.name = heard.name;
        find_out(&mut report, &heard.notice, collector, &Lent { reports: self, runtime });
        self.give(&report);
    }

    fn tell_left_out(&self, LeftOut { count, latest }: LeftOut) {
        let mut report = StallReport::new(&latest.notice, count);
        (report.stage, report.name) = (StallStage::Suppressed, latest.name);
        self.give(&report);
    }

    /// Gives it to the user's code, or the logger's. If that panics the panic hook has told; the next report is made all the same.
    fn give(&self, report: &StallReport) {
        let give = AssertUnwindSafe(|| match &self.callback {
            Some(callback) => callback(report),
            None => writers::write(report),
        });
        if let Err(payload) = catch_unwind(give) {
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
        (0..QUEUE).for_each(|_| push(notice(Stage::Ended, 2)));
        (0..3).for_each(|_| push(other));
        push(notice(Stage::Ended, 2));
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
}
