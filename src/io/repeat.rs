//! `repeat`: one byte without end.

use super::{AsyncRead, ReadBuf};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// What [`repeat`] gives.
#[derive(Debug, Clone, Copy)]
pub struct Repeat {
    byte: u8,
}

/// A reader of `byte`, again and again, without end.
///
/// # Examples
/// ```
/// use freewheel::io::{self, AsyncReadExt};
///
/// # #[freewheel::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// let mut buf = [0; 3];
/// io::repeat(7).read_exact(&mut buf).await?;
/// assert_eq!(buf, [7; 3]);
/// # Ok(())
/// # }
/// ```
pub fn repeat(byte: u8) -> Repeat {
    Repeat { byte }
}

impl AsyncRead for Repeat {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        ready!(super::budget::charge(cx));
        let remaining = buf.remaining();
        buf.initialize_unfilled().fill(self.byte);
        buf.advance(remaining);
        Poll::Ready(Ok(()))
    }
}
