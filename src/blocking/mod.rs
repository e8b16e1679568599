//! The blocking pool: threads that run closures which may block, so that no worker has to.
//!
//! [`Pool`] makes a task of each closure and gives it to a [`crew`]: the threads and the queue before them. The crew knows
//! nothing of tasks (it runs anything that is a [`crew::Job`]), the [`roster`] nothing of jobs: it says who is there, who
//! sleeps, and whose duty it is to wake the next. The protocol and its proof stand in `roster.rs`; `channel.rs` alone names
//! crossbeam-channel.

#![forbid(unsafe_code)]

mod channel;
mod crew;
mod job;
mod pool;
mod post;
mod roster;
#[cfg(test)]
mod tests;

pub(crate) use crew::{Config, Eager};
pub(crate) use pool::Pool;
