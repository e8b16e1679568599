//! The futures that write until everything is written.

use super::some::poll_write_from;
use crate::io::AsyncWrite;
use bytes::Buf;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// The future of [`AsyncWriteExt::write_all`](crate::io::AsyncWriteExt::write_all).
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct WriteAll<'a, W: ?Sized> {
    writer: &'a mut W,
    rest: &'a [u8],
}

impl<'a, W: ?Sized> WriteAll<'a, W> {
    pub(super) fn new(writer: &'a mut W, bytes: &'a [u8]) -> Self {
        Self { writer, rest: bytes }
    }
}

impl<W: AsyncWrite + Unpin + ?Sized> Future for WriteAll<'_, W> {
    type Output = io::Result<()>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        poll_write_all(&mut *this.writer, cx, &mut this.rest)
    }
}

/// The future of [`AsyncWriteExt::write_all_buf`](crate::io::AsyncWriteExt::write_all_buf).
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct WriteAllFrom<'a, W: ?Sized, B> {
    writer: &'a mut W,
    buf: &'a mut B,
}

impl<'a, W: ?Sized, B> WriteAllFrom<'a, W, B> {
    pub(super) fn new(writer: &'a mut W, buf: &'a mut B) -> Self {
        Self { writer, buf }
    }
}

impl<W: AsyncWrite + Unpin + ?Sized, B: Buf> Future for WriteAllFrom<'_, W, B> {
    type Output = io::Result<()>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        while this.buf.has_remaining() {
            if ready!(poll_write_from(&mut *this.writer, cx, this.buf))? == 0 {
                return Poll::Ready(Err(takes_no_more()));
            }
        }
        Poll::Ready(Ok(()))
    }
}

/// Writes until `rest` is empty; it keeps the place between polls.
pub(super) fn poll_write_all<W: AsyncWrite + Unpin + ?Sized>(
    writer: &mut W,
    cx: &mut Context<'_>,
    rest: &mut &[u8],
) -> Poll<io::Result<()>> {
    while !rest.is_empty() {
        match ready!(Pin::new(&mut *writer).poll_write(cx, rest))? {
            0 => return Poll::Ready(Err(takes_no_more())),
            amount => *rest = &rest[amount..],
        }
    }
    Poll::Ready(Ok(()))
}

/// The error of a sink that took nothing although it was offered something.
pub(in crate::io) fn takes_no_more() -> io::Error {
    io::Error::new(io::ErrorKind::WriteZero, "the sink takes no more bytes, and some are left to write")
}
