//! Numbers that are unique in the process, handed out in blocks so that no line is shared in the common case.

use std::cell::Cell;
use std::num::NonZeroU64;
use std::sync::atomic::{AtomicU64, Ordering};

/// How many numbers a thread takes at once.
const BLOCK: u64 = 256;

static NEXT_BLOCK: AtomicU64 = AtomicU64::new(1);

std::thread_local! {
    /// The next number of this thread's block, and how many are left in it.
    static MINE: Cell<(u64, u64)> = const { Cell::new((0, 0)) };
}

/// A number no one else in this process has had. Numbers of one thread rise; across threads they come in blocks.
pub(crate) fn next() -> NonZeroU64 {
    let number = MINE
        .try_with(|mine| {
            let (next, left) = mine.get();
            let (next, left) = if left == 0 { (take(BLOCK), BLOCK) } else { (next, left) };
            mine.set((next + 1, left - 1));
            next
        })
        // The thread is ending and its thread-locals are gone: one number, straight from the source.
        .unwrap_or_else(|_| take(1));
    NonZeroU64::new(number).expect("u64 of ids used up")
}

fn take(count: u64) -> u64 {
    // Relaxed: only the number itself matters, nothing is published with it.
    NEXT_BLOCK.fetch_add(count, Ordering::Relaxed)
}
