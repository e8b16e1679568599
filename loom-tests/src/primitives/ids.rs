//! Unique numbers, the same in every round.

use std::cell::Cell;
use std::num::NonZeroU64;

std::thread_local! {
    static NEXT: Cell<u64> = const { Cell::new(1) };
}

/// A number no one else in this round has had.
pub(crate) fn next() -> NonZeroU64 {
    let number = NEXT.get();
    NEXT.set(number + 1);
    NonZeroU64::new(number).expect("counting from one")
}

pub(crate) fn reset() {
    NEXT.set(1);
}
