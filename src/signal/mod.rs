//! Signals: waiting for Ctrl-C, and on Unix for any signal that can be caught.
//!
//! The first listener for a signal installs a handler for the whole process, in place of the signal's default action: after
//! [`ctrl_c`] was awaited once, Ctrl-C no longer ends the program by itself. The handler stays for the rest of the process's
//! life, even when nobody listens any more.
//!
//! That handler does next to nothing. One that the program installs by itself (`libc::sigaction`) may run on any thread of the
//! process that does not block its signal, those of the runtime included, which block none: as with std's and tokio's, each has the
//! mask of the thread that made it. To keep a signal off them, block it before the runtime is built, and in
//! [`on_thread_start`](crate::runtime::Builder::on_thread_start) for the blocking threads, which whoever calls `spawn_blocking`
//! makes.

#![forbid(unsafe_code)]

#[cfg(not(unix))]
mod ctrl_c_elsewhere;
#[cfg(unix)]
mod ctrl_c_unix;
#[cfg(unix)]
pub mod unix;

#[cfg(not(unix))]
pub use ctrl_c_elsewhere::ctrl_c;
#[cfg(unix)]
pub use ctrl_c_unix::ctrl_c;
