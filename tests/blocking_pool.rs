//! `spawn_blocking` from outside: values, panics, context, order of drops, shutdown, and many jobs.

mod support;

use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Barrier, Mutex};
use std::time::{Duration, Instant};

use freewheel::runtime::{Builder, Handle, Runtime};
use freewheel::task::{JoinHandle, spawn_blocking};

use support::{DropCounter, eventually, in_child, must_panic, panic_text, test, thread_names};

fn both_flavors(body: impl Fn(&Runtime)) {
    test(|| {
        body(&Builder::new_current_thread().enable_all().build().unwrap());
        body(&Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap());
    });
}

/// A job that says when it has begun, and ends when the sender is dropped.
fn blocker(runtime: &Runtime) -> (JoinHandle<()>, Sender<()>) {
    let (release, gate) = mpsc::channel::<()>();
    let (begun, begin) = mpsc::channel();
    let job = runtime.spawn_blocking(move || {
        begun.send(()).unwrap();
        let _ = gate.recv();
    });
    begin.recv().unwrap();
    (job, release)
}

#[test]
fn a_job_gives_its_value_and_may_borrow_nothing() {
    both_flavors(|runtime| {
        let word = "hello".to_owned();
        assert_eq!(runtime.block_on(async { spawn_blocking(move || word.len()).await }).unwrap(), 5);
        assert_eq!(runtime.block_on(runtime.spawn_blocking(|| 7)).unwrap(), 7);
    });
}

#[test]
fn a_job_is_inside_the_runtime() {
    both_flavors(|runtime| {
        let nested = runtime.block_on(async {
            spawn_blocking(|| {
                let handle = Handle::current();
                handle.block_on(async {
                    let task = freewheel::spawn(async { 1 });
                    let job = spawn_blocking(|| 2);
                    task.await.unwrap() + job.await.unwrap()
                })
            })
            .await
        });
        assert_eq!(nested.unwrap(), 3);
    });
}

#[test]
fn a_job_knows_its_number_and_runs_on_a_thread_of_its_own() {
    both_flavors(|runtime| {
        runtime.block_on(async {
            let job = spawn_blocking(|| (freewheel::task::id(), std::thread::current().name().map(str::to_owned)));
            let number = job.id();
            let (inside, name) = job.await.unwrap();
            assert_eq!(inside, number);
            assert!(name.unwrap().starts_with("freewheel-blocking-"));
        });
    });
}

#[test]
fn fault_67_a_panic_is_carried_and_the_next_job_runs() {
    both_flavors(|runtime| {
        runtime.block_on(async {
            for _ in 0..10 {
                let error = spawn_blocking(|| panic!("on purpose")).await.unwrap_err();
                assert_eq!(panic_text(&*error.into_panic()), "on purpose");
            }
            assert_eq!(spawn_blocking(|| 1).await.unwrap(), 1);
        });
    });
}

#[test]
fn jobs_that_wait_for_each_other_all_run() {
    both_flavors(|runtime| {
        let meet = Arc::new(Barrier::new(20));
        let jobs: Vec<_> = (0..20)
            .map(|_| {
                let meet = meet.clone();
                runtime.spawn_blocking(move || meet.wait().is_leader())
            })
            .collect();
        let leaders = jobs.into_iter().filter(|_| true).map(|job| runtime.block_on(job).unwrap());
        assert_eq!(leaders.filter(|&leads| leads).count(), 1);
    });
}

#[test]
fn at_the_cap_jobs_wait_and_an_aborted_one_goes_at_once() {
    test(|| {
        let runtime = Builder::new_current_thread().max_blocking_threads(1).enable_all().build().unwrap();
        let (first, release) = blocker(&runtime);
        let drops = DropCounter::new();
        let (kept, gone) = (drops.token(), drops.token());
        let waiting = runtime.spawn_blocking(move || drop(kept));
        let aborted = runtime.spawn_blocking(move || drop(gone));
        aborted.abort();
        assert_eq!(drops.dropped(), 1);
        assert!(runtime.block_on(aborted).unwrap_err().is_cancelled());
        drop(release);
        runtime.block_on(async { (first.await.unwrap(), waiting.await.unwrap()) });
        drops.assert_all_dropped(2);
    });
}

#[test]
fn a_thread_without_work_goes_after_the_keep_alive() {
    let ended = in_child("a_thread_without_work_goes_after_the_keep_alive", || {
        let mut builder = Builder::new_current_thread();
        let runtime = builder.thread_keep_alive(Duration::from_millis(10)).enable_all().build().unwrap();
        let blocking = || thread_names().iter().filter(|name| name.starts_with("freewheel-block")).count();
        runtime.block_on(runtime.spawn_blocking(|| ())).unwrap();
        eventually(|| blocking() == 0);
        runtime.block_on(runtime.spawn_blocking(move || assert_eq!(blocking(), 1))).unwrap();
    });
    ended.assert_ok();
}

#[test]
fn when_the_drop_is_over_no_thread_of_the_pool_holds_the_runtime() {
    support::in_child("when_the_drop_is_over_no_thread_of_the_pool_holds_the_runtime", || {
        let before = support::file_descriptors();
        for round in 0..500 {
            let runtime = if round % 2 == 0 { support::current_thread() } else { support::multi_thread(1) };
            runtime.block_on(runtime.spawn_blocking(|| ())).unwrap();
            drop(runtime);
            // The reactor's are closed with the last reference to the runtime.
            assert_eq!(support::file_descriptors(), before, "after round {round}");
        }
    })
    .assert_ok();
}

/// A runtime whose pool's threads go after a millisecond without work.
fn short_lived(stop: impl Fn() + Send + Sync + 'static) -> Runtime {
    let mut builder = Builder::new_current_thread();
    builder.thread_keep_alive(Duration::from_millis(1)).on_thread_stop(stop).max_blocking_threads(2);
    builder.enable_all().build().unwrap()
}

#[test]
fn nor_does_one_that_goes_by_its_keep_alive() {
    support::in_child("nor_does_one_that_goes_by_its_keep_alive", || {
        let before = support::file_descriptors();
        for round in 0..200 {
            let mut builder = Builder::new_current_thread();
            let runtime = builder.thread_keep_alive(Duration::from_micros(200)).enable_all().build().unwrap();
            runtime.block_on(runtime.spawn_blocking(|| ())).unwrap();
            let begun = Instant::now();
            while begun.elapsed() < Duration::from_micros(150 + 5 * (round % 60)) {
                std::hint::spin_loop();
            }
            drop(runtime);
            assert_eq!(support::file_descriptors(), before, "after round {round}");
        }
        // In the midst of its stop hook.
        let stopped = Arc::new(AtomicUsize::new(0));
        let (tell, told) = mpsc::channel();
        let counter = stopped.clone();
        let runtime = short_lived(move || {
            tell.send(()).unwrap();
            // Not to wait for anything: a hook that takes its time, longer than a drop that does not wait for it.
            std::thread::sleep(Duration::from_millis(100));
            counter.fetch_add(1, Ordering::Relaxed);
        });
        runtime.block_on(runtime.spawn_blocking(|| ())).unwrap();
        told.recv().unwrap();
        assert_eq!(stopped.load(Ordering::Relaxed), 0);
        drop(runtime);
        assert_eq!((stopped.load(Ordering::Relaxed), support::file_descriptors()), (1, before));
    })
    .assert_ok();
}

#[test]
fn a_thread_in_its_stop_hook_counts_and_is_replaced_after_it() {
    test(|| {
        let stopped = Arc::new(AtomicUsize::new(0));
        let (tell, told) = mpsc::channel();
        let counter = stopped.clone();
        let mut builder = Builder::new_current_thread();
        builder.thread_keep_alive(Duration::from_millis(1)).max_blocking_threads(1).on_thread_stop(move || {
            let _ = tell.send(());
            // Not to wait for anything: a hook that takes its time.
            std::thread::sleep(Duration::from_millis(50));
            counter.fetch_add(1, Ordering::Relaxed);
        });
        let runtime = builder.enable_all().build().unwrap();
        runtime.block_on(runtime.spawn_blocking(|| ())).unwrap();
        told.recv().unwrap();
        let job = runtime.spawn_blocking(move || stopped.load(Ordering::Relaxed));
        assert_eq!(runtime.block_on(job).unwrap(), 1);
    });
}

#[test]
fn a_stop_hook_that_waits_for_a_job_at_the_cap_waits_until_the_runtime_ends_and_no_longer() {
    test(|| {
        let handle: Arc<Mutex<Option<Handle>>> = Arc::default();
        let (own, (tell, told), (end, ended)) = (handle.clone(), mpsc::channel(), mpsc::channel());
        let mut builder = Builder::new_current_thread();
        builder.thread_keep_alive(Duration::from_millis(1)).max_blocking_threads(1).on_thread_stop(move || {
            let Some(handle) = own.lock().unwrap().take() else { return };
            let job = handle.spawn_blocking(|| ());
            tell.send(()).unwrap();
            end.send(handle.block_on(job).is_err_and(|error| error.is_cancelled())).unwrap();
        });
        let runtime = builder.shutdown_grace(Duration::MAX).enable_all().build().unwrap();
        *handle.lock().unwrap() = Some(runtime.handle().clone());
        runtime.block_on(runtime.spawn_blocking(|| ())).unwrap();
        told.recv().unwrap();
        drop(runtime);
        assert!(ended.recv().unwrap(), "the job ran, on a second thread");
    });
}

/// Dropped, it drops the runtime, after it has said so, and then tells whether the job had ended by that time.
struct Dropper {
    runtime: Option<Runtime>,
    begun: Sender<()>,
    job_ended: Arc<AtomicBool>,
    verdict: Sender<bool>,
}

impl Drop for Dropper {
    fn drop(&mut self) {
        self.begun.send(()).unwrap();
        drop(self.runtime.take());
        self.verdict.send(self.job_ended.load(Ordering::Relaxed)).unwrap();
    }
}

/// Two jobs run at once. The thread of the first goes by its keep-alive and drops the runtime on its way: in the
/// stop hook, or after that in the destructor of a thread-local.
fn a_thread_on_its_way_drops_the_runtime_while_a_job_runs(in_hook: bool) {
    thread_local! {
        static LAST: RefCell<Option<Dropper>> = const { RefCell::new(None) };
    }
    test(|| {
        let shelf = Arc::new(Mutex::new(None::<Dropper>));
        let last = shelf.clone();
        let runtime = short_lived(move || {
            // Its own line: the other thread's hook must not find it locked during the drop.
            let dropper = if in_hook { last.lock().unwrap().take() } else { None };
            drop(dropper);
        });
        let (meet, ended) = (Arc::new(Barrier::new(2)), Arc::new(AtomicBool::new(false)));
        let (begun, begin) = mpsc::channel::<()>();
        let (verdict, judged) = mpsc::channel();
        let (arrived, done) = (meet.clone(), ended.clone());
        drop(runtime.spawn_blocking(move || {
            arrived.wait();
            begin.recv().unwrap();
            // Not to wait for anything: a drop that does not wait for this job is over sooner.
            std::thread::sleep(Duration::from_millis(50));
            done.store(true, Ordering::Relaxed);
        }));
        let handle = runtime.handle().clone();
        *shelf.lock().unwrap() = Some(Dropper { runtime: Some(runtime), begun, job_ended: ended, verdict });
        drop(handle.spawn_blocking(move || {
            meet.wait();
            if !in_hook {
                LAST.set(shelf.lock().unwrap().take());
            }
        }));
        assert!(judged.recv().unwrap(), "the drop did not wait for the job");
    });
}

#[test]
fn a_stop_hook_that_drops_the_runtime_waits_for_the_other_jobs() {
    a_thread_on_its_way_drops_the_runtime_while_a_job_runs(true);
}

#[test]
fn so_does_the_destructor_of_a_thread_local() {
    a_thread_on_its_way_drops_the_runtime_while_a_job_runs(false);
}

#[test]
fn the_hooks_stand_around_each_thread() {
    test(|| {
        let (starts, stops) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (started, stopped) = (starts.clone(), stops.clone());
        let mut builder = Builder::new_current_thread();
        builder.on_thread_start(move || {
            started.fetch_add(1, Ordering::Relaxed);
        });
        builder.on_thread_stop(move || {
            stopped.fetch_add(1, Ordering::Relaxed);
        });
        let runtime = builder.enable_all().build().unwrap();
        runtime.block_on(runtime.spawn_blocking(|| ())).unwrap();
        let before = starts.load(Ordering::Relaxed);
        assert!(before >= 1);
        drop(runtime);
        assert_eq!(stops.load(Ordering::Relaxed), before);
    });
}

#[test]
fn fault_28_spawn_blocking_outside_a_runtime_panics_and_says_what_is_missing() {
    let text = must_panic(|| spawn_blocking(|| ()));
    assert!(text.contains("there is no reactor running"), "{text}");
}

#[test]
fn fault_68_a_job_that_does_not_end_is_named_and_left() {
    let ended = in_child("fault_68_a_job_that_does_not_end_is_named_and_left", || {
        let runtime = Runtime::new().unwrap();
        let (_job, release) = blocker(&runtime);
        let begun = Instant::now();
        runtime.shutdown_timeout(Duration::from_millis(50));
        assert!(begun.elapsed() < Duration::from_secs(20));
        drop(release);
    });
    ended.assert_ok();
    assert!(ended.output.contains("spawned at tests/blocking_pool.rs"), "{}", ended.output);
}

#[test]
fn fault_69_at_shutdown_what_runs_is_waited_for_and_what_waits_is_dropped() {
    both_flavors(|_| {
        let mut builder = Builder::new_multi_thread();
        let runtime = builder.worker_threads(1).max_blocking_threads(1).enable_all().build().unwrap();
        let (first, release) = blocker(&runtime);
        let drops = DropCounter::new();
        let queued: Vec<_> = (0..10)
            .map(|_| {
                let token = drops.token();
                runtime.spawn_blocking(move || drop(token))
            })
            .collect();
        let handle = runtime.handle().clone();
        let closer = std::thread::spawn(move || drop(runtime));
        eventually(|| drops.dropped() == 10);
        let other = Builder::new_current_thread().build().unwrap();
        for job in queued {
            assert!(other.block_on(job).unwrap_err().is_cancelled());
        }
        drop(release);
        other.block_on(first).unwrap();
        closer.join().unwrap();
        let late = handle.spawn_blocking(|| unreachable!("after the shutdown"));
        assert!(other.block_on(late).unwrap_err().is_cancelled());
    });
}

#[test]
fn a_runtime_may_be_dropped_by_a_job_of_its_own() {
    test(|| {
        let runtime = Runtime::new().unwrap();
        let handle = runtime.handle().clone();
        let (tell, told): (Sender<()>, Receiver<()>) = mpsc::channel();
        handle.spawn_blocking(move || {
            drop(runtime);
            tell.send(()).unwrap();
        });
        told.recv().unwrap();
    });
}

#[test]
fn fault_70_a_hundred_thousand_jobs_on_four_threads_all_run() {
    test(|| {
        let mut builder = Builder::new_multi_thread();
        let runtime = builder.worker_threads(2).max_blocking_threads(4).enable_all().build().unwrap();
        let sum = runtime.block_on(async {
            let spawners: Vec<_> = (0..4u64)
                .map(|part| {
                    freewheel::spawn(async move {
                        let jobs: Vec<_> = (0..25_000).map(|n| spawn_blocking(move || part * 25_000 + n)).collect();
                        let mut sum = 0;
                        for job in jobs {
                            sum += job.await.unwrap();
                        }
                        sum
                    })
                })
                .collect();
            let mut sum = 0;
            for spawner in spawners {
                sum += spawner.await.unwrap();
            }
            sum
        });
        assert_eq!(sum, (0..100_000).sum());
    });
}
