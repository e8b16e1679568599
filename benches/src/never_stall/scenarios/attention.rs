//! An event while one worker is idle and the other in polls of some milliseconds: how soon its task is polled.
//!
//! A thread of the same process sends over a TCP connection and waits for the echo, at random distances; beside it a
//! task sleeps a little and computes for 0.5 to 5 ms, over and over. What of a round trip is the machine's own shows
//! a first half, in which a thread that has nothing to do with the runtime computes in the task's stead.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::super::child::{Unit, Values, distribution};
use super::super::contenders::{Contender, Setup};
use super::idle::cpu_of_thread;
use super::stage::{Stage, listen};
use super::turning::compute;
use crate::peers::Peer;

/// Microseconds between an answer and the next request; between two of the long polls; and how long those are.
const PAUSE: std::ops::Range<u64> = 200..2_000;
const REST: std::ops::Range<u64> = 300..1_500;
const POLL: std::ops::Range<u64> = 500..5_000;

/// How long each half lasts.
fn watched(quick: bool) -> Duration {
    Duration::from_secs(if quick { 2 } else { 4 })
}

pub(super) fn beside_long_polls<C: Contender>(quick: bool) -> Result<Values, String> {
    let stage = Stage::<C>::open(Setup::plain());
    let (listener, address) = listen()?;
    stage.keep(async move { drop(C::Peer::serve_echo(listener).await) });
    let over = Arc::new(AtomicBool::new(false));
    let is_over = over.clone();
    let computing = thread::spawn(move || {
        let mut random = Steps(7);
        // Relaxed: a flag that may be seen late.
        while !is_over.load(Ordering::Relaxed) {
            thread::sleep(random.micros(REST));
            compute(random.micros(POLL));
        }
    });
    let mut values = half::<C>("a thread computes", address, quick)?;
    over.store(true, Ordering::Relaxed);
    computing.join().map_err(|_| "the computing thread panicked".to_owned())?;
    stage.keep(async move {
        let mut random = Steps(7);
        loop {
            C::Peer::sleep(random.micros(REST)).await;
            compute(random.micros(POLL));
        }
    });
    values.extend(half::<C>("a task computes", address, quick)?);
    let p99 = |name: &str| values.iter().find(|(_, known, _)| known == name).map_or(f64::NAN, |value| value.2);
    let more = (p99("a task computes p99") - p99("a thread computes p99")).max(0.0);
    values.push((Unit::Time, "more at p99".to_owned(), more));
    values.extend(stage.figures());
    Ok(values)
}

/// Round trips, and what share of a core the thread takes that watches.
fn half<C: Contender>(name: &str, address: SocketAddr, quick: bool) -> Result<Values, String> {
    let mut stream = TcpStream::connect(address).map_err(|error| format!("connecting: {error}"))?;
    stream.set_nodelay(true).map_err(|error| error.to_string())?;
    let used = || C::REACTOR.and_then(|thread| cpu_of_thread(thread).ok());
    let (mut random, mut answer, mut trips) = (Steps(1), [b'x'; 64], Vec::new());
    let (begun, before) = (Instant::now(), used());
    while begun.elapsed() < watched(quick) {
        thread::sleep(random.micros(PAUSE));
        let sent = Instant::now();
        stream.write_all(&answer).and_then(|()| stream.read_exact(&mut answer)).map_err(|error| error.to_string())?;
        trips.push(sent.elapsed().as_nanos() as f64);
    }
    let mut values = distribution(name, &trips);
    if let (Some(before), Some(after)) = (before, used()) {
        let share = (after - before) / begun.elapsed().as_nanos() as f64;
        values.push((Unit::Share, format!("{name}: CPU of the reactor thread"), share));
    }
    Ok(values)
}

/// Numbers that look random and are the same each time.
struct Steps(u64);

impl Steps {
    fn micros(&mut self, range: std::ops::Range<u64>) -> Duration {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        Duration::from_micros(range.start + (self.0 >> 33) % (range.end - range.start))
    }
}
