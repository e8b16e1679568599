//! Yielding: one task alone, and 200 tasks that take turns on the workers.

use super::{Body, Row, Sample, Scale, on_worker};
use crate::peers::Peer;
use std::time::Instant;

pub(super) fn rows<P: Peer>() -> Vec<Row<P>> {
    vec![
        Row::timed("yield, 1 task", 0.7, Body::Kept(alone)),
        Row::timed("yield, 200 tasks", 0.7, Body::Kept(among_many)),
    ]
}

fn alone<P: Peer>(peer: &P, scale: Scale) -> Sample {
    let yields = scale.of(200_000);
    let total = on_worker(peer, async move {
        let start = Instant::now();
        for _ in 0..yields {
            P::yield_now().await;
        }
        start.elapsed()
    });
    Sample::time(total, yields)
}

pub(super) fn among_many<P: Peer>(peer: &P, scale: Scale) -> Sample {
    const TASKS: usize = 200;
    let yields = scale.of(2_000);
    let total = on_worker(peer, async move {
        let start = Instant::now();
        let mut handles = Vec::with_capacity(TASKS);
        for _ in 0..TASKS {
            handles.push(P::spawn(async move {
                for _ in 0..yields {
                    P::yield_now().await;
                }
            }));
        }
        for handle in handles {
            handle.await;
        }
        start.elapsed()
    });
    Sample::time(total, TASKS * yields)
}
