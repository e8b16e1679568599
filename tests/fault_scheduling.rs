//! The faults of scheduling and wakers: rows 3 to 14 of the list of faults that this runtime promises to survive.

mod support;

use std::future::{pending, poll_fn};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::task::Poll;
use std::time::{Duration, Instant};

use freewheel::runtime::{Builder, Runtime};
use freewheel::task::yield_now;
use freewheel::time::sleep;
use support::{
    DropCounter, Gate, each_flavour, eventually, in_child, most_rounds_within, multi_thread, one_run_within,
};

/// Ten times what it takes at most until another has taken over from a blocked worker.
const TAKEN_OVER: Duration = Duration::from_millis(30);

/// What blocks a thread until this is dropped.
struct Blocker {
    _release: mpsc::Sender<()>,
    begun: mpsc::Receiver<()>,
}

impl Blocker {
    /// Spawns a task that blocks its worker.
    fn spawn(runtime: &Runtime) -> Self {
        let (blocker, block) = Self::new();
        runtime.spawn(async move { block() });
        blocker
    }

    fn new() -> (Self, impl FnOnce() + Send + 'static) {
        let (started, begun) = mpsc::channel();
        let (release, released) = mpsc::channel::<()>();
        let block = move || {
            started.send(()).unwrap();
            let _ = released.recv();
        };
        (Self { _release: release, begun }, block)
    }

    /// Returns as soon as it blocks; the time.
    fn wait_until_it_blocks(&self) -> Instant {
        self.begun.recv().unwrap();
        Instant::now()
    }
}

#[test]
fn fault_03_what_is_queued_behind_a_blocked_worker_is_taken_by_its_peer() {
    support::test(|| {
        let runtime = multi_thread(2);
        most_rounds_within(TAKEN_OVER, || {
            let (blocker, block) = Blocker::new();
            let (done, finished) = mpsc::channel();
            // The task spawns ten from within, onto its own worker, and blocks with them behind it.
            runtime.spawn(async move {
                for _ in 0..10 {
                    let done = done.clone();
                    freewheel::spawn(async move { done.send(()).unwrap() });
                }
                drop(done);
                block();
            });
            let blocked = blocker.wait_until_it_blocks();
            assert_eq!(finished.iter().count(), 10);
            blocked.elapsed()
        });
    });
}

#[test]
fn fault_04_what_is_in_the_lifo_slot_of_a_blocked_worker_is_taken_in_time() {
    support::test(|| {
        let runtime = multi_thread(2);
        most_rounds_within(TAKEN_OVER, || {
            let (blocker, block) = Blocker::new();
            let (gate, ran) = (Gate::new(), Arc::new(AtomicBool::new(false)));
            let (wait, flag) = (gate.wait(), ran.clone());
            runtime.spawn(async move {
                wait.await;
                flag.store(true, Ordering::Relaxed);
            });
            eventually(|| gate.waits() > 0);
            // Waking from a task puts the woken one into the worker's LIFO slot.
            runtime.spawn(async move {
                gate.open();
                block();
            });
            let blocked = blocker.wait_until_it_blocks();
            eventually(|| ran.load(Ordering::Relaxed));
            blocked.elapsed()
        });
    });
}

#[test]
fn fault_04_a_spawn_then_a_block_on_one_worker_beside_an_idle_one() {
    support::test(|| {
        let runtime = multi_thread(2);
        most_rounds_within(TAKEN_OVER, || {
            let (blocker, block) = Blocker::new();
            let (done, finished) = mpsc::channel();
            runtime.spawn(async move {
                freewheel::spawn(async move { done.send(()).unwrap() });
                block();
            });
            let blocked = blocker.wait_until_it_blocks();
            finished.recv().unwrap();
            blocked.elapsed()
        });
    });
}

#[test]
fn fault_05_timers_and_io_go_on_while_a_worker_is_blocked() {
    support::test(|| {
        for workers in [2, 3, 4] {
            let runtime = multi_thread(workers);
            // All but one: whichever of them carried the token, another takes it.
            let blockers: Vec<_> = (1..workers).map(|_| Blocker::spawn(&runtime)).collect();
            for blocker in &blockers {
                blocker.wait_until_it_blocks();
            }
            // Twenty timers, and an echo.
            one_run_within(20 * Duration::from_millis(1) + TAKEN_OVER, || {
                let begun = Instant::now();
                runtime
                    .block_on(runtime.spawn(async {
                        for _ in 0..20 {
                            sleep(Duration::from_millis(1)).await;
                        }
                    }))
                    .unwrap();
                runtime.block_on(runtime.spawn(echo_once())).unwrap();
                begun.elapsed()
            });
        }
    });
}

#[test]
fn fault_05_the_worker_that_polls_may_be_the_one_that_blocks() {
    support::test(|| {
        let runtime = multi_thread(2);
        most_rounds_within(TAKEN_OVER, || {
            let (blocker, block) = Blocker::new();
            // It blocks straight after an event woke it: on the thread that was in the poll.
            runtime.spawn(async move {
                sleep(Duration::from_millis(1)).await;
                block();
            });
            let blocked = blocker.wait_until_it_blocks();
            runtime.block_on(runtime.spawn(async { sleep(Duration::from_millis(1)).await })).unwrap();
            blocked.elapsed()
        });
    });
}

async fn echo_once() {
    use freewheel::io::{AsyncReadExt, AsyncWriteExt};
    let listener = freewheel::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = freewheel::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut bytes = [0; 4];
        stream.read_exact(&mut bytes).await.unwrap();
        stream.write_all(&bytes).await.unwrap();
    });
    let mut stream = freewheel::net::TcpStream::connect(address).await.unwrap();
    stream.write_all(b"ping").await.unwrap();
    let mut bytes = [0; 4];
    stream.read_exact(&mut bytes).await.unwrap();
    assert_eq!(&bytes, b"ping");
    server.await.unwrap();
}

/// A task that is ready for ever, until told to stop.
fn busy(stop: &Arc<AtomicBool>, polls: &Arc<AtomicUsize>) -> impl Future<Output = ()> + Send + 'static {
    let (stop, polls) = (stop.clone(), polls.clone());
    poll_fn(move |cx| {
        polls.fetch_add(1, Ordering::Relaxed);
        if stop.load(Ordering::Relaxed) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
}

#[test]
fn fault_06_a_task_that_wakes_itself_for_ever_starves_nobody() {
    each_flavour(|make| {
        let runtime = make();
        let (stop, polls) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        // One per worker and more: nobody is idle.
        let tasks: Vec<_> = (0..8).map(|_| runtime.spawn(busy(&stop, &polls))).collect();
        runtime.block_on(async {
            // From the injector, from within, from a timer, from I/O.
            for _ in 0..20 {
                freewheel::spawn(async { freewheel::spawn(yield_now()).await.unwrap() }).await.unwrap();
                sleep(Duration::from_millis(1)).await;
            }
            echo_once().await;
        });
        std::thread::scope(|scope| {
            let outside = || runtime.spawn(yield_now());
            let task = scope.spawn(outside).join().unwrap();
            runtime.block_on(task).unwrap();
        });
        stop.store(true, Ordering::Relaxed);
        for task in tasks {
            runtime.block_on(task).unwrap();
        }
    });
}

#[test]
fn fault_06_two_tasks_that_wake_each_other_for_ever_starve_nobody() {
    each_flavour(|make| {
        let runtime = make();
        let stop = Arc::new(AtomicBool::new(false));
        // Each opens the other's gate and waits at its own: they live in the LIFO slot.
        let gates = Arc::new([std::sync::Mutex::new(Gate::new()), std::sync::Mutex::new(Gate::new())]);
        let player = |own: usize| {
            let (gates, stop) = (gates.clone(), stop.clone());
            async move {
                while !stop.load(Ordering::Relaxed) {
                    let wait = gates[own].lock().unwrap().wait();
                    gates[1 - own].lock().unwrap().open();
                    wait.await;
                    *gates[own].lock().unwrap() = Gate::new();
                }
                gates[1 - own].lock().unwrap().open();
            }
        };
        // Started from within one task, so that they share a worker.
        let (one, two) = (player(0), player(1));
        let players = runtime.spawn(async move { (freewheel::spawn(one), freewheel::spawn(two)) });
        runtime.block_on(async {
            for _ in 0..50 {
                freewheel::spawn(yield_now()).await.unwrap();
                sleep(Duration::from_micros(200)).await;
            }
        });
        stop.store(true, Ordering::Relaxed);
        for gate in gates.iter() {
            gate.lock().unwrap().open();
        }
        let (one, two) = runtime.block_on(players).unwrap();
        one.abort();
        two.abort();
    });
}

#[test]
fn the_intervals_bound_how_long_the_injector_and_the_reactor_wait() {
    support::test(|| {
        for (events, injector) in [(1, 1), (7, 3), (1_000, 1_000)] {
            let runtime = Builder::new_current_thread()
                .event_interval(events)
                .global_queue_interval(injector)
                .enable_all()
                .build()
                .unwrap();
            let (stop, polls) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
            let task = runtime.spawn(busy(&stop, &polls));
            let handle = runtime.handle().clone();
            let waited = runtime.block_on(async {
                yield_now().await;
                let before = polls.load(Ordering::Relaxed);
                // Spawned by a foreign thread, so it lies in the injector; the busy task is in the local queue.
                let spawn = move || handle.spawn(async {});
                std::thread::spawn(spawn).join().unwrap().await.unwrap();
                polls.load(Ordering::Relaxed) - before
            });
            assert!(waited <= 2 * injector as usize + 64, "{waited} polls with an interval of {injector}");
            runtime.block_on(async { sleep(Duration::from_millis(2)).await });
            stop.store(true, Ordering::Relaxed);
            runtime.block_on(task).unwrap();
        }
    });
}

#[test]
fn fault_06_block_on_itself_is_polled_beside_busy_tasks_and_they_beside_it() {
    support::test(|| {
        let runtime = support::current_thread();
        let (stop, polls) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let task = runtime.spawn(busy(&stop, &polls));
        runtime.block_on(async {
            // The block_on future is always ready as well.
            let start = polls.load(Ordering::Relaxed);
            while polls.load(Ordering::Relaxed) < start + 100 {
                yield_now().await;
            }
        });
        stop.store(true, Ordering::Relaxed);
        runtime.block_on(task).unwrap();
    });
}

#[test]
fn fault_07_a_million_wakes_from_eight_threads_are_bounded_and_the_last_is_seen() {
    each_flavour(|make| {
        let runtime = make();
        let (polls, sum) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let kept = Arc::new(std::sync::Mutex::new(None));
        let (count, seen, keep) = (polls.clone(), sum.clone(), kept.clone());
        let task = runtime.spawn(poll_fn(move |cx| {
            count.fetch_add(1, Ordering::Relaxed);
            keep.lock().unwrap().get_or_insert_with(|| cx.waker().clone());
            if seen.load(Ordering::Relaxed) == 1_000_000 { Poll::Ready(()) } else { Poll::Pending }
        }));
        runtime.block_on(async {
            while kept.lock().unwrap().is_none() {
                yield_now().await;
            }
        });
        let waker = kept.lock().unwrap().clone().unwrap();
        let threads: Vec<_> = (0..8)
            .map(|_| {
                let (waker, sum) = (waker.clone(), sum.clone());
                std::thread::spawn(move || {
                    for _ in 0..125_000 {
                        sum.fetch_add(1, Ordering::Relaxed);
                        waker.wake_by_ref();
                    }
                })
            })
            .collect();
        // The poll after the last wake sees the full sum; were that wake lost, this would hang.
        runtime.block_on(task).unwrap();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert!(polls.load(Ordering::Relaxed) <= 1_000_002);
    });
}

#[test]
fn fault_10_the_last_waker_dropped_on_a_foreign_thread_after_the_end() {
    each_flavour(|make| {
        let (runtime, drops) = (make(), DropCounter::new());
        let kept = Arc::new(std::sync::Mutex::new(Vec::new()));
        for _ in 0..100 {
            let (token, keep) = (drops.token(), kept.clone());
            runtime.spawn(async move {
                let _token = token;
                poll_fn::<(), _>(move |cx| {
                    keep.lock().unwrap().push(cx.waker().clone());
                    Poll::Pending
                })
                .await;
            });
        }
        runtime.block_on(async {
            while kept.lock().unwrap().len() < 100 {
                yield_now().await;
            }
        });
        drop(runtime);
        drops.assert_all_dropped(100);
        let wakers = std::mem::take(&mut *kept.lock().unwrap());
        std::thread::spawn(move || drop(wakers)).join().unwrap();
    });
}

#[test]
fn fault_14_a_wake_from_a_thread_locals_destructor() {
    struct Wakes(Gate);
    impl Drop for Wakes {
        fn drop(&mut self) {
            self.0.open();
        }
    }
    std::thread_local!(static LAST: std::cell::RefCell<Option<Wakes>> = const { std::cell::RefCell::new(None) });
    each_flavour(|make| {
        let (runtime, gate) = (make(), Gate::new());
        let task = runtime.spawn(gate.wait());
        runtime.block_on(yield_now());
        std::thread::spawn(move || LAST.with(|last| *last.borrow_mut() = Some(Wakes(gate)))).join().unwrap();
        runtime.block_on(task).unwrap();
    });
}

#[test]
fn fault_14_a_wake_and_a_spawn_from_a_workers_own_thread_local() {
    struct Spawns(freewheel::runtime::Handle, Gate);
    impl Drop for Spawns {
        fn drop(&mut self) {
            self.1.open();
            drop(self.0.spawn(async {}));
        }
    }
    std::thread_local!(static LAST: std::cell::RefCell<Option<Spawns>> = const { std::cell::RefCell::new(None) });
    support::test(|| {
        let (runtime, gate) = (multi_thread(1), Gate::new());
        let spawns = Spawns(runtime.handle().clone(), gate.clone());
        runtime.spawn(gate.wait());
        runtime.block_on(runtime.spawn(async { LAST.with(|last| *last.borrow_mut() = Some(spawns)) })).unwrap();
        drop(runtime);
        eventually(|| gate.is_open());
    });
}

#[test]
fn fault_14_a_runtime_within_a_thread_local() {
    std::thread_local!(static OWN: std::cell::RefCell<Option<Runtime>> = const { std::cell::RefCell::new(None) });
    each_flavour(|make| {
        let (runtime, drops) = (make(), DropCounter::new());
        let token = drops.token();
        std::thread::spawn(move || {
            runtime.spawn(async move {
                let _token = token;
                pending::<()>().await;
            });
            OWN.with(|own| *own.borrow_mut() = Some(runtime));
            OWN.with(|own| {
                own.borrow().as_ref().unwrap().block_on(async { sleep(Duration::from_millis(1)).await });
            });
        })
        .join()
        .unwrap();
        drops.assert_all_dropped(1);
    });
}

#[test]
fn an_idle_runtime_uses_no_cpu() {
    in_child("an_idle_runtime_uses_no_cpu", || {
        let runtime = multi_thread(4);
        runtime.block_on(runtime.spawn(async { sleep(Duration::from_millis(1)).await })).unwrap();
        support::comes_to_rest();
    })
    .assert_ok();
}

#[test]
fn fault_01_bursts_from_outside_between_rests_are_never_lost() {
    support::test(|| {
        let runtime = multi_thread(4);
        for round in 0..2_000 {
            let (done, finished) = mpsc::channel();
            for _ in 0..=round % 5 {
                let done = done.clone();
                runtime.spawn(async move { done.send(()).unwrap() });
            }
            drop(done);
            // Each burst meets workers that are just going to sleep.
            assert_eq!(finished.iter().count(), round % 5 + 1);
        }
    });
}
