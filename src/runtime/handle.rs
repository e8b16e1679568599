//! `Handle`: a cheap reference to a runtime, usable from any thread.

use std::fmt;
use std::future::Future;
use std::panic::{Location, RefUnwindSafe, UnwindSafe};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::calls::Calls;
use super::context::{self, EnterGuard, TryCurrentError};
use super::current_thread::Driver;
use super::reports::Reports;
use super::stop::Stop;
use super::{block_on, current_thread};
use crate::blocking::Pool;
use crate::primitives::fork;
use crate::reactor::Reactor;
use crate::scheduler::{self, Shared, Worker};
use crate::tasks::JoinHandle;

/// A reference to a runtime. Cloning it is cheap; it does not keep the runtime running.
///
/// After the runtime is shut down a handle stays usable: what is spawned resolves as cancelled, waiting for I/O or time ends
/// with an error, nothing hangs.
#[derive(Clone)]
pub struct Handle {
    inner: Arc<Inner>,
}

/// What a runtime consists of.
pub(crate) struct Inner {
    pub(super) scheduler: Arc<scheduler::Shared>,
    pub(super) reactor: Arc<Reactor>,
    pub(super) pool: Pool,
    /// The `current_thread` flavour's worker, while nobody drives it; None in the other flavour.
    pub(super) driver: Option<Driver>,
    pub(super) stop: Stop,
    pub(super) calls: Calls,
    pub(super) reports: Arc<Reports>,
    /// How many threads are inside `block_on`.
    pub(super) running: AtomicUsize,
    /// The process that built the runtime, as `primitives::fork` counts them.
    pub(super) process: u32,
}

impl Inner {
    /// Whether this process is a forked child of the one that built the runtime, whose threads did not come along.
    pub(super) fn is_forked(&self) -> bool {
        fork::generation() != self.process
    }

    #[track_caller]
    fn assert_not_forked(&self) {
        assert!(
            !self.is_forked(),
            "this runtime was built before a fork, and its threads did not come along: build a runtime of its own in \
             the child process, or fork before building one"
        );
    }
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runtime").field("scheduler", &self.scheduler).finish_non_exhaustive()
    }
}

/// The flavour of a runtime; see [`Handle::runtime_flavor`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RuntimeFlavor {
    /// Tasks run on the thread that calls `block_on`.
    CurrentThread,
    /// Tasks run on worker threads.
    MultiThread,
}

/// Boxes a future above this size: a task is moved once or twice before it reaches the heap, and stacks are finite.
const LARGE_FUTURE: usize = 16 * 1024;

impl Handle {
    pub(super) fn new(inner: Arc<Inner>) -> Self {
        Self { inner }
    }

    pub(super) fn inner(&self) -> &Arc<Inner> {
        &self.inner
    }

    /// The handle of the runtime this thread is in.
    ///
    /// # Panics
    /// Outside a runtime; see [`Handle::try_current`].
    ///
    /// # Examples
    /// ```
    /// # let runtime = freewheel::runtime::Runtime::new().unwrap();
    /// runtime.block_on(async {
    ///     let handle = freewheel::runtime::Handle::current();
    ///     std::thread::spawn(move || handle.block_on(async { 1 })).join().unwrap();
    /// });
    /// ```
    #[track_caller]
    #[must_use]
    pub fn current() -> Self {
        match Self::try_current() {
            Ok(handle) => handle,
            Err(error) => panic!("{error}"),
        }
    }

    /// The handle of the runtime this thread is in.
    ///
    /// # Errors
    /// If the thread is in no runtime, or its thread-locals are gone because it ends.
    pub fn try_current() -> Result<Self, TryCurrentError> {
        context::current()
    }

    /// Makes this the thread's current runtime until the guard is dropped, so that `spawn`, timers and sockets work.
    pub fn enter(&self) -> EnterGuard<'_> {
        context::enter(self)
    }

    /// Spawns a task on this runtime. See [`spawn`](crate::spawn).
    ///
    /// If the runtime is shut down the future is dropped and the handle resolves as cancelled.
    #[track_caller]
    pub fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.spawn_at(future, Location::caller(), None)
    }

    /// Spawns a task that bears a spawn location and perhaps a name.
    pub(crate) fn spawn_at<F>(
        &self,
        future: F,
        location: &'static Location<'static>,
        name: Option<Arc<str>>,
    ) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.inner.assert_not_forked();
        spawn_onto(&self.inner.scheduler, future, location, name)
    }

    /// Spawns on the current runtime.
    pub(crate) fn spawn_on_current<F>(
        future: F,
        location: &'static Location<'static>,
    ) -> Result<JoinHandle<F::Output>, TryCurrentError>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        scheduler::with_current(|worker| {
            match worker.map(Worker::shared).filter(|shared| context::is_current(shared)) {
                Some(shared) => Ok(spawn_onto(shared, future, location, None)),
                None => Ok(Self::try_current()?.spawn_at(future, location, None)),
            }
        })
    }

    /// Runs `f` on this runtime's blocking pool. See [`task::spawn_blocking`](crate::task::spawn_blocking).
    #[track_caller]
    pub fn spawn_blocking<F, R>(&self, f: F) -> JoinHandle<R>
    where
        F: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        self.spawn_blocking_at(f, Location::caller())
    }

    pub(crate) fn spawn_blocking_at<F, R>(&self, f: F, location: &'static Location<'static>) -> JoinHandle<R>
    where
        F: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        self.inner.assert_not_forked();
        self.inner.pool.spawn(f, location)
    }

    /// Runs `future` to its end on this thread.
    ///
    /// In the `multi_thread` flavour the future runs here and tasks run on the workers. In the `current_thread` flavour this
    /// thread drives all tasks, I/O and timers as well; if several threads call it at once, one drives and the others
    /// wait, and another takes over when the first is done.
    ///
    /// Inside a task it works too (tokio panics there): a worker hands its permit to another thread for as long as it waits. On a
    /// `current_thread` runtime the inner call goes on driving the other tasks, also if a `block_on` of another runtime lies between
    /// the two; that other one waits meanwhile, if it is a `current_thread` one. Prefer `.await`, which costs no thread.
    ///
    /// # What freewheel cannot help here
    /// `future` itself is not a task. It has this thread and no other, so it need not be `Send`; but nobody can take its place.
    /// In the `multi_thread` flavour only what runs inside `future` waits while it blocks, such as the siblings of a
    /// [`join!`](crate::join), and spawned tasks go on. In the `current_thread` flavour everything waits, for this is the thread that
    /// everything runs on. A stall of it is reported [if you ask for reports](super::Builder::on_stall), be it in `main`, inside a task
    /// or on a thread of `spawn_blocking`; in the `multi_thread` flavour of 256 such calls at once. The cure: let `future`
    /// do little but spawn and await, and give what blocks to [`spawn`](crate::spawn) (in the `multi_thread` flavour) or
    /// to [`spawn_blocking`](crate::task::spawn_blocking) (in both).
    ///
    /// When the whole process stands still (stopped by a signal or a debugger, out of its share of the CPU, the machine
    /// suspended) so does the watch, and that time is not reported as anybody's stall. Of what it can be sure of it tells
    /// when it is over, as [`StallClass::ProcessStopped`](super::StallClass::ProcessStopped).
    ///
    /// # Panics
    /// If `future` panics; in the hooks [`on_thread_park`](super::Builder::on_thread_park) and `on_thread_unpark` of this runtime.
    #[track_caller]
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.inner.assert_not_forked();
        self.assert_outside_hooks("block_on");
        let _running = Running::new(&self.inner.running);
        let _entered = context::enter_if_alive(self);
        if size_of::<F>() > LARGE_FUTURE { self.drive(Box::pin(future)) } else { self.drive(future) }
    }

    /// Refuses `what`, which waits for tasks, where it would wait for ever.
    #[track_caller]
    pub(crate) fn assert_outside_hooks(&self, what: &str) {
        assert!(
            !scheduler::in_hook(&self.inner.scheduler),
            "{what} in a hook of on_thread_park or on_thread_unpark: the thread that calls it is on its way to sleep or from it, \
             and runs nothing until the hook is over; spawn a task there instead, or let another thread wait"
        );
    }

    #[track_caller]
    fn drive<F: Future>(&self, future: F) -> F::Output {
        match &self.inner.driver {
            None => block_on::park_until(&self.inner.scheduler, future),
            Some(driver) => current_thread::block_on(&self.inner, driver, future),
        }
    }

    /// Makes [`Runtime::run_forever`](super::Runtime::run_forever) return; if it does not run now, the next one returns
    /// after one round. From any task, thread or signal listener.
    pub fn stop(&self) {
        self.inner.stop.ask();
    }

    /// Whether a thread is inside `block_on` or `run_forever` of this runtime.
    #[must_use]
    pub fn is_running(&self) -> bool {
        // Relaxed: a snapshot.
        self.inner.running.load(Ordering::Relaxed) > 0
    }

    /// Whether the runtime is shut down or shutting down. What is spawned then is cancelled at once.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.inner.scheduler.lifecycle.is_closing()
    }

    /// The flavour of the runtime.
    #[must_use]
    pub fn runtime_flavor(&self) -> RuntimeFlavor {
        if self.inner.driver.is_some() { RuntimeFlavor::CurrentThread } else { RuntimeFlavor::MultiThread }
    }

    pub(crate) fn reactor(&self) -> &Arc<Reactor> {
        &self.inner.reactor
    }

    /// The shard of the timers that this thread uses.
    pub(crate) fn timer_shard(&self) -> usize {
        self.inner.scheduler.home_shard()
    }
}

fn spawn_onto<F>(
    scheduler: &Arc<Shared>,
    future: F,
    location: &'static Location<'static>,
    name: Option<Arc<str>>,
) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    if size_of::<F>() > LARGE_FUTURE {
        Shared::spawn(scheduler, Box::pin(future), location, name)
    } else {
        Shared::spawn(scheduler, future, location, name)
    }
}

// A panic in a task or a hook never leaves the runtime in between: nothing of ours is held while user code runs.
impl UnwindSafe for Handle {}
impl RefUnwindSafe for Handle {}

/// Counts one `block_on` in progress.
struct Running<'a>(&'a AtomicUsize);

impl<'a> Running<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        // Relaxed: a count for `is_running`.
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle")
            .field("flavor", &self.runtime_flavor())
            .field("scheduler", &self.inner.scheduler)
            .finish_non_exhaustive()
    }
}
