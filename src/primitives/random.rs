//! The seeded generator behind every random choice of the runtime: steal order, `select!`'s first branch, jitter.
//!
//! xorshift64* (Vigna, "An experimental exploration of Marsaglia's xorshift generators, scrambled", 2016): one word of
//! state, good enough to spread load, never to keep a secret.

use std::cell::Cell;

/// A small generator, owned by one thread.
#[derive(Debug)]
pub(crate) struct Random(Cell<u64>);

impl Random {
    pub(crate) const fn new(seed: u64) -> Self {
        // The state must not be zero, or it stays zero.
        Self(Cell::new(seed ^ 0x9E37_79B9_7F4A_7C15 | 1))
    }

    fn next(&self) -> u64 {
        let mut x = self.0.get();
        x ^= x >> 12;
        x ^= x << 25;
        x ^= x >> 27;
        self.0.set(x);
        x.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// A number below `bound`; zero if `bound` is zero.
    pub(crate) fn below(&self, bound: u32) -> u32 {
        // Lemire's multiplication instead of a division.
        ((u64::from((self.next() >> 32) as u32) * u64::from(bound)) >> 32) as u32
    }
}

/// A seed that differs between processes and calls.
pub(crate) fn seed() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(0u8)
}
