//! What a `current_thread` runtime reports: nobody can take over there, but somebody can tell, if asked to.
//!
//! Each stuck poll stays stuck until its report is there, so nothing here depends on how soon one comes.
#![cfg(target_os = "linux")]

mod support;

use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use freewheel::runtime::{Builder, Handle, Runtime, StallClass, StallStage};
use freewheel::task::JoinHandle;
use freewheel::time::sleep;
use support::stalls::{self, Reports, fall_asleep, first, wait, wall};
use support::{drop_to_other_user, eventually, in_child, must_panic, set_limit, test, thread_names, threads};

fn reporting() -> (Runtime, Reports) {
    stalls::reporting(&mut Builder::new_current_thread())
}

/// Drives `future` on a thread of its own.
fn drive(runtime: &Arc<Runtime>, future: impl Future<Output = ()> + Send + 'static) -> thread::JoinHandle<()> {
    let runtime = runtime.clone();
    thread::spawn(move || runtime.block_on(future))
}

#[test]
fn a_stuck_task_is_reported_while_it_is_stuck_again_and_when_it_comes_back() {
    test(|| {
        let (runtime, reports) = reporting();
        let runtime = Arc::new(runtime);
        let (release, lock) = wall();
        let named = {
            let _entered = runtime.enter();
            freewheel::task::Builder::new().name("sluggard").spawn(async move { wait(&lock) }).unwrap()
        };
        let id = named.id();
        let driver = drive(&runtime, async move { named.await.unwrap() });
        let found = first(&reports, StallStage::Detected);
        assert_eq!((found.class, found.task, found.name.as_deref()), (StallClass::Blocked, Some(id), Some("sluggard")));
        assert_eq!(found.system_call.as_deref(), Some("futex"));
        assert!(found.location.file().ends_with("never_stall_alone.rs"), "{found}");
        let again = first(&reports, StallStage::Ongoing);
        assert!(again.elapsed >= 2 * Duration::from_millis(5), "{again}");
        drop(release);
        driver.join().unwrap();
        assert_eq!(first(&reports, StallStage::Ended).task, Some(id));
        let metrics = runtime.handle().metrics();
        assert!(metrics.stalls() >= 1 && metrics.longest_stall() >= again.elapsed);
        assert_eq!((metrics.hand_offs_blocked(), metrics.max_threads_seen()), (0, 1));
    });
}

#[test]
fn a_task_that_computes_is_reported_as_such() {
    test(|| {
        let (runtime, reports) = reporting();
        let over = Arc::new(AtomicBool::new(false));
        let theirs = over.clone();
        let task = runtime.spawn(async move { while !theirs.load(Ordering::Relaxed) {} });
        let driver = drive(&Arc::new(runtime), async move { task.await.unwrap() });
        assert_eq!(first(&reports, StallStage::Detected).class, StallClass::Computing);
        over.store(true, Ordering::Relaxed);
        driver.join().unwrap();
    });
}

#[test]
fn the_future_of_block_on_is_reported_by_the_place_of_the_call() {
    test(|| {
        let (runtime, reports) = reporting();
        let (release, lock) = wall();
        let driver = drive(&Arc::new(runtime), async move { wait(&lock) });
        let report = first(&reports, StallStage::Detected);
        assert_eq!((report.class, report.task), (StallClass::Blocked, None));
        assert!(report.to_string().starts_with("the future of block_on at tests/never_stall_alone.rs:"), "{report}");
        drop(release);
        driver.join().unwrap();
    });
}

#[test]
fn whoever_drives_is_looked_at_however_often_that_changes() {
    test(|| {
        let (runtime, reports) = reporting();
        let runtime = Arc::new(runtime);
        // Each at a place of its own: stalls of one place are reported once a second.
        type Spawn = fn(&Runtime, mpsc::Receiver<()>) -> JoinHandle<()>;
        let spawns: [Spawn; 3] = [
            |runtime, wall| runtime.spawn(async move { wait(&wall) }),
            |runtime, wall| runtime.spawn(async move { wait(&wall) }),
            |runtime, wall| runtime.spawn(async move { wait(&wall) }),
        ];
        for spawn in spawns {
            let (release, lock) = wall();
            let task = spawn(&runtime, lock);
            let id = task.id();
            // One of the two drives and is stuck; the other is through, or waits for its turn.
            let drivers = [drive(&runtime, async move { task.await.unwrap() }), drive(&runtime, async {})];
            let report = reports.iter().find(|report| report.task == Some(id) && report.system_call.is_some()).unwrap();
            assert_eq!(report.system_call.as_deref(), Some("futex"), "{report}");
            drop(release);
            drivers.into_iter().for_each(|driver| driver.join().unwrap());
        }
    });
}

#[test]
fn a_block_on_within_a_task_is_no_stall_and_what_is_stuck_within_it_bears_its_own_name() {
    test(|| {
        let (runtime, reports) = reporting();
        let (release, lock) = wall();
        let (id, inner_id) = mpsc::channel();
        let outer = runtime.spawn(async move {
            let handle = Handle::current();
            // Long against the threshold, and everything else goes on meanwhile.
            handle.block_on(sleep(Duration::from_millis(100)));
            let inner = handle.spawn(async move { wait(&lock) });
            id.send(inner.id()).unwrap();
            handle.block_on(inner).unwrap();
            handle.block_on(sleep(Duration::from_millis(100)));
        });
        let driver = drive(&Arc::new(runtime), async move { outer.await.unwrap() });
        let report = reports.recv().unwrap();
        assert_eq!((report.task, report.class), (Some(inner_id.recv().unwrap()), StallClass::Blocked), "{report}");
        drop(release);
        driver.join().unwrap();
        let others: Vec<_> = reports.iter().filter(|later| later.task != report.task).collect();
        assert!(others.is_empty(), "{others:?}");
    });
}

#[test]
fn a_future_of_block_on_that_panics_leaves_no_stuck_poll_behind() {
    test(|| {
        let (runtime, reports) = reporting();
        // Without the panic hook: to print its backtrace takes long, and is a stall indeed.
        let panic = || std::panic::resume_unwind(Box::new("on purpose"));
        must_panic(|| runtime.block_on(async { panic() }));
        must_panic(|| runtime.block_on(async { Handle::current().block_on(async { panic() }) }));
        // Not to wait for anything: long enough for a report, of which there must be none.
        thread::sleep(Duration::from_millis(200));
        runtime.block_on(async {});
        drop(runtime);
        assert_eq!(reports.iter().count(), 0);
    });
}

fn built_with(setting: Option<&str>, ask: impl FnOnce(&mut Builder)) -> Runtime {
    stalls::operator_says(setting);
    let mut builder = Builder::new_current_thread();
    ask(&mut builder);
    builder.build().unwrap()
}

#[test]
fn there_is_a_thread_if_and_only_if_somebody_asks_and_it_ends_with_the_runtime() {
    let told = in_child("there_is_a_thread_if_and_only_if_somebody_asks_and_it_ends_with_the_runtime", || {
        let before = threads();
        let watched = |is_asked_for, setting, ask: fn(&mut Builder)| {
            let runtime = built_with(setting, ask);
            runtime.block_on(async { freewheel::spawn(async {}).await.unwrap() });
            if is_asked_for {
                // It names itself when it starts. On a slow machine it may have something to report, and the reporter is there too.
                eventually(|| thread_names().iter().filter(|name| *name == "freewheel-watch").count() == 1);
            } else {
                assert_eq!(threads(), before);
            }
            drop(runtime);
            eventually(|| threads() == before);
        };
        watched(false, None, |_| {});
        watched(false, Some("off"), |_| {});
        watched(true, Some("warn"), |_| {});
        watched(true, None, |builder| _ = builder.on_stall(|_| {}));
        watched(true, Some("off"), |builder| _ = builder.on_stall(|_| {}));
        watched(true, None, |builder| _ = builder.stall_threshold(Duration::from_millis(7)));
    });
    told.assert_ok();
}

#[test]
fn a_watch_that_is_refused_its_thread_is_an_error_of_build() {
    let told = in_child("a_watch_that_is_refused_its_thread_is_an_error_of_build", || {
        drop_to_other_user();
        set_limit(libc::RLIMIT_NPROC, 0);
        let mut builder = Builder::new_current_thread();
        builder.build().unwrap();
        let before = support::file_descriptors();
        assert_eq!(builder.on_stall(|_| {}).build().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
        assert_eq!(support::file_descriptors(), before);
    });
    told.assert_ok();
}

#[test]
fn a_line_is_written_where_the_operator_asks_for_it() {
    let told = in_child("a_line_is_written_where_the_operator_asks_for_it", || {
        // Not to wait for anything: the stall. On a machine with few cores to spare its report may take a second.
        let stall = |time| async move { thread::sleep(Duration::from_millis(time)) };
        built_with(None, |_| {}).block_on(stall(100));
        eprintln!("-- from here on it is told");
        built_with(Some("warn"), |_| {}).block_on(stall(1500));
    });
    told.assert_ok();
    let (before, after) = told.output.split_once("-- from here on it is told").unwrap();
    assert!(!before.contains("freewheel:"), "{before}");
    assert!(after.contains("freewheel: the future of block_on at tests/never_stall_alone.rs:"), "{after}");
}

#[test]
fn the_watch_sleeps_while_nobody_drives_and_while_the_driver_sleeps() {
    let told = in_child("the_watch_sleeps_while_nobody_drives_and_while_the_driver_sleeps", || {
        let (runtime, reports) = reporting();
        let runtime = Arc::new(runtime);
        runtime.spawn(async {});
        // It ticks some times more, and then no more.
        let sleeps = || fall_asleep("freewheel-watch");
        sleeps();
        let (stop, stopped) = wall();
        let driver = drive(&runtime, async move {
            while stopped.try_recv() == Err(mpsc::TryRecvError::Empty) {
                sleep(Duration::from_millis(2000)).await;
            }
        });
        sleeps();
        drop(stop);
        driver.join().unwrap();
        sleeps();
        // And it is awake again when it is needed.
        let (release, lock) = wall();
        let driver = drive(&runtime, async move { wait(&lock) });
        first(&reports, StallStage::Detected);
        drop(release);
        driver.join().unwrap();
    });
    told.assert_ok();
}

#[test]
fn it_can_be_dropped_in_its_own_task_and_shut_down_while_it_is_stuck() {
    test(|| {
        let (runtime, reports) = reporting();
        let handle = runtime.handle().clone();
        handle.block_on(async move {
            let _ = freewheel::spawn(async move { drop(runtime) }).await;
        });
        drop(handle);
        assert_eq!(reports.iter().count(), 0);

        let (runtime, reports) = reporting();
        let handle = runtime.handle().clone();
        let (release, lock) = wall();
        let driver = thread::spawn(move || handle.block_on(async move { wait(&lock) }));
        first(&reports, StallStage::Detected);
        runtime.shutdown_timeout(Duration::from_secs(3600));
        drop(release);
        driver.join().unwrap();
    });
}

/// In which order tasks run that were queued by a task and from outside, after one in which the thread is in `slow`.
fn order(runtime: Runtime, slow: impl FnOnce() + Send + 'static) -> Vec<u32> {
    let (noted, order) = mpsc::channel();
    let note = move |number| {
        let noted = noted.clone();
        async move { noted.send(number).unwrap() }
    };
    runtime.block_on(async {
        let handle = Handle::current();
        let mut tasks = vec![handle.spawn(async move { slow() })];
        tasks.extend((0..4).map(|number| handle.spawn(note(number))));
        let outside = thread::spawn(move || (4..8).map(|number| handle.spawn(note(number))).collect::<Vec<_>>());
        for task in tasks.into_iter().chain(outside.join().unwrap()) {
            task.await.unwrap();
        }
    });
    order.try_iter().collect()
}

#[test]
fn tasks_run_in_the_same_order_whether_they_are_watched_or_not() {
    test(|| {
        let (watched, reports) = reporting();
        let until_seen = move || assert!(reports.iter().any(|report| report.task.is_some()));
        let unwatched = Builder::new_current_thread().build().unwrap();
        assert_eq!(order(watched, until_seen), order(unwatched, || ()));
    });
}

#[test]
fn whoever_drives_has_the_permit_from_the_first_poll_on_however_many_spawn_meanwhile() {
    test(|| {
        let (runtime, _reports) = reporting();
        let (handle, over) = (runtime.handle(), AtomicBool::new(false));
        let without = thread::scope(|scope| {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    if handle.metrics().num_alive_tasks() < 1000 {
                        drop(handle.spawn(async {}));
                    }
                }
            });
            let rounds = (0..20_000).filter(|round| {
                if round % 4 == 0 {
                    // Runs what has come meanwhile, and may sleep.
                    runtime.block_on(async { handle.spawn(async {}).await.unwrap() });
                }
                let seen = runtime.block_on(async { format!("{handle:?}") });
                !seen.contains("idle_permits: 0")
            });
            let without = rounds.count();
            over.store(true, Ordering::Relaxed);
            without
        });
        assert_eq!(without, 0, "so often a future was polled without the permit");
    });
}
