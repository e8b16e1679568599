//! `TcpSocket`: a socket to set up before it connects or listens.

use super::{TcpListener, TcpStream};
use crate::net::sockets;
use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

/// A TCP socket that is neither connected nor listening yet.
///
/// For options that must be set before that; otherwise [`TcpStream::connect`] and [`TcpListener::bind`] are simpler.
///
/// # Examples
/// ```
/// use freewheel::net::TcpSocket;
///
/// # #[freewheel::main]
/// # async fn main() -> std::io::Result<()> {
/// let socket = TcpSocket::new_v4()?;
/// socket.set_reuseaddr(true)?;
/// socket.set_recv_buffer_size(64 * 1024)?;
/// socket.bind("127.0.0.1:0".parse().unwrap())?;
/// let listener = socket.listen(16)?;
/// let stream = TcpSocket::new_v4()?.connect(listener.local_addr()?).await?;
/// assert_eq!(listener.accept().await?.1, stream.local_addr()?);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct TcpSocket {
    io: Socket,
}

/// Documents and defines a getter and a setter of an option that socket2 has.
macro_rules! options {
    ($($(#[$about:meta])* $get:ident $set:ident $type:ty, $socket_get:ident $socket_set:ident;)*) => {$(
        $(#[$about])*
        ///
        /// # Errors
        /// Those of `getsockopt(2)`.
        pub fn $get(&self) -> io::Result<$type> {
            self.io.$socket_get()
        }

        $(#[$about])*
        ///
        /// # Errors
        /// Those of `setsockopt(2)`.
        pub fn $set(&self, value: $type) -> io::Result<()> {
            self.io.$socket_set(value)
        }
    )*};
}

impl TcpSocket {
    /// A socket for IPv4.
    ///
    /// # Errors
    /// Those of `socket(2)`.
    pub fn new_v4() -> io::Result<Self> {
        Self::new(Domain::IPV4)
    }

    /// A socket for IPv6.
    ///
    /// # Errors
    /// Those of `socket(2)`.
    pub fn new_v6() -> io::Result<Self> {
        Self::new(Domain::IPV6)
    }

    fn new(domain: Domain) -> io::Result<Self> {
        Ok(Self { io: sockets::new(domain, Type::STREAM, Some(Protocol::TCP))? })
    }

    options! {
        /// Whether an address that was in use a moment ago can be bound to (`SO_REUSEADDR`).
        reuseaddr set_reuseaddr bool, reuse_address set_reuse_address;
        /// Whether the system looks now and then if a silent peer is still there (`SO_KEEPALIVE`).
        keepalive set_keepalive bool, keepalive set_keepalive;
        /// Whether small writes are sent at once (`TCP_NODELAY`).
        nodelay set_nodelay bool, tcp_nodelay set_tcp_nodelay;
        /// How long closing waits for what was written to be sent (`SO_LINGER`).
        linger set_linger Option<Duration>, linger set_linger;
    }

    /// Whether several sockets can be bound to one address (`SO_REUSEPORT`).
    ///
    /// # Errors
    /// Those of `getsockopt(2)`.
    #[cfg(unix)]
    pub fn reuseport(&self) -> io::Result<bool> {
        self.io.reuse_port()
    }

    /// Sets whether several sockets can be bound to one address (`SO_REUSEPORT`).
    ///
    /// # Errors
    /// Those of `setsockopt(2)`.
    #[cfg(unix)]
    pub fn set_reuseport(&self, reuseport: bool) -> io::Result<()> {
        self.io.set_reuse_port(reuseport)
    }

    /// The size of the system's buffer for what is written, in bytes (`SO_SNDBUF`); on Linux twice what was set.
    ///
    /// # Errors
    /// Those of `getsockopt(2)`.
    pub fn send_buffer_size(&self) -> io::Result<u32> {
        Ok(u32::try_from(self.io.send_buffer_size()?).unwrap_or(u32::MAX))
    }

    /// Sets the size of the system's buffer for what is written, in bytes (`SO_SNDBUF`).
    ///
    /// # Errors
    /// Those of `setsockopt(2)`.
    pub fn set_send_buffer_size(&self, size: u32) -> io::Result<()> {
        self.io.set_send_buffer_size(size as usize)
    }

    /// The size of the system's buffer for what is to be read, in bytes (`SO_RCVBUF`); on Linux twice what was set.
    ///
    /// # Errors
    /// Those of `getsockopt(2)`.
    pub fn recv_buffer_size(&self) -> io::Result<u32> {
        Ok(u32::try_from(self.io.recv_buffer_size()?).unwrap_or(u32::MAX))
    }

    /// Sets the size of the system's buffer for what is to be read, in bytes (`SO_RCVBUF`).
    ///
    /// # Errors
    /// Those of `setsockopt(2)`.
    pub fn set_recv_buffer_size(&self, size: u32) -> io::Result<()> {
        self.io.set_recv_buffer_size(size as usize)
    }

    /// The address it is bound to.
    ///
    /// # Errors
    /// Those of `getsockname(2)`.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.io.local_addr()?.as_socket().ok_or_else(|| io::Error::other("the socket has no Internet address"))
    }

    /// An error that the socket has kept for us; it is forgotten by that.
    ///
    /// # Errors
    /// Those of `getsockopt(2)`.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.io.take_error()
    }

    /// Binds it to an address of this machine.
    ///
    /// # Errors
    /// Those of `bind(2)`.
    pub fn bind(&self, address: SocketAddr) -> io::Result<()> {
        self.io.bind(&address.into())
    }

    /// Connects it.
    ///
    /// # Errors
    /// Those of `connect(2)`.
    ///
    /// # Panics
    /// Outside a runtime.
    ///
    /// # Cancel safety
    /// Cancel safe: dropping it closes the socket.
    pub async fn connect(self, address: SocketAddr) -> io::Result<TcpStream> {
        TcpStream::connect_socket(self.io, address).await
    }

    /// Listens; at most `backlog` connections wait to be accepted.
    ///
    /// # Errors
    /// Those of `listen(2)`.
    ///
    /// # Panics
    /// Outside a runtime.
    #[track_caller]
    pub fn listen(self, backlog: u32) -> io::Result<TcpListener> {
        TcpListener::listen(self.io, i32::try_from(backlog).unwrap_or(i32::MAX))
    }

    /// Takes over a stream of the standard library that is not connected yet. It is set to non-blocking mode.
    ///
    /// # Errors
    /// Its mode cannot be set.
    pub fn from_std_stream(stream: std::net::TcpStream) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        Ok(Self { io: stream.into() })
    }
}

sockets::descriptors!(TcpSocket);
