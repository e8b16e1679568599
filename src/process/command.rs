//! `Command`: what to start, and how.

use std::ffi::{OsStr, OsString};
use std::future::Future;
use std::os::unix::process::CommandExt;
use std::panic::Location;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Output, Stdio};
use std::{fmt, io};

use super::child::Child;
use super::orphans;
use super::running::Process;
use crate::runtime::Handle;

/// A program to start, with its arguments, environment and pipes: [`std::process::Command`], whose children are
/// waited for and talked to asynchronously.
///
/// Starting a process takes the system a moment, in which the calling thread waits; everything after that does not block.
///
/// # Examples
/// ```
/// use freewheel::process::Command;
///
/// # #[freewheel::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// let status = Command::new("test").arg("-d").arg("/").status().await?;
/// assert!(status.success());
///
/// let error = Command::new("no-such-program").spawn().unwrap_err();
/// assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
/// assert!(error.to_string().contains("no-such-program"));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Command {
    std: std::process::Command,
    kill_on_drop: bool,
}

impl Command {
    /// A program by its path, or by its name to be searched for in `PATH`. It inherits this process's environment, working
    /// directory and standard streams.
    pub fn new(program: impl AsRef<OsStr>) -> Self {
        Self::from(std::process::Command::new(program))
    }

    /// A line for the shell: `sh -c script`. asyncio's `create_subprocess_shell`.
    ///
    /// Whatever stands in `script` is executed: never put text into it that comes from others. Give that as an argument of
    /// [`Command::new`] instead.
    ///
    /// # Examples
    /// ```
    /// # #[freewheel::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// let output = freewheel::process::Command::shell("printf '%s\n' b a | sort").output().await?;
    /// assert_eq!(output.stdout, b"a\nb\n");
    /// # Ok(())
    /// # }
    /// ```
    pub fn shell(script: impl AsRef<OsStr>) -> Self {
        let mut command = Self::new("sh");
        command.arg("-c").arg(script);
        command
    }

    /// The standard library's command inside.
    pub fn as_std(&self) -> &std::process::Command {
        &self.std
    }

    /// The standard library's command inside, for what has no method here.
    pub fn as_std_mut(&mut self) -> &mut std::process::Command {
        &mut self.std
    }

    /// The standard library's command.
    pub fn into_std(self) -> std::process::Command {
        self.std
    }

    /// Adds an argument.
    pub fn arg(&mut self, arg: impl AsRef<OsStr>) -> &mut Self {
        self.std.arg(arg);
        self
    }

    /// Adds arguments.
    pub fn args<I, S>(&mut self, args: I) -> &mut Self
    where
        I: IntoIterator<Item = S>,
        S: AsRef<OsStr>,
    {
        self.std.args(args);
        self
    }

    /// Sets what the child sees as its own name, in place of the program's.
    pub fn arg0(&mut self, arg: impl AsRef<OsStr>) -> &mut Self {
        self.std.arg0(arg);
        self
    }

    /// Sets a variable of the child's environment.
    pub fn env(&mut self, key: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> &mut Self {
        self.std.env(key, value);
        self
    }

    /// Sets variables of the child's environment.
    pub fn envs<I, K, V>(&mut self, variables: I) -> &mut Self
    where
        I: IntoIterator<Item = (K, V)>,
        K: AsRef<OsStr>,
        V: AsRef<OsStr>,
    {
        self.std.envs(variables);
        self
    }

    /// Takes a variable out of the child's environment.
    pub fn env_remove(&mut self, key: impl AsRef<OsStr>) -> &mut Self {
        self.std.env_remove(key);
        self
    }

    /// Empties the child's environment; nothing is inherited.
    pub fn env_clear(&mut self) -> &mut Self {
        self.std.env_clear();
        self
    }

    /// Sets the directory in which the child starts. A program given by a relative path may be searched for from either
    /// directory, as the system likes; give an absolute one.
    pub fn current_dir(&mut self, dir: impl AsRef<Path>) -> &mut Self {
        self.std.current_dir(dir);
        self
    }

    /// What the child's standard input is. Default: inherited.
    pub fn stdin(&mut self, stdio: impl Into<Stdio>) -> &mut Self {
        self.std.stdin(stdio);
        self
    }

    /// What the child's standard output is. Default: inherited; [`output`](Self::output) makes it a pipe.
    pub fn stdout(&mut self, stdio: impl Into<Stdio>) -> &mut Self {
        self.std.stdout(stdio);
        self
    }

    /// What the child's standard error is. Default: inherited; [`output`](Self::output) makes it a pipe.
    pub fn stderr(&mut self, stdio: impl Into<Stdio>) -> &mut Self {
        self.std.stderr(stdio);
        self
    }

    /// Whether the child is killed when its [`Child`] is dropped before it has ended. Default: no. In either case it leaves no
    /// zombie.
    pub fn kill_on_drop(&mut self, kill: bool) -> &mut Self {
        self.kill_on_drop = kill;
        self
    }

    /// Whether the child is killed when its [`Child`] is dropped.
    pub fn get_kill_on_drop(&self) -> bool {
        self.kill_on_drop
    }

    /// Sets the user the child becomes.
    pub fn uid(&mut self, id: u32) -> &mut Self {
        self.std.uid(id);
        self
    }

    /// Sets the group the child becomes.
    pub fn gid(&mut self, id: u32) -> &mut Self {
        self.std.gid(id);
        self
    }

    /// Sets the process group the child joins; 0: one of its own, so that Ctrl-C in the terminal does not reach it.
    pub fn process_group(&mut self, group: i32) -> &mut Self {
        self.std.process_group(group);
        self
    }

    /// A closure to be called in the child, after it was split off and before the program begins. An error ends the start.
    ///
    /// # Safety
    /// In the child only the calling thread exists: locks that others held stay locked for ever, memory allocation included. The
    /// closure may do only what is allowed there; see [`CommandExt::pre_exec`].
    pub unsafe fn pre_exec<F>(&mut self, f: F) -> &mut Self
    where
        F: FnMut() -> io::Result<()> + Send + Sync + 'static,
    {
        // SAFETY: the caller's promise.
        unsafe { self.std.pre_exec(f) };
        self
    }

    /// Starts the program.
    ///
    /// # Errors
    /// The program does not exist, may not be executed, there is no process or descriptor left, and so on; the message names
    /// the program. If a pipe of the child cannot be put into the reactor, the child is killed.
    ///
    /// # Panics
    /// Outside a runtime.
    #[track_caller]
    pub fn spawn(&mut self) -> io::Result<Child> {
        let location = Location::caller();
        let runtime = Handle::current();
        orphans::sweep();
        let mut child = self.std.spawn().map_err(|error| NotStarted::describe(error, &self.std))?;
        let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        // Until it is complete nobody has it, so nobody could end it.
        let process = Process::new(child, true, runtime, location)?;
        let mut child = Child::new(pipes, process)?;
        child.kill_on_drop(self.kill_on_drop);
        Ok(child)
    }

    /// Starts the program at once; the future waits until it ends. Pipes, if any were asked for, are closed at once.
    ///
    /// # Errors
    /// As [`spawn`](Self::spawn) and [`Child::wait`].
    ///
    /// # Panics
    /// Outside a runtime.
    ///
    /// # Cancel safety
    /// Dropping the future drops the child, which runs on unless [`kill_on_drop`](Self::kill_on_drop) is set.
    #[track_caller]
    pub fn status(&mut self) -> impl Future<Output = io::Result<ExitStatus>> + use<> {
        let child = self.spawn();
        async move {
            let mut child = child?;
            drop((child.stdin.take(), child.stdout.take(), child.stderr.take()));
            child.wait().await
        }
    }

    /// Starts the program at once, with pipes for standard output and standard error whatever was set before; the future
    /// waits until it ends and gives what it wrote.
    ///
    /// # Errors
    /// As [`spawn`](Self::spawn) and [`Child::wait_with_output`].
    ///
    /// # Panics
    /// Outside a runtime.
    ///
    /// # Cancel safety
    /// Dropping the future drops the child, which runs on unless [`kill_on_drop`](Self::kill_on_drop) is set.
    #[track_caller]
    pub fn output(&mut self) -> impl Future<Output = io::Result<Output>> + use<> {
        self.std.stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = self.spawn();
        async move { child?.wait_with_output().await }
    }
}

impl From<std::process::Command> for Command {
    fn from(std: std::process::Command) -> Self {
        Self { std, kill_on_drop: false }
    }
}

/// Why a program was not started. The system's own error says "no such file" and not which.
#[derive(Debug)]
struct NotStarted {
    program: OsString,
    dir: Option<PathBuf>,
    error: io::Error,
}

impl NotStarted {
    fn describe(error: io::Error, command: &std::process::Command) -> io::Error {
        let program = command.get_program().to_owned();
        let dir = command.get_current_dir().map(Path::to_owned);
        io::Error::new(error.kind(), Self { program, dir, error })
    }
}

impl fmt::Display for NotStarted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot start {:?}", self.program)?;
        if let Some(dir) = &self.dir {
            write!(f, " in the directory {dir:?}")?;
        }
        write!(f, ": {}", self.error)
    }
}

impl std::error::Error for NotStarted {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.error)
    }
}
