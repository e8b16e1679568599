//! Signals: waiting for Ctrl-C, and on Unix for any signal that can be caught.
//!
//! The first listener for a signal installs a handler for the whole process, in place of the signal's default action: after
//! [`ctrl_c`] was awaited once, Ctrl-C no longer ends the program by itself. The handler stays for the rest of the process's
//! life, even when nobody listens any more.

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
