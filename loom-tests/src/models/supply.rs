//! The supply of threads: one that has been too many for the whole keep-alive ends, whatever happens to it at that moment.

use std::panic::Location;

use super::engine::{
    TICK, Tally, permits_are_whole, scheduler_with, settle, shut_down, sleep_and_look, spawn, task, until,
};
use crate::explore::{model, models};
use crate::primitives::Arc;
use crate::primitives::atomic::{Ordering, fence};
use crate::primitives::clock::NEVER;
use crate::primitives::thread::refuse_after;
use crate::scheduler::{Shared, Supply, block_in_place_now};

/// Three threads for one permit: one is too many, and its keep-alive is over at once.
fn three_for_one() -> Arc<Shared> {
    let shared = scheduler_with(1, 3, |config| config.keep_alive = 0);
    settle(&shared, 3);
    shared
}

/// In the end one thread has gone, and its seat is free for another, queue and all.
fn two_stay(shared: Arc<Shared>, mut supply: Supply) {
    permits_are_whole(&shared);
    supply.tick(1);
    until(|| shared.threads() == 2);
    until(|| shared.slots.sit_down().map(|seat| shared.slots.stand_up(seat)).is_some());
    assert_eq!(shared.slots.len(), 3);
    supply.tick(2);
    assert_eq!((shared.threads(), shared.idle.look().0), (2, 1));
    shut_down(&shared);
}

models! { "supply";
    /// One is on its way when another is wanted, and lies down at any moment: it is enough, and does not miss what it is
    /// wanted for. Mutations: `thread_is_on_its_way_for_ever`, `thread_leaves_the_count_before_it_lies`,
    /// `threads_on_their_way_do_not_count`.
    fn a_thread_on_its_way_is_enough() {
        model(|| {
            loom::stop_exploring();
            let shared = scheduler_with(1, 3, |_| {});
            settle(&shared, 1);
            let mut supply = Supply::new(shared.clone());
            let (begun, begins) = Tally::new(1);
            let (done, tick) = Tally::new(1);
            let (second_ran, second) = Tally::new(1);
            let pushed = task(Location::caller(), &shared, move || {
                loom::stop_exploring();
                second.count();
            });
            spawn(&shared, move || {
                refuse_after(0);
                block_in_place_now(|| {
                    begins.count();
                    second_ran.wait();
                });
                tick.count();
            });
            begun.wait();
            // It could not be had then; the permit is idle.
            until(|| shared.lifecycle.wants_thread());
            refuse_after(2);
            loom::explore();
            Shared::start_thread(&shared).unwrap();
            shared.inject(pushed);
            supply.tick(TICK);
            done.wait();
            permits_are_whole(&shared);
            assert_eq!(shared.threads(), 2);
            shut_down(&shared);
        });
    }

    /// While the permit of a task that blocks goes to one of the sleepers. Mutations: `let_go_wakes_nobody`,
    /// `let_go_leaves_the_slot_taken`, `let_go_leaves_it_on_the_stack`.
    fn a_surplus_thread_goes_while_a_permit_moves() {
        model(|| {
            loom::stop_exploring();
            let shared = three_for_one();
            let mut supply = Supply::new(shared.clone());
            let (begun, begins) = Tally::new(1);
            let (done, tick) = Tally::new(1);
            let inner = shared.clone();
            spawn(&shared, move || {
                let (second_ran, second) = Tally::new(1);
                spawn(&inner, move || {
                    loom::stop_exploring();
                    second.count();
                });
                begins.count();
                loom::explore();
                block_in_place_now(|| second_ran.wait());
                tick.count();
            });
            begun.wait();
            supply.tick(1);
            done.wait();
            two_stay(shared, supply);
        });
    }

    /// While one lies down that comes back without a permit, with a task in its queue: perhaps it is the one to go.
    /// Mutations: `let_go_tells_too_late`, `surplus_keeps_its_queue`, `seat_is_not_given_back`.
    fn a_surplus_thread_goes_while_another_lies_down() {
        model(|| {
            loom::stop_exploring();
            let shared = three_for_one();
            let mut supply = Supply::new(shared.clone());
            let (begun, begins) = Tally::new(2);
            let (done, tick) = Tally::new(1);
            let (third_ran, third) = Tally::new(1);
            let (gone, goes) = Tally::new(1);
            let last = task(Location::caller(), &shared, move || {
                loom::stop_exploring();
                third.count();
            });
            let inner = shared.clone();
            spawn(&shared, move || {
                let (second_runs, second) = Tally::new(1);
                let other = begins.clone();
                spawn(&inner, move || {
                    second.count();
                    other.count();
                    // Has the permit, until the thread that comes back has been let go.
                    gone.wait();
                    tick.count();
                });
                block_in_place_now(|| second_runs.wait());
                inner.schedule(last);
                begins.count();
                loom::explore();
            });
            begun.wait();
            supply.tick(1);
            goes.count();
            third_ran.wait();
            done.wait();
            two_stay(shared, supply);
        });
    }

    /// One comes back without a permit and lies down, one too many, just when the reactor thread goes to sleep with nothing
    /// due: it learns of that, or the thread would stay for ever. Mutation: `spare_lies_down_unseen`.
    fn a_surplus_thread_is_noticed_though_the_watch_falls_asleep() {
        model(|| {
            loom::stop_exploring();
            let shared = scheduler_with(1, 3, |config| config.keep_alive = TICK);
            settle(&shared, 3);
            let mut supply = Supply::new(shared.clone());
            let (begun, begins) = Tally::new(1);
            let (away, returns) = Tally::new(1);
            let (done, tick) = Tally::new(1);
            spawn(&shared, move || {
                block_in_place_now(|| {
                    begins.count();
                    away.wait();
                });
                tick.count();
            });
            begun.wait();
            until(|| shared.all_idle());
            // What they did before they lay down is seen from here on.
            fence(Ordering::SeqCst);
            supply.tick(TICK);
            assert_eq!(supply.next(), NEVER);
            loom::explore();
            returns.count();
            sleep_and_look(&shared, 2, |now| {
                shared.watch_looks();
                supply.tick(now);
                supply.next() != NEVER
            });
            loom::stop_exploring();
            done.wait();
            permits_are_whole(&shared);
            shut_down(&shared);
        });
    }
}
