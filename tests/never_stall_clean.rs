//! T13: whoever does not block is not told on, however slow the machine makes it.
//!
//! A load of tiny tasks runs in a process of its own: alone, with more threads than cores, stopped and continued at random,
//! under a quota; nothing of it may be reported. `FREEWHEEL_CLEAN_SECONDS` makes each run longer: minutes show more than
//! the two seconds of a test. Its other half: what does block is reported there too, and time in which the process
//! was stopped is in no report.
#![cfg(target_os = "linux")]

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use freewheel::runtime::{Builder, Runtime, StallClass, StallReport, StallStage};
use freewheel::{task, time};
use support::in_child;

/// How long a load runs.
fn length() -> Duration {
    let seconds = std::env::var("FREEWHEEL_CLEAN_SECONDS").ok().and_then(|text| text.parse().ok());
    Duration::from_secs(seconds.unwrap_or(2))
}

/// Runs the load with the default threshold. Nothing may be reported, nor counted as a stall.
fn assert_clean(length: Duration) {
    let reports: Arc<Mutex<Vec<StallReport>>> = Arc::default();
    let told = reports.clone();
    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        .on_stall(move |report| told.lock().unwrap().push(report.clone()))
        .build()
        .unwrap();
    let tasks = load(&runtime, length);
    let metrics = runtime.handle().metrics();
    let (stalls, hand_offs, longest) = (metrics.stalls(), metrics.hand_offs_blocked(), metrics.longest_stall());
    drop(runtime);
    let reports = reports.lock().unwrap();
    // That the machine made it stand still is true if it is told, and tells on nobody.
    let reports: Vec<_> = reports.iter().filter(|report| report.class != StallClass::ProcessStopped).collect();
    for report in &reports {
        eprintln!("false: {report}");
    }
    eprintln!("{tasks} tasks, {hand_offs} hand-offs, {stalls} stalls up to {longest:?}, {} reports", reports.len());
    assert!(reports.is_empty() && stalls == 0);
}

/// Tiny tasks of every kind, for so long: spawned from outside and from inside, that allocate, yield, sleep. Their number.
fn load(runtime: &Runtime, length: Duration) -> usize {
    let end = Instant::now() + length;
    let inside: Vec<_> = (0..4)
        .map(|_| {
            runtime.spawn(async move {
                let mut tasks = 0;
                while Instant::now() < end {
                    let children: Vec<_> = (0..64)
                        .map(|n| {
                            freewheel::spawn(async move {
                                let text = vec![n; 300];
                                task::yield_now().await;
                                text.len()
                            })
                        })
                        .collect();
                    for child in children {
                        child.await.unwrap();
                        tasks += 1;
                    }
                    time::sleep(Duration::from_micros(200)).await;
                }
                tasks
            })
        })
        .collect();
    let mut tasks = 0;
    while Instant::now() < end {
        let outside: Vec<_> = (0..64).map(|_| runtime.spawn(async {})).collect();
        tasks += outside.len();
        runtime.block_on(async {
            for task in outside {
                task.await.unwrap();
            }
        });
    }
    tasks + inside.into_iter().map(|task| runtime.block_on(task).unwrap()).sum::<usize>()
}

/// Threads that compute until this is dropped, so that everybody else waits for a core.
struct Crowd(Arc<AtomicBool>);

impl Crowd {
    fn new(threads: usize) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        for _ in 0..threads {
            let over = over.clone();
            std::thread::spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            });
        }
        Self(over)
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Stops this process and lets it go on, `times` times, each for so many seconds; a shell outside does it, and ends
/// by itself.
fn stop_and_go(times: usize, stopped: f64, running: f64) -> std::process::Child {
    let script = "for n in $(seq $1); do sleep $3; kill -STOP $0; sleep $2; kill -CONT $0; done";
    Command::new("sh")
        .args(["-c", script, &std::process::id().to_string()])
        .args([times.to_string(), stopped.to_string(), running.to_string()])
        .spawn()
        .unwrap()
}

#[test]
fn t13_a_clean_load_is_not_reported() {
    in_child("t13_a_clean_load_is_not_reported", || assert_clean(length())).assert_ok();
}

#[test]
fn t13_nor_when_the_cores_are_overcommitted() {
    in_child("t13_nor_when_the_cores_are_overcommitted", || {
        let _crowd = Crowd::new(8);
        assert_clean(length());
    })
    .assert_ok();
}

#[test]
fn t13_nor_when_the_process_is_stopped_and_continued() {
    in_child("t13_nor_when_the_process_is_stopped_and_continued", || {
        let _crowd = Crowd::new(2);
        let length = length();
        let mut long = stop_and_go(length.as_secs() as usize * 2, 0.08, 0.3);
        let mut short = stop_and_go(length.as_secs() as usize * 10, 0.013, 0.05);
        assert_clean(length);
        long.wait().unwrap();
        short.wait().unwrap();
    })
    .assert_ok();
}

/// A quota on the CPU time of this process, where the system lets one be set; lifted when this is dropped.
struct Quota {
    root: &'static Path,
    group: PathBuf,
}

impl Quota {
    /// A fifth of one core.
    fn new() -> Option<Self> {
        let settings: [(&'static str, &str, &str); 2] =
            [("/sys/fs/cgroup/cpu", "cpu.cfs_quota_us", "20000"), ("/sys/fs/cgroup", "cpu.max", "20000 100000")];
        settings.into_iter().find_map(|(root, file, limit)| {
            let root = Path::new(root);
            let group = root.join(format!("freewheel-{}", std::process::id()));
            std::fs::create_dir(&group).ok()?;
            let quota = Self { root, group };
            std::fs::write(quota.group.join(file), limit).ok()?;
            std::fs::write(quota.group.join("cgroup.procs"), std::process::id().to_string()).ok()?;
            Some(quota)
        })
    }
}

impl Drop for Quota {
    fn drop(&mut self) {
        let _ = std::fs::write(self.root.join("cgroup.procs"), std::process::id().to_string());
        let _ = std::fs::remove_dir(&self.group);
    }
}

#[test]
fn t13_nor_when_the_process_has_used_up_its_quota() {
    in_child("t13_nor_when_the_process_has_used_up_its_quota", || {
        let Some(_quota) = Quota::new() else {
            // Stopped ten times a second, which is how a quota works.
            let mut stops = stop_and_go(length().as_secs() as usize * 10, 0.08, 0.02);
            assert_clean(length());
            stops.wait().unwrap();
            return;
        };
        assert_clean(length());
    })
    .assert_ok();
}

#[test]
fn t13_but_a_true_stall_is_reported_however_overcommitted_the_cores_are() {
    in_child("t13_but_a_true_stall_is_reported_however_overcommitted_the_cores_are", || {
        let _crowd = Crowd::new(8);
        let (sender, reports) = mpsc::channel();
        let mut builder = Builder::new_multi_thread();
        let runtime =
            builder.worker_threads(2).on_stall(move |report| drop(sender.send(report.clone()))).build().unwrap();
        let lock = Arc::new(Mutex::new(()));
        let guard = lock.lock().unwrap();
        let waiting = lock.clone();
        let begun = Instant::now();
        let stuck = runtime.spawn(async move { drop(waiting.lock()) });
        let busy = runtime.spawn(async {
            loop {
                freewheel::spawn(task::yield_now()).await.unwrap();
            }
        });
        // Without a report this waits for ever.
        let report = reports.recv().unwrap();
        eprintln!("after {:?}: {report}", begun.elapsed());
        assert_eq!((report.class, report.stage), (StallClass::Blocked, StallStage::Detected));
        assert_eq!(report.task, Some(stuck.id()));
        drop(guard);
        busy.abort();
        runtime.block_on(stuck).unwrap();
    })
    .assert_ok();
}

/// Stops the process for long while a task is stuck. `tick`: other tasks run meanwhile.
fn assert_stop_does_not_count(tick: bool) {
    const STOPPED: Duration = Duration::from_millis(1200);
    let (sender, reports) = mpsc::channel();
    let mut builder = Builder::new_multi_thread();
    let stops = Arc::new(Mutex::new(Vec::new()));
    let seen = stops.clone();
    builder.worker_threads(2).on_stall(move |report| match report.class {
        StallClass::ProcessStopped => seen.lock().unwrap().push(report.clone()),
        _ => drop(sender.send(report.clone())),
    });
    let runtime = builder.build().unwrap();
    let (release, released) = mpsc::channel::<()>();
    let ticker = runtime.spawn(async move {
        if tick {
            let mut ticks = time::interval(Duration::from_millis(3));
            loop {
                ticks.tick().await;
            }
        }
    });
    let mut stop = stop_and_go(1, STOPPED.as_secs_f64(), 0.4);
    let begun = Instant::now();
    let stuck = runtime.spawn(async move { released.recv() });
    stop.wait().unwrap();
    // A machine with few cores to spare may not have told yet.
    let mut report = reports.recv().unwrap();
    drop(release);
    runtime.block_on(stuck).unwrap().unwrap_err();
    // A quarter is for what the watch itself had to wait for a core.
    let most = begun.elapsed() - STOPPED * 3 / 4;
    ticker.abort();
    loop {
        eprintln!("of {most:?}: {report}");
        assert!(report.elapsed <= most, "more than {most:?}: {report}");
        if report.stage == StallStage::Ended {
            break;
        }
        report = reports.recv().unwrap();
    }
    assert!(runtime.handle().metrics().longest_stall() <= most);
    // What it was may be told too; see `never_stall_reports.rs`.
    assert!(stops.lock().unwrap().iter().all(|stop| stop.task.is_none()));
}

#[test]
fn t13_time_in_which_the_process_was_stopped_is_in_no_report() {
    in_child("t13_time_in_which_the_process_was_stopped_is_in_no_report", || {
        assert_stop_does_not_count(true);
    })
    .assert_ok();
}

#[test]
fn t13_nor_is_it_when_the_watch_was_asleep() {
    in_child("t13_nor_is_it_when_the_watch_was_asleep", || assert_stop_does_not_count(false)).assert_ok();
}
