//! The pipes to and from a child, driven by the reactor.

use std::io::{self, IoSlice};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::pin::Pin;
use std::process::Stdio;
use std::task::{Context, Poll};

use mio::unix::pipe;

use crate::io::{AsyncRead, AsyncWrite, PollEvented, ReadBuf};
use crate::reactor::Interest;

/// The standard input of a child: what is written here, the child reads.
///
/// Dropping it, or [`shutdown`](crate::io::AsyncWriteExt::shutdown), is the end of the child's input.
#[derive(Debug)]
pub struct ChildStdin {
    /// None after `shutdown`.
    pipe: Option<PollEvented<pipe::Sender>>,
}

impl ChildStdin {
    /// Takes over the pipe of a child that the standard library started.
    ///
    /// # Errors
    /// The pipe cannot be made non-blocking, or the runtime is shut down.
    ///
    /// # Panics
    /// Outside a runtime.
    #[track_caller]
    pub fn from_std(stdin: std::process::ChildStdin) -> io::Result<Self> {
        let sender = pipe::Sender::from(stdin);
        sender.set_nonblocking(true)?;
        Ok(Self { pipe: Some(PollEvented::with_interest(sender, Interest::WRITABLE)?) })
    }

    /// The pipe's descriptor, made blocking again, for another child or for code without a runtime.
    ///
    /// # Errors
    /// `BrokenPipe` after `shutdown`, or if the descriptor was closed by others.
    pub fn into_owned_fd(mut self) -> io::Result<OwnedFd> {
        let sender = self.pipe.take().ok_or_else(closed)?.into_inner()?;
        sender.set_nonblocking(false)?;
        Ok(sender.into())
    }
}

fn closed() -> io::Error {
    io::Error::new(io::ErrorKind::BrokenPipe, "the child's standard input was shut down")
}

impl AsyncWrite for ChildStdin {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match &self.pipe {
            Some(pipe) => pipe.poll_write(cx, buf),
            None => Poll::Ready(Err(closed())),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        // A pipe holds nothing back.
        Poll::Ready(Ok(()))
    }

    /// Closes the pipe, so that the child reads the end of its input. (tokio's does nothing.)
    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.pipe = None;
        Poll::Ready(Ok(()))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &self.pipe {
            Some(pipe) => pipe.poll_write_vectored(cx, bufs),
            None => Poll::Ready(Err(closed())),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }
}

impl TryFrom<ChildStdin> for Stdio {
    type Error = io::Error;

    fn try_from(stdin: ChildStdin) -> io::Result<Self> {
        stdin.into_owned_fd().map(Self::from)
    }
}

macro_rules! readers {
    ($($(#[$attribute:meta])* $name:ident;)*) => {$(
        $(#[$attribute])*
        #[derive(Debug)]
        pub struct $name {
            pipe: PollEvented<pipe::Receiver>,
        }

        impl $name {
            /// Takes over the pipe of a child that the standard library started.
            ///
            /// # Errors
            /// The pipe cannot be made non-blocking, or the runtime is shut down.
            ///
            /// # Panics
            /// Outside a runtime.
            #[track_caller]
            pub fn from_std(stream: std::process::$name) -> io::Result<Self> {
                let receiver = pipe::Receiver::from(stream);
                receiver.set_nonblocking(true)?;
                Ok(Self { pipe: PollEvented::with_interest(receiver, Interest::READABLE)? })
            }

            /// The pipe's descriptor, made blocking again, for another child or for code without a runtime.
            ///
            /// # Errors
            /// If the descriptor was closed by others.
            pub fn into_owned_fd(self) -> io::Result<OwnedFd> {
                let receiver = self.pipe.into_inner()?;
                receiver.set_nonblocking(false)?;
                Ok(receiver.into())
            }
        }

        impl AsyncRead for $name {
            fn poll_read(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                buf: &mut ReadBuf<'_>,
            ) -> Poll<io::Result<()>> {
                self.pipe.poll_read(cx, buf)
            }
        }

        impl AsFd for $name {
            fn as_fd(&self) -> BorrowedFd<'_> {
                self.pipe.as_fd()
            }
        }

        impl AsRawFd for $name {
            fn as_raw_fd(&self) -> RawFd {
                self.pipe.as_raw_fd()
            }
        }

        impl TryFrom<$name> for Stdio {
            type Error = io::Error;

            fn try_from(stream: $name) -> io::Result<Self> {
                stream.into_owned_fd().map(Self::from)
            }
        }
    )*};
}

readers! {
    /// The standard output of a child, to be read.
    ///
    /// # Examples
    /// One child's output as another's input:
    ///
    /// ```
    /// use freewheel::process::Command;
    /// use std::process::Stdio;
    ///
    /// # #[freewheel::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// let mut list = Command::shell("printf 'b\na\n'").stdout(Stdio::piped()).spawn()?;
    /// let lines: Stdio = list.stdout.take().expect("piped").try_into()?;
    /// let sorted = Command::new("sort").stdin(lines).output().await?;
    /// assert_eq!(sorted.stdout, b"a\nb\n");
    /// list.wait().await?;
    /// # Ok(())
    /// # }
    /// ```
    ChildStdout;

    /// The standard error of a child, to be read.
    ChildStderr;
}
