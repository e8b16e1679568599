//! `BufWriter`: gathers small writes in a buffer.

use super::DEFAULT_CAPACITY;
use crate::io::write::takes_no_more;
use crate::io::{AsyncBufRead, AsyncRead, AsyncSeek, AsyncWrite, ReadBuf};
use pin_project_lite::pin_project;
use std::fmt;
use std::io::{self, IoSlice, SeekFrom};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

pin_project! {
    /// Collects small writes in memory, and hands them to another writer in large pieces.
    ///
    /// **Flush it before it is dropped**: dropping cannot wait, so what is in the buffer is lost. What is read comes
    /// straight from the inner reader.
    ///
    /// # Examples
    /// ```
    /// use freewheel::io::{AsyncWriteExt, BufWriter};
    ///
    /// # #[freewheel::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// let mut writer = BufWriter::new(Vec::new());
    /// for number in 0..10 {
    ///     writer.write_u8(number).await?;
    /// }
    /// assert!(writer.get_ref().is_empty());
    /// writer.flush().await?;
    /// assert_eq!(writer.get_ref().len(), 10);
    /// # Ok(())
    /// # }
    /// ```
    pub struct BufWriter<W> {
        #[pin]
        inner: W,
        buf: Vec<u8>,
        // How many bytes of `buf` the inner writer has taken already.
        written: usize,
        // A move of the position that waits for the buffer to be written first.
        seek: Option<SeekFrom>,
    }
}

impl<W: AsyncWrite> BufWriter<W> {
    /// A writer with a buffer of 8 KiB.
    pub fn new(inner: W) -> Self {
        Self::with_capacity(DEFAULT_CAPACITY, inner)
    }

    /// A writer with a buffer of `capacity` bytes.
    pub fn with_capacity(capacity: usize, inner: W) -> Self {
        Self { inner, buf: Vec::with_capacity(capacity), written: 0, seek: None }
    }

    /// Hands the buffer to the inner writer, without flushing that.
    fn poll_write_out(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut this = self.project();
        while *this.written < this.buf.len() {
            match ready!(this.inner.as_mut().poll_write(cx, &this.buf[*this.written..])) {
                Ok(0) => {
                    forget_written(this.buf, this.written);
                    return Poll::Ready(Err(takes_no_more()));
                }
                Ok(amount) => *this.written += amount,
                Err(error) => {
                    forget_written(this.buf, this.written);
                    return Poll::Ready(Err(error));
                }
            }
        }
        this.buf.clear();
        *this.written = 0;
        Poll::Ready(Ok(()))
    }
}

/// After an error: what the inner writer has taken must not be seen in the buffer, nor be written again.
fn forget_written(buf: &mut Vec<u8>, written: &mut usize) {
    buf.drain(..*written);
    *written = 0;
}

impl<W> BufWriter<W> {
    /// The inner writer.
    pub fn get_ref(&self) -> &W {
        &self.inner
    }

    /// The inner writer. What is written to it directly comes before what is in the buffer.
    pub fn get_mut(&mut self) -> &mut W {
        &mut self.inner
    }

    /// The inner writer, pinned.
    pub fn get_pin_mut(self: Pin<&mut Self>) -> Pin<&mut W> {
        self.project().inner
    }

    /// Gives the inner writer back. What is in the buffer is lost: flush first.
    pub fn into_inner(self) -> W {
        self.inner
    }

    /// What waits to be written.
    pub fn buffer(&self) -> &[u8] {
        &self.buf[self.written..]
    }
}

impl<W: AsyncWrite> AsyncWrite for BufWriter<W> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if self.buf.len() + buf.len() > self.buf.capacity() {
            ready!(self.as_mut().poll_write_out(cx))?;
        }
        let this = self.project();
        if buf.len() >= this.buf.capacity() {
            // The buffer is empty now, and this would fill it: no detour.
            return this.inner.poll_write(cx, buf);
        }
        this.buf.extend_from_slice(buf);
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let total = bufs.iter().fold(0usize, |total, buf| total.saturating_add(buf.len()));
        if total > self.buf.capacity() - self.buf.len() {
            ready!(self.as_mut().poll_write_out(cx))?;
        }
        let this = self.project();
        if this.inner.is_write_vectored() && total >= this.buf.capacity() {
            return this.inner.poll_write_vectored(cx, bufs);
        }
        let mut taken = 0;
        for buf in bufs {
            let room = this.buf.capacity() - this.buf.len();
            if taken == 0 && room == this.buf.capacity() && buf.len() >= room && !buf.is_empty() {
                return this.inner.poll_write(cx, buf);
            }
            let amount = buf.len().min(room);
            this.buf.extend_from_slice(&buf[..amount]);
            taken += amount;
            if amount < buf.len() {
                break;
            }
        }
        Poll::Ready(Ok(taken))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.as_mut().poll_write_out(cx))?;
        self.get_pin_mut().poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.as_mut().poll_write_out(cx))?;
        self.get_pin_mut().poll_shutdown(cx)
    }
}

/// The buffer is written out before the position moves.
impl<W: AsyncWrite + AsyncSeek> AsyncSeek for BufWriter<W> {
    fn start_seek(self: Pin<&mut Self>, position: SeekFrom) -> io::Result<()> {
        *self.project().seek = Some(position);
        Ok(())
    }

    fn poll_complete(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<u64>> {
        if let Some(position) = self.seek {
            ready!(self.as_mut().poll_write_out(cx))?;
            let mut this = self.as_mut().project();
            ready!(this.inner.as_mut().poll_complete(cx))?;
            *this.seek = None;
            this.inner.start_seek(position)?;
        }
        self.get_pin_mut().poll_complete(cx)
    }
}

impl<W: AsyncRead> AsyncRead for BufWriter<W> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.get_pin_mut().poll_read(cx, buf)
    }
}

impl<W: AsyncBufRead> AsyncBufRead for BufWriter<W> {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        self.get_pin_mut().poll_fill_buf(cx)
    }

    fn consume(self: Pin<&mut Self>, amount: usize) {
        self.get_pin_mut().consume(amount);
    }
}

impl<W: fmt::Debug> fmt::Debug for BufWriter<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BufWriter")
            .field("inner", &self.inner)
            .field("buffered", &(self.buf.len() - self.written))
            .field("capacity", &self.buf.capacity())
            .finish()
    }
}
