//! Abort: in every state of a task, from anywhere, any number of times.

mod support;

use std::future::{pending, poll_fn};
use std::sync::{Arc, Barrier, mpsc};
use std::task::Poll;
use std::time::Duration;

use freewheel::runtime::Builder;
use freewheel::task::yield_now;
use freewheel::time::sleep;
use support::{DropCounter, Gate, current_thread, each_flavour, eventually, multi_thread};

#[test]
fn before_its_first_poll_a_task_never_runs() {
    support::test(|| {
        let runtime = current_thread();
        let drops = DropCounter::new();
        let token = drops.token();
        let task = runtime.spawn(async move {
            drop(token);
            unreachable!("an aborted task ran");
        });
        task.abort();
        assert!(runtime.block_on(task).unwrap_err().is_cancelled());
        drops.assert_all_dropped(1);
    });
}

#[test]
fn idle_it_is_dropped_at_its_await() {
    each_flavour(|make| {
        let runtime = make();
        let (drops, gate) = (DropCounter::new(), Gate::new());
        let (token, wait) = (drops.token(), gate.wait());
        let task = runtime.spawn(async move {
            let _token = token;
            wait.await;
            unreachable!("an aborted task went on");
        });
        let id = task.id();
        runtime.block_on(async {
            while gate.waits() == 0 {
                yield_now().await;
            }
        });
        task.abort();
        let error = runtime.block_on(task).unwrap_err();
        assert!(error.is_cancelled() && !error.is_panic());
        assert_eq!(error.id(), id);
        assert_eq!(error.to_string(), format!("task {id} was cancelled"));
        // Its handle resolved, so its drop has been.
        drops.assert_all_dropped(1);
        gate.open();
    });
}

#[test]
fn asleep_it_is_dropped_long_before_its_deadline() {
    each_flavour(|make| {
        let runtime = make();
        let task = runtime.spawn(async { sleep(Duration::from_secs(3600)).await });
        runtime.block_on(yield_now());
        task.abort();
        assert!(runtime.block_on(task).unwrap_err().is_cancelled());
    });
}

#[test]
fn woken_but_not_yet_run_it_does_not_go_on() {
    support::test(|| {
        let runtime = current_thread();
        let gate = Gate::new();
        let wait = gate.wait();
        let task = runtime.spawn(async move {
            wait.await;
            unreachable!("an aborted task went on");
        });
        runtime.block_on(yield_now());
        gate.open();
        task.abort();
        assert!(runtime.block_on(task).unwrap_err().is_cancelled());
    });
}

#[test]
fn running_it_ends_at_its_next_await() {
    support::test(|| {
        let runtime = multi_thread(1);
        let drops = DropCounter::new();
        let token = drops.token();
        let (started, begun) = mpsc::channel();
        let (release, released) = mpsc::channel::<()>();
        let task = runtime.spawn(async move {
            let _token = token;
            started.send(()).unwrap();
            let _ = released.recv();
            yield_now().await;
            unreachable!("an aborted task went on");
        });
        begun.recv().unwrap();
        task.abort();
        assert!(!task.is_finished());
        assert_eq!(drops.dropped(), 0, "dropped while it ran");
        drop(release);
        assert!(current_thread().block_on(task).unwrap_err().is_cancelled());
        drops.assert_all_dropped(1);
    });
}

#[test]
fn running_its_last_poll_it_keeps_its_value_or_is_cancelled() {
    support::test(|| {
        let runtime = multi_thread(1);
        let drops = DropCounter::new();
        let token = drops.token();
        let (started, begun) = mpsc::channel();
        let (release, released) = mpsc::channel::<()>();
        let task = runtime.spawn(async move {
            started.send(()).unwrap();
            let _ = released.recv();
            token
        });
        begun.recv().unwrap();
        task.abort();
        drop(release);
        drop(current_thread().block_on(task));
        drops.assert_all_dropped(1);
    });
}

#[test]
fn fault_22_ended_it_stays_ended() {
    each_flavour(|make| {
        let runtime = make();
        let task = runtime.spawn(async { 8 });
        let abort = task.abort_handle();
        runtime.block_on(async {
            while !task.is_finished() {
                yield_now().await;
            }
        });
        task.abort();
        abort.abort();
        assert_eq!(runtime.block_on(task).unwrap(), 8);
        abort.abort();
        assert!(abort.is_finished());
    });
}

#[test]
fn fault_22_twice_and_from_foreign_threads_is_once() {
    each_flavour(|make| {
        let runtime = make();
        let drops = DropCounter::new();
        let token = drops.token();
        let task = runtime.spawn(async move {
            let _token = token;
            pending::<()>().await;
        });
        let go = Arc::new(Barrier::new(4));
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let (abort, go) = (task.abort_handle(), go.clone());
                std::thread::spawn(move || {
                    go.wait();
                    abort.abort();
                    abort.abort();
                })
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert!(runtime.block_on(task).unwrap_err().is_cancelled());
        drops.assert_all_dropped(1);
    });
}

#[test]
fn a_task_aborts_itself_at_its_next_await() {
    each_flavour(|make| {
        let runtime = make();
        let (give, take) = mpsc::channel::<freewheel::task::AbortHandle>();
        let task = runtime.spawn(async move {
            let own = loop {
                match take.try_recv() {
                    Ok(own) => break own,
                    Err(_) => yield_now().await,
                }
            };
            own.abort();
            yield_now().await;
            unreachable!("an aborted task went on");
        });
        give.send(task.abort_handle()).unwrap();
        assert!(runtime.block_on(task).unwrap_err().is_cancelled());
    });
}

#[test]
fn the_abort_handle_alone_suffices() {
    each_flavour(|make| {
        let runtime = make();
        let drops = DropCounter::new();
        let token = drops.token();
        let abort = runtime
            .spawn(async move {
                let _token = token;
                pending::<()>().await;
            })
            .abort_handle();
        let twin = abort.clone();
        runtime.block_on(yield_now());
        abort.abort();
        runtime.block_on(async {
            while drops.alive() > 0 {
                yield_now().await;
            }
        });
        eventually(|| twin.is_finished());
    });
}

#[test]
fn fault_21_abort_against_the_end_gives_exactly_one_outcome() {
    support::test(|| {
        let runtime = multi_thread(2);
        let (mut values, mut cancelled) = (0, 0);
        for round in 0..2_000 {
            let drops = DropCounter::new();
            let (token, output) = (drops.token(), drops.token());
            let task = runtime.spawn(async move {
                let _token = token;
                for _ in 0..round % 4 {
                    yield_now().await;
                }
                output
            });
            for _ in 0..round % 7 {
                std::thread::yield_now();
            }
            task.abort();
            match runtime.block_on(task) {
                Ok(output) => {
                    assert_eq!(drops.alive(), 1);
                    drop(output);
                    values += 1;
                }
                Err(error) => {
                    assert!(error.is_cancelled());
                    cancelled += 1;
                }
            }
            eventually(|| drops.alive() == 0);
            drops.assert_all_dropped(2);
        }
        assert_eq!(values + cancelled, 2_000);
    });
}

#[test]
fn an_abort_wakes_who_waits_for_the_task() {
    each_flavour(|make| {
        let runtime = make();
        let task = runtime.spawn(pending::<()>());
        let abort = task.abort_handle();
        let waiting = runtime.spawn(task);
        runtime.block_on(yield_now());
        std::thread::spawn(move || abort.abort()).join().unwrap();
        assert!(runtime.block_on(waiting).unwrap().unwrap_err().is_cancelled());
    });
}

#[test]
fn a_blocking_job_that_has_not_started_is_dropped_at_once() {
    support::test(|| {
        let runtime = Builder::new_multi_thread().worker_threads(1).max_blocking_threads(1).build().unwrap();
        let (started, begun) = mpsc::channel();
        let (release, released) = mpsc::channel::<()>();
        let running = runtime.spawn_blocking(move || {
            started.send(()).unwrap();
            let _ = released.recv();
            1
        });
        begun.recv().unwrap();
        let drops = DropCounter::new();
        let token = drops.token();
        let queued = runtime.spawn_blocking(move || drop(token));
        queued.abort();
        // Here and now, while the only thread is still busy.
        drops.assert_all_dropped(1);
        assert!(runtime.block_on(queued).unwrap_err().is_cancelled());
        running.abort();
        drop(release);
        // One that runs cannot be stopped: it gives its value.
        assert_eq!(runtime.block_on(running).unwrap(), 1);
    });
}

#[test]
fn an_abort_while_another_thread_polls_waits_for_nobody() {
    support::test(|| {
        let runtime = multi_thread(2);
        let (started, begun) = mpsc::channel();
        let (release, released) = mpsc::channel::<()>();
        let task = runtime.spawn(async move {
            started.send(()).unwrap();
            let _ = released.recv();
            pending::<()>().await;
        });
        begun.recv().unwrap();
        // From the runtime's other worker: it must come back although the task still runs.
        let abort = task.abort_handle();
        runtime.block_on(runtime.spawn(async move { abort.abort() })).unwrap();
        drop(release);
        assert!(runtime.block_on(task).unwrap_err().is_cancelled());
    });
}

#[test]
fn fault_11_an_abort_whose_drop_wakes_aborts_and_spawns_does_not_dead_lock() {
    each_flavour(|make| {
        struct Meddles(freewheel::task::AbortHandle, Gate);
        impl Drop for Meddles {
            fn drop(&mut self) {
                self.0.abort();
                self.1.open();
                freewheel::spawn(async {});
            }
        }
        let runtime = make();
        let gate = Gate::new();
        let (first, waits) = (runtime.spawn(pending::<()>()), gate.wait());
        let meddles = Meddles(first.abort_handle(), gate.clone());
        let second = runtime.spawn(async move {
            let _meddles = meddles;
            pending::<()>().await;
        });
        runtime.block_on(yield_now());
        second.abort();
        runtime.block_on(async move {
            assert!(second.await.unwrap_err().is_cancelled());
            assert!(first.await.unwrap_err().is_cancelled());
            waits.await;
        });
    });
}

#[test]
fn a_task_woken_and_aborted_at_the_same_time_ends_once() {
    support::test(|| {
        let runtime = multi_thread(2);
        for _ in 0..500 {
            let (drops, gate) = (DropCounter::new(), Gate::new());
            let (token, wait) = (drops.token(), gate.wait());
            let task = runtime.spawn(async move {
                let _token = token;
                wait.await;
            });
            let (abort, opener) = (task.abort_handle(), gate.clone());
            let go = Arc::new(Barrier::new(2));
            let start = go.clone();
            let thread = std::thread::spawn(move || {
                start.wait();
                abort.abort();
            });
            go.wait();
            opener.open();
            let _ = runtime.block_on(task);
            thread.join().unwrap();
            drops.assert_all_dropped(1);
        }
    });
}

#[test]
fn an_aborted_future_that_is_never_ready_is_polled_no_more() {
    each_flavour(|make| {
        let runtime = make();
        let polls = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let count = polls.clone();
        let task = runtime.spawn(poll_fn(move |_| {
            count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            Poll::<()>::Pending
        }));
        runtime.block_on(async {
            while polls.load(std::sync::atomic::Ordering::Relaxed) == 0 {
                yield_now().await;
            }
        });
        task.abort();
        assert!(runtime.block_on(task).unwrap_err().is_cancelled());
        assert_eq!(polls.load(std::sync::atomic::Ordering::Relaxed), 1);
    });
}
