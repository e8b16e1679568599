//! The echo load: a process that sends 200 requests a second on a fixed schedule, whatever the server does.
//!
//! One thread sends, in turn over a few connections; one thread per connection receives. A request's latency runs from the
//! time it was meant to be sent, so a late sender counts too; one that has no answer at the end is late by all the time since.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use super::child::{Unit, distribution, tell, tell_result};
use crate::statistics::quantile;

/// The first argument that makes this program a load generator.
pub(super) const COMMAND: &str = "__never_stall_load";

/// The name of the figure that says how late the load itself was: what a thread that only sleeps suffers on this machine.
pub(super) const FLOOR: &str = "echo sent late, p99";

const CONNECTIONS: usize = 4;
const PERIOD: Duration = Duration::from_millis(5);
const SIZE: usize = 64;

/// How long answers are awaited after the last request.
const LINGER: Duration = Duration::from_millis(20);

/// `COMMAND PORT`: says `ready`, waits for the line `go`, sends until the line `stop`, tells.
pub(super) fn main(arguments: &[String]) -> Result<(), String> {
    let [port] = arguments else { return Err("the load is started by the benchmark itself".to_owned()) };
    let port = port.parse().map_err(|_| "port: not a number".to_owned())?;
    let mut streams = connect(port).map_err(|error| format!("connecting: {error}"))?;
    tell("ready");
    wait_for_line();
    let stop = Arc::new(AtomicBool::new(false));
    let stopper = stop.clone();
    thread::spawn(move || {
        wait_for_line();
        // Relaxed: a flag that may be seen a request late.
        stopper.store(true, Ordering::Relaxed);
    });
    let begun = Instant::now();
    let answers: Arc<Mutex<Vec<f64>>> = Arc::default();
    for (number, stream) in streams.iter().enumerate() {
        let (stream, answers) = (stream.try_clone().map_err(|error| error.to_string())?, answers.clone());
        thread::spawn(move || receive(stream, number, begun, &answers));
    }
    let mut sent_late = Vec::new();
    for request in 0.. {
        let due = begun + PERIOD * request as u32;
        thread::sleep(due.saturating_duration_since(Instant::now()));
        if stop.load(Ordering::Relaxed) {
            break;
        }
        sent_late.push(due.elapsed().as_nanos() as f64);
        streams[request % CONNECTIONS].write_all(&[b'x'; SIZE]).map_err(|error| format!("sending: {error}"))?;
    }
    thread::sleep(LINGER);
    report(&answers.lock().expect("nobody panics here"), &sent_late, begun);
    Ok(())
}

/// Connects, and has one request answered on each connection, so that nothing of that is in the measurement.
fn connect(port: u16) -> std::io::Result<Vec<TcpStream>> {
    (0..CONNECTIONS)
        .map(|_| {
            let mut stream = TcpStream::connect(("127.0.0.1", port))?;
            stream.set_nodelay(true)?;
            let mut answer = [b'x'; SIZE];
            stream.write_all(&answer)?;
            stream.read_exact(&mut answer)?;
            Ok(stream)
        })
        .collect()
}

/// The answers of one connection come in the order of its requests.
fn receive(mut stream: TcpStream, number: usize, begun: Instant, answers: &Mutex<Vec<f64>>) {
    let mut answer = [0; SIZE];
    let mut request = number;
    while stream.read_exact(&mut answer).is_ok() {
        let due = begun + PERIOD * request as u32;
        answers.lock().expect("nobody panics here").push(due.elapsed().as_nanos() as f64);
        request += CONNECTIONS;
    }
}

fn report(answers: &[f64], sent_late: &[f64], begun: Instant) {
    let mut latencies = answers.to_vec();
    // Unanswered are, but for the order of connections, the last ones.
    latencies.extend((answers.len()..sent_late.len()).map(|request| {
        let due = begun + PERIOD * request as u32;
        due.elapsed().as_nanos() as f64
    }));
    let mut values = distribution("echo", &latencies);
    values.push((Unit::Time, FLOOR.to_owned(), quantile(sent_late, 0.99).unwrap_or(f64::NAN)));
    values.push((
        Unit::Count,
        "echo unanswered".to_owned(),
        (sent_late.len() - answers.len().min(sent_late.len())) as f64,
    ));
    tell_result(&values);
}

fn wait_for_line() {
    // An error or the end is the parent's end: then it is time too.
    let _ = std::io::stdin().read_line(&mut String::new());
}
