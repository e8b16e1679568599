//! Blocking calls handed to other threads: a burst of empty ones, and one after the other.

use super::{Body, Row, Sample, Scale, on_worker};
use crate::peers::Peer;
use std::time::Instant;

pub(super) fn rows<P: Peer>() -> Vec<Row<P>> {
    vec![
        Row::timed("spawn_blocking, burst of 20,000", 0.2, Body::Kept(burst)),
        Row::timed("spawn_blocking, one at a time", 0.9, Body::Kept(one_at_a_time)),
    ]
}

fn burst<P: Peer>(peer: &P, scale: Scale) -> Sample {
    let jobs = scale.of(20_000);
    let total = on_worker(peer, async move {
        let start = Instant::now();
        let mut handles = Vec::with_capacity(jobs);
        handles.extend((0..jobs).map(|_| P::spawn_blocking(|| ())));
        for handle in handles {
            handle.await;
        }
        start.elapsed()
    });
    Sample::time(total, jobs)
}

fn one_at_a_time<P: Peer>(peer: &P, scale: Scale) -> Sample {
    let jobs = scale.of(2_000);
    let total = on_worker(peer, async move {
        let start = Instant::now();
        for _ in 0..jobs {
            P::spawn_blocking(|| ()).await;
        }
        start.elapsed()
    });
    Sample::time(total, jobs)
}
