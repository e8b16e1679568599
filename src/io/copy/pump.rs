//! One direction of a copy: a buffer that is filled by a reader and emptied by a writer.

use crate::io::budget;
use crate::io::write::takes_no_more;
use crate::io::{AsyncRead, AsyncWrite, ReadBuf};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

#[derive(Debug)]
pub(super) struct Pump {
    buf: Box<[u8]>,
    // What was read and not written yet is buf[start..end].
    start: usize,
    end: usize,
    total: u64,
    ended: bool,
    flush_due: bool,
}

impl Pump {
    pub(super) fn new(capacity: usize) -> Self {
        let buf = vec![0; capacity].into_boxed_slice();
        Self { buf, start: 0, end: 0, total: 0, ended: false, flush_due: false }
    }

    /// Copies until the reader has ended and everything is flushed.
    pub(super) fn poll<R, W>(
        &mut self,
        cx: &mut Context<'_>,
        mut reader: Pin<&mut R>,
        mut writer: Pin<&mut W>,
    ) -> Poll<io::Result<u64>>
    where
        R: AsyncRead + ?Sized,
        W: AsyncWrite + ?Sized,
    {
        loop {
            ready!(budget::charge(cx));
            if self.start == self.end && !self.ended {
                match self.fill(cx, reader.as_mut()) {
                    Poll::Ready(result) => result?,
                    Poll::Pending => {
                        // The reader may wait for an answer to what is still held back in the writer.
                        if self.flush_due {
                            ready!(writer.as_mut().poll_flush(cx))?;
                            self.flush_due = false;
                        }
                        return Poll::Pending;
                    }
                }
            }
            while self.start < self.end {
                match ready!(writer.as_mut().poll_write(cx, &self.buf[self.start..self.end]))? {
                    0 => return Poll::Ready(Err(takes_no_more())),
                    amount => {
                        self.start += amount;
                        self.total += amount as u64;
                        self.flush_due = true;
                    }
                }
            }
            if self.ended {
                ready!(writer.as_mut().poll_flush(cx))?;
                return Poll::Ready(Ok(self.total));
            }
        }
    }

    fn fill<R: AsyncRead + ?Sized>(&mut self, cx: &mut Context<'_>, reader: Pin<&mut R>) -> Poll<io::Result<()>> {
        let mut buf = ReadBuf::new(&mut self.buf);
        ready!(reader.poll_read(cx, &mut buf))?;
        self.start = 0;
        self.end = buf.filled().len();
        self.ended = self.end == 0;
        Poll::Ready(Ok(()))
    }
}
