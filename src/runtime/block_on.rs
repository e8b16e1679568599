//! Waiting for a future on a thread that drives nothing else.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use crate::primitives::parker::{Parker, Unparker};
use crate::scheduler;
use crate::tasks::coop;

/// Polls `future` on this thread, which sleeps in between. A worker gives its permit away meanwhile.
pub(super) fn park_until<F: Future>(future: F) -> F::Output {
    scheduler::block_in_place(|| {
        let parker = Parker::new();
        let waker = Waker::from(Arc::new(UnparkWaker(parker.unparker())));
        let mut context = Context::from_waker(&waker);
        let mut future = pin!(future);
        loop {
            if let Poll::Ready(output) = coop::budget(|| future.as_mut().poll(&mut context)) {
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
