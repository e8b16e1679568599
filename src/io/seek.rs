//! `AsyncSeekExt`: moving the position of what has one.

use super::AsyncSeek;
use std::future::Future;
use std::io::{self, SeekFrom};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// The awaitable methods of every [`AsyncSeek`].
///
/// # Examples
/// ```
/// use freewheel::io::{AsyncReadExt, AsyncSeekExt};
/// use std::io::{Cursor, SeekFrom};
///
/// # #[freewheel::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// let mut cursor = Cursor::new(b"abcdef");
/// cursor.seek(SeekFrom::End(-2)).await?;
/// assert_eq!(cursor.read_u8().await?, b'e');
/// cursor.rewind().await?;
/// assert_eq!(cursor.stream_position().await?, 0);
/// # Ok(())
/// # }
/// ```
pub trait AsyncSeekExt: AsyncSeek {
    /// Moves to `position` and gives the new position from the start, in bytes.
    ///
    /// # Errors
    /// If the position is before the start, and whatever the stream reports.
    ///
    /// # Cancel safety
    /// If it is dropped, it is open whether the position was moved.
    fn seek(&mut self, position: SeekFrom) -> Seek<'_, Self>
    where
        Self: Unpin,
    {
        Seek { stream: self, target: Some(position) }
    }

    /// Moves to the start.
    ///
    /// # Errors
    /// Whatever the stream reports.
    fn rewind(&mut self) -> Rewind<'_, Self>
    where
        Self: Unpin,
    {
        Rewind(self.seek(SeekFrom::Start(0)))
    }

    /// The position from the start, in bytes.
    ///
    /// # Errors
    /// Whatever the stream reports.
    fn stream_position(&mut self) -> Seek<'_, Self>
    where
        Self: Unpin,
    {
        self.seek(SeekFrom::Current(0))
    }
}

impl<S: AsyncSeek + ?Sized> AsyncSeekExt for S {}

/// The future of [`AsyncSeekExt::seek`].
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct Seek<'a, S: ?Sized> {
    stream: &'a mut S,
    target: Option<SeekFrom>,
}

impl<S: AsyncSeek + Unpin + ?Sized> Future for Seek<'_, S> {
    type Output = io::Result<u64>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        if let Some(target) = this.target {
            // Something may still be under way on the stream: a seek that was cancelled, a write to a file.
            ready!(Pin::new(&mut *this.stream).poll_complete(cx))?;
            Pin::new(&mut *this.stream).start_seek(target)?;
            this.target = None;
        }
        Pin::new(&mut *this.stream).poll_complete(cx)
    }
}

/// The future of [`AsyncSeekExt::rewind`].
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct Rewind<'a, S: ?Sized>(Seek<'a, S>);

impl<S: AsyncSeek + Unpin + ?Sized> Future for Rewind<'_, S> {
    type Output = io::Result<()>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx).map_ok(drop)
    }
}
