//! The tutorial's third program: two workers in one loop, each at its own pace. And then, as many as you like.
//!
//! ```python
//! async def firstWorker():
//!     while True:
//!         await asyncio.sleep(1)
//!         print("First Worker Executed")
//!
//! asyncio.ensure_future(firstWorker())
//! asyncio.ensure_future(secondWorker())
//! loop.run_forever()
//! ```
//!
//! ```text
//! cargo run --release --example tutorial_many_workers              # 100,000 workers
//! cargo run --release --example tutorial_many_workers -- 1000000   # a million
//! ```

use std::time::{Duration, Instant};

use freewheel::time::sleep;

const PAUSE: Duration = Duration::from_secs(1);
const ROUNDS: u64 = 3;

async fn named_worker(name: &str) {
    for _ in 0..ROUNDS {
        sleep(PAUSE).await;
        println!("{name} Worker Executed");
    }
}

async fn silent_worker() -> u64 {
    for _ in 0..ROUNDS {
        sleep(PAUSE).await;
    }
    ROUNDS
}

#[freewheel::main]
async fn main() {
    let Ok(count) = std::env::args().nth(1).map_or(Ok(100_000), |text| text.parse::<usize>()) else {
        eprintln!("usage: tutorial_many_workers [NUMBER OF WORKERS]");
        std::process::exit(2);
    };

    let first = freewheel::spawn(named_worker("First"));
    let second = freewheel::spawn(named_worker("Second"));
    first.await.expect("the first worker does not panic");
    second.await.expect("the second worker does not panic");

    let started = Instant::now();
    let workers: Vec<_> = (0..count).map(|_| freewheel::spawn(silent_worker())).collect();
    let mut executed = 0;
    for worker in workers {
        executed += worker.await.expect("no worker panics");
    }
    let seconds = started.elapsed().as_secs_f64();
    println!("{count} Workers Executed {executed} times in {seconds:.2} s, {ROUNDS} s of which asleep");
}
