//! Asynchronous input and output: traits, buffers, and ways to copy, split and connect streams.
//!
//! The traits [`AsyncRead`], [`AsyncWrite`], [`AsyncBufRead`] and [`AsyncSeek`] are what a stream implements; they are
//! polled. What a program calls and awaits is in [`AsyncReadExt`], [`AsyncWriteExt`], [`AsyncBufReadExt`] and
//! [`AsyncSeekExt`], which come with them. Names and behaviour are tokio's.
//!
//! # Examples
//! ```
//! use freewheel::io::{self, AsyncBufReadExt, AsyncWriteExt, BufReader};
//!
//! # #[freewheel::main(flavor = "current_thread")]
//! # async fn main() -> io::Result<()> {
//! let (mut client, server) = io::duplex(1024);
//! client.write_all(b"GET /\r\n\r\n").await?;
//! let mut lines = BufReader::new(server).lines();
//! assert_eq!(lines.next_line().await?.as_deref(), Some("GET /"));
//! # Ok(())
//! # }
//! ```

mod async_buf_read;
mod async_read;
mod async_seek;
mod async_write;
mod budget;
mod buffered;
mod copy;
mod duplex;
mod empty;
mod interest;
mod join;
mod lines;
mod poll_evented;
mod read;
mod read_buf;
mod registration;
mod repeat;
mod seek;
#[cfg(unix)]
mod signal_pipe;
mod sink;
mod split;
mod write;

pub use async_buf_read::AsyncBufRead;
pub use async_read::AsyncRead;
pub use async_seek::AsyncSeek;
pub use async_write::AsyncWrite;
pub use buffered::{BufReader, BufStream, BufWriter};
pub use copy::{copy, copy_bidirectional, copy_bidirectional_with_sizes, copy_buf};
pub use duplex::{DuplexStream, SimplexStream, duplex, simplex};
pub use empty::{Empty, empty};
pub use interest::{Interest, Ready};
pub use join::{Join, join};
pub use lines::{AsyncBufReadExt, Lines, Split};
pub(crate) use poll_evented::PollEvented;
pub use read::{AsyncReadExt, Chain, Take};
pub use read_buf::ReadBuf;
pub(crate) use read_buf::read_into;
pub use repeat::{Repeat, repeat};
pub use seek::AsyncSeekExt;
#[cfg(unix)]
pub(crate) use signal_pipe::SignalPipe;
pub use sink::{Sink, sink};
pub use split::{ReadHalf, WriteHalf, split};
pub use std::io::{Error, ErrorKind, Result, SeekFrom};
pub use write::AsyncWriteExt;
