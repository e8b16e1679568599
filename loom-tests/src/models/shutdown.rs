//! The end: whatever races with it, every task is run or cancelled, every thread ends, and nothing is left behind.

use loom::thread;

use super::engine::{Tally, settled, shut_down, spawn, started};
use crate::explore::{bounded, model, models};
use crate::primitives::Arc;

models! { "shutdown";
    /// Mutations: `close_wakes_nobody_on_the_stack`, `close_without_fence`, `park_though_closing`.
    fn a_worker_that_lies_down_while_it_closes_ends() {
        model(|| {
            loom::stop_exploring();
            let shared = super::engine::scheduler(2, 2);
            crate::scheduler::Shared::start_thread(&shared).unwrap();
            thread::yield_now();
            loom::explore();
            crate::scheduler::Shared::start_thread(&shared).unwrap();
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
