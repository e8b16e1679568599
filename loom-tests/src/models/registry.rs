//! The registry: a shard filled by its owner and emptied by all, against shutdown, against lookers, and against the close.

use std::future::pending;
use std::task::Poll;

use loom::thread;

use super::one_place::{Alive, Place, Yields, poll};
use crate::explore::{bounded, models};
use crate::primitives::Arc;
use crate::primitives::atomic::{AtomicBool, Ordering};
use crate::tasks::{JoinHandle, Notified};

/// A task that ends in its first poll, detached.
fn short(place: &Arc<Place>, alive: &Alive) -> Notified {
    let (handle, notified) = Place::bind(place, Yields::new(0, alive.token()));
    drop(handle);
    notified.expect("the registry is open")
}

fn run(task: Notified) {
    assert!(task.poll_once().is_none());
}

/// A task that never ends by itself, never polled.
fn endless(place: &Arc<Place>, alive: &Alive) -> JoinHandle<()> {
    let token = alive.token();
    let (handle, notified) = Place::bind(place, async move {
        let _token = token;
        pending::<()>().await;
    });
    drop(notified);
    handle
}

fn must_be_cancelled(mut handle: JoinHandle<()>) {
    let Poll::Ready(Err(error)) = poll(&mut handle) else { panic!("nobody will ever end this task") };
    assert!(error.is_cancelled());
}

models! { "registry";
    /// The owner enters tasks while another thread ends others of its shard, whose words are used again.
    /// Mutations: `give_back_relaxed`, `take_freed_relaxed`, `give_back_forgets_the_list`, `take_freed_leaves_the_list`.
    fn words_come_back_to_their_owner_and_hold_one_task_each() {
        bounded(3, || {
            let (place, alive) = (Place::new(), Alive::new());
            let (first, second) = (short(&place, &alive), short(&place, &alive));
            let worker = thread::spawn(move || {
                run(first);
                run(second);
            });
            let (third, fourth) = (short(&place, &alive), short(&place, &alive));
            worker.join().unwrap();
            let fifth = short(&place, &alive);
            assert_eq!(place.registry.len(), 3);
            [third, fourth, fifth].into_iter().for_each(run);
            assert_eq!((alive.count(), place.registry.len()), (0, 0));
            // Two words were free at the end of the worker at the latest: the fifth task needs no fifth word.
            let seen = std::cell::Cell::new(0);
            let rest: Vec<_> = (0..4).map(|_| short(&place, &alive)).collect();
            place.registry.for_each(|_| seen.set(seen.get() + 1));
            assert_eq!(seen.get(), 4);
            rest.into_iter().for_each(run);
        });
    }

    /// A task ends by itself while its shard is emptied, and its word is given to another.
    /// Mutations: `release_by_key_alone`, `release_forgets_the_reference`.
    fn a_completion_against_shutdown_gives_up_each_reference_once() {
        bounded(3, || {
            let (place, alive) = (Place::new(), Alive::new());
            let first = short(&place, &alive);
            let worker = thread::spawn(move || run(first));
            place.registry.shutdown(None);
            let (mut second, notified) = Place::bind(&place, Yields::new(0, alive.token()));
            worker.join().unwrap();
            assert_eq!(place.registry.len(), 1);
            run(notified.unwrap());
            assert!(matches!(poll(&mut second), Poll::Ready(Ok(_))));
            drop(second);
            assert_eq!((alive.count(), place.registry.len()), (0, 0));
        });
    }

    /// A task ends while somebody looks at it.
    /// Mutations: `release_ignores_a_look`, `end_of_a_look_forgets_the_reference`, `a_look_takes_no_hold`.
    fn a_task_may_end_while_it_is_looked_at() {
        bounded(3, || {
            let (place, alive) = (Place::new(), Alive::new());
            let task = short(&place, &alive);
            let looker = {
                let place = place.clone();
                thread::spawn(move || place.registry.for_each(|seen| assert_eq!(seen.name, None)))
            };
            run(task);
            looker.join().unwrap();
            assert_eq!((alive.count(), place.registry.len()), (0, 0));
        });
    }

    /// A task is entered while somebody looks.
    /// Mutations: `enter_relaxed`, `look_relaxed_at_the_word`, `grown_relaxed`.
    fn a_task_is_seen_whole_or_not_at_all() {
        bounded(3, || {
            let (place, alive) = (Place::new(), Alive::new());
            let looker = {
                let place = place.clone();
                thread::spawn(move || place.registry.for_each(|seen| assert_eq!(seen.name, None)))
            };
            let task = short(&place, &alive);
            looker.join().unwrap();
            run(task);
            assert_eq!((alive.count(), place.registry.len()), (0, 0));
        });
    }

    /// Row 24 of the faults. Nobody polls any more: what the registry took in, it must have cancelled. A thread without a seat.
    /// Mutations: `bind_ignores_the_close`, `bind_without_the_lock`.
    fn a_spawn_from_outside_against_shutdown_always_gets_an_answer() {
        bounded(3, || {
            let (place, alive) = (Place::new(), Alive::new());
            let spawner = {
                let (place, alive) = (place.clone(), alive.clone());
                thread::spawn(move || endless(&place, &alive))
            };
            place.registry.close();
            place.registry.shutdown(None);
            must_be_cancelled(spawner.join().unwrap());
            assert_eq!((alive.count(), place.registry.len()), (0, 0));
        });
    }

    /// The same of a worker, which makes its own pass once it has noticed the end; that nothing else tells it.
    /// Mutation: `shutdown_without_the_lock`.
    fn a_worker_that_spawns_against_shutdown_cancels_its_own() {
        bounded(3, || {
            let (place, alive) = (Place::new(), Alive::new());
            let noticed = Arc::new(AtomicBool::new(false));
            let closer = {
                let (place, noticed) = (place.clone(), noticed.clone());
                thread::spawn(move || {
                    place.registry.close();
                    // Relaxed on purpose: the worker's flag publishes nothing.
                    noticed.store(true, Ordering::Relaxed);
                })
            };
            let first = endless(&place, &alive);
            if noticed.load(Ordering::Relaxed) {
                place.registry.shutdown(place.seat());
                must_be_cancelled(first);
                // After its pass it knows of the close.
                must_be_cancelled(endless(&place, &alive));
                closer.join().unwrap();
            } else {
                closer.join().unwrap();
                place.registry.shutdown(None);
                must_be_cancelled(first);
            }
            assert_eq!((alive.count(), place.registry.len()), (0, 0));
        });
    }
}
