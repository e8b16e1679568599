//! `TcpListener`: accepts connections.

use super::TcpStream;
use crate::io::PollEvented;
use crate::net::{ToSocketAddrs, addresses, sockets};
use crate::reactor::{Direction, Interest};
use socket2::{Protocol, Type};
use std::fmt;
use std::io;
use std::net::{self, SocketAddr};
use std::task::{Context, Poll, ready};

/// How many connections may wait to be accepted.
const BACKLOG: i32 = 1024;

/// A socket that accepts TCP connections.
///
/// # Examples
/// ```no_run
/// use freewheel::io;
/// use freewheel::net::TcpListener;
///
/// #[freewheel::main]
/// async fn main() -> io::Result<()> {
///     let listener = TcpListener::bind("127.0.0.1:8080").await?;
///     loop {
///         let (mut stream, _) = listener.accept().await?;
///         freewheel::spawn(async move {
///             let (mut reader, mut writer) = stream.split();
///             io::copy(&mut reader, &mut writer).await
///         });
///     }
/// }
/// ```
pub struct TcpListener {
    io: PollEvented<mio::net::TcpListener>,
}

impl TcpListener {
    /// Binds to the first address that can be, and listens. Port 0 lets the system choose one.
    ///
    /// On Unix `SO_REUSEADDR` is set, so that a server can be restarted at once. The backlog is 1,024;
    /// [`TcpSocket`](super::TcpSocket) offers more choice.
    ///
    /// # Errors
    /// None of the addresses can be bound to; the message names each with the reason.
    ///
    /// # Panics
    /// Outside a runtime.
    ///
    /// # Examples
    /// ```
    /// use freewheel::net::TcpListener;
    ///
    /// # #[freewheel::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// assert_ne!(listener.local_addr()?.port(), 0);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn bind<A: ToSocketAddrs>(address: A) -> io::Result<Self> {
        addresses::first("listen on", address, |address| async move { Self::bind_to(address) }).await
    }

    fn bind_to(address: SocketAddr) -> io::Result<Self> {
        let socket = sockets::new(sockets::domain(address), Type::STREAM, Some(Protocol::TCP))?;
        // On Windows the option has another meaning: it would let anyone take the port.
        #[cfg(not(windows))]
        socket.set_reuse_address(true)?;
        socket.bind(&address.into())?;
        Self::listen(socket, BACKLOG)
    }

    pub(super) fn listen(socket: socket2::Socket, backlog: i32) -> io::Result<Self> {
        socket.listen(backlog)?;
        Self::register(socket.into())
    }

    fn register(listener: net::TcpListener) -> io::Result<Self> {
        let listener = mio::net::TcpListener::from_std(listener);
        Ok(Self { io: PollEvented::with_interest(listener, Interest::READABLE)? })
    }

    /// Waits for a connection and gives it, with its peer's address.
    ///
    /// Any number of tasks may wait at once; each connection goes to one of them.
    ///
    /// # Errors
    /// Those of `accept(2)`. A connection that was aborted before it was accepted (`ConnectionAborted`) concerns only
    /// itself: call again. Out of file descriptors (`EMFILE`, `ENFILE`) or memory: call again after a pause, for the
    /// connection is still waiting; without a pause that would be a busy loop.
    ///
    /// # Cancel safety
    /// Cancel safe: if it is dropped, no connection was taken.
    ///
    /// # Examples
    /// ```
    /// use freewheel::net::{TcpListener, TcpStream};
    ///
    /// # #[freewheel::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// let client = TcpStream::connect(listener.local_addr()?).await?;
    /// let (_server, peer) = listener.accept().await?;
    /// assert_eq!(peer, client.local_addr()?);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let (stream, peer) = self.io.registration().async_io(Interest::READABLE, || self.io.accept()).await?;
        Ok((TcpStream::register(stream)?, peer))
    }

    /// As [`accept`](Self::accept), for those who poll. Only the last caller's task is woken.
    ///
    /// # Errors
    /// As `accept`.
    pub fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(TcpStream, SocketAddr)>> {
        let accepted = self.io.registration().poll_io(cx, Direction::Read, || self.io.accept());
        let (stream, peer) = ready!(accepted)?;
        Poll::Ready(Ok((TcpStream::register(stream)?, peer)))
    }

    /// Takes over a listener of the standard library, which must be in non-blocking mode.
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
    /// assert!(freewheel::net::TcpListener::from_std(listener.try_clone()?).is_err());
    /// listener.set_nonblocking(true)?;
    /// freewheel::net::TcpListener::from_std(listener)?;
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn from_std(listener: net::TcpListener) -> io::Result<Self> {
        sockets::refuse_blocking(&listener)?;
        Self::register(listener)
    }

    /// Gives the listener to the standard library. It stays in non-blocking mode.
    ///
    /// # Errors
    /// The runtime's event queue does not know it.
    pub fn into_std(self) -> io::Result<net::TcpListener> {
        self.io.into_inner().map(Into::into)
    }

    /// The address that it listens on: with port 0, the one that the system has chosen.
    ///
    /// # Errors
    /// Those of `getsockname(2)`.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.io.local_addr()
    }

    /// How many routers a packet of its connections may pass (`IP_TTL`).
    ///
    /// # Errors
    /// Those of `getsockopt(2)`.
    pub fn ttl(&self) -> io::Result<u32> {
        self.io.ttl()
    }

    /// Sets how many routers a packet of its connections may pass (`IP_TTL`).
    ///
    /// # Errors
    /// Those of `setsockopt(2)`.
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        self.io.set_ttl(ttl)
    }
}

impl TryFrom<net::TcpListener> for TcpListener {
    type Error = io::Error;

    /// As [`TcpListener::from_std`].
    #[track_caller]
    fn try_from(listener: net::TcpListener) -> io::Result<Self> {
        Self::from_std(listener)
    }
}

impl fmt::Debug for TcpListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.io.fmt(f)
    }
}

sockets::descriptors!(TcpListener);
