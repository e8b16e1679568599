//! Children that nobody waits for: a task of the runtime does, so that no zombie is left.
//!
//! When the runtime goes before the child, there is nobody left to be woken. Such a child is put on a list, and whoever next
//! starts or drops a child in this process looks through it.

use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use super::running::Running;
use crate::runtime::Handle;

/// Children whose runtime has gone.
static LEFT: Mutex<Vec<std::process::Child>> = Mutex::new(Vec::new());

/// Sees to it that `running` is reaped when it ends. `location` is where it was started.
pub(super) fn adopt(mut running: Running, runtime: &Handle, location: &'static Location<'static>) {
    sweep();
    // An error means that there is nothing to reap: somebody else did, or SIGCHLD is ignored.
    if let Ok(None) = running.child.try_wait() {
        drop(runtime.spawn_at(Orphan(Some(running)), location, None));
    }
}

/// Reaps those children without a runtime that have ended.
pub(super) fn sweep() {
    let mut left = LEFT.lock().unwrap_or_else(PoisonError::into_inner);
    left.retain_mut(|child| matches!(child.try_wait(), Ok(None)));
}

/// Waits for a child on behalf of nobody.
struct Orphan(Option<Running>);

impl Future for Orphan {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let running = self.0.as_mut().expect("not polled after it is ready");
        // An error: the runtime is going, and the drop puts the child on the list; or there was nothing to reap.
        if ready!(running.exit.poll(cx, &mut running.child)).is_ok() {
            self.0 = None;
        }
        Poll::Ready(())
    }
}

impl Drop for Orphan {
    fn drop(&mut self) {
        let Some(Running { mut child, exit }) = self.0.take() else { return };
        drop(exit);
        if let Ok(None) = child.try_wait() {
            LEFT.lock().unwrap_or_else(PoisonError::into_inner).push(child);
        }
    }
}
