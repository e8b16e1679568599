//! `TcpStream`: a TCP connection.

use super::{OwnedReadHalf, OwnedWriteHalf, ReadHalf, WriteHalf, owned_halves, split};
use crate::io::{AsyncRead, AsyncWrite, Interest, PollEvented, ReadBuf, Ready};
use crate::net::{ToSocketAddrs, addresses, sockets, streams};
use crate::reactor::Direction;
use bytes::BufMut;
use socket2::{Protocol, SockRef, Socket, Type};
use std::fmt;
use std::future::poll_fn;
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::net::{self, Shutdown, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

/// A TCP connection.
///
/// Read and write it by [`AsyncReadExt`](crate::io::AsyncReadExt) and [`AsyncWriteExt`](crate::io::AsyncWriteExt).
/// To do both at once, [`split`](TcpStream::split) it or, for two tasks, [`into_split`](TcpStream::into_split).
///
/// Dropping it closes the connection in both directions. To end only the writing, so that the peer reads the end and can
/// still answer, call [`shutdown`](crate::io::AsyncWriteExt::shutdown).
///
/// # Examples
/// ```
/// use freewheel::io::{AsyncReadExt, AsyncWriteExt};
/// use freewheel::net::{TcpListener, TcpStream};
///
/// # #[freewheel::main]
/// # async fn main() -> std::io::Result<()> {
/// let listener = TcpListener::bind("127.0.0.1:0").await?;
/// let mut client = TcpStream::connect(listener.local_addr()?).await?;
/// let (mut server, _) = listener.accept().await?;
///
/// client.write_all(b"question").await?;
/// client.shutdown().await?;
///
/// let mut text = String::new();
/// server.read_to_string(&mut text).await?;
/// server.write_all(b"answer").await?;
/// drop(server);
///
/// client.read_to_string(&mut text).await?;
/// assert_eq!(text, "questionanswer");
/// # Ok(())
/// # }
/// ```
///
/// Waiting and trying apart, so that no buffer is held while there is nothing to read:
///
/// ```
/// # use freewheel::net::{TcpListener, TcpStream};
/// # #[freewheel::main]
/// # async fn main() -> std::io::Result<()> {
/// # let listener = TcpListener::bind("127.0.0.1:0").await?;
/// # let client = TcpStream::connect(listener.local_addr()?).await?;
/// # let (server, _) = listener.accept().await?;
/// client.writable().await?;
/// client.try_write(b"hello")?;
///
/// let text = loop {
///     server.readable().await?;
///     let mut buf = Vec::with_capacity(1024);
///     match server.try_read_buf(&mut buf) {
///         Ok(_) => break buf,
///         Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => continue,
///         Err(error) => return Err(error),
///     }
/// };
/// assert_eq!(text, b"hello");
/// # Ok(())
/// # }
/// ```
pub struct TcpStream {
    io: PollEvented<mio::net::TcpStream>,
}

streams::stream!(TcpStream, mio::net::TcpStream);

impl TcpStream {
    /// Connects to the first of the addresses that answers.
    ///
    /// # Errors
    /// None of the addresses can be connected to; the kind is the last one's, and the message names each with the reason.
    ///
    /// # Panics
    /// Outside a runtime.
    ///
    /// # Cancel safety
    /// Cancel safe: dropping it gives the attempt up.
    ///
    /// # Examples
    /// ```
    /// use freewheel::net::TcpStream;
    ///
    /// # #[freewheel::main]
    /// # async fn main() {
    /// // Port 1 of this machine: nobody listens there.
    /// let error = TcpStream::connect("127.0.0.1:1").await.unwrap_err();
    /// assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
    /// assert!(error.to_string().contains("127.0.0.1:1"));
    /// # }
    /// ```
    pub async fn connect<A: ToSocketAddrs>(address: A) -> io::Result<Self> {
        addresses::first("connect to", address, Self::connect_to).await
    }

    async fn connect_to(address: SocketAddr) -> io::Result<Self> {
        let socket = sockets::new(sockets::domain(address), Type::STREAM, Some(Protocol::TCP))?;
        Self::connect_socket(socket, address).await
    }

    pub(super) async fn connect_socket(socket: Socket, address: SocketAddr) -> io::Result<Self> {
        sockets::begin_to_connect(&socket, &address.into())?;
        let stream = mio::net::TcpStream::from_std(socket.into());
        let stream = Self { io: PollEvented::new_unready(stream)? };
        // Writable, or failed: it is decided.
        poll_fn(|cx| stream.poll_write_ready(cx)).await?;
        match stream.take_error()? {
            Some(error) => Err(error),
            None => Ok(stream),
        }
    }

    pub(super) fn register(stream: mio::net::TcpStream) -> io::Result<Self> {
        Ok(Self { io: PollEvented::new(stream)? })
    }

    /// Takes over a stream of the standard library, which must be in non-blocking mode.
    ///
    /// # Errors
    /// It is in blocking mode (`InvalidInput`), or cannot be registered.
    ///
    /// # Panics
    /// Outside a runtime.
    ///
    /// # Examples
    /// ```
    /// # #[freewheel::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    /// let stream = std::net::TcpStream::connect(listener.local_addr()?)?;
    /// stream.set_nonblocking(true)?;
    /// let stream = freewheel::net::TcpStream::from_std(stream)?;
    /// assert_eq!(stream.peer_addr()?, listener.local_addr()?);
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn from_std(stream: net::TcpStream) -> io::Result<Self> {
        sockets::refuse_blocking(&stream)?;
        Self::register(mio::net::TcpStream::from_std(stream))
    }

    /// Gives the stream to the standard library. It stays in non-blocking mode.
    ///
    /// # Errors
    /// The runtime's event queue does not know it.
    pub fn into_std(self) -> io::Result<net::TcpStream> {
        self.io.into_inner().map(Into::into)
    }

    /// A reader and a writer that borrow the stream, to do both at once in one task.
    ///
    /// # Examples
    /// An echo, until the peer ends:
    ///
    /// ```
    /// # async fn echo(mut stream: freewheel::net::TcpStream) -> std::io::Result<()> {
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
    /// use freewheel::net::{TcpListener, TcpStream};
    ///
    /// # #[freewheel::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// let (mut reader, mut writer) = TcpStream::connect(listener.local_addr()?).await?.into_split();
    /// let (mut server, _) = listener.accept().await?;
    ///
    /// let writes = freewheel::spawn(async move { writer.write_all(b"question").await });
    /// let mut text = String::new();
    /// server.read_to_string(&mut text).await?;
    /// server.write_all(b"answer").await?;
    /// drop(server);
    /// reader.read_to_string(&mut text).await?;
    /// assert_eq!(text, "questionanswer");
    /// writes.await??;
    /// # Ok(())
    /// # }
    /// ```
    pub fn into_split(self) -> (OwnedReadHalf, OwnedWriteHalf) {
        owned_halves::into_split(self)
    }

    /// Reads without taking: what is read now will be read again. Gives the number of bytes; 0 is the end.
    ///
    /// # Errors
    /// Those of `recv(2)`.
    ///
    /// # Cancel safety
    /// Cancel safe.
    ///
    /// # Examples
    /// ```
    /// use freewheel::io::{AsyncReadExt, AsyncWriteExt};
    /// use freewheel::net::{TcpListener, TcpStream};
    ///
    /// # #[freewheel::main]
    /// # async fn main() -> std::io::Result<()> {
    /// # let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// # let mut client = TcpStream::connect(listener.local_addr()?).await?;
    /// # let (mut server, _) = listener.accept().await?;
    /// client.write_all(b"GET /").await?;
    /// let mut first = [0; 1];
    /// server.peek(&mut first).await?;
    /// assert_eq!(&first, b"G");
    /// assert_eq!(server.read_u8().await?, b'G');
    /// # Ok(())
    /// # }
    /// ```
    pub async fn peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.async_io(Interest::READABLE, || self.io.peek(buf)).await
    }

    /// As [`peek`](Self::peek), for those who poll. Only the last caller's task is woken.
    ///
    /// # Errors
    /// Those of `recv(2)`.
    pub fn poll_peek(&self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<usize>> {
        let peek = || self.io.peek(buf.initialize_unfilled());
        let amount = ready!(self.io.registration().poll_io(cx, Direction::Read, peek))?;
        buf.advance(amount);
        Poll::Ready(Ok(amount))
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
    /// Those of `getpeername(2)`; `NotConnected` if the peer has reset the connection.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.io.peer_addr()
    }

    /// Whether small writes are sent at once (`TCP_NODELAY`).
    ///
    /// # Errors
    /// Those of `getsockopt(2)`.
    pub fn nodelay(&self) -> io::Result<bool> {
        self.io.nodelay()
    }

    /// Sets whether small writes are sent at once (`TCP_NODELAY`), rather than gathered while an answer is awaited.
    ///
    /// # Errors
    /// Those of `setsockopt(2)`.
    pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        self.io.set_nodelay(nodelay)
    }

    /// How long closing waits for what was written to be sent (`SO_LINGER`).
    ///
    /// # Errors
    /// Those of `getsockopt(2)`.
    pub fn linger(&self) -> io::Result<Option<Duration>> {
        SockRef::from(&*self.io).linger()
    }

    /// Sets how long closing waits for what was written to be sent (`SO_LINGER`), in whole seconds.
    ///
    /// With a time that is not zero, **dropping the stream blocks its thread** for so long if the peer does not answer.
    /// Zero makes dropping reset the connection: see [`set_zero_linger`](Self::set_zero_linger).
    ///
    /// # Errors
    /// Those of `setsockopt(2)`.
    pub fn set_linger(&self, linger: Option<Duration>) -> io::Result<()> {
        SockRef::from(&*self.io).set_linger(linger)
    }

    /// Makes dropping the stream reset the connection: the peer gets an error, and what was not sent is lost.
    ///
    /// # Errors
    /// Those of `setsockopt(2)`.
    pub fn set_zero_linger(&self) -> io::Result<()> {
        self.set_linger(Some(Duration::ZERO))
    }

    /// How many routers a packet may pass (`IP_TTL`).
    ///
    /// # Errors
    /// Those of `getsockopt(2)`.
    pub fn ttl(&self) -> io::Result<u32> {
        self.io.ttl()
    }

    /// Sets how many routers a packet may pass (`IP_TTL`).
    ///
    /// # Errors
    /// Those of `setsockopt(2)`.
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        self.io.set_ttl(ttl)
    }
}

impl TryFrom<net::TcpStream> for TcpStream {
    type Error = io::Error;

    /// As [`TcpStream::from_std`].
    #[track_caller]
    fn try_from(stream: net::TcpStream) -> io::Result<Self> {
        Self::from_std(stream)
    }
}
