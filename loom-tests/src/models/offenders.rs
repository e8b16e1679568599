//! Tasks that are known to block are polled with the permit already released: nobody waits for them, and it comes back.

use std::panic::Location;
use std::sync::Mutex;

use super::engine::{TICK, Tally, end_whole, permits_are_whole, scheduler, settle, shut_down, spawn, task, until};
use crate::explore::{bounded, model, models};
use crate::primitives::Arc;
use crate::primitives::clock::Nanos;
use crate::primitives::thread::refuse_after;
use crate::reactor::{Armed, Kernel};
use crate::scheduler::idle::Bed;
use crate::scheduler::{Reserve, Shared, Step, Supply, Watch, Worker, enter};
use crate::tasks::Notified;

/// A scheduler with one permit, room for two threads, and `threads` that sleep; tasks of the returned place are known to block.
fn with_an_offender(threads: usize) -> (Arc<Shared>, &'static Location<'static>) {
    let (shared, place) = (scheduler(1, 2), Location::caller());
    (0..2).for_each(|_| shared.offenders.note(place));
    settle(&shared, threads);
    (shared, place)
}

/// Has a worker go from one poll to the next, that of an offender, which calls `job`. Exploring begins in between.
fn a_worker_comes_to(shared: &Arc<Shared>, place: &'static Location<'static>, job: impl FnOnce() + Send + 'static) {
    let (begun, begins) = Tally::new(1);
    let (inner, offender) = (shared.clone(), task(place, shared, job));
    spawn(shared, move || {
        inner.schedule(offender);
        begins.count();
        loom::explore();
    });
    begun.wait();
}

/// A waker that schedules tasks.
struct Schedules(Arc<Shared>, Mutex<Vec<Notified>>);

impl std::task::Wake for Schedules {
    fn wake(self: std::sync::Arc<Self>) {
        let tasks = std::mem::take(&mut *self.1.lock().unwrap());
        tasks.into_iter().for_each(|task| self.0.schedule(task));
    }
}

/// Has the poller bring these tasks. Exploring begins.
fn the_poller_brings(shared: &Arc<Shared>, tasks: Vec<Notified>) {
    let waker = std::sync::Arc::new(Schedules(shared.clone(), Mutex::new(tasks))).into();
    let Armed::Pending(_) = shared.reactor.arm(0, SOON, waker) else { panic!("it is not due yet") };
    Kernel::last().advance_to(SOON);
    loom::explore();
}

/// When the timer fires.
const SOON: Nanos = 1 << 20;

models! { "offenders";
    /// It waits for a task that is pushed at any moment from outside. Mutations: `offender_gives_nothing_on`,
    /// `offender_wakes_nobody`.
    fn a_push_while_an_offender_is_polled_is_not_lost() {
        model(|| {
            loom::stop_exploring();
            let (shared, place) = with_an_offender(2);
            let (second_ran, second) = Tally::new(1);
            let (done, tick) = Tally::new(1);
            let pushed = task(Location::caller(), &shared, move || {
                loom::stop_exploring();
                second.count();
            });
            a_worker_comes_to(&shared, place, move || {
                second_ran.wait();
                tick.count();
            });
            shared.inject(pushed);
            done.wait();
            permits_are_whole(&shared);
            shut_down(&shared);
        });
    }

    /// Its poll is short after all: its thread and the one that came for the permit race for what is pushed, and one of them
    /// goes to sleep without. Mutations: `goes_on_without_a_permit`, `back_takes_a_permit_that_is_not_there`.
    fn an_offender_that_does_not_block_takes_its_permit_back() {
        model(|| {
            loom::stop_exploring();
            let (shared, place) = with_an_offender(2);
            let (done, tick) = Tally::new(1);
            let pushed = task(Location::caller(), &shared, move || tick.count());
            a_worker_comes_to(&shared, place, || {});
            shared.inject(pushed);
            done.wait();
            end_whole(shared);
        });
    }

    /// The poller brings one that is known to take long, and passes it on to another, to be back in the poll at once. One more is
    /// pushed at any moment. Mutation: `passed_task_is_dropped`.
    fn a_slow_task_is_passed_on() {
        bounded(1, || {
            loom::stop_exploring();
            let (shared, place) = (scheduler(2, 2), Location::caller());
            shared.offenders.note_slow(place);
            settle(&shared, 2);
            let (done, tick) = Tally::new(2);
            let other = tick.clone();
            let pushed = task(Location::caller(), &shared, move || other.count());
            let slow = task(place, &shared, move || tick.count());
            the_poller_brings(&shared, vec![slow]);
            shared.inject(pushed);
            done.wait();
            end_whole(shared);
        });
    }

    /// The poller brings a second one with it, which waits for the first in a way that blocks: whoever is to poll the first is
    /// woken, since this worker does not get to its sleep. Mutation: `passed_task_wakes_nobody`.
    fn for_a_task_that_is_passed_on_another_is_woken() {
        bounded(1, || {
            loom::stop_exploring();
            let (shared, place) = (scheduler(2, 2), Location::caller());
            shared.offenders.note_slow(place);
            settle(&shared, 2);
            let (first_ran, first) = Tally::new(1);
            let (done, tick) = Tally::new(1);
            let slow = task(place, &shared, move || first.count());
            let waits = task(Location::caller(), &shared, move || {
                first_ran.wait();
                tick.count();
            });
            the_poller_brings(&shared, vec![slow, waits]);
            done.wait();
            end_whole(shared);
        });
    }

    /// A worker passes one on, and before anybody else comes it takes it itself, while still more are idle than it needs.
    /// Mutation: `passed_on_for_ever`.
    fn a_task_is_passed_on_once() {
        model(|| {
            loom::stop_exploring();
            let (shared, place) = (scheduler(4, 4), Location::caller());
            shared.offenders.note_slow(place);
            let seats = [(); 3].map(|()| shared.slots.sit_down().unwrap());
            let worker = Worker::new(shared.clone(), shared.slots.sit_down().unwrap());
            // One left the poll, two lie on the stack, two permits are idle.
            let beds = seats.each_ref().map(|seat| shared.idle.sleep_as_spare(seat.index, false));
            assert_eq!(beds, [Bed::Poll, Bed::Stack, Bed::Stack]);
            assert!(shared.idle.leave_poll(seats[0].index));
            worker.take_the_permit();
            let (ran, tick) = Tally::new(1);
            let slow = task(place, &shared, move || tick.count());
            enter(&worker, || {
                shared.schedule(slow);
                assert_eq!(worker.step(), Step::Idle);
                assert_eq!((shared.idle.look(), shared.injector.is_empty()), ((1, false), false));
                assert_eq!(worker.step(), Step::Ran);
            });
            ran.wait();
            drop(worker);
            seats.into_iter().for_each(|seat| shared.slots.stand_up(seat));
            shut_down(&shared);
        });
    }

    /// The watch ticks on, until it would take the permit of anyone who has one. Mutation: `offender_keeps_a_permit_to_revoke`.
    fn a_watch_that_ticks_takes_no_permit_twice() {
        bounded(1, || {
            loom::stop_exploring();
            let (shared, place) = with_an_offender(2);
            let (second_ran, second) = Tally::new(1);
            let (done, tick) = Tally::new(1);
            let woken = task(Location::caller(), &shared, move || {
                loom::stop_exploring();
                second.count();
            });
            let inner = shared.clone();
            a_worker_comes_to(&shared, place, move || {
                inner.schedule(woken);
                second_ran.wait();
                tick.count();
            });
            let mut watch = Watch::new(shared.clone(), Reserve::default());
            for n in 1..=2 {
                watch.tick(n * TICK);
            }
            done.wait();
            permits_are_whole(&shared);
            shut_down(&shared);
        });
    }

    /// No other thread is there. The offender's own starts one, or, refused, leaves that to the reactor thread, which is
    /// refused too, as long as it asks in vain. Mutations: `refused_thread_is_forgotten`,
    /// `refused_thread_is_on_its_way_for_ever`.
    fn an_offender_on_the_only_thread_has_another_started() {
        model(|| {
            loom::stop_exploring();
            let (shared, place) = with_an_offender(1);
            let (mut watch, mut supply) = (Watch::new(shared.clone(), Reserve::default()), Supply::new(shared.clone()));
            refuse_after(0);
            let (second_ran, second) = Tally::new(1);
            let (done, tick) = Tally::new(1);
            let pushed = task(Location::caller(), &shared, move || second.count());
            a_worker_comes_to(&shared, place, move || {
                second_ran.wait();
                tick.count();
            });
            shared.inject(pushed);
            watch.tick(TICK);
            supply.tick(TICK);
            loom::stop_exploring();
            // Or it was over at once: after a poll during which the watch looked the injector goes first.
            until(|| shared.lifecycle.wants_thread() || shared.all_idle());
            refuse_after(1);
            until(|| {
                watch.tick(TICK);
                supply.tick(TICK);
                shared.threads() == 2
            });
            done.wait();
            permits_are_whole(&shared);
            shut_down(&shared);
        });
    }
}
