//! `scope`: tasks that borrow from the caller, which blocks until they have all ended.
//!
//! tokio has no such thing, and cannot: a scope that is a future may be leaked, and its tasks would then outlive what they
//! borrow. A scope that *blocks its thread* cannot be left while a task lives, just as `std::thread::scope` cannot; and here a
//! thread that blocks costs the other tasks nothing.
//!
//! Rules, on which the one unsafe block rests:
//! 1. A scoped task's future is boxed, with its lifetime hidden from the runtime, inside a wrapper whose last field is a
//!    `Guest`. Fields drop in order: when the guest signs out, the future and all it borrowed are gone.
//! 2. The output does not stay in the task's cell, which a waker may keep alive: it goes into a slot that the handle and
//!    the future share, and both are bound to the scope.
//! 3. `scope` does not return, not even by unwinding, before every guest has signed out. A future that the runtime leaks never
//!    signs out, and then `scope` never returns.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::guests::{Guest, Guests, Host};
use crate::primitives::Mutex;
use crate::runtime::Handle;
use crate::scheduler;
use crate::tasks::{AbortHandle, JoinError, JoinHandle};

/// Lets tasks borrow from the caller; see [`scope`].
pub struct Scope<'scope, 'environment: 'scope> {
    runtime: Handle,
    guests: Guests,
    // Invariant in both, as std's: neither may be shrunk to let a shorter borrow in.
    _scope: PhantomData<&'scope mut &'scope ()>,
    _environment: PhantomData<&'environment mut &'environment ()>,
}

/// Awaits the output of a scoped task. Dropping it does not end the task.
pub struct ScopedJoinHandle<'scope, T> {
    task: JoinHandle<()>,
    output: Arc<Mutex<Option<T>>>,
    _scope: PhantomData<&'scope ()>,
}

/// Runs `f`, which may spawn tasks that borrow from the caller, and blocks until all of them have ended.
///
/// In a task it blocks the worker's thread, which hands its permit on like any task that blocks. If `f`
/// panics, `scope` waits for the tasks and then panics too. A task that panics says so through its handle.
///
/// # Panics
/// Outside a runtime; on a `current_thread` runtime, whose tasks could not run while their only thread waits here; in the runtime's
/// own hooks [`on_thread_park`](crate::runtime::Builder::on_thread_park) and `on_thread_unpark`.
///
/// # Examples
/// ```
/// # freewheel::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap().block_on(async {
/// let text = String::from("borrowed, not cloned");
/// let words = freewheel::task::scope(|scope| {
///     let count = scope.spawn(async { text.split(' ').count() });
///     scope.block_on(count).unwrap()
/// });
/// assert_eq!(words, 3);
/// drop(text);
/// # });
/// ```
#[track_caller]
pub fn scope<'environment, F, R>(f: F) -> R
where
    F: for<'scope> FnOnce(&'scope Scope<'scope, 'environment>) -> R,
{
    let runtime = Handle::current();
    assert!(
        runtime.runtime_flavor() != crate::runtime::RuntimeFlavor::CurrentThread,
        "task::scope needs a multi_thread runtime: on a current_thread one its tasks would never run, because it blocks \
         the thread that would run them"
    );
    runtime.assert_outside_hooks("task::scope");
    let host = Host::new();
    let scope = Scope { runtime, guests: host.guests(), _scope: PhantomData, _environment: PhantomData };
    let result = catch_unwind(AssertUnwindSafe(|| f(&scope)));
    scheduler::block_in_place(|| host.wait());
    result.unwrap_or_else(|payload| resume_unwind(payload))
}

impl<'scope> Scope<'scope, '_> {
    /// Spawns a task that may borrow what lives longer than the scope.
    #[track_caller]
    pub fn spawn<F>(&'scope self, future: F) -> ScopedJoinHandle<'scope, F::Output>
    where
        F: Future + Send + 'scope,
        F::Output: Send + 'scope,
    {
        let output = Arc::new(Mutex::new(None));
        let slot = output.clone();
        let future: Pin<Box<dyn Future<Output = ()> + Send + 'scope>> = Box::pin(async move {
            let value = future.await;
            *slot.lock() = Some(value);
        });
        // SAFETY: only the lifetime changes. By rules 1 and 3 the box is dropped before `scope` returns, so before 'scope
        // ends; by rule 2 nothing of it is elsewhere.
        let future: Pin<Box<dyn Future<Output = ()> + Send + 'static>> = unsafe { std::mem::transmute(future) };
        let guarded = Guarded { future, _guest: self.guests.sign_in() };
        let task = self.runtime.spawn_at(guarded, Location::caller(), None);
        ScopedJoinHandle { task, output, _scope: PhantomData }
    }

    /// Waits for a future here, for example for a handle of this scope.
    ///
    /// # Panics
    /// If `future` panics.
    #[track_caller]
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.runtime.block_on(future)
    }
}

/// A scoped task's future, and then, dropped after it, its presence.
struct Guarded {
    future: Pin<Box<dyn Future<Output = ()> + Send>>,
    _guest: Guest,
}

impl Future for Guarded {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        self.future.as_mut().poll(context)
    }
}

impl<T> ScopedJoinHandle<'_, T> {
    /// Cancels the task at its next `.await`.
    pub fn abort(&self) {
        self.task.abort();
    }

    /// A handle that can cancel the task and nothing else.
    #[must_use]
    pub fn abort_handle(&self) -> AbortHandle {
        self.task.abort_handle()
    }

    /// Whether the task has ended.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.task.is_finished()
    }
}

impl<T> Future for ScopedJoinHandle<'_, T> {
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let ended = std::task::ready!(Pin::new(&mut self.task).poll(context));
        let output = self.output.lock().take();
        Poll::Ready(ended.map(|()| output.expect("a task that ended well has left its output")))
    }
}

impl fmt::Debug for Scope<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope").finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for ScopedJoinHandle<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ScopedJoinHandle").field(&self.task).finish()
    }
}
