//! `copy_buf`: a copy straight out of the reader's own buffer.

use crate::io::budget;
use crate::io::write::takes_no_more;
use crate::io::{AsyncBufRead, AsyncWrite};
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// Copies everything from `reader` to `writer`, flushes, and gives the number of bytes: like [`copy`](super::copy), but
/// out of the reader's own buffer, with none in between.
///
/// # Errors
/// Whatever either reports, at once; `WriteZero` if the writer takes no more.
///
/// # Cancel safety
/// Nothing is lost: what was not written is still in the reader. It is lost how many bytes were copied.
///
/// # Examples
/// ```
/// use freewheel::io::{self, BufReader};
///
/// # #[freewheel::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// let mut reader = BufReader::with_capacity(64 * 1024, &b"hello"[..]);
/// let mut writer = Vec::new();
/// assert_eq!(io::copy_buf(&mut reader, &mut writer).await?, 5);
/// # Ok(())
/// # }
/// ```
pub async fn copy_buf<R, W>(reader: &mut R, writer: &mut W) -> io::Result<u64>
where
    R: AsyncBufRead + Unpin + ?Sized,
    W: AsyncWrite + Unpin + ?Sized,
{
    let mut total = 0;
    poll_fn(|cx| poll_copy(cx, Pin::new(&mut *reader), Pin::new(&mut *writer), &mut total)).await
}

fn poll_copy<R, W>(
    cx: &mut Context<'_>,
    mut reader: Pin<&mut R>,
    mut writer: Pin<&mut W>,
    total: &mut u64,
) -> Poll<io::Result<u64>>
where
    R: AsyncBufRead + ?Sized,
    W: AsyncWrite + ?Sized,
{
    loop {
        ready!(budget::charge(cx));
        let available = match reader.as_mut().poll_fill_buf(cx) {
            Poll::Ready(result) => result?,
            Poll::Pending => {
                // The reader may wait for an answer to what is still held back in the writer.
                ready!(writer.as_mut().poll_flush(cx))?;
                return Poll::Pending;
            }
        };
        if available.is_empty() {
            ready!(writer.as_mut().poll_flush(cx))?;
            return Poll::Ready(Ok(*total));
        }
        let amount = ready!(writer.as_mut().poll_write(cx, available))?;
        if amount == 0 {
            return Poll::Ready(Err(takes_no_more()));
        }
        *total += amount as u64;
        reader.as_mut().consume(amount);
    }
}
