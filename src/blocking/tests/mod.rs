//! The pool's tests: `crew` with jobs of the tests' own, `pool` with tasks.

mod crew;
mod pool;

use std::time::{Duration, Instant};

use super::crew::{Config, Eager};
use crate::primitives::thread::Spawner;

fn config(cap: usize) -> Config {
    let spawner = Spawner { name: None, stack_size: None, on_start: None, on_stop: None };
    Config { cap, ..Config::new(spawner, Eager::Known(2)) }
}

/// Far longer than anything here takes, on any machine.
const LONG: Duration = Duration::from_secs(100);

/// Waits for `what`, for at most [`LONG`].
fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < LONG, "not so after {LONG:?}: {what}");
        std::thread::yield_now();
    }
}
