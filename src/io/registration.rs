//! `Registration`: one source of events in the reactor of the runtime it was made in, and the loops that try, wait, and try
//! again.
//!
//! ```text
//!   wait for readiness, noting the event ── error: the runtime is gone, or its event queue broke
//!          │
//!   the system call ── EINTR: again at once
//!          ├── WouldBlock: forget the event (unless a newer one has come), wait again
//!          └── anything else, an error too: the readiness stays, give the result
//! ```
//!
//! That an error leaves the readiness alone matters to `accept`: out of descriptors, it must work again when there are
//! some, though no event will say so.
//!
//! A *short* read or write of a stream, `0 < n < asked for`, has used up the kernel's buffer. With epoll's edges that is
//! reason enough to forget the event: a new one comes with new data. It saves the call that would say `WouldBlock`. A read
//! that ends before an out-of-band byte is short too, with more behind it; that is told by the event, see
//! `ScheduledIo::clear_used_up`.

use crate::primitives::Arc;
use crate::reactor::{Direction, Interest, Reactor, Ready, ReadyEvent, ScheduledIo, Source};
use crate::runtime::Handle;
use crate::tasks::coop;
use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll, ready};

/// Whether the selector's edges allow to take a short transfer for the end of what is there. Not where mio is built on
/// `poll` or on Windows' completion ports.
const SHORT_IS_THE_LAST: bool = cfg!(any(
    target_os = "linux",
    target_os = "android",
    target_os = "macos",
    target_os = "ios",
    target_os = "freebsd",
    target_os = "netbsd",
    target_os = "openbsd",
    target_os = "dragonfly",
));

/// A registered source. The source itself lives beside it, in [`PollEvented`](super::PollEvented).
#[derive(Debug)]
pub(crate) struct Registration {
    reactor: Arc<Reactor>,
    io: Arc<ScheduledIo>,
}

impl Registration {
    /// Registers a source with the current runtime; it is taken to be ready until it proves otherwise.
    #[track_caller]
    pub(crate) fn new(source: &mut impl Source, interest: Interest) -> io::Result<Self> {
        let reactor = Arc::clone(Handle::current().reactor());
        let io = reactor.register(source, interest)?;
        Ok(Self { reactor, io })
    }

    /// As [`new`](Self::new), for a source that is not ready before an event says so: a socket that is connecting.
    #[track_caller]
    pub(crate) fn new_unready(source: &mut impl Source, interest: Interest) -> io::Result<Self> {
        let reactor = Arc::clone(Handle::current().reactor());
        let io = reactor.register_unready(source, interest)?;
        Ok(Self { reactor, io })
    }

    /// No event reaches anyone from now on, and the wakers are dropped.
    pub(crate) fn deregister(&self, source: &mut impl Source) -> io::Result<()> {
        self.reactor.deregister(&self.io, source)
    }

    /// Waits for one direction. Only the last caller's task per direction is woken.
    #[inline]
    pub(crate) fn poll_ready(&self, cx: &mut Context<'_>, direction: Direction) -> Poll<io::Result<ReadyEvent>> {
        // First whether it is ready: who waits spends nothing of the budget.
        let event = ready!(self.io.poll_ready(cx, direction))?;
        ready!(coop::poll_proceed(cx)).made_progress();
        Poll::Ready(Ok(event))
    }

    /// Tries an operation, and waits for its direction as long as it says `WouldBlock`.
    pub(crate) fn poll_io<R>(
        &self,
        cx: &mut Context<'_>,
        direction: Direction,
        mut operation: impl FnMut() -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        loop {
            let event = ready!(self.poll_ready(cx, direction))?;
            if let Some(result) = self.attempt(event, &mut operation) {
                return Poll::Ready(result);
            }
        }
    }

    /// As [`poll_io`](Self::poll_io), for a stream that was asked to move `asked` bytes: a short transfer ends readiness.
    pub(crate) fn poll_transfer(
        &self,
        cx: &mut Context<'_>,
        direction: Direction,
        asked: usize,
        mut operation: impl FnMut() -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        loop {
            let event = ready!(self.poll_ready(cx, direction))?;
            if let Some(result) = self.attempt(event, &mut operation) {
                if let Ok(moved) = result {
                    self.transferred(event, moved, asked);
                }
                return Poll::Ready(result);
            }
        }
    }

    /// Waits for an interest. Any number of tasks may wait at once.
    pub(crate) async fn readiness(&self, interest: Interest) -> io::Result<ReadyEvent> {
        poll_fn(coop::poll_proceed).await.made_progress();
        self.io.readiness(interest).await
    }

    /// Tries an operation, and waits for an interest as long as it says `WouldBlock`. Any number of tasks may do so at
    /// once.
    pub(crate) async fn async_io<R>(
        &self,
        interest: Interest,
        mut operation: impl FnMut() -> io::Result<R>,
    ) -> io::Result<R> {
        loop {
            let event = self.readiness(interest).await?;
            if let Some(result) = self.attempt(event, &mut operation) {
                return result;
            }
        }
    }

    /// Tries an operation once, if the source is ready for it.
    pub(crate) fn try_io<R>(&self, interest: Interest, mut operation: impl FnMut() -> io::Result<R>) -> io::Result<R> {
        let event = self.io.ready_now(Ready::for_interest(interest))?.ok_or(io::ErrorKind::WouldBlock)?;
        self.attempt(event, &mut operation).unwrap_or_else(|| Err(io::ErrorKind::WouldBlock.into()))
    }

    /// The system call: `None` if it would have to wait.
    fn attempt<R>(&self, event: ReadyEvent, operation: &mut impl FnMut() -> io::Result<R>) -> Option<io::Result<R>> {
        loop {
            match operation() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.io.clear_readiness(event);
                    return None;
                }
                result => return Some(result),
            }
        }
    }

    fn transferred(&self, event: ReadyEvent, moved: usize, asked: usize) {
        if SHORT_IS_THE_LAST && 0 < moved && moved < asked {
            self.io.clear_used_up(event);
        }
    }
}
