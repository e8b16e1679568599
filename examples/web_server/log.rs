//! What the server says on standard output: `say!` for what is always wanted, `log!` for the request log.
//!
//! A log must not end the server: a line that cannot be written, because the reader of the pipe has gone, is dropped
//! (`println!` would panic).

use std::fmt::Arguments;
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

static QUIET: AtomicBool = AtomicBool::new(false);

/// No request log.
pub(crate) fn be_quiet() {
    QUIET.store(true, Ordering::Relaxed);
}

pub(crate) fn write(line: Arguments<'_>) {
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

/// Puts the time of day (UTC) in front.
pub(crate) fn write_timed(line: Arguments<'_>) {
    if QUIET.load(Ordering::Relaxed) {
        return;
    }
    let now = SystemTime::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_secs());
    write(format_args!("{:02}:{:02}:{:02} {line}", now / 3600 % 24, now / 60 % 60, now % 60));
}

macro_rules! say {
    ($($format:tt)*) => { $crate::log::write(format_args!($($format)*)) };
}

macro_rules! log {
    ($($format:tt)*) => { $crate::log::write_timed(format_args!($($format)*)) };
}

pub(crate) use {log, say};
