//! `AsyncReadExt`: what every `AsyncRead` can do once it can be polled.

mod bytes;
mod chain;
mod integers;
mod take;
mod to_end;

use bytes::{Read, ReadExact, ReadInto};
pub use chain::Chain;
pub(super) use integers::Number;
use integers::ReadNumber;
pub use take::Take;
pub(super) use to_end::append_utf8;
use to_end::{ReadToEnd, ReadToString};

use super::AsyncRead;
use ::bytes::BufMut;

/// Documents and defines one method per number type.
macro_rules! number_methods {
    ($($name:ident $little:ident $number:ty, $size:literal;)*) => {$(
        #[doc = concat!("Reads ", $size, " as one `", stringify!($number), "`, the most significant byte first.")]
        ///
        /// # Errors
        /// `UnexpectedEof` if the source ends before, and whatever the source reports.
        ///
        /// # Cancel safety
        /// Not cancel safe: bytes already read are lost.
        ///
        /// # Examples
        /// ```
        /// use freewheel::io::AsyncReadExt;
        ///
        /// # #[freewheel::main(flavor = "current_thread")]
        /// # async fn main() -> std::io::Result<()> {
        #[doc = concat!("let mut source: &[u8] = &(7 as ", stringify!($number), ").to_be_bytes();")]
        #[doc = concat!("assert_eq!(source.", stringify!($name), "().await?, 7 as ", stringify!($number), ");")]
        /// # Ok(())
        /// # }
        /// ```
        fn $name(&mut self) -> ReadNumber<'_, Self, $number>
        where
            Self: Unpin,
        {
            ReadNumber::big(self)
        }

        #[doc = concat!("Reads ", $size, " as one `", stringify!($number), "`, the least significant byte first.")]
        ///
        /// # Errors
        /// `UnexpectedEof` if the source ends before, and whatever the source reports.
        ///
        /// # Cancel safety
        /// Not cancel safe: bytes already read are lost.
        ///
        /// # Examples
        /// ```
        /// use freewheel::io::AsyncReadExt;
        ///
        /// # #[freewheel::main(flavor = "current_thread")]
        /// # async fn main() -> std::io::Result<()> {
        #[doc = concat!("let mut source: &[u8] = &(7 as ", stringify!($number), ").to_le_bytes();")]
        #[doc = concat!("assert_eq!(source.", stringify!($little), "().await?, 7 as ", stringify!($number), ");")]
        /// # Ok(())
        /// # }
        /// ```
        fn $little(&mut self) -> ReadNumber<'_, Self, $number>
        where
            Self: Unpin,
        {
            ReadNumber::little(self)
        }
    )*};
}

/// The awaitable methods of every [`AsyncRead`].
///
/// # Examples
/// ```
/// use freewheel::io::AsyncReadExt;
///
/// # #[freewheel::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// let mut source: &[u8] = b"\x00\x05hello, and more";
/// let length = source.read_u16().await?;
/// let mut word = vec![0; length.into()];
/// source.read_exact(&mut word).await?;
/// assert_eq!(word, b"hello");
/// # Ok(())
/// # }
/// ```
pub trait AsyncReadExt: AsyncRead {
    /// A reader of all of this one and then all of `next`.
    ///
    /// # Examples
    /// ```
    /// use freewheel::io::AsyncReadExt;
    ///
    /// # #[freewheel::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// let mut text = String::new();
    /// b"first, ".chain(&b"second"[..]).read_to_string(&mut text).await?;
    /// assert_eq!(text, "first, second");
    /// # Ok(())
    /// # }
    /// ```
    fn chain<R>(self, next: R) -> Chain<Self, R>
    where
        Self: Sized,
        R: AsyncRead,
    {
        Chain::new(self, next)
    }

    /// Reads some bytes into `buf` and gives their number: as soon as there is one, not when `buf` is full.
    ///
    /// `Ok(0)` is the end of the source, or `buf` is empty.
    ///
    /// # Errors
    /// Whatever the source reports.
    ///
    /// # Cancel safety
    /// Cancel safe: if it is dropped before it is ready, nothing was read.
    ///
    /// # Examples
    /// ```
    /// use freewheel::io::AsyncReadExt;
    ///
    /// # #[freewheel::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// let mut buf = [0; 4];
    /// let amount = (&b"ab"[..]).read(&mut buf).await?;
    /// assert_eq!(&buf[..amount], b"ab");
    /// # Ok(())
    /// # }
    /// ```
    fn read<'a>(&'a mut self, buf: &'a mut [u8]) -> Read<'a, Self>
    where
        Self: Unpin,
    {
        Read::new(self, buf)
    }

    /// Reads some bytes to the end of `buf`, growing its length but (for a `Vec` with spare room) not its allocation,
    /// and gives their number. `Ok(0)` is the end of the source, or `buf` has no room and cannot make any.
    ///
    /// # Errors
    /// Whatever the source reports.
    ///
    /// # Cancel safety
    /// Cancel safe: if it is dropped before it is ready, nothing was read.
    ///
    /// # Examples
    /// ```
    /// use bytes::BytesMut;
    /// use freewheel::io::AsyncReadExt;
    ///
    /// # #[freewheel::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// let mut buf = BytesMut::with_capacity(16);
    /// (&b"some"[..]).read_buf(&mut buf).await?;
    /// assert_eq!(&buf[..], b"some");
    /// # Ok(())
    /// # }
    /// ```
    fn read_buf<'a, B>(&'a mut self, buf: &'a mut B) -> ReadInto<'a, Self, B>
    where
        Self: Unpin,
        B: BufMut + ?Sized,
    {
        ReadInto::new(self, buf)
    }

    /// Fills all of `buf` and gives its length.
    ///
    /// # Errors
    /// `UnexpectedEof` if the source ends before; `buf` then holds what came. Else whatever the source reports.
    ///
    /// # Cancel safety
    /// Not cancel safe: if it is dropped, the bytes read so far are in `buf`, but it is lost how many they are.
    ///
    /// # Examples
    /// ```
    /// use freewheel::io::AsyncReadExt;
    ///
    /// # #[freewheel::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let mut header = [0; 8];
    /// let error = (&b"short"[..]).read_exact(&mut header).await.unwrap_err();
    /// assert_eq!(error.kind(), std::io::ErrorKind::UnexpectedEof);
    /// # }
    /// ```
    fn read_exact<'a>(&'a mut self, buf: &'a mut [u8]) -> ReadExact<'a, Self>
    where
        Self: Unpin,
    {
        ReadExact::new(self, buf)
    }

    number_methods! {
        read_u16 read_u16_le u16, "2 bytes";
        read_i16 read_i16_le i16, "2 bytes";
        read_u32 read_u32_le u32, "4 bytes";
        read_i32 read_i32_le i32, "4 bytes";
        read_u64 read_u64_le u64, "8 bytes";
        read_i64 read_i64_le i64, "8 bytes";
        read_u128 read_u128_le u128, "16 bytes";
        read_i128 read_i128_le i128, "16 bytes";
        read_f32 read_f32_le f32, "4 bytes";
        read_f64 read_f64_le f64, "8 bytes";
    }

    /// Reads one byte.
    ///
    /// # Errors
    /// `UnexpectedEof` at the end of the source, and whatever the source reports.
    ///
    /// # Cancel safety
    /// Cancel safe.
    fn read_u8(&mut self) -> ReadNumber<'_, Self, u8>
    where
        Self: Unpin,
    {
        ReadNumber::big(self)
    }

    /// Reads one byte, with a sign.
    ///
    /// # Errors
    /// `UnexpectedEof` at the end of the source, and whatever the source reports.
    ///
    /// # Cancel safety
    /// Cancel safe.
    fn read_i8(&mut self) -> ReadNumber<'_, Self, i8>
    where
        Self: Unpin,
    {
        ReadNumber::big(self)
    }

    /// Reads everything up to the end of the source and appends it to `buf`. Gives the number of bytes.
    ///
    /// A peer that never ends makes `buf` grow without bound: [`take`](Self::take) sets one.
    ///
    /// # Errors
    /// Whatever the source reports; what was read before is in `buf`.
    ///
    /// # Cancel safety
    /// If it is dropped, what was read so far is in `buf`; calling again goes on from there.
    ///
    /// # Examples
    /// ```
    /// use freewheel::io::AsyncReadExt;
    ///
    /// # #[freewheel::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// let mut all = b"> ".to_vec();
    /// assert_eq!((&b"text"[..]).read_to_end(&mut all).await?, 4);
    /// assert_eq!(all, b"> text");
    /// # Ok(())
    /// # }
    /// ```
    fn read_to_end<'a>(&'a mut self, buf: &'a mut Vec<u8>) -> ReadToEnd<'a, Self>
    where
        Self: Unpin,
    {
        ReadToEnd::new(self, buf)
    }

    /// Reads everything up to the end of the source and appends it to `text`. Gives the number of bytes.
    ///
    /// # Errors
    /// `InvalidData` if it is not UTF-8; `text` is as it was then. Else whatever the source reports; what was read
    /// before is in `text` if it is UTF-8.
    ///
    /// # Cancel safety
    /// Not cancel safe: if it is dropped, `text` is as it was and what was read is lost.
    ///
    /// # Examples
    /// ```
    /// use freewheel::io::AsyncReadExt;
    ///
    /// # #[freewheel::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// let mut text = String::new();
    /// "grün".as_bytes().read_to_string(&mut text).await?;
    /// assert_eq!(text, "grün");
    /// # Ok(())
    /// # }
    /// ```
    fn read_to_string<'a>(&'a mut self, text: &'a mut String) -> ReadToString<'a, Self>
    where
        Self: Unpin,
    {
        ReadToString::new(self, text)
    }

    /// A reader of at most the next `limit` bytes of this one; then it reads as ended.
    ///
    /// # Examples
    /// ```
    /// use freewheel::io::AsyncReadExt;
    ///
    /// # #[freewheel::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// let mut source: &[u8] = b"headbody";
    /// let mut head = String::new();
    /// (&mut source).take(4).read_to_string(&mut head).await?;
    /// assert_eq!((head.as_str(), source), ("head", &b"body"[..]));
    /// # Ok(())
    /// # }
    /// ```
    fn take(self, limit: u64) -> Take<Self>
    where
        Self: Sized,
    {
        Take::new(self, limit)
    }
}

impl<R: AsyncRead + ?Sized> AsyncReadExt for R {}
