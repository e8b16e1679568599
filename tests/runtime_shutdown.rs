//! The end of a runtime: with running, queued, idle and blocked work, from outside and from within.

mod support;

use std::future::{Future, pending, poll_fn};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use freewheel::runtime::{Builder, Handle};
use freewheel::time::{sleep, timeout};
use support::{DropCounter, Gate, current_thread, each_flavour, eventually, in_child, multi_thread};

/// Far longer than anything here takes, far shorter than the watchdog.
const AGES: Duration = Duration::from_secs(60);

/// The end takes far less than the ten seconds that are the default; how long.
fn ends_in_time(end: impl FnOnce()) -> Duration {
    let start = Instant::now();
    end();
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    start.elapsed()
}

#[test]
fn a_drop_drops_every_task_once() {
    each_flavour(|make| {
        let runtime = make();
        let (drops, gate) = (DropCounter::new(), Gate::new());
        for _ in 0..100 {
            let (token, wait) = (drops.token(), gate.wait());
            runtime.spawn(async move {
                let _token = token;
                wait.await;
            });
        }
        let asleep = drops.token();
        runtime.spawn(async move {
            let _token = asleep;
            sleep(AGES).await;
        });
        // Some have been polled, of others none: both must go.
        runtime.block_on(freewheel::task::yield_now());
        drop(runtime);
        drops.assert_all_dropped(101);
    });
}

#[test]
fn join_handles_of_cancelled_tasks_resolve_afterwards() {
    each_flavour(|make| {
        let runtime = make();
        let waiting = runtime.spawn(pending::<u8>());
        let handle = runtime.handle().clone();
        drop(runtime);
        let late = handle.spawn(async { 1 });
        let job = handle.spawn_blocking(|| 2);
        let other = current_thread();
        assert!(other.block_on(waiting).unwrap_err().is_cancelled());
        assert!(other.block_on(late).unwrap_err().is_cancelled());
        assert!(other.block_on(job).unwrap_err().is_cancelled());
    });
}

#[test]
fn a_task_queued_behind_the_end_is_dropped_unrun() {
    support::test(|| {
        let runtime = multi_thread(1);
        let (started, begun) = mpsc::channel();
        let (release, released) = mpsc::channel::<()>();
        runtime.spawn(async move {
            started.send(()).unwrap();
            let _ = released.recv();
        });
        begun.recv().unwrap();
        let drops = DropCounter::new();
        let tasks: Vec<_> =
            (0..10).map(|_| drops.token()).map(|token| runtime.spawn(async move { drop(token) })).collect();
        let ender = std::thread::spawn(move || drop(runtime));
        drop(release);
        ender.join().unwrap();
        drops.assert_all_dropped(10);
        let other = current_thread();
        for task in tasks {
            // Run or cancelled, but told.
            let _ = other.block_on(task);
        }
    });
}

#[test]
fn what_runs_in_the_pool_is_awaited_and_what_waits_is_dropped() {
    support::test(|| {
        let runtime = Builder::new_multi_thread().worker_threads(1).max_blocking_threads(1).build().unwrap();
        let (started, begun) = mpsc::channel();
        let (release, released) = mpsc::channel::<()>();
        let finished = Arc::new(AtomicBool::new(false));
        let flag = finished.clone();
        runtime.spawn_blocking(move || {
            started.send(()).unwrap();
            let _ = released.recv();
            flag.store(true, Ordering::Relaxed);
        });
        begun.recv().unwrap();
        let drops = DropCounter::new();
        let ran = Arc::new(AtomicUsize::new(0));
        let queued: Vec<_> = (0..5)
            .map(|_| {
                let (token, ran) = (drops.token(), ran.clone());
                runtime.spawn_blocking(move || {
                    ran.fetch_add(1, Ordering::Relaxed);
                    drop(token);
                })
            })
            .collect();
        let ender = std::thread::spawn(move || drop(runtime));
        eventually(|| queued.iter().all(freewheel::task::JoinHandle::is_finished));
        assert!(!finished.load(Ordering::Relaxed), "the running job was not awaited");
        drop(release);
        ender.join().unwrap();
        assert!(finished.load(Ordering::Relaxed));
        assert_eq!(ran.load(Ordering::Relaxed), 0);
        drops.assert_all_dropped(5);
    });
}

#[test]
fn fault_68_shutdown_timeout_leaves_a_job_that_does_not_end() {
    each_flavour(|make| {
        let runtime = make();
        let (started, begun) = mpsc::channel();
        let (release, released) = mpsc::channel::<()>();
        runtime.spawn_blocking(move || {
            started.send(()).unwrap();
            let _ = released.recv();
        });
        begun.recv().unwrap();
        assert!(ends_in_time(|| runtime.shutdown_timeout(Duration::from_millis(50))) >= Duration::from_millis(50));
        drop(release);
    });
}

#[test]
fn fault_30_shutdown_timeout_returns_while_a_task_never_yields_and_names_it() {
    let ended = in_child("fault_30_shutdown_timeout_returns_while_a_task_never_yields_and_names_it", || {
        let runtime = multi_thread(2);
        let (started, begun) = mpsc::channel();
        runtime.spawn(async move {
            started.send(()).unwrap();
            loop {
                std::thread::park();
            }
        });
        begun.recv().unwrap();
        ends_in_time(|| runtime.shutdown_timeout(Duration::from_millis(50)));
    });
    ended.assert_ok();
    let place = "tests/runtime_shutdown.rs:";
    assert!(ended.output.contains(place), "what is stuck is not named by its spawn location:\n{}", ended.output);
}

#[test]
fn fault_31_a_timeout_of_zero_returns_at_once() {
    each_flavour(|make| {
        let runtime = make();
        let (started, begun) = mpsc::channel();
        let (release, released) = mpsc::channel::<()>();
        runtime.spawn_blocking(move || {
            started.send(()).unwrap();
            let _ = released.recv();
        });
        begun.recv().unwrap();
        ends_in_time(|| runtime.shutdown_timeout(Duration::ZERO));
        drop(release);
    });
}

#[test]
fn fault_31_a_timeout_without_end_waits_for_the_end() {
    each_flavour(|make| {
        let runtime = make();
        let done = Arc::new(AtomicBool::new(false));
        let (started, begun) = mpsc::channel();
        let (release, released) = mpsc::channel::<()>();
        let flag = done.clone();
        runtime.spawn_blocking(move || {
            started.send(()).unwrap();
            let _ = released.recv();
            flag.store(true, Ordering::Relaxed);
        });
        begun.recv().unwrap();
        let ender = std::thread::spawn(move || runtime.shutdown_timeout(Duration::MAX));
        drop(release);
        ender.join().unwrap();
        assert!(done.load(Ordering::Relaxed));
    });
}

#[test]
fn shutdown_background_waits_for_nothing() {
    each_flavour(|make| {
        let runtime = make();
        let (started, begun) = mpsc::channel();
        let (release, released) = mpsc::channel::<()>();
        runtime.spawn_blocking(move || {
            started.send(()).unwrap();
            let _ = released.recv();
        });
        begun.recv().unwrap();
        let task = runtime.spawn(pending::<()>());
        ends_in_time(|| runtime.shutdown_background());
        drop(release);
        assert!(current_thread().block_on(task).unwrap_err().is_cancelled());
    });
}

#[test]
fn fault_26_a_runtime_dropped_within_a_task_ends() {
    each_flavour(|make| {
        let (outer, inner) = (make(), make());
        let drops = DropCounter::new();
        let token = drops.token();
        inner.spawn(async move {
            let _token = token;
            pending::<()>().await;
        });
        inner.block_on(freewheel::task::yield_now());
        outer.block_on(outer.spawn(async move { drop(inner) })).unwrap();
        drops.assert_all_dropped(1);
    });
}

#[test]
fn fault_26_a_runtime_dropped_by_its_own_task_ends() {
    support::test(|| {
        let runtime = Arc::new(Mutex::new(None));
        let made = multi_thread(2);
        let drops = DropCounter::new();
        let token = drops.token();
        made.spawn(async move {
            let _token = token;
            pending::<()>().await;
        });
        let slot = runtime.clone();
        let (gate, opener) = (Gate::new(), Gate::new());
        let wait = opener.wait();
        let open = gate.clone();
        made.spawn(async move {
            wait.await;
            let own = slot.lock().unwrap().take();
            drop::<Option<freewheel::runtime::Runtime>>(own);
            open.open();
        });
        *runtime.lock().unwrap() = Some(made);
        opener.open();
        eventually(|| gate.is_open());
        eventually(|| drops.dropped() == 1);
    });
}

#[test]
fn a_runtime_dropped_by_its_own_blocking_job_ends() {
    support::test(|| {
        let slot = Arc::new(Mutex::new(None));
        let made = multi_thread(1);
        let (gate, within) = (Gate::new(), slot.clone());
        let open = gate.clone();
        let (put, is_there) = mpsc::channel();
        made.spawn_blocking(move || {
            is_there.recv().unwrap();
            let own = within.lock().unwrap().take();
            drop::<Option<freewheel::runtime::Runtime>>(own);
            open.open();
        });
        *slot.lock().unwrap() = Some(made);
        put.send(()).unwrap();
        eventually(|| gate.is_open());
    });
}

#[test]
fn fault_25_a_task_spawned_by_a_drop_during_shutdown_is_cancelled() {
    each_flavour(|make| {
        struct SpawnsOnDrop(mpsc::Sender<freewheel::task::JoinHandle<()>>, Handle);
        impl Drop for SpawnsOnDrop {
            fn drop(&mut self) {
                let _ = self.0.send(self.1.spawn(async {}));
                let _ = self.0.send(self.1.spawn_blocking(|| {}));
            }
        }
        let runtime = make();
        let (sender, handles) = mpsc::channel();
        let spawns = SpawnsOnDrop(sender, runtime.handle().clone());
        runtime.spawn(async move {
            let _spawns = spawns;
            pending::<()>().await;
        });
        runtime.block_on(freewheel::task::yield_now());
        drop(runtime);
        let other = current_thread();
        // tokio panics here, and a second panic aborts. The pool ends after the tasks, so the job may run.
        let outcomes: Vec<_> = handles.iter().map(|handle| other.block_on(handle)).collect();
        assert_eq!(outcomes.len(), 2);
        assert!(outcomes[0].as_ref().is_err_and(freewheel::task::JoinError::is_cancelled));
        assert!(outcomes[1].as_ref().map_or_else(freewheel::task::JoinError::is_cancelled, |()| true));
    });
}

#[test]
fn fault_25_freewheel_spawn_by_a_drop_during_shutdown_finds_its_runtime() {
    each_flavour(|make| {
        struct SpawnsOnDrop(Arc<AtomicUsize>);
        impl Drop for SpawnsOnDrop {
            fn drop(&mut self) {
                let seen = if freewheel::spawn(async {}).is_finished() { 1 } else { 100 };
                self.0.fetch_add(seen, Ordering::Relaxed);
            }
        }
        let runtime = make();
        let seen = Arc::new(AtomicUsize::new(0));
        let spawns = SpawnsOnDrop(seen.clone());
        runtime.spawn(async move {
            let _spawns = spawns;
            pending::<()>().await;
        });
        runtime.block_on(freewheel::task::yield_now());
        drop(runtime);
        assert_eq!(seen.load(Ordering::Relaxed), 1);
    });
}

#[test]
fn fault_18_a_panic_in_a_drop_during_shutdown_spares_the_other_tasks() {
    each_flavour(|make| {
        struct Bomb;
        impl Drop for Bomb {
            fn drop(&mut self) {
                panic!("a future's drop, on purpose");
            }
        }
        let runtime = make();
        let drops = DropCounter::new();
        let mut bombs = Vec::new();
        for number in 0..20 {
            let (token, bomb) = (drops.token(), (number % 3 == 0).then(|| Bomb));
            let task = runtime.spawn(async move {
                let (_token, _bomb) = (token, bomb);
                pending::<()>().await;
            });
            if number % 3 == 0 {
                bombs.push(task);
            }
        }
        runtime.block_on(freewheel::task::yield_now());
        drop(runtime);
        drops.assert_all_dropped(20);
        let other = current_thread();
        for bomb in bombs {
            let error = other.block_on(bomb).unwrap_err();
            assert!(error.is_panic() || error.is_cancelled());
        }
    });
}

#[test]
fn fault_29_what_waits_on_a_timer_is_told_when_the_runtime_goes() {
    each_flavour(|make| {
        let runtime = make();
        let sleeping = {
            let _entered = runtime.enter();
            Box::pin(sleep(AGES))
        };
        let (told, outcome) = mpsc::channel();
        let (waits, waiting) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            // Polled by another runtime: its timer is the first one's.
            let other = current_thread();
            let mut sleeping = sleeping;
            let polled = poll_fn(|cx| {
                let outcome = sleeping.as_mut().poll(cx);
                let _ = waits.send(());
                outcome
            });
            let run = std::panic::AssertUnwindSafe(|| {
                other.block_on(async { timeout(Duration::from_secs(50), polled).await })
            });
            told.send(std::panic::catch_unwind(run).is_err()).unwrap();
        });
        waiting.recv().unwrap();
        drop(runtime);
        // A panic that says so, as a sleep has no error to give: never a hang.
        assert!(outcome.recv_timeout(AGES).unwrap(), "the sleep of a runtime that is gone went on");
        thread.join().unwrap();
    });
}

#[test]
fn fault_29_what_waits_on_a_task_is_told_when_the_runtime_goes() {
    each_flavour(|make| {
        let runtime = make();
        let task = runtime.spawn(pending::<()>());
        let thread = std::thread::spawn(move || current_thread().block_on(task));
        runtime.block_on(freewheel::task::yield_now());
        drop(runtime);
        assert!(thread.join().unwrap().unwrap_err().is_cancelled());
    });
}

#[test]
fn fault_29_what_waits_on_io_is_told_when_the_runtime_goes() {
    each_flavour(|make| {
        let runtime = make();
        let listener = runtime.block_on(freewheel::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let (polling, polled) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            current_thread().block_on(async {
                let mut accept = Box::pin(listener.accept());
                std::future::poll_fn(|cx| {
                    let poll = accept.as_mut().poll(cx);
                    let _ = polling.send(());
                    poll
                })
                .await
                .map(drop)
            })
        });
        polled.recv().unwrap();
        drop(runtime);
        let error = thread.join().unwrap().unwrap_err();
        assert!(error.to_string().contains("shut"), "{error}");
    });
}

#[test]
fn block_on_after_the_end_is_a_clear_error_and_not_a_hang() {
    each_flavour(|make| {
        let runtime = make();
        let handle = runtime.handle().clone();
        drop(runtime);
        // What is ready needs no runtime; what needs its timer is told.
        let outcome =
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| handle.block_on(async { sleep(AGES).await })));
        let text = support::panic_text(&*outcome.unwrap_err());
        assert!(text.contains("shut") || text.contains("closed"), "{text}");
    });
}

#[test]
fn is_closed_tells() {
    each_flavour(|make| {
        let runtime = make();
        let handle = runtime.handle().clone();
        assert!(!handle.is_closed());
        runtime.shutdown_background();
        eventually(|| handle.is_closed());
    });
}

#[test]
fn threads_and_descriptors_are_back_after_the_end() {
    in_child("threads_and_descriptors_are_back_after_the_end", || {
        // The first runtime may open what stays for good (a signal's pipe, say).
        drop(multi_thread(2));
        let before = support::settled();
        for _ in 0..20 {
            let runtime = multi_thread(3);
            runtime.block_on(async {
                sleep(Duration::from_millis(1)).await;
                freewheel::task::spawn_blocking(|| {}).await.unwrap();
                let _listener = freewheel::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            });
            drop(runtime);
            let runtime = current_thread();
            runtime.block_on(async { freewheel::task::spawn_blocking(|| {}).await.unwrap() });
            drop(runtime);
        }
        assert_eq!(support::settled(), before);
    })
    .assert_ok();
}

#[test]
fn fault_24_spawns_that_race_the_end_all_resolve() {
    support::test(|| {
        for _ in 0..50 {
            let runtime = multi_thread(2);
            let (go, drops) = (Arc::new(std::sync::Barrier::new(3)), DropCounter::new());
            let spawners: Vec<_> = (0..2)
                .map(|_| {
                    let (handle, go, drops) = (runtime.handle().clone(), go.clone(), drops.clone());
                    std::thread::spawn(move || {
                        go.wait();
                        let spawn = |_| {
                            let token = drops.token();
                            handle.spawn(async move { drop(token) })
                        };
                        (0..200).map(spawn).collect::<Vec<_>>()
                    })
                })
                .collect();
            go.wait();
            drop(runtime);
            let other = current_thread();
            for task in spawners.into_iter().flat_map(|thread| thread.join().unwrap()) {
                if let Err(error) = other.block_on(task) {
                    assert!(error.is_cancelled());
                }
            }
            eventually(|| drops.alive() == 0);
        }
    });
}

#[test]
fn fault_09_a_waker_outlives_its_runtime_without_harm() {
    each_flavour(|make| {
        let (runtime, gate, drops) = (make(), Gate::new(), DropCounter::new());
        let (wait, token) = (gate.wait(), drops.token());
        runtime.spawn(async move {
            let _token = token;
            wait.await;
        });
        runtime.block_on(async {
            while gate.waits() == 0 {
                freewheel::task::yield_now().await;
            }
        });
        let waker = gate.steal_waker();
        drop(runtime);
        drops.assert_all_dropped(1);
        waker.wake_by_ref();
        let twin = waker.clone();
        std::thread::spawn(move || twin.wake()).join().unwrap();
        waker.wake();
    });
}

#[test]
fn fault_09_wakes_that_race_the_end_do_no_harm() {
    support::test(|| {
        for _ in 0..50 {
            let (runtime, gate) = (multi_thread(2), Gate::new());
            for _ in 0..20 {
                let wait = gate.wait();
                runtime.spawn(async move {
                    wait.await;
                    freewheel::task::yield_now().await;
                });
            }
            eventually(|| gate.waits() == 20);
            let shaker = gate.clone();
            let thread = std::thread::spawn(move || {
                shaker.shake();
                shaker.open();
            });
            drop(runtime);
            thread.join().unwrap();
        }
    });
}

#[test]
fn fault_12_a_drop_that_wakes_and_aborts_others_during_shutdown_does_not_dead_lock() {
    each_flavour(|make| {
        struct Meddles(Gate, freewheel::task::AbortHandle);
        impl Drop for Meddles {
            fn drop(&mut self) {
                self.0.open();
                self.1.abort();
            }
        }
        let (runtime, gate) = (make(), Gate::new());
        for _ in 0..10 {
            let wait = gate.wait();
            let other = runtime.spawn(wait);
            let meddles = Meddles(gate.clone(), other.abort_handle());
            runtime.spawn(async move {
                let _meddles = meddles;
                pending::<()>().await;
            });
        }
        runtime.block_on(freewheel::task::yield_now());
        drop(runtime);
    });
}

#[test]
fn a_current_thread_runtime_dropped_in_its_own_block_on_leaves_nothing_behind() {
    // The hook is part of what its tasks keep alive.
    let kept = Arc::new(());
    let theirs = kept.clone();
    let runtime = Builder::new_current_thread().on_thread_park(move || drop(theirs.clone())).build().unwrap();
    let handle = runtime.handle().clone();
    handle.block_on(async move {
        drop(freewheel::spawn(async {}));
        drop(runtime);
    });
    drop(handle);
    assert_eq!(Arc::strong_count(&kept), 1);
}
