//! The future that writes one number of fixed size.

use super::all::poll_write_all;
use crate::io::AsyncWrite;
use crate::io::read::Number;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// The future of the methods of [`AsyncWriteExt`](crate::io::AsyncWriteExt) that write a number.
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct WriteNumber<'a, W: ?Sized, N: Number> {
    writer: &'a mut W,
    bytes: N::Bytes,
    written: usize,
}

impl<'a, W: ?Sized, N: Number> WriteNumber<'a, W, N> {
    pub(super) fn big(writer: &'a mut W, number: N) -> Self {
        Self { writer, bytes: number.to_big(), written: 0 }
    }

    pub(super) fn little(writer: &'a mut W, number: N) -> Self {
        Self { writer, bytes: number.to_little(), written: 0 }
    }
}

impl<W: AsyncWrite + Unpin + ?Sized, N: Number> Future for WriteNumber<'_, W, N> {
    type Output = io::Result<()>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let bytes = this.bytes.as_ref();
        let mut rest = &bytes[this.written..];
        let poll = poll_write_all(&mut *this.writer, cx, &mut rest);
        this.written = bytes.len() - rest.len();
        ready!(poll)?;
        Poll::Ready(Ok(()))
    }
}
