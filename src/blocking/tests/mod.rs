//! The pool's tests: `crew` with jobs of the tests' own, `pool` with tasks.

mod crew;
mod pool;

use std::time::{Duration, Instant};

use super::crew::Config;
use crate::primitives::thread::Spawner;

fn config(cap: usize) -> Config {
    let spawner = Spawner { name: None, stack_size: None, on_start: None, on_stop: None };
    Config { cap, ..Config::new(spawner, || 2) }
}

/// Waits for `what`, for at most ten seconds.
fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < Duration::from_secs(10), "not so after 10 s: {what}");
        std::thread::yield_now();
    }
}
