//! asyncio's side: `run_forever` and `stop`, `call_soon`, `call_later`, `call_at`, and what a handle tells.

mod support;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use freewheel::runtime::Handle;
use freewheel::time::sleep;
use support::{DropCounter, Gate, each_flavour, eventually};

const AGES: Duration = Duration::from_secs(3600);

#[test]
fn a_task_stops_the_loop_it_runs_on() {
    each_flavour(|make| {
        let runtime = make();
        runtime.spawn(async {
            sleep(Duration::from_millis(2)).await;
            Handle::current().stop();
        });
        runtime.run_forever();
        // And it can run again.
        assert_eq!(runtime.block_on(async { 1 }), 1);
        runtime.spawn(async { Handle::current().stop() });
        runtime.run_forever();
    });
}

#[test]
fn a_thread_stops_the_loop() {
    each_flavour(|make| {
        let runtime = make();
        let handle = runtime.handle().clone();
        let thread = std::thread::spawn(move || {
            eventually(|| handle.is_running());
            handle.stop();
        });
        runtime.run_forever();
        thread.join().unwrap();
    });
}

#[test]
fn a_blocking_job_stops_the_loop() {
    each_flavour(|make| {
        let runtime = make();
        let handle = runtime.handle().clone();
        runtime.spawn_blocking(move || handle.stop());
        runtime.run_forever();
    });
}

#[test]
fn a_stop_before_the_run_runs_what_is_ready_once_and_returns() {
    support::test(|| {
        let runtime = support::current_thread();
        let rounds = Arc::new(AtomicUsize::new(0));
        let count = rounds.clone();
        runtime.spawn(async move {
            loop {
                count.fetch_add(1, Ordering::Relaxed);
                freewheel::task::yield_now().await;
            }
        });
        let called = Arc::new(AtomicUsize::new(0));
        let counter = called.clone();
        runtime.handle().call_soon(move || {
            counter.fetch_add(1, Ordering::Relaxed);
        });
        runtime.handle().stop();
        runtime.run_forever();
        let round = rounds.load(Ordering::Relaxed);
        // One round; how often what is ready again at once has its turn in it is the scheduler's choice.
        assert!((1..=64).contains(&round), "one round of what is ready, and not {round}");
        assert_eq!(called.load(Ordering::Relaxed), 1);
        // The stop was used up: the next run goes on until the next stop.
        let handle = runtime.handle().clone();
        let count = rounds.clone();
        runtime.spawn(async move {
            while count.load(Ordering::Relaxed) < 10 {
                freewheel::task::yield_now().await;
            }
            handle.stop();
        });
        runtime.run_forever();
        assert!(rounds.load(Ordering::Relaxed) >= 10);
    });
}

#[test]
fn a_stop_before_the_run_returns_on_several_workers_too() {
    each_flavour(|make| {
        let runtime = make();
        let (ran, told) = mpsc::channel();
        runtime.handle().call_soon(move || ran.send(()).unwrap());
        runtime.handle().stop();
        runtime.run_forever();
        told.recv().unwrap_or_else(|_| panic!("what was ready did not run"));
    });
}

#[test]
fn is_running_tells() {
    each_flavour(|make| {
        let runtime = make();
        assert!(!runtime.is_running() && !runtime.is_closed());
        assert!(runtime.block_on(async { Handle::current().is_running() }));
        assert!(!runtime.is_running());
        let task = runtime.spawn(async {
            let handle = Handle::current();
            // On a worker it may come before the run.
            while !handle.is_running() {
                freewheel::task::yield_now().await;
            }
            handle.stop();
        });
        runtime.run_forever();
        assert!(!runtime.is_running());
        runtime.block_on(task).unwrap();
    });
}

#[test]
fn calls_run_once_and_in_order() {
    each_flavour(|make| {
        let runtime = make();
        let order = Arc::new(Mutex::new(Vec::new()));
        let drops = DropCounter::new();
        for number in 0..1000 {
            let (order, token) = (order.clone(), drops.token());
            runtime.handle().call_soon(move || {
                order.lock().unwrap().push(number);
                drop(token);
            });
        }
        let handle = runtime.handle().clone();
        runtime.handle().call_soon(move || handle.stop());
        runtime.run_forever();
        assert_eq!(*order.lock().unwrap(), (0..1000).collect::<Vec<_>>());
        drops.assert_all_dropped(1000);
    });
}

#[test]
fn a_call_from_a_call_comes_after_those_already_there() {
    support::test(|| {
        let runtime = support::current_thread();
        let order = Arc::new(Mutex::new(Vec::new()));
        let handle = runtime.handle().clone();
        let note = |text: &'static str| {
            let order = order.clone();
            move || order.lock().unwrap().push(text)
        };
        let (first, inner, stopper) = (note("first"), note("inner"), handle.clone());
        handle.call_soon(move || {
            first();
            let handle = Handle::current();
            handle.call_soon(move || {
                inner();
                stopper.stop();
            });
        });
        handle.call_soon(note("second"));
        runtime.run_forever();
        assert_eq!(*order.lock().unwrap(), ["first", "second", "inner"]);
    });
}

#[test]
fn a_call_that_calls_itself_again_and_again_starves_nobody() {
    fn again(handle: Handle, rounds: Arc<AtomicUsize>) {
        rounds.fetch_add(1, Ordering::Relaxed);
        let next = handle.clone();
        handle.call_soon(move || again(next, rounds));
    }
    each_flavour(|make| {
        let runtime = make();
        let rounds = Arc::new(AtomicUsize::new(0));
        again(runtime.handle().clone(), rounds.clone());
        // asyncio's idiom for work in small steps: each round of the loop, the others have their turn too.
        runtime.block_on(async {
            for _ in 0..10 {
                freewheel::spawn(freewheel::task::yield_now()).await.unwrap();
                sleep(Duration::from_millis(1)).await;
            }
        });
        assert!(rounds.load(Ordering::Relaxed) > 1);
    });
}

#[test]
fn a_cancelled_call_never_runs_and_is_dropped() {
    each_flavour(|make| {
        let runtime = make();
        let (drops, ran) = (DropCounter::new(), Arc::new(AtomicUsize::new(0)));
        let call = || {
            let (token, ran) = (drops.token(), ran.clone());
            move || {
                ran.fetch_add(1, Ordering::Relaxed);
                drop(token);
            }
        };
        let late = runtime.handle().call_later(AGES, call());
        let at = runtime.handle().call_at(Instant::now() + AGES, call());
        assert!(!late.is_cancelled() && !at.is_cancelled());
        late.cancel();
        at.cancel();
        late.cancel();
        assert!(late.is_cancelled() && at.is_cancelled());
        // Its closure is gone with the cancellation, not an hour later.
        drops.assert_all_dropped(2);
        assert_eq!(ran.load(Ordering::Relaxed), 0);
    });
}

#[test]
fn a_call_soon_that_is_cancelled_in_time_never_runs() {
    support::test(|| {
        let runtime = support::current_thread();
        let ran = Arc::new(AtomicUsize::new(0));
        let count = ran.clone();
        // Nothing runs on this flavour before the run begins.
        let call = runtime.handle().call_soon(move || {
            count.fetch_add(1, Ordering::Relaxed);
        });
        call.cancel();
        let handle = runtime.handle().clone();
        runtime.handle().call_soon(move || handle.stop());
        runtime.run_forever();
        assert!(call.is_cancelled());
        assert_eq!(ran.load(Ordering::Relaxed), 0);
    });
}

#[test]
fn a_cancel_after_the_call_changes_nothing() {
    each_flavour(|make| {
        let runtime = make();
        let (ran, told) = mpsc::channel();
        let call = runtime.handle().call_soon(move || ran.send(()).unwrap());
        runtime.block_on(async {
            while told.try_recv().is_err() {
                freewheel::task::yield_now().await;
            }
        });
        call.cancel();
    });
}

#[test]
fn later_calls_come_in_the_order_of_their_times_and_never_early() {
    each_flavour(|make| {
        let runtime = make();
        let order = Arc::new(Mutex::new(Vec::new()));
        let start = Instant::now();
        for delay in [30u64, 10, 20, 0] {
            let order = order.clone();
            let call = runtime.handle().call_later(Duration::from_millis(delay), move || {
                order.lock().unwrap().push((delay, start.elapsed()));
            });
            let when = call.when().expect("a later call has a time");
            assert!(when >= start + Duration::from_millis(delay) && when < start + AGES);
        }
        let handle = runtime.handle().clone();
        runtime.handle().call_at(start + Duration::from_millis(60), move || handle.stop());
        runtime.run_forever();
        let order = order.lock().unwrap();
        assert_eq!(order.iter().map(|(delay, _)| *delay).collect::<Vec<_>>(), [0, 10, 20, 30]);
        for (delay, at) in order.iter() {
            assert!(*at >= Duration::from_millis(*delay), "{delay} ms called at {at:?}");
        }
    });
}

#[test]
fn a_call_later_without_end_and_one_in_the_past_do_no_harm() {
    each_flavour(|make| {
        let runtime = make();
        let never = runtime.handle().call_later(Duration::MAX, || panic!("the end of time came"));
        let handle = runtime.handle().clone();
        runtime.handle().call_at(
            Instant::now().checked_sub(Duration::from_millis(5)).unwrap_or_else(Instant::now),
            move || {
                handle.stop();
            },
        );
        runtime.run_forever();
        assert!(!never.is_cancelled());
    });
}

#[test]
fn a_call_that_panics_costs_no_other_call() {
    each_flavour(|make| {
        let runtime = make();
        runtime.handle().call_soon(|| panic!("a call, on purpose"));
        runtime.handle().call_later(Duration::from_millis(1), || panic!("a later call, on purpose"));
        let handle = runtime.handle().clone();
        runtime.handle().call_later(Duration::from_millis(20), move || handle.stop());
        runtime.run_forever();
    });
}

#[test]
fn a_dropped_call_handle_cancels_nothing() {
    each_flavour(|make| {
        let runtime = make();
        let handle = runtime.handle().clone();
        drop(runtime.handle().call_later(Duration::from_millis(1), move || handle.stop()));
        runtime.run_forever();
    });
}

#[test]
fn calls_that_wait_are_dropped_with_the_runtime() {
    each_flavour(|make| {
        let runtime = make();
        let drops = DropCounter::new();
        for _ in 0..10 {
            let token = drops.token();
            runtime.handle().call_later(AGES, move || drop(token));
        }
        drop(runtime);
        drops.assert_all_dropped(10);
    });
}

#[test]
fn calls_run_in_the_context_of_the_runtime_and_may_spawn() {
    each_flavour(|make| {
        let runtime = make();
        let gate = Gate::new();
        let opener = gate.clone();
        runtime.handle().call_soon(move || {
            freewheel::spawn(async move { opener.open() });
        });
        runtime.block_on(gate.wait());
    });
}

#[test]
fn use_after_close_is_a_clear_error() {
    each_flavour(|make| {
        let runtime = make();
        let handle = runtime.handle().clone();
        drop(runtime);
        assert!(handle.is_closed() && !handle.is_running());
        // Stopping what is closed is no error, as in asyncio.
        handle.stop();
        let drops = DropCounter::new();
        let token = drops.token();
        let call = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| handle.call_soon(move || drop(token))));
        match call {
            Ok(call) => assert!(call.is_cancelled(), "a call that nobody will make is not cancelled"),
            Err(payload) => assert!(support::panic_text(&*payload).contains("closed")),
        }
        drops.assert_all_dropped(1);
    });
}

#[test]
fn a_second_run_of_a_running_loop_is_refused_or_nested_but_never_hangs() {
    each_flavour(|make| {
        let runtime = Arc::new(make());
        let within = runtime.clone();
        let task = runtime.spawn(async move {
            within.handle().stop();
            let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| within.run_forever()));
            drop(within);
        });
        // Again and again: a stop may be used up by the outer run or by the inner one.
        let stopper = runtime.spawn(async {
            loop {
                sleep(Duration::from_millis(20)).await;
                Handle::current().stop();
            }
        });
        runtime.run_forever();
        runtime.block_on(task).unwrap();
        stopper.abort();
    });
}

#[test]
fn stop_ends_run_forever_and_not_block_on() {
    each_flavour(|make| {
        let runtime = make();
        runtime.block_on(async {
            Handle::current().stop();
            sleep(Duration::from_millis(5)).await;
        });
        // The stop was asked of the loop: the next run_forever makes one round.
        runtime.run_forever();
    });
}

#[test]
fn the_round_after_a_stop_bears_the_place_of_the_call() {
    support::test(|| {
        let runtime = support::current_thread();
        runtime.handle().stop();
        // It runs before the round's own task.
        let listed = runtime.spawn(async { Handle::current().tasks() });
        runtime.run_forever();
        let here: Vec<bool> =
            runtime.block_on(listed).unwrap().iter().map(|task| task.location.file() == file!()).collect();
        assert_eq!(here, [true, true]);
    });
}
