//! What a stall report says, from outside: in which call and on what, as which event, as the operator wishes.
//!
//! Each stuck task stays stuck until its report is there, so nothing here depends on how soon one comes.

mod support;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use freewheel::runtime::{Builder, Runtime, StallReport, StallStage};
use support::stalls::{self, Reports};
use support::{in_child, test};

fn reporting() -> (Runtime, Reports) {
    stalls::reporting(Builder::new_multi_thread().worker_threads(2))
}

#[test]
#[cfg(target_os = "linux")]
fn a_task_stuck_on_a_tcp_stream_is_reported_with_both_addresses() {
    test(|| {
        let (runtime, reports) = reporting();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut stuck = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut peer, _) = listener.accept().unwrap();
        let line = format!("tcp {} → {}", stuck.local_addr().unwrap(), listener.local_addr().unwrap());
        let task = runtime.spawn(async move { stuck.read(&mut [0]).unwrap() });
        let report = reports.iter().find(|report| report.system_call.is_some()).unwrap();
        peer.write_all(b"!").unwrap();
        assert_eq!(runtime.block_on(task).unwrap(), 1);
        assert!(matches!(report.system_call.as_deref(), Some("recvfrom" | "read")), "{report}");
        assert_eq!(report.file.as_deref(), Some(line.as_str()));
        assert!(report.to_string().contains(&format!(" on {line}")), "{report}");
    });
}

#[test]
fn stalls_of_one_place_are_reported_once_a_second_and_the_others_are_counted() {
    test(|| {
        let (sender, reports) = mpsc::channel();
        let mut builder = Builder::new_multi_thread();
        builder.worker_threads(2).stall_threshold(Duration::from_millis(5)).on_stall(move |report| {
            if report.stage == StallStage::Detected {
                let _ = sender.send((Instant::now(), report.suppressed));
            }
        });
        let (runtime, mut told) = (builder.build().unwrap(), Vec::new());
        while told.iter().all(|&(_, suppressed)| suppressed == 0) {
            // Not to wait for anything: these are the stalls, all of one place.
            runtime.block_on(runtime.spawn(async { std::thread::sleep(Duration::from_millis(30)) })).unwrap();
            told.extend(reports.try_iter());
        }
        // Half of a second: the reporter may have been late with the earlier.
        assert!(told.windows(2).all(|pair| pair[1].0 - pair[0].0 >= Duration::from_millis(500)), "{told:?}");
        let stalls = told.len() as u64 + told.iter().map(|(_, suppressed)| suppressed).sum::<u64>();
        assert!(stalls <= runtime.handle().metrics().stalls(), "{told:?}");
    });
}

#[test]
#[cfg(target_os = "linux")]
fn a_task_stuck_on_a_lock_or_in_open_is_reported_with_the_lock_or_the_path() {
    test(|| {
        let (runtime, reports) = reporting();
        let (release, lock) = mpsc::channel::<()>();
        let task = runtime.spawn(async move { lock.recv() });
        let report = reports.iter().find(|report| report.system_call.is_some()).unwrap();
        drop(release);
        let _ = runtime.block_on(task);
        assert_eq!(report.system_call.as_deref(), Some("futex"));
        assert!(report.file.as_deref().unwrap().contains("a lock"), "{report}");

        let pipe = std::env::temp_dir().join(format!("freewheel-reports-{}", std::process::id()));
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let path = pipe.clone();
        let task = runtime.spawn(async move { drop(std::fs::File::open(path)) });
        let of_open = |report: &StallReport| report.system_call.as_deref().is_some_and(|call| call.starts_with("open"));
        let report = reports.iter().find(of_open).unwrap();
        drop(std::fs::OpenOptions::new().write(true).open(&pipe).unwrap());
        runtime.block_on(task).unwrap();
        std::fs::remove_file(&pipe).unwrap();
        assert_eq!(report.file.as_deref(), pipe.to_str(), "{report}");
    });
}

/// Blocks a task of a runtime without a callback, in an environment that says `setting`, for `time`.
fn block_with(setting: Option<&str>, time: Duration) -> std::io::Result<()> {
    stalls::operator_says(setting);
    let runtime = Builder::new_multi_thread().worker_threads(1).build()?;
    // Not to wait for anything: this is the stall.
    runtime.block_on(runtime.spawn(async move { std::thread::sleep(time) })).unwrap();
    Ok(())
}

#[test]
fn a_report_is_a_line_on_stderr_unless_the_operator_wants_none() {
    // On a machine with few cores to spare a report may take a second.
    let time = Duration::from_millis(1500);
    let told = in_child("a_report_is_a_line_on_stderr_unless_the_operator_wants_none", || {
        block_with(Some("off"), time).unwrap();
        eprintln!("-- from here on it is told");
        block_with(Some("warn"), time).unwrap();
    });
    told.assert_ok();
    let (before, after) = told.output.split_once("-- from here on it is told").unwrap();
    assert!(!before.contains("freewheel: task"), "{before}");
    assert!(after.contains("freewheel: task") && after.contains("never_stall_reports.rs"), "{after}");
}

#[test]
fn what_the_operator_misspells_is_refused_with_what_can_be_said() {
    let told = in_child("what_the_operator_misspells_is_refused_with_what_can_be_said", || {
        let error = block_with(Some("loud"), Duration::ZERO).unwrap_err().to_string();
        assert!(["FREEWHEEL_STALL", "loud", "off", "warn"].iter().all(|word| error.contains(word)), "{error}");
    });
    told.assert_ok();
}

#[test]
#[cfg(target_os = "linux")]
fn a_process_that_stood_still_is_told_of_when_it_goes_on() {
    use freewheel::runtime::{StallClass, StallStage};

    let told = in_child("a_process_that_stood_still_is_told_of_when_it_goes_on", || {
        let (runtime, reports) = reporting();
        // While nobody runs anything nobody sees it.
        let ticker = runtime.spawn(async {
            loop {
                freewheel::time::sleep(Duration::from_millis(3)).await;
            }
        });
        let mut stops = 0;
        let report = loop {
            // It is only told if the watch had nothing to do just then, so it may take another.
            let script = "sleep 0.1; kill -STOP $0; sleep 0.5; kill -CONT $0";
            let pid = std::process::id().to_string();
            assert!(std::process::Command::new("sh").args(["-c", script, &pid]).status().unwrap().success());
            stops += 1;
            match reports.recv_timeout(Duration::from_secs(1)) {
                Ok(report) if report.class == StallClass::ProcessStopped => break report,
                _ => {}
            }
        };
        assert_eq!((report.stage, report.task, report.stuck_threads), (StallStage::Ended, None, 0));
        assert!(report.elapsed >= Duration::from_millis(250), "{report}");
        assert!(report.location.file().ends_with("never_stall_reports.rs"), "{report}");
        assert!(report.to_string().starts_with("the whole process stood still for "), "{report}");
        let metrics = runtime.handle().metrics();
        assert!((1..=stops).contains(&metrics.process_stops()) && metrics.longest_process_stop() >= report.elapsed);
        ticker.abort();
    });
    told.assert_ok();
}

#[test]
#[cfg(target_os = "linux")]
fn a_watch_that_alone_is_held_by_a_signal_handler_tells_of_no_standstill() {
    use freewheel::runtime::StallClass;

    extern "C" fn hold(_: libc::c_int) {
        let time = libc::timespec { tv_sec: 0, tv_nsec: 400_000_000 };
        // SAFETY: a live timespec; a handler may call `nanosleep`.
        unsafe { libc::nanosleep(&raw const time, std::ptr::null_mut()) };
    }

    let told = in_child("a_watch_that_alone_is_held_by_a_signal_handler_tells_of_no_standstill", || {
        // SAFETY: a handler that does what a handler may.
        unsafe { libc::signal(libc::SIGUSR1, hold as *const () as libc::sighandler_t) };
        let (runtime, reports) = reporting();
        let busy = runtime.spawn(async {
            loop {
                freewheel::task::yield_now().await;
            }
        });
        let is_watch = |task: &std::fs::DirEntry| {
            std::fs::read_to_string(task.path().join("comm")).is_ok_and(|name| name.starts_with("freewheel-react"))
        };
        // It names itself when it starts.
        let watch = loop {
            if let Some(task) = std::fs::read_dir("/proc/self/task").unwrap().flatten().find(is_watch) {
                break task.file_name().to_str().unwrap().parse::<libc::c_long>().unwrap();
            }
        };
        for _ in 0..2 {
            // Not to wait for anything: some ticks in time, and then the one that is late.
            std::thread::sleep(Duration::from_millis(100));
            // SAFETY: plain numbers; the test's own handler comes.
            assert_eq!(unsafe { libc::syscall(libc::SYS_tgkill, libc::getpid(), watch, libc::SIGUSR1) }, 0);
            // Not to wait for anything: the tick that is late comes within.
            std::thread::sleep(Duration::from_millis(500));
        }
        assert_eq!(runtime.handle().metrics().process_stops(), 0);
        busy.abort();
        assert!(reports.try_iter().all(|report| report.class != StallClass::ProcessStopped));
    });
    told.assert_ok();
}

/// Reports with the stack of the stuck thread.
#[cfg(all(feature = "backtrace", target_os = "linux", target_arch = "x86_64", target_pointer_width = "64"))]
mod backtraces {
    use super::*;
    use std::os::fd::AsRawFd;
    use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
    use std::sync::{Arc, Condvar, Mutex};

    use freewheel::runtime::StallFrame;

    /// A runtime that sends on each report with a backtrace.
    fn backtracing() -> (Runtime, mpsc::Receiver<StallReport>) {
        let (sender, reports) = mpsc::channel();
        let mut builder = Builder::new_multi_thread();
        builder.worker_threads(2).stall_threshold(Duration::from_millis(5)).stall_backtraces(true);
        let runtime = builder.on_stall(move |report| drop(sender.send(report.clone()))).build().unwrap();
        (runtime, reports)
    }

    fn says(frame: &StallFrame, what: &str) -> bool {
        frame.symbol.as_ref().is_some_and(|symbol| symbol.contains(what))
    }

    /// The first backtrace; each has the function `name` in it, and it is followed by its caller.
    fn backtrace_of(reports: &mpsc::Receiver<StallReport>, name: &str) -> StallReport {
        let report = reports.iter().find(|report| report.backtrace.is_some()).unwrap();
        let frames = report.backtrace.as_ref().unwrap().frames();
        let at =
            frames.iter().position(|frame| says(frame, name)).unwrap_or_else(|| panic!("{name} is not in\n{report}"));
        assert!(at <= 2, "the system's frames are left out\n{report}");
        assert!(frames[at].file.as_ref().unwrap().ends_with("never_stall_reports.rs"), "{report}");
        assert!(says(&frames[at + 1], "never_stall_reports::backtraces"), "the caller is missing\n{report}");
        assert!(!frames.iter().any(|frame| says(frame, "freewheel::scheduler")), "the runtime is left out\n{report}");
        assert!(report.to_string().contains(name), "{report}");
        report
    }

    #[inline(never)]
    fn wait_for_the_lock(lock: &Mutex<()>) {
        drop(lock.lock().unwrap());
    }

    #[inline(never)]
    fn wait_on_the_condition(wall: &(Mutex<bool>, Condvar)) {
        drop(wall.1.wait_while(wall.0.lock().unwrap(), |down| !*down).unwrap());
    }

    #[inline(never)]
    fn wait_for_the_peer(mut stream: &TcpStream) {
        assert_eq!(stream.read(&mut [0]).unwrap(), 1);
    }

    #[inline(never)]
    fn wait_in_sleep(over: &AtomicBool) {
        while !over.load(Ordering::Relaxed) {
            // Not to wait for anything: this is what the report must name.
            std::thread::sleep(Duration::from_secs(1));
        }
    }

    #[inline(never)]
    fn compute(over: &AtomicBool) -> u64 {
        let mut sum = 0u64;
        while !over.load(Ordering::Relaxed) {
            sum = std::hint::black_box(sum.wrapping_mul(31).wrapping_add(7));
        }
        sum
    }

    #[test]
    fn a_task_that_waits_for_a_lock_is_shown_where_it_does() {
        test(|| {
            let (runtime, reports) = backtracing();
            let lock = Arc::new(Mutex::new(()));
            let held = lock.lock().unwrap();
            let other = lock.clone();
            let task = runtime.spawn(async move { wait_for_the_lock(&other) });
            backtrace_of(&reports, "wait_for_the_lock");
            drop(held);
            runtime.block_on(task).unwrap();
        });
    }

    #[test]
    fn a_task_that_waits_on_a_condition_is_shown_where_it_does() {
        test(|| {
            let (runtime, reports) = backtracing();
            let wall = Arc::new((Mutex::new(false), Condvar::new()));
            let other = wall.clone();
            let task = runtime.spawn(async move { wait_on_the_condition(&other) });
            backtrace_of(&reports, "wait_on_the_condition");
            *wall.0.lock().unwrap() = true;
            wall.1.notify_all();
            runtime.block_on(task).unwrap();
        });
    }

    #[test]
    fn a_task_that_sleeps_is_shown_with_what_it_called_and_nothing_below() {
        test(|| {
            let (runtime, reports) = backtracing();
            let over = Arc::new(AtomicBool::new(false));
            let other = over.clone();
            let task = runtime.spawn(async move { wait_in_sleep(&other) });
            let report = backtrace_of(&reports, "wait_in_sleep");
            over.store(true, Ordering::Relaxed);
            runtime.block_on(task).unwrap();
            let innermost = &report.backtrace.as_ref().unwrap().frames()[0];
            assert!(says(innermost, "std::thread::"), "{report}");
        });
    }

    #[test]
    fn a_task_that_waits_for_its_peer_is_shown_where_it_does() {
        test(|| {
            let (runtime, reports) = backtracing();
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let stuck = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let (mut peer, _) = listener.accept().unwrap();
            let task = runtime.spawn(async move { wait_for_the_peer(&stuck) });
            backtrace_of(&reports, "wait_for_the_peer");
            peer.write_all(b"!").unwrap();
            runtime.block_on(task).unwrap();
        });
    }

    #[test]
    fn a_task_that_computes_is_shown_where_it_does_and_goes_on() {
        test(|| {
            let (runtime, reports) = backtracing();
            let over = Arc::new(AtomicBool::new(false));
            let other = over.clone();
            let task = runtime.spawn(async move { compute(&other) });
            let report = backtrace_of(&reports, "compute");
            assert_eq!(report.class, freewheel::runtime::StallClass::Computing);
            over.store(true, Ordering::Relaxed);
            runtime.block_on(task).unwrap();
        });
    }

    #[test]
    fn the_future_of_block_on_is_shown_where_it_is_stuck_and_nothing_of_what_leads_there() {
        test(|| {
            let (sender, reports) = mpsc::channel();
            let mut builder = Builder::new_current_thread();
            builder.stall_backtraces(true).on_stall(move |report| drop(sender.send(report.clone())));
            let runtime = builder.build().unwrap();
            let lock = Arc::new(Mutex::new(()));
            let held = lock.lock().unwrap();
            let other = lock.clone();
            let driver = std::thread::spawn(move || runtime.block_on(async move { wait_for_the_lock(&other) }));
            let report = backtrace_of(&reports, "wait_for_the_lock");
            drop(held);
            driver.join().unwrap();
            let outermost = report.backtrace.as_ref().unwrap().frames().last().unwrap();
            assert!(says(outermost, "never_stall_reports::backtraces"), "{report}");
        });
    }

    /// What the handler below reads from.
    static HELD_BY: AtomicI32 = AtomicI32::new(-1);

    extern "C" fn hold_in_a_handler(_: libc::c_int) {
        let mut byte = 0u8;
        // SAFETY: a place for one byte, and a descriptor that the test keeps open; a handler may call `read`.
        unsafe { libc::read(HELD_BY.load(Ordering::Relaxed), (&raw mut byte).cast(), 1) };
    }

    #[inline(never)]
    fn be_interrupted() -> libc::c_int {
        // SAFETY: plain numbers; the test's own handler comes.
        std::hint::black_box(unsafe { libc::raise(libc::SIGUSR1) })
    }

    #[test]
    fn a_task_whose_thread_is_held_by_a_signal_handler_is_shown_with_what_was_interrupted() {
        let name = "backtraces::a_task_whose_thread_is_held_by_a_signal_handler_is_shown_with_what_was_interrupted";
        let told = in_child(name, || {
            let (mut release, held) = std::os::unix::net::UnixStream::pair().unwrap();
            HELD_BY.store(held.as_raw_fd(), Ordering::Relaxed);
            let handler = hold_in_a_handler as *const () as libc::sighandler_t;
            // SAFETY: a handler that does what a handler may.
            unsafe { libc::signal(libc::SIGUSR1, handler) };
            let (runtime, reports) = backtracing();
            let task = runtime.spawn(async { be_interrupted() });
            let report = reports.iter().find(|report| report.backtrace.is_some()).unwrap();
            release.write_all(b"!").unwrap();
            runtime.block_on(task).unwrap();
            let frames = report.backtrace.as_ref().unwrap().frames();
            let at =
                |name| frames.iter().position(|frame| says(frame, name)).unwrap_or_else(|| panic!("{name}\n{report}"));
            assert!(at("hold_in_a_handler") < at("be_interrupted"), "{report}");
            assert!(says(&frames[at("be_interrupted") + 1], "never_stall_reports::backtraces"), "{report}");
        });
        told.assert_ok();
    }

    fn handler_of_sigurg() -> libc::sighandler_t {
        let mut handler = std::mem::MaybeUninit::<libc::sigaction>::zeroed();
        // SAFETY: asks only, and `handler` is a place for the answer, of which zeroes are a value.
        unsafe {
            assert_eq!(libc::sigaction(libc::SIGURG, std::ptr::null(), handler.as_mut_ptr()), 0);
            handler.assume_init().sa_sigaction
        }
    }

    #[test]
    fn a_blocked_thread_is_looked_at_without_a_signal() {
        let told = in_child("backtraces::a_blocked_thread_is_looked_at_without_a_signal", || {
            let (runtime, reports) = backtracing();
            let lock = Arc::new(Mutex::new(()));
            let held = lock.lock().unwrap();
            let other = lock.clone();
            let task = runtime.spawn(async move { wait_for_the_lock(&other) });
            let report = backtrace_of(&reports, "wait_for_the_lock");
            drop(held);
            runtime.block_on(task).unwrap();
            // A thread that had no core just then counts as computing at first.
            assert!(report.system_call.is_none() || handler_of_sigurg() == libc::SIG_DFL);
        });
        told.assert_ok();
    }

    #[test]
    fn a_handler_of_the_programs_own_stays_and_computing_threads_have_no_backtrace() {
        let name = "backtraces::a_handler_of_the_programs_own_stays_and_computing_threads_have_no_backtrace";
        let told = in_child(name, || {
            extern "C" fn own(_: libc::c_int) {}
            let own = own as *const () as libc::sighandler_t;
            // SAFETY: a handler that does nothing.
            unsafe { libc::signal(libc::SIGURG, own) };
            let (runtime, reports) = backtracing();
            let over = Arc::new(AtomicBool::new(false));
            let other = over.clone();
            let task = runtime.spawn(async move { compute(&other) });
            let report = reports.recv().unwrap();
            over.store(true, Ordering::Relaxed);
            runtime.block_on(task).unwrap();
            assert!(report.backtrace.is_none(), "{report}");
            assert_eq!(handler_of_sigurg(), own);
        });
        told.assert_ok();
    }

    #[test]
    fn the_operator_can_ask_for_backtraces() {
        let told = in_child("backtraces::the_operator_can_ask_for_backtraces", || {
            let (mut lines, stderr) = std::os::unix::net::UnixStream::pair().unwrap();
            // SAFETY: both are open descriptors; nobody else changes number 2 in this process of its own.
            assert_eq!(unsafe { libc::dup2(stderr.as_raw_fd(), 2) }, 2);
            // SAFETY: as in `block_with`.
            unsafe { std::env::set_var("FREEWHEEL_STALL", "backtrace") };
            let runtime = Builder::new_multi_thread().worker_threads(1).build().unwrap();
            let lock = Arc::new(Mutex::new(()));
            let held = lock.lock().unwrap();
            let other = lock.clone();
            let task = runtime.spawn(async move { wait_for_the_lock(&other) });
            let mut told = String::new();
            while !(told.contains("freewheel: task") && told.contains("::wait_for_the_lock\n")) {
                let mut bytes = [0; 4096];
                let length = lines.read(&mut bytes).unwrap();
                told.push_str(&String::from_utf8_lossy(&bytes[..length]));
            }
            drop(held);
            runtime.block_on(task).unwrap();
        });
        told.assert_ok();
    }
}

#[cfg(not(feature = "backtrace"))]
#[test]
fn backtraces_that_were_not_built_in_are_refused_with_the_cure() {
    let told = in_child("backtraces_that_were_not_built_in_are_refused_with_the_cure", || {
        let by_variable = block_with(Some("backtrace"), Duration::ZERO).unwrap_err().to_string();
        assert!(by_variable.contains("FREEWHEEL_STALL=backtrace") && by_variable.contains("features"), "{by_variable}");
        let by_builder = Builder::new_multi_thread().stall_backtraces(true).build().unwrap_err();
        assert_eq!(by_builder.kind(), std::io::ErrorKind::InvalidInput);
    });
    told.assert_ok();
}

/// Reports as events of `tracing`.
#[cfg(feature = "tracing")]
mod events {
    use super::*;
    use std::collections::HashMap;
    use std::fmt::Debug;
    use std::sync::Mutex;

    use tracing::field::{Field, Visit};
    use tracing::{Event, Level, Metadata, Subscriber, span};

    type Fields = HashMap<String, String>;

    struct Recorder(Mutex<mpsc::Sender<Fields>>);

    struct Visitor(Fields);

    impl Visit for Visitor {
        fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
            self.0.insert(field.name().to_owned(), format!("{value:?}"));
        }
    }

    impl Subscriber for Recorder {
        fn enabled(&self, _: &Metadata<'_>) -> bool {
            true
        }
        fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
            span::Id::from_u64(1)
        }
        fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
        fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
        fn event(&self, event: &Event<'_>) {
            if event.metadata().target() != "freewheel::stall" {
                return;
            }
            assert_eq!(*event.metadata().level(), Level::WARN);
            let mut visitor = Visitor(Fields::new());
            event.record(&mut visitor);
            let _ = self.0.lock().unwrap().send(visitor.0);
        }
        fn enter(&self, _: &span::Id) {}
        fn exit(&self, _: &span::Id) {}
    }

    #[test]
    fn a_report_is_an_event_with_fields_where_somebody_subscribes() {
        let told = in_child("events::a_report_is_an_event_with_fields_where_somebody_subscribes", || {
            let (sender, events) = mpsc::channel();
            tracing::subscriber::set_global_default(Recorder(Mutex::new(sender))).unwrap();
            let runtime = Builder::new_multi_thread().worker_threads(1).build().unwrap();
            let (release, lock) = mpsc::channel::<()>();
            let _entered = runtime.enter();
            let stuck = async move {
                let _ = lock.recv();
            };
            let task = freewheel::task::Builder::new().name("sluggard").spawn(stuck).unwrap();
            let event = events.recv().unwrap();
            drop(release);
            runtime.block_on(task).unwrap();
            assert_eq!(event["name"], "\"sluggard\"", "{event:?}");
            assert_eq!(event["stage"], "Detected");
            assert!(event["location"].contains("never_stall_reports.rs:"), "{event:?}");
            assert!(event["task"].parse::<u64>().is_ok() && event["elapsed_ms"].parse::<u64>().is_ok(), "{event:?}");
            assert!(event["message"].starts_with("task 'sluggard'"), "{event:?}");
            if cfg!(target_os = "linux") {
                assert_eq!((event["class"].as_str(), event["system_call"].as_str()), ("Blocked", "\"futex\""));
            }
        });
        told.assert_ok();
        assert!(!told.output.contains("freewheel: task"), "{}", told.output);
    }
}
