//! `duplex` and `simplex`: pipes in memory, bounded like a socket's buffer.

use super::{AsyncRead, AsyncWrite, ReadBuf, ReadHalf, WriteHalf, split};
use crate::primitives::{Arc, Mutex, MutexGuard};
use crate::tasks::coop;
use bytes::{Buf, BytesMut};
use std::fmt;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

/// Two connected streams in memory: what is written to one is read from the other.
///
/// Each direction holds at most `max_buf_size` bytes; a writer then waits for the reader. When one end is dropped, the
/// other reads what is left and then the end, and its writes fail with `BrokenPipe`. Good for tests, in the place of a
/// socket.
///
/// # Examples
/// ```
/// use freewheel::io::{self, AsyncReadExt, AsyncWriteExt};
///
/// # #[freewheel::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// let (mut client, mut server) = io::duplex(64);
/// client.write_all(b"ping").await?;
/// let mut word = [0; 4];
/// server.read_exact(&mut word).await?;
/// server.write_all(b"pong").await?;
/// client.read_exact(&mut word).await?;
/// assert_eq!(&word, b"pong");
/// # Ok(())
/// # }
/// ```
pub fn duplex(max_buf_size: usize) -> (DuplexStream, DuplexStream) {
    let there = SimplexStream::new_unsplit(max_buf_size);
    let back = SimplexStream::new_unsplit(max_buf_size);
    let first = DuplexStream { incoming: back.share(), outgoing: there.share() };
    (first, DuplexStream { incoming: there, outgoing: back })
}

/// A pipe in memory: what is written to the writer is read from the reader. It holds at most `max_buf_size` bytes.
///
/// Dropping one half is not noticed by the other; shut the writer down to end it.
///
/// # Examples
/// ```
/// use freewheel::io::{self, AsyncReadExt, AsyncWriteExt};
///
/// # #[freewheel::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// let (mut reader, mut writer) = io::simplex(64);
/// writer.write_all(b"one way").await?;
/// writer.shutdown().await?;
/// let mut text = String::new();
/// reader.read_to_string(&mut text).await?;
/// assert_eq!(text, "one way");
/// # Ok(())
/// # }
/// ```
pub fn simplex(max_buf_size: usize) -> (ReadHalf<SimplexStream>, WriteHalf<SimplexStream>) {
    split(SimplexStream::new_unsplit(max_buf_size))
}

/// One end of a [`duplex`] pair.
#[derive(Debug)]
pub struct DuplexStream {
    incoming: SimplexStream,
    outgoing: SimplexStream,
}

impl Drop for DuplexStream {
    fn drop(&mut self) {
        // The peer reads the end once it has read what is there, and cannot write any more.
        self.outgoing.end_writing();
        self.incoming.end_reading();
    }
}

impl AsyncRead for DuplexStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.incoming).poll_read(cx, buf)
    }
}

impl AsyncWrite for DuplexStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.outgoing).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.outgoing).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.outgoing).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.outgoing).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }
}

/// A pipe in memory, both of whose ends are in one value. [`simplex`] gives them apart.
pub struct SimplexStream {
    pipe: Arc<Mutex<Pipe>>,
}

/// What the two ends share. Wakers are woken, dropped and cloned outside the lock.
struct Pipe {
    bytes: BytesMut,
    limit: usize,
    writing_ended: bool,
    reading_ended: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

/// What came of one try under the lock.
enum Try<T> {
    /// It worked, and the other side is to be woken.
    Done(T, Option<Waker>),
    Wait,
}

impl SimplexStream {
    /// A pipe that is not split: what is written to it is read from it.
    pub fn new_unsplit(max_buf_size: usize) -> Self {
        let pipe = Pipe {
            bytes: BytesMut::new(),
            limit: max_buf_size,
            writing_ended: false,
            reading_ended: false,
            reader: None,
            writer: None,
        };
        Self { pipe: Arc::new(Mutex::new(pipe)) }
    }

    fn share(&self) -> Self {
        Self { pipe: Arc::clone(&self.pipe) }
    }

    fn end_writing(&self) {
        let reader = {
            let mut pipe = self.pipe.lock();
            pipe.writing_ended = true;
            pipe.reader.take()
        };
        wake(reader);
    }

    fn end_reading(&self) {
        let writer = {
            let mut pipe = self.pipe.lock();
            pipe.reading_ended = true;
            pipe.writer.take()
        };
        wake(writer);
    }

    /// Tries until it works or this task's waker is in its `place`.
    fn poll<T>(
        &self,
        cx: &mut Context<'_>,
        place: fn(&mut Pipe) -> &mut Option<Waker>,
        mut attempt: impl FnMut(&mut Pipe) -> Try<T>,
    ) -> Poll<T> {
        let step = ready!(coop::poll_proceed(cx));
        let mut waker: Option<Waker> = None;
        loop {
            let mut pipe = self.pipe.lock();
            match attempt(&mut pipe) {
                Try::Done(value, other) => {
                    drop(pipe);
                    step.made_progress();
                    wake(other);
                    return Poll::Ready(value);
                }
                Try::Wait => {}
            }
            if place(&mut pipe).as_ref().is_some_and(|old| old.will_wake(cx.waker())) {
                return Poll::Pending;
            }
            if let Some(waker) = waker.take() {
                let old = place(&mut pipe).replace(waker);
                drop::<MutexGuard<'_, Pipe>>(pipe);
                drop(old);
                return Poll::Pending;
            }
            // Cloning runs foreign code: not under the lock, and then look again.
            drop(pipe);
            waker = Some(cx.waker().clone());
        }
    }

    fn poll_put(&self, cx: &mut Context<'_>, bufs: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        self.poll(
            cx,
            |pipe| &mut pipe.writer,
            |pipe| {
                if pipe.writing_ended || pipe.reading_ended {
                    return Try::Done(Err(io::ErrorKind::BrokenPipe.into()), None);
                }
                let mut room = pipe.limit - pipe.bytes.len();
                let mut taken = 0;
                for buf in bufs {
                    let amount = buf.len().min(room);
                    pipe.bytes.extend_from_slice(&buf[..amount]);
                    taken += amount;
                    room -= amount;
                }
                if taken == 0 && bufs.iter().any(|buf| !buf.is_empty()) {
                    return Try::Wait;
                }
                Try::Done(Ok(taken), pipe.reader.take())
            },
        )
    }
}

fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}

impl AsyncRead for SimplexStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.poll(
            cx,
            |pipe| &mut pipe.reader,
            |pipe| {
                let amount = pipe.bytes.len().min(buf.remaining());
                if amount == 0 && !pipe.writing_ended && buf.remaining() > 0 {
                    return Try::Wait;
                }
                buf.put_slice(&pipe.bytes[..amount]);
                pipe.bytes.advance(amount);
                Try::Done(Ok(()), if amount > 0 { pipe.writer.take() } else { None })
            },
        )
    }
}

impl AsyncWrite for SimplexStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_put(cx, &[IoSlice::new(buf)])
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.end_writing();
        Poll::Ready(Ok(()))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_put(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }
}

impl fmt::Debug for SimplexStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pipe = self.pipe.lock();
        f.debug_struct("SimplexStream")
            .field("buffered", &pipe.bytes.len())
            .field("limit", &pipe.limit)
            .field("ended", &pipe.writing_ended)
            .finish()
    }
}
