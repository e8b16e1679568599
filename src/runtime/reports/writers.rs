//! Where reports go that no callback takes: to `tracing` if the program listens there, else to `log`, else to stderr.

use std::io::Write;

use super::StallReport;

/// What the reports are filed under, in `tracing` and in `log`.
const TARGET: &str = "freewheel::stall";

/// Writes a report where the program listens.
pub(super) fn write(report: &StallReport) {
    if traced(report) {
        return;
    }
    if log::max_level() >= log::LevelFilter::Warn {
        log::warn!(target: TARGET, "{report}");
    } else {
        // Nobody there to read it is no reason to panic.
        let _ = writeln!(std::io::stderr(), "freewheel: {report}");
    }
}

/// Writes it as an event; false if nobody subscribes on this thread.
#[cfg(feature = "tracing")]
fn traced(report: &StallReport) -> bool {
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
        "{report}"
    );
    true
}

#[cfg(not(feature = "tracing"))]
fn traced(_report: &StallReport) -> bool {
    false
}
