//! Ctrl-C is SIGINT.

use std::io;

use super::unix::{SignalKind, signal};

/// Waits until the process is told to stop by Ctrl-C.
///
/// It hears what comes after it is first polled. From then on Ctrl-C does not end the program by itself any more, also when this
/// future has completed or was dropped: a program that waits once should make an end of its own, or wait again.
///
/// On Unix this is `SIGINT`; [`unix::signal`](super::unix::signal) gives a listener that misses nothing between two waits.
///
/// # Errors
/// If no listener can be made (no descriptor is left), or the runtime is shut down while it waits.
///
/// # Panics
/// Outside a runtime.
///
/// # Cancel safety
/// Cancel safe, but a Ctrl-C that comes between the drop and the next call is lost.
///
/// # Examples
/// ```no_run
/// # #[freewheel::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// println!("waiting for Ctrl-C");
/// freewheel::signal::ctrl_c().await?;
/// println!("closing");
/// # Ok(())
/// # }
/// ```
pub async fn ctrl_c() -> io::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    interrupt.recv().await.ok_or_else(|| io::Error::other("the runtime was shut down while waiting for Ctrl-C"))
}
