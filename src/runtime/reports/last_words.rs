//! What is said at the end of a runtime: on a thread of its own, for which whoever shuts down waits a moment and no longer.
//!
//! It goes where stall reports go: to `tracing` if the program subscribes, else to its logger, else to stderr. Each may panic, and
//! block: a logger whose lock is held by what is stuck, a pipe that nobody reads.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use crate::primitives::say;
use crate::primitives::thread::Spawner;

/// What the lines are filed under, in `tracing` and in `log`.
const TARGET: &str = "freewheel::shutdown";

/// How long to wait until all has been said.
const MOMENT: Duration = Duration::from_millis(100);

/// Says each of the lines.
pub(in crate::runtime) fn tell(lines: Vec<String>, threads: &Spawner) {
    if lines.is_empty() {
        return;
    }
    let (lines, (said, done)) = (Arc::new(lines), mpsc::channel::<()>());
    let (theirs, tell_one) = (lines.clone(), teller());
    let started = threads.spawn_plain("freewheel-reporter".to_owned(), move || {
        for line in &*theirs {
            // A panic has been told by the panic hook, and what was thrown may throw again when it is dropped.
            let _ = catch_unwind(AssertUnwindSafe(|| tell_one(line))).map_err(std::mem::forget);
        }
        drop(said);
    });
    match started {
        // It ends with the sender, or when time is up.
        Ok(()) => drop(done.recv_timeout(MOMENT)),
        Err(_) => lines.iter().for_each(|line| say(format_args!("{line}"))),
    }
}

/// How a line is told to whoever listens on the calling thread.
fn teller() -> impl Fn(&str) + Send + 'static {
    let traced = traced();
    move |line| {
        if let Some(traced) = &traced {
            traced(line);
        } else if log::max_level() == log::LevelFilter::Off {
            say(format_args!("{line}"));
        } else {
            log::warn!(target: TARGET, "{line}");
        }
    }
}

/// Makes a line an event, for this thread's subscriber; None if there is none.
#[cfg(feature = "tracing")]
fn traced() -> Option<impl Fn(&str) + Send + 'static> {
    use tracing::dispatcher::{get_default, with_default};
    use tracing::subscriber::NoSubscriber;

    let subscriber = get_default(|here| (!here.is::<NoSubscriber>()).then(|| here.clone()))?;
    Some(move |line: &str| with_default(&subscriber, || tracing::warn!(target: TARGET, "{line}")))
}

#[cfg(not(feature = "tracing"))]
fn traced() -> Option<fn(&str)> {
    None
}
