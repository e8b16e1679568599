//! `UdpSocket`: datagrams.

use super::{ToSocketAddrs, addresses, sockets};
use crate::io::{Interest, PollEvented, ReadBuf, Ready, read_into};
use crate::reactor::Direction;
use bytes::BufMut;
use socket2::{Protocol, SockRef, Type};
use std::fmt;
use std::io;
use std::net::{self, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::task::{Context, Poll, ready};

/// A UDP socket.
///
/// Either one for many peers, with [`send_to`](Self::send_to) and [`recv_from`](Self::recv_from), or, after
/// [`connect`](Self::connect), for one, with [`send`](Self::send) and [`recv`](Self::recv). All methods take `&self`, so
/// an `Arc` shares it between tasks; any number of them may wait at once.
///
/// A datagram that is longer than the buffer is cut.
///
/// # Examples
/// ```
/// use freewheel::net::UdpSocket;
///
/// # #[freewheel::main]
/// # async fn main() -> std::io::Result<()> {
/// let server = UdpSocket::bind("127.0.0.1:0").await?;
/// let client = UdpSocket::bind("127.0.0.1:0").await?;
/// client.connect(server.local_addr()?).await?;
///
/// client.send(b"ping").await?;
/// let mut buf = [0; 1500];
/// let (length, peer) = server.recv_from(&mut buf).await?;
/// server.send_to(&buf[..length], peer).await?;
/// assert_eq!(client.recv(&mut buf).await?, 4);
/// # Ok(())
/// # }
/// ```
///
/// Shared by a task that sends and one that receives:
///
/// ```
/// use freewheel::net::UdpSocket;
/// use std::sync::Arc;
///
/// # #[freewheel::main]
/// # async fn main() -> std::io::Result<()> {
/// let socket = Arc::new(UdpSocket::bind("127.0.0.1:0").await?);
/// let (receiver, own) = (socket.clone(), socket.local_addr()?);
/// let receives = freewheel::spawn(async move {
///     let mut buf = [0; 16];
///     receiver.recv_from(&mut buf).await
/// });
/// socket.send_to(b"to myself", own).await?;
/// assert_eq!(receives.await??, (9, own));
/// # Ok(())
/// # }
/// ```
pub struct UdpSocket {
    io: PollEvented<mio::net::UdpSocket>,
}

impl UdpSocket {
    /// Binds to the first address that can be. Port 0 lets the system choose one.
    ///
    /// # Errors
    /// None of the addresses can be bound to; the message names each with the reason.
    ///
    /// # Panics
    /// Outside a runtime.
    pub async fn bind<A: ToSocketAddrs>(address: A) -> io::Result<Self> {
        addresses::first("bind to", address, |address| async move {
            let socket = sockets::new(sockets::domain(address), Type::DGRAM, Some(Protocol::UDP))?;
            socket.bind(&address.into())?;
            Self::register(socket.into())
        })
        .await
    }

    fn register(socket: net::UdpSocket) -> io::Result<Self> {
        Ok(Self { io: PollEvented::new(mio::net::UdpSocket::from_std(socket))? })
    }

    /// Takes over a socket of the standard library, which must be in non-blocking mode.
    ///
    /// # Errors
    /// It is in blocking mode (`InvalidInput`), or cannot be registered.
    ///
    /// # Panics
    /// Outside a runtime.
    #[track_caller]
    pub fn from_std(socket: net::UdpSocket) -> io::Result<Self> {
        sockets::refuse_blocking(&socket)?;
        Self::register(socket)
    }

    /// Gives the socket to the standard library. It stays in non-blocking mode.
    ///
    /// # Errors
    /// The runtime's event queue does not know it.
    pub fn into_std(self) -> io::Result<net::UdpSocket> {
        let socket = self.io.into_inner()?;
        #[cfg(unix)]
        {
            Ok(std::os::fd::OwnedFd::from(socket).into())
        }
        #[cfg(not(unix))]
        {
            use std::os::windows::io::OwnedSocket;
            Ok(OwnedSocket::from(socket).into())
        }
    }

    /// Sets the peer for [`send`](Self::send), and takes datagrams of no other. The first address that works is used.
    ///
    /// # Errors
    /// None of the addresses works; the message names each with the reason.
    pub async fn connect<A: ToSocketAddrs>(&self, address: A) -> io::Result<()> {
        addresses::first("connect to", address, |address| async move { self.io.connect(address) }).await
    }

    /// Sends a datagram to the peer that it is connected to. Gives its length.
    ///
    /// # Errors
    /// Those of `send(2)`: `ConnectionRefused` tells of an *earlier* datagram that nobody wanted.
    ///
    /// # Cancel safety
    /// Cancel safe: if it is dropped, nothing was sent.
    pub async fn send(&self, datagram: &[u8]) -> io::Result<usize> {
        self.async_io(Interest::WRITABLE, || self.io.send(datagram)).await
    }

    /// Receives a datagram of the peer that it is connected to. Gives its length.
    ///
    /// # Errors
    /// Those of `recv(2)`.
    ///
    /// # Cancel safety
    /// Cancel safe: if it is dropped, nothing was received.
    pub async fn recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.async_io(Interest::READABLE, || self.io.recv(buf)).await
    }

    /// Receives a datagram of the peer that it is connected to, to the end of `buf`. Gives its length.
    ///
    /// # Errors
    /// Those of `recv(2)`.
    ///
    /// # Cancel safety
    /// Cancel safe: if it is dropped, nothing was received.
    pub async fn recv_buf<B: BufMut>(&self, buf: &mut B) -> io::Result<usize> {
        self.async_io(Interest::READABLE, || self.receive_into(buf)).await
    }

    /// Sends a datagram to the first of the addresses. Gives its length.
    ///
    /// # Errors
    /// Those of `sendto(2)`, and those of looking the address up.
    ///
    /// # Cancel safety
    /// Cancel safe: if it is dropped, nothing was sent.
    pub async fn send_to<A: ToSocketAddrs>(&self, datagram: &[u8], target: A) -> io::Result<usize> {
        let target = addresses::resolve(target).await?[0];
        self.async_io(Interest::WRITABLE, || self.io.send_to(datagram, target)).await
    }

    /// Receives a datagram. Gives its length and its sender.
    ///
    /// # Errors
    /// Those of `recvfrom(2)`.
    ///
    /// # Cancel safety
    /// Cancel safe: if it is dropped, nothing was received.
    pub async fn recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.async_io(Interest::READABLE, || self.io.recv_from(buf)).await
    }

    /// Receives a datagram without taking it. Gives its length and its sender.
    ///
    /// # Errors
    /// Those of `recvfrom(2)`.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn peek_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.async_io(Interest::READABLE, || self.io.peek_from(buf)).await
    }

    /// Waits until the socket is ready for any of `interest`, and says for what.
    ///
    /// # Errors
    /// The runtime was shut down.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn ready(&self, interest: Interest) -> io::Result<Ready> {
        self.io.ready(interest).await
    }

    /// Waits until there is a datagram to receive.
    ///
    /// # Errors
    /// The runtime was shut down.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn readable(&self) -> io::Result<()> {
        self.ready(Interest::READABLE).await.map(drop)
    }

    /// Waits until there is room to send a datagram.
    ///
    /// # Errors
    /// The runtime was shut down.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn writable(&self) -> io::Result<()> {
        self.ready(Interest::WRITABLE).await.map(drop)
    }

    /// As [`readable`](Self::readable), for those who poll. Only the last caller's task is woken.
    ///
    /// # Errors
    /// The runtime was shut down.
    pub fn poll_recv_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.io.poll_read_ready(cx)
    }

    /// As [`writable`](Self::writable), for those who poll. Only the last caller's task is woken.
    ///
    /// # Errors
    /// The runtime was shut down.
    pub fn poll_send_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.io.poll_write_ready(cx)
    }

    /// As [`send`](Self::send), for those who poll. Only the last caller's task is woken.
    ///
    /// # Errors
    /// Those of `send(2)`.
    pub fn poll_send(&self, cx: &mut Context<'_>, datagram: &[u8]) -> Poll<io::Result<usize>> {
        self.io.registration().poll_io(cx, Direction::Write, || self.io.send(datagram))
    }

    /// As [`recv`](Self::recv), for those who poll. Only the last caller's task is woken.
    ///
    /// # Errors
    /// Those of `recv(2)`.
    pub fn poll_recv(&self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let receive = || buf.receive(&SockRef::from(&*self.io));
        self.io.registration().poll_io(cx, Direction::Read, receive).map_ok(drop)
    }

    /// As [`send_to`](Self::send_to), for those who poll. Only the last caller's task is woken.
    ///
    /// # Errors
    /// Those of `sendto(2)`.
    pub fn poll_send_to(&self, cx: &mut Context<'_>, datagram: &[u8], target: SocketAddr) -> Poll<io::Result<usize>> {
        self.io.registration().poll_io(cx, Direction::Write, || self.io.send_to(datagram, target))
    }

    /// As [`recv_from`](Self::recv_from), for those who poll. Only the last caller's task is woken.
    ///
    /// # Errors
    /// Those of `recvfrom(2)`.
    pub fn poll_recv_from(&self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<SocketAddr>> {
        let receive = || self.io.recv_from(buf.initialize_unfilled());
        let (length, sender) = ready!(self.io.registration().poll_io(cx, Direction::Read, receive))?;
        buf.advance(length);
        Poll::Ready(Ok(sender))
    }

    /// Sends a datagram to the peer that it is connected to, without waiting.
    ///
    /// # Errors
    /// `WouldBlock` if there is no room now, and those of `send(2)`.
    pub fn try_send(&self, datagram: &[u8]) -> io::Result<usize> {
        self.try_io(Interest::WRITABLE, || self.io.send(datagram))
    }

    /// Receives a datagram of the peer that it is connected to, without waiting.
    ///
    /// # Errors
    /// `WouldBlock` if there is none now, and those of `recv(2)`.
    pub fn try_recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.try_io(Interest::READABLE, || self.io.recv(buf))
    }

    /// Receives a datagram of the peer that it is connected to, to the end of `buf`, without waiting.
    ///
    /// # Errors
    /// `WouldBlock` if there is none now, and those of `recv(2)`.
    pub fn try_recv_buf<B: BufMut>(&self, buf: &mut B) -> io::Result<usize> {
        self.try_io(Interest::READABLE, || self.receive_into(buf))
    }

    /// Sends a datagram, without waiting.
    ///
    /// # Errors
    /// `WouldBlock` if there is no room now, and those of `sendto(2)`.
    pub fn try_send_to(&self, datagram: &[u8], target: SocketAddr) -> io::Result<usize> {
        self.try_io(Interest::WRITABLE, || self.io.send_to(datagram, target))
    }

    /// Receives a datagram, without waiting.
    ///
    /// # Errors
    /// `WouldBlock` if there is none now, and those of `recvfrom(2)`.
    pub fn try_recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.try_io(Interest::READABLE, || self.io.recv_from(buf))
    }

    /// Tries an operation of one's own on the socket, once, if it is ready for `interest`.
    ///
    /// # Errors
    /// `WouldBlock` if the socket is not ready, or the operation's.
    pub fn try_io<R>(&self, interest: Interest, operation: impl FnMut() -> io::Result<R>) -> io::Result<R> {
        self.io.registration().try_io(interest.to_reactor(), operation)
    }

    /// Tries an operation of one's own on the socket, and waits for `interest` as long as it says `WouldBlock`.
    ///
    /// # Errors
    /// The operation's, and that the runtime was shut down.
    ///
    /// # Cancel safety
    /// Cancel safe: the operation is not under way while it is waited for.
    pub async fn async_io<R>(&self, interest: Interest, operation: impl FnMut() -> io::Result<R>) -> io::Result<R> {
        self.io.registration().async_io(interest.to_reactor(), operation).await
    }

    fn receive_into<B: BufMut>(&self, buf: &mut B) -> io::Result<usize> {
        read_into(buf, |buf| buf.receive(&SockRef::from(&*self.io)))
    }

    /// The address that it is bound to.
    ///
    /// # Errors
    /// Those of `getsockname(2)`.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.io.local_addr()
    }

    /// The address that it is connected to.
    ///
    /// # Errors
    /// `NotConnected`, and those of `getpeername(2)`.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.io.peer_addr()
    }

    /// An error that the socket has kept for us; it is forgotten by that.
    ///
    /// # Errors
    /// Those of `getsockopt(2)`.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.io.take_error()
    }

    /// Whether it may send to broadcast addresses (`SO_BROADCAST`).
    ///
    /// # Errors
    /// Those of `getsockopt(2)`.
    pub fn broadcast(&self) -> io::Result<bool> {
        self.io.broadcast()
    }

    /// Sets whether it may send to broadcast addresses (`SO_BROADCAST`).
    ///
    /// # Errors
    /// Those of `setsockopt(2)`.
    pub fn set_broadcast(&self, broadcast: bool) -> io::Result<()> {
        self.io.set_broadcast(broadcast)
    }

    /// How many routers a datagram may pass (`IP_TTL`).
    ///
    /// # Errors
    /// Those of `getsockopt(2)`.
    pub fn ttl(&self) -> io::Result<u32> {
        self.io.ttl()
    }

    /// Sets how many routers a datagram may pass (`IP_TTL`).
    ///
    /// # Errors
    /// Those of `setsockopt(2)`.
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        self.io.set_ttl(ttl)
    }

    /// Joins a multicast group, on the interface with that address; the system chooses for `0.0.0.0`.
    ///
    /// # Errors
    /// Those of `setsockopt(2)`.
    pub fn join_multicast_v4(&self, group: Ipv4Addr, interface: Ipv4Addr) -> io::Result<()> {
        self.io.join_multicast_v4(&group, &interface)
    }

    /// Joins a multicast group, on the interface with that index; the system chooses for 0.
    ///
    /// # Errors
    /// Those of `setsockopt(2)`.
    pub fn join_multicast_v6(&self, group: &Ipv6Addr, interface: u32) -> io::Result<()> {
        self.io.join_multicast_v6(group, interface)
    }

    /// Leaves a multicast group.
    ///
    /// # Errors
    /// Those of `setsockopt(2)`.
    pub fn leave_multicast_v4(&self, group: Ipv4Addr, interface: Ipv4Addr) -> io::Result<()> {
        self.io.leave_multicast_v4(&group, &interface)
    }

    /// Leaves a multicast group.
    ///
    /// # Errors
    /// Those of `setsockopt(2)`.
    pub fn leave_multicast_v6(&self, group: &Ipv6Addr, interface: u32) -> io::Result<()> {
        self.io.leave_multicast_v6(group, interface)
    }
}

impl TryFrom<net::UdpSocket> for UdpSocket {
    type Error = io::Error;

    /// As [`UdpSocket::from_std`].
    #[track_caller]
    fn try_from(socket: net::UdpSocket) -> io::Result<Self> {
        Self::from_std(socket)
    }
}

impl fmt::Debug for UdpSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.io.fmt(f)
    }
}

sockets::descriptors!(UdpSocket);
