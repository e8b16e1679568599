//! The reporter: a bounded queue of notices, and the thread that makes reports of them.
//!
//! The watch must not wait for anybody, so it leaves notices in the queue; the reporter thread, which exists from the first
//! notice on, finds out in what a thread is stuck, and calls the user's callback or writes a line. Which notices become
//! reports is the matter of `told.rs`.
//!
//! A line does not wait for the stack that belongs to it: the stack is copied, the line written, and only then are the
//! names looked up, which takes seconds at times. Whoever ends the runtime waits a while for what is under way.

use std::collections::{HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Weak};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use super::told::{Heard, LeftOut, Place, Told};
use super::{StallReport, StallStage, writers};
use crate::primitives::parker::{Parker, Unparker};
use crate::primitives::thread::Spawner;
use crate::primitives::{Condvar, Mutex};
use crate::runtime::backtraces::{Collector, Snapshot, StallBacktrace};
use crate::runtime::{Inner, system_calls};
use crate::scheduler::Shared;
use crate::scheduler::stall::{Class, Notice, Stage};

/// How many notices wait at most; more are left out.
const QUEUE: usize = 256;

/// How long the end of a runtime waits for reports that are being made, and where stacks are read.
const PATIENCE: Duration = Duration::from_secs(1);
const PATIENCE_FOR_STACKS: Duration = Duration::from_secs(5);

/// A user's callback for reports.
pub(in crate::runtime) type OnStall = Arc<dyn Fn(&StallReport) + Send + Sync>;

/// Where notices wait for the reporter.
pub(in crate::runtime) struct Reports {
    queue: Mutex<Waiting>,
    /// The reporter has ended.
    over: Condvar,
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
    /// Whether its thread lives, and which it is, once it runs.
    lives: bool,
    thread: Option<ThreadId>,
    closed: bool,
}

impl Reports {
    pub(in crate::runtime) fn new(callback: Option<OnStall>, backtraces: bool) -> Self {
        Self { queue: Mutex::new(Waiting::default()), over: Condvar::new(), callback, backtraces }
    }

    /// Queues a notice; starts the reporter with the first. Never waits. A reporter that cannot be started is tried again
    /// with the next notice.
    pub(in crate::runtime) fn push(
        self: &Arc<Self>,
        notice: Notice,
        name: Option<Arc<str>>,
        threads: &Spawner,
        runtime: &Weak<Inner>,
    ) {
        let heard = Heard { notice, name };
        let mut waiting = self.queue.lock();
        if waiting.closed {
            // The watch may have one more while it ends; a reporter of its own would run beside the first, which tells the rest.
            return;
        }
        if waiting.notices.len() >= QUEUE {
            if notice.is_new() {
                LeftOut::add(waiting.lost.entry(heard.place()).or_default(), 1, heard);
            }
            return;
        }
        waiting.notices.push_back(heard);
        if let Some(reporter) = waiting.reporter.clone() {
            drop(waiting);
            reporter.unpark();
            return;
        }
        let parker = Parker::new();
        (waiting.reporter, waiting.lives) = (Some(parker.unparker()), true);
        drop(waiting);
        let (reports, runtime) = (self.clone(), runtime.clone());
        let started = threads.spawn_plain("freewheel-reporter".to_owned(), move || reports.run(&parker, &runtime));
        if started.is_err() {
            let mut waiting = self.queue.lock();
            (waiting.reporter, waiting.lives) = (None, false);
        }
    }

    /// Ends the reporter once it has told what is queued; see [`wait`](Self::wait). From now on it does not touch the runtime:
    /// whoever drops that may rely on its descriptors being closed.
    pub(in crate::runtime) fn close(&self) {
        let mut waiting = self.queue.lock();
        waiting.closed = true;
        let reporter = waiting.reporter.take();
        drop(waiting);
        reporter.iter().for_each(Unparker::unpark);
    }

    /// Waits until what was queued when the reports were closed has been told, for `limit` and a few seconds at most: a callback
    /// may never return. Not on the reporter's own thread, where a callback may end the runtime.
    pub(in crate::runtime) fn wait(&self, limit: Option<Duration>) {
        let patience = if self.backtraces { PATIENCE_FOR_STACKS } else { PATIENCE };
        let until = Instant::now() + limit.unwrap_or(patience).min(patience);
        let mut waiting = self.queue.lock();
        while waiting.lives && waiting.thread != Some(thread::current().id()) {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            waiting = self.over.wait_timeout(waiting, left);
        }
    }

    fn run(&self, parker: &Parker, runtime: &Weak<Inner>) {
        let _lives = Lives(self);
        self.queue.lock().thread = Some(thread::current().id());
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
        let runtime = Lent { reports: self, runtime };
        let stack = collector.as_ref().and_then(|_| look(&heard.notice, &runtime));
        find_out(&mut report, &heard.notice, &runtime);
        if self.callback.is_none() {
            // At once; what it takes to read the stack may be more than the program has left.
            shielded(|| writers::write(&report));
        }
        if let (Some(stack), Some(collector)) = (stack, collector) {
            report.backtrace = read(collector, &stack);
        }
        match &self.callback {
            Some(callback) => shielded(|| callback(&report)),
            None if report.backtrace.is_some() => shielded(|| writers::write_stack(&report)),
            None => {}
        }
    }

    fn tell_left_out(&self, LeftOut { count, latest }: LeftOut) {
        let mut report = StallReport::new(&latest.notice, count);
        (report.stage, report.name) = (StallStage::Suppressed, latest.name);
        shielded(|| match &self.callback {
            Some(callback) => callback(&report),
            None => writers::write(&report),
        });
    }
}

/// Calls the user's code, or the logger's. If that panics the panic hook has told; the next report is made all the same.
fn shielded(give: impl FnOnce()) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(give)) {
        // What was thrown may throw again when it is dropped, which would end this thread.
        std::mem::forget(payload);
    }
}

/// The reporter's life; its end is told to whoever waits for it.
struct Lives<'a>(&'a Reports);

impl Drop for Lives<'_> {
    fn drop(&mut self) {
        self.0.queue.lock().lives = false;
        self.0.over.notify_all();
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

impl Lent<'_> {
    /// Whether the poll that a notice is about lasts: only then does what was read of its thread count.
    fn sees(&self, notice: &Notice) -> bool {
        notice.poll.is_some_and(|poll| self.look(|shared| shared.lasts(&poll)).unwrap_or(false))
    }
}

/// Copies the stack of the thread while it is stuck.
fn look(notice: &Notice, runtime: &Lent<'_>) -> Option<Snapshot> {
    let poll = notice.poll.filter(|_| notice.stage != Stage::Ended)?;
    Collector::look(poll.thread, notice.class == Class::Hog, || runtime.sees(notice))
}

/// Finds out what the watch had no time for.
fn find_out(report: &mut StallReport, notice: &Notice, runtime: &Lent<'_>) {
    if let Some(call) = &notice.system_call {
        let (name, subject) = system_calls::describe(call);
        (report.system_call, report.file) = (name, subject.filter(|_| runtime.sees(notice)));
    }
}

/// Reads a stack. A copy may be torn, and what reads it may stumble over that; the report goes out without it then.
fn read(collector: &mut Collector, stack: &Snapshot) -> Option<StallBacktrace> {
    let backtrace = catch_unwind(AssertUnwindSafe(|| collector.read(stack)));
    if backtrace.is_err() {
        // What it had read may be half made.
        *collector = Collector::new();
    }
    backtrace.ok()
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
        let push = |notice| reports.push(notice, None, &threads, &Weak::new());
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

    /// Reports to a callback, with one made already.
    fn reported(callback: impl Fn(&StallReport) + Send + Sync + 'static) -> Arc<Reports> {
        let reports = Arc::new(Reports::new(Some(Arc::new(callback)), false));
        let threads = Spawner { name: None, stack_size: None, on_start: None, on_stop: None };
        reports.push(notice(Stage::Detected, 1), None, &threads, &Weak::new());
        reports
    }

    #[test]
    fn what_is_queued_when_the_reports_are_closed_is_told_before_the_wait_is_over() {
        let (go, told) = (Arc::new(Mutex::new(false)), Arc::new(Mutex::new(0)));
        let (gone, sum) = (go.clone(), told.clone());
        let reports = reported(move |report| {
            while !*gone.lock() {
                thread::yield_now();
            }
            *sum.lock() += 1 + report.suppressed;
        });
        let threads = Spawner { name: None, stack_size: None, on_start: None, on_stop: None };
        (0..3).for_each(|_| reports.push(notice(Stage::Detected, 2), None, &threads, &Weak::new()));
        let other = reports.clone();
        let opener = thread::spawn(move || {
            while !other.queue.lock().closed {
                thread::yield_now();
            }
            *go.lock() = true;
        });
        reports.close();
        reports.wait(None);
        // The first, and the three that were left out, which the end is the last occasion to tell.
        assert_eq!(*told.lock(), 1 + 1 + 3);
        opener.join().unwrap();
    }

    #[test]
    fn a_callback_that_does_not_return_is_not_waited_for_beyond_the_limit_nor_on_its_own_thread() {
        let (leave, stay) = std::sync::mpsc::channel::<()>();
        let (sender, waited) = std::sync::mpsc::channel();
        let (stay, sender) = (Mutex::new(stay), Mutex::new(sender));
        let own = Arc::new(Mutex::new(None::<Arc<Reports>>));
        let reports = own.clone();
        let made = reported(move |_| {
            let reports = loop {
                if let Some(reports) = reports.lock().take() {
                    break reports;
                }
            };
            reports.wait(None);
            sender.lock().send(()).unwrap();
            let _ = stay.lock().recv();
        });
        *own.lock() = Some(made.clone());
        waited.recv_timeout(PATIENCE).unwrap();
        made.close();
        let begun = Instant::now();
        made.wait(Some(Duration::from_millis(1)));
        assert!(begun.elapsed() < PATIENCE && made.queue.lock().lives);
        drop(leave);
        made.wait(None);
        assert!(!made.queue.lock().lives);
    }

    #[test]
    fn what_comes_after_the_end_starts_no_second_reporter() {
        let (sender, told) = std::sync::mpsc::channel();
        let sender = Mutex::new(sender);
        let callback = move |report: &StallReport| sender.lock().send(report.elapsed).unwrap();
        let reports = Arc::new(Reports::new(Some(Arc::new(callback)), false));
        let threads = Spawner { name: None, stack_size: None, on_start: None, on_stop: None };
        reports.push(notice(Stage::Detected, 1), None, &threads, &Weak::new());
        reports.close();
        reports.push(notice(Stage::Detected, 2), None, &threads, &Weak::new());
        assert!(reports.queue.lock().reporter.is_none());
        drop(reports);
        // The reporter holds the last reference, and ends.
        assert_eq!(told.iter().count(), 1);
    }
}
