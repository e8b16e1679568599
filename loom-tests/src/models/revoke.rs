//! The watch takes the permit of a poll that is not over, at any moment: permits stay whole, each task is run once, and the
//! owner, once it can know, begins no further poll.
//!
//! The system says of every thread that it sleeps, whatever it is at. So the owner may be at the end of that poll, in the next
//! one, or about to sleep when the watch, which has looked before, takes the permit from it.

use std::cell::Cell;
use std::panic::Location;
use std::sync::Mutex;

use loom::thread;

use super::engine::{TICK, Tally, scheduler, settle, shut_down, task, until};
use crate::explore::{bounded, models};
use crate::primitives::Arc;
use crate::primitives::thread::seem_asleep;
use crate::scheduler::progress::Control;
use crate::scheduler::{Reserve, Shared, Watch, with_current};
use crate::tasks::Notified;

std::thread_local! {
    /// In how many rounds a permit was taken, and in how many its owner began one poll more.
    static ROUNDS: Cell<(u64, u64)> = const { Cell::new((0, 0)) };
}

/// [`bounded`]. The body returns its scheduler when all is done, and explores no more. A permit may not be taken twice, nor may it
/// be that none is taken in any round. `more`: whether there are rounds in which the owner then begins one poll more.
fn revoking(preemptions: usize, more: bool, body: impl Fn() -> (Arc<Shared>, Polls) + Send + Sync + 'static) {
    ROUNDS.set((0, 0));
    bounded(preemptions, move || {
        let (shared, polls) = body();
        let begun = polls.without_permit();
        until(|| {
            if !shared.idle.look().1 {
                // Nobody polls: the reactor thread's next tick sees to that.
                shared.wake_one();
            }
            shared.all_idle()
        });
        thread::yield_now();
        assert!(shared.all_idle(), "a permit too many");
        let taken = shared.figures.read().blocked;
        assert!(taken <= 1, "one permit was taken {taken} times");
        let (rounds, rounds_more) = ROUNDS.get();
        ROUNDS.set((rounds + taken, rounds_more + begun));
        shut_down(&shared);
    });
    let (rounds, rounds_more) = ROUNDS.get();
    assert!(rounds > 0, "no permit was taken in any round");
    assert_eq!(rounds_more > 0, more, "of {rounds} owners {rounds_more} began one poll more");
}

/// A scheduler with one permit and room for two threads, of which `threads` sleep, and the watch over it.
fn watched(threads: usize) -> (Arc<Shared>, Watch) {
    seem_asleep();
    let shared = scheduler(1, 2);
    settle(&shared, threads);
    let watch = Watch::new(shared.clone(), Reserve::default());
    (shared, watch)
}

/// Who knows that its permit is gone. Not loom's, for it must order nothing.
#[derive(Debug, Clone, Default)]
struct Polls(std::sync::Arc<Mutex<[Owner; 2]>>);

#[derive(Debug, Default)]
struct Owner {
    knows: bool,
    /// It began a poll without a permit, unawares.
    went_on: bool,
    /// It began one although it knew.
    polled_on: bool,
}

impl Polls {
    /// A task that counts its poll, and does `job` in it.
    fn task(
        &self,
        location: &'static Location<'static>,
        shared: &Arc<Shared>,
        job: impl FnOnce() + Send + 'static,
    ) -> Notified {
        let (polls, theirs) = (self.clone(), shared.clone());
        task(location, shared, move || {
            let me = with_current(|worker| worker.expect("a worker polls").index());
            let is_revoked = || theirs.slots.get(me).control() == Control::Revoked;
            polls.begins(me, is_revoked());
            job();
            polls.ends(me, is_revoked());
        })
    }

    /// Only one permit is taken in a round: who finds its own gone, and found so before, has begun a poll without looking.
    fn begins(&self, me: usize, is_revoked: bool) {
        let owner = &mut self.0.lock().unwrap()[me];
        owner.polled_on |= owner.knows && is_revoked;
        owner.knows |= is_revoked;
        owner.went_on |= is_revoked;
    }

    fn ends(&self, me: usize, is_revoked: bool) {
        self.0.lock().unwrap()[me].knows |= is_revoked;
    }

    /// How many owners began one poll more.
    fn without_permit(&self) -> u64 {
        let owners = self.0.lock().unwrap();
        assert!(owners.iter().all(|owner| !owner.polled_on), "an owner polls on, and can know that it has no permit");
        owners.iter().map(|owner| u64::from(owner.went_on)).sum()
    }
}

models! { "revoke";
    /// The poll ends at that moment, and another waits behind it. Mutations: `owner_ignores_that_it_is_revoked`,
    /// `control_changes_by_store`, `watch_takes_a_permit_that_was_given_back`, `owner_gives_back_what_was_taken`.
    fn an_owner_begins_one_poll_more_at_most() {
        revoking(1, true, || {
            loom::stop_exploring();
            let ((shared, mut watch), polls) = (watched(2), Polls::default());
            let (begun, begins) = Tally::new(1);
            let (may_end, ends) = Tally::new(1);
            let (done, tick) = Tally::new(2);
            let other = tick.clone();
            let behind = polls.task(Location::caller(), &shared, move || other.count());
            let inner = shared.clone();
            shared.inject(polls.task(Location::caller(), &shared, move || {
                inner.schedule_last(behind);
                begins.count();
                may_end.wait();
                tick.count();
            }));
            begun.wait();
            watch.tick(TICK);
            ends.count();
            loom::explore();
            watch.tick(2 * TICK);
            done.wait();
            loom::stop_exploring();
            (shared, polls)
        });
    }

    /// It ends at that moment, and another is pushed from outside: the owner takes a permit again, or the other thread has it.
    /// Mutations: `revoked_permit_goes_to_nobody`, `revoked_permit_goes_twice`.
    fn a_push_while_the_permit_goes_is_not_lost() {
        revoking(1, true, || {
            loom::stop_exploring();
            let ((shared, mut watch), polls) = (watched(2), Polls::default());
            let (begun, begins) = Tally::new(1);
            let (may_end, ends) = Tally::new(1);
            let (done, tick) = Tally::new(2);
            let other = tick.clone();
            let pushed = polls.task(Location::caller(), &shared, move || other.count());
            shared.inject(polls.task(Location::caller(), &shared, move || {
                begins.count();
                may_end.wait();
                tick.count();
            }));
            begun.wait();
            watch.tick(TICK);
            ends.count();
            loom::explore();
            let theirs = shared.clone();
            let pusher = thread::spawn(move || theirs.inject(pushed));
            watch.tick(2 * TICK);
            done.wait();
            loom::stop_exploring();
            pusher.join().unwrap();
            (shared, polls)
        });
    }

    /// There is no spare yet: one lies down just then, and the poll does not end before it has run what waits. What that poll wakes
    /// afterwards, when the watch comes no more, is run too. Mutations: `spare_lies_down_without_a_look`,
    /// `revoked_owner_fills_its_lifo_slot`.
    fn a_permit_is_given_on_while_a_spare_lies_down() {
        revoking(1, false, || {
            loom::stop_exploring();
            let ((shared, mut watch), polls) = (watched(1), Polls::default());
            let (begun, begins) = Tally::new(1);
            let (first_ran, first) = Tally::new(1);
            let (second_ran, second) = Tally::new(1);
            let (done, tick) = Tally::new(1);
            let first = polls.task(Location::caller(), &shared, move || first.count());
            let second = polls.task(Location::caller(), &shared, move || second.count());
            let inner = shared.clone();
            shared.inject(polls.task(Location::caller(), &shared, move || {
                inner.schedule(first);
                begins.count();
                first_ran.wait();
                inner.schedule(second);
                second_ran.wait();
                tick.count();
            }));
            begun.wait();
            watch.tick(TICK);
            loom::explore();
            Shared::start_thread(&shared).unwrap();
            watch.tick(2 * TICK);
            done.wait();
            loom::stop_exploring();
            (shared, polls)
        });
    }

    /// The poll fills its LIFO slot and ends, when the watch has looked there or has yet to. Owner, watch and the thread that the
    /// permit goes to may each take it, and what waits in the queue. Mutations: `revoked_owner_keeps_its_lifo_slot`,
    /// `watch_copies_the_lifo_slot`.
    fn a_lifo_slot_filled_while_the_permit_goes_is_not_stranded() {
        revoking(1, true, || {
            loom::stop_exploring();
            let ((shared, mut watch), polls) = (watched(2), Polls::default());
            let (begun, begins) = Tally::new(1);
            let (may_go_on, goes_on) = Tally::new(1);
            let (done, tick) = Tally::new(3);
            let (last, other) = (tick.clone(), tick.clone());
            let queued = polls.task(Location::caller(), &shared, move || other.count());
            let woken = polls.task(Location::caller(), &shared, move || {
                loom::stop_exploring();
                last.count();
            });
            let inner = shared.clone();
            shared.inject(polls.task(Location::caller(), &shared, move || {
                inner.schedule_last(queued);
                begins.count();
                may_go_on.wait();
                inner.schedule(woken);
                tick.count();
            }));
            begun.wait();
            watch.tick(TICK);
            goes_on.count();
            loom::explore();
            watch.tick(2 * TICK);
            done.wait();
            (shared, polls)
        });
    }

    /// The same of a poll that does not end before the task in its slot has run: should the watch have looked there too early, it looks
    /// again, though there is no permit to take. Mutation: `watch_leaves_revoked_slots_alone`.
    fn a_lifo_slot_filled_by_a_poll_that_lasts_is_not_stranded() {
        revoking(3, false, || {
            loom::stop_exploring();
            let ((shared, mut watch), polls) = (watched(2), Polls::default());
            let (begun, begins) = Tally::new(1);
            let (may_go_on, goes_on) = Tally::new(1);
            let (woken_ran, ran) = Tally::new(1);
            let (done, tick) = Tally::new(1);
            let woken = polls.task(Location::caller(), &shared, move || ran.count());
            let inner = shared.clone();
            shared.inject(polls.task(Location::caller(), &shared, move || {
                begins.count();
                may_go_on.wait();
                inner.schedule(woken);
                woken_ran.wait();
                tick.count();
            }));
            begun.wait();
            watch.tick(TICK);
            goes_on.count();
            loom::explore();
            watch.tick(2 * TICK);
            loom::stop_exploring();
            for n in 3..=16 {
                // So many more come before it sleeps.
                thread::yield_now();
                watch.tick(n * TICK);
            }
            done.wait();
            (shared, polls)
        });
    }
}
