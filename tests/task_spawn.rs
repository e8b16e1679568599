//! Tasks as they should be: spawned from anywhere, by the hundred thousand, named, numbered, yielding.

mod support;

use std::collections::HashSet;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use freewheel::task::{self, yield_now};
use support::{CountingWaker, DropCounter, Gate, each_flavour, eventually, must_panic, must_panic_at};

#[test]
fn tasks_spawn_tasks() {
    each_flavour(|make| {
        let runtime = make();
        let sum = runtime.block_on(async {
            let outer = freewheel::spawn(async {
                let inner = freewheel::spawn(async { freewheel::spawn(async { 1 }).await.unwrap() + 1 });
                inner.await.unwrap() + 1
            });
            outer.await.unwrap() + 1
        });
        assert_eq!(sum, 4);
    });
}

#[test]
fn a_hundred_thousand_tasks_from_within() {
    each_flavour(|make| {
        let runtime = make();
        let (count, drops) = (Arc::new(AtomicUsize::new(0)), DropCounter::new());
        let (counter, tokens) = (count.clone(), drops.clone());
        runtime.block_on(async move {
            let tasks: Vec<_> = (0..100_000)
                .map(|_| {
                    let (counter, token) = (counter.clone(), tokens.token());
                    freewheel::spawn(async move {
                        yield_now().await;
                        counter.fetch_add(1, Ordering::Relaxed);
                        drop(token);
                    })
                })
                .collect();
            for task in tasks {
                task.await.unwrap();
            }
        });
        assert_eq!(count.load(Ordering::Relaxed), 100_000);
        drops.assert_all_dropped(100_000);
    });
}

#[test]
fn a_hundred_thousand_tasks_from_several_threads() {
    support::test(|| {
        let runtime = support::multi_thread(4);
        let count = Arc::new(AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..25_000 {
                        let count = count.clone();
                        runtime.spawn(async move { count.fetch_add(1, Ordering::Relaxed) });
                    }
                });
            }
        });
        eventually(|| count.load(Ordering::Relaxed) == 100_000);
    });
}

#[test]
fn a_hundred_thousand_waiting_tasks_are_all_woken() {
    each_flavour(|make| {
        let runtime = make();
        let gate = Gate::new();
        let tasks: Vec<_> = (0..100_000).map(|_| runtime.spawn(gate.wait())).collect();
        let (opener, all) = (gate.clone(), 100_000);
        let thread = std::thread::spawn(move || {
            eventually(|| opener.waits() >= all);
            opener.open();
        });
        runtime.block_on(async {
            for task in tasks {
                task.await.unwrap();
            }
        });
        thread.join().unwrap();
    });
}

#[test]
fn fault_15_a_long_chain_of_join_handles_overflows_no_stack() {
    each_flavour(|make| {
        let runtime = make();
        let length = runtime.block_on(async {
            let mut last = freewheel::spawn(async { 0usize });
            for _ in 0..100_000 {
                let before = last;
                last = freewheel::spawn(async move { before.await.unwrap() + 1 });
            }
            last.await.unwrap()
        });
        assert_eq!(length, 100_000);
    });
}

#[test]
fn fault_15_a_long_chain_that_waits_is_dropped_without_overflow() {
    each_flavour(|make| {
        let runtime = make();
        let drops = DropCounter::new();
        let mut last = runtime.spawn(std::future::pending::<()>());
        for _ in 0..100_000 {
            let (before, token) = (last, drops.token());
            last = runtime.spawn(async move {
                let _token = token;
                let _ = before.await;
            });
        }
        runtime.block_on(yield_now());
        drop(last);
        drop(runtime);
        drops.assert_all_dropped(100_000);
    });
}

#[test]
#[allow(clippy::async_yields_async)] // the handles are the point
fn fault_15_tasks_whose_outputs_hold_tasks_are_dropped_without_overflow() {
    each_flavour(|make| {
        let runtime = make();
        // Each output owns the handle of the one before: dropping the last drops all.
        struct Link(#[allow(dead_code)] Option<task::JoinHandle<Link>>);
        let last = runtime.block_on(async {
            let mut last = freewheel::spawn(async { Link(None) });
            for _ in 0..1_000 {
                last = freewheel::spawn(async move { Link(Some(last)) });
            }
            while !last.is_finished() {
                yield_now().await;
            }
            last
        });
        drop(last);
    });
}

#[test]
fn a_detached_task_goes_on() {
    each_flavour(|make| {
        let runtime = make();
        let gate = Gate::new();
        let opener = gate.clone();
        drop(runtime.spawn(async move {
            yield_now().await;
            opener.open();
        }));
        runtime.block_on(gate.wait());
    });
}

#[test]
fn an_output_nobody_reads_is_dropped_once() {
    each_flavour(|make| {
        let runtime = make();
        let drops = DropCounter::new();
        let (early, late) = (drops.token(), drops.token());
        // Dropped before the end, and after it.
        drop(runtime.spawn(async move { early }));
        let task = runtime.spawn(async move { late });
        runtime.block_on(async {
            while !task.is_finished() || drops.dropped() == 0 {
                yield_now().await;
            }
        });
        drop(task);
        drops.assert_all_dropped(2);
    });
}

#[test]
fn an_output_taken_is_the_takers() {
    each_flavour(|make| {
        let runtime = make();
        let drops = DropCounter::new();
        let token = drops.token();
        let token = runtime.block_on(runtime.spawn(async move { token })).unwrap();
        assert_eq!(drops.dropped(), 0);
        drop(token);
        drops.assert_all_dropped(1);
    });
}

#[test]
fn the_future_is_dropped_before_its_handle_resolves() {
    each_flavour(|make| {
        let runtime = make();
        for _ in 0..100 {
            let drops = DropCounter::new();
            let token = drops.token();
            let task = runtime.spawn(async move {
                let _token = token;
                yield_now().await;
            });
            runtime.block_on(task).unwrap();
            assert_eq!(drops.dropped(), 1);
        }
    });
}

#[test]
fn is_finished_tells() {
    each_flavour(|make| {
        let runtime = make();
        let gate = Gate::new();
        let task = runtime.spawn(gate.wait());
        assert!(!task.is_finished() && !task.abort_handle().is_finished());
        gate.open();
        runtime.block_on(async {
            while !task.is_finished() {
                yield_now().await;
            }
        });
        assert!(task.abort_handle().is_finished());
        runtime.block_on(task).unwrap();
    });
}

#[test]
fn fault_23_a_join_handle_polled_after_its_end_panics_clearly() {
    each_flavour(|make| {
        let runtime = make();
        let mut task = runtime.spawn(async { 1 });
        assert_eq!(runtime.block_on(&mut task).unwrap(), 1);
        let text = must_panic(|| runtime.block_on(&mut task));
        assert!(text.contains("JoinHandle polled after completion"), "{text}");
    });
}

#[test]
fn ids_are_unique_and_the_tasks_own() {
    each_flavour(|make| {
        let runtime = make();
        let mut seen = HashSet::new();
        for _ in 0..1000 {
            let spawned = runtime.spawn(async { task::id() });
            let (id, abort) = (spawned.id(), spawned.abort_handle());
            assert_eq!(abort.id(), id);
            assert_eq!(runtime.block_on(spawned).unwrap(), id);
            assert!(seen.insert(id));
            assert!(id.to_string().parse::<u64>().is_ok_and(|number| number > 0));
        }
    });
}

#[test]
fn there_is_no_id_outside_a_task() {
    support::test(|| {
        assert_eq!(task::try_id(), None);
        let line = line!() + 1;
        let (text, place) = must_panic_at(task::id);
        assert!(text.contains("Can't get a task id when not inside a task") || text.contains("task"), "{text}");
        assert!(place.ends_with(&format!(":{line}")) || place.contains("function.rs"), "{place}");
    });
}

#[test]
fn the_id_is_there_while_the_future_is_dropped() {
    each_flavour(|make| {
        struct Notes(Arc<Mutex<Option<task::Id>>>);
        impl Drop for Notes {
            fn drop(&mut self) {
                *self.0.lock().unwrap() = task::try_id();
            }
        }
        let runtime = make();
        let seen = Arc::new(Mutex::new(None));
        let notes = Notes(seen.clone());
        let finished = runtime.spawn(async move { drop(notes) });
        let id = finished.id();
        runtime.block_on(finished).unwrap();
        assert_eq!(*seen.lock().unwrap(), Some(id));

        let notes = Notes(seen.clone());
        let aborted = runtime.spawn(async move {
            let _notes = notes;
            std::future::pending::<()>().await;
        });
        let id = aborted.id();
        runtime.block_on(yield_now());
        aborted.abort();
        runtime.block_on(aborted).unwrap_err();
        assert_eq!(*seen.lock().unwrap(), Some(id));
    });
}

#[test]
fn a_builder_names_its_task() {
    each_flavour(|make| {
        let runtime = make();
        let spawn = || task::Builder::new().name("the mill").spawn(async { 3 }).unwrap();
        assert_eq!(runtime.block_on(async { spawn().await.unwrap() }), 3);
        let on = task::Builder::new().name("elsewhere").spawn_on(async { 4 }, runtime.handle()).unwrap();
        assert_eq!(runtime.block_on(on).unwrap(), 4);
    });
}

#[test]
fn on_current_thread_tasks_run_in_the_order_of_their_spawning_and_yield_in_turns() {
    support::test(|| {
        let runtime = support::current_thread();
        let order = Arc::new(Mutex::new(Vec::new()));
        let note = |number| {
            let order = order.clone();
            async move {
                for _ in 0..3 {
                    order.lock().unwrap().push(number);
                    yield_now().await;
                }
            }
        };
        runtime.block_on(async {
            let tasks: Vec<_> = (0..4).map(|number| freewheel::spawn(note(number))).collect();
            for task in tasks {
                task.await.unwrap();
            }
        });
        assert_eq!(*order.lock().unwrap(), [0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3]);
    });
}

#[test]
fn yield_now_outside_a_runtime_wakes_at_once() {
    let waker = CountingWaker::new();
    let mut yielding = Box::pin(yield_now());
    let waking = waker.waker();
    let mut cx = std::task::Context::from_waker(&waking);
    assert!(yielding.as_mut().poll(&mut cx).is_pending());
    assert_eq!(waker.wakes(), 1);
    assert!(yielding.as_mut().poll(&mut cx).is_ready());
}

#[test]
fn fault_02_a_task_woken_while_it_runs_is_polled_again_once() {
    each_flavour(|make| {
        let runtime = make();
        let polls = Arc::new(AtomicUsize::new(0));
        let count = polls.clone();
        let task = runtime.spawn(poll_fn(move |cx| {
            if count.fetch_add(1, Ordering::Relaxed) == 1 {
                return Poll::Ready(());
            }
            // Many wakes are one poll.
            (0..10).for_each(|_| cx.waker().wake_by_ref());
            let own = cx.waker().clone();
            std::thread::scope(|scope| drop(scope.spawn(|| own.wake())));
            Poll::Pending
        }));
        runtime.block_on(task).unwrap();
        assert_eq!(polls.load(Ordering::Relaxed), 2);
    });
}

#[test]
fn a_wake_after_the_end_is_none() {
    each_flavour(|make| {
        let runtime = make();
        let kept = Arc::new(Mutex::new(None));
        let keep = kept.clone();
        let task = runtime.spawn(poll_fn(move |cx| {
            *keep.lock().unwrap() = Some(cx.waker().clone());
            Poll::Ready(5)
        }));
        assert_eq!(runtime.block_on(task).unwrap(), 5);
        let waker = kept.lock().unwrap().take().unwrap();
        waker.wake_by_ref();
        assert!(waker.will_wake(&waker.clone()));
        waker.wake();
        runtime.block_on(yield_now());
    });
}

#[test]
fn boxed_futures_and_large_outputs_run() {
    each_flavour(|make| {
        let runtime = make();
        let boxed: Pin<Box<dyn Future<Output = [u8; 20_000]> + Send>> = Box::pin(async { [3; 20_000] });
        assert_eq!(runtime.block_on(runtime.spawn(boxed)).unwrap()[19_999], 3);
        #[repr(align(256))]
        #[derive(Clone, Copy)]
        struct Aligned(u8);
        let aligned = Aligned(8);
        let task = runtime.spawn(async move {
            let local = aligned;
            yield_now().await;
            assert_eq!(std::ptr::from_ref(&local) as usize % 256, 0);
            local
        });
        assert_eq!(runtime.block_on(task).unwrap().0, 8);
        assert_eq!(runtime.block_on(runtime.spawn(async {})).unwrap(), ());
    });
}

#[test]
fn a_join_handle_may_be_awaited_from_another_runtime() {
    each_flavour(|make| {
        let (first, second) = (make(), support::multi_thread(1));
        let task = second.spawn(async {
            freewheel::time::sleep(Duration::from_millis(1)).await;
            6
        });
        assert_eq!(first.block_on(async move { freewheel::spawn(task).await.unwrap().unwrap() }), 6);
    });
}
