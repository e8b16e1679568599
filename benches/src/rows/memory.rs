//! Memory: what a million sleeping tasks add to the process, each counted whole, its timer included.

use super::{Body, Metric, Row, Sample, Scale, Unit, on_worker};
use crate::measure::resident_bytes;
use crate::peers::Peer;
use crate::statistics::Better;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const BYTES: Metric = Metric::new("", Unit::Bytes, Better::Less).ratio(0.5);

pub(super) fn rows<P: Peer>() -> Vec<Row<P>> {
    let row = Row::new("bytes per sleeping task", vec![BYTES], Body::Alone(sleeping_tasks::<P>));
    vec![Row { most_rounds: 3, ..row }]
}

static POLLED: AtomicUsize = AtomicUsize::new(0);

fn sleeping_tasks<P: Peer>(scale: Scale, workers: usize) -> Sample {
    const HOUR: Duration = Duration::from_secs(3600);
    let tasks = scale.of(1_000_000);
    let peer = P::start(workers);
    // The first task and the first timer bring lazily made tables along, which are not a task's.
    on_worker(&peer, async {
        P::sleep(Duration::from_millis(1)).await;
    });
    let before = resident_bytes();
    on_worker(&peer, async move {
        for number in 0..tasks {
            P::detach(async {
                // Relaxed: only a count to wait for; nothing is published by it.
                POLLED.fetch_add(1, Ordering::Relaxed);
                P::sleep(HOUR).await;
            });
            if number % 256 == 0 {
                P::yield_now().await;
            }
        }
        while POLLED.load(Ordering::Relaxed) < tasks {
            P::sleep(Duration::from_millis(5)).await;
        }
        // The last ones counted are still on their way into the timer.
        P::sleep(Duration::from_millis(20)).await;
    });
    let bytes = resident_bytes().saturating_sub(before);
    // The process ends with the sample; a million tasks need not be dropped one by one.
    std::mem::forget(peer);
    Sample::one(bytes as f64 / tasks as f64, tasks)
}
