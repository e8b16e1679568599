//! Two tasks that hand a message to and fro: what a wake between workers costs.
//!
//! The oneshot is futures-channel's for every runtime: it belongs to none of them, and it takes no part in any
//! runtime's cooperative budget.

use super::{Body, Row, Sample, Scale, on_worker};
use crate::peers::Peer;
use futures_channel::oneshot;
use std::time::Instant;

pub(super) fn rows<P: Peer>() -> Vec<Row<P>> {
    vec![Row::timed("ping-pong, 2 oneshots", 0.7, Body::Kept(ping_pong))]
}

/// Many pairs at once: each task spawns its partner, sends, and waits for the answer.
pub(super) fn ping_pong<P: Peer>(peer: &P, scale: Scale) -> Sample {
    let pairs = scale.of(20_000);
    let total = on_worker(peer, async move {
        let start = Instant::now();
        let mut handles = Vec::with_capacity(pairs);
        handles.extend((0..pairs).map(|_| P::spawn(pair::<P>())));
        for handle in handles {
            handle.await;
        }
        start.elapsed()
    });
    Sample::time(total, pairs)
}

async fn pair<P: Peer>() {
    let (ping, pinged) = oneshot::channel();
    let (pong, ponged) = oneshot::channel();
    P::detach(async move {
        pinged.await.expect("the partner sends");
        let _ = pong.send(());
    });
    let _ = ping.send(());
    ponged.await.expect("the partner answers");
}
