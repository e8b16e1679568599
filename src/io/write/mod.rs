//! `AsyncWriteExt`: what every `AsyncWrite` can do once it can be polled.

mod all;
mod finish;
mod integers;
mod some;

pub(super) use all::takes_no_more;
use all::{WriteAll, WriteAllFrom};
use finish::{Flush, Shutdown};
use integers::WriteNumber;
use some::{Write, WriteFrom, WriteVectored};

use super::AsyncWrite;
use bytes::Buf;
use std::io::IoSlice;

/// Documents and defines two methods per number type.
macro_rules! number_methods {
    ($($name:ident $little:ident $number:ty, $size:literal;)*) => {$(
        #[doc = concat!("Writes a `", stringify!($number), "` as ", $size, ", the most significant byte first.")]
        ///
        /// # Errors
        /// `WriteZero` if the sink takes no more, and whatever it reports.
        ///
        /// # Cancel safety
        /// Not cancel safe: it is lost how many bytes were written.
        ///
        /// # Examples
        /// ```
        /// use freewheel::io::AsyncWriteExt;
        ///
        /// # #[freewheel::main(flavor = "current_thread")]
        /// # async fn main() -> std::io::Result<()> {
        /// let mut sink = Vec::new();
        #[doc = concat!("sink.", stringify!($name), "(7 as ", stringify!($number), ").await?;")]
        #[doc = concat!("assert_eq!(sink, (7 as ", stringify!($number), ").to_be_bytes());")]
        /// # Ok(())
        /// # }
        /// ```
        fn $name(&mut self, number: $number) -> WriteNumber<'_, Self, $number>
        where
            Self: Unpin,
        {
            WriteNumber::big(self, number)
        }

        #[doc = concat!("Writes a `", stringify!($number), "` as ", $size, ", the least significant byte first.")]
        ///
        /// # Errors
        /// `WriteZero` if the sink takes no more, and whatever it reports.
        ///
        /// # Cancel safety
        /// Not cancel safe: it is lost how many bytes were written.
        ///
        /// # Examples
        /// ```
        /// use freewheel::io::AsyncWriteExt;
        ///
        /// # #[freewheel::main(flavor = "current_thread")]
        /// # async fn main() -> std::io::Result<()> {
        /// let mut sink = Vec::new();
        #[doc = concat!("sink.", stringify!($little), "(7 as ", stringify!($number), ").await?;")]
        #[doc = concat!("assert_eq!(sink, (7 as ", stringify!($number), ").to_le_bytes());")]
        /// # Ok(())
        /// # }
        /// ```
        fn $little(&mut self, number: $number) -> WriteNumber<'_, Self, $number>
        where
            Self: Unpin,
        {
            WriteNumber::little(self, number)
        }
    )*};
}

/// The awaitable methods of every [`AsyncWrite`].
///
/// # Examples
/// ```
/// use freewheel::io::AsyncWriteExt;
///
/// # #[freewheel::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// let mut sink = Vec::new();
/// sink.write_u16(5).await?;
/// sink.write_all(b"hello").await?;
/// sink.flush().await?;
/// assert_eq!(sink, b"\x00\x05hello");
/// # Ok(())
/// # }
/// ```
pub trait AsyncWriteExt: AsyncWrite {
    /// Writes some bytes from the start of `bytes` and gives their number, which may be less than all.
    ///
    /// `Ok(0)` for `bytes` that are not empty means that the sink takes no more.
    ///
    /// # Errors
    /// Whatever the sink reports; nothing was written then.
    ///
    /// # Cancel safety
    /// Cancel safe: if it is dropped before it is ready, nothing was written.
    ///
    /// # Examples
    /// ```
    /// use freewheel::io::AsyncWriteExt;
    ///
    /// # #[freewheel::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// let mut room = [0; 2];
    /// let amount = std::io::Cursor::new(&mut room[..]).write(b"abc").await?;
    /// assert_eq!((amount, &room), (2, b"ab"));
    /// # Ok(())
    /// # }
    /// ```
    fn write<'a>(&'a mut self, bytes: &'a [u8]) -> Write<'a, Self>
    where
        Self: Unpin,
    {
        Write::new(self, bytes)
    }

    /// As [`write`](Self::write), from several slices in order.
    ///
    /// # Errors
    /// As `write`.
    ///
    /// # Cancel safety
    /// Cancel safe: if it is dropped before it is ready, nothing was written.
    ///
    /// # Examples
    /// ```
    /// use freewheel::io::AsyncWriteExt;
    /// use std::io::IoSlice;
    ///
    /// # #[freewheel::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// let mut sink = Vec::new();
    /// sink.write_vectored(&[IoSlice::new(b"head "), IoSlice::new(b"body")]).await?;
    /// assert_eq!(sink, b"head body");
    /// # Ok(())
    /// # }
    /// ```
    fn write_vectored<'a, 'b>(&'a mut self, slices: &'a [IoSlice<'b>]) -> WriteVectored<'a, 'b, Self>
    where
        Self: Unpin,
    {
        WriteVectored::new(self, slices)
    }

    /// Writes some bytes of `buf`, advances it over them, and gives their number.
    ///
    /// # Errors
    /// Whatever the sink reports; nothing was written then.
    ///
    /// # Cancel safety
    /// Cancel safe: if it is dropped before it is ready, nothing was written and `buf` stands where it was.
    ///
    /// # Examples
    /// ```
    /// use bytes::{Buf, Bytes};
    /// use freewheel::io::AsyncWriteExt;
    ///
    /// # #[freewheel::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// let mut sink = Vec::new();
    /// let mut data = Bytes::from_static(b"data");
    /// while data.has_remaining() {
    ///     sink.write_buf(&mut data).await?;
    /// }
    /// assert_eq!(sink, b"data");
    /// # Ok(())
    /// # }
    /// ```
    fn write_buf<'a, B>(&'a mut self, buf: &'a mut B) -> WriteFrom<'a, Self, B>
    where
        Self: Unpin,
        B: Buf,
    {
        WriteFrom::new(self, buf)
    }

    /// Writes all of `buf` and advances it as it goes.
    ///
    /// # Errors
    /// `WriteZero` if the sink takes no more, and whatever it reports; `buf` stands after what was written.
    ///
    /// # Cancel safety
    /// If it is dropped, `buf` stands after what was written: calling again with it goes on from there.
    ///
    /// # Examples
    /// ```
    /// use bytes::Buf;
    /// use freewheel::io::AsyncWriteExt;
    ///
    /// # #[freewheel::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// let mut sink = Vec::new();
    /// sink.write_all_buf(&mut b"head ".chain(&b"body"[..])).await?;
    /// assert_eq!(sink, b"head body");
    /// # Ok(())
    /// # }
    /// ```
    fn write_all_buf<'a, B>(&'a mut self, buf: &'a mut B) -> WriteAllFrom<'a, Self, B>
    where
        Self: Unpin,
        B: Buf,
    {
        WriteAllFrom::new(self, buf)
    }

    /// Writes all of `bytes`.
    ///
    /// # Errors
    /// `WriteZero` if the sink takes no more, and whatever it reports; some bytes may have been written.
    ///
    /// # Cancel safety
    /// Not cancel safe: it is lost how many bytes were written. [`write_all_buf`](Self::write_all_buf) keeps count.
    ///
    /// # Examples
    /// ```
    /// use freewheel::io::AsyncWriteExt;
    ///
    /// # #[freewheel::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// let mut sink = Vec::new();
    /// sink.write_all(b"all of it").await?;
    /// assert_eq!(sink, b"all of it");
    /// # Ok(())
    /// # }
    /// ```
    fn write_all<'a>(&'a mut self, bytes: &'a [u8]) -> WriteAll<'a, Self>
    where
        Self: Unpin,
    {
        WriteAll::new(self, bytes)
    }

    number_methods! {
        write_u16 write_u16_le u16, "2 bytes";
        write_i16 write_i16_le i16, "2 bytes";
        write_u32 write_u32_le u32, "4 bytes";
        write_i32 write_i32_le i32, "4 bytes";
        write_u64 write_u64_le u64, "8 bytes";
        write_i64 write_i64_le i64, "8 bytes";
        write_u128 write_u128_le u128, "16 bytes";
        write_i128 write_i128_le i128, "16 bytes";
        write_f32 write_f32_le f32, "4 bytes";
        write_f64 write_f64_le f64, "8 bytes";
    }

    /// Writes one byte.
    ///
    /// # Errors
    /// `WriteZero` if the sink takes no more, and whatever it reports.
    ///
    /// # Cancel safety
    /// Cancel safe.
    fn write_u8(&mut self, number: u8) -> WriteNumber<'_, Self, u8>
    where
        Self: Unpin,
    {
        WriteNumber::big(self, number)
    }

    /// Writes one byte, with a sign.
    ///
    /// # Errors
    /// `WriteZero` if the sink takes no more, and whatever it reports.
    ///
    /// # Cancel safety
    /// Cancel safe.
    fn write_i8(&mut self, number: i8) -> WriteNumber<'_, Self, i8>
    where
        Self: Unpin,
    {
        WriteNumber::big(self, number)
    }

    /// Passes on everything written so far to where it is going.
    ///
    /// # Errors
    /// Whatever the sink reports.
    ///
    /// # Cancel safety
    /// Cancel safe: calling again goes on flushing.
    ///
    /// # Examples
    /// ```
    /// use freewheel::io::{AsyncWriteExt, BufWriter};
    ///
    /// # #[freewheel::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// let mut writer = BufWriter::new(Vec::new());
    /// writer.write_all(b"held back").await?;
    /// assert!(writer.get_ref().is_empty());
    /// writer.flush().await?;
    /// assert_eq!(writer.get_ref(), b"held back");
    /// # Ok(())
    /// # }
    /// ```
    fn flush(&mut self) -> Flush<'_, Self>
    where
        Self: Unpin,
    {
        Flush::new(self)
    }

    /// Flushes, and ends the writing side: the peer reads the end.
    ///
    /// # Errors
    /// Whatever the sink reports.
    ///
    /// # Cancel safety
    /// Cancel safe: calling again goes on shutting down.
    ///
    /// # Examples
    /// ```
    /// use freewheel::io::{self, AsyncReadExt, AsyncWriteExt};
    ///
    /// # #[freewheel::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// let (mut here, mut there) = io::duplex(64);
    /// here.write_all(b"bye").await?;
    /// here.shutdown().await?;
    /// let mut text = String::new();
    /// there.read_to_string(&mut text).await?;
    /// assert_eq!(text, "bye");
    /// # Ok(())
    /// # }
    /// ```
    fn shutdown(&mut self) -> Shutdown<'_, Self>
    where
        Self: Unpin,
    {
        Shutdown::new(self)
    }
}

impl<W: AsyncWrite + ?Sized> AsyncWriteExt for W {}
