//! `copy`: everything from a reader into a writer, and in both directions between two streams.

mod bidirectional;
mod buffered;
mod pump;

pub use bidirectional::{copy_bidirectional, copy_bidirectional_with_sizes};
pub use buffered::copy_buf;

use super::buffered::DEFAULT_CAPACITY;
use super::{AsyncRead, AsyncWrite};
use pump::Pump;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;

/// Copies everything from `reader` to `writer`, flushes, and gives the number of bytes.
///
/// It keeps 8 KiB in between. While the reader has nothing to give, what was written is flushed.
///
/// # Errors
/// Whatever either reports, at once; `WriteZero` if the writer takes no more.
///
/// # Cancel safety
/// Not cancel safe: up to 8 KiB that were read may be lost.
///
/// # Examples
/// ```
/// use freewheel::io;
///
/// # #[freewheel::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// let mut reader: &[u8] = b"hello";
/// let mut writer = Vec::new();
/// assert_eq!(io::copy(&mut reader, &mut writer).await?, 5);
/// assert_eq!(writer, b"hello");
/// # Ok(())
/// # }
/// ```
pub async fn copy<R, W>(reader: &mut R, writer: &mut W) -> io::Result<u64>
where
    R: AsyncRead + Unpin + ?Sized,
    W: AsyncWrite + Unpin + ?Sized,
{
    let mut pump = Pump::new(DEFAULT_CAPACITY);
    poll_fn(|cx| pump.poll(cx, Pin::new(&mut *reader), Pin::new(&mut *writer))).await
}
