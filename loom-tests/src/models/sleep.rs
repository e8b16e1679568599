//! Sleep and wake: work is pushed, a worker goes to sleep, and they never miss each other. Real workers, whole.
//!
//! A task that is lost leaves somebody waiting for it, and that loom reports as a deadlock.

use std::panic::Location;

use loom::thread;

use super::engine::{Tally, end, scheduler, settle, settled, spawn, started, task};
use crate::explore::{model, models};
use crate::primitives::Arc;
use crate::scheduler::Shared;

models! { "sleep";
    /// Mutations: `sleeper_does_not_look_again`, `pusher_wakes_nobody`, `claim_without_second_look`, `poll_though_claimed`,
    /// `claimed_poller_not_interrupted`.
    fn a_push_racing_a_park_in_the_poll_is_never_lost() {
        model(|| {
            let shared = started(1, 1);
            let (done, tick) = Tally::new(1);
            spawn(&shared, move || tick.count());
            done.wait();
            end(shared);
        });
    }

    /// The worker that ran the first task goes to sleep while the second is pushed.
    /// Mutations: `sleeper_without_fence`, `pusher_without_fence`.
    fn a_push_racing_a_worker_that_has_nothing_left_is_never_lost() {
        model(|| {
            let shared = settled(1, 1);
            for _ in 0..2 {
                let (done, tick) = Tally::new(1);
                spawn(&shared, move || tick.count());
                done.wait();
            }
            end(shared);
        });
    }

    /// One worker sleeps in the poll, another is about to lie down. Mutation: `poller_waits_for_the_lock`.
    fn a_push_racing_a_park_on_the_stack_is_never_lost() {
        model(|| {
            loom::stop_exploring();
            let shared = scheduler(2, 2);
            Shared::start_thread(&shared).unwrap();
            thread::yield_now();
            loom::explore();
            Shared::start_thread(&shared).unwrap();
            let (done, tick) = Tally::new(1);
            spawn(&shared, move || tick.count());
            done.wait();
            end(shared);
        });
    }

    /// Mutation: `second_pusher_without_injector`.
    fn two_pushers_wake_one_sleeper() {
        model(|| {
            let shared = settled(1, 1);
            let (done, tick) = Tally::new(2);
            let (theirs, again) = (shared.clone(), tick.clone());
            let other = thread::spawn(move || spawn(&theirs, move || again.count()));
            spawn(&shared, move || tick.count());
            done.wait();
            other.join().unwrap();
            end(shared);
        });
    }

    /// Mutation: `displaced_task_wakes_nobody`.
    fn what_a_stuck_poll_has_queued_is_stolen() {
        model(|| {
            let shared = settled(2, 2);
            let (done, tick) = Tally::new(1);
            let inner = shared.clone();
            spawn(&shared, move || {
                let (first_ran, first) = Tally::new(1);
                spawn(&inner, move || first.count());
                // Displaces the first from the LIFO slot.
                spawn(&inner, move || tick.count());
                first_ran.wait();
            });
            done.wait();
            end(shared);
        });
    }

    /// Mutations: `end_of_search_without_fence`, `end_of_search_wakes_nobody`, `claimed_sleeper_not_unparked`.
    fn a_search_that_ends_while_another_task_is_pushed_wakes_the_next() {
        model(|| {
            loom::stop_exploring();
            let shared = scheduler(2, 2);
            settle(&shared, 2);
            let (second_ran, second) = Tally::new(1);
            let (done, tick) = Tally::new(1);
            let first = task(Location::caller(), &shared, move || {
                second_ran.wait();
                tick.count();
            });
            let second = task(Location::caller(), &shared, move || second.count());
            loom::explore();
            shared.inject(first);
            shared.inject(second);
            done.wait();
            end(shared);
        });
    }
}
