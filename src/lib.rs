//! freewheel: an async runtime that keeps turning when your code blocks.
//!
//! ```
//! use std::{thread, time::Duration};
//!
//! #[freewheel::main(worker_threads = 1)]
//! async fn main() {
//!     freewheel::spawn(async { thread::sleep(Duration::from_secs(1)) }); // it blocks the one worker
//!     let answer = freewheel::spawn(async { 42 }); // and this one does not wait for it
//!     assert_eq!(answer.await.unwrap(), 42);
//! }
//! ```
//!
//! The names and their meaning are tokio's; [`runtime`], [`task`], [`time`], [`io`], [`net`], [`process`] and [`signal`] are
//! where they are there.
//!
//! # What it promises, and what not
//!
//! A task that blocks its thread delays the other tasks by about two milliseconds, not by as long as it blocks: what waits
//! behind it is taken away, and its place is given to another thread, by the system's own account of what its thread does. It is
//! reported while it is stuck, see [`runtime::Builder::on_stall`]. This does not help
//!
//! * the other branches of the same task: [`join!`], [`select!`];
//! * a [`current_thread`](runtime::Builder::new_current_thread) runtime, which has one thread: it only tells, if asked to;
//! * more tasks blocked at once than there may be threads: [`runtime::Builder::max_threads`];
//! * a process that is stopped as a whole.
//!
//! The future of [`block_on`](runtime::Runtime::block_on) itself, so that of [`main`](macro@main) too, runs on a thread that is no worker:
//! what blocks there delays no task of a multi-threaded runtime, and is reported only where somebody asks for reports.
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
