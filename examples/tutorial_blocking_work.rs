//! The tutorial's blocking call: `time.sleep(5)` inside a coroutine, which freezes the whole of asyncio's loop.
//!
//! Here it stops its own thread and nothing else. Ten tasks do it at once, on two workers, while another task's timer
//! counts on: first bare, where the runtime notices within milliseconds that a thread stands still and puts another in
//! its place; then through `spawn_blocking`, which says it beforehand and disturbs no worker at all. Either way ten take
//! as long as one.
//!
//! ```text
//! cargo run --example tutorial_blocking_work          # five seconds, as in the tutorial
//! cargo run --example tutorial_blocking_work -- 0.5   # for the impatient
//! ```

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use freewheel::task::{JoinHandle, spawn_blocking};
use freewheel::time::sleep;

const BEAT: Duration = Duration::from_millis(50);

/// Starts ten pieces of work, waits for them, and tells how often another task's timer fired meanwhile: in a frozen
/// loop, never.
async fn beside_a_heartbeat(start: impl Fn(u32) -> JoinHandle<()>) {
    let beats = Arc::new(AtomicU32::new(0));
    let counter = beats.clone();
    let heartbeat = freewheel::spawn(async move {
        loop {
            sleep(BEAT).await;
            counter.fetch_add(1, Ordering::Relaxed);
        }
    });

    let started = Instant::now();
    let work: Vec<_> = (1..=10).map(start).collect();
    for piece in work {
        piece.await.expect("the work does not panic");
    }
    heartbeat.abort();
    let (seconds, beats) = (started.elapsed().as_secs_f64(), beats.load(Ordering::Relaxed));
    println!("  took {seconds:.1} s; the loop's heart beat {beats} times meanwhile");
}

fn blocking_call(number: u32, pause: Duration) {
    thread::sleep(pause);
    println!("  Processing Task {number}");
}

#[freewheel::main(worker_threads = 2)]
async fn main() {
    let seconds = std::env::args().nth(1).map_or(Ok(5.0), |text| text.parse());
    let Ok(Ok(pause)) = seconds.map(Duration::try_from_secs_f64) else {
        eprintln!("usage: tutorial_blocking_work [SECONDS]");
        std::process::exit(2);
    };

    println!("Ten tasks that block, bare, on two workers:");
    beside_a_heartbeat(|number| freewheel::spawn(async move { blocking_call(number, pause) })).await;

    println!("Ten through spawn_blocking:");
    beside_a_heartbeat(|number| spawn_blocking(move || blocking_call(number, pause))).await;
}
