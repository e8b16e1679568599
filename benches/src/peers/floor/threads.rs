//! The floor of waking, sleeping and starting: what std's threads, and so the kernel, need for it.

use crate::rows::timers::Durations;
use crate::rows::wake::SETTLE;
use crate::rows::{Sample, Scale};
use crate::statistics::median;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Instant;

/// From `send` on one thread to the other's first instruction.
pub(super) fn wake(scale: Scale, _workers: usize) -> Sample {
    let wakes = scale.of(80);
    let (wake, woken) = channel::<Instant>();
    let (answer, answered) = channel();
    let sleeper = thread::spawn(move || {
        for sent in woken {
            let latency = sent.elapsed().as_nanos() as f64;
            answer.send(latency).expect("the waker listens");
        }
    });
    let mut latencies = Vec::with_capacity(wakes);
    for _ in 0..wakes {
        thread::sleep(SETTLE);
        wake.send(Instant::now()).expect("the sleeper listens");
        latencies.push(answered.recv().expect("the sleeper answers"));
    }
    drop(wake);
    sleeper.join().expect("the sleeper does not panic");
    Sample::one(median(&latencies).expect("at least one wake"), wakes)
}

/// There and back between two threads.
pub(super) fn round_trip(scale: Scale, _workers: usize) -> Sample {
    let jobs = scale.of(2_000);
    let (ask, asked) = channel::<()>();
    let (answer, answered) = channel();
    let other = thread::spawn(move || asked.iter().for_each(|()| answer.send(()).expect("somebody listens")));
    let start = Instant::now();
    for _ in 0..jobs {
        ask.send(()).expect("the other listens");
        answered.recv().expect("the other answers");
    }
    let total = start.elapsed();
    drop(ask);
    other.join().expect("the other does not panic");
    Sample::time(total, jobs)
}

/// Includes the 50 µs by which the kernel lets an ordinary thread oversleep.
pub(super) fn sleep_lateness(scale: Scale, _workers: usize) -> Sample {
    let sleeps = scale.of(50);
    let mut durations = Durations::short();
    let mut late = Vec::with_capacity(sleeps);
    for _ in 0..sleeps {
        let duration = durations.next_short();
        let start = Instant::now();
        thread::sleep(duration);
        late.push((start.elapsed() - duration).as_nanos() as f64);
    }
    Sample::one(median(&late).expect("at least one sleep"), sleeps)
}

/// As many threads as workers, started and joined.
pub(super) fn start_and_join(scale: Scale, workers: usize) -> Sample {
    let times = scale.of(100);
    let start = Instant::now();
    for _ in 0..times {
        let threads: Vec<_> = (0..workers).map(|_| thread::spawn(|| ())).collect();
        threads.into_iter().for_each(|thread| thread.join().expect("an empty thread"));
    }
    Sample::time(start.elapsed(), times)
}
