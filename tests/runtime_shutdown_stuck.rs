//! The end of a runtime whose workers are stuck in what only the end itself can end.

mod support;

use std::future::pending;
use std::sync::mpsc;
use std::time::Duration;

use freewheel::runtime::{Builder, Handle, Runtime};
use freewheel::time::sleep;
use support::{in_child, multi_thread, test};

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

/// Held by a task, its drop waits until that of the next one has ended.
struct Link {
    next: mpsc::Receiver<()>,
    // Dropped last.
    _ended: Option<mpsc::Sender<()>>,
}

impl Drop for Link {
    fn drop(&mut self) {
        self.next.recv().unwrap_err();
    }
}

/// Spawns so many tasks, of which each but the last waits in its destructor for that of the one spawned after it.
fn chain(runtime: &Runtime, length: usize) {
    let mut before = None;
    for _ in 0..length {
        let (ended, next) = mpsc::channel();
        let link = Link { next, _ended: before.replace(ended) };
        runtime.spawn(async move {
            let _link = link;
            pending::<()>().await;
        });
    }
}

#[test]
fn a_destructor_waits_for_that_of_a_task_that_was_left_to_its_own_thread() {
    for workers in [1, 2] {
        test(|| {
            let runtime = patient(|builder| _ = builder.worker_threads(workers));
            // Both by this thread, so whoever cancels the first has taken the second upon himself.
            chain(&runtime, 2);
            drop(runtime);
        });
    }
}

#[test]
fn more_destructors_wait_for_each_other_than_there_may_be_threads() {
    test(|| {
        let runtime = patient(|builder| _ = builder.max_threads(2));
        chain(&runtime, 40);
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

/// Ends a runtime in a child while a task runs that does not come back; what was said.
fn said_at_the_end(test: &str, end: fn(Runtime)) -> String {
    let ended = in_child(test, || {
        let runtime = multi_thread(1);
        let (started, begun) = mpsc::channel();
        let task = freewheel::task::Builder::new().name("sticky").spawn_on(
            async move {
                started.send(()).unwrap();
                loop {
                    std::thread::park();
                }
            },
            runtime.handle(),
        );
        drop(task.unwrap());
        begun.recv().unwrap();
        end(runtime);
    });
    ended.assert_ok();
    ended.output
}

#[test]
fn fault_31_a_timeout_of_zero_names_what_runs() {
    let name = "fault_31_a_timeout_of_zero_names_what_runs";
    let said = said_at_the_end(name, |runtime| runtime.shutdown_timeout(Duration::ZERO));
    assert!(said.contains("without waiting for task \"sticky\" "), "{said}");
}

#[test]
fn fault_31_an_end_in_the_background_names_nobody() {
    let said = said_at_the_end("fault_31_an_end_in_the_background_names_nobody", Runtime::shutdown_background);
    assert!(!said.contains("without waiting"), "{said}");
}
