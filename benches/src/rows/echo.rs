//! TCP echo under a closed loop of so many connections: the rows; server and client are in `sampler` and `load`.

use super::{Body, Metric, Row, Service, Unit};
use crate::peers::Peer;
use crate::statistics::Better;

pub(super) fn rows<P: Peer>() -> Vec<Row<P>> {
    let row = |name, connections| Row::new(name, metrics(), Body::Serve(Service::Echo, connections));
    vec![row("tcp echo 1", 1), row("tcp echo 8", 8), row("tcp echo 64", 64), row("tcp echo 512", 512)]
}

/// In the order in which the load generator tells them.
fn metrics() -> Vec<Metric> {
    vec![
        Metric::new("requests/s", Unit::PerSecond, Better::More).ratio(1.1),
        Metric::new("p50", Unit::Nanoseconds, Better::Less),
        Metric::new("p99", Unit::Nanoseconds, Better::Less).ratio(1.0),
        Metric::new("p99.9", Unit::Nanoseconds, Better::Less),
        Metric::new("server CPU", Unit::Nanoseconds, Better::Less).ratio(0.9),
    ]
}
