//! freewheel: an async runtime that keeps turning when your code blocks.
#![warn(missing_docs)]

pub mod io;
mod primitives;
mod queue;
mod reactor;
#[allow(dead_code, unreachable_pub, unused_imports)] // until the scheduler and the face are there
mod tasks;
