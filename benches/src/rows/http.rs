//! Hello over HTTP/1.1 through hyper, connections kept alive, under the same closed loop as the echo.

use super::{Body, Metric, Row, Service, Unit};
use crate::peers::Peer;
use crate::statistics::Better;

pub(super) fn rows<P: Peer>() -> Vec<Row<P>> {
    let row = |name, connections| Row::new(name, metrics(), Body::Serve(Service::Http, connections));
    vec![row("http hello 1", 1), row("http hello 64", 64), row("http hello 256", 256)]
}

/// In the order in which the load generator tells them.
fn metrics() -> Vec<Metric> {
    vec![
        Metric::new("requests/s", Unit::PerSecond, Better::More).ratio(1.05),
        Metric::new("p50", Unit::Nanoseconds, Better::Less),
        Metric::new("p99", Unit::Nanoseconds, Better::Less),
        Metric::new("p99.9", Unit::Nanoseconds, Better::Less),
        Metric::new("server CPU", Unit::Nanoseconds, Better::Less),
    ]
}
