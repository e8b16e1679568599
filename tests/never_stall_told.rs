//! Who hears of a stall: the program's logger, or stderr; under the task's name, of each, and though the program ends at once.
//!
//! A stuck task stays stuck until the watch has seen it; what has been told is looked at when the runtime is gone.

mod support;

use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use freewheel::runtime::{Builder, Runtime, StallReport, StallStage};
use support::{eventually, in_child, test};

type Reports = Arc<Mutex<Vec<StallReport>>>;

/// A runtime that keeps its reports.
fn reporting() -> (Runtime, Reports) {
    let reports = Reports::default();
    let kept = reports.clone();
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(2).stall_threshold(Duration::from_millis(5));
    (builder.on_stall(move |report| kept.lock().unwrap().push(report.clone())).build().unwrap(), reports)
}

/// Spawns so many tasks called `sluggard`, from one place, and keeps them stuck until the watch has seen them all.
fn stall(runtime: &Runtime, tasks: u64) {
    let before = runtime.handle().metrics().stalls();
    let _entered = runtime.enter();
    let stuck: Vec<_> = (0..tasks)
        .map(|_| {
            let (release, wall) = mpsc::channel::<()>();
            let stuck = async move {
                let _ = wall.recv();
            };
            (release, freewheel::task::Builder::new().name("sluggard").spawn(stuck).unwrap())
        })
        .collect();
    eventually(|| runtime.handle().metrics().stalls() >= before + tasks);
    for (release, task) in stuck {
        drop(release);
        runtime.block_on(task).unwrap();
    }
}

#[test]
fn the_end_of_a_stall_is_told_under_the_tasks_name() {
    test(|| {
        let (runtime, reports) = reporting();
        stall(&runtime, 1);
        let ended = |report: &StallReport| report.stage == StallStage::Ended;
        eventually(|| reports.lock().unwrap().iter().any(ended));
        let reports = reports.lock().unwrap();
        let report = reports.iter().find(|report| ended(report)).unwrap();
        assert_eq!(report.name.as_deref(), Some("sluggard"), "{report}");
        assert!(report.to_string().starts_with("task 'sluggard' "), "{report}");
    });
}

#[test]
fn of_ten_stalls_at_one_place_each_is_told_of_or_counted() {
    test(|| {
        let (runtime, reports) = reporting();
        stall(&runtime, 4);
        stall(&runtime, 6);
        drop(runtime);
        let reports = reports.lock().unwrap();
        let told = reports.iter().filter(|report| report.stage == StallStage::Detected).count() as u64;
        let counted: u64 = reports.iter().map(|report| report.suppressed).sum();
        // One machine may be so slow that a poll of its own, such as the first of a task, counts too.
        assert!(told >= 1 && told + counted >= 10, "{told} told and {counted} counted: {reports:#?}");
    });
}

#[test]
fn a_stall_that_nothing_follows_is_counted_by_itself() {
    test(|| {
        let (runtime, reports) = reporting();
        stall(&runtime, 1);
        stall(&runtime, 1);
        let counts = |report: &StallReport| report.suppressed > 0;
        eventually(|| reports.lock().unwrap().iter().any(counts));
    });
}

/// A logger that writes to stderr what its level lets through.
struct Logger;

impl log::Log for Logger {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.level() <= log::max_level()
    }
    fn log(&self, record: &log::Record<'_>) {
        if self.enabled(record.metadata()) {
            eprintln!("logged {} under {}: {}", record.level(), record.target(), record.args());
        }
    }
    fn flush(&self) {}
}

#[test]
fn an_installed_logger_decides_whether_stalls_are_seen() {
    let told = in_child("an_installed_logger_decides_whether_stalls_are_seen", || {
        let stall = || stall(&Builder::new_multi_thread().worker_threads(1).build().unwrap(), 1);
        stall();
        log::set_logger(&Logger).unwrap();
        log::set_max_level(log::LevelFilter::Error);
        eprintln!("-- errors only");
        stall();
        log::set_max_level(log::LevelFilter::Warn);
        eprintln!("-- warnings too");
        stall();
    });
    told.assert_ok();
    let (without, with) = told.output.split_once("-- errors only").unwrap();
    let (errors, warnings) = with.split_once("-- warnings too").unwrap();
    assert!(without.contains("freewheel: task 'sluggard'"), "{without}");
    assert!(!errors.contains("sluggard"), "{errors}");
    assert!(warnings.contains("logged WARN under freewheel::stall: task 'sluggard'"), "{warnings}");
    assert!(!warnings.contains("freewheel: task"), "{warnings}");
}

#[test]
fn an_empty_wish_of_the_operators_is_none() {
    let told = in_child("an_empty_wish_of_the_operators_is_none", || {
        for value in ["", "WARN"] {
            // SAFETY: in a process of its own whose other threads, the harness's and the watchdog's, do not look at the environment.
            unsafe { std::env::set_var("FREEWHEEL_STALL", value) };
            drop(Builder::new_multi_thread().worker_threads(1).build().unwrap());
        }
    });
    told.assert_ok();
}

/// The stack comes after the line, and though the program ends while it is read.
#[test]
#[cfg(all(feature = "backtrace", target_os = "linux", target_arch = "x86_64", target_pointer_width = "64"))]
fn a_program_that_ends_at_once_has_told_the_line_and_then_the_stack() {
    #[inline(never)]
    fn wait_for_the_release(wall: &mpsc::Receiver<()>) {
        let _ = wall.recv();
    }

    let told = in_child("a_program_that_ends_at_once_has_told_the_line_and_then_the_stack", || {
        // SAFETY: as above.
        unsafe { std::env::set_var("FREEWHEEL_STALL", "backtrace") };
        let runtime = Builder::new_multi_thread().worker_threads(1).build().unwrap();
        let (release, wall) = mpsc::channel::<()>();
        let task = runtime.spawn(async move { wait_for_the_release(&wall) });
        eventually(|| runtime.handle().metrics().stalls() > 0);
        // Not to wait for anything: the stack is to be copied in this time, and takes longer to be read.
        std::thread::sleep(Duration::from_millis(200));
        drop(release);
        runtime.block_on(task).unwrap();
    });
    told.assert_ok();
    let (_, line) = told.output.split_once("freewheel: task ").unwrap();
    let (line, rest) = line.split_once('\n').unwrap();
    assert!(line.contains(" has blocked its thread for ") || line.contains(" has computed for "), "{}", told.output);
    assert!(rest.contains("freewheel: where task ") && rest.contains("::wait_for_the_release\n"), "{}", told.output);
}
