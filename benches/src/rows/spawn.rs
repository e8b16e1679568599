//! Spawning: from a worker, from another thread, and each task by the one before it.

use super::{Body, Row, Sample, Scale, on_worker};
use crate::peers::Peer;
use futures_channel::oneshot;
use std::time::Instant;

pub(super) fn rows<P: Peer>() -> Vec<Row<P>> {
    vec![
        Row::timed("spawn from inside", 0.5, Body::Kept(inside)),
        Row::timed("spawn from outside", 0.5, Body::Kept(outside)),
        Row::timed("chained spawn", 0.6, Body::Kept(chained)),
    ]
}

/// A task spawns empty tasks, keeps the handles, then awaits them all.
pub(super) fn inside<P: Peer>(peer: &P, scale: Scale) -> Sample {
    inside_by(peer, scale.of(50_000), 1)
}

/// The same a thousand at a time, so that no poll lasts for as long as a tick of the watch.
pub(crate) fn inside_by_thousands<P: Peer>(peer: &P, scale: Scale) -> Sample {
    inside_by(peer, 1_000, scale.of(50))
}

fn inside_by<P: Peer>(peer: &P, tasks: usize, times: usize) -> Sample {
    let total = on_worker(peer, async move {
        let start = Instant::now();
        for _ in 0..times {
            let mut handles = Vec::with_capacity(tasks);
            handles.extend((0..tasks).map(|_| P::spawn(async {})));
            for handle in handles {
                handle.await;
            }
        }
        start.elapsed()
    });
    Sample::time(total, tasks * times)
}

/// A thread that is not the runtime's spawns empty tasks, then blocks until all have run.
pub(super) fn outside<P: Peer>(peer: &P, scale: Scale) -> Sample {
    let tasks = scale.of(50_000);
    let start = Instant::now();
    let mut handles = Vec::with_capacity(tasks);
    handles.extend((0..tasks).map(|_| peer.spawn_outside(async {})));
    peer.block_on(async move {
        for handle in handles {
            handle.await;
        }
    });
    Sample::time(start.elapsed(), tasks)
}

/// Each task spawns the next and ends; the last one tells.
fn chained<P: Peer>(peer: &P, scale: Scale) -> Sample {
    let tasks = scale.of(50_000);
    let total = on_worker(peer, async move {
        let start = Instant::now();
        let (done, ended) = oneshot::channel();
        link::<P>(tasks, done);
        ended.await.expect("the last task tells");
        start.elapsed()
    });
    Sample::time(total, tasks)
}

fn link<P: Peer>(left: usize, done: oneshot::Sender<()>) {
    P::detach(async move {
        if left <= 1 {
            let _ = done.send(());
        } else {
            link::<P>(left - 1, done);
        }
    });
}
