//! The future that reads one number of fixed size.

use super::bytes::poll_fill;
use crate::io::AsyncRead;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// A number type with a fixed size in bytes, in both byte orders.
pub trait Number: Copy + sealed::Sealed {
    /// Its bytes.
    type Bytes: AsRef<[u8]> + AsMut<[u8]> + Default + Unpin;

    /// From bytes, the most significant first.
    fn from_big(bytes: Self::Bytes) -> Self;

    /// From bytes, the least significant first.
    fn from_little(bytes: Self::Bytes) -> Self;

    /// To bytes, the most significant first.
    fn to_big(self) -> Self::Bytes;

    /// To bytes, the least significant first.
    fn to_little(self) -> Self::Bytes;
}

mod sealed {
    pub trait Sealed {}
}

macro_rules! numbers {
    ($($number:ty)*) => {$(
        impl sealed::Sealed for $number {}

        impl Number for $number {
            type Bytes = [u8; size_of::<$number>()];

            fn from_big(bytes: Self::Bytes) -> Self {
                <$number>::from_be_bytes(bytes)
            }

            fn from_little(bytes: Self::Bytes) -> Self {
                <$number>::from_le_bytes(bytes)
            }

            fn to_big(self) -> Self::Bytes {
                self.to_be_bytes()
            }

            fn to_little(self) -> Self::Bytes {
                self.to_le_bytes()
            }
        }
    )*};
}

numbers!(u8 i8 u16 i16 u32 i32 u64 i64 u128 i128 f32 f64);

/// The future of the methods of [`AsyncReadExt`](crate::io::AsyncReadExt) that read a number.
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct ReadNumber<'a, R: ?Sized, N: Number> {
    reader: &'a mut R,
    bytes: N::Bytes,
    filled: usize,
    decode: fn(N::Bytes) -> N,
}

impl<'a, R: ?Sized, N: Number> ReadNumber<'a, R, N> {
    pub(super) fn big(reader: &'a mut R) -> Self {
        Self { reader, bytes: N::Bytes::default(), filled: 0, decode: N::from_big }
    }

    pub(super) fn little(reader: &'a mut R) -> Self {
        Self { reader, bytes: N::Bytes::default(), filled: 0, decode: N::from_little }
    }
}

impl<R: AsyncRead + Unpin + ?Sized, N: Number> Future for ReadNumber<'_, R, N> {
    type Output = io::Result<N>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        ready!(poll_fill(&mut *this.reader, cx, this.bytes.as_mut(), &mut this.filled))?;
        Poll::Ready(Ok((this.decode)(std::mem::take(&mut this.bytes))))
    }
}
