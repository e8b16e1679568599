//! More workers than cores, and more producers: the same operations with 1, 2 and 4 workers, whose costs are divided.
//!
//! smol has one executor per process, sized once: it cannot stand beside itself.

use super::{Body, Metric, Row, Sample, Scale, Unit, exchange, spawn, yielding};
use crate::peers::Peer;
use crate::statistics::Better;
use std::sync::Barrier;
use std::time::Instant;

/// By `SCALING_WORKERS`, then the last of them divided by the one before.
const METRICS: [Metric; 4] = [
    Metric::new("1 worker", Unit::Nanoseconds, Better::Less).hidden(),
    Metric::new("2 workers", Unit::Nanoseconds, Better::Less).hidden(),
    Metric::new("4 workers", Unit::Nanoseconds, Better::Less),
    Metric::new("4 ÷ 2 workers", Unit::Times, Better::Less).figure(1.3),
];

pub(super) fn rows<P: Peer>() -> Vec<Row<P>> {
    let row = |name, measure| Row::new(name, METRICS.to_vec(), Body::Scaling(measure)).only_if(P::ENDS);
    vec![
        row("scaling, spawn inside", spawn::inside),
        row("scaling, spawn outside", spawn::outside),
        row("scaling, yield among 200", yielding::among_many),
        row("scaling, ping-pong", exchange::ping_pong),
        row("scaling, 8 producers", producers::<P, 8>),
        row("scaling, 64 producers", producers::<P, 64>),
    ]
}

/// So many threads that are not the runtime's spawn empty tasks at once; each then waits for its own.
fn producers<P: Peer, const PRODUCERS: usize>(peer: &P, scale: Scale) -> Sample {
    let tasks = scale.of(64_000).div_ceil(PRODUCERS);
    let begin = Barrier::new(PRODUCERS + 1);
    let produce = || {
        begin.wait();
        let handles: Vec<_> = (0..tasks).map(|_| peer.spawn_outside(async {})).collect();
        peer.block_on(async move {
            for handle in handles {
                handle.await;
            }
        });
    };
    let start = std::thread::scope(|scope| {
        (0..PRODUCERS).for_each(|_| drop(scope.spawn(produce)));
        begin.wait();
        Instant::now()
    });
    Sample::time(start.elapsed(), tasks * PRODUCERS)
}
