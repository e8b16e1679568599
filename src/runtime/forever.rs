//! `run_forever`, as in asyncio.

use std::future::poll_fn;

use super::Handle;

/// Drives the runtime until it is stopped. A stop that was asked for before gives what is ready one round.
#[track_caller]
pub(super) fn run(handle: &Handle) {
    let stop = &handle.inner().stop;
    if stop.take() {
        // Spawned from out here it lies in the injector, behind all that is ready.
        let round = handle.spawn(async {});
        let _ = handle.block_on(round);
        return;
    }
    handle.block_on(poll_fn(|context| stop.poll_take(context)));
}
