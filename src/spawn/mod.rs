//! Spawning: tasks, blocking calls, yielding; the upper half of the public module `task`.

mod builder;
mod guests;
mod scope;
mod yield_now;

pub use builder::Builder;
pub use scope::{Scope, ScopedJoinHandle, scope};
pub use yield_now::yield_now;

use std::future::Future;
use std::panic::Location;

use crate::runtime::Handle;
use crate::scheduler;
use crate::tasks::JoinHandle;

/// Spawns a task on the current runtime and returns a handle to await its output.
///
/// The task runs whether or not the handle is awaited; dropping the handle detaches it, [`JoinHandle::abort`] cancels
/// it. It starts soon, on any worker, perhaps before `spawn` returns. A panic inside ends the task alone and is
/// carried to the handle as a [`JoinError`](crate::task::JoinError).
///
/// A task that blocks its thread does not stop the others; see the crate's first page for what that promise covers.
///
/// On a runtime that is shutting down the future is dropped and the handle resolves as cancelled.
///
/// # Panics
/// Outside a runtime. Use [`Runtime::spawn`](crate::runtime::Runtime::spawn) or
/// [`Handle::spawn`] there.
///
/// # Examples
/// ```
/// # freewheel::runtime::Runtime::new().unwrap().block_on(async {
/// let workers: Vec<_> = (0..10).map(|n| freewheel::spawn(async move { n * n })).collect();
/// let mut sum = 0;
/// for worker in workers {
///     sum += worker.await.unwrap();
/// }
/// assert_eq!(sum, 285);
/// # });
/// ```
#[track_caller]
pub fn spawn<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    match Handle::spawn_on_current(future, Location::caller()) {
        Ok(handle) => handle,
        Err(error) => panic!("{error}"),
    }
}

/// Runs `f`, which may block, on the blocking pool, and returns a handle to await its result; asyncio's `to_thread`.
///
/// The pool grows to [`max_blocking_threads`](crate::runtime::Builder::max_blocking_threads); beyond it calls wait in
/// a queue. A call that has begun cannot be cancelled; one that has not is dropped by [`JoinHandle::abort`] at once,
/// and when the runtime shuts down.
///
/// # Panics
/// Outside a runtime.
///
/// # Examples
/// ```
/// # freewheel::runtime::Runtime::new().unwrap().block_on(async {
/// let sum = freewheel::task::spawn_blocking(|| (1..=1000u64).sum::<u64>()).await.unwrap();
/// assert_eq!(sum, 500_500);
/// # });
/// ```
#[track_caller]
pub fn spawn_blocking<F, R>(f: F) -> JoinHandle<R>
where
    F: FnOnce() -> R + Send + 'static,
    R: Send + 'static,
{
    Handle::current().spawn_blocking_at(f, Location::caller())
}

/// Runs `f` here and now, and says that it may block, so that other tasks do not wait for it.
///
/// On a worker of a `multi_thread` runtime this is a hint: it costs a few nanoseconds if `f` is short, and if `f`
/// lasts, the permit to run tasks goes to another thread within about a millisecond. Code that blocks without the hint
/// is found out too, a little later; [`block_in_place_now`] hands off before `f` begins. What shares this very task
/// (`join!`, `select!`) does wait. Who says so is no news: the time in `f` is not reported as a stall, nor counted as one.
///
/// On a `current_thread` runtime (where tokio panics), and outside a runtime, `f` is simply called.
///
/// # Examples
/// ```
/// # freewheel::runtime::Runtime::new().unwrap().block_on(async {
/// let task = freewheel::spawn(async {
///     freewheel::task::block_in_place(|| std::thread::sleep(std::time::Duration::from_millis(1)));
///     "slept"
/// });
/// assert_eq!(task.await.unwrap(), "slept");
/// # });
/// ```
pub fn block_in_place<F: FnOnce() -> R, R>(f: F) -> R {
    scheduler::block_in_place(f)
}

/// As [`block_in_place`], for a call that is known to last: another thread runs tasks before `f` begins.
///
/// Costs a wake-up of another thread, some microseconds, if anything waits to be run.
///
/// # Examples
/// ```
/// # freewheel::runtime::Runtime::new().unwrap().block_on(async {
/// let read = freewheel::task::block_in_place_now(|| std::fs::read_to_string("Cargo.toml"));
/// assert!(read.is_ok());
/// # });
/// ```
pub fn block_in_place_now<F: FnOnce() -> R, R>(f: F) -> R {
    scheduler::block_in_place_now(f)
}
