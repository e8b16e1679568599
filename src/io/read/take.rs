//! `Take`: a reader that ends after so many bytes.

use crate::io::{AsyncBufRead, AsyncRead, ReadBuf};
use pin_project_lite::pin_project;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

pin_project! {
    /// The reader of [`AsyncReadExt::take`](crate::io::AsyncReadExt::take).
    #[derive(Debug)]
    #[must_use = "readers do nothing unless read from"]
    pub struct Take<R> {
        #[pin]
        reader: R,
        left: u64,
    }
}

impl<R> Take<R> {
    pub(super) fn new(reader: R, limit: u64) -> Self {
        Self { reader, left: limit }
    }

    /// How many bytes may still be read; the source can end before.
    pub fn limit(&self) -> u64 {
        self.left
    }

    /// Sets how many bytes may still be read, whatever was read before.
    pub fn set_limit(&mut self, limit: u64) {
        self.left = limit;
    }

    /// The reader.
    pub fn get_ref(&self) -> &R {
        &self.reader
    }

    /// The reader. Bytes read from it directly do not count.
    pub fn get_mut(&mut self) -> &mut R {
        &mut self.reader
    }

    /// The reader, pinned.
    pub fn get_pin_mut(self: Pin<&mut Self>) -> Pin<&mut R> {
        self.project().reader
    }

    /// Gives the reader back.
    pub fn into_inner(self) -> R {
        self.reader
    }
}

fn at_most(left: u64, room: usize) -> usize {
    usize::try_from(left).unwrap_or(usize::MAX).min(room)
}

impl<R: AsyncRead> AsyncRead for Take<R> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.left == 0 {
            return Poll::Ready(Ok(()));
        }
        let this = self.project();
        let amount =
            ready!(buf.poll_within(at_most(*this.left, buf.remaining()), |part| this.reader.poll_read(cx, part)))?;
        *this.left -= amount as u64;
        Poll::Ready(Ok(()))
    }
}

impl<R: AsyncBufRead> AsyncBufRead for Take<R> {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        // Nothing is left: do not even ask, it might wait.
        if self.left == 0 {
            return Poll::Ready(Ok(&[]));
        }
        let this = self.project();
        let buf = ready!(this.reader.poll_fill_buf(cx))?;
        Poll::Ready(Ok(&buf[..at_most(*this.left, buf.len())]))
    }

    fn consume(self: Pin<&mut Self>, amount: usize) {
        let this = self.project();
        let amount = at_most(*this.left, amount);
        *this.left -= amount as u64;
        this.reader.consume(amount);
    }
}
