//! Panics: in a poll, in a drop, in a payload's drop, in a waker. Each is one task's matter.

mod support;

use std::future::{Future, pending, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, RawWaker, RawWakerVTable, Wake, Waker};

use freewheel::task::yield_now;
use support::{DropCounter, Gate, current_thread, each_flavour, in_child, panic_text};

/// Panics when dropped.
struct Bomb(&'static str);

impl Drop for Bomb {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            panic!("{}", self.0);
        }
    }
}

#[test]
fn fault_17_a_panic_in_poll_is_carried_with_its_payload_and_the_worker_lives() {
    each_flavour(|make| {
        let runtime = make();
        let drops = DropCounter::new();
        for number in 0..20u32 {
            let token = drops.token();
            let task = runtime.spawn(async move {
                let _token = token;
                yield_now().await;
                panic!("number {number}");
            });
            let id = task.id();
            let error = runtime.block_on(task).map(|(): ()| ()).unwrap_err();
            assert!(error.is_panic() && !error.is_cancelled());
            assert_eq!(error.id(), id);
            assert_eq!(error.to_string(), format!("task {id} panicked with message \"number {number}\""));
            assert_eq!(panic_text(&*error.into_panic()), format!("number {number}"));
        }
        drops.assert_all_dropped(20);
        assert_eq!(runtime.block_on(runtime.spawn(async { 1 })).unwrap(), 1);
    });
}

#[test]
fn fault_17_any_payload_is_carried() {
    each_flavour(|make| {
        let runtime = make();
        let error = runtime.block_on(runtime.spawn(async { panic_any(41u64) })).map(|(): ()| ()).unwrap_err();
        assert!(error.to_string().ends_with("panicked"), "{error}");
        let payload = error.try_into_panic().unwrap();
        assert_eq!(*payload.downcast::<u64>().unwrap(), 41);

        let task = runtime.spawn(pending::<()>());
        task.abort();
        let cancelled = runtime.block_on(task).unwrap_err();
        assert!(cancelled.try_into_panic().unwrap_err().is_cancelled());
    });
}

#[test]
fn fault_17_a_panic_in_a_blocking_job_is_carried() {
    each_flavour(|make| {
        let runtime = make();
        let drops = DropCounter::new();
        let token = drops.token();
        let job = runtime.spawn_blocking(move || {
            let _token = token;
            panic!("in the pool");
        });
        let error = runtime.block_on(job).map(|(): ()| ()).unwrap_err();
        assert_eq!(panic_text(&*error.into_panic()), "in the pool");
        drops.assert_all_dropped(1);
    });
}

#[test]
fn a_cancelled_error_has_no_panic_to_give() {
    support::test(|| {
        let runtime = current_thread();
        let task = runtime.spawn(pending::<()>());
        task.abort();
        let error = runtime.block_on(task).unwrap_err();
        let text = support::must_panic(|| error.into_panic());
        assert!(text.contains("not panic") && text.contains("cancelled"), "{text}");
    });
}

#[test]
fn a_join_error_is_an_io_error_too() {
    support::test(|| {
        let runtime = current_thread();
        let task = runtime.spawn(pending::<()>());
        task.abort();
        let error: std::io::Error = runtime.block_on(task).unwrap_err().into();
        assert_eq!(error.kind(), std::io::ErrorKind::Other);
    });
}

#[test]
fn fault_18_a_panic_in_the_futures_drop_after_its_end_is_told() {
    each_flavour(|make| {
        #[allow(dead_code)] // only their drops count
        struct Ends(Bomb, support::DropToken);
        impl Future for Ends {
            type Output = ();
            fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
                Poll::Ready(())
            }
        }
        let runtime = make();
        let drops = DropCounter::new();
        let task = runtime.spawn(Ends(Bomb("a drop after the end"), drops.token()));
        let error = runtime.block_on(task).unwrap_err();
        assert_eq!(panic_text(&*error.into_panic()), "a drop after the end");
        drops.assert_all_dropped(1);
    });
}

#[test]
fn fault_18_a_panic_in_the_futures_drop_at_an_abort_is_told() {
    each_flavour(|make| {
        let runtime = make();
        let drops = DropCounter::new();
        let token = drops.token();
        let bomb = Bomb("a drop at an abort");
        let task = runtime.spawn(async move {
            let (_bomb, _token) = (bomb, token);
            pending::<()>().await;
        });
        runtime.block_on(yield_now());
        task.abort();
        let error = runtime.block_on(task).unwrap_err();
        assert!(error.is_panic());
        assert_eq!(panic_text(&*error.into_panic()), "a drop at an abort");
        drops.assert_all_dropped(1);
        assert_eq!(runtime.block_on(runtime.spawn(async { 2 })).unwrap(), 2);
    });
}

#[test]
fn fault_18_a_panic_in_a_queued_jobs_drop_stays_there() {
    support::test(|| {
        let runtime =
            freewheel::runtime::Builder::new_multi_thread().worker_threads(1).max_blocking_threads(1).build().unwrap();
        let (release, released) = std::sync::mpsc::channel::<()>();
        let (started, begun) = std::sync::mpsc::channel();
        runtime.spawn_blocking(move || {
            started.send(()).unwrap();
            let _ = released.recv();
        });
        begun.recv().unwrap();
        let bomb = Bomb("a job's drop");
        let job = runtime.spawn_blocking(move || drop(bomb));
        // On this thread: it must not come out here.
        job.abort();
        let error = runtime.block_on(job).unwrap_err();
        assert!(error.is_panic() || error.is_cancelled());
        drop(release);
        assert_eq!(runtime.block_on(runtime.spawn_blocking(|| 3)).unwrap(), 3);
    });
}

#[test]
fn fault_19_a_panic_in_the_drop_of_an_output_nobody_reads_is_swallowed() {
    each_flavour(|make| {
        let runtime = make();
        let (gate, opener) = (Gate::new(), Gate::new());
        // The handle goes first; then the task ends.
        let (wait, open) = (gate.wait(), opener.clone());
        drop(runtime.spawn(async move {
            wait.await;
            open.open();
            Bomb("an unread output")
        }));
        gate.open();
        runtime.block_on(opener.wait());
        // The task ends first; then the handle goes, here.
        let task = runtime.spawn(async { Bomb("an output whose handle goes") });
        runtime.block_on(async {
            while !task.is_finished() {
                yield_now().await;
            }
        });
        assert!(catch_unwind(AssertUnwindSafe(|| drop(task))).is_ok(), "the panic came out of the handle's drop");
        assert_eq!(runtime.block_on(runtime.spawn(async { 4 })).unwrap(), 4);
    });
}

#[test]
fn fault_20_a_payload_whose_drop_panics_is_contained() {
    let ended = in_child("fault_20_a_payload_whose_drop_panics_is_contained", || {
        each_flavour(|make| {
            let runtime = make();
            // Nobody takes the payload: dropped with the handle, and by the task itself.
            let task = runtime.spawn(async { panic_any(Bomb("a payload's drop")) });
            runtime.block_on(async {
                while !task.is_finished() {
                    yield_now().await;
                }
            });
            let _ = catch_unwind(AssertUnwindSafe(|| drop(task)));
            drop(runtime.spawn(async { panic_any(Bomb("a payload's drop")) }));
            runtime.block_on(yield_now());
            let job = runtime.spawn_blocking(|| panic_any(Bomb("a payload's drop")));
            drop(job);
            assert_eq!(runtime.block_on(runtime.spawn_blocking(|| 5)).unwrap(), 5);
            assert_eq!(runtime.block_on(runtime.spawn(async { 5 })).unwrap(), 5);
        });
    });
    // Contained, or an abort that says so; never a crash of another kind.
    use std::os::unix::process::ExitStatusExt;
    match ended.status.signal() {
        None => ended.assert_ok(),
        Some(libc::SIGABRT) => ended.assert_aborted("payload"),
        Some(signal) => panic!("the child died of signal {signal}:\n{}", ended.output),
    }
}

#[test]
fn fault_11_a_join_waker_that_panics_costs_the_task_nothing() {
    struct Panics;
    impl Wake for Panics {
        fn wake(self: Arc<Self>) {
            panic!("a waker, on purpose");
        }
    }
    each_flavour(|make| {
        let runtime = make();
        let (gate, drops) = (Gate::new(), DropCounter::new());
        let (wait, token) = (gate.wait(), drops.token());
        let mut task = Box::pin(runtime.spawn(async move {
            let _token = token;
            wait.await;
            7
        }));
        let waker = Waker::from(Arc::new(Panics));
        assert!(task.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        gate.open();
        runtime.block_on(async {
            while !task.is_finished() {
                yield_now().await;
            }
        });
        assert_eq!(runtime.block_on(task).unwrap(), 7);
        drops.assert_all_dropped(1);
        assert_eq!(runtime.block_on(runtime.spawn(async { 8 })).unwrap(), 8);
    });
}

#[test]
fn fault_11_a_timers_waker_that_panics_costs_no_other_timer() {
    struct Panics;
    impl Wake for Panics {
        fn wake(self: Arc<Self>) {
            panic!("a timer's waker, on purpose");
        }
    }
    each_flavour(|make| {
        use std::time::Duration;
        let runtime = make();
        let entered = runtime.enter();
        let waker = Waker::from(Arc::new(Panics));
        let ages = Duration::from_secs(3600);
        let mut sleeps: Vec<_> = (0..20).map(|_| Box::pin(freewheel::time::sleep(ages))).collect();
        for sleep in &mut sleeps {
            assert!(sleep.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        }
        let soon = freewheel::time::Instant::now() + Duration::from_millis(5);
        for sleep in &mut sleeps {
            sleep.as_mut().reset(soon);
        }
        drop(entered);
        let others: Vec<_> =
            (0..20).map(|_| runtime.spawn(async { freewheel::time::sleep(Duration::from_millis(5)).await })).collect();
        runtime.block_on(async {
            for other in others {
                other.await.unwrap();
            }
            // And the reactor that met the panics goes on.
            freewheel::time::sleep(Duration::from_millis(5)).await;
        });
        assert!(sleeps.iter().all(|sleep| sleep.is_elapsed()));
        drop(sleeps);
        assert_eq!(runtime.block_on(runtime.spawn(async { 9 })).unwrap(), 9);
    });
}

#[test]
fn fault_12_a_join_waker_that_re_enters_does_not_dead_lock() {
    struct ReEnters(freewheel::runtime::Handle, freewheel::task::AbortHandle, Gate);
    impl Wake for ReEnters {
        fn wake(self: Arc<Self>) {
            self.wake_by_ref();
        }
        fn wake_by_ref(self: &Arc<Self>) {
            self.1.abort();
            let gate = self.2.clone();
            self.0.spawn(async move { gate.open() });
        }
    }
    impl Drop for ReEnters {
        fn drop(&mut self) {
            self.1.abort();
            drop(self.0.spawn(async {}));
        }
    }
    each_flavour(|make| {
        let runtime = make();
        let (gate, woken) = (Gate::new(), Gate::new());
        let mut task = Box::pin(runtime.spawn(gate.wait()));
        let re_enters = ReEnters(runtime.handle().clone(), task.abort_handle(), woken.clone());
        let waker = Waker::from(Arc::new(re_enters));
        assert!(task.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        drop(waker);
        gate.open();
        runtime.block_on(woken.wait());
        runtime.block_on(task).unwrap();
    });
}

#[test]
fn fault_13_of_ever_new_wakers_only_the_last_is_woken_and_the_old_are_dropped() {
    struct Counts(support::DropToken, Arc<std::sync::atomic::AtomicUsize>);
    impl Wake for Counts {
        fn wake(self: Arc<Self>) {
            let _ = &self.0;
            self.1.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        }
    }
    each_flavour(|make| {
        use std::sync::atomic::{AtomicUsize, Ordering};
        let runtime = make();
        let (gate, drops) = (Gate::new(), DropCounter::new());
        let mut task = Box::pin(runtime.spawn(gate.wait()));
        let wakes: Vec<_> = (0..100).map(|_| Arc::new(AtomicUsize::new(0))).collect();
        for counter in &wakes {
            let waker = Waker::from(Arc::new(Counts(drops.token(), counter.clone())));
            assert!(task.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        }
        assert_eq!(drops.dropped(), 99);
        gate.open();
        runtime.block_on(async {
            while !task.is_finished() {
                yield_now().await;
            }
        });
        support::eventually(|| wakes[99].load(Ordering::Relaxed) == 1);
        assert!(wakes[..99].iter().all(|counter| counter.load(Ordering::Relaxed) == 0));
        runtime.block_on(task).unwrap();
        drops.assert_all_dropped(100);
    });
}

#[test]
fn fault_11_a_join_waker_whose_clone_panics_leaves_the_handle_whole() {
    const TABLE: RawWakerVTable = RawWakerVTable::new(|_| panic!("a clone, on purpose"), |_| {}, |_| {}, |_| {});
    each_flavour(|make| {
        let runtime = make();
        let gate = Gate::new();
        let mut task = Box::pin(runtime.spawn(gate.wait()));
        // SAFETY: the table never reads its pointer.
        let waker = unsafe { Waker::from_raw(RawWaker::new(std::ptr::null(), &TABLE)) };
        let poll = catch_unwind(AssertUnwindSafe(|| task.as_mut().poll(&mut Context::from_waker(&waker))));
        assert!(poll.is_err(), "the clone's panic is the caller's");
        gate.open();
        runtime.block_on(task).unwrap();
    });
}

#[test]
fn a_panic_in_poll_while_its_local_drops_panic_too_aborts_or_is_told() {
    // A second panic while the first unwinds aborts: that is Rust's own rule. One after it does not.
    each_flavour(|make| {
        let runtime = make();
        let mut polls = 0;
        let bomb = Bomb("the drop of a future that had panicked");
        let task = runtime.spawn(poll_fn(move |_| {
            let _ = &bomb;
            polls += 1;
            if polls == 1 { panic!("the first of two") } else { Poll::Ready(()) }
        }));
        let error = runtime.block_on(task).unwrap_err();
        assert_eq!(panic_text(&*error.into_panic()), "the first of two");
        assert_eq!(runtime.block_on(runtime.spawn(async { 6 })).unwrap(), 6);
    });
}
