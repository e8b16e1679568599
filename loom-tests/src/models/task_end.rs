//! Abort and shutdown against polls, wakes and each other: one end, one drop, and always an answer.

use std::future::{pending, poll_fn};
use std::task::Poll;

use loom::thread;

use super::one_place::{Alive, Hands, Place, UntilRaised, Yields, first_poll, poll, spawn};
use crate::explore::{bounded, models};
use crate::primitives::Arc;
use crate::primitives::atomic::AtomicUsize;

models! { "task_end";
    /// Mutations: `end_poll_ignores_the_abort`, `abort_schedules_nobody`, `start_poll_ignores_the_abort`.
    fn an_abort_always_ends_a_task_that_waits() {
        bounded(3, || {
            let (place, alive) = (Place::new(), Alive::new());
            let token = alive.token();
            let (task, mut handle) = spawn::<_, false>(&place, async move {
                let _token = token;
                pending::<()>().await;
            });
            drop(task);
            let abort = handle.abort_handle();
            let aborter = thread::spawn(move || abort.abort());
            place.run();
            aborter.join().unwrap();
            place.run();
            let Poll::Ready(Err(error)) = poll(&mut handle) else { panic!("the abort was lost") };
            assert!(error.is_cancelled());
            drop(handle);
            assert_eq!(alive.count(), 0);
        });
    }

    /// Row 21 of the faults. Mutation: `abort_of_a_running_task_schedules_it`.
    fn an_abort_against_completion_gives_the_value_or_cancelled() {
        bounded(3, || {
            let (place, alive) = (Place::new(), Alive::new());
            let (task, mut handle) = spawn::<_, false>(&place, Yields::new(1, alive.token()));
            drop(task);
            let abort = handle.abort_handle();
            let aborter = thread::spawn(move || {
                abort.abort();
                abort.abort();
            });
            place.run();
            aborter.join().unwrap();
            place.run();
            match poll(&mut handle) {
                Poll::Ready(Ok(token)) => {
                    assert_eq!(alive.count(), 1);
                    drop(token);
                }
                Poll::Ready(Err(error)) => assert!(error.is_cancelled()),
                Poll::Pending => panic!("neither"),
            }
            drop(handle);
            assert_eq!(alive.count(), 0);
        });
    }

    /// Mutation: `blocking_abort_only_marks`.
    fn an_abort_of_a_blocking_job_drops_it_at_once_or_comes_too_late() {
        bounded(3, || {
            let (place, alive) = (Place::new(), Alive::new());
            let mut token = Some(alive.token());
            let (task, mut handle) = spawn::<_, true>(&place, poll_fn(move |_| Poll::Ready(token.take())));
            drop(task);
            let worker = {
                let place = place.clone();
                thread::spawn(move || place.run())
            };
            handle.abort();
            if let Poll::Ready(Err(error)) = poll(&mut handle) {
                assert!(error.is_cancelled());
            }
            worker.join().unwrap();
            assert!(handle.is_finished());
            drop(handle);
            assert_eq!(alive.count(), 0);
        });
    }

    /// The registry shuts the task down while a waker wakes it and its own thread polls it.
    /// Mutations: `shutdown_takes_a_running_task`, `start_poll_polls_the_dead`, `shutdown_no_acquire`, `shutdown_no_mark`.
    fn a_shutdown_against_a_wake_drops_the_future_once() {
        bounded(3, || {
            let (place, alive, flag) = (Place::new(), Alive::new(), Arc::new(AtomicUsize::new(0)));
            let slot = std::sync::Arc::new(std::sync::Mutex::new(None));
            let until = UntilRaised { flag, token: Some(alive.token()) };
            let (task, mut handle) = spawn::<_, false>(&place, Hands { to: Some(slot.clone()), then: until });
            let waker = first_poll(&place, &slot);
            let worker = {
                let place = place.clone();
                thread::spawn(move || {
                    waker.wake();
                    place.run();
                })
            };
            let closer = thread::spawn(move || task.shutdown());
            worker.join().unwrap();
            closer.join().unwrap();
            place.run();
            let Poll::Ready(Err(error)) = poll(&mut handle) else { panic!("the shutdown was lost") };
            assert!(error.is_cancelled());
            drop(handle);
            assert_eq!(alive.count(), 0);
        });
    }
}
