//! What the `multi_thread` flavour tells of `block_on`'s own future, where somebody has asked for reports.
//!
//! Each stuck poll stays stuck until its report is there, so nothing here depends on how soon one comes.
#![cfg(target_os = "linux")]

mod support;

use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use freewheel::runtime::{Builder, Handle, Runtime, StallClass, StallReport, StallStage};
use freewheel::task::{block_in_place, block_in_place_now};
use freewheel::time::sleep;
use support::stalls::{self, Reports, fall_asleep, first, wait, wall};
use support::{comes_to_rest, in_child, must_panic, test};

fn reporting() -> (Arc<Runtime>, Reports) {
    let (runtime, reports) = stalls::reporting(Builder::new_multi_thread().worker_threads(2));
    (Arc::new(runtime), reports)
}

/// The line after this one in this file, as a location tells it.
#[track_caller]
fn next_line() -> u32 {
    std::panic::Location::caller().line() + 1
}

/// A thread that is stuck in a `block_on`.
struct Stuck {
    /// The line of that call.
    line: u32,
    release: mpsc::Sender<()>,
    thread: thread::JoinHandle<()>,
}

impl Stuck {
    fn new(runtime: &Arc<Runtime>) -> Self {
        let ((release, lock), runtime) = (wall(), runtime.clone());
        let line = next_line();
        let thread = thread::spawn(move || runtime.block_on(async move { wait(&lock) }));
        Self { line, release, thread }
    }

    /// The first report of that call.
    fn report(&self, reports: &Reports) -> StallReport {
        reports.iter().find(|report| report.location.line() == self.line).unwrap()
    }

    fn let_go(self) {
        drop(self.release);
        self.thread.join().unwrap();
    }
}

#[test]
fn a_block_in_it_is_told_by_the_place_of_the_call_while_it_lasts_and_when_it_is_over() {
    test(|| {
        let (runtime, reports) = reporting();
        let stuck = Stuck::new(&runtime);
        let line = stuck.line;
        let found = first(&reports, StallStage::Detected);
        assert_eq!((found.class, found.task, found.location.line()), (StallClass::Blocked, None, line));
        assert_eq!(found.system_call.as_deref(), Some("futex"));
        assert!(found.to_string().starts_with("the future of block_on at tests/never_stall_visitors.rs:"), "{found}");
        let again = first(&reports, StallStage::Ongoing);
        assert!(again.elapsed >= 2 * Duration::from_millis(5), "{again}");
        stuck.let_go();
        assert_eq!(first(&reports, StallStage::Ended).location.line(), line);
        let metrics = runtime.handle().metrics();
        assert!(metrics.stalls() >= 1 && metrics.longest_stall() >= again.elapsed);
        assert_eq!(metrics.hand_offs_blocked(), 0, "it had no permit");
    });
}

#[test]
fn it_is_told_inside_a_task_and_of_each_call_by_its_own_place() {
    test(|| {
        let (runtime, reports) = reporting();
        let (release, lock) = wall();
        let line = next_line() + 1;
        let task = runtime.spawn(async move {
            Handle::current().block_on(async move { wait(&lock) });
        });
        let report = first(&reports, StallStage::Detected);
        assert_eq!((report.task, report.location.line()), (None, line), "{report}");
        drop(release);
        runtime.block_on(task).unwrap();

        // The place that the first has left is the next one's.
        let stuck = Stuck::new(&runtime);
        let report = stuck.report(&reports);
        assert_eq!((report.stage, report.class), (StallStage::Detected, StallClass::Blocked), "{report}");
        stuck.let_go();
    });
}

/// What it says of itself is no news: `block_in_place`, and waiting for another `block_on` within it, of whichever runtime.
#[test]
fn what_it_announces_is_not_told() {
    test(|| {
        let (runtime, reports) = reporting();
        let other = Builder::new_current_thread().build().unwrap();
        let long = || sleep(Duration::from_millis(60));
        // Not to wait for anything: what is announced.
        let block = || thread::sleep(Duration::from_millis(60));
        runtime.block_on(async {
            block_in_place(block);
            block_in_place_now(block);
            block_in_place(|| block_in_place(block));
            Handle::current().block_on(long());
            other.block_on(long());
            other.block_on(async { runtime.block_on(async { other.block_on(long()) }) });
        });
        let stuck = Stuck::new(&runtime);
        // The first there is, of the place that is not announced.
        let report = reports.recv().unwrap();
        assert_eq!(report.location.line(), stuck.line, "{report}");
        stuck.let_go();
    });
}

#[test]
fn what_it_does_after_an_announced_call_is_told() {
    test(|| {
        let (runtime, reports) = reporting();
        let ((call, lasts), (release, lock)) = (wall(), wall());
        let theirs = runtime.clone();
        let visitor = thread::spawn(move || {
            theirs.block_on(async move {
                block_in_place(|| wait(&lasts));
                wait(&lock);
            });
        });
        comes_to_rest();
        assert!(reports.try_recv().is_err());
        drop(call);
        assert_eq!(first(&reports, StallStage::Detected).task, None);
        drop(release);
        visitor.join().unwrap();
    });
}

#[test]
fn one_that_panics_has_ended_and_the_next_is_told_by_itself() {
    test(|| {
        let (runtime, reports) = reporting();
        must_panic(|| runtime.block_on(async { panic!("on purpose") }));
        let stuck = Stuck::new(&runtime);
        // To print a panic may take so long that this is told too.
        let report = stuck.report(&reports);
        assert_eq!((report.stage, report.class), (StallStage::Detected, StallClass::Blocked), "{report}");
        stuck.let_go();
    });
}

#[test]
fn one_that_stays_stuck_keeps_nobody_awake() {
    in_child("one_that_stays_stuck_keeps_nobody_awake", || {
        let (runtime, reports) = reporting();
        let stuck = Stuck::new(&runtime);
        first(&reports, StallStage::Detected);
        // Between two dates of its reports, which are twice as far apart each time.
        fall_asleep("freewheel-react");
        stuck.let_go();
    })
    .assert_ok();
}

#[test]
fn more_than_can_be_seen_are_let_be() {
    test(|| {
        let (runtime, _reports) = reporting();
        // Each within the one before, on one thread: all of them are there at once.
        fn within(runtime: &Runtime, depth: usize) -> usize {
            if depth == 0 { 0 } else { 1 + runtime.block_on(async { within(runtime, depth - 1) }) }
        }
        let theirs = runtime.clone();
        let deep = thread::Builder::new().stack_size(64 << 20).spawn(move || within(&theirs, 300));
        assert_eq!(deep.unwrap().join().unwrap(), 300);
    });
}

#[test]
fn where_nobody_asks_nothing_is_said() {
    let told = in_child("where_nobody_asks_nothing_is_said", || {
        stalls::operator_says(None);
        // Not to wait for anything: the stall. On a machine with few cores to spare its report may take a second.
        let stall = |time| async move { thread::sleep(Duration::from_millis(time)) };
        Builder::new_multi_thread().worker_threads(1).build().unwrap().block_on(stall(100));
        eprintln!("-- from here on it is told");
        let mut builder = Builder::new_multi_thread();
        builder.worker_threads(1).stall_threshold(Duration::from_millis(10)).build().unwrap().block_on(stall(1500));
    });
    told.assert_ok();
    let (before, after) = told.output.split_once("-- from here on it is told").unwrap();
    assert!(!before.contains("freewheel:"), "{before}");
    assert!(after.contains("freewheel: the future of block_on at tests/never_stall_visitors.rs:"), "{after}");
}
