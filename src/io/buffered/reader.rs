//! `BufReader`: reads ahead into a buffer.

use super::DEFAULT_CAPACITY;
use crate::io::{AsyncBufRead, AsyncRead, AsyncSeek, AsyncWrite, ReadBuf};
use pin_project_lite::pin_project;
use std::fmt;
use std::io::{self, IoSlice, SeekFrom};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

pin_project! {
    /// Reads from another reader in large pieces, and hands out small ones from memory.
    ///
    /// Worth it for many small reads and for lines; not for what is in memory anyway, nor for reads that are large. It
    /// drops what it has read ahead when it is dropped. What is written goes straight to the inner writer.
    ///
    /// # Examples
    /// ```
    /// use freewheel::io::{AsyncBufReadExt, BufReader};
    ///
    /// # #[freewheel::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// let mut reader = BufReader::new(&b"one\ntwo\n"[..]);
    /// let mut line = String::new();
    /// reader.read_line(&mut line).await?;
    /// assert_eq!((line.as_str(), reader.buffer()), ("one\n", &b"two\n"[..]));
    /// # Ok(())
    /// # }
    /// ```
    pub struct BufReader<R> {
        #[pin]
        inner: R,
        buf: Box<[u8]>,
        // What was read ahead and not taken yet is buf[start..end].
        start: usize,
        end: usize,
        seek: Seek,
    }
}

/// Where a move of the position is.
#[derive(Debug, Clone, Copy)]
enum Seek {
    None,
    /// Asked for; the inner reader may have something under way.
    Asked(SeekFrom),
    /// The inner reader does not move as far as asked in one go; this is what is left.
    TwoSteps(i64),
    /// The inner reader is moving.
    Moving,
}

impl<R: AsyncRead> BufReader<R> {
    /// A reader with a buffer of 8 KiB.
    pub fn new(inner: R) -> Self {
        Self::with_capacity(DEFAULT_CAPACITY, inner)
    }

    /// A reader with a buffer of `capacity` bytes.
    pub fn with_capacity(capacity: usize, inner: R) -> Self {
        Self { inner, buf: vec![0; capacity].into_boxed_slice(), start: 0, end: 0, seek: Seek::None }
    }
}

impl<R> BufReader<R> {
    /// The inner reader.
    pub fn get_ref(&self) -> &R {
        &self.inner
    }

    /// The inner reader. What is read from it directly comes after what is in the buffer.
    pub fn get_mut(&mut self) -> &mut R {
        &mut self.inner
    }

    /// The inner reader, pinned.
    pub fn get_pin_mut(self: Pin<&mut Self>) -> Pin<&mut R> {
        self.project().inner
    }

    /// Gives the inner reader back. What is in the buffer is lost.
    pub fn into_inner(self) -> R {
        self.inner
    }

    /// What was read ahead and not taken yet.
    pub fn buffer(&self) -> &[u8] {
        &self.buf[self.start..self.end]
    }

    fn discard(self: Pin<&mut Self>) {
        let this = self.project();
        *this.start = 0;
        *this.end = 0;
    }
}

impl<R: AsyncRead> AsyncRead for BufReader<R> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.start == self.end && buf.remaining() >= self.buf.len() {
            // Nothing read ahead, and room for at least as much as we would: no detour.
            self.as_mut().discard();
            return self.get_pin_mut().poll_read(cx, buf);
        }
        let available = ready!(self.as_mut().poll_fill_buf(cx))?;
        let amount = available.len().min(buf.remaining());
        buf.put_slice(&available[..amount]);
        self.consume(amount);
        Poll::Ready(Ok(()))
    }
}

impl<R: AsyncRead> AsyncBufRead for BufReader<R> {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        let this = self.project();
        if *this.start >= *this.end {
            let mut buf = ReadBuf::new(this.buf);
            ready!(this.inner.poll_read(cx, &mut buf))?;
            *this.end = buf.filled().len();
            *this.start = 0;
        }
        Poll::Ready(Ok(&this.buf[*this.start..*this.end]))
    }

    fn consume(self: Pin<&mut Self>, amount: usize) {
        let this = self.project();
        *this.start = (*this.start + amount).min(*this.end);
    }
}

/// Moving drops what was read ahead. `SeekFrom::Current` counts from what was handed out, not from what was read ahead.
impl<R: AsyncRead + AsyncSeek> AsyncSeek for BufReader<R> {
    fn start_seek(self: Pin<&mut Self>, position: SeekFrom) -> io::Result<()> {
        *self.project().seek = Seek::Asked(position);
        Ok(())
    }

    fn poll_complete(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<u64>> {
        loop {
            let ahead = (self.end - self.start) as i64;
            let mut this = self.as_mut().project();
            match *this.seek {
                Seek::None => {
                    let position = ready!(this.inner.poll_complete(cx))?;
                    return Poll::Ready(Ok(position.saturating_sub(ahead as u64)));
                }
                Seek::Asked(position) => {
                    ready!(this.inner.as_mut().poll_complete(cx))?;
                    let (first, next) = match position {
                        SeekFrom::Current(offset) => match offset.checked_sub(ahead) {
                            Some(offset) => (SeekFrom::Current(offset), Seek::Moving),
                            // Only for offsets near i64::MIN.
                            None => (SeekFrom::Current(-ahead), Seek::TwoSteps(offset)),
                        },
                        other => (other, Seek::Moving),
                    };
                    this.inner.start_seek(first).inspect_err(|_| *this.seek = Seek::None)?;
                    *this.seek = next;
                    self.as_mut().discard();
                }
                Seek::TwoSteps(offset) => {
                    ready!(this.inner.as_mut().poll_complete(cx)).inspect_err(|_| *this.seek = Seek::None)?;
                    *this.seek = Seek::None;
                    this.inner.start_seek(SeekFrom::Current(offset))?;
                    *this.seek = Seek::Moving;
                }
                Seek::Moving => {
                    let result = ready!(this.inner.poll_complete(cx));
                    *this.seek = Seek::None;
                    return Poll::Ready(result);
                }
            }
        }
    }
}

impl<R: AsyncWrite> AsyncWrite for BufReader<R> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.get_pin_mut().poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_pin_mut().poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_pin_mut().poll_shutdown(cx)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.get_pin_mut().poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }
}

impl<R: fmt::Debug> fmt::Debug for BufReader<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BufReader")
            .field("inner", &self.inner)
            .field("buffered", &(self.end - self.start))
            .field("capacity", &self.buf.len())
            .finish()
    }
}
