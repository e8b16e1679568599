//! hyper's timer: its deadlines go into freewheel's timer wheel.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use pin_project_lite::pin_project;

/// Runs hyper's timeouts (header read timeout, HTTP/2 keep-alive) on freewheel's clock.
///
/// hyper measures with [`std::time::Instant`], the very clock that freewheel's deadlines are kept in, so nothing is
/// lost in the conversion.
///
/// # Panics
///
/// Its methods panic outside of a freewheel runtime, as [`freewheel::time::sleep`] does. Within a connection that
/// freewheel polls this cannot happen.
///
/// # Examples
///
/// A client that opens a connection and then says nothing is cut off after ten seconds:
///
/// ```
/// use std::time::Duration;
///
/// use freewheel_compat::Timer;
/// use hyper::server::conn::http1;
///
/// let mut builder = http1::Builder::new();
/// builder.timer(Timer::new()).header_read_timeout(Duration::from_secs(10));
/// ```
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Timer {}

impl Timer {
    /// A timer for whichever runtime is current when hyper asks for one.
    pub fn new() -> Self {
        Self {}
    }
}

impl hyper::rt::Timer for Timer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn hyper::rt::Sleep>> {
        Box::pin(Sleep { sleep: freewheel::time::sleep(duration) })
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn hyper::rt::Sleep>> {
        Box::pin(Sleep { sleep: freewheel::time::sleep_until(deadline.into()) })
    }

    fn now(&self) -> Instant {
        freewheel::time::Instant::now().into_std()
    }

    fn reset(&self, sleep: &mut Pin<Box<dyn hyper::rt::Sleep>>, new_deadline: Instant) {
        match sleep.as_mut().downcast_mut_pin::<Sleep>() {
            Some(ours) => ours.project().sleep.reset(new_deadline.into()),
            None => *sleep = self.sleep_until(new_deadline), // another timer's: replaced by one of ours
        }
    }
}

pin_project! {
    /// The future that [`Timer`] hands to hyper: a [`freewheel::time::Sleep`] under hyper's trait.
    pub struct Sleep {
        #[pin]
        sleep: freewheel::time::Sleep,
    }
}

impl hyper::rt::Sleep for Sleep {}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.project().sleep.poll(cx)
    }
}

impl fmt::Debug for Sleep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sleep").field("deadline", &self.sleep.deadline()).finish()
    }
}
