//! `Child`: a process that was started, its pipes and its end.

use std::future::poll_fn;
use std::io;
use std::process::{ExitStatus, Output};

use super::running::Process;
use super::stdio::{ChildStderr, ChildStdin, ChildStdout};
use crate::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use crate::macros::support::try_join;

/// A child process, started by [`Command::spawn`](super::Command::spawn).
///
/// Dropping it neither ends the child nor leaves a zombie: see the [module's page](super). With
/// [`kill_on_drop`](super::Command::kill_on_drop) it is killed.
#[derive(Debug)]
pub struct Child {
    /// The pipe to its standard input, if that was [piped](std::process::Stdio::piped). Dropping it ends the child's input.
    pub stdin: Option<ChildStdin>,
    /// The pipe from its standard output, if that was piped.
    pub stdout: Option<ChildStdout>,
    /// The pipe from its standard error, if that was piped.
    pub stderr: Option<ChildStderr>,
    process: Process,
}

impl Child {
    /// Puts the pipes of `child` into the reactor, and takes charge of its end.
    pub(super) fn new(
        pipes: (Option<std::process::ChildStdin>, Option<std::process::ChildStdout>, Option<std::process::ChildStderr>),
        process: Process,
    ) -> io::Result<Self> {
        let stdin = pipes.0.map(ChildStdin::from_std).transpose()?;
        let stdout = pipes.1.map(ChildStdout::from_std).transpose()?;
        let stderr = pipes.2.map(ChildStderr::from_std).transpose()?;
        Ok(Self { stdin, stdout, stderr, process })
    }

    pub(super) fn kill_on_drop(&mut self, kill: bool) {
        self.process.kill_on_drop(kill);
    }

    /// The process's number; `None` once its end was seen by [`wait`](Self::wait) or [`try_wait`](Self::try_wait), for then the
    /// number may be another's.
    #[must_use]
    pub fn id(&self) -> Option<u32> {
        self.process.id()
    }

    /// Waits until the child ends. Closes its standard input first, so that a child which reads to the end does end; take
    /// [`stdin`](Self::stdin) out before if you still write to it.
    ///
    /// It does not read the child's output: one that fills a pipe which nobody reads never ends. See
    /// [`wait_with_output`](Self::wait_with_output).
    ///
    /// # Errors
    /// The runtime is shut down while waiting; or there is no such child any more, because some other part of the program
    /// waited for it, or `SIGCHLD` is ignored.
    ///
    /// # Cancel safety
    /// Cancel safe. Once the child has ended, every further call says the same.
    ///
    /// # Examples
    /// ```
    /// # #[freewheel::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// let mut child = freewheel::process::Command::new("true").spawn()?;
    /// assert!(child.wait().await?.success());
    /// assert_eq!(child.id(), None);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn wait(&mut self) -> io::Result<ExitStatus> {
        drop(self.stdin.take());
        poll_fn(|cx| self.process.poll_wait(cx)).await
    }

    /// Whether the child has ended, without waiting. Leaves its standard input open.
    ///
    /// # Errors
    /// As [`wait`](Self::wait).
    pub fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        self.process.try_wait()
    }

    /// Waits until the child ends, and reads its standard output and standard error to the end, as far as they were piped.
    ///
    /// Closes its standard input first.
    ///
    /// # Errors
    /// As [`wait`](Self::wait), or if a pipe cannot be read.
    ///
    /// # Cancel safety
    /// Dropping the future drops the child, and what was read is lost.
    pub async fn wait_with_output(mut self) -> io::Result<Output> {
        drop(self.stdin.take());
        self.collect(None::<(ChildStdin, &[u8])>).await
    }

    /// Writes `input` to the child's standard input and closes it, reads standard output and standard error to the end, and waits
    /// for the child's end, all at once: neither side can wait for ever because a pipe is full. asyncio's `communicate`.
    ///
    /// A child that stops reading before it has read all (`head`) is no error. What was not piped is empty in the result.
    ///
    /// # Errors
    /// * `InvalidInput`: there is input, but standard input was not piped, or was taken.
    /// * As [`wait_with_output`](Self::wait_with_output), or if writing fails.
    ///
    /// # Cancel safety
    /// Dropping the future drops the child, and what was read is lost.
    ///
    /// # Examples
    /// ```
    /// use freewheel::process::Command;
    /// use std::process::Stdio;
    ///
    /// # #[freewheel::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// let child = Command::new("tr").args(["a-z", "A-Z"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    /// let output = child.communicate("hello").await?;
    /// assert_eq!(output.stdout, b"HELLO");
    /// # Ok(())
    /// # }
    /// ```
    pub async fn communicate(mut self, input: impl AsRef<[u8]>) -> io::Result<Output> {
        let feed = match self.stdin.take() {
            Some(stdin) => Some((stdin, input)),
            None if input.as_ref().is_empty() => None,
            None => {
                let message = "there is input for the child, but no pipe to it: start it with `stdin(Stdio::piped())`";
                return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
            }
        };
        self.collect(feed).await
    }

    async fn collect(mut self, feed: Option<(ChildStdin, impl AsRef<[u8]>)>) -> io::Result<Output> {
        let (stdout, stderr) = (self.stdout.take(), self.stderr.take());
        let ((), stdout, stderr, status) =
            try_join! { (crate) write_all(feed), read_all(stdout), read_all(stderr), self.wait() }?;
        Ok(Output { status, stdout, stderr })
    }

    /// Asks the child to end, by `SIGTERM`. Does not wait; a child may refuse.
    ///
    /// # Errors
    /// As [`send_signal`](Self::send_signal).
    pub fn terminate(&mut self) -> io::Result<()> {
        self.process.send_signal(libc::SIGTERM)
    }

    /// Ends the child by force (`SIGKILL`) and waits until it has ended.
    ///
    /// # Errors
    /// `InvalidInput` if the child's end was seen already; and as [`wait`](Self::wait).
    ///
    /// # Cancel safety
    /// Cancel safe: the signal is sent at once, and what is dropped is the wait.
    ///
    /// # Examples
    /// ```
    /// # #[freewheel::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// use std::os::unix::process::ExitStatusExt;
    ///
    /// let mut child = freewheel::process::Command::new("sleep").arg("3600").spawn()?;
    /// child.kill().await?;
    /// assert_eq!(child.wait().await?.signal(), Some(9));
    /// # Ok(())
    /// # }
    /// ```
    pub async fn kill(&mut self) -> io::Result<()> {
        self.start_kill()?;
        self.wait().await.map(drop)
    }

    /// Ends the child by force (`SIGKILL`), without waiting.
    ///
    /// # Errors
    /// As [`send_signal`](Self::send_signal).
    pub fn start_kill(&mut self) -> io::Result<()> {
        self.process.send_signal(libc::SIGKILL)
    }

    /// Sends the child a signal: a number, or a `freewheel::signal::unix::SignalKind`.
    ///
    /// A child that has ended but was not waited for takes a signal without effect.
    ///
    /// # Errors
    /// `InvalidInput` if the child's end was seen by [`wait`](Self::wait) or [`try_wait`](Self::try_wait), or there is no such
    /// signal; `PermissionDenied` if the child has become another user.
    ///
    /// # Examples
    /// ```
    /// use freewheel::signal::unix::SignalKind;
    /// use std::os::unix::process::ExitStatusExt;
    ///
    /// # #[freewheel::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// let mut child = freewheel::process::Command::new("sleep").arg("3600").spawn()?;
    /// let signal = SignalKind::user_defined1();
    /// child.send_signal(signal)?;
    /// assert_eq!(child.wait().await?.signal(), Some(signal.as_raw_value()));
    /// # Ok(())
    /// # }
    /// ```
    pub fn send_signal(&mut self, signal: impl Into<i32>) -> io::Result<()> {
        self.process.send_signal(signal.into())
    }
}

/// Writes all and closes the pipe. That the child stops reading is its own affair.
async fn write_all(feed: Option<(ChildStdin, impl AsRef<[u8]>)>) -> io::Result<()> {
    let Some((mut stdin, input)) = feed else { return Ok(()) };
    match stdin.write_all(input.as_ref()).await {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
        _ => Ok(()),
    }
}

async fn read_all(stream: Option<impl AsyncRead + Unpin>) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(mut stream) = stream {
        stream.read_to_end(&mut bytes).await?;
    }
    Ok(bytes)
}
