//! `AsyncBufReadExt`: lines, and other pieces that end with a certain byte.

mod each;
mod fill;
mod until;

pub use each::{Lines, Split};
use fill::FillBuf;
use until::{ReadLine, ReadUntil};

use super::AsyncBufRead;
use std::pin::Pin;

/// The awaitable methods of every [`AsyncBufRead`].
///
/// # Examples
/// ```
/// use freewheel::io::AsyncBufReadExt;
///
/// # #[freewheel::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// let mut lines = b"one\ntwo\r\nthree".lines();
/// while let Some(line) = lines.next_line().await? {
///     println!("{line}");
/// }
/// # Ok(())
/// # }
/// ```
pub trait AsyncBufReadExt: AsyncBufRead {
    /// Appends to `buf` everything up to and with the next `delimiter`, or up to the end. Gives the number of bytes; 0
    /// is the end.
    ///
    /// # Errors
    /// Whatever the source reports; what was read before is in `buf`.
    ///
    /// # Cancel safety
    /// If it is dropped, what was read so far is in `buf`: calling again with the same `buf` goes on.
    ///
    /// # Examples
    /// ```
    /// use freewheel::io::AsyncBufReadExt;
    ///
    /// # #[freewheel::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// let mut key = Vec::new();
    /// (&b"key=value"[..]).read_until(b'=', &mut key).await?;
    /// assert_eq!(key, b"key=");
    /// # Ok(())
    /// # }
    /// ```
    fn read_until<'a>(&'a mut self, delimiter: u8, buf: &'a mut Vec<u8>) -> ReadUntil<'a, Self>
    where
        Self: Unpin,
    {
        ReadUntil::new(self, delimiter, buf)
    }

    /// Appends the next line to `line`, with its `\n`. Gives the number of bytes; 0 is the end.
    ///
    /// A peer that never sends `\n` makes `line` grow without bound: [`take`](super::AsyncReadExt::take) sets one.
    ///
    /// # Errors
    /// `InvalidData` if the line is not UTF-8; it is skipped and `line` is as it was then. Else whatever the source
    /// reports; what was read before is in `line` if it is UTF-8.
    ///
    /// # Cancel safety
    /// Not cancel safe: if it is dropped, `line` is as it was and the beginning of the line is lost. Use
    /// [`read_until`](Self::read_until) or [`lines`](Self::lines) in `select!`.
    ///
    /// # Examples
    /// ```
    /// use freewheel::io::AsyncBufReadExt;
    ///
    /// # #[freewheel::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// let mut source: &[u8] = b"one\ntwo";
    /// let mut line = String::new();
    /// source.read_line(&mut line).await?;
    /// assert_eq!(line, "one\n");
    /// # Ok(())
    /// # }
    /// ```
    fn read_line<'a>(&'a mut self, line: &'a mut String) -> ReadLine<'a, Self>
    where
        Self: Unpin,
    {
        ReadLine::new(self, line)
    }

    /// The pieces between the `delimiter`s, which are not part of them.
    ///
    /// # Examples
    /// ```
    /// use freewheel::io::{AsyncBufReadExt, BufReader};
    ///
    /// # #[freewheel::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// let mut words = BufReader::new(&b"a;b"[..]).split(b';');
    /// assert_eq!(words.next_segment().await?.as_deref(), Some(&b"a"[..]));
    /// assert_eq!(words.next_segment().await?.as_deref(), Some(&b"b"[..]));
    /// assert_eq!(words.next_segment().await?, None);
    /// # Ok(())
    /// # }
    /// ```
    fn split(self, delimiter: u8) -> Split<Self>
    where
        Self: Sized + Unpin,
    {
        Split::new(self, delimiter)
    }

    /// The bytes in the buffer, which is filled first if it is empty. An empty slice is the end. Nothing is taken:
    /// [`consume`](Self::consume) does.
    ///
    /// # Errors
    /// Whatever the source reports.
    ///
    /// # Cancel safety
    /// Cancel safe.
    ///
    /// # Examples
    /// ```
    /// use freewheel::io::AsyncBufReadExt;
    ///
    /// # #[freewheel::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// let mut source: &[u8] = b"look, then take";
    /// assert!(source.fill_buf().await?.starts_with(b"look"));
    /// source.consume(6);
    /// assert_eq!(source, b"then take");
    /// # Ok(())
    /// # }
    /// ```
    fn fill_buf(&mut self) -> FillBuf<'_, Self>
    where
        Self: Unpin,
    {
        FillBuf::new(self)
    }

    /// Takes `amount` bytes out of the buffer; at most as many as the last [`fill_buf`](Self::fill_buf) gave.
    fn consume(&mut self, amount: usize)
    where
        Self: Unpin,
    {
        Pin::new(self).consume(amount);
    }

    /// The lines, without their `\n` or `\r\n`.
    ///
    /// # Examples
    /// ```
    /// use freewheel::io::AsyncBufReadExt;
    ///
    /// # #[freewheel::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// let mut lines = (&b"one\r\ntwo"[..]).lines();
    /// assert_eq!(lines.next_line().await?.as_deref(), Some("one"));
    /// assert_eq!(lines.next_line().await?.as_deref(), Some("two"));
    /// assert_eq!(lines.next_line().await?, None);
    /// # Ok(())
    /// # }
    /// ```
    fn lines(self) -> Lines<Self>
    where
        Self: Sized,
    {
        Lines::new(self)
    }
}

impl<R: AsyncBufRead + ?Sized> AsyncBufReadExt for R {}
