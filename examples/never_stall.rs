//! The promise, live: two tasks block both worker threads for a second at a time, and a ticker hardly notices.
//!
//! ```console
//! cargo run --release --example never_stall             # for 10 seconds; --seconds N
//! cargo run --release --example never_stall -- --stall  # with the hand-off switched off, as other runtimes behave
//! ```

use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use freewheel::runtime::Builder;
use freewheel::time::{Instant, MissedTickBehavior, interval};

const PERIOD: Duration = Duration::from_millis(10);

/// How late the ticks came: those of this second, and the latest of all.
#[derive(Default)]
struct Seen {
    this_second: Vec<Duration>,
    ticks: usize,
    worst: Duration,
}

async fn ticker(seen: &'static Mutex<Seen>) {
    let mut ticks = interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let due = ticks.tick().await;
        let late = Instant::now().duration_since(due);
        let mut seen = seen.lock().unwrap();
        seen.this_second.push(late);
        seen.ticks += 1;
        seen.worst = seen.worst.max(late);
    }
}

/// The fault that freezes an event loop: a call that blocks, in the midst of async code.
async fn blocker() {
    loop {
        thread::sleep(Duration::from_secs(1));
        freewheel::task::yield_now().await;
    }
}

/// One line a second: how late the ticks of that second were.
fn show(second: u64, mut late: Vec<Duration>) {
    late.sort();
    let Some(worst) = late.last() else {
        println!("{second:>4} s    0 ticks: everything stands still");
        return;
    };
    let median = late[late.len() / 2];
    let bar = "#".repeat((worst.as_secs_f64() * 1000.0).ceil().min(60.0) as usize);
    println!(
        "{second:>4} s  {:>3} ticks, late by {median:>8.1?} in the median, {worst:>8.1?} at worst  {bar}",
        late.len()
    );
}

fn main() -> std::io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let hand_off = !arguments.iter().any(|argument| argument == "--stall");
    let seconds = arguments.iter().position(|argument| argument == "--seconds").and_then(|at| arguments.get(at + 1));
    let seconds = seconds.map_or(10, |text| text.parse().expect("--seconds takes a whole number"));

    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        .hand_off(hand_off)
        .on_stall(|report| println!("        {report}"))
        .enable_all()
        .build()?;
    println!("2 workers, 2 tasks that each block their thread for 1 s at a time, 1 ticker every {PERIOD:?}");
    let seen: &Mutex<Seen> = Box::leak(Box::default());
    runtime.spawn(ticker(seen));
    for _ in 0..2 {
        runtime.spawn(blocker());
    }
    for second in 1..=seconds {
        thread::sleep(Duration::from_secs(1));
        show(second, std::mem::take(&mut seen.lock().unwrap().this_second));
    }
    let seen = seen.lock().unwrap();
    println!("{} ticks in {seconds} s; the latest came {:.1?} after its time", seen.ticks, seen.worst);
    runtime.shutdown_background();
    Ok(())
}
