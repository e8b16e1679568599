//! The task cell: one allocation that holds a future, then its output, and the state word that says whose turn it is.
#![doc = include_str!("lifecycle.md")]

mod abort;
mod cell;
pub(crate) mod coop;
mod error;
mod harness;
mod id;
mod join;
mod references;
mod registry;
mod state;
mod waker;

#[cfg(test)]
mod tests;

use std::any::Any;
use std::panic::Location;

pub use abort::AbortHandle;
pub(crate) use cell::{Header, new};
pub use error::JoinError;
pub use id::{Id, id, try_id};
pub use join::JoinHandle;
pub(crate) use references::{Notified, Task};
pub(crate) use registry::Registry;
pub use registry::{TaskInfo, TaskState};

/// What a task asks of whoever runs it: a cheap handle, stored by value in each task.
///
/// The methods are called with no lock held, and while the task, and so this handle, is kept alive. They must not unwind.
pub(crate) trait Schedule: Send + Sync + Sized + 'static {
    /// Whether these tasks are blocking jobs: polled without a budget, and, if not yet begun, dropped by `abort` at once on
    /// the thread that calls it, instead of being scheduled to be dropped.
    const BLOCKING: bool = false;

    /// A task became runnable: put it into a queue, and see to it that somebody runs it.
    fn schedule(&self, task: Notified);

    /// A task was woken while it ran: put it to the back of a queue. Called by [`Notified::run`] only.
    fn yield_now(&self, task: Notified) {
        self.schedule(task);
    }

    /// A task has ended: give back the registry's reference, if the registry had it ([`Registry::release`]).
    fn release(&self, task: &Header) -> Option<Task>;

    /// A task panicked, and its handle was dropped without looking.
    fn unhandled_panic(&self, id: Id, location: &'static Location<'static>, payload: Box<dyn Any + Send>) {
        let _ = (id, location, payload);
    }
}
