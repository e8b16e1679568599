//! A worker that others drive, as `current_thread` has it: its permit is there whenever one begins, and no push is missed.

use loom::thread;

use super::engine::{end, piece, scheduler_with};
use crate::explore::{model, models};
use crate::primitives::Arc;
use crate::primitives::atomic::{AtomicUsize, Ordering};
use crate::scheduler::{Shared, Step, Worker, enter};

/// A scheduler without threads, and the worker of whoever drives it.
fn undriven() -> (Arc<Shared>, Worker) {
    let shared = scheduler_with(1, 1, |config| {
        config.hands_off = false;
        config.watch.hands_off = false;
    });
    let seat = shared.slots.sit_down().unwrap();
    (shared.clone(), Worker::new(shared, seat))
}

/// Drives until `count` tasks have run.
fn drive(worker: &Worker, ran: &AtomicUsize, count: usize) {
    worker.take_the_permit();
    assert_eq!(worker.shared().idle.look(), (0, false), "who drives has the permit");
    enter(worker, || {
        // Relaxed: they run on this thread.
        while ran.load(Ordering::Relaxed) < count {
            if worker.step() == Step::Idle {
                assert_eq!(worker.sleep(&|| false), Step::Ran);
                assert_eq!(worker.shared().idle.look(), (0, false), "who drives has the permit again");
            }
        }
    });
    worker.give_back_the_permit();
    assert_eq!(worker.shared().idle.look(), (1, false), "nobody drives");
}

models! { "driven";
    /// Mutations: `driver_may_find_no_permit`, `claim_takes_the_permit_first`, `claimed_poller_brings_no_permit`,
    /// `driver_sleeps_without_a_look`, `driver_sleeps_without_fence`, `push_to_a_driver_without_fence`,
    /// `claimed_driver_not_interrupted`.
    fn two_pushes_against_a_driver_that_begins() {
        model(|| {
            loom::stop_exploring();
            let (shared, worker) = undriven();
            let ran = Arc::new(AtomicUsize::new(0));
            let pieces = [0, 1].map(|_| piece(&shared, &ran));
            loom::explore();
            let pushers = pieces.map(|piece| {
                let shared = shared.clone();
                thread::spawn(move || shared.inject(piece))
            });
            drive(&worker, &ran, 2);
            pushers.into_iter().for_each(|pusher| pusher.join().unwrap());
            drop(worker);
            end(shared);
        });
    }
}
