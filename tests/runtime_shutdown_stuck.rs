//! The end of a runtime whose workers are stuck in what only the end itself can end.

mod support;

use std::future::pending;
use std::sync::mpsc;
use std::time::Duration;

use freewheel::runtime::{Builder, Handle, Runtime};
use freewheel::time::sleep;
use support::test;

/// Its end waits for ever: whoever is not helped out hangs, until the watchdog comes.
fn patient(change: impl FnOnce(&mut Builder)) -> Runtime {
    let mut builder = Builder::new_multi_thread();
    builder.shutdown_grace(Duration::MAX).worker_threads(1);
    change(&mut builder);
    builder.build().unwrap()
}

/// A task that blocks its thread until another task is dropped; returns when it is about to.
fn block_on_a_drop(runtime: &Runtime) {
    let (held, released) = mpsc::channel::<()>();
    let (about_to, begun) = mpsc::channel();
    runtime.spawn(async move {
        let _held = held;
        pending::<()>().await;
    });
    runtime.spawn(async move {
        about_to.send(()).unwrap();
        released.recv().unwrap_err();
    });
    begun.recv().unwrap();
}

#[test]
fn the_only_worker_waits_for_what_another_task_drops() {
    test(|| {
        // Within the first millisecond, before there is a spare; so most often, and on no round may it hang.
        for _ in 0..20 {
            let runtime = patient(|_| ());
            block_on_a_drop(&runtime);
            drop(runtime);
        }
    });
}

#[test]
fn every_thread_there_may_be_waits_for_what_another_task_drops() {
    test(|| {
        let runtime = patient(|builder| _ = builder.max_threads(2));
        block_on_a_drop(&runtime);
        // Taken over by the second thread, which is the last.
        block_on_a_drop(&runtime);
        drop(runtime);
    });
}

#[test]
fn a_nested_block_on_waits_for_a_timer() {
    for workers in [1, 4] {
        test(|| {
            let runtime = patient(|builder| _ = builder.worker_threads(workers));
            let (about_to, begun) = mpsc::channel();
            let (done, outcome) = mpsc::channel();
            runtime.spawn(async move {
                Handle::current().block_on(async move {
                    about_to.send(()).unwrap();
                    sleep(Duration::from_millis(20)).await;
                });
                done.send(()).unwrap();
            });
            begun.recv().unwrap();
            drop(runtime);
            outcome.recv().expect("it came to its end");
        });
    }
}
