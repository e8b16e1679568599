//! The future that fills an empty buffer and lends it.

use crate::io::AsyncBufRead;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// The future of [`AsyncBufReadExt::fill_buf`](crate::io::AsyncBufReadExt::fill_buf).
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct FillBuf<'a, R: ?Sized>(Option<&'a mut R>);

impl<'a, R: ?Sized> FillBuf<'a, R> {
    pub(super) fn new(reader: &'a mut R) -> Self {
        Self(Some(reader))
    }
}

impl<'a, R: AsyncBufRead + Unpin + ?Sized> Future for FillBuf<'a, R> {
    type Output = io::Result<&'a [u8]>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let reader = self.0.as_mut().expect("a FillBuf was polled after it was ready");
        if let Err(error) = ready!(Pin::new(&mut **reader).poll_fill_buf(cx)) {
            self.0 = None;
            return Poll::Ready(Err(error));
        }
        // Asked once more to get the slice for the whole 'a. The contract of `poll_fill_buf` is that a buffer which is
        // not empty is given again as it is; a source at its end may, against all custom, say `Pending` now.
        let reader = self.0.take().expect("it was there a line ago");
        match Pin::new(reader).poll_fill_buf(cx) {
            Poll::Ready(result) => Poll::Ready(result),
            Poll::Pending => Poll::Ready(Ok(&[])),
        }
    }
}
