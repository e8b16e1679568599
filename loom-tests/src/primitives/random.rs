//! The real generator, with a constant seed: loom replays a model and needs it to do the same again.

#[path = "../../../src/primitives/random.rs"]
mod real;

pub(crate) use real::Random;

pub(crate) fn seed() -> u64 {
    1
}
