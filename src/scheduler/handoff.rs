//! `block_in_place`: gives the permit away for the time of a call that blocks. The design is told in `handoff.md`.

use super::context;
use super::worker::Worker;

/// Runs `f`; on a worker that may hand off, another thread runs tasks meanwhile.
pub(crate) fn block_in_place<R>(f: impl FnOnce() -> R) -> R {
    context::with(|worker| match worker {
        Some(worker) => Worker::away(worker, f),
        None => f(),
    })
}
