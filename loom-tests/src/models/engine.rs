//! What the models of the scheduler stand on: a whole scheduler, its workers on loom's threads, and jobs that count.

use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::primitives::Arc;
use crate::primitives::atomic::{AtomicUsize, Ordering, fence};
use crate::primitives::clock::{Clock, MILLISECOND, NEVER, Nanos};
use crate::primitives::parker::{Parker, Unparker};
use crate::primitives::thread::Spawner;
use crate::reactor::Reactor;
use crate::scheduler::idle::Bed;
use crate::scheduler::stall::Rules;
use crate::scheduler::{Config, Shared};
use crate::tasks::{Id, Notified};

/// The watch's tick in the models.
pub(super) const TICK: Nanos = MILLISECOND;

/// A scheduler with `permits` permits and room for `threads` threads, none of them started.
pub(super) fn scheduler(permits: usize, threads: usize) -> Arc<Shared> {
    scheduler_with(permits, threads, |_| {})
}

/// [`scheduler`], with something else about it.
pub(super) fn scheduler_with(permits: usize, threads: usize, change: impl FnOnce(&mut Config)) -> Arc<Shared> {
    let mut config = Config {
        permits,
        max_threads: threads,
        hands_off: true,
        keep_alive: NEVER,
        watch: Rules {
            watches: true,
            tick: TICK,
            hands_off: true,
            max_cpu_extra: 1,
            visitors: true,
            report_after: NEVER,
            built_at: Location::caller(),
            notices: None,
        },
        event_interval: 1000,
        global_queue_interval: 1000,
        threads: Spawner::plain(),
        around: std::sync::Arc::new(|body: &mut dyn FnMut()| body()),
        on_park: None,
        on_unpark: None,
        seed: 1,
    };
    change(&mut config);
    let reactor = Arc::new(Reactor::new(permits + 1, Clock::new()).unwrap());
    Arc::new(Shared::new(config, reactor))
}

/// [`scheduler`] with `threads` threads started.
pub(super) fn started(permits: usize, threads: usize) -> Arc<Shared> {
    let shared = scheduler(permits, threads);
    (0..threads).for_each(|_| Shared::start_thread(&shared).unwrap());
    shared
}

/// [`started`], and every thread has lain down: the model begins after that.
pub(super) fn settled(permits: usize, threads: usize) -> Arc<Shared> {
    loom::stop_exploring();
    let shared = scheduler(permits, threads);
    settle(&shared, threads);
    loom::explore();
    shared
}

/// Starts `threads` threads, which lie down. Not to be explored.
pub(super) fn settle(shared: &Arc<Shared>, threads: usize) {
    (0..threads).for_each(|_| Shared::start_thread(shared).unwrap());
    // Each thread runs until it sleeps.
    loom::thread::yield_now();
    assert!(shared.all_idle());
}

/// Every permit comes back to where it belongs, once all threads sleep. Not to be explored.
pub(super) fn permits_are_whole(shared: &Shared) {
    until(|| shared.all_idle());
}

/// Waits for what the other threads bring about before they sleep. Not to be explored.
pub(super) fn until(mut is_so: impl FnMut() -> bool) {
    let comes = (0..100).any(|_| {
        loom::thread::yield_now();
        // Who lies down fences too: what it announced before is seen here, not what was so at some time.
        fence(Ordering::SeqCst);
        is_so()
    });
    assert!(comes, "it never comes to that");
}

/// On the watch's thread: sleeps and looks in turns, from the `first` tick on, until a look at that time says that it is over. Loom
/// reports a deadlock if it sleeps on what it saw before.
pub(super) fn sleep_and_look(shared: &Shared, first: Nanos, mut look: impl FnMut(Nanos) -> bool) {
    let parker = Parker::new();
    shared.watch_answers(parker.unparker());
    for n in first.. {
        shared.watch_sleeps(&parker, None);
        if look(n * TICK) {
            return;
        }
    }
}

/// Ends it as the runtime does, in one order of events: how it ends is for the models of the shutdown. Whatever is left after
/// that shows as a leak of loom's `Arc`s.
pub(super) fn end(shared: Arc<Shared>) {
    loom::stop_exploring();
    shut_down(&shared);
}

/// [`end`], after a look whether all permits came back.
pub(super) fn end_whole(shared: Arc<Shared>) {
    loom::stop_exploring();
    permits_are_whole(&shared);
    shut_down(&shared);
}

/// Ends it in every order.
pub(super) fn shut_down(shared: &Arc<Shared>) {
    shared.close();
    shared.lifecycle.wait(0, None);
    shared.registry.shutdown(None);
    shared.drain();
}

/// Spawns a task that calls `job` in its one poll, and lets go of its handle.
pub(super) fn spawn(shared: &Arc<Shared>, job: impl FnOnce() + Send + 'static) {
    drop(Shared::spawn(shared, Once(Some(job)), Location::caller(), None));
}

/// A task that counts, as [`task`].
pub(super) fn piece(shared: &Arc<Shared>, ran: &Arc<AtomicUsize>) -> Notified {
    let ran = ran.clone();
    // Relaxed: read after a join.
    task(Location::caller(), shared, move || {
        ran.fetch_add(1, Ordering::Relaxed);
    })
}

/// A task that calls `job` and lies in no queue yet: making one takes steps that have nothing to do with queues.
pub(super) fn task(
    location: &'static Location<'static>,
    shared: &Arc<Shared>,
    job: impl FnOnce() + Send + 'static,
) -> Notified {
    let (handle, task) = shared.registry.bind(None, Once(Some(job)), shared.clone(), Id::next(), location, None);
    drop(handle);
    task.expect("the registry is open")
}

/// A future that calls a function, once.
struct Once<F>(Option<F>);

impl<F> Unpin for Once<F> {}

impl<F: FnOnce()> Future for Once<F> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        self.0.take().expect("polled once")();
        Poll::Ready(())
    }
}

/// Counts up to a number and lets one thread wait for that.
pub(super) struct Tally {
    missing: AtomicUsize,
    parker: Parker,
}

/// The counting side of a [`Tally`].
#[derive(Clone)]
pub(super) struct Tick(Arc<Tally>, Unparker);

impl Tally {
    /// The waiting side, and one to count with.
    pub(super) fn new(of: usize) -> (Arc<Self>, Tick) {
        let parker = Parker::new();
        let unparker = parker.unparker();
        let tally = Arc::new(Self { missing: AtomicUsize::new(of), parker });
        (tally.clone(), Tick(tally, unparker))
    }

    /// Sleeps until all have counted. A task that is lost leaves loom with a deadlock.
    pub(super) fn wait(&self) {
        // Relaxed: published by the token.
        while self.missing.load(Ordering::Relaxed) > 0 {
            self.parker.park();
        }
    }
}

impl Tick {
    pub(super) fn count(self) {
        // Relaxed: published by the token.
        if self.0.missing.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.1.unpark();
        }
    }
}
