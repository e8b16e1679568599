//! Fork and join: the Fibonacci tree, one branch of each node as a task, awaited through its handle.

use super::{Body, Row, Sample, Scale, on_worker};
use crate::peers::Peer;
use std::pin::Pin;
use std::time::Instant;

pub(super) fn rows<P: Peer>() -> Vec<Row<P>> {
    vec![Row::timed("fork-join fib, per task", 0.7, Body::Kept(tree))]
}

fn tree<P: Peer>(peer: &P, scale: Scale) -> Sample {
    let depth = match scale {
        Scale::Full => 21,
        Scale::Quick => 18,
        Scale::Smoke => 8,
    };
    let total = on_worker(peer, async move {
        let start = Instant::now();
        let (_, tasks) = fibonacci::<P>(depth).await;
        (start.elapsed(), tasks)
    });
    Sample::time(total.0, total.1)
}

/// The number, and how many tasks were spawned for it.
fn fibonacci<P: Peer>(n: u32) -> Pin<Box<dyn Future<Output = (u64, usize)> + Send>> {
    Box::pin(async move {
        if n < 2 {
            return (u64::from(n), 0);
        }
        let left = P::spawn(fibonacci::<P>(n - 1));
        let (right, right_tasks) = fibonacci::<P>(n - 2).await;
        let (left, left_tasks) = left.await;
        (left + right, left_tasks + right_tasks + 1)
    })
}
