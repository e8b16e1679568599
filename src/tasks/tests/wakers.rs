//! Wakers, the join handle's waker, the reference count and the budget.

use super::*;
use crate::tasks::error::contain;

#[test]
fn a_wake_during_the_poll_gives_exactly_one_more() {
    let list = List::new();
    let mut polls = 0;
    let mut handle = list.spawn(poll_fn(move |cx| {
        polls += 1;
        cx.waker().wake_by_ref();
        let own = cx.waker().clone();
        own.wake();
        if polls == 3 { Poll::Ready(polls) } else { Poll::Pending }
    }));
    assert_eq!(list.run(), 3);
    assert_eq!(outcome(&mut handle).unwrap(), 3);
}

#[test]
fn fault_07_many_wakes_of_an_idle_task_are_one_entry_in_the_queue() {
    let (list, alive) = (List::new(), Alive::new());
    let (future, waker) = stuck(alive.token());
    let handle = list.spawn(future);
    list.run();
    let waker = waker.lock().clone().unwrap();
    for _ in 0..1000 {
        waker.wake_by_ref();
        let own = waker.clone();
        own.wake();
    }
    assert_eq!(list.run(), 1);
    handle.abort();
    list.run();
}

#[test]
fn fault_09_a_waker_that_outlives_task_and_scheduler_is_harmless() {
    let (list, alive) = (List::new(), Alive::new());
    let (future, slot) = stuck(alive.token());
    let handle = list.spawn(future);
    list.run();
    let waker = slot.lock().take().unwrap();
    list.shutdown();
    assert_eq!(alive.count(), 0);
    let other = waker.clone();
    assert!(other.will_wake(&waker));
    drop((handle, slot));
    other.wake();
    waker.wake_by_ref();
    std::thread::spawn(move || drop(waker)).join().unwrap();
    assert_eq!(Arc::strong_count(&list), 1, "the last waker freed the cell");
}

#[test]
fn a_task_that_nobody_can_wake_is_freed_when_nobody_holds_it() {
    let (list, alive) = (List::new(), Alive::new());
    let token = alive.token();
    let future = async move {
        let _token = token;
        pending::<()>().await;
    };
    // In no registry.
    let (task, notified, handle) = new(future, Async(list.clone()), Id::next(), Location::caller());
    drop((task, handle));
    notified.run();
    assert_eq!((alive.count(), Arc::strong_count(&list)), (0, 1));
}

#[test]
fn fault_13_only_the_join_handle_s_last_waker_is_woken_and_all_are_dropped() {
    let list = List::new();
    let mut handle = list.spawn(ready(()));
    let wakers = [Arc::new(Count::default()), Arc::new(Count::default())];
    for waker in &wakers {
        for _ in 0..2 {
            let waker = Waker::from(waker.clone());
            assert!(Pin::new(&mut handle).poll(&mut Context::from_waker(&waker)).is_pending());
        }
    }
    assert_eq!(Arc::strong_count(&wakers[0]), 1, "the replaced waker is dropped");
    list.run();
    assert_eq!(wakers.each_ref().map(|waker| waker.wakes.load(Ordering::Relaxed)), [0, 1]);
    drop(handle);
    assert_eq!(Arc::strong_count(&wakers[1]), 1);
}

#[test]
fn fault_11_a_join_waker_that_panics_harms_neither_task_nor_runner() {
    struct Bomb;
    impl Wake for Bomb {
        fn wake(self: Arc<Self>) {
            panic!("wake");
        }
    }
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("drop");
        }
    }
    let list = List::new();
    let mut handle = list.spawn(ready(3));
    let waker = Waker::from(Arc::new(Bomb));
    assert!(Pin::new(&mut handle).poll(&mut Context::from_waker(&waker)).is_pending());
    contain(|| drop(waker));
    list.run();
    assert_eq!(outcome(&mut handle).unwrap(), 3);
    drop(handle);
    assert_eq!(Arc::strong_count(&list), 1);
}

#[test]
fn fault_06_a_task_that_is_always_ready_gives_way_when_its_budget_is_spent() {
    let list = List::new();
    let mut handle = list.spawn(async {
        for _ in 0..1000 {
            coop::consume_budget().await;
        }
        coop::unconstrained(async {
            for _ in 0..1000 {
                coop::consume_budget().await;
            }
        })
        .await;
    });
    assert_eq!(list.run(), 8, "1000 steps, 128 per poll");
    outcome(&mut handle).unwrap();
    // Outside of a task nothing is counted; a pending operation gives its step back.
    let mut unlimited = pin!(async {
        for _ in 0..1000 {
            coop::consume_budget().await;
        }
    });
    assert!(unlimited.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready());
    coop::budget(|| {
        for _ in 0..1000 {
            assert!(
                pin!(coop::cooperative(pending::<()>())).poll(&mut Context::from_waker(Waker::noop())).is_pending()
            );
        }
        assert!(coop::has_budget_remaining());
    });
}

/// Ends its process: run by the test below.
#[test]
#[ignore = "aborts the process; run by fault_08"]
fn fault_08_child() {
    let list = List::new();
    let handle = list.spawn(poll_fn(|cx| {
        // The first reaches the limit, the second would pass it.
        std::mem::forget((cx.waker().clone(), cx.waker().clone()));
        Poll::<()>::Pending
    }));
    let abort = handle.abort_handle();
    abort.exhaust_references();
    list.run();
    std::mem::forget((abort, handle));
    println!("not aborted");
}

#[test]
#[cfg_attr(miri, ignore = "starts a process")]
fn fault_08_a_waker_cloned_until_the_count_would_wrap_aborts_with_a_message() {
    let program = std::env::current_exe().unwrap();
    let arguments = ["--exact", "tasks::tests::wakers::fault_08_child", "--ignored", "--nocapture"];
    let output = std::process::Command::new(program).args(arguments).output().unwrap();
    assert!(!output.status.success());
    let report = String::from_utf8_lossy(&output.stderr);
    assert!(report.contains("a task has more references"), "{report}");
    assert!(!String::from_utf8_lossy(&output.stdout).contains("not aborted"));
}
