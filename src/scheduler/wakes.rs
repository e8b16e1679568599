//! Waking many: each waker on its own, so that one that panics takes nobody else's wake-up with it.

use std::panic::{self, AssertUnwindSafe};
use std::task::Waker;

use crate::primitives::assert_none_held;

/// Wakes all of `wakers` and leaves it empty.
pub(crate) fn wake_each(wakers: &mut Vec<Waker>) {
    assert_none_held();
    for waker in wakers.drain(..) {
        if panic::catch_unwind(AssertUnwindSafe(|| waker.wake())).is_err() {
            // The panic hook has told the user where; there is no caller here to carry it to.
            eprintln!("freewheel: a waker panicked while it was woken; the others are woken all the same");
        }
    }
}
