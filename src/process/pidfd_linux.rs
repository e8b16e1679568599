//! A process descriptor: readable once the process has ended, and a way to signal it that cannot hit another.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::task::{Context, Poll};

use mio::unix::SourceFd;

use crate::io::PollEvented;
use crate::reactor::{Direction, Interest, Source};

/// A descriptor of a child, in the reactor.
#[derive(Debug)]
pub(super) struct Pidfd {
    io: PollEvented<Descriptor>,
}

#[derive(Debug)]
struct Descriptor(OwnedFd);

/// A descriptor of the child with this number, which must not have been reaped. It is closed in children of ours.
///
/// # Errors
/// The kernel has no such thing (before Linux 5.3), a sandbox forbids it, or there is no descriptor left.
pub(super) fn open(pid: u32) -> io::Result<OwnedFd> {
    let pid = libc::pid_t::try_from(pid).map_err(|_| io::ErrorKind::InvalidInput)?;
    // SAFETY: pidfd_open(2) takes two numbers and no pointer.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    let fd = RawFd::try_from(fd).map_err(io::Error::other)?;
    // SAFETY: the call gave us this descriptor, and nobody else has it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

impl Pidfd {
    #[track_caller]
    pub(super) fn register(fd: OwnedFd) -> io::Result<Self> {
        // Readable is all it can be; that it is not so yet shows when the child is asked for.
        Ok(Self { io: PollEvented::with_interest(Descriptor(fd), Interest::READABLE)? })
    }

    /// Ready with what `ended` says, once it says something else than `WouldBlock`. It is asked at first and when the child
    /// has ended.
    pub(super) fn poll<R>(&self, cx: &mut Context<'_>, ended: impl FnMut() -> io::Result<R>) -> Poll<io::Result<R>> {
        self.io.registration().poll_io(cx, Direction::Read, ended)
    }

    pub(super) fn send_signal(&self, signal: i32) -> io::Result<()> {
        let (fd, info) = (self.io.0.as_raw_fd(), std::ptr::null::<libc::siginfo_t>());
        // SAFETY: the descriptor is open; a null pointer means that the kernel fills in the details as kill(2) does.
        let sent = unsafe { libc::syscall(libc::SYS_pidfd_send_signal, fd, signal, info, 0) };
        if sent < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }
}

impl Source for Descriptor {
    fn register(&mut self, registry: &mio::Registry, token: mio::Token, interest: Interest) -> io::Result<()> {
        SourceFd(&self.0.as_raw_fd()).register(registry, token, interest)
    }

    fn reregister(&mut self, registry: &mio::Registry, token: mio::Token, interest: Interest) -> io::Result<()> {
        SourceFd(&self.0.as_raw_fd()).reregister(registry, token, interest)
    }

    fn deregister(&mut self, registry: &mio::Registry) -> io::Result<()> {
        SourceFd(&self.0.as_raw_fd()).deregister(registry)
    }
}
