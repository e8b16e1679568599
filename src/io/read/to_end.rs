//! The futures that read up to the end of the source.

use crate::io::{AsyncRead, ReadBuf, read_buf};
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// The least room that a read is given.
const PROBE: usize = 32;

/// The future of [`AsyncReadExt::read_to_end`](crate::io::AsyncReadExt::read_to_end).
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct ReadToEnd<'a, R: ?Sized> {
    reader: &'a mut R,
    buf: &'a mut Vec<u8>,
    total: usize,
}

impl<'a, R: ?Sized> ReadToEnd<'a, R> {
    pub(super) fn new(reader: &'a mut R, buf: &'a mut Vec<u8>) -> Self {
        Self { reader, buf, total: 0 }
    }
}

impl<R: AsyncRead + Unpin + ?Sized> Future for ReadToEnd<'_, R> {
    type Output = io::Result<usize>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        ready!(poll_to_end(&mut *this.reader, cx, this.buf, &mut this.total))?;
        Poll::Ready(Ok(this.total))
    }
}

/// The future of [`AsyncReadExt::read_to_string`](crate::io::AsyncReadExt::read_to_string).
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct ReadToString<'a, R: ?Sized> {
    reader: &'a mut R,
    text: &'a mut String,
    bytes: Vec<u8>,
    total: usize,
}

impl<'a, R: ?Sized> ReadToString<'a, R> {
    pub(super) fn new(reader: &'a mut R, text: &'a mut String) -> Self {
        Self { reader, text, bytes: Vec::new(), total: 0 }
    }
}

impl<R: AsyncRead + Unpin + ?Sized> Future for ReadToString<'_, R> {
    type Output = io::Result<usize>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let result = ready!(poll_to_end(&mut *this.reader, cx, &mut this.bytes, &mut this.total));
        let appended = append_utf8(this.text, std::mem::take(&mut this.bytes));
        // The source's own error says more than that what came before it was cut in a character.
        Poll::Ready(result.and(appended).map(|()| this.total))
    }
}

/// Appends `bytes` if they are UTF-8, without a copy if `text` is empty.
pub(in crate::io) fn append_utf8(text: &mut String, bytes: Vec<u8>) -> io::Result<()> {
    let new = String::from_utf8(bytes).map_err(|error| {
        let error = error.utf8_error();
        io::Error::new(io::ErrorKind::InvalidData, format!("what was read is not UTF-8: {error}"))
    })?;
    if text.is_empty() && text.capacity() <= new.capacity() {
        *text = new;
    } else {
        text.push_str(&new);
    }
    Ok(())
}

/// Reads until the source ends; `total` counts across polls.
fn poll_to_end<R: AsyncRead + Unpin + ?Sized>(
    reader: &mut R,
    cx: &mut Context<'_>,
    buf: &mut Vec<u8>,
    total: &mut usize,
) -> Poll<io::Result<()>> {
    loop {
        let room = buf.capacity() - buf.len();
        let amount = if room == 0 && buf.capacity() >= PROBE {
            // Often the caller made `buf` exactly as large as the data: look for the end before doubling it.
            ready!(poll_probe(reader, cx, buf))?
        } else {
            buf.reserve(PROBE);
            ready!(read_buf::append(buf, usize::MAX, |buf| Pin::new(&mut *reader).poll_read(cx, buf)))?
        };
        if amount == 0 {
            return Poll::Ready(Ok(()));
        }
        *total += amount;
    }
}

/// Reads a few bytes by way of the stack, so that `buf` grows only if there are any.
fn poll_probe<R: AsyncRead + Unpin + ?Sized>(
    reader: &mut R,
    cx: &mut Context<'_>,
    buf: &mut Vec<u8>,
) -> Poll<io::Result<usize>> {
    let mut memory = [0; PROBE];
    let mut probe = ReadBuf::new(&mut memory);
    ready!(Pin::new(reader).poll_read(cx, &mut probe))?;
    buf.extend_from_slice(probe.filled());
    Poll::Ready(Ok(probe.filled().len()))
}
