//! asyncio's `call_soon`, `call_later` and `call_at`: plain functions, run once, in order, and cancelled in O(1).
//!
//! Calls wait in one queue; one task runs them in order while there are any. A timed call is no task: it is itself the
//! waker of its timer, and when that fires the call joins the queue.

use std::fmt;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::sync::{Arc, Weak};
use std::task::{Poll, Wake, Waker};
use std::time::{Duration, Instant};

use super::due::{Due, Push};
use super::{Handle, Inner};
use crate::primitives::Mutex;
use crate::reactor::{Armed, TimerKey};

/// The calls that are due, in order.
#[derive(Default)]
pub(super) struct Calls(Due<Arc<Call>>);

struct Call {
    state: Mutex<State>,
    when: Option<Instant>,
    runtime: Weak<Inner>,
    location: &'static Location<'static>,
}

enum State {
    Waiting { function: Box<dyn FnOnce() + Send>, timer: Option<TimerKey> },
    Cancelled,
    Ran,
}

/// A call that was scheduled by [`Handle::call_soon`], [`Handle::call_later`] or [`Handle::call_at`].
///
/// Dropping it does not cancel the call.
#[derive(Clone)]
pub struct CallHandle(Arc<Call>);

impl Handle {
    /// Runs `function` once, soon, on the runtime; calls run in the order in which they were made. From any thread.
    ///
    /// asyncio's `call_soon` and `call_soon_threadsafe` in one. A call that panics is reported by the panic hook, and
    /// the next ones run all the same. On a runtime that is shut down the call is cancelled at once.
    ///
    /// A call that blocks delays the calls behind it, but no task.
    ///
    /// # Examples
    /// ```
    /// # let runtime = freewheel::runtime::Runtime::new().unwrap();
    /// let handle = runtime.handle().clone();
    /// handle.call_soon(|| println!("called"));
    /// let stop = handle.clone();
    /// handle.call_soon(move || stop.stop());
    /// runtime.run_forever();
    /// ```
    #[track_caller]
    pub fn call_soon(&self, function: impl FnOnce() + Send + 'static) -> CallHandle {
        let call = self.new_call(Box::new(function), None);
        self.inner().calls_due(call.clone());
        CallHandle(call)
    }

    /// Runs `function` once, when `delay` has passed. See [`Handle::call_at`].
    #[track_caller]
    pub fn call_later(&self, delay: Duration, function: impl FnOnce() + Send + 'static) -> CallHandle {
        let now = Instant::now();
        // Too far to be an Instant is never, and thirty years are as good.
        let when = now.checked_add(delay).unwrap_or_else(|| now + Duration::from_secs(86_400 * 365 * 30));
        self.call_timed(when, Box::new(function))
    }

    /// Runs `function` once, at `when` or soon after, never before. `when` is an `Instant` of `std::time` or of
    /// [`freewheel::time`](crate::time::Instant).
    ///
    /// Takes no task: until it is due it costs its closure and a timer. Calls that are due at the same time run in no
    /// particular order.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// use freewheel::time::Instant;
    /// # let runtime = freewheel::runtime::Runtime::new().unwrap();
    /// let stop = runtime.handle().clone();
    /// let call = runtime.handle().call_at(Instant::now() + Duration::from_millis(5), move || stop.stop());
    /// assert!(!call.is_cancelled());
    /// runtime.run_forever();
    /// ```
    #[track_caller]
    pub fn call_at(&self, when: impl Into<Instant>, function: impl FnOnce() + Send + 'static) -> CallHandle {
        self.call_timed(when.into(), Box::new(function))
    }

    #[track_caller]
    fn call_timed(&self, when: Instant, function: Box<dyn FnOnce() + Send>) -> CallHandle {
        let call = self.new_call(function, Some(when));
        if self.is_closed() {
            CallHandle(call.clone()).cancel();
            return CallHandle(call);
        }
        let deadline = self.reactor().clock().at(when);
        match self.reactor().arm(self.timer_shard(), deadline, Waker::from(call.clone())) {
            Armed::Pending(key) => call.remember(key),
            Armed::Due => self.inner().calls_due(call.clone()),
            Armed::ShutDown => CallHandle(call.clone()).cancel(),
        }
        CallHandle(call)
    }

    #[track_caller]
    fn new_call(&self, function: Box<dyn FnOnce() + Send>, when: Option<Instant>) -> Arc<Call> {
        Arc::new(Call {
            state: Mutex::new(State::Waiting { function, timer: None }),
            when,
            runtime: Arc::downgrade(self.inner()),
            location: Location::caller(),
        })
    }
}

impl Inner {
    /// Puts `call` behind those that are due, and sees to it that they are served.
    fn calls_due(self: &Arc<Self>, call: Arc<Call>) {
        if self.scheduler.lifecycle.is_closing() {
            CallHandle(call).cancel();
            return;
        }
        let location = call.location;
        match self.calls.0.push(call) {
            Push::Queued => {}
            Push::Start => self.start_serving(location),
            // The end came after the look above.
            Push::Closed(call) => CallHandle(call).cancel(),
        }
    }

    /// Spawns the task that runs what is due. Should it be cancelled because the end has begun, the calls are too.
    fn start_serving(self: &Arc<Self>, location: &'static Location<'static>) {
        let runtime = self.clone();
        let serve = poll_fn(move |context| {
            if runtime.calls.0.serve(|call| call.run()) {
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            Poll::Ready(())
        });
        Handle::new(self.clone()).spawn_at(serve, location, None);
    }

    /// Cancels what is due, and what will be: nobody serves it any more.
    pub(super) fn cancel_calls(&self) {
        self.calls.0.close(|call| CallHandle(call).cancel());
    }
}

impl Call {
    /// Runs the call unless it was cancelled.
    fn run(&self) {
        if let Some(function) = self.end(State::Ran) {
            // A panic has been reported by the panic hook; there is nobody to carry it to.
            let _ = catch_unwind(AssertUnwindSafe(function));
        }
    }

    /// Ends the waiting, gives the timer back, and returns the function; None if it had ended before.
    fn end(&self, how: State) -> Option<Box<dyn FnOnce() + Send>> {
        let mut state = self.state.lock();
        if !matches!(*state, State::Waiting { .. }) {
            return None;
        }
        let State::Waiting { function, timer } = std::mem::replace(&mut *state, how) else { return None };
        drop(state);
        timer.into_iter().for_each(|key| self.give_back(key));
        Some(function)
    }

    /// Keeps the key of the call's timer, so that cancelling can find it; if it has ended meanwhile, gives it back.
    fn remember(&self, key: TimerKey) {
        if let State::Waiting { timer, .. } = &mut *self.state.lock() {
            *timer = Some(key);
            return;
        }
        self.give_back(key);
    }

    fn give_back(&self, key: TimerKey) {
        if let Some(runtime) = self.runtime.upgrade() {
            runtime.reactor.timers().cancel(key);
        }
    }
}

impl Wake for Call {
    /// The timer fired.
    fn wake(self: Arc<Self>) {
        match self.runtime.upgrade() {
            Some(runtime) => runtime.calls_due(self),
            None => CallHandle(self).cancel(),
        }
    }
}

impl CallHandle {
    /// Cancels the call if it has not run: it never will. In O(1); afterwards, or twice, it does nothing.
    pub fn cancel(&self) {
        drop(self.0.end(State::Cancelled));
    }

    /// Whether the call was cancelled before it ran.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        matches!(*self.0.state.lock(), State::Cancelled)
    }

    /// When the call is due; None if it was made by `call_soon`.
    #[must_use]
    pub fn when(&self) -> Option<Instant> {
        self.0.when
    }
}

impl fmt::Debug for CallHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallHandle")
            .field("when", &self.0.when)
            .field("made_at", &self.0.location)
            .field("is_cancelled", &self.is_cancelled())
            .finish()
    }
}
