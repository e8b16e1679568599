//! The scheduler: permits, slots and threads; stealing; sleep and wake; the hand-off.
//!
//! A thread runs tasks only while it holds one of the P permits. Every thread has a [`slot::Slot`] with a queue that others
//! steal from, and a LIFO slot. Idle threads and hot spares are the same thing, see [`idle::Idle`].
//!
//! | file | idea |
//! | --- | --- |
//! | `idle.rs` | who is idle: permits, searchers, the poller, the stack of sleepers |
//! | `slot.rs`, `progress.rs`, `lifo.rs` | one thread's place as others see it; what it is at, what it is to do next |
//! | `slots.rs`, `visitors.rs`, `table.rs` | all of them; threads that run no task, but a future of their own |
//! | `worker/`, `context.rs` | one thread's own half: the step function; which worker this thread is |
//! | `shared.rs`, `lifecycle.rs` | what all share; how it ends |
//! | `watch/`, `stall.rs`, `thread_state/` | the watch over slow polls, what it says, and what it asks the system |
//! | `crowd.rs` | whether there is a core for one who is woken |
//! | `stops.rs`, `overload.rs`, `bystanders.rs` | whose fault it is not: time that the watch takes off |
//! | `pulse.rs` | whether the process ran while the watch did not |
//! | `standstill.rs` | the process as a whole does nothing: told when it is over |
//! | `handoff.rs`, `offenders.rs` | the hints of a task that is about to block; those who are known to, or to take long |
//! | `supply.rs` | how many threads there are |
//! | `wakes.rs` | waking many |
//!
#![doc = include_str!("sleep.md")]
#![doc = include_str!("handoff.md")]

mod bystanders;
mod context;
mod crowd;
mod handoff;
pub(crate) mod idle;
mod lifecycle;
pub(crate) mod lifo;
mod offenders;
mod overload;
pub(crate) mod progress;
mod pulse;
mod shared;
pub(crate) mod slot;
mod slots;
pub(crate) mod stall;
mod standstill;
mod stops;
mod supply;
mod table;
mod thread_state;
mod visitors;
mod wakes;
mod watch;
mod worker;

use std::fmt;

use crate::primitives::clock::Nanos;
use crate::primitives::thread::{Hook, Spawner};

pub(crate) use context::{enter, in_hook, with as with_current, with_entered};
pub(crate) use handoff::{block_in_place, block_in_place_now};
pub(crate) use shared::Shared;
pub(crate) use supply::Supply;
pub(crate) use thread_state::Reserve;
pub(crate) use visitors::Visit;
pub(crate) use wakes::wake_each;
pub(crate) use watch::Watch;
pub(crate) use worker::{Step, Worker};

/// Wraps each worker thread's whole run, so that the floor above can make itself known to it.
// std's own Arc: loom must not see it, and has none of `dyn`.
pub(crate) type Around = std::sync::Arc<dyn Fn(&mut dyn FnMut()) + Send + Sync>;

/// How a scheduler is made.
#[derive(Clone)]
pub(crate) struct Config {
    /// How many threads run tasks at once.
    pub(crate) permits: usize,
    /// How many threads there may be, stuck ones and spares included.
    pub(crate) max_threads: usize,
    /// How long a thread stays that nobody needs, in nanoseconds.
    pub(crate) keep_alive: Nanos,
    /// Whether there are other threads that a permit can go to.
    pub(crate) hands_off: bool,
    pub(crate) watch: stall::Rules,
    /// Tasks between two looks at the reactor, and between two at the injector before one's own queue.
    pub(crate) event_interval: u32,
    pub(crate) global_queue_interval: u32,
    pub(crate) threads: Spawner,
    pub(crate) around: Around,
    pub(crate) on_park: Option<Hook>,
    pub(crate) on_unpark: Option<Hook>,
    /// The seed of every random choice.
    pub(crate) seed: u64,
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("permits", &self.permits)
            .field("max_threads", &self.max_threads)
            .field("event_interval", &self.event_interval)
            .field("global_queue_interval", &self.global_queue_interval)
            .finish_non_exhaustive()
    }
}
