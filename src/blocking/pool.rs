//! The pool as the runtime sees it: closures in, join handles out.

use std::panic::Location;
use std::time::Duration;

use super::crew::{Config, Crew};
use super::job::{BlockingTask, Stuck, Unscheduled};
use crate::primitives::Arc;
use crate::tasks::{self, Id, JoinHandle, Notified};

/// A pool of threads for closures that may block. Dropped, it closes without waiting.
#[derive(Debug)]
pub(crate) struct Pool {
    crew: Arc<Crew<Notified>>,
}

/// Figures of a pool; each is right at some moment, not all at one.
#[allow(dead_code)] // until the runtime's metrics are there
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Metrics {
    /// Threads there are, those that are just starting included.
    pub(crate) threads: usize,
    /// Those of them that rest.
    pub(crate) idle: usize,
    /// Jobs that nobody has taken yet, aborted ones included.
    pub(crate) queued: usize,
}

impl Pool {
    pub(crate) fn new(config: Config) -> Self {
        Self { crew: Crew::new(config) }
    }

    /// Runs `body` on a thread of the pool. An abort before it begins drops it at once, on the thread that aborts; so does
    /// [`shutdown`](Self::shutdown). In a pool that is shut down it is dropped here. In each case the handle says cancelled.
    pub(crate) fn spawn<F, R>(&self, body: F, location: &'static Location<'static>) -> JoinHandle<R>
    where
        F: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        let (task, notified, handle) = tasks::new(BlockingTask::new(body), Unscheduled, Id::next(), location);
        // No registry: until it begins the queue knows of the job, and then the roster.
        drop(task);
        Crew::submit(&self.crew, notified);
        handle
    }

    /// Whether the system has refused a thread that work waits for; [`retry`](Self::retry) asks again. The queue is then
    /// served by the threads there are, and if there are none, not before a retry or a further spawn.
    pub(crate) fn wants_thread(&self) -> bool {
        self.crew.roster.wants_thread()
    }

    /// Asks the system once more for the thread it refused. Cheap when there is nothing to ask for.
    pub(crate) fn retry(&self) {
        Crew::retry(&self.crew);
    }

    /// Takes no more jobs, drops those that have not begun, and waits for the others: up to `timeout`, None for as long as
    /// it takes. Returns those that still run; their threads are left to themselves. From within a job of this pool it does
    /// not wait for that job. Only the first call waits.
    pub(crate) fn shutdown(&self, timeout: Option<Duration>) -> Vec<Stuck> {
        self.crew.close(timeout)
    }

    #[allow(dead_code)] // until the runtime's metrics are there
    pub(crate) fn metrics(&self) -> Metrics {
        let Crew { roster, queue, .. } = &*self.crew;
        Metrics { threads: roster.threads(), idle: roster.idle(), queued: queue.len() }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.crew.close(Some(Duration::ZERO));
    }
}
