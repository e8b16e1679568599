//! The reactor: I/O events and timers, polled by whichever thread holds the token.
#![doc = include_str!("reactor.md")]

mod deadline;
mod driver;
mod poller;
mod readiness;
mod registrations;
mod timers;
mod wheel;

pub(crate) use driver::{Reactor, Wait};
pub(crate) use poller::{Interest, Source};
pub(crate) use readiness::{Direction, Ready, ReadyEvent, ScheduledIo};
pub(crate) use timers::{Armed, TimerKey, TimerState};

#[cfg(test)]
mod tests;
