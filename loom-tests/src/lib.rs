//! Loom models over the real sources of freewheel, mounted by `#[path]`.
//!
//! The crate root declares the library's module names. `primitives` and `queue` are stand-ins, made of loom's types; every
//! other floor is the library's own file, and of the floors above the third, the few files that hold an agreement between
//! threads. A lower floor that imports a higher one does not compile here.
//!
//! * [`explore`]: how a model is run, and what makes it fail.
//! * [`models`]: the models, one file per subject, each listed in `models::ALL`.
//! * `mutations/*.toml`, replayed by the script `mutants`: the faults under which each model was seen to fail.

// Whatever builds "all targets" builds this crate's unit tests too, and with them those of the mounted sources, which are
// not made for loom's types: there is nothing here under `cfg(test)`.
#![cfg(not(test))]
#![allow(dead_code, unused_imports, unused_macros, unreachable_pub, missing_docs)]

mod blocking;
mod primitives;
mod queue;
mod reactor;
mod runtime;
#[path = "../../src/scheduler/mod.rs"]
mod scheduler;
mod spawn;
#[path = "../../src/tasks/mod.rs"]
mod tasks;

pub mod explore;
pub mod models;
