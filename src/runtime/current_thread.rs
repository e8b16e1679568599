//! The `current_thread` flavour: whoever is in `block_on` steps the one worker on its own thread.
//!
//! The worker is a baton ([`Driver`]). Of several threads in `block_on` one takes it; the others wait for their own futures
//! to be woken, or for the worker to be put back. A `block_on` inside a task of the same runtime steps the same worker from
//! within: all its state is in cells, and the outer task is marked as running, so it is not polled twice. So does one that
//! is further within, in a task of another runtime that this thread drives meanwhile.

use std::future::Future;
use std::panic::Location;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use super::Inner;
use super::baton::{Baton, Listed};
use crate::primitives::clock::Nanos;
use crate::primitives::parker::{Parker, Unparker};
use crate::reactor::{Armed, TimerKey};
use crate::scheduler::{self, Shared, Step, Visit, Worker};
use crate::tasks::coop;

/// How long a driver sleeps at most while the blocking pool waits for its first thread: 10 ms.
const RETRY_AFTER: Nanos = 10_000_000;

/// The worker, which lies here while nobody drives it. Several may want to; see `baton.rs`.
pub(super) struct Driver(Baton<Worker>);

impl Driver {
    pub(super) fn new(worker: Worker) -> Self {
        Self(Baton::new(worker))
    }

    /// Closes the worker if nobody drives it; whoever drives it will.
    pub(super) fn end(&self) {
        if let Some(worker) = self.0.take() {
            scheduler::enter(&worker, || worker.close());
        }
    }

    /// Puts the worker back and lets all who wait try for it.
    ///
    /// Of a shutdown meanwhile this thread, the one that shuts down or one that drives next sees to what the worker has:
    /// whichever takes the baton last knows of the end.
    fn put_back(&self, worker: Worker) {
        worker.give_back_the_permit();
        let shared = worker.shared().clone();
        self.0.put_back(worker);
        if shared.lifecycle.is_closing() {
            self.end();
        }
    }
}

/// Runs `future` here, and the runtime with it.
#[track_caller]
pub(super) fn block_on<F: Future>(inner: &Inner, driver: &Driver, future: F) -> F::Output {
    let (mut future, location) = (pin!(future), Location::caller());
    let nested = scheduler::with_entered(&inner.scheduler, |worker| {
        let worker = worker?;
        let _left = worker.leave_poll();
        // Another runtime's `block_on` may lie in between, and its future waits for this one.
        Some(scheduler::block_in_place(|| scheduler::enter(worker, || drive(inner, worker, future.as_mut(), location))))
    });
    match nested {
        Some(output) => output,
        // The thread may be a worker of another runtime, which then hands off.
        None => scheduler::block_in_place(|| drive_or_wait(inner, driver, future, location)),
    }
}

fn drive_or_wait<F: Future>(
    inner: &Inner,
    driver: &Driver,
    mut future: Pin<&mut F>,
    location: &'static Location<'static>,
) -> F::Output {
    let parker = Parker::new();
    let signal = Arc::new(Signal::new(inner.scheduler.clone(), parker.unparker()));
    let waker = Waker::from(signal.clone());
    let mut listed = Listed::default();
    let visit = Visit::new(&inner.scheduler, location);
    loop {
        if let Some(worker) = driver.0.take() {
            let driving = Driving { driver, worker: Some(worker) };
            let worker = driving.worker.as_ref().expect("put there a line above");
            worker.take_the_permit();
            return scheduler::enter(worker, || drive(inner, worker, future, location));
        }
        if signal.take() {
            if let Poll::Ready(output) = visit.poll(|| poll(&waker, future.as_mut())) {
                return output;
            }
        }
        driver.0.wait(&parker, &mut listed);
    }
}

/// Puts the worker back, also when the future panics.
struct Driving<'a> {
    driver: &'a Driver,
    worker: Option<Worker>,
}

impl Drop for Driving<'_> {
    fn drop(&mut self) {
        if let Some(worker) = self.worker.take() {
            self.driver.put_back(worker);
        }
    }
}

/// Polls `future` whenever it is woken, and steps the worker in between.
fn drive<F: Future>(
    inner: &Inner,
    worker: &Worker,
    mut future: Pin<&mut F>,
    location: &'static Location<'static>,
) -> F::Output {
    let parker = Parker::new();
    let signal = Arc::new(Signal::new(inner.scheduler.clone(), parker.unparker()));
    let waker = Waker::from(signal.clone());
    loop {
        if signal.take() {
            if let Poll::Ready(output) = worker.poll_own(location, || poll(&waker, future.as_mut())) {
                return output;
            }
        }
        for _ in 0..inner.scheduler.config.event_interval {
            match worker.step() {
                Step::Ran | Step::Surplus => {}
                Step::Idle => {
                    let _retry = inner.pool.wants_thread().then(|| Retry::new(inner, &waker)).flatten();
                    let _ = worker.sleep(&|| signal.is_set());
                }
                Step::Closing => {
                    worker.close();
                    parker.park();
                }
            }
            // After the step, not before: a future that always wakes itself must not starve the tasks.
            if signal.is_set() {
                break;
            }
        }
    }
}

/// No thread of the blocking pool could be made: asks again now, and, if refused again, wakes the driver to ask later.
struct Retry<'a> {
    inner: &'a Inner,
    timer: TimerKey,
}

impl<'a> Retry<'a> {
    fn new(inner: &'a Inner, waker: &Waker) -> Option<Self> {
        inner.pool.retry();
        let later = inner.reactor.clock().now() + RETRY_AFTER;
        let armed = inner.pool.wants_thread().then(|| inner.reactor.arm(0, later, waker.clone()))?;
        if let Armed::Pending(timer) = armed { Some(Self { inner, timer }) } else { None }
    }
}

impl Drop for Retry<'_> {
    fn drop(&mut self) {
        self.inner.reactor.timers().cancel(self.timer);
    }
}

fn poll<F: Future>(waker: &Waker, future: Pin<&mut F>) -> Poll<F::Output> {
    coop::budget(|| future.poll(&mut Context::from_waker(waker)))
}

/// The waker of a future in `block_on`: a flag, and an interrupt for a thread that sleeps.
struct Signal {
    set: AtomicBool,
    shared: Arc<Shared>,
    unparker: Unparker,
}

impl Signal {
    /// Set, so that the future is polled at first.
    fn new(shared: Arc<Shared>, unparker: Unparker) -> Self {
        Self { set: AtomicBool::new(true), shared, unparker }
    }

    fn is_set(&self) -> bool {
        // ORDERING: Acquire, edge "block-on-woken": what the waker did is seen by the poll that follows.
        self.set.load(Ordering::Acquire)
    }

    fn take(&self) -> bool {
        // ORDERING: Acquire, edge "block-on-woken", as above.
        self.set.swap(false, Ordering::Acquire)
    }
}

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // ORDERING: Release, edge "block-on-woken": pairs with the Acquires above. An earlier wake that was not yet
        // taken has interrupted already.
        if self.set.swap(true, Ordering::Release) {
            return;
        }
        self.unparker.unpark();
        // A thread that drives is awake: it looks at the flag before it sleeps.
        let drives = scheduler::with_current(|worker| worker.is_some_and(|worker| worker.belongs_to(&self.shared)));
        if !drives {
            self.shared.reactor.wake();
        }
    }
}
