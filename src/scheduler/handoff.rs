//! The hints of a task that is about to block its thread. The design is told in `handoff.md`.

use super::{context, visitors};

/// Runs `f`; if it lasts, the watch gives the worker's permit to another thread. Costs a few nanoseconds if it does not.
pub(crate) fn block_in_place<R>(f: impl FnOnce() -> R) -> R {
    leave(false, f)
}

/// Runs `f`, with the worker's permit given to another thread before it begins.
pub(crate) fn block_in_place_now<R>(f: impl FnOnce() -> R) -> R {
    leave(true, f)
}

fn leave<R>(at_once: bool, f: impl FnOnce() -> R) -> R {
    visitors::declared(|| {
        context::with(|worker| match worker {
            Some(worker) => worker.declared(|| worker.away(at_once, f)),
            None => f(),
        })
    })
}
