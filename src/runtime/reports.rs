//! Stall reports: what the watch noticed, told to the user while it happens, from a thread of its own.
//!
//! The watch must not wait for anybody, so it leaves notices in a bounded queue; the reporter thread, which exists from the first
//! notice on, finds out names and paths, and calls the user's callback or writes a line. Reports of one spawn location are
//! at least a second apart, but for those that say how a reported stall went on; what was left out is counted.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use super::Inner;
use super::system_calls;
use crate::primitives::Mutex;
use crate::primitives::parker::{Parker, Unparker};
use crate::primitives::thread::Spawner;
use crate::scheduler::stall::{Class, Notice, Stage};
use crate::tasks::Id;

/// How many notices wait at most; more are counted and left out.
const QUEUE: usize = 256;

/// How far apart two new stalls of one location are reported.
const APART: Duration = Duration::from_secs(1);

/// A task whose poll does not end; passed to [`Builder::on_stall`](super::Builder::on_stall).
///
/// Printed with `{}` it is one line for a person.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct StallReport {
    /// Whether the stall was just found, goes on, or is over.
    pub stage: StallStage,
    /// What the thread is doing.
    pub class: StallClass,
    /// The task.
    pub task: Option<Id>,
    /// The task's name, if it was given one.
    pub name: Option<Arc<str>>,
    /// Where the task was spawned.
    pub location: &'static Location<'static>,
    /// How long the poll has lasted; exact to a tick of the watch, one millisecond.
    pub elapsed: Duration,
    /// The system call the thread is in, by its name, where the system tells (Linux).
    pub system_call: Option<String>,
    /// The file or socket of that call, if it has one.
    pub file: Option<String>,
    /// How many stalls of this location were not reported since the last report.
    pub suppressed: u64,
    /// How many threads are stuck in tasks of this location: 1, but for [`StallClass::NoThread`].
    pub stuck_threads: usize,
}

/// When in a stall a report was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StallStage {
    /// It was just found.
    Detected,
    /// It has lasted twice as long as at the last report.
    Ongoing,
    /// The poll has ended after all.
    Ended,
}

/// Why a poll does not end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StallClass {
    /// The thread sleeps in a system call. Other threads have taken over its share.
    Blocked,
    /// The thread computes.
    Computing,
    /// The thread could run, but the system gives it no core: the machine is overloaded.
    Starved,
    /// Ready tasks wait because no further thread can be had: [`max_threads`](super::Builder::max_threads) are there, or
    /// the system refuses more. `location` is where the tasks were spawned that hold most of them. It ends by itself when one comes
    /// back.
    NoThread,
}

/// A user's callback for reports.
pub(super) type OnStall = Arc<dyn Fn(&StallReport) + Send + Sync>;

/// Where notices wait for the reporter.
pub(super) struct Reports {
    queue: Mutex<Waiting>,
    callback: Option<OnStall>,
}

#[derive(Default)]
struct Waiting {
    notices: VecDeque<Notice>,
    /// The reporter, once it exists.
    reporter: Option<Unparker>,
    closed: bool,
}

impl Reports {
    pub(super) fn new(callback: Option<OnStall>) -> Self {
        Self { queue: Mutex::new(Waiting::default()), callback }
    }

    /// Queues a notice; starts the reporter with the first. Never waits. A reporter that cannot be started is tried again
    /// with the next notice.
    pub(super) fn push(self: &Arc<Self>, notice: Notice, threads: &Spawner, runtime: &Weak<Inner>) {
        let mut waiting = self.queue.lock();
        if waiting.notices.len() >= QUEUE {
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

    /// Ends the reporter once it has told what is queued.
    pub(super) fn close(&self) {
        let mut waiting = self.queue.lock();
        waiting.closed = true;
        let reporter = waiting.reporter.take();
        drop(waiting);
        reporter.iter().for_each(Unparker::unpark);
    }

    fn run(&self, parker: &Parker, runtime: &Weak<Inner>) {
        let mut told = HashMap::new();
        loop {
            let mut waiting = self.queue.lock();
            let notice = waiting.notices.pop_front();
            let closed = waiting.closed;
            drop(waiting);
            match notice {
                Some(notice) => self.tell(&notice, &mut told, runtime),
                None if closed => return,
                None => parker.park(),
            }
        }
    }

    fn tell(&self, notice: &Notice, told: &mut HashMap<*const Location<'static>, Told>, runtime: &Weak<Inner>) {
        let entry = told.entry(notice.location).or_default();
        let Some(suppressed) = entry.admit(notice) else { return };
        let name = runtime.upgrade().and_then(|runtime| runtime.scheduler.registry.name_of(notice.task));
        let report = StallReport::new(notice, name, suppressed);
        match &self.callback {
            // The panic hook has told; the next report is made all the same.
            Some(callback) => drop(catch_unwind(AssertUnwindSafe(|| callback(&report)))),
            None => write_line(&report),
        }
    }
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
        if notice.stage == Stage::Detected {
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

/// The default: one line through `log` if the program has installed a logger, else to stderr.
fn write_line(report: &StallReport) {
    if log::max_level() >= log::LevelFilter::Warn {
        log::warn!(target: "freewheel::stall", "{report}");
    } else {
        eprintln!("freewheel: {report}");
    }
}

impl StallReport {
    fn new(notice: &Notice, name: Option<Arc<str>>, suppressed: u64) -> Self {
        let (system_call, file) = match notice.system_call {
            Some((number, first)) => system_calls::describe(number, first),
            None => (None, None),
        };
        Self {
            stage: match notice.stage {
                Stage::Detected => StallStage::Detected,
                Stage::Ongoing => StallStage::Ongoing,
                Stage::Ended => StallStage::Ended,
            },
            class: match notice.class {
                Class::Blocked => StallClass::Blocked,
                Class::Hog => StallClass::Computing,
                Class::Starved => StallClass::Starved,
                Class::NoThread => StallClass::NoThread,
            },
            task: Id::from_number(notice.task),
            name,
            location: notice.location,
            elapsed: Duration::from_nanos(notice.nanos),
            system_call,
            file,
            suppressed,
            stuck_threads: notice.stuck,
        }
    }
}

impl fmt::Display for StallReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.class == StallClass::NoThread {
            return write!(
                f,
                "ready tasks wait since {:?} for a thread, and no further one can be had: {} are stuck in tasks spawned at \
                 {}; raise max_threads, or move what blocks to spawn_blocking",
                Duration::from_millis(self.elapsed.as_millis() as u64),
                self.stuck_threads,
                self.location
            );
        }
        f.write_str("task ")?;
        if let Some(name) = &self.name {
            write!(f, "'{name}' ")?;
        }
        if let Some(id) = self.task {
            write!(f, "{id} ")?;
        }
        write!(f, "spawned at {} ", self.location)?;
        let elapsed = Duration::from_millis(self.elapsed.as_millis() as u64);
        match (self.stage, self.class) {
            (StallStage::Ended, _) => return write!(f, "came back after {elapsed:?}"),
            (_, StallClass::NoThread) => {}
            (_, StallClass::Blocked) => write!(f, "has blocked its thread for {elapsed:?}")?,
            (_, StallClass::Computing) => write!(f, "has computed for {elapsed:?} without an await")?,
            (_, StallClass::Starved) => write!(f, "has waited for a core in the midst of a poll of {elapsed:?}")?,
        }
        if let Some(call) = &self.system_call {
            write!(f, " in {call}")?;
        }
        if let Some(file) = &self.file {
            write!(f, " on {file}")?;
        }
        if self.suppressed > 0 {
            write!(f, " ({} more like it were not reported)", self.suppressed)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notice(stage: Stage, task: u64) -> Notice {
        let location = Location::caller();
        Notice { stage, class: Class::Blocked, task, location, nanos: 12_345_678, system_call: None, stuck: 1 }
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
    fn a_report_is_one_line_that_names_task_place_and_time() {
        let mut report = StallReport::new(&notice(Stage::Detected, 7), Some("reader".into()), 2);
        (report.system_call, report.file) = (Some("read".to_owned()), Some("/tmp/fifo".to_owned()));
        let line = report.to_string();
        assert!(line.starts_with("task 'reader' 7 spawned at src/runtime/reports.rs:"), "{line}");
        assert!(
            line.ends_with("blocked its thread for 12ms in read on /tmp/fifo (2 more like it were not reported)"),
            "{line}"
        );
    }
}
