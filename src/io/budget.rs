//! Charges the task's cooperative budget for I/O that is always ready, so that a loop over it lets others run.

use crate::tasks::coop;
use std::task::{Context, Poll, ready};

/// Takes one unit of the budget. `Pending` if there is none left: the task has been told to come again.
pub(super) fn charge(cx: &mut Context<'_>) -> Poll<()> {
    ready!(coop::poll_proceed(cx)).made_progress();
    Poll::Ready(())
}
