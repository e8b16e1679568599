//! `UnixStream`: a connection between processes of one machine.

use super::{OwnedReadHalf, OwnedWriteHalf, ReadHalf, WriteHalf, owned_halves, split};
use crate::io::{AsyncRead, AsyncWrite, Interest, PollEvented, ReadBuf, Ready};
use crate::net::{sockets, streams};
use bytes::BufMut;
use socket2::{Domain, SockAddr, SockRef, Type};
use std::fmt;
use std::future::poll_fn;
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{self, SocketAddr};
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};

/// A connection over a Unix socket.
///
/// # Examples
/// ```
/// use freewheel::io::{AsyncReadExt, AsyncWriteExt};
/// use freewheel::net::UnixStream;
///
/// # #[freewheel::main]
/// # async fn main() -> std::io::Result<()> {
/// let (mut here, mut there) = UnixStream::pair()?;
/// here.write_all(b"hello").await?;
/// drop(here);
/// let mut text = String::new();
/// there.read_to_string(&mut text).await?;
/// assert_eq!(text, "hello");
/// # Ok(())
/// # }
/// ```
pub struct UnixStream {
    io: PollEvented<mio::net::UnixStream>,
}

streams::stream!(UnixStream, mio::net::UnixStream);

impl UnixStream {
    /// Connects to the socket at a path. On Linux a path that begins with a zero byte is an abstract name.
    ///
    /// # Errors
    /// Those of `connect(2)`, and a path that is too long; the message names the path.
    ///
    /// # Panics
    /// Outside a runtime.
    ///
    /// # Cancel safety
    /// Cancel safe: dropping it gives the attempt up.
    pub async fn connect<P: AsRef<Path>>(path: P) -> io::Result<Self> {
        let path = path.as_ref();
        Self::connect_to(path)
            .await
            .map_err(|error| io::Error::new(error.kind(), format!("cannot connect to {}: {error}", path.display())))
    }

    async fn connect_to(path: &Path) -> io::Result<Self> {
        let socket = sockets::new(Domain::UNIX, Type::STREAM, None)?;
        // Unlike TCP it never says that it is under way: with a full backlog it says WouldBlock, and has done nothing.
        let address = SockAddr::unix(path)?;
        while let Err(error) = socket.connect(&address) {
            if error.kind() != io::ErrorKind::Interrupted {
                return Err(error);
            }
        }
        let stream = mio::net::UnixStream::from_std(socket.into());
        let stream = Self { io: PollEvented::new(stream)? };
        poll_fn(|cx| stream.poll_write_ready(cx)).await?;
        match stream.take_error()? {
            Some(error) => Err(error),
            None => Ok(stream),
        }
    }

    /// Two streams that are connected to each other.
    ///
    /// # Errors
    /// Those of `socketpair(2)`.
    ///
    /// # Panics
    /// Outside a runtime.
    #[track_caller]
    pub fn pair() -> io::Result<(Self, Self)> {
        let (here, there) = mio::net::UnixStream::pair()?;
        Ok((Self::register(here)?, Self::register(there)?))
    }

    #[track_caller]
    pub(super) fn register(stream: mio::net::UnixStream) -> io::Result<Self> {
        Ok(Self { io: PollEvented::new(stream)? })
    }

    /// Takes over a stream of the standard library, which must be in non-blocking mode.
    ///
    /// # Errors
    /// It is in blocking mode (`InvalidInput`), or cannot be registered.
    ///
    /// # Panics
    /// Outside a runtime.
    #[track_caller]
    pub fn from_std(stream: net::UnixStream) -> io::Result<Self> {
        sockets::refuse_blocking(&stream)?;
        Self::register(mio::net::UnixStream::from_std(stream))
    }

    /// Gives the stream to the standard library. It stays in non-blocking mode.
    ///
    /// # Errors
    /// The runtime's event queue does not know it.
    pub fn into_std(self) -> io::Result<net::UnixStream> {
        self.io.into_inner().map(Into::into)
    }

    /// A reader and a writer that borrow the stream, to do both at once in one task.
    ///
    /// # Examples
    /// ```
    /// # async fn echo(mut stream: freewheel::net::UnixStream) -> std::io::Result<()> {
    /// let (mut reader, mut writer) = stream.split();
    /// freewheel::io::copy(&mut reader, &mut writer).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn split(&mut self) -> (ReadHalf<'_>, WriteHalf<'_>) {
        split::split(self)
    }

    /// A reader and a writer that own the stream together, for two tasks.
    ///
    /// Dropping the writer ends the writing side. Either has `reunite`.
    ///
    /// # Examples
    /// ```
    /// use freewheel::io::{AsyncReadExt, AsyncWriteExt};
    /// use freewheel::net::UnixStream;
    ///
    /// # #[freewheel::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let (here, mut there) = UnixStream::pair()?;
    /// let (reader, mut writer) = here.into_split();
    /// writer.write_all(b"x").await?;
    /// assert_eq!(there.read_u8().await?, b'x');
    /// let _here = reader.reunite(writer).expect("they are of one stream");
    /// # Ok(())
    /// # }
    /// ```
    pub fn into_split(self) -> (OwnedReadHalf, OwnedWriteHalf) {
        owned_halves::into_split(self)
    }

    /// The address of this end.
    ///
    /// # Errors
    /// Those of `getsockname(2)`.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.io.local_addr()
    }

    /// The address of the other end.
    ///
    /// # Errors
    /// Those of `getpeername(2)`.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.io.peer_addr()
    }
}

impl TryFrom<net::UnixStream> for UnixStream {
    type Error = io::Error;

    /// As [`UnixStream::from_std`].
    #[track_caller]
    fn try_from(stream: net::UnixStream) -> io::Result<Self> {
        Self::from_std(stream)
    }
}
