//! Sleep and wake: work is pushed, a worker goes to sleep, and they never miss each other. Real workers, whole.
//!
//! A task that is lost leaves somebody waiting for it, and that loom reports as a deadlock.

use loom::thread;

use super::engine::{Tally, end, scheduler, settled, spawn, started};
use crate::explore::{model, models};
use crate::primitives::Arc;
use crate::scheduler::Shared;

models! { "sleep";
    fn a_push_racing_a_park_in_the_poll_is_never_lost() {
        model(|| {
            let shared = started(1, 1);
            let (done, tick) = Tally::new(1);
            spawn(&shared, move || tick.count());
            done.wait();
            end(shared);
        });
    }

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

    fn two_pushers_wake_one_sleeper() {
        model(|| {
            let shared = started(1, 1);
            let (done, tick) = Tally::new(2);
            let (theirs, again) = (shared.clone(), tick.clone());
            let other = thread::spawn(move || spawn(&theirs, move || again.count()));
            spawn(&shared, move || tick.count());
            done.wait();
            other.join().unwrap();
            end(shared);
        });
    }

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

    fn a_search_that_ends_while_another_task_is_pushed_wakes_the_next() {
        model(|| {
            let shared = settled(2, 2);
            let (second_ran, second) = Tally::new(1);
            let (done, tick) = Tally::new(1);
            spawn(&shared, move || {
                second_ran.wait();
                tick.count();
            });
            spawn(&shared, move || second.count());
            done.wait();
            end(shared);
        });
    }
}
