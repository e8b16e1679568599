//! `AsyncBufRead`: a reader with a buffer that can be looked into.

use super::AsyncRead;
use std::io::{self, BufRead, Cursor};
use std::ops::DerefMut;
use std::pin::Pin;
use std::task::{Context, Poll};

/// A reader that has a buffer of its own, so that one can look at what comes before taking it.
///
/// The asynchronous counterpart of [`std::io::BufRead`]; awaitable methods (lines, "read until") are in
/// [`AsyncBufReadExt`](super::AsyncBufReadExt). [`BufReader`](super::BufReader) makes one of any [`AsyncRead`].
pub trait AsyncBufRead: AsyncRead {
    /// The bytes in the buffer, which is filled first if it is empty. An empty slice is the end.
    ///
    /// It takes nothing: [`consume`](AsyncBufRead::consume) does. `Pending`: the task of `cx` is woken when there is
    /// something.
    ///
    /// # Errors
    /// Whatever the source reports.
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>>;

    /// Takes `amount` bytes out of the buffer; at most as many as the last
    /// [`poll_fill_buf`](AsyncBufRead::poll_fill_buf) returned.
    fn consume(self: Pin<&mut Self>, amount: usize);
}

macro_rules! forward_to {
    () => {
        fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
            Pin::new(&mut **self.get_mut()).poll_fill_buf(cx)
        }

        fn consume(self: Pin<&mut Self>, amount: usize) {
            Pin::new(&mut **self.get_mut()).consume(amount);
        }
    };
}

impl<T: ?Sized + AsyncBufRead + Unpin> AsyncBufRead for Box<T> {
    forward_to!();
}

impl<T: ?Sized + AsyncBufRead + Unpin> AsyncBufRead for &mut T {
    forward_to!();
}

impl<P> AsyncBufRead for Pin<P>
where
    P: DerefMut,
    P::Target: AsyncBufRead,
{
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        self.as_deref_mut().poll_fill_buf(cx)
    }

    fn consume(self: Pin<&mut Self>, amount: usize) {
        self.as_deref_mut().consume(amount);
    }
}

macro_rules! read_in_memory {
    () => {
        fn poll_fill_buf(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
            Poll::Ready(BufRead::fill_buf(self.get_mut()))
        }

        fn consume(self: Pin<&mut Self>, amount: usize) {
            BufRead::consume(self.get_mut(), amount);
        }
    };
}

impl AsyncBufRead for &[u8] {
    read_in_memory!();
}

impl<T: AsRef<[u8]> + Unpin> AsyncBufRead for Cursor<T> {
    read_in_memory!();
}

impl AsyncBufRead for io::Empty {
    read_in_memory!();
}
