//! `Lines` and `Split`: the pieces of a source, one after the other.

use super::until::poll_until;
use crate::io::AsyncBufRead;
use pin_project_lite::pin_project;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

pin_project! {
    /// The lines of a reader, by [`AsyncBufReadExt::lines`](crate::io::AsyncBufReadExt::lines).
    #[derive(Debug)]
    #[must_use = "it reads nothing until next_line is awaited"]
    pub struct Lines<R> {
        #[pin]
        reader: R,
        // The beginning of the next line, kept if `next_line` is cancelled.
        bytes: Vec<u8>,
    }
}

impl<R> Lines<R> {
    pub(super) fn new(reader: R) -> Self {
        Self { reader, bytes: Vec::new() }
    }

    /// The reader.
    pub fn get_ref(&self) -> &R {
        &self.reader
    }

    /// The reader. What is read from it directly is missing in the lines.
    pub fn get_mut(&mut self) -> &mut R {
        &mut self.reader
    }

    /// Gives the reader back. The beginning of a line that was being read is lost.
    pub fn into_inner(self) -> R {
        self.reader
    }
}

impl<R: AsyncBufRead + Unpin> Lines<R> {
    /// The next line without its `\n` or `\r\n`; `None` at the end.
    ///
    /// # Errors
    /// `InvalidData` if the line is not UTF-8 (the next call gives the line after it), and whatever the reader reports.
    ///
    /// # Cancel safety
    /// Cancel safe: the beginning of a line is kept for the next call.
    pub async fn next_line(&mut self) -> io::Result<Option<String>> {
        poll_fn(|cx| Pin::new(&mut *self).poll_next_line(cx)).await
    }
}

impl<R: AsyncBufRead> Lines<R> {
    /// As [`next_line`](Lines::next_line), for those who poll.
    ///
    /// # Errors
    /// As `next_line`.
    pub fn poll_next_line(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<Option<String>>> {
        let this = self.project();
        ready!(poll_until(this.reader, cx, b'\n', this.bytes, &mut 0))?;
        if this.bytes.is_empty() {
            return Poll::Ready(Ok(None));
        }
        let mut line = std::mem::take(this.bytes);
        if line.last() == Some(&b'\n') {
            line.pop();
            if line.last() == Some(&b'\r') {
                line.pop();
            }
        }
        let line = String::from_utf8(line).map_err(|error| {
            let error = error.utf8_error();
            io::Error::new(io::ErrorKind::InvalidData, format!("the line is not UTF-8: {error}"))
        })?;
        Poll::Ready(Ok(Some(line)))
    }
}

pin_project! {
    /// The pieces of a reader, by [`AsyncBufReadExt::split`](crate::io::AsyncBufReadExt::split).
    #[derive(Debug)]
    #[must_use = "it reads nothing until next_segment is awaited"]
    pub struct Split<R> {
        #[pin]
        reader: R,
        // The beginning of the next piece, kept if `next_segment` is cancelled.
        bytes: Vec<u8>,
        delimiter: u8,
    }
}

impl<R> Split<R> {
    pub(super) fn new(reader: R, delimiter: u8) -> Self {
        Self { reader, bytes: Vec::new(), delimiter }
    }
}

impl<R: AsyncBufRead + Unpin> Split<R> {
    /// The next piece without the delimiter; `None` at the end.
    ///
    /// # Errors
    /// Whatever the reader reports.
    ///
    /// # Cancel safety
    /// Cancel safe: the beginning of a piece is kept for the next call.
    pub async fn next_segment(&mut self) -> io::Result<Option<Vec<u8>>> {
        poll_fn(|cx| Pin::new(&mut *self).poll_next_segment(cx)).await
    }
}

impl<R: AsyncBufRead> Split<R> {
    /// As [`next_segment`](Split::next_segment), for those who poll.
    ///
    /// # Errors
    /// As `next_segment`.
    pub fn poll_next_segment(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<Option<Vec<u8>>>> {
        let this = self.project();
        ready!(poll_until(this.reader, cx, *this.delimiter, this.bytes, &mut 0))?;
        if this.bytes.is_empty() {
            return Poll::Ready(Ok(None));
        }
        let mut piece = std::mem::take(this.bytes);
        if piece.last() == Some(this.delimiter) {
            piece.pop();
        }
        Poll::Ready(Ok(Some(piece)))
    }
}
