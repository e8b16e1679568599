//! Child processes: starting them, talking to them, waiting for them, without a thread for each.
//!
//! [`Command`] is [`std::process::Command`] with an asynchronous [`spawn`](Command::spawn); the pipes of a [`Child`] are driven
//! by the runtime's reactor, and so is the news of its end. Beside tokio's names there are asyncio's:
//! [`Command::shell`], [`Child::communicate`], [`Child::send_signal`], [`Child::terminate`].
//!
//! # Children that nobody waits for
//! A [`Child`] that is dropped before it was waited for runs on (or is killed first, with
//! [`kill_on_drop`](Command::kill_on_drop)), and a small task of the runtime waits for its end in its place: no zombie is
//! left. If the runtime goes before the child does, the next child that this process starts or drops takes care of it.
//!
//! # Signals and numbers
//! A process's number is free for others once its end was asked for. So no signal is sent after that, and where the kernel
//! has process descriptors (Linux 5.3) signals go through those and cannot reach a stranger.
//!
//! # Examples
//! ```
//! use freewheel::process::Command;
//!
//! # #[freewheel::main(flavor = "current_thread")]
//! # async fn main() -> std::io::Result<()> {
//! let output = Command::new("echo").arg("hello").output().await?;
//! assert_eq!(output.stdout, b"hello\n");
//!
//! let status = Command::shell("exit 3").status().await?;
//! assert_eq!(status.code(), Some(3));
//! # Ok(())
//! # }
//! ```
//!
//! Several at once, each line as it comes:
//!
//! ```
//! use freewheel::io::{AsyncBufReadExt, BufReader};
//! use freewheel::process::Command;
//! use std::process::Stdio;
//!
//! # #[freewheel::main(flavor = "current_thread")]
//! # async fn main() -> std::io::Result<()> {
//! let follow = |name: &'static str| async move {
//!     let mut child = Command::shell("echo one; echo two").stdout(Stdio::piped()).spawn()?;
//!     let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
//!     while let Some(line) = lines.next_line().await? {
//!         println!("{name}: {line}");
//!     }
//!     child.wait().await
//! };
//! let (first, second) = freewheel::try_join!(follow("first"), follow("second"))?;
//! assert!(first.success() && second.success());
//! # Ok(())
//! # }
//! ```

mod child;
mod command;
mod exit;
mod orphans;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod pidfd_elsewhere;
#[cfg(any(target_os = "linux", target_os = "android"))]
mod pidfd_linux;
mod running;
mod stdio;

// The one place that chooses.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
use pidfd_elsewhere as pidfd;
#[cfg(any(target_os = "linux", target_os = "android"))]
use pidfd_linux as pidfd;

pub use child::Child;
pub use command::Command;
pub use stdio::{ChildStderr, ChildStdin, ChildStdout};
