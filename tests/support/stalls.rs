//! Stalls and their reports: a runtime that sends each report on, and what is stuck until it is let go.

use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::Duration;

use freewheel::runtime::{Builder, Runtime, StallReport, StallStage};

pub(crate) type Reports = Receiver<StallReport>;

/// A runtime that sends each report on, of all that is stuck for 5 ms. It is built where this is called.
#[track_caller]
pub(crate) fn reporting(builder: &mut Builder) -> (Runtime, Reports) {
    let (sender, reports) = mpsc::channel();
    builder.stall_threshold(Duration::from_millis(5));
    let runtime = builder.on_stall(move |report| drop(sender.send(report.clone()))).build().unwrap();
    (runtime, reports)
}

/// From here on the environment says `setting`, or nothing. Only in a process of the test's own.
pub(crate) fn operator_says(setting: Option<&str>) {
    // SAFETY: in a process of its own whose other threads, the harness's and the watchdog's, do not look at the environment.
    unsafe {
        match setting {
            Some(setting) => std::env::set_var("FREEWHEEL_STALL", setting),
            None => std::env::remove_var("FREEWHEEL_STALL"),
        }
    }
}

/// What blocks a thread until its other half is dropped.
pub(crate) fn wall() -> (Sender<()>, Receiver<()>) {
    mpsc::channel()
}

pub(crate) fn wait(wall: &Receiver<()>) {
    let _ = wall.recv();
}

pub(crate) fn first(reports: &Reports, stage: StallStage) -> StallReport {
    reports.iter().find(|report| report.stage == stage).unwrap()
}

/// The threads of that name go to sleep, and then wake no more for a while.
#[cfg(target_os = "linux")]
#[track_caller]
pub(crate) fn fall_asleep(name: &str) {
    super::eventually(|| {
        let before = rests(name);
        // Not to wait for anything: the time in which they must not wake.
        thread::sleep(Duration::from_millis(300));
        before == rests(name)
    });
}

/// How often each thread of that name went to sleep.
#[cfg(target_os = "linux")]
fn rests(name: &str) -> u64 {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap().flatten();
    let status = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("status")).ok());
    let named = status.filter(|status| status.lines().any(|line| line == format!("Name:\t{name}")));
    let count = |line: &str| line.strip_prefix("voluntary_ctxt_switches:")?.trim().parse::<u64>().ok();
    named.filter_map(|status| status.lines().find_map(count)).sum()
}
