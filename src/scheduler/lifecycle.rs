//! A scheduler's life: whether it is closing, how many threads live, and whether one more is wanted.

use std::time::Duration;

use crate::primitives::atomic::{AtomicBool, AtomicUsize, Ordering};
use crate::primitives::clock::{Clock, NEVER, nanos};
use crate::primitives::{Arc, Condvar, Mutex};

#[derive(Debug, Clone)]
pub(crate) struct Lifecycle(Arc<State>);

#[derive(Debug)]
struct State {
    closing: AtomicBool,
    wants_thread: AtomicBool,
    /// Threads that were started and have not lain down yet.
    starting: AtomicUsize,
    living: Mutex<usize>,
    ended: Condvar,
}

/// One living thread; its drop says that the thread is done.
#[derive(Debug)]
pub(crate) struct Living(Arc<State>);

/// A worker's thread on its way; its drop says that it has lain down, or that it never will.
#[derive(Debug)]
pub(crate) struct Starting(Arc<State>);

impl Lifecycle {
    pub(crate) fn new() -> Self {
        Self(Arc::new(State {
            closing: AtomicBool::new(false),
            wants_thread: AtomicBool::new(false),
            starting: AtomicUsize::new(0),
            living: Mutex::new(0),
            ended: Condvar::new(),
        }))
    }

    pub(crate) fn is_closing(&self) -> bool {
        // Relaxed: a worker that reads it late runs one more task; a sleeper's look is ordered by its fence.
        self.0.closing.load(Ordering::Relaxed)
    }

    /// True for the first who closes.
    pub(crate) fn close(&self) -> bool {
        // Relaxed: the caller's fence orders it before the wake-up of the sleepers.
        !self.0.closing.swap(true, Ordering::Relaxed)
    }

    /// A permit lies idle and no thread is there to use it: the reactor thread is to start one.
    pub(crate) fn want_thread(&self) {
        // ORDERING: Release, edge "thread-wanted": the look that found nobody comes before that of whoever takes the want. A swap for
        // loom's sake, which takes a plain store for one that `take_want` may miss and yet overwrite.
        self.0.wants_thread.swap(true, Ordering::Release);
    }

    pub(crate) fn wants_thread(&self) -> bool {
        self.0.wants_thread.load(Ordering::Relaxed)
    }

    /// Whether a thread was wanted; from now on it is the caller's duty.
    pub(crate) fn take_want(&self) -> bool {
        // ORDERING: Acquire, edge "thread-wanted", as above; without it an older sleeper could be taken for one that lay down since.
        // A want that comes later is seen at the next tick.
        self.wants_thread() && self.0.wants_thread.swap(false, Ordering::Acquire)
    }

    /// One more worker's thread is on its way.
    pub(crate) fn starts(&self) -> Starting {
        // Relaxed: counts, and publishes nothing.
        self.0.starting.fetch_add(1, Ordering::Relaxed);
        Starting(self.0.clone())
    }

    /// How many threads are on their way.
    pub(crate) fn starting(&self) -> usize {
        // ORDERING: Acquire, edge "has-lain-down": of one that is not counted any more it is seen where it lies. Without it another
        // might be started in its stead. (No model can tell it from Relaxed.)
        self.0.starting.load(Ordering::Acquire)
    }

    pub(crate) fn thread_starts(&self) -> Living {
        *self.0.living.lock() += 1;
        Living(self.0.clone())
    }

    /// Waits until at most `spared` threads live, or until `limit` has passed. How many still live.
    pub(crate) fn wait(&self, spared: usize, limit: Option<Duration>) -> usize {
        let (clock, limit) = (Clock::new(), limit.map_or(NEVER, nanos));
        let mut living = self.0.living.lock();
        while *living > spared {
            let left = limit.saturating_sub(clock.now());
            living = match limit {
                NEVER => self.0.ended.wait(living),
                _ if left == 0 => break,
                _ => self.0.ended.wait_timeout(living, Duration::from_nanos(left)),
            };
        }
        *living
    }
}

impl Drop for Starting {
    fn drop(&mut self) {
        // ORDERING: Release, edge "has-lain-down": publishes where the thread lies to whoever counts.
        self.0.starting.fetch_sub(1, Ordering::Release);
    }
}

impl Drop for Living {
    fn drop(&mut self) {
        let mut living = self.0.living.lock();
        *living -= 1;
        // Nobody waits for more than that: all, or all but the thread that waits.
        let last = *living <= 1;
        drop(living);
        if last {
            self.0.ended.notify_all();
        }
    }
}
