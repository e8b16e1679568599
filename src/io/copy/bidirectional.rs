//! `copy_bidirectional`: what a proxy does.

use super::pump::Pump;
use crate::io::buffered::DEFAULT_CAPACITY;
use crate::io::{AsyncRead, AsyncWrite};
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// Copies from `a` to `b` and from `b` to `a` at once, until both have ended. Gives the bytes copied from `a` to `b` and
/// from `b` to `a`.
///
/// When one side ends, the other's writing side is shut down, and the opposite direction goes on: a half-closed
/// connection stays one.
///
/// # Errors
/// Whatever either side reports; both directions end at once then.
///
/// # Cancel safety
/// Not cancel safe: bytes that were read may be lost.
///
/// # Examples
/// ```
/// use freewheel::io::{self, AsyncReadExt, AsyncWriteExt};
///
/// # #[freewheel::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// let (mut client, mut left) = io::duplex(64);
/// let (mut right, mut server) = io::duplex(64);
/// client.write_all(b"question").await?;
/// client.shutdown().await?;
/// server.write_all(b"answer").await?;
/// server.shutdown().await?;
/// assert_eq!(io::copy_bidirectional(&mut left, &mut right).await?, (8, 6));
/// # Ok(())
/// # }
/// ```
pub async fn copy_bidirectional<A, B>(a: &mut A, b: &mut B) -> io::Result<(u64, u64)>
where
    A: AsyncRead + AsyncWrite + Unpin + ?Sized,
    B: AsyncRead + AsyncWrite + Unpin + ?Sized,
{
    copy_bidirectional_with_sizes(a, b, DEFAULT_CAPACITY, DEFAULT_CAPACITY).await
}

/// As [`copy_bidirectional`], with buffers of so many bytes for what comes from `a` and from `b`.
///
/// # Errors
/// As [`copy_bidirectional`].
///
/// # Panics
/// If a size is zero.
///
/// # Examples
/// ```
/// use freewheel::io::{self, AsyncWriteExt};
///
/// # #[freewheel::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// let (mut client, mut left) = io::duplex(64);
/// client.write_all(b"echo").await?;
/// client.shutdown().await?;
/// let mut nowhere = io::empty();
/// assert_eq!(io::copy_bidirectional_with_sizes(&mut left, &mut nowhere, 2, 16).await?, (4, 0));
/// # Ok(())
/// # }
/// ```
pub async fn copy_bidirectional_with_sizes<A, B>(
    a: &mut A,
    b: &mut B,
    a_to_b_size: usize,
    b_to_a_size: usize,
) -> io::Result<(u64, u64)>
where
    A: AsyncRead + AsyncWrite + Unpin + ?Sized,
    B: AsyncRead + AsyncWrite + Unpin + ?Sized,
{
    assert!(a_to_b_size > 0 && b_to_a_size > 0, "copy_bidirectional cannot copy through a buffer of 0 bytes");
    let mut there = Direction::Copying(Pump::new(a_to_b_size));
    let mut back = Direction::Copying(Pump::new(b_to_a_size));
    poll_fn(|cx| {
        let there = there.poll(cx, a, b)?;
        let back = back.poll(cx, b, a)?;
        // Both were polled before either is waited for.
        Poll::Ready(Ok((ready!(there), ready!(back))))
    })
    .await
}

enum Direction {
    Copying(Pump),
    ShuttingDown(u64),
    Done(u64),
}

impl Direction {
    fn poll<R, W>(&mut self, cx: &mut Context<'_>, reader: &mut R, writer: &mut W) -> Poll<io::Result<u64>>
    where
        R: AsyncRead + Unpin + ?Sized,
        W: AsyncWrite + Unpin + ?Sized,
    {
        loop {
            *self = match self {
                Self::Copying(pump) => {
                    Self::ShuttingDown(ready!(pump.poll(cx, Pin::new(&mut *reader), Pin::new(&mut *writer)))?)
                }
                Self::ShuttingDown(total) => {
                    ready!(Pin::new(&mut *writer).poll_shutdown(cx))?;
                    Self::Done(*total)
                }
                Self::Done(total) => return Poll::Ready(Ok(*total)),
            };
        }
    }
}
