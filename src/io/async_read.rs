//! `AsyncRead`: bytes that are polled for.

use super::ReadBuf;
use std::io::{self, Cursor, Read};
use std::ops::DerefMut;
use std::pin::Pin;
use std::task::{Context, Poll};

/// A source of bytes which, instead of blocking its thread, says that it is not ready and wakes the task later.
///
/// The asynchronous counterpart of [`std::io::Read`]. Programs rarely call it: the methods that can be awaited are in
/// [`AsyncReadExt`](super::AsyncReadExt), which every `AsyncRead` has.
///
/// # Examples
/// A reader that yields a countdown, one byte for each call:
///
/// ```
/// use freewheel::io::{AsyncRead, AsyncReadExt, ReadBuf};
/// use std::io;
/// use std::pin::Pin;
/// use std::task::{Context, Poll};
///
/// struct Countdown(u8);
///
/// impl AsyncRead for Countdown {
///     fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
///         if self.0 > 0 && buf.remaining() > 0 {
///             buf.put_slice(&[self.0]);
///             self.0 -= 1;
///         }
///         Poll::Ready(Ok(()))
///     }
/// }
///
/// # #[freewheel::main(flavor = "current_thread")]
/// # async fn main() -> io::Result<()> {
/// let mut bytes = Vec::new();
/// Countdown(3).read_to_end(&mut bytes).await?;
/// assert_eq!(bytes, [3, 2, 1]);
/// # Ok(())
/// # }
/// ```
pub trait AsyncRead {
    /// Reads into the unfilled part of `buf`.
    ///
    /// * `Ready(Ok(()))`: the bytes read were added to `buf.filled()`. If nothing was added and there was room, the
    ///   source has reached its end.
    /// * `Pending`: nothing was added; the task of `cx` is woken when it is worth trying again. Only the task of the
    ///   last call is.
    /// * `Ready(Err(_))`: nothing was added. An implementation never returns `WouldBlock` or `Interrupted`.
    ///
    /// # Errors
    /// Whatever the source reports.
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>>;
}

macro_rules! forward_poll_read {
    () => {
        fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
            Pin::new(&mut **self).poll_read(cx, buf)
        }
    };
}

impl<T: ?Sized + AsyncRead + Unpin> AsyncRead for Box<T> {
    forward_poll_read!();
}

impl<T: ?Sized + AsyncRead + Unpin> AsyncRead for &mut T {
    forward_poll_read!();
}

impl<P> AsyncRead for Pin<P>
where
    P: DerefMut,
    P::Target: AsyncRead,
{
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.as_deref_mut().poll_read(cx, buf)
    }
}

/// Reading moves the slice's start forward.
impl AsyncRead for &[u8] {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let amount = buf.remaining().min(self.len());
        let (now, later) = self.split_at(amount);
        buf.put_slice(now);
        *self = later;
        Poll::Ready(Ok(()))
    }
}

impl<T: AsRef<[u8]> + Unpin> AsyncRead for Cursor<T> {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let bytes = (*self).get_ref().as_ref();
        // A position beyond the end is allowed and reads as the end.
        let start = usize::try_from(self.position()).unwrap_or(usize::MAX).min(bytes.len());
        let amount = buf.remaining().min(bytes.len() - start);
        buf.put_slice(&bytes[start..start + amount]);
        if amount > 0 {
            self.set_position((start + amount) as u64);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for io::Empty {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for io::Repeat {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let amount = self.read(buf.initialize_unfilled())?;
        buf.advance(amount);
        Poll::Ready(Ok(()))
    }
}
