//! `split`: one stream as a reader and a writer, which may live in different tasks.
//!
//! A lock stands around the stream, held for one poll. It is the stream's, not the runtime's: user code runs under it.
//! Types that can be read and written at once by shared reference (sockets) have a split of their own without it.

use super::{AsyncRead, AsyncWrite, ReadBuf};
use std::fmt;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

/// Splits any stream in a reader and a writer.
///
/// [`ReadHalf::unsplit`] puts it together again. [`TcpStream`](crate::net::TcpStream) has its own, cheaper, `split`.
///
/// # Examples
/// ```
/// use freewheel::io::{self, AsyncReadExt, AsyncWriteExt};
///
/// # #[freewheel::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// let (mut client, server) = io::duplex(64);
/// let (mut reader, mut writer) = io::split(server);
/// client.write_all(b"ping").await?;
/// let mut word = [0; 4];
/// reader.read_exact(&mut word).await?;
/// writer.write_all(&word).await?;
/// # Ok(())
/// # }
/// ```
pub fn split<T: AsyncRead + AsyncWrite>(stream: T) -> (ReadHalf<T>, WriteHalf<T>) {
    let is_write_vectored = stream.is_write_vectored();
    let shared = Arc::new(Shared { stream: Mutex::new(Box::pin(stream)), is_write_vectored });
    (ReadHalf { shared: Arc::clone(&shared) }, WriteHalf { shared })
}

/// The reader of a [`split`] stream.
pub struct ReadHalf<T> {
    shared: Arc<Shared<T>>,
}

/// The writer of a [`split`] stream.
///
/// Dropping it does not end the stream: shut it down for that.
pub struct WriteHalf<T> {
    shared: Arc<Shared<T>>,
}

struct Shared<T> {
    stream: Mutex<Pin<Box<T>>>,
    is_write_vectored: bool,
}

impl<T> Shared<T> {
    fn lock(&self) -> MutexGuard<'_, Pin<Box<T>>> {
        // A poll that panicked says nothing about the other half.
        self.stream.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> ReadHalf<T> {
    /// Whether the two halves are of one stream.
    pub fn is_pair_of(&self, other: &WriteHalf<T>) -> bool {
        other.is_pair_of(self)
    }

    /// Puts the stream together again.
    ///
    /// # Panics
    /// If the halves are not of one stream: [`is_pair_of`](Self::is_pair_of) tells.
    #[track_caller]
    pub fn unsplit(self, other: WriteHalf<T>) -> T
    where
        T: Unpin,
    {
        assert!(self.is_pair_of(&other), "unsplit was given the WriteHalf of another stream");
        drop(other);
        let shared = Arc::into_inner(self.shared).expect("there are only two halves, and one was dropped");
        *Pin::into_inner(shared.stream.into_inner().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<T> WriteHalf<T> {
    /// Whether the two halves are of one stream.
    pub fn is_pair_of(&self, other: &ReadHalf<T>) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }
}

impl<T: AsyncRead> AsyncRead for ReadHalf<T> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.shared.lock().as_mut().poll_read(cx, buf)
    }
}

impl<T: AsyncWrite> AsyncWrite for WriteHalf<T> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.shared.lock().as_mut().poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.shared.lock().as_mut().poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.shared.lock().as_mut().poll_shutdown(cx)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.shared.lock().as_mut().poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.shared.is_write_vectored
    }
}

impl<T> fmt::Debug for ReadHalf<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadHalf").finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for WriteHalf<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WriteHalf").finish_non_exhaustive()
    }
}
