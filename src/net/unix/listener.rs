//! `UnixListener`: accepts connections of processes on this machine.

use super::UnixStream;
use crate::io::PollEvented;
use crate::net::sockets;
use crate::reactor::{Direction, Interest};
use std::fmt;
use std::io;
use std::os::unix::net::{self, SocketAddr};
use std::path::Path;
use std::task::{Context, Poll, ready};

/// A Unix socket that accepts connections.
///
/// Dropping it leaves its file where it is.
///
/// # Examples
/// ```
/// use freewheel::net::{UnixListener, UnixStream};
///
/// # #[freewheel::main]
/// # async fn main() -> std::io::Result<()> {
/// # let path = std::env::temp_dir().join(format!("freewheel-doc-{}", std::process::id()));
/// let listener = UnixListener::bind(&path)?;
/// let _client = UnixStream::connect(&path).await?;
/// let (_server, _) = listener.accept().await?;
/// std::fs::remove_file(&path)?;
/// # Ok(())
/// # }
/// ```
pub struct UnixListener {
    io: PollEvented<mio::net::UnixListener>,
}

impl UnixListener {
    /// Binds to a path, where there must be nothing yet, and listens.
    ///
    /// # Errors
    /// Those of `bind(2)`; the message names the path. `AddrInUse`: there is such a file already, perhaps left behind.
    ///
    /// # Panics
    /// Outside a runtime.
    #[track_caller]
    pub fn bind<P: AsRef<Path>>(path: P) -> io::Result<Self> {
        let path = path.as_ref();
        let listener = mio::net::UnixListener::bind(path)
            .map_err(|error| io::Error::new(error.kind(), format!("cannot listen on {}: {error}", path.display())))?;
        Self::register(listener)
    }

    #[track_caller]
    fn register(listener: mio::net::UnixListener) -> io::Result<Self> {
        Ok(Self { io: PollEvented::with_interest(listener, Interest::READABLE)? })
    }

    /// Waits for a connection and gives it, with its peer's address. Any number of tasks may wait at once.
    ///
    /// # Errors
    /// Those of `accept(2)`; see [`TcpListener::accept`](crate::net::TcpListener::accept).
    ///
    /// # Cancel safety
    /// Cancel safe: if it is dropped, no connection was taken.
    pub async fn accept(&self) -> io::Result<(UnixStream, SocketAddr)> {
        let (stream, peer) = self.io.registration().async_io(Interest::READABLE, || self.io.accept()).await?;
        Ok((UnixStream::register(stream)?, peer))
    }

    /// As [`accept`](Self::accept), for those who poll. Only the last caller's task is woken.
    ///
    /// # Errors
    /// As `accept`.
    pub fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(UnixStream, SocketAddr)>> {
        let accepted = self.io.registration().poll_io(cx, Direction::Read, || self.io.accept());
        let (stream, peer) = ready!(accepted)?;
        Poll::Ready(Ok((UnixStream::register(stream)?, peer)))
    }

    /// Takes over a listener of the standard library, which must be in non-blocking mode.
    ///
    /// # Errors
    /// It is in blocking mode (`InvalidInput`), or cannot be registered.
    ///
    /// # Panics
    /// Outside a runtime.
    #[track_caller]
    pub fn from_std(listener: net::UnixListener) -> io::Result<Self> {
        sockets::refuse_blocking(&listener)?;
        Self::register(mio::net::UnixListener::from_std(listener))
    }

    /// Gives the listener to the standard library. It stays in non-blocking mode.
    ///
    /// # Errors
    /// The runtime's event queue does not know it.
    pub fn into_std(self) -> io::Result<net::UnixListener> {
        self.io.into_inner().map(Into::into)
    }

    /// The address that it listens on.
    ///
    /// # Errors
    /// Those of `getsockname(2)`.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.io.local_addr()
    }

    /// An error that the socket has kept for us; it is forgotten by that.
    ///
    /// # Errors
    /// Those of `getsockopt(2)`.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.io.take_error()
    }
}

impl TryFrom<net::UnixListener> for UnixListener {
    type Error = io::Error;

    /// As [`UnixListener::from_std`].
    #[track_caller]
    fn try_from(listener: net::UnixListener) -> io::Result<Self> {
        Self::from_std(listener)
    }
}

impl fmt::Debug for UnixListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.io.fmt(f)
    }
}

sockets::descriptors!(UnixListener);
