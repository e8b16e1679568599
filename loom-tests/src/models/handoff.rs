//! The hand-off: a permit moves on at any moment, and neither it nor a task is lost; the watch is awake while it is needed.

use std::panic::Location;

use loom::thread;

use super::engine::{
    TICK, Tally, end, end_whole, scheduler, scheduler_with, settle, settled, sleep_and_look, spawn, task, until,
};
use crate::explore::{model, models};
use crate::primitives::Arc;
use crate::primitives::clock::NEVER;
use crate::primitives::parker::Parker;
use crate::scheduler::stall::{Notice, Stage};
use crate::scheduler::{Reserve, Shared, Watch, Worker, block_in_place, block_in_place_now};

/// A thread on which the watch goes to sleep, and who waits until it is awake again.
fn watch_falls_asleep(shared: &Arc<Shared>) -> (thread::JoinHandle<()>, Arc<Tally>) {
    let shared = shared.clone();
    let (awake, wakes) = Tally::new(1);
    let watch = thread::spawn(move || {
        let parker = Parker::new();
        shared.watch_answers(parker.unparker());
        shared.watch_sleeps(&parker, None);
        wakes.count();
    });
    (watch, awake)
}

models! { "handoff";
    /// A task blocks until another has run, which is pushed meanwhile from outside.
    /// Mutations: `give_on_without_release`, `back_is_active_without_a_permit`.
    fn a_permit_given_up_is_used_for_what_is_pushed() {
        model(|| {
            loom::stop_exploring();
            let shared = scheduler(1, 2);
            settle(&shared, 2);
            let (second_ran, second) = Tally::new(1);
            let (begun, begins) = Tally::new(1);
            let (done, tick) = Tally::new(1);
            let pushed = task(Location::caller(), &shared, move || second.count());
            spawn(&shared, move || {
                begins.count();
                loom::explore();
                block_in_place_now(|| second_ran.wait());
                tick.count();
            });
            begun.wait();
            shared.inject(pushed);
            done.wait();
            end_whole(shared);
        });
    }

    /// The watch takes the permit of a task that said it would block, at any moment; another is pushed at any moment.
    /// Mutation: `revoke_wakes_nobody`.
    fn a_revocation_against_a_push_loses_nothing() {
        model(|| {
            loom::stop_exploring();
            let shared = scheduler(1, 2);
            settle(&shared, 2);
            let (second_ran, second) = Tally::new(1);
            let (begun, begins) = Tally::new(1);
            let (done, tick) = Tally::new(1);
            let pushed = task(Location::caller(), &shared, move || second.count());
            spawn(&shared, move || {
                block_in_place(|| {
                    begins.count();
                    second_ran.wait();
                });
                tick.count();
            });
            begun.wait();
            loom::explore();
            let theirs = shared.clone();
            let watch = thread::spawn(move || {
                let mut watch = Watch::new(theirs, Reserve::default());
                for n in 1..=2 {
                    watch.tick(n * TICK);
                }
            });
            shared.inject(pushed);
            done.wait();
            watch.join().unwrap();
            end_whole(shared);
        });
    }

    /// A permit becomes idle, and a task is pushed: one of the two sees the other. Mutations: `give_on_without_fence`,
    /// `give_on_looks_for_no_work`.
    fn a_permit_given_on_against_a_push_loses_nothing() {
        model(|| {
            loom::stop_exploring();
            let shared = scheduler(1, 1);
            assert!(shared.idle.take_permit());
            Shared::start_thread(&shared).unwrap();
            thread::yield_now();
            loom::explore();
            let (done, tick) = Tally::new(1);
            let theirs = shared.clone();
            let pusher = thread::spawn(move || spawn(&theirs, move || tick.count()));
            shared.give_permit_on();
            done.wait();
            pusher.join().unwrap();
            end(shared);
        });
    }

    /// The watch falls asleep while a worker gets something to do: it is awake as long as that lasts.
    /// Mutations: `watch_sleeps_without_fence`, `rouse_without_fence`, `claim_rouses_nobody`.
    fn the_watch_does_not_sleep_while_a_worker_runs() {
        model(|| {
            let shared = settled(1, 1);
            let (watch, awake) = watch_falls_asleep(&shared);
            // Does not end before the watch has woken.
            let (done, tick) = Tally::new(1);
            spawn(&shared, move || {
                awake.wait();
                tick.count();
            });
            done.wait();
            watch.join().unwrap();
            end(shared);
        });
    }

    /// A task is back from a call that it had said may block, without a permit, just when the watch goes to sleep on what it saw
    /// before: it learns that time counts again. Mutations: `back_tells_nobody`, `watch_sleeps_on_old_news`.
    fn the_watch_learns_who_is_back_without_a_permit() {
        model(|| {
            loom::stop_exploring();
            let shared = scheduler_with(1, 2, |config| config.watch.report_after = 1000 * TICK);
            settle(&shared, 2);
            let (begun, begins) = Tally::new(1);
            let (away, returns) = Tally::new(1);
            let (stuck, told) = Tally::new(1);
            let (done, tick) = Tally::new(1);
            spawn(&shared, move || {
                block_in_place_now(|| {
                    begins.count();
                    away.wait();
                });
                stuck.wait();
                tick.count();
            });
            begun.wait();
            until(|| shared.all_idle());
            let mut watch = Watch::new(shared.clone(), Reserve::default());
            for n in 1..=2 {
                watch.tick(n * TICK);
            }
            assert_eq!(watch.next_notice(), NEVER);
            loom::explore();
            returns.count();
            sleep_and_look(&shared, 3, |now| {
                watch.tick(now);
                watch.next_notice() != NEVER
            });
            told.count();
            done.wait();
            end_whole(shared);
        });
    }

    /// The process is stopped while a poll is in such a call, and again as it ends there: of that time nothing is taken off the poll's age
    /// twice, nor left on it. Mutations: `stop_is_excused_twice`, `late_tick_excuses_nobody`.
    fn a_stop_within_an_announced_call_is_taken_off_once() {
        model(|| {
            let told = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
            let tells = told.clone();
            let shared = scheduler_with(1, 1, |config| {
                config.watch.report_after = 2 * TICK;
                config.watch.notices = Some(std::sync::Arc::new(move |notice: Notice, _| {
                    tells.lock().unwrap().push((notice.stage, notice.nanos / TICK));
                }));
            });
            let seat = shared.slots.sit_down().unwrap();
            let slot = shared.slots.get(seat.index);
            let mut watch = Watch::new(shared.clone(), Reserve::default());
            slot.begin_poll_of(1, Location::caller());
            for n in 1..=3 {
                watch.tick(n * TICK);
            }
            slot.declare(true);
            for n in [4, 105] {
                watch.tick(n * TICK);
            }
            slot.end_poll();
            watch.tick(206 * TICK);
            assert_eq!(*told.lock().unwrap(), [(Stage::Detected, 2), (Stage::Ended, 2)]);
            shared.slots.stand_up(seat);
            end(shared);
        });
    }

    /// The same of a driver that brings its own thread, as `current_thread` has it. Mutation: `driver_rouses_nobody`.
    fn the_watch_does_not_sleep_while_a_driver_drives() {
        model(|| {
            let shared = scheduler_with(1, 1, |config| config.hands_off = false);
            let seat = shared.slots.sit_down().unwrap();
            let worker = Worker::new(shared.clone(), seat);
            // Nobody polls, and nobody drives: it may sleep.
            let (watch, awake) = watch_falls_asleep(&shared);
            worker.take_the_permit();
            awake.wait();
            worker.give_back_the_permit();
            watch.join().unwrap();
            drop(worker);
            end_whole(shared);
        });
    }

    /// All that could poll are blocked, or no thread could be had: the watch does not sleep, however idle the permits are.
    /// Mutation: `watch_sleeps_without_a_poller`.
    fn the_watch_stays_awake_while_nobody_polls() {
        model(|| {
            let shared = scheduler(1, 1);
            let theirs = shared.clone();
            let watch = thread::spawn(move || theirs.watch_sleeps(&Parker::new(), None));
            shared.idle.look();
            watch.join().unwrap();
            end(shared);
        });
    }
}
