//! What all kinds of sockets need: made non-blocking and not inherited, and refused when they block.

use socket2::{Domain, Protocol, SockRef, Socket, Type};
use std::io;
use std::net::SocketAddr;

/// A socket that never blocks and is closed in child processes.
pub(super) fn new(domain: Domain, kind: Type, protocol: Option<Protocol>) -> io::Result<Socket> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        // One system call instead of two; socket2 adds the flag that closes it in children.
        Socket::new(domain, kind.nonblocking(), protocol)
    }
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    {
        let socket = Socket::new(domain, kind, protocol)?;
        socket.set_nonblocking(true)?;
        Ok(socket)
    }
}

/// Begins to connect; whether it has worked is known once the socket is writable.
///
/// An interrupted call has begun all the same: asking again then says so.
pub(super) fn begin_to_connect(socket: &Socket, address: &socket2::SockAddr) -> io::Result<()> {
    loop {
        let Err(error) = socket.connect(address) else { return Ok(()) };
        match error.kind() {
            io::ErrorKind::Interrupted => {}
            io::ErrorKind::WouldBlock => return Ok(()),
            _ if is_under_way(&error) => return Ok(()),
            _ => return Err(error),
        }
    }
}

#[cfg(unix)]
fn is_under_way(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EINPROGRESS | libc::EALREADY | libc::EISCONN))
}

#[cfg(not(unix))]
fn is_under_way(_: &io::Error) -> bool {
    false
}

/// The family of an address.
pub(super) fn domain(address: SocketAddr) -> Domain {
    Domain::for_address(address)
}

/// Refuses a socket in blocking mode: the first call that has to wait would hold up its thread.
#[cfg(unix)]
pub(super) fn refuse_blocking<S: std::os::fd::AsFd>(socket: &S) -> io::Result<()> {
    if SockRef::from(socket).nonblocking()? {
        return Ok(());
    }
    Err(io::Error::new(
        io::ErrorKind::InvalidInput,
        "the socket is in blocking mode, and would hold up a worker thread: call `set_nonblocking(true)` on it first",
    ))
}

/// The mode of a socket cannot be asked for here.
#[cfg(not(unix))]
pub(super) fn refuse_blocking<S>(_: &S) -> io::Result<()> {
    Ok(())
}

/// Lends the descriptor of a socket whose field `io` has it.
macro_rules! descriptors {
    ($type:ty) => {
        #[cfg(unix)]
        impl std::os::fd::AsRawFd for $type {
            fn as_raw_fd(&self) -> std::os::fd::RawFd {
                self.io.as_raw_fd()
            }
        }

        #[cfg(unix)]
        impl std::os::fd::AsFd for $type {
            fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
                self.io.as_fd()
            }
        }

        #[cfg(windows)]
        impl std::os::windows::io::AsRawSocket for $type {
            fn as_raw_socket(&self) -> std::os::windows::io::RawSocket {
                self.io.as_raw_socket()
            }
        }
    };
}

pub(super) use descriptors;
