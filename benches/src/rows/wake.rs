//! Waking a runtime that is asleep: from the call of `wake` on another thread to the task's first instruction.

use super::{Body, Row, Sample, Scale};
use crate::peers::Peer;
use crate::statistics::median;
use futures_channel::oneshot;
use std::time::{Duration, Instant};

pub(super) fn rows<P: Peer>() -> Vec<Row<P>> {
    vec![Row::timed("wake an idle runtime", 0.9, Body::Kept(from_another_thread))]
}

/// Long enough for every worker to have given up searching and gone to sleep.
pub(crate) const SETTLE: Duration = Duration::from_micros(500);

fn from_another_thread<P: Peer>(peer: &P, scale: Scale) -> Sample {
    let wakes = scale.of(80);
    let mut latencies = Vec::with_capacity(wakes);
    for _ in 0..wakes {
        let (wake, woken) = oneshot::channel::<Instant>();
        let task = peer.spawn_outside(async move {
            let sent = woken.await.expect("the waker sends");
            sent.elapsed()
        });
        std::thread::sleep(SETTLE);
        let _ = wake.send(Instant::now());
        latencies.push(peer.block_on(task).as_nanos() as f64);
    }
    Sample::one(median(&latencies).expect("at least one wake"), wakes)
}
