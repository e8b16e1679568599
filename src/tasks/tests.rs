//! The task cell by situation, on a scheduler that is a list: who drops what, how often, and what the handle says.

use std::any::Any;
use std::collections::VecDeque;
use std::future::{Future, pending, poll_fn, ready};
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use super::*;
use crate::primitives::{Arc, Mutex};

/// A scheduler that only collects.
struct List {
    queue: Mutex<VecDeque<Notified>>,
    registry: Registry,
    unhandled: AtomicUsize,
}

#[derive(Clone)]
struct Async(Arc<List>);

#[derive(Clone)]
struct Blocking(Arc<List>);

impl Schedule for Async {
    fn schedule(&self, task: Notified) {
        self.0.queue.lock().push_back(task);
    }

    fn release(&self, task: &Header) -> Option<Task> {
        self.0.registry.release(task)
    }

    fn unhandled_panic(&self, _: Id, _: &'static Location<'static>, payload: Box<dyn Any + Send>) {
        self.0.unhandled.fetch_add(1, Ordering::Relaxed);
        drop(payload);
    }
}

impl Schedule for Blocking {
    const BLOCKING: bool = true;

    fn schedule(&self, _: Notified) {
        unreachable!("a blocking job is never woken");
    }

    fn release(&self, task: &Header) -> Option<Task> {
        self.0.registry.release(task)
    }
}

impl List {
    fn new() -> Arc<Self> {
        let (queue, registry) = (Mutex::new(VecDeque::new()), Registry::new(2));
        Arc::new(Self { queue, registry, unhandled: AtomicUsize::new(0) })
    }

    #[track_caller]
    fn spawn<F>(self: &Arc<Self>, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let (id, location) = (Id::next(), Location::caller());
        let (handle, notified) = self.registry.bind(1, future, Async(self.clone()), id, location, None);
        self.queue.lock().extend(notified);
        handle
    }

    fn spawn_blocking<F>(self: &Arc<Self>, future: F) -> (JoinHandle<F::Output>, Notified)
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let scheduler = Blocking(self.clone());
        let (handle, notified) = self.registry.bind(0, future, scheduler, Id::next(), Location::caller(), None);
        (handle, notified.unwrap())
    }

    fn next(&self) -> Option<Notified> {
        self.queue.lock().pop_front()
    }

    /// Runs until nothing is left, and says how many polls that were.
    fn run(&self) -> usize {
        std::iter::from_fn(|| self.next().map(Notified::run)).count()
    }

    fn shutdown(&self) {
        self.registry.close();
        (0..self.registry.shards()).for_each(|shard| self.registry.shutdown_shard(shard));
        while self.next().is_some() {}
    }
}

/// Counts how many of it are alive.
#[derive(Clone)]
struct Alive(Arc<AtomicUsize>);

struct Token(Arc<AtomicUsize>);

impl Alive {
    fn new() -> Self {
        Self(Arc::new(AtomicUsize::new(0)))
    }

    fn token(&self) -> Token {
        self.0.fetch_add(1, Ordering::SeqCst);
        Token(self.0.clone())
    }

    fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        assert!(self.0.fetch_sub(1, Ordering::SeqCst) > 0, "dropped twice");
    }
}

struct PanicOnDrop(&'static str);

impl Drop for PanicOnDrop {
    fn drop(&mut self) {
        std::panic::panic_any(self.0);
    }
}

#[derive(Default)]
struct Count {
    wakes: AtomicUsize,
}

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.wakes.fetch_add(1, Ordering::SeqCst);
    }
}

fn poll<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}

fn outcome<T>(handle: &mut JoinHandle<T>) -> Result<T, JoinError> {
    match poll(handle) {
        Poll::Ready(result) => result,
        Poll::Pending => panic!("the task is not over"),
    }
}

fn message(error: JoinError) -> &'static str {
    *error.into_panic().downcast::<&'static str>().unwrap()
}

/// A future that is pending, and whose waker can be had.
fn stuck(token: Token) -> (impl Future<Output = ()> + Send, Arc<Mutex<Option<Waker>>>) {
    let waker = Arc::new(Mutex::new(None));
    let theirs = waker.clone();
    let future = async move {
        let _token = token;
        poll_fn(|cx| {
            let new = cx.waker().clone();
            *theirs.lock() = Some(new);
            Poll::<()>::Pending
        })
        .await;
    };
    (future, waker)
}

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
        struct Bomb(PanicOnDrop, bool);
        impl Future for Bomb {
            type Output = ();
            fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
                if self.1 { Poll::Ready(()) } else { Poll::Pending }
            }
        }
        Bomb(PanicOnDrop("bomb"), ends)
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
    assert_eq!(list.unhandled.load(Ordering::SeqCst), 2);
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
fn fault_7_many_wakes_of_an_idle_task_are_one_entry_in_the_queue() {
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
fn fault_9_a_waker_that_outlives_task_and_scheduler_is_harmless() {
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
    assert_eq!(wakers.each_ref().map(|waker| waker.wakes.load(Ordering::SeqCst)), [0, 1]);
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
    {
        // Its drop must not unwind out of this scope, where nobody contains it.
        let waker = std::mem::ManuallyDrop::new(Waker::from(Arc::new(Bomb)));
        assert!(Pin::new(&mut handle).poll(&mut Context::from_waker(&waker)).is_pending());
    }
    list.run();
    assert_eq!(outcome(&mut handle).unwrap(), 3);
    drop(handle);
    assert_eq!(Arc::strong_count(&list), 1);
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

#[test]
fn the_registry_lists_what_lives() {
    let (list, alive) = (List::new(), Alive::new());
    let (future, _waker) = stuck(alive.token());
    let idle = list.spawn(future);
    list.run();
    let name: Option<std::sync::Arc<str>> = Some("named".into());
    let (queued, notified) =
        list.registry.bind(0, ready(()), Async(list.clone()), Id::next(), Location::caller(), name);
    let mut seen = Vec::new();
    list.registry.for_each(|task| seen.push((task.id, task.state, task.name.map(|name| name.to_string()))));
    seen.sort_by_key(|(id, ..)| *id);
    assert_eq!(
        seen,
        [(idle.id(), TaskState::Idle, None), (queued.id(), TaskState::Scheduled, Some("named".to_owned()))]
    );
    assert_eq!((list.registry.len(), list.registry.is_empty()), (2, false));
    notified.unwrap().run();
    list.shutdown();
    assert!(list.registry.is_empty() && list.registry.is_closed());
}

#[test]
fn fault_24_25_a_spawn_into_a_closed_registry_is_cancelled_also_from_a_drop() {
    struct SpawnsOnDrop(Arc<List>, Arc<Mutex<Option<JoinHandle<()>>>>);
    impl Drop for SpawnsOnDrop {
        fn drop(&mut self) {
            let handle = self.0.spawn(ready(()));
            *self.1.lock() = Some(handle);
        }
    }
    let (list, alive, slot) = (List::new(), Alive::new(), Arc::new(Mutex::new(None)));
    let spawns = SpawnsOnDrop(list.clone(), slot.clone());
    let mut outer = list.spawn(async move {
        let _spawns = spawns;
        pending::<()>().await;
    });
    list.run();
    list.shutdown();
    assert!(outcome(&mut outer).unwrap_err().is_cancelled());
    let mut handle = slot.lock().take().unwrap();
    assert!(outcome(&mut handle).unwrap_err().is_cancelled());
    let token = alive.token();
    let mut late = list.spawn(async move { drop(token) });
    assert_eq!(alive.count(), 0);
    assert!(outcome(&mut late).unwrap_err().is_cancelled());
    drop((outer, handle, late));
    assert_eq!(Arc::strong_count(&list), 1);
}

#[test]
fn many_tasks_come_and_go_through_all_shards() {
    let (list, alive) = (List::new(), Alive::new());
    for round in 0..3 {
        let handles: Vec<_> = (0..5000)
            .map(|n| {
                let (token, scheduler) = (alive.token(), Async(list.clone()));
                let future = async move { drop(token) };
                let (handle, task) =
                    list.registry.bind(n + round, future, scheduler, Id::next(), Location::caller(), None);
                list.queue.lock().extend(task);
                handle
            })
            .collect();
        assert_eq!(list.registry.len(), 5000);
        assert_eq!(list.run(), 5000);
        assert_eq!((list.registry.len(), alive.count()), (0, 0));
        drop(handles);
    }
}

#[test]
fn fault_6_a_task_that_is_always_ready_gives_way_when_its_budget_is_spent() {
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
#[ignore = "aborts the process; run by fault_8"]
fn fault_8_child() {
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
fn fault_8_a_waker_cloned_until_the_count_would_wrap_aborts_with_a_message() {
    let program = std::env::current_exe().unwrap();
    let arguments = ["--exact", "tasks::tests::fault_8_child", "--ignored", "--nocapture"];
    let output = std::process::Command::new(program).args(arguments).output().unwrap();
    assert!(!output.status.success());
    let report = String::from_utf8_lossy(&output.stderr);
    assert!(report.contains("a task has more references"), "{report}");
    assert!(!String::from_utf8_lossy(&output.stdout).contains("not aborted"));
}
