//! Waking many: each waker on its own, so that one that panics takes nobody else's wake-up with it.

use std::panic::{self, AssertUnwindSafe};
use std::task::Waker;

use crate::primitives::{assert_none_held, prefetch, say};

/// How many wakers ahead their tasks are fetched: after a crowd of timers none of them is in the cache.
const AHEAD: usize = 4;
/// How much of a task is fetched: its header, and a small future.
const LINES: usize = 3;

/// Wakes all of `wakers` and leaves it empty.
pub(crate) fn wake_each(wakers: &mut Vec<Waker>) {
    assert_none_held();
    wakers.iter().take(AHEAD).for_each(fetch);
    let mut wakers = wakers.drain(..);
    while let Some(waker) = wakers.next() {
        if let Some(ahead) = wakers.as_slice().get(AHEAD - 1) {
            fetch(ahead);
        }
        if panic::catch_unwind(AssertUnwindSafe(|| waker.wake())).is_err() {
            // The panic hook has told the user where; there is no caller here to carry it to.
            say(format_args!("a waker panicked while it was woken; the others are woken all the same"));
        }
    }
}

/// Fetches what the waker's data point to: a task, if it is one of ours.
fn fetch(waker: &Waker) {
    let task = waker.data().cast::<CacheLine>();
    (0..LINES).for_each(|line| prefetch(task.wrapping_add(line)));
}

/// As long as a line of the cache on the usual processors.
struct CacheLine(#[allow(dead_code, reason = "for its size")] [u8; 64]);
