//! T1, T2, T5, T14: while tasks block or compute, a ticker ticks and an echo answers.

use std::io::Write;
use std::net::TcpStream;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use super::super::child::{Unit, Values, tell};
use super::super::contenders::{Contender, Setup};
use super::super::ticker::Ticker;
use super::stage::{Stage, listen};
use super::{Limits, WORKERS};

/// How long the ticker and the echo are watched.
fn watched(quick: bool) -> Duration {
    Duration::from_secs(if quick { 2 } else { 4 })
}

/// T1.
pub(super) fn sleepers<C: Contender>(quick: bool) -> Result<Values, String> {
    blockers_in_a_loop::<C>(quick, || thread::sleep(Duration::from_secs(1)))
}

/// T5.
pub(super) fn hogs<C: Contender>(quick: bool) -> Result<Values, String> {
    blockers_in_a_loop::<C>(quick, || compute(Duration::from_millis(200)))
}

/// Keeps a core busy.
pub(super) fn compute(duration: Duration) {
    let begun = Instant::now();
    while begun.elapsed() < duration {
        std::hint::spin_loop();
    }
}

fn blockers_in_a_loop<C: Contender>(quick: bool, call: fn()) -> Result<Values, String> {
    let stage = Stage::<C>::open_with_echo(Setup::plain())?;
    let ticker = Ticker::start::<C>(&stage.peer);
    for _ in 0..WORKERS {
        stage.keep_calling(call);
    }
    tell("started");
    thread::sleep(watched(quick));
    Ok(stage.close(ticker))
}

/// T2: a byte arrives on each of two connections every quarter of a second, and its task blocks for most of that.
pub(super) fn after_io<C: Contender>(quick: bool) -> Result<Values, String> {
    let stage = Stage::<C>::open_with_echo(Setup::plain())?;
    let (listener, address) = listen()?;
    stage.keep(async move { drop(C::serve_blocking(listener).await) });
    let connect = |_| TcpStream::connect(address).map_err(|error| format!("connecting: {error}"));
    let mut clients: Vec<TcpStream> = (0..WORKERS).map(connect).collect::<Result<_, _>>()?;
    let ticker = Ticker::start::<C>(&stage.peer);
    tell("started");
    let end = Instant::now() + watched(quick);
    while Instant::now() < end {
        for client in &mut clients {
            client.write_all(&[1]).map_err(|error| format!("sending: {error}"))?;
        }
        thread::sleep(Duration::from_millis(250));
    }
    Ok(stage.close(ticker))
}

/// T14: so many tasks that sleep for a second, and then one that does not, a ticker, and the echo.
pub(super) fn ahead<C: Contender>(blockers: usize, limits: Limits) -> Result<Values, String> {
    let told = (limits == Limits::Raised).then_some(blockers);
    let stage = Stage::<C>::open_with_echo(Setup { blockers: told, ..Setup::plain() })?;
    let (polled, first_poll) = mpsc::channel();
    for _ in 0..blockers {
        stage.keep(C::block(|| thread::sleep(Duration::from_secs(1))));
    }
    let begun = Instant::now();
    stage.keep(async move { polled.send(begun.elapsed()).expect("the bench waits") });
    let ticker = Ticker::start::<C>(&stage.peer);
    tell("started");
    // A runtime that stands still is ended by the parent's limit.
    while ticker.ticks() < 150 {
        thread::sleep(Duration::from_millis(10));
    }
    let first_poll = first_poll.recv().map_err(|_| "the good task was dropped".to_owned())?;
    let mut values = vec![(Unit::Time, "good task polled".to_owned(), first_poll.as_nanos() as f64)];
    values.extend(stage.close(ticker));
    Ok(values)
}
