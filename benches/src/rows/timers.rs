//! Timers: what many sleeps cost, what a timer that never fires costs, and how late a sleep ends.

use super::{Body, Metric, Row, Sample, Scale, Unit, on_worker};
use crate::measure::Usage;
use crate::peers::Peer;
use crate::statistics::{Better, median};
use std::pin::pin;
use std::task::Poll;
use std::time::{Duration, Instant};

const CPU_TIME: Metric = Metric::new("CPU time", Unit::Nanoseconds, Better::Less).ratio(0.4);
const LATENESS: Metric = Metric::new("p50", Unit::Nanoseconds, Better::Less).figure(200_000.0);

pub(super) fn rows<P: Peer>() -> Vec<Row<P>> {
    vec![
        Row::new("100,000 sleeps of 1-100 ms", vec![CPU_TIME], Body::Kept(storm)),
        Row::timed("timer made, polled, dropped", 0.3, Body::Kept(never_fires)),
        Row::new("sleep lateness", vec![LATENESS], Body::Kept(lateness)),
    ]
}

/// A fixed sequence: every runtime and every round sleeps for the same durations.
pub(crate) struct Durations(u64);

impl Durations {
    /// Those of the lateness, which the floor sleeps too.
    pub(crate) fn short() -> Self {
        Self(2)
    }

    pub(crate) fn next_short(&mut self) -> Duration {
        self.next(Duration::from_millis(1), Duration::from_millis(3))
    }

    fn next(&mut self, from: Duration, to: Duration) -> Duration {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let span = u64::try_from((to - from).as_nanos()).expect("spans are short");
        from + Duration::from_nanos((self.0 >> 16) % span)
    }
}

/// One task per sleep. Wall time says nothing here, it is that of the longest sleep: CPU time is what counts.
fn storm<P: Peer>(peer: &P, scale: Scale) -> Sample {
    let sleeps = scale.of(100_000);
    let before = Usage::now();
    on_worker(peer, async move {
        let mut durations = Durations(1);
        let mut handles = Vec::with_capacity(sleeps);
        for _ in 0..sleeps {
            let duration = durations.next(Duration::from_millis(1), Duration::from_millis(100));
            handles.push(P::spawn(async move {
                P::sleep(duration).await;
            }));
        }
        for handle in handles {
            handle.await;
        }
    });
    let cpu = Usage::now().since(before).cpu;
    Sample::one(cpu.as_nanos() as f64 / sleeps as f64, sleeps)
}

/// The life of a timeout that is not needed. 64 of them per poll, then a yield: beyond a task's cooperative budget
/// (128 in tokio) a sleep only pretends to be polled, and would be measured as cheaper than it is.
fn never_fires<P: Peer>(peer: &P, scale: Scale) -> Sample {
    const BATCH: usize = 64;
    const FAR: Duration = Duration::from_secs(30);
    let batches = scale.of(1_000);
    let total = on_worker(peer, async move {
        let start = Instant::now();
        for _ in 0..batches {
            std::future::poll_fn(|cx| {
                for _ in 0..BATCH {
                    let sleep = pin!(P::sleep(FAR));
                    assert!(sleep.poll(cx).is_pending(), "30 s are not over");
                }
                Poll::Ready(())
            })
            .await;
            P::yield_now().await;
        }
        start.elapsed()
    });
    Sample::time(total, batches * BATCH)
}

/// One sleep after the other on an idle runtime.
fn lateness<P: Peer>(peer: &P, scale: Scale) -> Sample {
    let sleeps = scale.of(50);
    let late = on_worker(peer, async move {
        let mut durations = Durations::short();
        let mut late = Vec::with_capacity(sleeps);
        for _ in 0..sleeps {
            let duration = durations.next_short();
            let start = Instant::now();
            P::sleep(duration).await;
            let slept = start.elapsed();
            late.push(slept.checked_sub(duration).expect("a sleep never ends early").as_nanos() as f64);
        }
        late
    });
    Sample::one(median(&late).expect("at least one sleep"), sleeps)
}
