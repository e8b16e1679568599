//! Deadlines of a poll where there is no timerfd: the poll's own timeout, which mio rounds up to what the system counts in.

use std::io;
use std::time::Duration;

use mio::event::Source;
use mio::{Interest, Registry, Token};

use crate::primitives::clock::{Clock, NEVER, Nanos};

#[derive(Debug)]
pub(in crate::reactor) struct Deadline;

impl Deadline {
    pub(in crate::reactor) fn new() -> io::Result<Self> {
        Ok(Self)
    }

    /// The timeout to wait with, for the wait to end at `until`.
    pub(in crate::reactor) fn arm(&mut self, until: Nanos, clock: &Clock) -> io::Result<Option<Duration>> {
        Ok(match until {
            0 => Some(Duration::ZERO),
            NEVER => None,
            _ => Some(Duration::from_nanos(until.saturating_sub(clock.now()))),
        })
    }

    pub(in crate::reactor) fn passed(&mut self) {}
}

/// There is nothing to register.
impl Source for Deadline {
    fn register(&mut self, _: &Registry, _: Token, _: Interest) -> io::Result<()> {
        Ok(())
    }

    fn reregister(&mut self, _: &Registry, _: Token, _: Interest) -> io::Result<()> {
        Ok(())
    }

    fn deregister(&mut self, _: &Registry) -> io::Result<()> {
        Ok(())
    }
}
