//! `run_forever` and `stop`, as in asyncio.

use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Poll, Waker};

use super::Handle;
use crate::primitives::Mutex;

/// Whether a stop was asked for, and who waits for it.
#[derive(Debug, Default)]
pub(super) struct Forever {
    stopped: AtomicBool,
    waiting: Mutex<Vec<Waker>>,
}

impl Forever {
    pub(super) fn stop(&self) {
        // ORDERING: Release, edge "stop": what was done before the stop is seen after `run_forever` has returned. The lock
        // below makes sure that a waiter is either woken or has seen the flag.
        self.stopped.store(true, Ordering::Release);
        let waiting = std::mem::take(&mut *self.waiting.lock());
        waiting.into_iter().for_each(Waker::wake);
    }

    /// Takes the stop, if there was one.
    fn take(&self) -> bool {
        // ORDERING: Acquire, edge "stop", pairs with the Release in `stop`.
        self.stopped.swap(false, Ordering::Acquire)
    }
}

/// Drives the runtime until it is stopped. A stop that was asked for before gives what is ready one round.
pub(super) fn run(handle: &Handle) {
    let forever = &handle.inner().forever;
    if forever.take() {
        // Spawned from out here it lies in the injector, behind all that is ready.
        let round = handle.spawn(async {});
        let _ = handle.block_on(round);
        return;
    }
    handle.block_on(async {
        poll_fn(|context| {
            if forever.take() {
                return Poll::Ready(());
            }
            let waker = context.waker().clone();
            forever.waiting.lock().push(waker);
            if forever.take() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    });
}
