//! The futures that read up to a delimiter.

use crate::io::AsyncBufRead;
use crate::io::read::append_utf8;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// The future of [`AsyncBufReadExt::read_until`](crate::io::AsyncBufReadExt::read_until).
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct ReadUntil<'a, R: ?Sized> {
    reader: &'a mut R,
    delimiter: u8,
    buf: &'a mut Vec<u8>,
    total: usize,
}

impl<'a, R: ?Sized> ReadUntil<'a, R> {
    pub(super) fn new(reader: &'a mut R, delimiter: u8, buf: &'a mut Vec<u8>) -> Self {
        Self { reader, delimiter, buf, total: 0 }
    }
}

impl<R: AsyncBufRead + Unpin + ?Sized> Future for ReadUntil<'_, R> {
    type Output = io::Result<usize>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        ready!(poll_until(Pin::new(&mut *this.reader), cx, this.delimiter, this.buf, &mut this.total))?;
        Poll::Ready(Ok(this.total))
    }
}

/// The future of [`AsyncBufReadExt::read_line`](crate::io::AsyncBufReadExt::read_line).
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct ReadLine<'a, R: ?Sized> {
    reader: &'a mut R,
    line: &'a mut String,
    bytes: Vec<u8>,
    total: usize,
}

impl<'a, R: ?Sized> ReadLine<'a, R> {
    pub(super) fn new(reader: &'a mut R, line: &'a mut String) -> Self {
        // An empty `line` lends its allocation: a loop that clears and reuses it allocates once.
        let bytes = if line.is_empty() { std::mem::take(line).into_bytes() } else { Vec::new() };
        Self { reader, line, bytes, total: 0 }
    }
}

impl<R: AsyncBufRead + Unpin + ?Sized> Future for ReadLine<'_, R> {
    type Output = io::Result<usize>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let result = ready!(poll_until(Pin::new(&mut *this.reader), cx, b'\n', &mut this.bytes, &mut this.total));
        let appended = append_utf8(this.line, std::mem::take(&mut this.bytes));
        result.and(appended).map(|()| this.total).into()
    }
}

/// Appends to `buf` up to and with `delimiter`, or to the end; `total` counts across polls.
pub(super) fn poll_until<R: AsyncBufRead + ?Sized>(
    mut reader: Pin<&mut R>,
    cx: &mut Context<'_>,
    delimiter: u8,
    buf: &mut Vec<u8>,
    total: &mut usize,
) -> Poll<io::Result<()>> {
    loop {
        let available = ready!(reader.as_mut().poll_fill_buf(cx))?;
        let found = available.iter().position(|byte| *byte == delimiter);
        let amount = found.map_or(available.len(), |index| index + 1);
        buf.extend_from_slice(&available[..amount]);
        reader.as_mut().consume(amount);
        *total += amount;
        if found.is_some() || amount == 0 {
            return Poll::Ready(Ok(()));
        }
    }
}
