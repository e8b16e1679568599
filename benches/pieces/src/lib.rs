//! The parts of freewheel measured one by one, so that a change to one of them can be judged by itself.
//!
//! The parts are private to the library, and stay so: its own files are mounted here by `#[path]`, as the loom models do,
//! but with the real primitives. What is measured is thus the source as it is, compiled once more.
//!
//! * `queues`, `states`, `tasks_alone`, `threads`, `watched`, `wheels`: the parts.
//! * `runtimes`: the least whole, a `current_thread` runtime, beside tokio's.

#![allow(dead_code, unused_imports, unused_macros, unreachable_pub, missing_docs)]

#[path = "../../../src/scheduler/lifo.rs"]
mod lifo;
#[path = "../../../src/scheduler/offenders.rs"]
mod offenders;
#[path = "../../../src/primitives/mod.rs"]
mod primitives;
#[path = "../../../src/scheduler/progress.rs"]
mod progress;
#[path = "../../../src/queue.rs"]
mod queue;
#[path = "../../../src/scheduler/slot.rs"]
mod slot;
// A second time, by itself: what is private to `tasks` is here private to this crate.
#[allow(clippy::duplicate_mod)]
#[path = "../../../src/tasks/state.rs"]
mod state;
#[path = "../../../src/tasks/mod.rs"]
mod tasks;
#[path = "../../../src/reactor/wheel/mod.rs"]
mod wheel;

mod queues;
mod runtimes;
mod states;
mod tasks_alone;
mod threads;
mod watched;
mod wheels;

/// The bench target's `main`: divan finds every `#[divan::bench]` of this crate.
pub fn main() {
    divan::main();
}
