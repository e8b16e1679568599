//! `SignalKind`: which signal.

use std::ffi::c_int;
use std::fmt;

/// A signal, by its number on this system.
///
/// # Examples
/// ```
/// use freewheel::signal::unix::SignalKind;
///
/// assert_eq!(SignalKind::terminate().as_raw_value(), 15);
/// assert_eq!(SignalKind::terminate().to_string(), "SIGTERM");
/// assert_eq!(SignalKind::from(2), SignalKind::interrupt());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SignalKind(c_int);

macro_rules! kinds {
    ($($(#[$attribute:meta])* $name:ident = $signal:ident;)*) => {
        impl SignalKind {
            $($(#[$attribute])* #[must_use] pub const fn $name() -> Self { Self(libc::$signal) })*

            fn name(self) -> Option<&'static str> {
                $(if self.0 == libc::$signal { return Some(stringify!($signal)); })*
                None
            }
        }
    };
}

kinds! {
    /// `SIGALRM`: a timer of `alarm(2)` is over. Default: ends the process.
    alarm = SIGALRM;
    /// `SIGCHLD`: a child ended, stopped or went on. Default: ignored.
    child = SIGCHLD;
    /// `SIGHUP`: the terminal was closed; by custom, "read your configuration again". Default: ends the process.
    hangup = SIGHUP;
    /// `SIGINT`: Ctrl-C. Default: ends the process.
    interrupt = SIGINT;
    /// `SIGIO`: a descriptor is ready. Default: ends the process on Linux, ignored on BSD.
    io = SIGIO;
    /// `SIGPIPE`: wrote to a pipe nobody reads. Rust programs ignore it from the start, and see an error instead.
    pipe = SIGPIPE;
    /// `SIGQUIT`: Ctrl-\. Default: ends the process with a core dump.
    quit = SIGQUIT;
    /// `SIGTERM`: a polite request to end. Default: ends the process.
    terminate = SIGTERM;
    /// `SIGUSR1`, of the user's own meaning. Default: ends the process.
    user_defined1 = SIGUSR1;
    /// `SIGUSR2`, of the user's own meaning. Default: ends the process.
    user_defined2 = SIGUSR2;
    /// `SIGWINCH`: the terminal changed its size. Default: ignored.
    window_change = SIGWINCH;
}

impl SignalKind {
    /// The signal with this number, which need not be one that can be caught: [`signal`](super::signal) checks that.
    #[must_use]
    pub const fn from_raw(signum: c_int) -> Self {
        Self(signum)
    }

    /// The number.
    #[must_use]
    pub const fn as_raw_value(&self) -> c_int {
        self.0
    }
}

impl From<c_int> for SignalKind {
    fn from(signum: c_int) -> Self {
        Self(signum)
    }
}

impl From<SignalKind> for c_int {
    fn from(kind: SignalKind) -> Self {
        kind.0
    }
}

/// The system's name, or `signal 35`.
impl fmt::Display for SignalKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "signal {}", self.0),
        }
    }
}
