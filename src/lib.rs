//! freewheel: an async runtime that keeps turning when your code blocks.
#![warn(missing_docs)]

pub mod io;
mod primitives;
mod queue;
mod reactor;
