//! `yield_now`: lets the others run, then goes on.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Goes behind the tasks that are ready now, and then on.
///
/// The task is queued at the end of its worker's queue, so a task that yields in a loop starves nobody. There is no
/// promise about which other task runs first.
///
/// # Cancel safety
/// Nothing is lost if it is dropped before it is done.
///
/// # Examples
/// ```
/// # freewheel::runtime::Runtime::new().unwrap().block_on(async {
/// for _ in 0..3 {
///     freewheel::task::yield_now().await;
/// }
/// # });
/// ```
pub async fn yield_now() {
    YieldNow(false).await;
}

struct YieldNow(bool);

impl Future for YieldNow {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.0 {
            return Poll::Ready(());
        }
        self.0 = true;
        // Woken while it runs, the task is queued last when its poll ends.
        context.waker().wake_by_ref();
        Poll::Pending
    }
}
