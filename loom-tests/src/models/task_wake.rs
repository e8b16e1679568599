//! Wakers against polls: no wake-up is lost, none is seen too early, and a future moves between threads whole.

use loom::thread;

use super::one_place::{Alive, Hands, Place, UntilRaised, Yields, first_poll, poll, spawn};
use crate::explore::{bounded, models};
use crate::primitives::Arc;
use crate::primitives::atomic::{AtomicUsize, Ordering};

/// Two wakers, one of whom has something to say, against the thread that polls. Whoever comes first, the task is polled
/// again after the second one's word.
fn two_wakers(by_reference: bool) {
    let (place, alive, flag) = (Place::new(), Alive::new(), Arc::new(AtomicUsize::new(0)));
    let slot = std::sync::Arc::new(std::sync::Mutex::new(None));
    let until = UntilRaised { flag: flag.clone(), token: Some(alive.token()) };
    let (task, mut handle) = spawn::<_, false>(&place, Hands { to: Some(slot.clone()), then: until });
    drop(task);
    let waker = first_poll(&place, &slot);
    let nagging = waker.clone();
    let wake = move |waker: std::task::Waker| if by_reference { waker.wake_by_ref() } else { waker.wake() };
    let nagger = thread::spawn(move || wake(nagging));
    let teller = thread::spawn(move || {
        // Relaxed: the wake-up publishes it.
        flag.store(1, Ordering::Relaxed);
        wake(waker);
    });
    place.run();
    nagger.join().unwrap();
    teller.join().unwrap();
    place.run();
    assert!(handle.is_finished(), "the wake-up was lost");
    let std::task::Poll::Ready(Ok(token)) = poll(&mut handle) else { panic!("no output") };
    drop((handle, token));
    assert_eq!(alive.count(), 0);
}

models! { "task_wake";
    /// Mutations: `wake_by_ref_returns_early`, `wake_by_ref_relaxed`, `start_poll_no_acquire`, `end_poll_forgets_the_wake`,
    /// `wake_by_ref_forgets_running`.
    fn a_wake_by_ref_against_a_poll_is_never_lost() {
        bounded(3, || two_wakers(true));
    }

    /// Mutations: `wake_returns_early`, `wake_no_release`, `wake_takes_no_reference`.
    fn a_wake_by_value_against_a_poll_is_never_lost() {
        bounded(3, || two_wakers(false));
    }

    /// Two threads poll in turns a task that wakes itself. Mutations: `end_poll_no_release`, `poll_again_loses_reference`.
    fn a_poll_on_another_thread_sees_what_the_last_one_did() {
        bounded(3, || {
            let (place, alive) = (Place::new(), Alive::new());
            let (task, mut handle) = spawn::<_, false>(&place, Yields::new(2, alive.token()));
            drop(task);
            let other = place.clone();
            let worker = thread::spawn(move || other.run());
            place.run();
            worker.join().unwrap();
            place.run();
            assert!(handle.is_finished());
            drop(poll(&mut handle));
            drop(handle);
            assert_eq!(alive.count(), 0);
        });
    }

    /// A task polled on one thread, and freed by whoever drops the last reference: the poll or the last waker.
    /// Mutations: `drop_references_no_acquire`, `end_poll_never_frees`.
    fn the_last_reference_frees_the_future_once_on_any_thread() {
        bounded(3, || {
            let (place, alive, flag) = (Place::new(), Alive::new(), Arc::new(AtomicUsize::new(0)));
            let slot = std::sync::Arc::new(std::sync::Mutex::new(None));
            let until = UntilRaised { flag, token: Some(alive.token()) };
            let (task, handle) = spawn::<_, false>(&place, Hands { to: Some(slot.clone()), then: until });
            drop((task, handle));
            let waker = first_poll(&place, &slot);
            let clone = waker.clone();
            waker.wake();
            let poller = {
                let place = place.clone();
                thread::spawn(move || place.run())
            };
            let dropper = thread::spawn(move || drop(clone));
            poller.join().unwrap();
            dropper.join().unwrap();
            assert_eq!(alive.count(), 0);
        });
    }

    /// A waker used when the task may be over, and dropped last, on another thread. Mutation: `wake_wakes_the_dead`.
    fn a_wake_against_completion_schedules_nothing() {
        bounded(3, || {
            let (place, alive) = (Place::new(), Alive::new());
            let slot = std::sync::Arc::new(std::sync::Mutex::new(None));
            let then = Yields::new(0, alive.token());
            let (task, handle) = spawn::<_, false>(&place, Hands { to: Some(slot.clone()), then });
            drop((task, handle));
            let waker = first_poll(&place, &slot);
            waker.wake_by_ref();
            let late = thread::spawn(move || {
                waker.wake_by_ref();
                waker.wake();
            });
            place.run();
            late.join().unwrap();
            assert!(!place.step(), "a task that had ended was scheduled");
            assert_eq!(alive.count(), 0);
        });
    }
}
