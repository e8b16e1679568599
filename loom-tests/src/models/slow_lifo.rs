//! The LIFO slot of a whole worker: nobody but its owner touches it, until the poll is old. Then whoever comes first takes it.

use std::panic::Location;

use super::engine::{TICK, Tally, end_whole, permits_are_whole, scheduler, settle, shut_down, spawn, task};
use crate::explore::{bounded, models};
use crate::primitives::Arc;
use crate::scheduler::{Reserve, Shared, Watch, with_current};

/// Two workers that sleep, and the watch over them.
fn two_workers() -> (Arc<Shared>, Watch) {
    let shared = scheduler(2, 2);
    settle(&shared, 2);
    let watch = Watch::new(shared.clone(), Reserve::default());
    (shared, watch)
}

/// The thread that calls it, by its slot.
fn here() -> Option<usize> {
    with_current(|worker| worker.map(|worker| worker.index()))
}

models! { "slow_lifo";
    /// The poll does not end before the task in its slot has run, and the other worker is about to sleep: watch or thief
    /// must come. Mutations: `rescue_leaves_the_lifo_slot`, `rescue_wakes_nobody`.
    fn what_a_slow_poll_woke_last_is_not_stranded() {
        bounded(1, || {
            loom::stop_exploring();
            let (shared, mut watch) = two_workers();
            let (begun, begins) = Tally::new(2);
            let (done, tick) = Tally::new(1);
            let (last_ran, last) = Tally::new(1);
            let woken = task(Location::caller(), &shared, move || {
                loom::stop_exploring();
                last.count();
            });
            let (inner, other) = (shared.clone(), begins.clone());
            spawn(&shared, move || {
                inner.schedule(woken);
                begins.count();
                last_ran.wait();
                tick.count();
            });
            spawn(&shared, move || {
                other.count();
                loom::explore();
            });
            begun.wait();
            for n in 1..=2 {
                watch.tick(n * TICK);
            }
            done.wait();
            permits_are_whole(&shared);
            shut_down(&shared);
        });
    }

    /// The poll is old and its slot is filled; it ends, and its owner looks there, when a thief and the watch do too.
    /// Mutation: `slow_lifo_slot_taken_by_copy`.
    fn owner_thief_and_watch_take_it_once() {
        bounded(1, || {
            loom::stop_exploring();
            let (shared, mut watch) = two_workers();
            let (begun, begins) = Tally::new(2);
            let (owner_may, owner_goes) = Tally::new(1);
            let (thief_may, thief_goes) = Tally::new(1);
            let (done, tick) = Tally::new(1);
            let woken = task(Location::caller(), &shared, move || {
                loom::stop_exploring();
                tick.count();
            });
            let (inner, other) = (shared.clone(), begins.clone());
            spawn(&shared, move || {
                inner.schedule(woken);
                begins.count();
                owner_may.wait();
            });
            spawn(&shared, move || {
                other.count();
                thief_may.wait();
            });
            begun.wait();
            watch.tick(TICK);
            loom::explore();
            owner_goes.count();
            thief_goes.count();
            watch.tick(2 * TICK);
            done.wait();
            permits_are_whole(&shared);
            shut_down(&shared);
        });
    }

    /// The watch has not come since the poll began: however thoroughly the other worker searches, the task is run here.
    /// Mutation: `thief_takes_from_young_polls`.
    fn of_a_young_poll_it_is_left_to_the_owner() {
        bounded(1, || {
            loom::stop_exploring();
            let (shared, mut watch) = two_workers();
            watch.tick(TICK);
            let (begun, begins) = Tally::new(1);
            let (done, tick) = Tally::new(2);
            let (inner, last, other) = (shared.clone(), tick.clone(), tick.clone());
            let pushed = task(Location::caller(), &shared, move || other.count());
            spawn(&shared, move || {
                let owner = here();
                let woken = task(Location::caller(), &inner, move || {
                    assert_eq!(here(), owner, "taken from a young poll");
                    last.count();
                });
                begins.count();
                loom::explore();
                inner.schedule(woken);
            });
            begun.wait();
            shared.inject(pushed);
            done.wait();
            end_whole(shared);
        });
    }
}
