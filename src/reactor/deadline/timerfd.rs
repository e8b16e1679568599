//! Deadlines of a poll on Linux: a timerfd in the event queue, to the nanosecond where `epoll_wait` counts milliseconds.
//!
//! The timer is set only when the wished deadline changes, so a poller that keeps waiting for the same one pays nothing.
//! It is never read: registered edge-triggered, it reports each expiry once, and setting it anew resets it.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::time::Duration;

use mio::event::Source;
use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};

use crate::primitives::clock::{Clock, NEVER, Nanos};

#[derive(Debug)]
pub(in crate::reactor) struct Deadline {
    timer: OwnedFd,
    /// For when it is set; [`NEVER`]: it is not.
    armed: Nanos,
}

impl Deadline {
    /// # Errors
    /// The system has no descriptor left.
    pub(in crate::reactor) fn new() -> io::Result<Self> {
        // SAFETY: takes no pointer.
        let timer = unsafe { libc::timerfd_create(libc::CLOCK_MONOTONIC, libc::TFD_NONBLOCK | libc::TFD_CLOEXEC) };
        if timer < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the descriptor is open, was made just now, and nobody else knows it.
        Ok(Self { timer: unsafe { OwnedFd::from_raw_fd(timer) }, armed: NEVER })
    }

    /// Makes the next wait end at `until`; returns the timeout to wait with.
    ///
    /// # Errors
    /// The system refuses the timer.
    pub(in crate::reactor) fn arm(&mut self, until: Nanos, clock: &Clock) -> io::Result<Option<Duration>> {
        if until == 0 {
            return Ok(Some(Duration::ZERO));
        }
        if until == self.armed {
            return Ok(None);
        }
        let left =
            if until == NEVER { Duration::ZERO } else { Duration::from_nanos(until.saturating_sub(clock.now())) };
        if left.is_zero() && until != NEVER {
            return Ok(Some(Duration::ZERO));
        }
        self.set(left)?;
        self.armed = until;
        Ok(None)
    }

    /// The timer has expired.
    pub(in crate::reactor) fn passed(&mut self) {
        self.armed = NEVER;
    }

    /// Sets the timer to expire once, after `left`; zero stops it.
    fn set(&self, left: Duration) -> io::Result<()> {
        let never = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        let mut value = never;
        // Saturates after 68 years, where time_t has 32 bits: a wake-up for nothing, then the rest.
        value.tv_sec = left.as_secs().min(i32::MAX as u64) as libc::time_t;
        value.tv_nsec = left.subsec_nanos() as _;
        let setting = libc::itimerspec { it_interval: never, it_value: value };
        // SAFETY: the descriptor is our open timer, `setting` outlives the call, and null asks for no old setting.
        let result = unsafe { libc::timerfd_settime(self.timer.as_raw_fd(), 0, &setting, std::ptr::null_mut()) };
        if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }
}

impl Source for Deadline {
    fn register(&mut self, registry: &Registry, token: Token, interest: Interest) -> io::Result<()> {
        SourceFd(&self.timer.as_raw_fd()).register(registry, token, interest)
    }

    fn reregister(&mut self, registry: &Registry, token: Token, interest: Interest) -> io::Result<()> {
        SourceFd(&self.timer.as_raw_fd()).reregister(registry, token, interest)
    }

    fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        SourceFd(&self.timer.as_raw_fd()).deregister(registry)
    }
}
