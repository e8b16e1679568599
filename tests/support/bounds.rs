//! Bounds in time: ten times what `benches/` aims at.
//!
//! A run that meets such a bound shows that the runtime can; one that does not may be the machine's fault, so a few are
//! granted. A runtime that takes over too late misses it in every run.

use std::fmt::Debug;
use std::time::{Duration, Instant};

/// How many runs are granted, and in what time, if they take long.
const RUNS: usize = 10;
const TIME: Duration = Duration::from_secs(30);

/// Measures until a run is within `bound`. If none is, it panics and tells what they came to.
#[track_caller]
pub(crate) fn one_run_within<T: PartialOrd + Debug>(bound: T, mut measure: impl FnMut() -> T) {
    let (begun, mut seen) = (Instant::now(), Vec::new());
    while seen.len() < RUNS && begun.elapsed() < TIME {
        let run = measure();
        if run <= bound {
            return;
        }
        seen.push(run);
    }
    panic!("no run was within {bound:?}: {seen:?}");
}

/// The time that a hundred rounds take is within `bound` in most of them.
#[track_caller]
pub(crate) fn most_rounds_within(bound: Duration, round: impl FnMut() -> Duration) {
    let mut times: Vec<Duration> = std::iter::repeat_with(round).take(100).collect();
    times.sort_unstable();
    assert!(times[50] <= bound, "half of the rounds took more than {bound:?}: {times:?}");
}
