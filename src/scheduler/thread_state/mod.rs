//! What a thread is doing: one file per kind of system, chosen here; and what several looks at one poll add up to.

mod account;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(not(target_os = "linux"))]
mod portable;
mod reserve;

pub(crate) use account::Account;
#[cfg(target_os = "linux")]
pub(crate) use linux::{Probe, system_call, threads};
#[cfg(not(target_os = "linux"))]
pub(crate) use portable::{Probe, system_call, threads};
pub(crate) use reserve::Reserve;

use crate::primitives::clock::Nanos;

/// What the system says about a thread at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sight {
    pub(crate) state: State,
    /// For how long it has been on a core since it began.
    pub(crate) ran: Nanos,
    /// None if the system does not say.
    pub(crate) delays: Option<Delays>,
}

/// What the system says of a thread's waits for a core.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Delays {
    /// For how long it has waited, the wait that goes on now not counted.
    pub(crate) waited: Nanos,
    /// How often it was given one.
    pub(crate) switches: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "only Linux says"))]
pub(crate) enum State {
    /// It sleeps in a system call or waits for the disk.
    Asleep,
    /// It runs, or would if it had a core.
    Runnable,
    /// A signal or a debugger has stopped it.
    Stopped,
}

/// What a thread is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Activity {
    /// It sleeps: its core is free.
    Blocked,
    /// It runs.
    Running,
    /// It would run, but is not let.
    Starved,
    /// The system does not say.
    Unknown,
}
