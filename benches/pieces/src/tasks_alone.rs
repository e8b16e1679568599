//! The task cell without a runtime: its waker, its turn, its whole life. Whoever wakes it gets it into its hand.

use std::future::{pending, poll_fn, ready};
use std::panic::Location;
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};

use divan::{Bencher, black_box};

use crate::tasks::{Header, Id, JoinHandle, Notified, Registry, Schedule, Task, new};

/// The place a woken task is put: a scheduler for one task.
#[derive(Clone, Default)]
struct Hand(Arc<Mutex<Option<Notified>>>);

impl Hand {
    fn take(&self) -> Option<Notified> {
        self.0.lock().expect("nobody panics").take()
    }
}

impl Schedule for Hand {
    fn schedule(&self, task: Notified) {
        *self.0.lock().expect("nobody panics") = Some(task);
    }

    fn release(&self, _: &Header) -> Option<Task> {
        None
    }
}

/// A task that waits for ever, about to be polled.
pub(crate) fn idle_task() -> (Option<Notified>, JoinHandle<()>) {
    let (task, notified, handle) = new(pending::<()>(), Hand::default(), Id::next(), Location::caller());
    drop(task);
    (Some(notified), handle)
}

/// A task that waits for ever and has been polled once, its waker, and the hand it is put into.
fn polled_task() -> (Waker, Hand, JoinHandle<()>) {
    let hand = Hand::default();
    let seen = Arc::new(Mutex::new(None));
    let shown = seen.clone();
    let future = poll_fn(move |cx| {
        let mut shown = shown.lock().expect("nobody panics");
        if shown.is_none() {
            *shown = Some(cx.waker().clone());
        }
        Poll::Pending
    });
    let (task, notified, handle) = new(future, hand.clone(), Id::next(), Location::caller());
    drop(task);
    notified.run();
    let waker = seen.lock().expect("nobody panics").clone();
    (waker.expect("it was polled"), hand, handle)
}

#[divan::bench]
fn clone_and_drop_a_waker(bencher: Bencher<'_, '_>) {
    let (waker, _hand, _handle) = polled_task();
    // divan drops what is returned outside of its time.
    bencher.bench_local(|| drop(black_box(&waker).clone()));
}

/// Woken by reference, put into the hand (an uncontended lock), taken out, polled.
#[divan::bench]
fn wake_and_poll(bencher: Bencher<'_, '_>) {
    let (waker, hand, _handle) = polled_task();
    bencher.bench_local(|| {
        black_box(&waker).wake_by_ref();
        hand.take().expect("it was woken").run();
    });
}

/// Made, polled to its end, its handle dropped, freed; no registry.
#[divan::bench]
fn whole_life(bencher: Bencher<'_, '_>) {
    let hand = Hand::default();
    bencher.bench_local(|| {
        let (task, notified, handle) = new(ready(black_box(1)), hand.clone(), Id::next(), Location::caller());
        drop(task);
        notified.run();
        drop(handle);
    });
}

/// A scheduler that only keeps its tasks, entered and left from this seat.
#[derive(Clone)]
struct Keeper(Arc<Registry>, Option<usize>);

impl Schedule for Keeper {
    fn schedule(&self, _: Notified) {}

    fn release(&self, task: &Header) -> Option<Task> {
        self.0.release(self.1, task)
    }
}

/// As `whole_life`, entered into a registry and taken out again: by a worker, and by a thread that is none.
#[divan::bench(args = ["worker", "outsider"])]
fn whole_life_in_a_registry(bencher: Bencher<'_, '_>, who: &str) {
    let seat = (who == "worker").then_some(0);
    let keeper = Keeper(Arc::new(Registry::new(1)), seat);
    bencher.bench_local(|| {
        let future = ready(black_box(1));
        let (handle, notified) = keeper.0.bind(seat, future, keeper.clone(), Id::next(), Location::caller(), None);
        notified.expect("the registry is open").run();
        drop(handle);
    });
}
