//! freewheel: an async runtime that keeps turning when your code blocks.
#![warn(missing_docs)]

mod blocking;
pub mod io;
#[doc(hidden)]
pub mod macros;
pub mod net;
mod primitives;
#[cfg(unix)]
pub mod process;
mod queue;
mod reactor;
pub mod runtime;
mod scheduler;
pub mod signal;
mod spawn;
mod tasks;
pub mod time;

pub use freewheel_macros::{main, test};
pub use spawn::spawn;

/// Tasks: spawning, awaiting, aborting, yielding.
pub mod task {
    pub use crate::spawn::{
        Builder, Scope, ScopedJoinHandle, block_in_place, block_in_place_now, scope, spawn, spawn_blocking, yield_now,
    };
    pub use crate::tasks::coop::{Unconstrained, consume_budget, unconstrained};
    pub use crate::tasks::{AbortHandle, Id, JoinError, JoinHandle, id, try_id};

    /// Cooperation: the budget that makes a task which is always ready yield now and then.
    pub mod coop {
        pub use crate::tasks::coop::{
            Coop, RestoreOnPending, Unconstrained, consume_budget, cooperative, has_budget_remaining, poll_proceed,
            unconstrained,
        };
    }
}

/// The README's examples, which run as tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
