//! `block_on`, entering, `Handle::current`: on every flavour, nested, repeated, from many threads.

mod support;

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use freewheel::runtime::{Builder, Handle, Runtime, RuntimeFlavor, TryCurrentError};
use freewheel::time::sleep;
use support::{Gate, each_flavour, eventually, must_panic, must_panic_at};

#[test]
fn the_output_comes_back() {
    each_flavour(|make| {
        let runtime = make();
        assert_eq!(runtime.block_on(async { 1 }), 1);
        assert_eq!(runtime.run_until_complete(async { 2 }), 2);
        assert_eq!(runtime.handle().block_on(async { 3 }), 3);
    });
}

#[test]
fn the_future_may_borrow_and_need_not_be_send() {
    each_flavour(|make| {
        let runtime = make();
        let text = String::from("borrowed");
        let local = Rc::new(Cell::new(0));
        let length = runtime.block_on(async {
            local.set(local.get() + 1);
            freewheel::task::yield_now().await;
            text.len()
        });
        assert_eq!((length, local.get()), (8, 1));
    });
}

#[test]
fn a_wake_from_another_thread_ends_the_wait() {
    each_flavour(|make| {
        let runtime = make();
        for _ in 0..100 {
            let gate = Gate::new();
            let opener = gate.clone();
            let thread = std::thread::spawn(move || opener.open());
            runtime.block_on(gate.wait());
            thread.join().unwrap();
        }
    });
}

#[test]
fn a_panic_comes_out_and_the_runtime_goes_on() {
    each_flavour(|make| {
        let runtime = make();
        let text = must_panic(|| runtime.block_on(async { panic!("out of block_on") }));
        assert_eq!(text, "out of block_on");
        assert!(Handle::try_current().is_err(), "the context was left behind");
        assert_eq!(runtime.block_on(runtime.spawn(async { 4 })).unwrap(), 4);
    });
}

#[test]
fn runtimes_come_and_go() {
    each_flavour(|make| {
        for round in 0..50 {
            let runtime = make();
            let task = runtime.spawn(async move { round });
            assert_eq!(runtime.block_on(task).unwrap(), round);
        }
    });
}

#[test]
fn one_runtime_runs_again_and_again() {
    each_flavour(|make| {
        let runtime = make();
        let count = Arc::new(AtomicUsize::new(0));
        for round in 1..=200 {
            let counter = count.clone();
            runtime.block_on(async move {
                freewheel::spawn(async move { counter.fetch_add(1, Ordering::Relaxed) }).await.unwrap();
            });
            assert_eq!(count.load(Ordering::Relaxed), round);
        }
    });
}

#[test]
fn many_threads_block_on_one_runtime() {
    each_flavour(|make| {
        let runtime = Arc::new(make());
        let threads: Vec<_> = (0..8u64)
            .map(|number| {
                let runtime = runtime.clone();
                std::thread::spawn(move || {
                    runtime.block_on(async move {
                        sleep(Duration::from_millis(number)).await;
                        freewheel::spawn(async move { number * 2 }).await.unwrap()
                    })
                })
            })
            .collect();
        let sum: u64 = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
        assert_eq!(sum, 56);
    });
}

#[test]
fn fault_27_block_on_within_a_task_works() {
    each_flavour(|make| {
        let runtime = make();
        let handle = runtime.handle().clone();
        let task = runtime.spawn(async move {
            let inner = handle.clone();
            handle.block_on(async move {
                let number = inner.spawn(async { 20 });
                sleep(Duration::from_millis(1)).await;
                number.await.unwrap() + 1
            })
        });
        assert_eq!(runtime.block_on(task).unwrap(), 21);
    });
}

#[test]
fn fault_27_block_on_within_block_on_works() {
    each_flavour(|make| {
        let runtime = make();
        let handle = runtime.handle().clone();
        let sum = runtime.block_on(async {
            let inner = handle.block_on(async { handle.spawn(async { 1 }).await.unwrap() });
            inner + handle.spawn(async { 2 }).await.unwrap()
        });
        assert_eq!(sum, 3);
    });
}

#[test]
fn fault_27_another_runtime_within_a_task_works() {
    support::test(|| {
        for (outer, inner) in [
            (support::current_thread(), support::multi_thread(1)),
            (support::multi_thread(1), support::current_thread()),
        ] {
            let (outer_flavour, inner_flavour) = (outer.handle().runtime_flavor(), inner.handle().runtime_flavor());
            let inner = Arc::new(inner);
            let within = inner.clone();
            let task = outer.spawn(async move {
                let seen = within.block_on(async {
                    sleep(Duration::from_millis(1)).await;
                    freewheel::spawn(async { flavour() }).await.unwrap()
                });
                (seen, flavour())
            });
            assert_eq!(outer.block_on(task).unwrap(), (inner_flavour, outer_flavour));
        }
    });
}

/// In `one` drives `two`, within that `one`, and within that `two`. Each waits for a task of its own that needs a timer.
async fn nest(one: Handle, two: Handle) {
    // Made within the task, or it would be a timer of the runtime that is current here.
    let nap = |runtime: &Handle| runtime.spawn(async { sleep(Duration::from_millis(1)).await });
    let (first, second, third, fourth) = (nap(&one), nap(&two), nap(&one), nap(&two));
    two.block_on(async {
        one.block_on(async {
            two.block_on(async {
                fourth.await.unwrap();
                assert_eq!(freewheel::spawn(async { flavour() }).await.unwrap(), two.runtime_flavor());
            });
            third.await.unwrap();
            assert_eq!(freewheel::spawn(async { flavour() }).await.unwrap(), one.runtime_flavor());
        });
        second.await.unwrap();
        assert_eq!(flavour(), two.runtime_flavor());
    });
    first.await.unwrap();
    assert_eq!(flavour(), one.runtime_flavor());
}

#[test]
fn fault_27_a_runtime_is_driven_within_another_within_itself() {
    support::test(|| {
        let one_worker = || support::multi_thread(1);
        let makers: [&dyn Fn() -> Runtime; 2] = [&support::current_thread, &one_worker];
        for (first, second) in makers.iter().flat_map(|first| makers.iter().map(move |second| (first, second))) {
            let (outer, inner) = (first(), second());
            let nest = || nest(outer.handle().clone(), inner.handle().clone());
            outer.block_on(nest());
            outer.block_on(outer.spawn(nest())).unwrap();
        }
    });
}

#[test]
fn fault_27_a_panic_far_within_leaves_every_runtime_in_order() {
    support::test(|| {
        let (outer, inner) = (support::current_thread(), support::current_thread());
        let far_within = async {
            outer.spawn(async {}).await.unwrap();
            panic!("far within")
        };
        let text = must_panic(|| outer.block_on(async { inner.block_on(async { outer.block_on(far_within) }) }));
        assert_eq!(text, "far within");
        assert!(Handle::try_current().is_err());
        for runtime in [&outer, &inner] {
            // From another thread: nobody has it any more.
            let handle = runtime.handle().clone();
            let drive = move || handle.block_on(handle.spawn(async { sleep(Duration::from_millis(1)).await }));
            std::thread::spawn(drive).join().unwrap().unwrap();
        }
    });
}

#[test]
fn fault_26_a_runtime_dropped_in_its_own_task_within_another_runtime_does_not_wait_for_itself() {
    support::test(|| {
        let mut builder = Builder::new_multi_thread();
        let outer = builder.worker_threads(1).shutdown_grace(Duration::MAX).build().unwrap();
        let (handle, ended) = (outer.handle().clone(), Gate::new());
        let open = ended.clone();
        handle.spawn(async move {
            support::current_thread().block_on(async move { drop(outer) });
            open.open();
        });
        eventually(|| ended.is_open());
    });
}

#[test]
fn current_is_the_runtime_that_runs_the_code() {
    each_flavour(|make| {
        let runtime = make();
        // The other flavour is entered all the while: what runs on the runtime must not see it.
        let own = runtime.handle().runtime_flavor();
        let other = match own {
            RuntimeFlavor::CurrentThread => support::multi_thread(1),
            _ => support::current_thread(),
        };
        let _entered = other.enter();
        assert_ne!(flavour(), own);
        assert_eq!(runtime.block_on(async { flavour() }), own);
        assert_eq!(runtime.block_on(runtime.spawn(async { flavour() })).unwrap(), own);
        assert_eq!(runtime.block_on(runtime.spawn_blocking(flavour)).unwrap(), own);
        assert_ne!(flavour(), own);
    });
}

/// Of the runtime that is entered here.
fn flavour() -> RuntimeFlavor {
    Handle::current().runtime_flavor()
}

#[test]
fn fault_28_outside_a_runtime_the_panic_is_at_the_callers_line_and_names_the_cure() {
    support::test(|| {
        let words = "there is no reactor running, must be called from the context of a";
        type Misuse = (&'static str, fn());
        let misuses: [Misuse; 4] = [
            ("Handle::current", || drop(Handle::current())),
            ("spawn", || drop(freewheel::spawn(async {}))),
            ("spawn_blocking", || drop(freewheel::task::spawn_blocking(|| {}))),
            ("sleep", || drop(sleep(Duration::from_secs(1)))),
        ];
        for (name, misuse) in misuses {
            let (text, place) = must_panic_at(misuse);
            assert!(text.contains(words), "{name}: {text}");
            assert!(
                text.contains("enter") || text.contains("block_on") || text.contains("main"),
                "{name}: no cure: {text}"
            );
            assert!(place.starts_with("tests/runtime_block_on.rs:"), "{name}: {place}");
        }
        let error: TryCurrentError = Handle::try_current().unwrap_err();
        assert!(error.is_missing_context() && !error.is_thread_local_destroyed());
        assert!(error.to_string().contains(words), "{error}");
    });
}

#[test]
fn a_guard_enters_and_its_drop_leaves() {
    support::test(|| {
        let (first, second) = (support::current_thread(), support::multi_thread(1));
        let (one, two) = (RuntimeFlavor::CurrentThread, RuntimeFlavor::MultiThread);
        {
            let _first = first.enter();
            assert_eq!(flavour(), one);
            {
                let _second = second.handle().enter();
                assert_eq!(flavour(), two);
            }
            assert_eq!(flavour(), one);
            let task = freewheel::spawn(async { flavour() });
            assert_eq!(second.block_on(async { flavour() }), two);
            assert_eq!(flavour(), one);
            assert_eq!(first.block_on(task).unwrap(), one);
        }
        assert!(Handle::try_current().is_err());
    });
}

#[test]
fn of_guards_dropped_out_of_order_the_youngest_that_lives_decides() {
    support::test(|| {
        // tokio panics here.
        let (first, second) = (support::current_thread(), support::multi_thread(1));
        let (one, two) = (first.enter(), second.enter());
        drop(one);
        assert_eq!(flavour(), RuntimeFlavor::MultiThread);
        let three = first.enter();
        drop(two);
        assert_eq!(flavour(), RuntimeFlavor::CurrentThread);
        drop(three);
        assert!(Handle::try_current().is_err());
    });
}

#[test]
fn a_guard_outlives_its_runtime_without_harm() {
    support::test(|| {
        let runtime = support::multi_thread(1);
        let handle = runtime.handle().clone();
        let guard = handle.enter();
        drop(runtime);
        let task = freewheel::spawn(async {});
        let outcome = support::current_thread().block_on(task);
        assert!(outcome.unwrap_err().is_cancelled());
        drop(guard);
    });
}

#[test]
fn a_handle_works_from_any_thread() {
    each_flavour(|make| {
        let runtime = make();
        let handle = runtime.handle().clone();
        let thread = std::thread::spawn(move || handle.spawn(async { std::thread::current().id() }));
        let task = thread.join().unwrap();
        runtime.block_on(task).unwrap();
    });
}

#[test]
fn current_thread_runs_its_tasks_on_the_thread_in_block_on() {
    support::test(|| {
        let runtime = support::current_thread();
        let here = std::thread::current().id();
        let before = runtime.spawn(async { std::thread::current().id() });
        let within = runtime.block_on(async { freewheel::spawn(async { std::thread::current().id() }).await.unwrap() });
        assert_eq!((runtime.block_on(before).unwrap(), within), (here, here));
    });
}

#[test]
fn current_thread_runs_nothing_while_nobody_blocks_on_it() {
    support::test(|| {
        let runtime = support::current_thread();
        let ran = Arc::new(AtomicUsize::new(0));
        let count = ran.clone();
        let task = runtime.spawn(async move { count.fetch_add(1, Ordering::Relaxed) });
        let other = support::multi_thread(1);
        other.block_on(other.spawn(async {})).unwrap();
        assert_eq!(ran.load(Ordering::Relaxed), 0);
        runtime.block_on(task).unwrap();
        assert_eq!(ran.load(Ordering::Relaxed), 1);
    });
}

#[test]
fn of_two_threads_in_block_on_the_second_takes_over_when_the_first_leaves() {
    support::test(|| {
        let runtime = Arc::new(support::current_thread());
        let (first_may_end, task_may_end) = (Gate::new(), Gate::new());
        let first = {
            let (runtime, gate) = (runtime.clone(), first_may_end.clone());
            std::thread::spawn(move || runtime.block_on(gate.wait()))
        };
        eventually(|| first_may_end.waits() > 0);
        let second = {
            let (runtime, gate) = (runtime.clone(), task_may_end.clone());
            std::thread::spawn(move || {
                runtime.block_on(async move {
                    freewheel::spawn(async move {
                        gate.wait().await;
                        sleep(Duration::from_millis(1)).await;
                        5
                    })
                    .await
                    .unwrap()
                })
            })
        };
        eventually(|| task_may_end.waits() > 0);
        first_may_end.open();
        first.join().unwrap();
        task_may_end.open();
        assert_eq!(second.join().unwrap(), 5);
    });
}

#[test]
fn handle_block_on_on_current_thread_drives_the_tasks_too() {
    support::test(|| {
        // Unlike tokio's, where a handle's block_on does not drive: nothing stalls.
        let runtime = support::current_thread();
        let task = runtime.spawn(async {
            sleep(Duration::from_millis(1)).await;
            9
        });
        assert_eq!(runtime.handle().block_on(task).unwrap(), 9);
    });
}

#[test]
fn fault_16_a_future_of_three_megabytes_runs() {
    each_flavour(|make| {
        let runtime = make();
        // Handed over by value on a stack that is large enough: it must not end up on a worker's small one.
        std::thread::scope(|scope| {
            let big = || async move {
                let bytes = [9u8; 3 << 20];
                freewheel::task::yield_now().await;
                bytes[bytes.len() - 1]
            };
            let runtime = &runtime;
            let run = move || (runtime.block_on(runtime.spawn(big())).unwrap(), runtime.block_on(big()));
            let thread = std::thread::Builder::new().stack_size(64 << 20).spawn_scoped(scope, run).unwrap();
            assert_eq!(thread.join().unwrap(), (9, 9));
        });
    });
}

#[test]
fn block_on_from_a_blocking_thread_works() {
    each_flavour(|make| {
        let runtime = make();
        let job = runtime
            .spawn_blocking(|| Handle::current().block_on(async { freewheel::spawn(async { 6 }).await.unwrap() }));
        assert_eq!(runtime.block_on(job).unwrap(), 6);
    });
}

#[test]
fn a_default_runtime_is_multi_threaded() {
    support::test(|| {
        let runtime = Runtime::new().unwrap();
        assert_eq!(runtime.handle().runtime_flavor(), RuntimeFlavor::MultiThread);
        let current = Builder::new_current_thread().build().unwrap();
        assert_eq!(current.handle().runtime_flavor(), RuntimeFlavor::CurrentThread);
    });
}

#[test]
fn fault_06_a_block_on_that_is_always_ready_lets_timers_fire() {
    each_flavour(|make| {
        let done = Arc::new(AtomicBool::new(false));
        let set = done.clone();
        let runtime = make();
        runtime.spawn(async move {
            sleep(Duration::from_millis(1)).await;
            set.store(true, Ordering::Relaxed);
        });
        runtime.block_on(async move {
            while !done.load(Ordering::Relaxed) {
                freewheel::task::yield_now().await;
            }
        });
    });
}
