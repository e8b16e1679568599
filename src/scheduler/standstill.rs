//! A standstill of the whole process: nobody could help it, so it is told afterwards, as what it was and as nobody's stall.

use super::shared::Shared;
use super::stall::{Class, Notice, Stage};
use crate::primitives::clock::Nanos;

/// From which length on, 250 ms: shorter ones are what a busy host does to its guests all day.
const LEAST: Nanos = 250_000_000;

/// The process has stood still for so long since the last tick.
pub(super) fn tell(shared: &Shared, nanos: Nanos) {
    if nanos < LEAST {
        return;
    }
    shared.figures.stood_still(nanos);
    let rules = &shared.config.watch;
    if let Some(sink) = &rules.notices {
        let (stage, class, location) = (Stage::Ended, Class::Standstill, rules.built_at);
        sink(Notice { stage, class, task: 0, location, nanos, system_call: None, poll: None, stuck: 0 }, None);
    }
}
