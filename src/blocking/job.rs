//! A closure as a task: polled once, and ready with what it returns.

use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::crew::Job;
use crate::tasks::{Header, Id, Notified, Schedule, Task};

/// The future of a blocking job.
pub(super) struct BlockingTask<F>(Option<F>);

// The closure is never pinned: it is moved out before it runs.
impl<F> Unpin for BlockingTask<F> {}

impl<F> BlockingTask<F> {
    pub(super) fn new(body: F) -> Self {
        Self(Some(body))
    }
}

impl<F: FnOnce() -> R, R> Future for BlockingTask<F> {
    type Output = R;

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<R> {
        let body = self.0.take().expect("a blocking job is polled once");
        Poll::Ready(body())
    }
}

/// The scheduler of blocking jobs, which has nothing to schedule: a job is queued when it is made, and ends when it is polled.
pub(super) struct Unscheduled;

impl Schedule for Unscheduled {
    const BLOCKING: bool = true;

    fn schedule(&self, task: Notified) {
        // Nobody has a waker of a job, so nobody can wake it.
        debug_assert!(false, "a blocking job was woken");
        task.shutdown();
    }

    fn release(&self, _: &Header) -> Option<Task> {
        None
    }
}

/// A job that still ran when the pool had no more time to wait for it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stuck {
    /// Its task's number.
    pub(crate) id: Id,
    /// Where it was spawned.
    pub(crate) location: &'static Location<'static>,
}

impl fmt::Display for Stuck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "blocking job {}, spawned at {}", self.id, self.location)
    }
}

impl Job for Notified {
    type Label = Stuck;

    fn label(&self) -> Stuck {
        Stuck { id: self.id(), location: self.location() }
    }

    fn run(self) {
        Notified::run(self);
    }

    fn discard(self) {
        self.shutdown();
    }
}
