//! What a stall report says, from outside: in which call and on what, as which event, as the operator wishes.
//!
//! Each stuck task stays stuck until its report is there, so nothing here depends on how soon one comes.

mod support;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use std::time::Duration;

use freewheel::runtime::{Builder, Runtime, StallReport};
use support::{in_child, test};

/// A runtime that sends each report on.
fn reporting() -> (Runtime, mpsc::Receiver<StallReport>) {
    let (sender, reports) = mpsc::channel();
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(2).stall_threshold(Duration::from_millis(5));
    let runtime = builder.on_stall(move |report| drop(sender.send(report.clone()))).build().unwrap();
    (runtime, reports)
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
    // SAFETY: in a process of its own whose other threads, the harness's and the watchdog's, do not look at the environment.
    unsafe {
        match setting {
            Some(setting) => std::env::set_var("FREEWHEEL_STALL", setting),
            None => std::env::remove_var("FREEWHEEL_STALL"),
        }
    }
    let runtime = Builder::new_multi_thread().worker_threads(1).build()?;
    runtime.block_on(runtime.spawn(async move { std::thread::sleep(time) })).unwrap();
    Ok(())
}

#[test]
fn a_report_is_a_line_on_stderr_unless_the_operator_wants_none() {
    let time = Duration::from_millis(300);
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
