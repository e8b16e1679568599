//! Listeners for Unix signals.

mod kind;
mod listener;

pub use kind::SignalKind;
pub use listener::{Signal, signal};
