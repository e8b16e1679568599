//! The runtime's own life: built, used for an empty future, dropped.

use super::{Body, Row, Sample, Scale, TIME};
use crate::peers::Peer;
use std::time::Instant;

pub(super) fn rows<P: Peer>() -> Vec<Row<P>> {
    let row = Row::new("runtime build + drop", TIME, Body::Bare(build_and_drop::<P>));
    vec![if P::ENDS { row } else { Row { body: None, ..row } }]
}

fn build_and_drop<P: Peer>(scale: Scale, workers: usize) -> Sample {
    let runtimes = scale.of(100);
    let start = Instant::now();
    for _ in 0..runtimes {
        let peer = P::start(workers);
        peer.block_on(async {});
    }
    Sample::time(start.elapsed(), runtimes)
}
