//! The promise from outside: tasks that block their threads do not stop the others.
//!
//! The scenarios are numbered as in `benches/`, whose figures go with them:
//!
//! | scenario | where |
//! | --- | --- |
//! | T1 – T7, T11, T14, T16: blocked, hogged, meeting, nested; many; at the cap; at the end | here |
//! | T1 – T3, T5, T8, T14: how soon the others go on | `never_stall_promise.rs` |
//! | T9, T15: short blocks, the table of descriptors | `never_stall_limits.rs` |
//! | T10: the threads leave, here; nobody wakes up | `never_stall_limits.rs` |
//! | T12: no thread to be had | `interpose_threads.rs` |
//! | T13: no false report, and none that a loaded machine swallows | `never_stall_clean.rs` |
//!
//! Each test here blocks threads until the others have done what they must not have to wait for, so it proves
//! progress without a clock: with a runtime that stalls it hangs, and the watchdog says where.

mod support;

use std::net::Shutdown;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex, mpsc};
use std::time::{Duration, Instant};

use freewheel::io::{AsyncReadExt, AsyncWriteExt};
use freewheel::net::TcpListener;
use freewheel::runtime::{Builder, Handle, Runtime, StallClass, StallReport, StallStage};
use freewheel::{task, time};
use support::{eventually, test, thread_names};

fn two_workers() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).stall_threshold(Duration::from_secs(3600)).build().unwrap()
}

/// A wall that blocks threads until it is taken down; taken down when the test ends, in whatever way.
struct Wall(Arc<(Mutex<bool>, std::sync::Condvar)>);

impl Wall {
    fn new() -> Self {
        Self(Arc::default())
    }

    /// What a task runs to block its thread.
    fn blocker(&self) -> impl Fn() + Send + Sync + 'static + use<> {
        let wall = self.0.clone();
        move || drop(wall.1.wait_while(wall.0.lock().unwrap(), |down| !*down).unwrap())
    }
}

impl Drop for Wall {
    fn drop(&mut self) {
        *self.0.0.lock().unwrap() = true;
        self.0.1.notify_all();
    }
}

/// Spawns `count` tasks that block until the wall falls, and waits until all of them do.
fn block(runtime: &Runtime, wall: &Wall, count: usize) {
    let blocked = Arc::new(AtomicUsize::new(0));
    for _ in 0..count {
        let (blocker, blocked) = (wall.blocker(), blocked.clone());
        runtime.spawn(async move {
            blocked.fetch_add(1, Ordering::Relaxed);
            blocker();
        });
    }
    eventually(|| blocked.load(Ordering::Relaxed) == count);
}

/// An echo server on the runtime, and one request to it from outside.
async fn echo(listener: TcpListener) {
    loop {
        let (mut stream, _) = listener.accept().await.unwrap();
        freewheel::spawn(async move {
            let mut buffer = [0; 64];
            while let Ok(n @ 1..) = stream.read(&mut buffer).await {
                stream.write_all(&buffer[..n]).await.unwrap();
            }
        });
    }
}

fn request(address: std::net::SocketAddr) {
    use std::io::{Read, Write};
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    stream.write_all(b"turning").unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    assert_eq!(answer, b"turning");
}

/// Timers, I/O and new tasks all make progress.
fn assert_turning(runtime: &Runtime) {
    runtime.block_on(async {
        freewheel::spawn(async {
            let mut ticks = time::interval(Duration::from_millis(1));
            for _ in 0..5 {
                ticks.tick().await;
            }
        })
        .await
        .unwrap();
    });
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    let server = runtime.spawn(echo(listener));
    for _ in 0..5 {
        request(address);
    }
    server.abort();
}

/// Its end waits for as long as it is told, not for the ten seconds that are the default.
fn assert_ends_in_time(runtime: Runtime) {
    let begun = Instant::now();
    runtime.shutdown_timeout(Duration::from_millis(300));
    let took = begun.elapsed();
    assert!(took >= Duration::from_millis(300) && took < Duration::from_secs(5), "{took:?}");
}

#[test]
fn t1_every_worker_blocked_and_timers_and_io_go_on() {
    test(|| {
        let (runtime, wall) = (two_workers(), Wall::new());
        block(&runtime, &wall, 2);
        assert_turning(&runtime);
    });
}

#[test]
fn t2_the_task_that_io_just_woke_blocks_and_other_io_goes_on() {
    test(|| {
        let (runtime, wall) = (two_workers(), Wall::new());
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let blocker = wall.blocker();
        runtime.spawn(async move {
            let _woken_by_io = listener.accept().await.unwrap();
            blocker();
        });
        drop(std::net::TcpStream::connect(address).unwrap());
        assert_turning(&runtime);
    });
}

#[test]
fn t3_a_task_in_the_lifo_slot_of_one_that_waits_for_it_runs() {
    test(|| {
        let runtime = two_workers();
        let answer = runtime.spawn(async {
            let (sender, receiver) = mpsc::channel();
            freewheel::spawn(async move { sender.send(3).unwrap() });
            receiver.recv().unwrap()
        });
        assert_eq!(runtime.block_on(answer).unwrap(), 3);
    });
}

#[test]
fn t4_twice_as_many_tasks_as_workers_meet_at_a_std_barrier() {
    test(|| {
        let runtime = two_workers();
        let barrier = Arc::new(Barrier::new(4));
        let tasks: Vec<_> = (0..4)
            .map(|_| {
                let barrier = barrier.clone();
                runtime.spawn(async move { barrier.wait().is_leader() })
            })
            .collect();
        runtime.block_on(async {
            for task in tasks {
                task.await.unwrap();
            }
        });
    });
}

#[test]
fn t4_a_lock_held_across_an_await_while_every_worker_waits_for_it() {
    test(|| {
        let runtime = two_workers();
        // A semaphore of one over a std channel: unlike a std guard it may be held across an await.
        let (put, take) = mpsc::channel();
        let take = Arc::new(Mutex::new(take));
        let holder = {
            let put = put.clone();
            runtime.spawn(async move {
                for _ in 0..20 {
                    task::yield_now().await;
                }
                time::sleep(Duration::from_millis(20)).await;
                for _ in 0..4 {
                    put.send(()).unwrap();
                }
            })
        };
        let waiters: Vec<_> = (0..4)
            .map(|_| {
                let take = take.clone();
                runtime.spawn(async move { take.lock().unwrap().recv().unwrap() })
            })
            .collect();
        runtime.block_on(async {
            holder.await.unwrap();
            for waiter in waiters {
                waiter.await.unwrap();
            }
        });
    });
}

#[test]
fn t5_every_worker_computes_and_timers_and_io_go_on() {
    test(|| {
        let runtime = two_workers();
        let stop = Arc::new(AtomicBool::new(false));
        for _ in 0..2 {
            let stop = stop.clone();
            runtime.spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            });
        }
        assert_turning(&runtime);
        stop.store(true, Ordering::Relaxed);
    });
}

#[test]
fn t6_block_on_inside_tasks_of_every_worker_and_two_levels_deep() {
    test(|| {
        let runtime = two_workers();
        let tasks: Vec<_> = (0..8)
            .map(|n| {
                runtime.spawn(async move {
                    Handle::current().block_on(async move {
                        let inner = freewheel::spawn(async move {
                            Handle::current().block_on(async { freewheel::spawn(async move { n }).await.unwrap() })
                        });
                        inner.await.unwrap()
                    })
                })
            })
            .collect();
        runtime.block_on(async {
            for (n, task) in tasks.into_iter().enumerate() {
                assert_eq!(task.await.unwrap(), n);
            }
        });
    });
}

#[test]
fn t6_a_runtime_dropped_inside_a_task_of_another_and_of_its_own() {
    test(|| {
        let runtime = two_workers();
        let other = two_workers();
        runtime.block_on(runtime.spawn(async move { drop(other) })).unwrap();
        let (sent, own) = (Arc::new(Mutex::new(None)), two_workers());
        *sent.lock().unwrap() = Some(own);
        let slot = sent.clone();
        let handle = sent.lock().unwrap().as_ref().unwrap().handle().clone();
        let dropper = handle.spawn(async move {
            let own = slot.lock().unwrap().take();
            drop(own);
            "still here"
        });
        let ended = runtime.block_on(dropper);
        assert!(ended.is_err_and(|error| error.is_cancelled()) || handle.is_closed());
    });
}

#[test]
fn t7_every_worker_opens_a_fifo_that_nobody_writes_and_shutdown_returns() {
    test(|| {
        let folder = std::env::temp_dir().join(format!("freewheel-fifo-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let fifo = folder.join("fifo");
        assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
        let runtime = two_workers();
        let opening = Arc::new(AtomicUsize::new(0));
        for _ in 0..2 {
            let (fifo, opening) = (fifo.clone(), opening.clone());
            runtime.spawn(async move {
                opening.fetch_add(1, Ordering::Relaxed);
                drop(std::fs::File::open(fifo));
            });
        }
        eventually(|| opening.load(Ordering::Relaxed) == 2);
        assert_turning(&runtime);
        assert_ends_in_time(runtime);
        // Let the two threads go.
        drop(std::fs::OpenOptions::new().read(true).write(true).open(&fifo).unwrap());
        std::fs::remove_dir_all(folder).unwrap();
    });
}

#[test]
fn t10_threads_that_blocking_tasks_needed_leave_after_the_keep_alive() {
    test(|| {
        let mut builder = Builder::new_multi_thread();
        let runtime = builder.worker_threads(2).thread_keep_alive(Duration::from_millis(50)).build().unwrap();
        let wall = Wall::new();
        block(&runtime, &wall, 20);
        assert!(runtime.handle().metrics().num_threads() >= 20);
        drop(wall);
        eventually(|| runtime.handle().metrics().num_threads() <= 3);
        assert_turning(&runtime);
    });
}

#[test]
fn t11_at_the_cap_what_is_queued_waits_and_goes_on_when_one_comes_back() {
    test(|| {
        let (sender, reports) = mpsc::channel();
        let runtime = Builder::new_multi_thread()
            .worker_threads(2)
            .max_threads(4)
            .on_stall(move |report| drop(sender.send(report.clone())))
            .build()
            .unwrap();
        let (first, rest) = (Wall::new(), Wall::new());
        block(&runtime, &first, 1);
        block(&runtime, &rest, 2);
        // One is left, and enough.
        assert_turning(&runtime);
        block(&runtime, &rest, 1);
        let waiting = runtime.spawn(async { "ran" });
        // The shortage is told, with the location to blame.
        let shortage = reports.iter().find(|report| report.class == StallClass::NoThread).unwrap();
        // At that moment one of the four may have been between two polls.
        assert!((1..=4).contains(&shortage.stuck_threads), "{shortage}");
        assert!(shortage.location.file().ends_with("never_stall.rs"));
        drop(first);
        assert_eq!(runtime.block_on(waiting).unwrap(), "ran");
        assert_turning(&runtime);
        assert!(runtime.handle().metrics().max_threads_seen() <= 4);
    });
}

#[test]
fn t14_a_hundred_blockers_ahead_of_a_good_task() {
    test(|| {
        let (runtime, wall) = (two_workers(), Wall::new());
        for _ in 0..100 {
            let blocker = wall.blocker();
            runtime.spawn(async move { blocker() });
        }
        assert_turning(&runtime);
    });
}

#[test]
fn t16_shutdown_with_stuck_tasks_returns_in_its_time_and_names_them() {
    let ended = support::in_child("t16_shutdown_with_stuck_tasks_returns_in_its_time_and_names_them", || {
        let (runtime, wall) = (two_workers(), Wall::new());
        block(&runtime, &wall, 3);
        assert_ends_in_time(runtime);
        drop(wall);
    });
    ended.assert_ok();
    let named = ended.output.lines().filter(|line| line.contains("without waiting for task"));
    assert_eq!(named.filter(|line| line.contains("never_stall.rs")).count(), 3, "{}", ended.output);
}

#[test]
fn a_blocked_worker_keeps_its_context_and_wakes_others_while_it_blocks() {
    test(|| {
        let runtime = two_workers();
        let answer = runtime.block_on(runtime.spawn(async {
            let id = task::id();
            task::block_in_place_now(|| {
                // Spawned from a thread that has no permit: it must not wait in a queue that nobody looks into.
                let inner = freewheel::spawn(async { 5 });
                assert_eq!(task::id(), id);
                Handle::current().block_on(inner).unwrap()
            })
        }));
        assert_eq!(answer.unwrap(), 5);
    });
}

#[test]
fn a_short_block_in_place_hands_nothing_off() {
    test(|| {
        let runtime = two_workers();
        runtime
            .block_on(runtime.spawn(async {
                for _ in 0..1000 {
                    task::block_in_place(|| ());
                }
            }))
            .unwrap();
        // A thread that the system takes the core from just then may cost one.
        assert!(runtime.handle().metrics().hand_offs_blocked() < 100);
    });
}

#[test]
fn each_hand_off_that_a_task_asks_for_is_counted() {
    test(|| {
        let runtime = two_workers();
        for _ in 0..20 {
            runtime.block_on(runtime.spawn(async { task::block_in_place_now(|| ()) })).unwrap();
        }
        assert!(runtime.handle().metrics().hand_offs_blocked() >= 20);
    });
}

/// A way to make a call that blocks.
type Way = fn(Box<dyn FnOnce() + Send>);

/// A task blocks in this way, and after it another without a word, until that one is reported.
fn assert_not_reported(name: &str, way: Way) {
    let (sender, reports) = mpsc::channel();
    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        .stall_threshold(Duration::from_millis(5))
        .on_stall(move |report| drop(sender.send(report.clone())))
        .build()
        .unwrap();
    let wall = Wall::new();
    let (blocker, (begins, begun)) = (wall.blocker(), mpsc::channel());
    let announced = runtime.spawn(async move {
        way(Box::new(move || {
            begins.send(()).unwrap();
            blocker();
        }));
    });
    begun.recv().unwrap();
    let blocker = wall.blocker();
    let silent = runtime.spawn(async move { blocker() });
    loop {
        let report = reports.recv().unwrap();
        assert_ne!(report.task, Some(announced.id()), "{name}: {report}");
        if report.task == Some(silent.id()) {
            break;
        }
    }
    assert_eq!(runtime.handle().metrics().stalls(), 1, "{name}");
}

#[test]
fn a_call_that_is_said_to_block_is_no_stall() {
    test(|| {
        assert_not_reported("block_in_place", task::block_in_place);
        assert_not_reported("block_in_place_now", task::block_in_place_now);
        assert_not_reported("block_on", |call| Handle::current().block_on(task::spawn_blocking(call)).unwrap());
        assert_not_reported("both", |call| Handle::current().block_on(async { task::block_in_place(call) }));
    });
}

#[test]
fn a_task_from_outside_does_not_wait_for_dozens_of_slow_polls() {
    test(|| {
        // Nobody can take over: the one worker itself has to look beyond its own queue.
        let runtime = Builder::new_multi_thread().worker_threads(1).hand_off(false).build().unwrap();
        let (came, begun) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let (has_come, polls) = (came.clone(), begun.clone());
        let slow = runtime.spawn(async move {
            while !has_come.load(Ordering::Relaxed) {
                polls.fetch_add(1, Ordering::Relaxed);
                // Not to wait for anything: this is the slow poll.
                std::thread::sleep(Duration::from_millis(10));
                task::yield_now().await;
            }
        });
        eventually(|| begun.load(Ordering::Relaxed) > 0);
        runtime.spawn(async move { came.store(true, Ordering::Relaxed) });
        // Those before it came are none that it waited for, however long this thread took to spawn it.
        let before = begun.load(Ordering::Relaxed);
        runtime.block_on(slow).unwrap();
        let waited_for = begun.load(Ordering::Relaxed) - before;
        assert!(waited_for < 20, "{waited_for} polls of 10 ms");
    });
}

/// A task that does `what` again and again, in one poll, until it was reported twice, on a runtime that reports stalls
/// beyond five milliseconds. All reports about it.
fn reports_of(what: impl Fn() + Send + 'static) -> Vec<StallReport> {
    let (sender, receiver) = mpsc::channel();
    let told = Arc::new(AtomicUsize::new(0));
    let tells = told.clone();
    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        .stall_threshold(Duration::from_millis(5))
        .on_stall(move |report| {
            tells.fetch_add(1, Ordering::Relaxed);
            drop(sender.send(report.clone()));
        })
        .build()
        .unwrap();
    let _entered = runtime.enter();
    let sluggard = async move {
        while told.load(Ordering::Relaxed) < 2 {
            what();
        }
    };
    let task = task::Builder::new().name("sluggard").spawn(sluggard).unwrap();
    runtime.block_on(task).unwrap();
    let mut reports = Vec::new();
    while reports.last().is_none_or(|report: &StallReport| report.stage != StallStage::Ended) {
        reports.push(receiver.recv().unwrap());
    }
    reports
}

#[test]
fn a_stall_is_reported_while_it_lasts_and_when_it_ends() {
    test(|| {
        let line = line!() + 2;
        // Not to wait for anything: this is the stall.
        let reports = reports_of(|| std::thread::sleep(Duration::from_millis(100)));
        let first = &reports[0];
        assert_eq!((first.stage, first.class), (StallStage::Detected, StallClass::Blocked));
        assert_eq!(first.name.as_deref(), Some("sluggard"));
        assert!(first.task.is_some());
        // The builder's `spawn` is called in `reports_of`, and that is the task's spawn location.
        assert!(first.location.file().ends_with("never_stall.rs") && first.location.line() < line);
        assert!(first.elapsed >= Duration::from_millis(4));
        if cfg!(target_os = "linux") {
            assert!(first.system_call.as_deref().unwrap().contains("nanosleep"), "{first}");
        }
        assert!(reports.iter().any(|report| report.stage == StallStage::Ongoing));
        assert!(reports.last().unwrap().elapsed >= Duration::from_millis(10));
    });
}

#[test]
fn a_computing_task_is_told_from_a_blocked_one() {
    test(|| {
        let reports = reports_of(std::hint::spin_loop);
        assert_eq!(reports[0].class, StallClass::Computing);
    });
}

#[test]
fn the_reporter_ends_with_its_runtime() {
    test(|| {
        let ended = support::in_child("the_reporter_ends_with_its_runtime", || {
            // Not to wait for anything: this is the stall.
            drop(reports_of(|| std::thread::sleep(Duration::from_millis(50))));
            eventually(|| !thread_names().iter().any(|name| name.starts_with("freewheel-repor")));
        });
        ended.assert_ok();
    });
}
