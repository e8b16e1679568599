//! Waiting for a future on a thread that drives nothing else.

use std::future::Future;
use std::panic::Location;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use crate::primitives::parker::{Parker, Unparker};
use crate::scheduler::{self, Shared, Visit};
use crate::tasks::coop;

/// Polls `future` on this thread, which sleeps in between. A worker gives its permit away meanwhile.
#[track_caller]
pub(super) fn park_until<F: Future>(shared: &Shared, future: F) -> F::Output {
    let location = Location::caller();
    scheduler::block_in_place(|| {
        let parker = Parker::new();
        let waker = Waker::from(Arc::new(UnparkWaker(parker.unparker())));
        let mut context = Context::from_waker(&waker);
        let mut future = pin!(future);
        let visit = Visit::new(shared, location);
        loop {
            if let Poll::Ready(output) = visit.poll(|| coop::budget(|| future.as_mut().poll(&mut context))) {
                return output;
            }
            parker.park();
        }
    })
}

struct UnparkWaker(Unparker);

impl Wake for UnparkWaker {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.unpark();
    }
}
