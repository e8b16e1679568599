//! `task::scope`: tasks that borrow, and a scope that nobody leaves before they end.

mod support;

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use freewheel::runtime::{Builder, Runtime};
use freewheel::{task, time};
use support::{DropCounter, must_panic, test};

fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).build().unwrap()
}

#[test]
fn tasks_borrow_and_mutate_what_the_caller_owns() {
    test(|| {
        let mut numbers = [1, 2, 3, 4];
        let _entered = runtime();
        let runtime = _entered;
        let _guard = runtime.enter();
        let sum: i32 = task::scope(|scope| {
            let (left, right) = numbers.split_at_mut(2);
            let halves = [left, right].map(|half| {
                scope.spawn(async move {
                    task::yield_now().await;
                    half.iter_mut().for_each(|n| *n *= 10);
                    half.iter().sum::<i32>()
                })
            });
            halves.into_iter().map(|half| scope.block_on(half).unwrap()).sum()
        });
        assert_eq!((sum, numbers), (100, [10, 20, 30, 40]));
    });
}

#[test]
fn a_scope_waits_for_tasks_whose_handles_were_dropped_also_when_it_panics() {
    test(|| {
        let (runtime, drops) = (runtime(), DropCounter::new());
        let _guard = runtime.enter();
        let begin = |panics: bool| {
            let drops = &drops;
            task::scope(|scope| {
                for _ in 0..10 {
                    let token = drops.token();
                    scope.spawn(async move {
                        time::sleep(Duration::from_millis(5)).await;
                        drop(token);
                    });
                }
                assert!(!panics, "on purpose");
            });
        };
        begin(false);
        drops.assert_all_dropped(10);
        assert!(catch_unwind(AssertUnwindSafe(|| begin(true))).is_err());
        drops.assert_all_dropped(20);
    });
}

#[test]
fn scopes_in_tasks_block_every_worker_and_still_end() {
    test(|| {
        let runtime = runtime();
        let tasks: Vec<_> = (0..6u64)
            .map(|n| {
                runtime.spawn(async move {
                    let factor = n;
                    let product = task::scope(|scope| {
                        let inner = scope.spawn(async {
                            task::yield_now().await;
                            2 * factor
                        });
                        scope.block_on(inner).unwrap()
                    });
                    product + factor
                })
            })
            .collect();
        runtime.block_on(async {
            for (n, task) in tasks.into_iter().enumerate() {
                assert_eq!(task.await.unwrap(), 3 * n as u64);
            }
        });
    });
}

#[test]
fn a_panic_or_an_abort_of_a_scoped_task_reaches_its_handle_alone() {
    test(|| {
        let runtime = runtime();
        let _guard = runtime.enter();
        task::scope(|scope| {
            let panics = scope.spawn(async { panic!("on purpose") });
            assert!(scope.block_on(panics).unwrap_err().is_panic());
            let aborted = scope.spawn(std::future::pending::<()>());
            aborted.abort();
            assert!(scope.block_on(aborted).unwrap_err().is_cancelled());
        });
    });
}

#[test]
fn a_runtime_that_shuts_down_ends_the_tasks_and_so_the_scope() {
    test(|| {
        let (mine, other) = (runtime(), Cell::new(Some(runtime())));
        let handle = other.take().map(|other| {
            let handle = other.handle().clone();
            other.shutdown_timeout(Duration::from_millis(50));
            handle
        });
        let _guard = handle.as_ref().unwrap().enter();
        task::scope(|scope| {
            let refused = scope.spawn(async { 1 });
            assert!(mine.block_on(refused).unwrap_err().is_cancelled());
        });
    });
}

#[test]
fn a_current_thread_runtime_is_refused_with_the_reason() {
    let runtime = Builder::new_current_thread().build().unwrap();
    let _guard = runtime.enter();
    assert!(must_panic(|| task::scope(|_| ())).contains("multi_thread"));
}
