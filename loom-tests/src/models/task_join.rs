//! The join handle against completion: the output arrives once, the right waker is woken, and nothing is dropped twice.

use std::future::{Future, pending};
use std::pin::Pin;
use std::task::{Context, Poll};

use loom::thread;

use super::one_place::{Alive, Place, Yields, block_on, poll, spawn, waker};
use crate::explore::{bounded, models};
use crate::primitives::parker::Parker;

/// A handle goes while another thread polls the task, which nobody will wake, and drops what else refers to it.
fn leave(waited: bool) {
    let (place, alive) = (Place::new(), Alive::new());
    let token = alive.token();
    let (task, mut handle) = spawn::<_, false>(&place, async move {
        let _token = token;
        pending::<()>().await;
    });
    if waited {
        assert!(block_once(&mut handle, &alive));
    }
    let worker = thread::spawn(move || {
        place.run();
        drop(task);
    });
    drop(handle);
    worker.join().unwrap();
    assert_eq!(alive.count(), 0);
}

/// Leaves a waker with the task. True if it is pending.
fn block_once<F: Future + Unpin>(future: &mut F, alive: &Alive) -> bool {
    let waker = waker(&Parker::new(), alive);
    Pin::new(future).poll(&mut Context::from_waker(&waker)).is_pending()
}

models! { "task_join";
    /// Mutations: `set_join_waker_relaxed`, `set_join_waker_after_the_end`, `complete_no_acquire`, `complete_no_release`,
    /// `look_relaxed`, `complete_wakes_nobody`.
    fn whoever_waits_for_a_task_is_woken_and_gets_its_output() {
        bounded(3, || {
            let (place, alive) = (Place::new(), Alive::new());
            let (task, mut handle) = spawn::<_, false>(&place, Yields::new(0, alive.token()));
            drop(task);
            let worker = {
                let place = place.clone();
                thread::spawn(move || place.run())
            };
            let token = block_on(&mut handle, &alive).unwrap();
            drop((token, handle));
            worker.join().unwrap();
            assert_eq!(alive.count(), 0);
        });
    }

    /// The handle is polled with one waker, then with another, then dropped, all while the task completes.
    /// Mutations: `join_waker_looked_at_twice`, `unset_join_waker_after_the_end`, `leave_complete_takes_the_waker`,
    /// `leave_complete_no_acquire`, `finish_waking_no_release`, `finish_waking_leaves_the_waker`, `leave_takes_no_waker_back`.
    fn a_join_waker_may_be_replaced_and_the_handle_dropped_at_any_time() {
        bounded(3, || {
            let (place, alive) = (Place::new(), Alive::new());
            let (task, mut handle) = spawn::<_, false>(&place, Yields::new(0, alive.token()));
            let abort = handle.abort_handle();
            drop(task);
            let worker = {
                let place = place.clone();
                thread::spawn(move || place.run())
            };
            let parker = Parker::new();
            for _ in 0..2 {
                let waker = waker(&parker, &alive);
                if Pin::new(&mut handle).poll(&mut Context::from_waker(&waker)).is_ready() {
                    break;
                }
            }
            drop(handle);
            worker.join().unwrap();
            // The cell is still there: the output and both wakers must be gone without its help.
            assert!(abort.is_finished());
            assert_eq!(alive.count(), 0);
        });
    }

    /// Mutations: `complete_keeps_unread_output`, `leave_keeps_the_output`, `leave_reads_the_output_unseen`.
    fn a_handle_dropped_against_completion_drops_the_output_once() {
        bounded(3, || {
            let (place, alive) = (Place::new(), Alive::new());
            let (task, handle) = spawn::<_, false>(&place, Yields::new(0, alive.token()));
            let abort = handle.abort_handle();
            drop(task);
            let worker = {
                let place = place.clone();
                thread::spawn(move || place.run())
            };
            drop(handle);
            worker.join().unwrap();
            assert!(abort.is_finished());
            assert_eq!(alive.count(), 0);
        });
    }

    /// Mutation: `leave_no_acquire`.
    fn a_handle_that_never_waited_may_be_the_last_to_leave() {
        bounded(3, || leave(false));
    }

    /// Mutation: `drop_references_no_release`.
    fn a_handle_that_waited_may_leave_before_the_last() {
        bounded(3, || leave(true));
    }

    /// A handle polled by turns, never registered twice. Mutation: `complete_gives_up_too_little`.
    fn a_finished_task_leaves_nothing_behind() {
        bounded(3, || {
            let (place, alive) = (Place::new(), Alive::new());
            let (task, mut handle) = spawn::<_, false>(&place, Yields::new(1, alive.token()));
            drop(task);
            let worker = {
                let place = place.clone();
                thread::spawn(move || place.run())
            };
            let ready = match poll(&mut handle) {
                Poll::Ready(output) => output.is_ok(),
                Poll::Pending => false,
            };
            worker.join().unwrap();
            assert!(ready || matches!(poll(&mut handle), Poll::Ready(Ok(_))));
            drop(handle);
            assert_eq!(alive.count(), 0);
        });
    }
}
