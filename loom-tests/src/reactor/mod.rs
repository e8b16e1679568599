//! The library's reactor, file by file, on a poller made of loom's lock and condition variable.

#[path = "../../../src/reactor/driver.rs"]
mod driver;
pub(crate) mod poller;
#[path = "../../../src/reactor/readiness.rs"]
mod readiness;
#[path = "../../../src/reactor/registrations/mod.rs"]
mod registrations;
#[path = "../../../src/reactor/timers.rs"]
mod timers;
#[path = "../../../src/reactor/wheel/mod.rs"]
mod wheel;

pub(crate) use driver::{Reactor, Token, Wait};
pub(crate) use poller::{Interest, Kernel, Source};
pub(crate) use readiness::{Direction, Readiness, Ready, ReadyEvent, ScheduledIo};
pub(crate) use timers::{Armed, TimerKey, TimerState, Timers};

/// The number under which the kernel would report events of this source.
pub(crate) fn token_of(io: &ScheduledIo) -> usize {
    io.token
}
