//! A time limit for a future.

use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use pin_project_lite::pin_project;

use super::error::Elapsed;
use super::{Instant, Sleep};
use crate::tasks::coop;

/// Awaits a future for at most `duration`.
///
/// The future is polled first: if it is ready at once, it wins, even against a duration of zero. When the time is up the
/// future is dropped with the [`Timeout`]. A duration beyond the clock's range, such as [`Duration::MAX`], is no limit.
///
/// A future that does not yield cannot be interrupted: the limit is looked at whenever the future was pending.
///
/// # Errors
/// [`Elapsed`]: the time was up first.
///
/// # Panics
/// Outside a runtime; see [`sleep`](super::sleep).
///
/// # Cancel safety
/// Dropping it drops the future; it is as cancel safe as that.
///
/// # Examples
///
/// ```
/// use freewheel::time::{Duration, timeout};
///
/// # freewheel::runtime::Runtime::new().unwrap().block_on(async {
/// assert!(timeout(Duration::from_millis(2), std::future::pending::<()>()).await.is_err());
/// # });
/// ```
#[track_caller]
pub fn timeout<F>(duration: Duration, future: F) -> Timeout<F::IntoFuture>
where
    F: IntoFuture,
{
    // Not `map`: the panic outside a runtime is to name the caller.
    let delay = match Instant::now().checked_add(duration) {
        Some(deadline) if duration.is_zero() => Some(super::sleep_until(deadline)),
        Some(deadline) => Some(Sleep::ahead(deadline)),
        None => None,
    };
    Timeout { future: future.into_future(), delay }
}

/// Awaits a future until `deadline` at the latest. Otherwise as [`timeout`].
///
/// # Errors
/// [`Elapsed`]: the time was up first.
///
/// # Panics
/// Outside a runtime.
///
/// # Cancel safety
/// Dropping it drops the future; it is as cancel safe as that.
///
/// # Examples
///
/// ```
/// use freewheel::time::{Duration, Instant, timeout_at};
///
/// # freewheel::runtime::Runtime::new().unwrap().block_on(async {
/// let deadline = Instant::now() + Duration::from_secs(5);
/// // One deadline for several steps.
/// assert_eq!(timeout_at(deadline, async { 1 }).await, Ok(1));
/// assert_eq!(timeout_at(deadline, async { 2 }).await, Ok(2));
/// # });
/// ```
#[track_caller]
pub fn timeout_at<F>(deadline: Instant, future: F) -> Timeout<F::IntoFuture>
where
    F: IntoFuture,
{
    Timeout { future: future.into_future(), delay: Some(super::sleep_until(deadline)) }
}

pin_project! {
    /// A future with a time limit. Made by [`timeout`] and [`timeout_at`].
    #[derive(Debug)]
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct Timeout<T> {
        #[pin]
        future: T,
        // None: no limit.
        delay: Option<Sleep>,
    }
}

impl<T> Timeout<T> {
    /// The future that is being awaited.
    pub fn get_ref(&self) -> &T {
        &self.future
    }

    /// The future that is being awaited.
    pub fn get_mut(&mut self) -> &mut T {
        &mut self.future
    }

    /// The future, without its limit.
    pub fn into_inner(self) -> T {
        self.future
    }
}

impl<T: Future> Future for Timeout<T> {
    type Output = Result<T::Output, Elapsed>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let had_budget = coop::has_budget_remaining();
        if let Poll::Ready(output) = this.future.poll(cx) {
            return Poll::Ready(Ok(output));
        }
        let Some(delay) = this.delay else { return Poll::Pending };
        // A future that used the whole budget up must not keep its own limit from being looked at.
        let delayed = if had_budget && !coop::has_budget_remaining() {
            coop::unbudgeted(|| Pin::new(delay).poll(cx))
        } else {
            Pin::new(delay).poll(cx)
        };
        delayed.map(|()| Err(Elapsed::new()))
    }
}
