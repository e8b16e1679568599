//! `AsyncWrite`: a place for bytes that is polled until it takes them.

use std::io::{self, Cursor, IoSlice, Write};
use std::ops::DerefMut;
use std::pin::Pin;
use std::task::{Context, Poll};

/// A sink of bytes which, instead of blocking its thread, says that it is full and wakes the task later.
///
/// The asynchronous counterpart of [`std::io::Write`]; awaitable methods are in
/// [`AsyncWriteExt`](super::AsyncWriteExt), which every `AsyncWrite` has. Beyond the standard trait it has
/// [`poll_shutdown`](AsyncWrite::poll_shutdown), because an orderly end may itself have to wait (a TLS
/// `close_notify`, a buffer that must be flushed), which `Drop` cannot.
///
/// # Examples
/// A writer that counts and throws away:
///
/// ```
/// use freewheel::io::{AsyncWrite, AsyncWriteExt};
/// use std::io;
/// use std::pin::Pin;
/// use std::task::{Context, Poll};
///
/// struct Count(usize);
///
/// impl AsyncWrite for Count {
///     fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
///         self.0 += buf.len();
///         Poll::Ready(Ok(buf.len()))
///     }
///     fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
///         Poll::Ready(Ok(()))
///     }
///     fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
///         self.poll_flush(cx)
///     }
/// }
///
/// # #[freewheel::main(flavor = "current_thread")]
/// # async fn main() -> io::Result<()> {
/// let mut count = Count(0);
/// count.write_all(b"five.").await?;
/// assert_eq!(count.0, 5);
/// # Ok(())
/// # }
/// ```
pub trait AsyncWrite {
    /// Writes some bytes from the start of `buf` and says how many.
    ///
    /// `Ready(Ok(0))` for a `buf` that is not empty means that the sink takes nothing any more. `Pending`: nothing was
    /// written, and the task of `cx` is woken when it is worth trying again.
    ///
    /// # Errors
    /// Whatever the sink reports, with nothing written; never `WouldBlock` or `Interrupted`.
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>>;

    /// Passes on everything written so far to where it is going.
    ///
    /// # Errors
    /// Whatever the sink reports.
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// Ends the writing side: flushes, says goodbye if the protocol has a way to, and then refuses further writes.
    ///
    /// For a TCP stream this is `shutdown(SHUT_WR)`: the peer reads the end, reading here goes on. After
    /// `Ready(Ok(()))` further writes may fail; shutting down again is allowed.
    ///
    /// # Errors
    /// Whatever the sink reports.
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// Like [`poll_write`](AsyncWrite::poll_write), gathering from several buffers in order.
    ///
    /// Unless overridden, it writes from the first buffer that is not empty.
    ///
    /// # Errors
    /// As `poll_write`.
    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let first = bufs.iter().find(|buf| !buf.is_empty());
        self.poll_write(cx, first.map_or(&[], |buf| &**buf))
    }

    /// Whether [`poll_write_vectored`](AsyncWrite::poll_write_vectored) really gathers, so that a caller need not copy
    /// small pieces together first. `false` unless overridden.
    fn is_write_vectored(&self) -> bool {
        false
    }
}

/// Implements `AsyncWrite` by handing every call on to the writer behind `self`.
macro_rules! forward_to {
    (|$this:ident| $target:expr) => {
        fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
            let $this = self;
            $target.poll_write(cx, buf)
        }

        fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            let $this = self;
            $target.poll_flush(cx)
        }

        fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            let $this = self;
            $target.poll_shutdown(cx)
        }

        fn poll_write_vectored(
            self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            bufs: &[IoSlice<'_>],
        ) -> Poll<io::Result<usize>> {
            let $this = self;
            $target.poll_write_vectored(cx, bufs)
        }

        fn is_write_vectored(&self) -> bool {
            (**self).is_write_vectored()
        }
    };
}

impl<T: ?Sized + AsyncWrite + Unpin> AsyncWrite for Box<T> {
    forward_to!(|this| Pin::new(&mut **this.get_mut()));
}

impl<T: ?Sized + AsyncWrite + Unpin> AsyncWrite for &mut T {
    forward_to!(|this| Pin::new(&mut **this.get_mut()));
}

impl<P> AsyncWrite for Pin<P>
where
    P: DerefMut,
    P::Target: AsyncWrite,
{
    forward_to!(|this| this.as_deref_mut());
}

/// Implements `AsyncWrite` by a `std::io::Write` that works in memory and so never waits.
macro_rules! write_in_memory {
    () => {
        fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
            Poll::Ready(Write::write(self.get_mut(), buf))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Write::flush(self.get_mut()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            self.poll_flush(cx)
        }

        fn poll_write_vectored(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            bufs: &[IoSlice<'_>],
        ) -> Poll<io::Result<usize>> {
            Poll::Ready(Write::write_vectored(self.get_mut(), bufs))
        }

        fn is_write_vectored(&self) -> bool {
            true
        }
    };
}

/// Appends.
impl AsyncWrite for Vec<u8> {
    write_in_memory!();
}

/// Overwrites from the cursor's position; `Ok(0)` at the end of the slice.
impl AsyncWrite for Cursor<&mut [u8]> {
    write_in_memory!();
}

/// Overwrites from the cursor's position and then appends.
impl AsyncWrite for Cursor<&mut Vec<u8>> {
    write_in_memory!();
}

/// Overwrites from the cursor's position and then appends.
impl AsyncWrite for Cursor<Vec<u8>> {
    write_in_memory!();
}

/// Overwrites from the cursor's position; `Ok(0)` at the end of the slice.
impl AsyncWrite for Cursor<Box<[u8]>> {
    write_in_memory!();
}

impl AsyncWrite for io::Sink {
    write_in_memory!();
}
