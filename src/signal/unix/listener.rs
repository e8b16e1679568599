//! `Signal`: a listener for one signal.

use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll, ready};

use super::SignalKind;
use crate::io::SignalPipe;

/// A listener for one signal, made by [`signal`].
///
/// It hears every signal that comes after it was made, whether or not somebody waits at that moment, and whatever other
/// listeners do. Signals of one kind are *coalesced*, as the system itself does it: several that come before the listener is
/// asked are one.
///
/// The signal's default action is replaced when the first listener is made, and does not come back when the last is dropped.
///
/// # Examples
/// Reading a configuration anew whenever `SIGHUP` comes:
///
/// ```no_run
/// use freewheel::signal::unix::{SignalKind, signal};
///
/// # #[freewheel::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// let mut hangup = signal(SignalKind::hangup())?;
/// while hangup.recv().await.is_some() {
///     println!("reading the configuration");
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "signals are heard by awaiting `recv`"]
pub struct Signal {
    pipe: SignalPipe,
}

/// Begins to listen for a signal.
///
/// # Errors
/// * `InvalidInput`: the signal cannot be caught (`SIGKILL`, `SIGSTOP`), must not be (`SIGSEGV`, `SIGFPE`, `SIGILL`, which a
///   fault of the program's own raises), or does not exist.
/// * No descriptor is left, or the runtime is shut down.
///
/// # Panics
/// Outside a runtime.
///
/// # Examples
/// ```
/// use freewheel::signal::unix::{SignalKind, signal};
///
/// # #[freewheel::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// let mut usr1 = signal(SignalKind::user_defined1())?;
/// std::process::Command::new("kill").args(["-USR1", &std::process::id().to_string()]).status()?;
/// assert_eq!(usr1.recv().await, Some(()));
///
/// assert!(signal(SignalKind::from_raw(9)).is_err());
/// # Ok(())
/// # }
/// ```
#[track_caller]
pub fn signal(kind: SignalKind) -> io::Result<Signal> {
    Ok(Signal { pipe: SignalPipe::new(kind.as_raw_value())? })
}

impl Signal {
    /// Waits until the signal comes. `None` once the runtime is shut down: it will not be heard any more.
    ///
    /// # Cancel safety
    /// Cancel safe: what came before the drop is heard by the next call.
    pub async fn recv(&mut self) -> Option<()> {
        poll_fn(|cx| self.poll_recv(cx)).await
    }

    /// As [`recv`](Self::recv), for use inside a `poll` function. Only the task of the last call is woken.
    pub fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Option<()>> {
        Poll::Ready(ready!(self.pipe.poll_signal(cx)).ok())
    }
}
