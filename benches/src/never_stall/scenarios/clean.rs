//! T13: tiny tasks and no stall, on a machine that is idle, over-committed, and stopped and continued: nothing is to be told.

use std::process::{Child, Command};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::super::child::{Unit, Values};
use super::super::contenders::{Contender, Setup};
use crate::peers::Peer;

/// Threads that compute beside the runtime, so that all wait for a core.
const CROWD: usize = 8;

/// How many reports there are in each case.
pub(super) fn false_reports<C: Contender>(quick: bool) -> Result<Values, String> {
    let reports = &C::reports().ok_or("reports nothing")?.polls;
    let length = Duration::from_secs(if quick { 2 } else { 20 });
    let peer = C::start(Setup::plain());
    let mut values = Values::new();
    // Relaxed: figures.
    let mut case = |name: &str| {
        let before = reports.load(Ordering::Relaxed);
        let tasks = load::<C>(&peer, length);
        values.push((Unit::Count, format!("{name}: tasks"), tasks as f64));
        values.push((Unit::Count, name.to_owned(), (reports.load(Ordering::Relaxed) - before) as f64));
    };
    case("clean");
    let over = Arc::new(AtomicBool::new(false));
    for _ in 0..CROWD {
        let over = over.clone();
        thread::spawn(move || while !over.load(Ordering::Relaxed) {});
    }
    case("over-committed");
    over.store(true, Ordering::Relaxed);
    let mut stops = stop_and_go(length)?;
    case("stopped and continued");
    stops.wait().map_err(|error| format!("sh: {error}"))?;
    let all: f64 = values.iter().filter(|(_, name, _)| !name.ends_with(": tasks")).map(|value| value.2).sum();
    values.push((Unit::Count, "false reports".to_owned(), all));
    Ok(values)
}

/// Spawns from outside and inside, allocates, yields, sleeps; how many tasks there were.
fn load<C: Contender>(peer: &C::Peer, length: Duration) -> usize {
    let (end, mut tasks) = (Instant::now() + length, 0);
    while Instant::now() < end {
        let parents: Vec<_> = (0..4)
            .map(|_| {
                peer.spawn_outside(async {
                    let children: Vec<_> = (0..64)
                        .map(|n| {
                            C::Peer::spawn(async move {
                                let text = vec![n; 300];
                                C::Peer::yield_now().await;
                                text.len()
                            })
                        })
                        .collect();
                    for child in children {
                        child.await;
                    }
                    drop(C::Peer::sleep(Duration::from_micros(200)).await);
                })
            })
            .collect();
        tasks += parents.len() * 65;
        peer.block_on(async {
            for parent in parents {
                parent.await;
            }
        });
    }
    tasks
}

/// A shell that stops this process for 80 of every 380 ms, for so long.
fn stop_and_go(length: Duration) -> Result<Child, String> {
    let script = "for n in $(seq $1); do sleep 0.3; kill -STOP $0; sleep 0.08; kill -CONT $0; done";
    let times = length.as_millis() / 380;
    let arguments = ["-c", script, &std::process::id().to_string(), &times.to_string()];
    Command::new("sh").args(arguments).spawn().map_err(|error| format!("sh: {error}"))
}
