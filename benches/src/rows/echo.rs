//! TCP echo under a closed loop of so many connections: the rows; server and client are in `sampler` and `load`.

use super::{Body, Metric, Row, Scale, Unit};
use crate::peers::Peer;
use crate::statistics::Better;
use std::time::Duration;

/// In the order in which the load generator prints them.
const METRICS: &[Metric] = &[
    Metric::new("requests/s", Unit::PerSecond, Better::More),
    Metric::new("p50", Unit::Nanoseconds, Better::Less),
    Metric::new("p99", Unit::Nanoseconds, Better::Less),
    Metric::new("p99.9", Unit::Nanoseconds, Better::Less).hidden(),
    Metric::new("server CPU", Unit::Nanoseconds, Better::Less),
];

pub(super) fn rows<P: Peer>() -> Vec<Row<P>> {
    let row = |name, connections| Row::new(name, METRICS, Body::Echo(connections));
    vec![row("tcp echo 1", 1), row("tcp echo 8", 8), row("tcp echo 64", 64), row("tcp echo 512", 512)]
}

/// How long the load runs before it counts, and how long it counts.
pub(crate) fn durations(scale: Scale) -> (Duration, Duration) {
    match scale {
        Scale::Full => (Duration::from_millis(100), Duration::from_millis(350)),
        Scale::Quick => (Duration::from_millis(50), Duration::from_millis(150)),
        Scale::Smoke => (Duration::from_millis(10), Duration::from_millis(20)),
    }
}
