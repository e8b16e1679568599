//! How a task ends: its output, its panics, its aborts, and what is dropped when.

use super::*;

#[test]
fn a_task_gives_its_output_once_and_everything_is_freed() {
    let (list, alive) = (List::new(), Alive::new());
    let token = alive.token();
    let mut handle = list.spawn(async move { token });
    assert!(poll(&mut handle).is_pending());
    assert!(!handle.is_finished());
    assert_eq!((list.run(), list.registry.len()), (1, 0));
    assert!(handle.is_finished());
    let token = outcome(&mut handle).unwrap();
    assert_eq!(alive.count(), 1);
    assert!(catch_unwind(AssertUnwindSafe(|| poll(&mut handle))).is_err(), "ready twice");
    drop((token, handle));
    assert_eq!((alive.count(), Arc::strong_count(&list)), (0, 1));
}

#[test]
fn a_task_costs_its_future_and_about_64_bytes() {
    type Scheduler = Arc<List>;
    assert!(size_of::<cell::Cell<std::future::Ready<()>, Scheduler>>() <= 80);
    assert!(size_of::<cell::Cell<std::future::Pending<()>, Scheduler>>() <= 80);
    assert_eq!(
        size_of::<cell::Cell<Sized100, Scheduler>>(),
        size_of::<cell::Cell<std::future::Pending<()>, Scheduler>>() + 96
    );

    struct Sized100([u64; 13]);
    impl Future for Sized100 {
        type Output = u64;
        fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<u64> {
            Poll::Ready(self.0[0])
        }
    }
}

#[test]
fn fault_17_a_panic_in_poll_reaches_the_handle_with_the_task_s_id() {
    let (list, alive) = (List::new(), Alive::new());
    let token = alive.token();
    let mut handle = list.spawn(async move {
        let _token = token;
        panic!("boom");
    });
    list.run();
    assert_eq!(alive.count(), 0);
    let error = outcome::<()>(&mut handle).unwrap_err();
    assert!(error.is_panic() && !error.is_cancelled());
    assert_eq!(error.id(), handle.id());
    assert_eq!(error.to_string(), format!("task {} panicked with message \"boom\"", handle.id()));
    assert_eq!(message(error), "boom");
}

#[test]
fn fault_18_a_panic_in_the_future_s_drop_reaches_the_handle() {
    let list = List::new();
    // At its normal end, aborted, and shut down.
    let mut ended = list.spawn(with_bomb(true));
    list.run();
    assert_eq!(message(outcome(&mut ended).unwrap_err()), "bomb");
    let mut aborted = list.spawn(with_bomb(false));
    list.run();
    aborted.abort();
    list.run();
    assert_eq!(message(outcome(&mut aborted).unwrap_err()), "bomb");
    let mut idle = list.spawn(with_bomb(false));
    list.run();
    let mut queued = list.spawn(with_bomb(false));
    list.shutdown();
    assert_eq!(message(outcome(&mut idle).unwrap_err()), "bomb");
    assert_eq!(message(outcome(&mut queued).unwrap_err()), "bomb");

    fn with_bomb(ends: bool) -> impl Future<Output = ()> + Send {
        struct Bomb {
            _bomb: PanicOnDrop,
            ends: bool,
        }
        impl Future for Bomb {
            type Output = ();
            fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
                if self.ends { Poll::Ready(()) } else { Poll::Pending }
            }
        }
        Bomb { _bomb: PanicOnDrop("bomb"), ends }
    }
}

#[test]
fn fault_19_a_panic_in_the_output_s_drop_is_contained() {
    let list = List::new();
    let handle = list.spawn(async { PanicOnDrop("output") });
    list.run();
    drop(handle);
    drop(list.spawn(async { PanicOnDrop("output") }));
    list.run();
    assert_eq!(list.registry.len(), 0);
}

#[test]
fn fault_20_a_payload_whose_drop_panics_is_contained() {
    let list = List::new();
    drop(list.spawn(async { std::panic::panic_any(PanicOnDrop("payload")) }));
    list.run();
    let handle = list.spawn(async { std::panic::panic_any(PanicOnDrop("payload")) });
    list.run();
    drop(handle);
    assert_eq!(list.unhandled.load(Ordering::Relaxed), 2);
}

#[test]
fn an_abort_before_the_first_poll_drops_the_future_unpolled() {
    let (list, alive) = (List::new(), Alive::new());
    let token = alive.token();
    let mut handle = list.spawn(async move {
        let _token = token;
        unreachable!("polled");
    });
    handle.abort();
    assert_eq!(alive.count(), 1, "its own thread drops it");
    assert_eq!((list.run(), alive.count()), (1, 0));
    assert!(outcome(&mut handle).unwrap_err().is_cancelled());
}

#[test]
fn fault_22_an_abort_of_an_idle_task_twice_and_from_another_thread() {
    let (list, alive) = (List::new(), Alive::new());
    let (future, _waker) = stuck(alive.token());
    let mut handle = list.spawn(future);
    list.run();
    let abort = handle.abort_handle();
    let clone = abort.clone();
    std::thread::spawn(move || clone.abort()).join().unwrap();
    abort.abort();
    assert_eq!((list.run(), alive.count()), (1, 0), "scheduled once");
    handle.abort();
    assert_eq!(list.run(), 0, "too late to do anything");
    let error = outcome(&mut handle).unwrap_err();
    assert_eq!(error.to_string(), format!("task {} was cancelled", handle.id()));
    assert!(abort.is_finished());
}

#[test]
fn a_task_aborted_by_itself_ends_after_this_poll() {
    let (list, alive) = (List::new(), Alive::new());
    let slot: Arc<Mutex<Option<AbortHandle>>> = Arc::new(Mutex::new(None));
    let (theirs, token) = (slot.clone(), alive.token());
    let mut handle = list.spawn(async move {
        let _token = token;
        let abort = theirs.lock().take().unwrap();
        abort.abort();
        pending::<()>().await;
    });
    *slot.lock() = Some(handle.abort_handle());
    assert_eq!((list.run(), alive.count()), (1, 0));
    assert!(outcome(&mut handle).unwrap_err().is_cancelled());
}

#[test]
fn an_abort_in_the_last_poll_comes_too_late() {
    let list = List::new();
    let slot: Arc<Mutex<Option<AbortHandle>>> = Arc::new(Mutex::new(None));
    let theirs = slot.clone();
    let mut handle = list.spawn(async move {
        let abort = theirs.lock().take().unwrap();
        abort.abort();
        7
    });
    *slot.lock() = Some(handle.abort_handle());
    list.run();
    assert_eq!(outcome(&mut handle).unwrap(), 7);
}

#[test]
fn a_blocking_job_that_has_not_begun_is_dropped_by_its_abort() {
    let (list, alive) = (List::new(), Alive::new());
    let token = alive.token();
    let (mut handle, notified) = list.spawn_blocking(async move {
        let _token = token;
        unreachable!("run");
    });
    handle.abort();
    assert_eq!((alive.count(), list.registry.len()), (0, 0));
    assert!(outcome(&mut handle).unwrap_err().is_cancelled());
    notified.run();
    let (mut begun, notified) = list.spawn_blocking(ready(5));
    notified.run();
    begun.abort();
    assert_eq!(outcome(&mut begun).unwrap(), 5);
    drop((handle, begun));
    assert_eq!(Arc::strong_count(&list), 1);
}

#[test]
fn a_handle_dropped_before_or_after_the_end_drops_the_output_once() {
    for polled in [false, true] {
        let (list, alive) = (List::new(), Alive::new());
        let (first, second) = (alive.token(), alive.token());
        let mut before = list.spawn(async move { first });
        let mut after = list.spawn(async move { second });
        if polled {
            assert!(poll(&mut before).is_pending() && poll(&mut after).is_pending());
        }
        drop(before);
        list.run();
        assert_eq!(alive.count(), 1);
        drop(after);
        assert_eq!((alive.count(), Arc::strong_count(&list)), (0, 1));
    }
}

#[test]
fn the_current_id_is_known_in_poll_and_drop_and_nowhere_else() {
    struct SaysId(Arc<Mutex<Vec<Option<Id>>>>);
    impl Drop for SaysId {
        fn drop(&mut self) {
            let id = try_id();
            self.0.lock().push(id);
        }
    }
    let (list, seen) = (List::new(), Arc::new(Mutex::new(Vec::new())));
    let says = SaysId(seen.clone());
    let mut handle = list.spawn(async move {
        let _says = says;
        id()
    });
    list.run();
    let aborted = list.spawn({
        let says = SaysId(seen.clone());
        async move {
            let _says = says;
            pending::<()>().await;
        }
    });
    aborted.abort();
    list.run();
    assert_eq!(outcome(&mut handle).unwrap(), handle.id());
    assert_eq!(*seen.lock(), [Some(handle.id()), Some(aborted.id())]);
    assert_eq!(try_id(), None);
    assert!(catch_unwind(id).is_err());
}
