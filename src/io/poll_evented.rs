//! `PollEvented`: a source of events and its registration in one, made and ended together.

use super::registration::Registration;
use super::{Interest, ReadBuf, Ready};
use crate::reactor::{Direction, Interest as Registered, Source};
use std::fmt;
use std::io::{self, IoSlice, Read, Write};
use std::mem::MaybeUninit;
use std::ops::Deref;
use std::task::{Context, Poll, ready};

/// So many bytes in several slices are written as one: to copy them takes less than what the system does for a list of slices. Head
/// and body of a short HTTP answer, 133 bytes: `send` 1.00 µs with the copy, `writev` 1.10 (TCP on one machine, November 2026).
const GATHERED: usize = 1024;

/// A source that is registered with the runtime for as long as this lives.
///
/// It goes out of the reactor before it is closed: an event in flight never meets the next owner of its descriptor.
pub(crate) struct PollEvented<S: Source> {
    // Some until it is taken out or dropped.
    source: Option<S>,
    registration: Registration,
}

const BOTH: Registered = Registered::READABLE.add(Registered::WRITABLE);

/// Both directions, and word of out-of-band data: a read ends short before it, though there is more.
#[cfg(any(target_os = "linux", target_os = "android"))]
const ALL: Registered = BOTH.add(Registered::PRIORITY);
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const ALL: Registered = BOTH;

impl<S: Source> PollEvented<S> {
    /// Registers a source for both directions with the current runtime.
    ///
    /// # Errors
    /// The runtime was shut down, or the system refuses.
    #[track_caller]
    pub(crate) fn new(source: S) -> io::Result<Self> {
        Self::with_interest(source, ALL)
    }

    /// As [`new`](Self::new), for those directions that it has.
    #[track_caller]
    pub(crate) fn with_interest(mut source: S, interest: Registered) -> io::Result<Self> {
        let registration = Registration::new(&mut source, interest)?;
        Ok(Self { source: Some(source), registration })
    }

    /// As [`new`](Self::new), for what is ready for nothing yet: a socket that is connecting.
    #[track_caller]
    pub(crate) fn new_unready(mut source: S) -> io::Result<Self> {
        let registration = Registration::new_unready(&mut source, ALL)?;
        Ok(Self { source: Some(source), registration })
    }

    pub(crate) fn registration(&self) -> &Registration {
        &self.registration
    }

    /// Takes the source out of the reactor and gives it back.
    ///
    /// # Errors
    /// The reactor does not know it: someone closed its descriptor.
    pub(crate) fn into_inner(mut self) -> io::Result<S> {
        let mut source = self.source.take().expect("it is taken out only once");
        self.registration.deregister(&mut source)?;
        Ok(source)
    }

    /// Waits until an interest is ready. Any number of tasks may wait at once.
    pub(crate) async fn ready(&self, interest: Interest) -> io::Result<Ready> {
        let event = self.registration.readiness(interest.to_reactor()).await?;
        Ok(Ready::from_reactor(event.ready))
    }

    /// Waits until it can be read.
    pub(crate) fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.registration.poll_ready(cx, Direction::Read).map_ok(drop)
    }

    /// Waits until it can be written.
    pub(crate) fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.registration.poll_ready(cx, Direction::Write).map_ok(drop)
    }

    /// Reads bytes of a stream into `buf`, as [`AsyncRead::poll_read`](super::AsyncRead::poll_read).
    pub(crate) fn poll_read<'a>(&'a self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>>
    where
        &'a S: Read,
    {
        self.poll_fill(cx, buf, |mut source, buf| {
            let amount = source.read(buf.initialize_unfilled())?;
            buf.advance(amount);
            Ok(amount)
        })
    }

    /// As [`poll_read`](Self::poll_read), with the way to read given: it fills `buf` and says by how much.
    pub(crate) fn poll_fill<'a>(
        &'a self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
        read: impl Fn(&'a S, &mut ReadBuf<'_>) -> io::Result<usize>,
    ) -> Poll<io::Result<()>> {
        let asked = buf.remaining();
        if asked == 0 {
            return Poll::Ready(Ok(()));
        }
        ready!(self.registration.poll_transfer(cx, Direction::Read, asked, || read(self, buf)))?;
        Poll::Ready(Ok(()))
    }

    /// Writes bytes of a stream, as [`AsyncWrite::poll_write`](super::AsyncWrite::poll_write).
    pub(crate) fn poll_write<'a>(&'a self, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>>
    where
        &'a S: Write,
    {
        self.registration.poll_transfer(cx, Direction::Write, buf.len(), || (&**self).write(buf))
    }

    /// As [`poll_write`](Self::poll_write), from several slices; of few bytes they are put together first, see [`GATHERED`].
    pub(crate) fn poll_write_vectored<'a>(
        &'a self,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>>
    where
        &'a S: Write,
    {
        let asked = bufs.iter().fold(0usize, |sum, buf| sum.saturating_add(buf.len()));
        self.registration.poll_transfer(cx, Direction::Write, asked, || match asked {
            1..=GATHERED if bufs.len() > 1 => write_gathered(&**self, bufs),
            _ => (&**self).write_vectored(bufs),
        })
    }
}

/// Puts the slices together, [`GATHERED`] bytes at most, and writes them as one.
fn write_gathered(mut source: impl Write, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
    let mut memory = [MaybeUninit::uninit(); GATHERED];
    let mut gathered = ReadBuf::uninit(&mut memory);
    bufs.iter().for_each(|buf| gathered.put_slice(buf));
    source.write(gathered.filled())
}

impl<S: Source> Deref for PollEvented<S> {
    type Target = S;

    fn deref(&self) -> &S {
        self.source.as_ref().expect("it is there until it is taken out or dropped")
    }
}

impl<S: Source> Drop for PollEvented<S> {
    fn drop(&mut self) {
        if let Some(mut source) = self.source.take() {
            // There is nobody to tell, and closing it below takes it out of the system's event queue anyway.
            let _ = self.registration.deregister(&mut source);
        }
    }
}

impl<S: Source + fmt::Debug> fmt::Debug for PollEvented<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PollEvented").field("source", &self.source).finish_non_exhaustive()
    }
}
