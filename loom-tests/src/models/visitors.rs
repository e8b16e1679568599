//! Visitors: the poll of a `block_on`'s own future begins, or goes on after a call that was said to block, just when the watch
//! goes to sleep. It is seen all the same.

use std::panic::Location;

use loom::thread;

use super::engine::{TICK, Tally, end_whole, scheduler_with, settle, sleep_and_look};
use crate::explore::{model, models};
use crate::primitives::Arc;
use crate::primitives::clock::{NEVER, Nanos};
use crate::scheduler::{Reserve, Shared, Visit, Watch, block_in_place};

/// A scheduler of which nobody does anything, and a watch that has seen that. From here on nothing is explored until the model says so.
fn quiet() -> (Arc<Shared>, Watch) {
    loom::stop_exploring();
    let shared = scheduler_with(1, 1, |config| config.watch.report_after = 1000 * TICK);
    settle(&shared, 1);
    let mut watch = Watch::new(shared.clone(), Reserve::default());
    watch.tick(TICK);
    (shared, watch)
}

/// Sleeps and looks in turns, from the `first` tick on, until the watch knows of a poll of which there may be something to tell, or of
/// none.
fn sleeps_until_it_knows(shared: &Shared, watch: &mut Watch, first: Nanos, of_one: bool) {
    sleep_and_look(shared, first, |now| {
        watch.tick(now);
        (watch.next_notice() != NEVER) == of_one
    });
}

models! { "visitors";
    /// Mutations: `visitor_tells_nobody`, `visitor_is_news_to_nobody`.
    fn a_poll_that_begins_is_seen() {
        model(|| {
            let (shared, mut watch) = quiet();
            loom::explore();
            let (seen, sees) = Tally::new(1);
            let theirs = shared.clone();
            let visitor = thread::spawn(move || {
                let visit = Visit::new(&theirs, Location::caller());
                visit.poll(|| seen.wait());
            });
            sleeps_until_it_knows(&shared, &mut watch, 2, true);
            sees.count();
            visitor.join().unwrap();
            end_whole(shared);
        });
    }

    /// What the future does after a call that it had said may block counts again. Mutations: `visitor_is_back_and_tells_nobody`,
    /// `visitor_declares_nothing`.
    fn a_poll_that_goes_on_after_an_announced_call_is_seen() {
        model(|| {
            let (shared, mut watch) = quiet();
            let (away, returns) = Tally::new(1);
            let (begun, begins) = Tally::new(1);
            let (seen, sees) = Tally::new(1);
            let theirs = shared.clone();
            let visitor = thread::spawn(move || {
                let visit = Visit::new(&theirs, Location::caller());
                visit.poll(|| {
                    block_in_place(|| {
                        begins.count();
                        away.wait();
                    });
                    seen.wait();
                });
            });
            begun.wait();
            for n in 2..=3 {
                watch.tick(n * TICK);
            }
            assert_eq!(watch.next_notice(), NEVER, "it has said so itself");
            loom::explore();
            returns.count();
            sleeps_until_it_knows(&shared, &mut watch, 4, true);
            sees.count();
            visitor.join().unwrap();
            end_whole(shared);
        });
    }

    /// A poll that was seen ends while the watch sleeps on: it is over, and does not count as lasting until the watch's next date.
    /// Mutation: `visitor_ends_and_tells_nobody`.
    fn a_poll_that_ends_is_seen() {
        model(|| {
            let (shared, mut watch) = quiet();
            let (begun, begins) = Tally::new(1);
            let (lasts, ends) = Tally::new(1);
            let theirs = shared.clone();
            let visitor = thread::spawn(move || {
                let visit = Visit::new(&theirs, Location::caller());
                visit.poll(|| {
                    begins.count();
                    lasts.wait();
                });
                drop(visit);
            });
            begun.wait();
            watch.tick(2 * TICK);
            assert_ne!(watch.next_notice(), NEVER);
            loom::explore();
            ends.count();
            sleeps_until_it_knows(&shared, &mut watch, 3, false);
            visitor.join().unwrap();
            end_whole(shared);
        });
    }

    /// Whoever comes next to the place of one who has left is not taken for that one, however long it was there. Mutation:
    /// `visitor_leaves_within_its_poll`.
    fn the_next_visitor_is_another() {
        model(|| {
            let (shared, mut watch) = quiet();
            loom::explore();
            for n in [100, 200, 300] {
                let visit = Visit::new(&shared, Location::caller());
                let date = visit.poll(|| {
                    watch.tick(n * TICK);
                    watch.tick((n + 1) * TICK);
                    watch.next_notice()
                });
                assert_eq!(date, (n + 1000) * TICK, "its age counts from its own beginning");
            }
            assert_eq!(shared.visitors.iter().count(), 1);
            end_whole(shared);
        });
    }
}
