//! `Sleep`: one deadline, waited for.
//!
//! A sleep takes part in the runtime's timers only once it has been polled: until then, and after it ended, it costs nothing
//! there. A sleep made from a duration reads the clock once, when it is made; when it is polled, the wheel itself says
//! whether its deadline has passed already. One that is given a deadline compares it with the clock when first polled.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use super::Instant;
use crate::primitives::clock::Nanos;
use crate::reactor::{Armed, Reactor, TimerKey, TimerState};
use crate::runtime::Handle;
use crate::tasks::coop;

/// Waits until `duration` has passed.
///
/// It never ends early. It may end late if the thread has other things to do; the timer itself is good to about a tenth of
/// a millisecond on Linux (a third where crowds of timers end together), a millisecond elsewhere. A duration beyond the
/// clock's range, such as [`Duration::MAX`], never ends. Zero is ready at once.
///
/// # Panics
/// Outside a runtime. Inside `block_on(sleep(…))` the argument is evaluated outside: write `block_on(async { sleep(…).await })`.
///
/// # Cancel safety
/// Dropping it gives the timer up; no other effect.
///
/// # Examples
///
/// ```
/// use freewheel::time::{Duration, sleep};
///
/// # freewheel::runtime::Runtime::new().unwrap().block_on(async {
/// sleep(Duration::from_millis(2)).await;
/// # });
/// ```
#[track_caller]
pub fn sleep(duration: Duration) -> Sleep {
    let deadline = Instant::now().after(duration);
    Sleep { handle: Handle::current(), deadline, state: if duration.is_zero() { State::Over } else { State::Ahead } }
}

/// Waits until `deadline`. One in the past is ready when first polled.
///
/// Otherwise as [`sleep`].
///
/// # Panics
/// Outside a runtime.
///
/// # Cancel safety
/// Dropping it gives the timer up; no other effect.
///
/// # Examples
///
/// ```
/// use freewheel::time::{Duration, Instant, sleep_until};
///
/// # freewheel::runtime::Runtime::new().unwrap().block_on(async {
/// sleep_until(Instant::now() + Duration::from_millis(2)).await;
/// # });
/// ```
#[track_caller]
pub fn sleep_until(deadline: Instant) -> Sleep {
    Sleep { handle: Handle::current(), deadline, state: State::Unknown }
}

/// Waits until its deadline. Made by [`sleep`] and [`sleep_until`].
///
/// It may be reset to another deadline any number of times, before and after it ended. Unlike tokio's it is [`Unpin`], so
/// `&mut sleep` can be awaited in a loop as it is; what is written for tokio, with `pin!`, works as well.
///
/// It keeps the time of the runtime it was made in, wherever it is polled.
///
/// # Panics
/// Polling panics if its runtime was shut down before the deadline: there is no other way to tell that the time will never
/// come.
///
/// # Examples
///
/// ```
/// use freewheel::time::{Duration, Instant, sleep};
/// use std::pin::Pin;
///
/// # freewheel::runtime::Runtime::new().unwrap().block_on(async {
/// let mut sleep = sleep(Duration::from_secs(3600));
/// Pin::new(&mut sleep).reset(Instant::now() + Duration::from_millis(2));
/// (&mut sleep).await;
/// assert!(sleep.is_elapsed());
/// # });
/// ```
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct Sleep {
    handle: Handle,
    deadline: Instant,
    state: State,
}

#[derive(Debug, Clone, Copy)]
enum State {
    /// The deadline has not been compared with the clock.
    Unknown,
    /// The deadline was ahead when it was set.
    Ahead,
    Armed(TimerKey),
    /// The deadline has passed.
    Over,
}

impl Sleep {
    /// A sleep for a future that is already waiting: a timeout's.
    #[track_caller]
    pub(super) fn ahead(deadline: Instant) -> Self {
        Self { handle: Handle::current(), deadline, state: State::Ahead }
    }

    /// When it ends.
    #[must_use]
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Whether the deadline has passed.
    #[must_use]
    pub fn is_elapsed(&self) -> bool {
        matches!(self.state, State::Over) || self.has_passed(self.reactor())
    }

    /// Sets another deadline. If it has been polled before and not ended, the task that polled it last is woken at the new
    /// deadline, without polling it again first.
    ///
    /// # Examples
    ///
    /// ```
    /// use freewheel::time::{Duration, Instant, sleep};
    ///
    /// # freewheel::runtime::Runtime::new().unwrap().block_on(async {
    /// let mut idle = std::pin::pin!(sleep(Duration::from_secs(60)));
    /// idle.as_mut().reset(Instant::now() + Duration::from_millis(1));
    /// idle.await;
    /// # });
    /// ```
    pub fn reset(self: Pin<&mut Self>, deadline: Instant) {
        let this = self.get_mut();
        this.deadline = deadline;
        if let State::Armed(key) = this.state {
            let reactor = this.handle.reactor();
            if reactor.reset(key, this.time(reactor)) {
                return;
            }
        }
        this.state = State::Unknown;
    }

    /// Sets a deadline known to be ahead, for when it is polled next.
    pub(super) fn set_ahead(&mut self, deadline: Instant) {
        self.disarm();
        self.deadline = deadline;
        self.state = State::Ahead;
    }

    fn reactor(&self) -> &Reactor {
        self.handle.reactor()
    }

    fn has_passed(&self, reactor: &Reactor) -> bool {
        self.time(reactor) <= reactor.clock().now()
    }

    /// The deadline as the reactor's clock counts.
    fn time(&self, reactor: &Reactor) -> Nanos {
        reactor.clock().at(self.deadline.into_std())
    }

    /// Looks after the timer, and arms it if need be.
    fn poll_deadline(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let reactor = self.handle.reactor();
        match self.state {
            State::Over => return Poll::Ready(()),
            State::Armed(key) => match reactor.timers().poll(key, self.time(reactor), cx.waker()) {
                TimerState::Pending => return Poll::Pending,
                TimerState::Fired => {}
                TimerState::ShutDown => {
                    self.state = State::Unknown;
                    shut_down()
                }
            },
            State::Unknown if self.has_passed(reactor) => {}
            State::Unknown | State::Ahead => {
                match reactor.arm(self.handle.timer_shard(), self.time(reactor), cx.waker().clone()) {
                    Armed::Pending(key) => {
                        self.state = State::Armed(key);
                        return Poll::Pending;
                    }
                    Armed::Due => {}
                    Armed::ShutDown => shut_down(),
                }
            }
        }
        self.state = State::Over;
        Poll::Ready(())
    }

    fn disarm(&mut self) {
        if let State::Armed(key) = std::mem::replace(&mut self.state, State::Unknown) {
            self.reactor().timers().cancel(key);
        }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let step = ready!(coop::poll_proceed(cx));
        ready!(self.poll_deadline(cx));
        step.made_progress();
        Poll::Ready(())
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        self.disarm();
    }
}

impl fmt::Debug for Sleep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sleep").field("deadline", &self.deadline).finish_non_exhaustive()
    }
}

#[cold]
fn shut_down() -> ! {
    panic!(
        "a timer was polled after its runtime was shut down (in tokio's words: a Tokio 1.x context was found, but it is \
         being shutdown). Keep the Runtime alive for as long as its timers are awaited"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sleep_is_small() {
        assert!(size_of::<Sleep>() <= 40, "{}", size_of::<Sleep>());
    }
}
