//! The end: whatever races with it, every task is run or cancelled, every thread ends, and nothing is left behind.

use std::future::pending;
use std::panic::Location;

use loom::thread;

use super::engine::{Tally, Tick, settled, shut_down, spawn, started};
use crate::explore::{bounded, model, models};
use crate::primitives::Arc;
use crate::scheduler::Shared;

/// What its drop does.
enum Link {
    Waits(Arc<Tally>),
    Counts(Option<Tick>),
}

impl Drop for Link {
    fn drop(&mut self) {
        match self {
            Self::Waits(tally) => tally.wait(),
            Self::Counts(tick) => tick.take().expect("dropped once").count(),
        }
    }
}

models! { "shutdown";
    /// Mutations: `close_wakes_nobody_on_the_stack`, `close_without_fence`, `park_though_closing`.
    fn a_worker_that_lies_down_while_it_closes_ends() {
        model(|| {
            loom::stop_exploring();
            let shared = super::engine::scheduler(2, 2);
            Shared::start_thread(&shared).unwrap();
            thread::yield_now();
            loom::explore();
            Shared::start_thread(&shared).unwrap();
            shut_down(&shared);
        });
    }

    /// Mutations: `close_does_not_wake_the_poller`, `poll_though_closing`.
    fn a_poller_ends_when_it_closes() {
        model(|| shut_down(&started(1, 1)));
    }

    /// Mutations: `inject_after_the_end`, `registry_stays_open`.
    fn a_task_spawned_while_it_closes_is_run_or_cancelled() {
        bounded(3, || {
            let shared = settled(1, 1);
            let token = Arc::new(());
            let (theirs, held) = (shared.clone(), token.clone());
            let spawner = thread::spawn(move || spawn(&theirs, move || drop(held)));
            shut_down(&shared);
            spawner.join().unwrap();
            assert_eq!(shared.registry.len(), 0);
            drop(token);
        });
    }

    /// The first task's destructor waits for the second's. Whoever is stuck in it had taken both upon himself, and has no colleague, or
    /// one that has ended. Mutation: `a_helper_only_shares`.
    fn a_destructor_that_waits_for_another_tasks_is_helped() {
        model(|| {
            let shared = settled(1, 1);
            loom::stop_exploring();
            let (second, tick) = Tally::new(1);
            for link in [Link::Waits(second), Link::Counts(Some(tick))] {
                let future = async move {
                    let _link = link;
                    pending::<()>().await;
                };
                drop(Shared::spawn(&shared, future, Location::caller(), None));
            }
            thread::yield_now();
            loom::explore();
            shared.close();
            Shared::start_helper(&shared).unwrap();
            shared.lifecycle.wait(0, None);
            assert_eq!(shared.registry.len(), 0);
            shared.drain();
        });
    }

    /// A running task spawns into its own LIFO slot and queue. Mutation: `worker_close_keeps_its_queue`.
    fn what_a_worker_has_queued_goes_with_it() {
        model(|| {
            let shared = settled(1, 1);
            let (begun, tick) = Tally::new(1);
            let inner = shared.clone();
            spawn(&shared, move || {
                tick.count();
                (0..2).for_each(|_| spawn(&inner, || {}));
            });
            begun.wait();
            shut_down(&shared);
        });
    }
}
