//! Time from outside: sleeps, intervals, timeouts, instants, and the faults of time.

mod support;

#[path = "time/faults.rs"]
mod faults;
#[path = "time/interval.rs"]
mod interval;
#[path = "time/sleep.rs"]
mod sleep;
#[path = "time/timeout.rs"]
mod timeout;

use std::future::Future;

use freewheel::runtime::{Builder, Runtime};
use freewheel::time::Duration;

const MS: Duration = Duration::from_millis(1);
const HOUR: Duration = Duration::from_secs(3600);

/// Runs the same in both flavours, under a watchdog.
#[track_caller]
fn in_both<F: Future<Output = ()>>(body: impl Fn() -> F) {
    support::test(|| {
        multi_thread().block_on(body());
        current_thread().block_on(body());
    });
}

fn multi_thread() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime")
}

fn current_thread() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime")
}
