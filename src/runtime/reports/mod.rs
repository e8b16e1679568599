//! Stall reports: what the watch noticed, told to the user while it happens, from a thread of its own.
//!
//! Here is their face; `reporter.rs` makes them of the watch's notices, of those that `told.rs` admits, `writers.rs` writes what
//! no callback takes, and `last_words.rs` is what is said at the end.

pub(super) mod last_words;
mod reporter;
mod setting;
mod told;
mod writers;

use std::fmt::{self, Write};
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

pub(super) use reporter::{OnStall, Reports};
pub(super) use setting::{Wish, wish};

use super::backtraces::StallBacktrace;
use crate::scheduler::stall::{Class, Notice, Stage};
use crate::tasks::Id;

/// A task, or the future of a `block_on`, whose poll does not end; passed to [`Builder::on_stall`](super::Builder::on_stall).
///
/// Printed with `{}` it is one line for a person, with the backtrace, if there is one, below it.
///
/// # Examples
/// A list of what is stuck now, such as an operator may ask for:
///
/// ```
/// use std::sync::{Arc, Mutex, mpsc};
/// use freewheel::runtime::{Builder, StallStage};
///
/// let stuck = Arc::new(Mutex::new(Vec::new()));
/// let list = stuck.clone();
/// let runtime = Builder::new_multi_thread()
///     .on_stall(move |report| {
///         let mut list = list.lock().unwrap();
///         match report.stage {
///             StallStage::Detected => list.push(((report.task, report.location), report.to_string())),
///             StallStage::Ended => list.retain(|(who, _)| *who != (report.task, report.location)),
///             _ => {}
///         }
///     })
///     .build()?;
///
/// let (release, wall) = mpsc::channel::<()>();
/// let task = runtime.spawn(async move { wall.recv().is_err() });
/// while stuck.lock().unwrap().is_empty() {
///     std::thread::yield_now();
/// }
/// // task 1 spawned at …:20:20 has blocked its thread for 10ms in futex on a lock
/// println!("{}", stuck.lock().unwrap()[0].1);
/// drop(release);
/// runtime.block_on(task).unwrap();
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct StallReport {
    /// Whether the stall was just found, goes on, or is over. A detection is not always followed by an end, nor is an end always
    /// preceded by a detection: see [`StallStage`].
    pub stage: StallStage,
    /// What the thread is doing.
    pub class: StallClass,
    /// The task. None where there is none, and `class` tells why: [`StallClass::NoThread`] and [`StallClass::ProcessStopped`] are
    /// said of the whole; else it is the future of a [`block_on`](super::Runtime::block_on).
    pub task: Option<Id>,
    /// The task's name, if it was given one.
    pub name: Option<Arc<str>>,
    /// Where the task was spawned, or `block_on` was called; of the whole process, where the runtime was built.
    pub location: &'static Location<'static>,
    /// For how long the thread has slept or computed in this poll, and once it has ended for how long the poll lasted. Exact to a
    /// tick of the watch; without the time in which the process was stopped.
    pub elapsed: Duration,
    /// The system call the thread is in, by its name, where the system tells (Linux).
    pub system_call: Option<String>,
    /// What that call is on: the path of a file, a socket with its addresses, a lock; if it can be told.
    pub file: Option<String>,
    /// The stack of the stuck thread as it was then, if [`stall_backtraces`](super::Builder::stall_backtraces) are on and one could be
    /// taken.
    pub backtrace: Option<StallBacktrace>,
    /// How many stalls of this location were not reported since its last report.
    pub suppressed: u64,
    /// How many threads are stuck in tasks of this location: 1, but for [`StallClass::NoThread`]; 0 for
    /// [`StallClass::ProcessStopped`].
    pub stuck_threads: usize,
}

/// When in a stall a report was made.
///
/// Who keeps a list of what is stuck opens an entry at `Detected` and closes it at `Ended`, if there is one. A `Suppressed` says
/// nothing of any entry, and two classes are no such stall. A [`NoThread`](StallClass::NoThread) is only ever `Detected`,
/// once a second while it lasts. A [`ProcessStopped`](StallClass::ProcessStopped) is only ever `Ended`: while it lasted
/// nobody was there to tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StallStage {
    /// It was just found.
    Detected,
    /// It has lasted twice as long as at the last report.
    Ongoing,
    /// The poll has ended after all. Not told by a runtime that is dropped before.
    Ended,
    /// Nothing new: so many stalls of the location were not reported one by one as [`suppressed`](StallReport::suppressed) says, and
    /// no other report came that could have said so. Told when the location has been quiet for a while, and when the runtime is
    /// shut down. Task, class and time are those of the latest of them when it was found.
    Suppressed,
}

/// Why a poll does not end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StallClass {
    /// The thread sleeps in a system call. Other threads have taken over its share, but for a `current_thread` runtime,
    /// which has none.
    Blocked,
    /// The thread computes.
    Computing,
    /// The thread could run, but the system gives it no core: the machine is overloaded. That is nobody's fault, so nothing is
    /// reported for it; it is what the thread of a reported task may do when the poll ends.
    Starved,
    /// Ready tasks wait because no further thread can be had: [`max_threads`](super::Builder::max_threads) are there, or
    /// the system refuses more. `location` is where the tasks were spawned that hold most of them. It ends by itself when one comes
    /// back.
    NoThread,
    /// The whole process stood still for `elapsed`, a quarter of a second at least: stopped by a signal or a debugger, frozen,
    /// or its virtual machine was. Told once it is over, as [`StallStage::Ended`] without a [`StallStage::Detected`] before it, and of
    /// no task; `location` is where the runtime was built. Each runtime of the process tells and counts it; what no callback takes is
    /// written once. See [`RuntimeMetrics::process_stops`](super::RuntimeMetrics::process_stops).
    ProcessStopped,
}

impl StallReport {
    /// What a notice says by itself.
    fn new(notice: &Notice, suppressed: u64) -> Self {
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
                Class::Standstill => StallClass::ProcessStopped,
            },
            task: Id::from_number(notice.task),
            name: None,
            location: notice.location,
            elapsed: Duration::from_nanos(notice.nanos),
            system_call: None,
            file: None,
            backtrace: None,
            suppressed,
            stuck_threads: notice.stuck,
        }
    }
}

impl fmt::Display for StallReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.class {
            StallClass::NoThread => return self.say_no_thread(f),
            _ if self.stage == StallStage::Suppressed => return self.say_suppressed(f),
            StallClass::ProcessStopped => self.say_process_stopped(f)?,
            _ => self.say_poll(f)?,
        }
        match self.suppressed {
            0 => {}
            1 => f.write_str(" (1 more like it was not reported)")?,
            several => write!(f, " ({several} more like it were not reported)")?,
        }
        match &self.backtrace {
            Some(backtrace) => write!(f, "\n{backtrace}"),
            None => Ok(()),
        }
    }
}

impl StallReport {
    /// [`elapsed`](Self::elapsed), as exact as it is.
    fn millis(&self) -> Duration {
        Duration::from_millis(self.elapsed.as_millis() as u64)
    }

    /// Whose poll it is.
    fn say_who(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.task, &self.name) {
            (Some(id), Some(name)) => write!(f, "task '{}' {id} spawned at {}", OneLine(name), self.location),
            (Some(id), None) => write!(f, "task {id} spawned at {}", self.location),
            (None, _) => write!(f, "the future of block_on at {}", self.location),
        }
    }

    /// Whose poll does not end, and in what it is.
    fn say_poll(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let elapsed = self.millis();
        self.say_who(f)?;
        match (self.stage, self.class) {
            (StallStage::Ended, _) => return write!(f, " came back after {elapsed:?}"),
            (_, StallClass::Computing) => write!(f, " has computed for {elapsed:?} without an await")?,
            (_, StallClass::Starved) => write!(f, " has waited for a core in the midst of a poll of {elapsed:?}")?,
            _ => write!(f, " has blocked its thread for {elapsed:?}")?,
        }
        if let Some(call) = &self.system_call {
            write!(f, " in {call}")?;
        }
        if let Some(file) = &self.file {
            write!(f, " on {}", OneLine(file))?;
        }
        Ok(())
    }

    fn say_suppressed(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (stalls, were) = if self.suppressed == 1 { ("stall", "was") } else { ("stalls", "were") };
        write!(f, "{} more {stalls} ", self.suppressed)?;
        if self.class == StallClass::ProcessStopped {
            write!(f, "of the whole process {were} not reported by the runtime built at {}", self.location)
        } else {
            write!(f, "of this place {were} not reported, the latest of ")?;
            self.say_who(f)
        }
    }

    fn say_no_thread(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.millis() {
            Duration::ZERO => f.write_str("ready tasks wait")?,
            elapsed => write!(f, "ready tasks have waited {elapsed:?}")?,
        }
        write!(
            f,
            " for a thread, and no further one can be had: {} are stuck in tasks spawned at {}; raise max_threads, or move \
             what blocks to spawn_blocking",
            self.stuck_threads, self.location
        )
    }

    fn say_process_stopped(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the whole process stood still for {:?}, and with it the runtime built at {}: stopped by a signal or a debugger, \
             frozen, or its virtual machine was",
            self.millis(),
            self.location
        )
    }
}

/// The stack that comes after a line that has been written already.
struct StackOf<'a>(&'a StallReport);

impl fmt::Display for StackOf<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(report) = *self;
        f.write_str("where ")?;
        report.say_who(f)?;
        write!(f, " was after {:?}", report.millis())?;
        report.backtrace.iter().try_for_each(|backtrace| write!(f, ":\n{backtrace}"))
    }
}

/// A text that others have made, such as a path: its control characters are escaped, so it can neither begin a line of its
/// own nor command a terminal.
struct OneLine<'a>(&'a str);

impl fmt::Display for OneLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|character| match character.is_control() {
            true => write!(f, "{}", character.escape_debug()),
            false => f.write_char(character),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_one_line_that_names_task_place_and_time() {
        let location = Location::caller();
        let mut report = StallReport {
            stage: StallStage::Detected,
            class: StallClass::Blocked,
            task: Id::from_number(7),
            name: Some("reader".into()),
            location,
            elapsed: Duration::from_nanos(12_345_678),
            system_call: Some("read".to_owned()),
            file: Some("/tmp/fifo".to_owned()),
            backtrace: None,
            suppressed: 2,
            stuck_threads: 1,
        };
        let line = report.to_string();
        assert!(line.starts_with("task 'reader' 7 spawned at src/runtime/reports/mod.rs:"), "{line}");
        assert!(
            line.ends_with("blocked its thread for 12ms in read on /tmp/fifo (2 more like it were not reported)"),
            "{line}"
        );
        report.file = Some("a → b\n\u{1b}[2J".to_owned());
        assert!(report.to_string().contains(r"on a → b\n\u{1b}[2J ("), "{report}");
        (report.stage, report.name, report.suppressed) = (StallStage::Ended, None, 0);
        assert!(report.to_string().ends_with("came back after 12ms"), "{report}");
        report.suppressed = 1;
        assert!(report.to_string().ends_with("came back after 12ms (1 more like it was not reported)"), "{report}");
        (report.task, report.suppressed) = (None, 0);
        assert_eq!(report.to_string(), format!("the future of block_on at {location} came back after 12ms"));
        (report.class, report.suppressed) = (StallClass::ProcessStopped, 2);
        let line = report.to_string();
        assert!(line.starts_with("the whole process stood still for 12ms"), "{line}");
        assert!(line.contains(&location.to_string()) && line.ends_with("(2 more like it were not reported)"), "{line}");
    }

    #[test]
    fn a_count_by_itself_is_a_line_too() {
        let location = Location::caller();
        let (stage, class, task) = (Stage::Detected, Class::Blocked, 7);
        let notice =
            Notice { stage, class, task, location, nanos: 12_345_678, system_call: None, poll: None, stuck: 1 };
        let mut report = StallReport::new(&notice, 1);
        report.stage = StallStage::Suppressed;
        let end = format!("of task 7 spawned at {location}");
        assert_eq!(report.to_string(), format!("1 more stall of this place was not reported, the latest {end}"));
        report.suppressed = 9;
        assert_eq!(report.to_string(), format!("9 more stalls of this place were not reported, the latest {end}"));
        report.class = StallClass::ProcessStopped;
        let end = format!("of the whole process were not reported by the runtime built at {location}");
        assert_eq!(report.to_string(), format!("9 more stalls {end}"));
    }
}
