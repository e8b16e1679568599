//! Where reports go that no callback takes: to `tracing` if the program subscribes, else to its logger, else to stderr.

use std::fmt::Display;
use std::io::Write;
use std::time::{Duration, Instant};

use super::{StackOf, StallClass, StallReport};
use crate::primitives::Mutex;

/// What the reports are filed under, in `tracing` and in `log`.
const TARGET: &str = "freewheel::stall";

/// A standstill that is told so soon after another is the same one, told by another runtime: the next would itself have lasted longer.
const SAME: Duration = Duration::from_millis(200);

/// When the last standstill of the process was told.
static STOOD_STILL: Mutex<Option<Instant>> = Mutex::new(None);

/// Writes a report where the program listens; what is said of the whole process once, however many runtimes it has.
pub(super) fn write(report: &StallReport) {
    if report.class != StallClass::ProcessStopped || is_first(&mut STOOD_STILL.lock(), Instant::now()) {
        say(report, report);
    }
}

/// Writes the stack that has been read since the report was written.
pub(super) fn write_stack(report: &StallReport) {
    say(report, &StackOf(report));
}

fn say(report: &StallReport, text: &dyn Display) {
    if traced(report, text) {
        return;
    }
    // Whoever listens decides what is heard. Off is all that the facade tells of a program without a logger.
    if log::max_level() == log::LevelFilter::Off {
        // Nobody there to read it is no reason to panic.
        let _ = writeln!(std::io::stderr(), "freewheel: {text}");
    } else {
        log::warn!(target: TARGET, "{text}");
    }
}

/// Whether nobody has told of this standstill yet.
fn is_first(told: &mut Option<Instant>, now: Instant) -> bool {
    let is_first = told.is_none_or(|told| now.duration_since(told) >= SAME);
    if is_first {
        *told = Some(now);
    }
    is_first
}

/// Makes it an event, which the subscriber takes or leaves; false if nobody subscribes on this thread.
#[cfg(feature = "tracing")]
fn traced(report: &StallReport, text: &dyn Display) -> bool {
    use tracing::dispatcher::{get_default, has_been_set};
    use tracing::subscriber::NoSubscriber;

    // Set somewhere may mean: for one scope of some other thread.
    if !has_been_set() || get_default(|here| here.is::<NoSubscriber>()) {
        return false;
    }
    tracing::warn!(
        target: TARGET,
        stage = ?report.stage,
        class = ?report.class,
        task = report.task.map(crate::tasks::Id::number),
        name = report.name.as_deref(),
        location = %report.location,
        elapsed_ms = report.elapsed.as_millis() as u64,
        system_call = report.system_call.as_deref(),
        file = report.file.as_deref(),
        suppressed = report.suppressed,
        stuck_threads = report.stuck_threads as u64,
        "{text}"
    );
    true
}

#[cfg(not(feature = "tracing"))]
fn traced(_report: &StallReport, _text: &dyn Display) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_standstill_that_several_runtimes_tell_is_written_once() {
        let (mut told, now) = (None, Instant::now());
        assert!(is_first(&mut told, now));
        assert!(!is_first(&mut told, now + Duration::from_millis(3)));
        assert!(is_first(&mut told, now + Duration::from_millis(250)));
    }
}
