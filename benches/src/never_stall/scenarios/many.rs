//! T8 and T9: many short blocks, for which a hand-off each would be too much.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use super::super::child::{Unit, Values};
use super::super::contenders::{Contender, Setup};
use super::super::ticker::Ticker;
use super::stage::Stage;

/// T8.
pub(super) fn thousand<C: Contender>() -> Result<Values, String> {
    let stage = Stage::<C>::open(Setup::plain());
    let ticker = Ticker::start::<C>(&stage.peer);
    let took = blocks(stage, 1000, || thread::sleep(Duration::from_millis(5)))?;
    let mut values = vec![(Unit::Time, "all done".to_owned(), took.as_nanos() as f64)];
    values.extend(stage.close(ticker));
    Ok(values)
}

/// T9.
pub(super) fn short<C: Contender>(quick: bool) -> Result<Values, String> {
    // The others would take as long, and have no hand-offs to count.
    let count = if quick {
        4_000
    } else if C::REACTOR.is_some() {
        100_000
    } else {
        20_000
    };
    let stage = Stage::<C>::open(Setup::plain());
    let took = blocks(stage, count, || thread::sleep(Duration::from_micros(500)))?;
    let mut values = vec![
        (Unit::Count, "tasks".to_owned(), count as f64),
        (Unit::PerSecond, "blocks".to_owned(), count as f64 / took.as_secs_f64()),
    ];
    if let Some(hand_offs) = C::hand_offs(&stage.peer) {
        values.push((Unit::Share, "hand-offs".to_owned(), hand_offs as f64 / count as f64));
    }
    values.extend(stage.figures());
    Ok(values)
}

/// Spawns so many tasks that make the call; how long until all have.
fn blocks<C: Contender>(stage: &Stage<C>, count: usize, call: fn()) -> Result<Duration, String> {
    let (told, all_done) = mpsc::channel();
    let left = Arc::new(AtomicUsize::new(count));
    let begun = Instant::now();
    for _ in 0..count {
        let (left, told) = (left.clone(), told.clone());
        stage.keep(async move {
            C::block(call).await;
            // Relaxed: the channel publishes.
            if left.fetch_sub(1, Ordering::Relaxed) == 1 {
                let _ = told.send(begun.elapsed());
            }
        });
    }
    all_done.recv().map_err(|_| "the tasks were dropped".to_owned())
}
