//! T10, and the reactor thread's own cost: what is used when nothing happens, and while the workers are busy.

use std::fs::{read_dir, read_to_string};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::super::child::{Unit, Values};
use super::super::contenders::{Contender, Setup};
use super::WORKERS;
use super::stage::threads;
use super::turning::compute;
use crate::peers::Peer;

const KEEP_ALIVE: Duration = Duration::from_secs(1);

/// T10.
pub(super) fn wake_ups<C: Contender>(quick: bool) -> Result<Values, String> {
    let observed = Duration::from_secs(if quick { 3 } else { 10 });
    let peer = C::start(Setup { keep_alive: Some(KEEP_ALIVE), ..Setup::plain() });
    peer.block_on(peer.spawn_outside(async {}));
    thread::sleep(KEEP_ALIVE + Duration::from_secs(1));
    let (threads_before, before) = (threads(), observed_wake_ups(observed));
    let tasks: Vec<_> =
        (0..20).map(|_| peer.spawn_outside(C::block(|| thread::sleep(Duration::from_millis(200))))).collect();
    peer.block_on(async {
        for task in tasks {
            task.await;
        }
    });
    thread::sleep(KEEP_ALIVE + Duration::from_secs(1));
    let (threads_after, after) = (threads(), observed_wake_ups(observed));
    // This thread is the bench's.
    let count = |name: &str, number: usize| (Unit::Count, name.to_owned(), number as f64 - 1.0);
    Ok(vec![
        (Unit::PerSecond, "wake-ups before".to_owned(), before),
        (Unit::PerSecond, "wake-ups after".to_owned(), after),
        count("threads before", threads_before),
        count("threads after", threads_after),
    ])
}

/// How often per second any thread but this one went to sleep again, over some seconds.
fn observed_wake_ups(observed: Duration) -> f64 {
    let (begun, before) = (Instant::now(), voluntary_switches());
    thread::sleep(observed);
    (voluntary_switches() - before) / begun.elapsed().as_secs_f64()
}

fn voluntary_switches() -> f64 {
    let switches = |task: PathBuf| {
        let status = read_to_string(task.join("status")).ok()?;
        status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"))?.trim().parse::<f64>().ok()
    };
    // The first thread has the process's number.
    let own = std::process::id().to_string();
    tasks().filter(|task| !task.ends_with(&own)).filter_map(switches).sum()
}

fn tasks() -> impl Iterator<Item = PathBuf> {
    read_dir("/proc/self/task").into_iter().flatten().flatten().map(|entry| entry.path())
}

/// The share of a core that the reactor thread takes: while the workers run short polls, while they compute, and when idle; and what a
/// thread takes there that only wakes up as often as it may.
pub(super) fn reactor_thread<C: Contender>(quick: bool) -> Result<Values, String> {
    let name = C::REACTOR.ok_or("has no such thread")?;
    let peer = C::start(Setup::plain());
    peer.block_on(peer.spawn_outside(async {}));
    let observed = Duration::from_secs(if quick { 2 } else { 4 });
    let mut values = Vec::new();
    let share = || -> Result<f64, String> {
        thread::sleep(Duration::from_millis(300));
        let (begun, before) = (Instant::now(), cpu_of_thread(name)?);
        thread::sleep(observed);
        Ok((cpu_of_thread(name)? - before) / begun.elapsed().as_nanos() as f64)
    };
    let mut note = |figure: &str, share: f64| values.push((Unit::Share, figure.to_owned(), share));
    for (figure, poll) in [("CPU, workers busy", Duration::ZERO), ("CPU, workers compute", Duration::from_millis(200))]
    {
        let stop = Arc::new(AtomicBool::new(false));
        let busy = (0..WORKERS).map(|_| {
            let stop = stop.clone();
            peer.spawn_outside(async move {
                // Relaxed: a flag that may be seen late.
                while !stop.load(Ordering::Relaxed) {
                    compute(poll);
                    C::Peer::yield_now().await;
                }
            })
        });
        let busy: Vec<_> = busy.collect();
        note(figure, share()?);
        if poll.is_zero() {
            note("CPU, bare ticks", bare_ticks(observed)?);
        }
        stop.store(true, Ordering::Relaxed);
        peer.block_on(async {
            for task in busy {
                task.await;
            }
        });
    }
    note("CPU, idle", share()?);
    Ok(values)
}

/// The share of a core that it takes to wake up each millisecond and do nothing.
fn bare_ticks(observed: Duration) -> Result<f64, String> {
    const NAME: &str = "bare-ticks";
    let ticker = thread::Builder::new().name(NAME.to_owned()).spawn(move || {
        let begun = Instant::now();
        while begun.elapsed() < observed {
            thread::park_timeout(Duration::from_millis(1));
        }
        cpu_of_thread(NAME).map(|used| used / begun.elapsed().as_nanos() as f64)
    });
    ticker.map_err(|error| format!("no thread: {error}"))?.join().expect("nothing in it panics")
}

/// Nanoseconds that the thread of this name has been on a core. (`stat` has them too, in hundredths of a second: too coarse.)
pub(super) fn cpu_of_thread(name: &str) -> Result<f64, String> {
    let is_it = |task: &PathBuf| read_to_string(task.join("comm")).is_ok_and(|comm| comm.trim() == name);
    let task = tasks().find(is_it).ok_or_else(|| format!("no thread is named {name}"))?;
    let text = read_to_string(task.join("schedstat")).map_err(|error| format!("schedstat: {error}"))?;
    text.split_whitespace().next().and_then(|number| number.parse().ok()).ok_or_else(|| "schedstat: empty".to_owned())
}
