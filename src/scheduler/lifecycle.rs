//! A scheduler's life: whether it is closing, how many threads live, and whether one more is wanted.

use std::time::{Duration, Instant};

use crate::primitives::atomic::{AtomicBool, Ordering};
use crate::primitives::{Arc, Condvar, Mutex};

#[derive(Debug, Clone)]
pub(crate) struct Lifecycle(Arc<State>);

#[derive(Debug)]
struct State {
    closing: AtomicBool,
    wants_thread: AtomicBool,
    living: Mutex<usize>,
    ended: Condvar,
}

/// One living thread; its drop says that the thread is done.
#[derive(Debug)]
pub(crate) struct Living(Arc<State>);

impl Lifecycle {
    pub(crate) fn new() -> Self {
        Self(Arc::new(State {
            closing: AtomicBool::new(false),
            wants_thread: AtomicBool::new(false),
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
        // Relaxed: read at the reactor thread's next tick.
        self.0.wants_thread.store(true, Ordering::Relaxed);
    }

    pub(crate) fn wants_thread(&self) -> bool {
        self.0.wants_thread.load(Ordering::Relaxed)
    }

    /// Whether a thread was wanted; from now on it is the caller's duty.
    pub(crate) fn take_want(&self) -> bool {
        // Relaxed: a want that comes later is seen at the next tick.
        self.wants_thread() && self.0.wants_thread.swap(false, Ordering::Relaxed)
    }

    pub(crate) fn thread_starts(&self) -> Living {
        *self.0.living.lock() += 1;
        Living(self.0.clone())
    }

    pub(crate) fn living(&self) -> usize {
        *self.0.living.lock()
    }

    /// Waits until at most `spared` threads live, or until `deadline`. How many still live.
    pub(crate) fn wait(&self, spared: usize, deadline: Option<Instant>) -> usize {
        let mut living = self.0.living.lock();
        while *living > spared {
            living = match deadline {
                None => self.0.ended.wait(living),
                Some(deadline) => match deadline.checked_duration_since(Instant::now()) {
                    None | Some(Duration::ZERO) => break,
                    Some(left) => self.0.ended.wait_timeout(living, left),
                },
            };
        }
        *living
    }
}

impl Drop for Living {
    fn drop(&mut self) {
        *self.0.living.lock() -= 1;
        self.0.ended.notify_all();
    }
}
