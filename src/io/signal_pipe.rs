//! A pipe from a signal handler to the reactor: the one file that names signal-hook-registry.
//!
//! A signal handler may do almost nothing: no lock, no allocation, no waker. It may write to a pipe, and the reactor wakes
//! whoever reads the other end. Each listener has a pipe of its own, so it hears every signal that comes after it was made,
//! whatever others read, and needs no thread and no table.
//!
//! ```text
//!   handler                                  reader
//!   ───────                                  ──────
//!   told was false → true: write a byte      read until the pipe is empty
//!   told was true: nothing                   told = false
//! ```
//!
//! The flag keeps a storm of signals from costing a system call each, and the pipe from filling up. Nothing is lost: a
//! signal that finds the flag set comes before the reader lowers it, and the reader returns after that; to its caller the
//! two are one. (Lowered *before* the pipe is emptied, the byte of a signal in between would be eaten and the flag stay up.)

use std::io::{self, Read};
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use mio::unix::pipe;
use signal_hook_registry::SigId;

use super::poll_evented::PollEvented;
use crate::reactor::{Direction, Interest};

/// Listens to one signal for as long as it lives. The handler stays installed afterwards, without effect.
#[derive(Debug)]
pub(crate) struct SignalPipe {
    pipe: PollEvented<pipe::Receiver>,
    told: Arc<AtomicBool>,
    id: SigId,
}

impl SignalPipe {
    /// Listens to the signal with this number, from now on.
    ///
    /// # Errors
    /// The signal cannot be caught or does not exist, no descriptor is left, the runtime is shut down.
    #[track_caller]
    pub(crate) fn new(signal: i32) -> io::Result<Self> {
        if signal_hook_registry::FORBIDDEN.contains(&signal) {
            return Err(uncatchable(signal, "cannot be caught"));
        }
        let (sender, receiver) = pipe::new()?;
        let pipe = PollEvented::with_interest(receiver, Interest::READABLE)?;
        let told = Arc::new(AtomicBool::new(false));
        let id = install(signal, OwnedFd::from(sender), told.clone())?;
        Ok(Self { pipe, told, id })
    }

    /// Ready when the signal has come since this was last ready, or since it was made.
    ///
    /// # Errors
    /// The runtime is shut down: nothing will come any more.
    pub(crate) fn poll_signal(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let operation = || (&*self.pipe).read(&mut [0; 16]);
        // Never zero: the other end is open until this is dropped. A short read tells the reactor that the pipe is empty.
        let read = self.pipe.registration().poll_transfer(cx, Direction::Read, 16, operation);
        ready!(read)?;
        // ORDERING: AcqRel, edge "signal told": a signal whose handler read `true` comes before this, and what its thread had
        // done by then is seen by our caller. Without it the caller might not see what it was called for.
        self.told.swap(false, Ordering::AcqRel);
        Poll::Ready(Ok(()))
    }
}

impl Drop for SignalPipe {
    fn drop(&mut self) {
        // Waits for handlers that are running, and closes their end of the pipe.
        signal_hook_registry::unregister(self.id);
    }
}

fn install(signal: i32, pipe: OwnedFd, told: Arc<AtomicBool>) -> io::Result<SigId> {
    let handler = move || {
        // ORDERING: AcqRel, edge "signal told": see `poll_signal`; publishes what the signalled thread did before.
        if !told.swap(true, Ordering::AcqRel) {
            // SAFETY: write(2) may be called in a signal handler; the descriptor is open as long as this closure lives, and
            // the byte is a constant. The pipe does not block; it holds a byte or two and so always has room. The registry
            // restores errno.
            unsafe { libc::write(pipe.as_raw_fd(), b"!".as_ptr().cast(), 1) };
        }
    };
    // SAFETY: the handler does nothing but an atomic exchange and a write(2), both allowed in a signal handler; it takes no
    // lock, does not allocate and cannot panic.
    let installed = unsafe { signal_hook_registry::register(signal, handler) };
    installed.map_err(|error| match error.kind() {
        io::ErrorKind::InvalidInput => uncatchable(signal, "does not exist here, or cannot be caught"),
        _ => error,
    })
}

fn uncatchable(signal: i32, why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, format!("signal {signal} {why}"))
}
