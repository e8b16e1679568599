//! Runtimes: how they are built, entered, driven and shut down.
//!
//! A [`Runtime`] owns a scheduler, a reactor and a blocking pool; a [`Handle`] is a cheap reference to one. The
//! `multi_thread` flavour has `worker_threads` workers, a hot spare and the reactor thread; the `current_thread` flavour has
//! no thread of its own, or one that watches if it is asked for reports: whoever calls [`Runtime::block_on`] drives it.
//!
//! | file | idea |
//! | --- | --- |
//! | `builder/` | the settings of a runtime, and how it is made of them |
//! | `handle.rs`, `context.rs` | a reference to a runtime; the one this thread is in |
//! | `block_on.rs`, `current_thread.rs`, `forever.rs` | drive until done; on this very thread; until stopped |
//! | `calls.rs` | asyncio's `call_soon`, `call_later`, `call_at` |
//! | `baton.rs`, `due.rs`, `stop.rs` | the agreements between threads that these three rest on, each modelled alone |
//! | `reactor_thread.rs` | the thread that guarantees that I/O, timers and the watch go on |
//! | `reports/`, `system_calls/`, `backtraces/`, `own_memory.rs` | what is stuck and in what, told while it is |
//! | `metrics.rs` | figures |
//! | `shutdown.rs` | the end, in order and in bounded time |

// Only what looks at a stuck thread from outside, for a report, is allowed it.
#![deny(unsafe_code)]

mod backtraces;
mod baton;
mod block_on;
mod builder;
mod calls;
pub(crate) mod context;
mod current_thread;
mod due;
mod forever;
mod handle;
mod metrics;
#[cfg(target_os = "linux")]
#[allow(unsafe_code, reason = "memory that may be gone is read through the system")]
mod own_memory;
mod reactor_thread;
mod reports;
mod shutdown;
mod stop;
mod system_calls;

pub use crate::tasks::{TaskInfo, TaskState};
pub use backtraces::{StallBacktrace, StallFrame};
pub use builder::Builder;
pub use calls::CallHandle;
pub use context::{EnterGuard, TryCurrentError};
pub use handle::{Handle, RuntimeFlavor};
pub use metrics::RuntimeMetrics;
pub use reports::{StallClass, StallReport, StallStage};

pub(crate) use handle::Inner;

use std::future::Future;
use std::io;
use std::time::Duration;

use crate::tasks::JoinHandle;

/// An async runtime: it runs tasks, I/O, timers and blocking calls.
///
/// Made by [`Runtime::new`] or [`Builder`]; most programs let `#[freewheel::main]` make it.
///
/// # Shutting down
/// Dropping a runtime shuts it down in order: no more tasks are taken, those there are are cancelled (dropped at their next
/// `.await`), the threads end. What is still stuck in a blocking call after ten seconds ([`Builder::shutdown_grace`]) is named,
/// where [stall reports](Builder::on_stall) are written, and left behind. Reports that are under way then get a second of that
/// time to be told. [`Runtime::shutdown_timeout`] and
/// [`Runtime::shutdown_background`] choose another patience. A runtime may be dropped inside a task, its own included:
/// then the thread that drops it is not waited for.
///
/// # Examples
/// ```
/// let runtime = freewheel::runtime::Runtime::new()?;
/// let sum = runtime.block_on(async {
///     let two = freewheel::spawn(async { 2 });
///     two.await.unwrap() + 2
/// });
/// assert_eq!(sum, 4);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Runtime {
    handle: Handle,
    /// None: nothing is waited for, and nothing said.
    grace: Option<Duration>,
}

impl Runtime {
    /// A multi-thread runtime with all defaults: one worker per core.
    ///
    /// # Errors
    /// As [`Builder::build`].
    #[track_caller]
    pub fn new() -> io::Result<Self> {
        Builder::new_multi_thread().enable_all().build()
    }

    /// The handle, for use from other threads and inside tasks.
    #[must_use]
    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Runs `future` to its end on this thread, and the runtime with it. See [`Handle::block_on`].
    ///
    /// # Panics
    /// If `future` panics.
    #[track_caller]
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.handle.block_on(future)
    }

    /// asyncio's name for [`Runtime::block_on`].
    ///
    /// # Panics
    /// If `future` panics.
    ///
    /// # Examples
    /// ```
    /// let runtime = freewheel::runtime::Runtime::new()?;
    /// assert_eq!(runtime.run_until_complete(async { "done" }), "done");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[track_caller]
    pub fn run_until_complete<F: Future>(&self, future: F) -> F::Output {
        self.handle.block_on(future)
    }

    /// Runs the runtime on this thread until [`Handle::stop`] is called; asyncio's `run_forever`.
    ///
    /// If `stop` was called before, what is ready now gets one round, then this returns. Afterwards the runtime can be
    /// run again; tasks that were not finished go on then.
    ///
    /// # Examples
    /// ```
    /// let runtime = freewheel::runtime::Builder::new_current_thread().enable_all().build()?;
    /// let handle = runtime.handle().clone();
    /// runtime.spawn(async move { handle.stop() });
    /// runtime.run_forever();
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[track_caller]
    pub fn run_forever(&self) {
        forever::run(&self.handle);
    }

    /// Spawns a task. See [`spawn`](crate::spawn); this needs no current runtime.
    #[track_caller]
    pub fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.handle.spawn(future)
    }

    /// Runs `f` on the blocking pool. See [`task::spawn_blocking`](crate::task::spawn_blocking).
    #[track_caller]
    pub fn spawn_blocking<F, R>(&self, f: F) -> JoinHandle<R>
    where
        F: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        self.handle.spawn_blocking(f)
    }

    /// Makes this the current runtime of the thread until the guard is dropped. See [`Handle::enter`].
    pub fn enter(&self) -> EnterGuard<'_> {
        self.handle.enter()
    }

    /// Whether a thread is inside [`block_on`](Self::block_on) or [`run_forever`](Self::run_forever) of this runtime.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.handle.is_running()
    }

    /// Whether the runtime is shut down or shutting down; see [`Handle::is_closed`].
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.handle.is_closed()
    }

    /// Shuts down and waits at most `timeout` for tasks and blocking calls that are still running. What is stuck then is
    /// named and left behind; with a timeout of zero, whatever is running at this moment.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// let runtime = freewheel::runtime::Runtime::new()?;
    /// runtime.spawn(async { std::thread::sleep(Duration::from_secs(3600)) });
    /// runtime.shutdown_timeout(Duration::from_millis(10));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn shutdown_timeout(mut self, timeout: Duration) {
        self.grace = Some(timeout);
    }

    /// Shuts down without waiting for anything. The threads end by themselves as soon as they can.
    ///
    /// Tasks and blocking jobs that have not started are cancelled; a blocking call that is running goes on in the
    /// background until it ends or the process does. None of them is named.
    pub fn shutdown_background(mut self) {
        self.grace = None;
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        shutdown::shut_down(self.handle.inner(), self.grace);
    }
}
