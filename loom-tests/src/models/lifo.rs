//! The LIFO slot: its owner pushes and takes, thieves and the watch take, and each task comes out once.

use loom::thread;

use super::engine::{end, piece, scheduler};
use crate::explore::{model, models};
use crate::primitives::Arc;
use crate::primitives::atomic::{AtomicUsize, Ordering};
use crate::scheduler::lifo::LifoSlot;
use crate::tasks::Notified;

fn run(task: Option<Notified>) {
    task.into_iter().for_each(Notified::run);
}

models! { "lifo";
    /// Owner, thief and watch. The tasks are made before the thieves begin: loom lets a read-modify-write and a plain store that
    /// race be ordered both ways at once, which no machine does, and finds a task lost where two thieves race one refill.
    /// Mutations: `lifo_take_by_load_and_store`, `lifo_displace_by_store`.
    fn each_task_comes_out_once() {
        model(|| {
            let (shared, ran) = (scheduler(1, 1), Arc::new(AtomicUsize::new(0)));
            let tasks = [(); 2].map(|()| piece(&shared, &ran));
            let slot = Arc::new(LifoSlot::new());
            let takers = [0, 1].map(|_| {
                let slot = slot.clone();
                thread::spawn(move || run(slot.take()))
            });
            for task in tasks {
                run(slot.push(task));
            }
            run(slot.take());
            takers.into_iter().for_each(|taker| taker.join().unwrap());
            assert!(slot.is_empty());
            // Relaxed: after the joins.
            assert_eq!(ran.load(Ordering::Relaxed), 2);
            end(shared);
        });
    }

    /// The owner refills the slot that a thief is emptying. Each task is made after the
    /// thief has begun, so that the slot alone publishes it. Mutations: `lifo_push_overwrites`, `lifo_take_relaxed`,
    /// `lifo_store_relaxed`, `lifo_displace_relaxed`.
    fn a_refill_against_a_thief_loses_nothing() {
        model(|| {
            let (shared, ran) = (scheduler(1, 1), Arc::new(AtomicUsize::new(0)));
            let slot = Arc::new(LifoSlot::new());
            let theirs = slot.clone();
            let thief = thread::spawn(move || run(theirs.take()));
            for _ in 0..3 {
                run(slot.push(piece(&shared, &ran)));
            }
            thief.join().unwrap();
            // What is left is dropped with the slot.
            drop(slot);
            shared.registry.shutdown(None);
            assert!((2..=3).contains(&ran.load(Ordering::Relaxed)));
            end(shared);
        });
    }
}
