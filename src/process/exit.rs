//! How one hears that a child has ended: through its process descriptor, or, where there is none, by SIGCHLD.
//!
//! SIGCHLD says only that *some* child has changed, so each listener then asks after its own child; no `waitpid(-1)`, which
//! would take the children of other parts of the program.

use std::io;
use std::process::ExitStatus;
use std::task::{Context, Poll, ready};

use super::pidfd::{self, Pidfd};
use crate::io::SignalPipe;

/// Listens for the end of one child.
#[derive(Debug)]
pub(super) enum Exit {
    Pidfd(Pidfd),
    Sigchld(SignalPipe),
}

impl Exit {
    /// Listens for the end of this child, which must not have been reaped.
    ///
    /// # Errors
    /// No descriptor is left, or the runtime is shut down.
    #[track_caller]
    pub(super) fn of(child: &std::process::Child) -> io::Result<Self> {
        match pidfd::open(child.id()) {
            Ok(fd) => Pidfd::register(fd).map(Self::Pidfd),
            // The other way needs descriptors too.
            Err(error) if is_out_of_descriptors(&error) => Err(error),
            Err(_) => Self::by_sigchld(),
        }
    }

    #[track_caller]
    pub(super) fn by_sigchld() -> io::Result<Self> {
        SignalPipe::new(libc::SIGCHLD).map(Self::Sigchld)
    }

    /// Waits for the end of `child`, the one it was made for, and reaps it.
    pub(super) fn poll(&self, cx: &mut Context<'_>, child: &mut std::process::Child) -> Poll<io::Result<ExitStatus>> {
        match self {
            Self::Pidfd(pidfd) => pidfd.poll(cx, || child.try_wait()?.ok_or_else(|| io::ErrorKind::WouldBlock.into())),
            // The listener was there before the child was first asked for, so an end after the question is heard.
            Self::Sigchld(pipe) => loop {
                if let Some(status) = child.try_wait()? {
                    return Poll::Ready(Ok(status));
                }
                ready!(pipe.poll_signal(cx))?;
            },
        }
    }

    /// Sends a signal to `child`, the one it was made for, which must not have been reaped.
    pub(super) fn send_signal(&self, child: &std::process::Child, signal: i32) -> io::Result<()> {
        match self {
            Self::Pidfd(pidfd) => pidfd.send_signal(signal),
            Self::Sigchld(_) => {
                let pid = libc::pid_t::try_from(child.id()).map_err(|_| io::ErrorKind::InvalidInput)?;
                // SAFETY: kill(2) takes two numbers. The child was not reaped, so the number is still its own.
                let sent = unsafe { libc::kill(pid, signal) };
                if sent < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
            }
        }
    }
}

fn is_out_of_descriptors(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE | libc::ENOMEM))
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::process::{Command, Stdio};

    use super::*;
    use crate::runtime::Builder;

    /// What a kernel without process descriptors gets.
    #[test]
    fn without_process_descriptors_sigchld_tells() {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let start = |code: i32| {
                let mut shell = Command::new("sh");
                shell.args(["-c", &format!("read line; exit {code}")]).stdin(Stdio::piped()).spawn().unwrap()
            };
            let mut children: Vec<_> = (0..4).map(|code| (code, start(code), Exit::by_sigchld().unwrap())).collect();
            for (code, child, exit) in children.iter_mut().rev() {
                drop(child.stdin.take());
                assert_eq!(poll_fn(|cx| exit.poll(cx, child)).await.unwrap().code(), Some(*code));
            }
            let (mut child, exit) = (start(0), Exit::by_sigchld().unwrap());
            exit.send_signal(&child, libc::SIGTERM).unwrap();
            assert_eq!(poll_fn(|cx| exit.poll(cx, &mut child)).await.unwrap().code(), None);
        });
    }
}
