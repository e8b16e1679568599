//! The echo client: a closed loop over so many connections, one thread, plain mio, none of the measured runtimes.
//!
//! Each connection has one request under way: it is sent, its echo awaited whole, its time noted, the next one sent.

use crate::measure::{cpu_of, raise_file_limit};
use crate::options::Options;
use crate::process::{Answering, tell};
use crate::rows::echo::durations;
use crate::statistics::quantile;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use std::io::{ErrorKind, Read, Write};
use std::time::{Duration, Instant};

/// The first argument that makes this program a load generator.
pub(crate) const COMMAND: &str = "__load";

const REQUEST: [u8; 64] = [b'x'; 64];

/// Longer than any request takes; then the server counts as dead.
const STALL: Duration = Duration::from_secs(5);

/// Starts the load against a server on this machine; it answers once, with the metrics of the echo rows.
pub(crate) fn start(port: u16, connections: usize, server: u32, options: &Options) -> Result<Answering, String> {
    let (warm, measured) = durations(options.scale);
    let numbers = [
        port.to_string(),
        connections.to_string(),
        warm.as_millis().to_string(),
        measured.as_millis().to_string(),
        server.to_string(),
    ];
    let mut arguments = vec![COMMAND];
    arguments.extend(numbers.iter().map(String::as_str));
    Answering::start(&arguments, options)
}

/// `__load PORT CONNECTIONS WARM_MS MEASURED_MS SERVER_PROCESS`
pub(crate) fn main(arguments: &[String]) -> Result<(), String> {
    let numbers: Result<Vec<u64>, _> = arguments.iter().map(|text| text.parse()).collect();
    let Ok(&[port, connections, warm, measured, server]) = numbers.as_deref() else {
        return Err("the load generator is started by the benchmark itself".to_owned());
    };
    raise_file_limit();
    match run(port as u16, connections as usize, [warm, measured].map(Duration::from_millis), server as u32) {
        Ok(values) => tell(&values),
        Err(error) => println!("no {error}"),
    }
    Ok(())
}

fn run(port: u16, connections: usize, [warm, measured]: [Duration; 2], server: u32) -> Result<Vec<f64>, String> {
    let cpu = || cpu_of(server).ok_or_else(|| "the server is gone".to_owned());
    let mut load = Load::connect(port, connections).map_err(|error| format!("connecting: {error}"))?;
    load.send_first().map_err(|error| format!("sending: {error}"))?;
    load.drive(Instant::now() + warm).map_err(|error| format!("warming up: {error}"))?;
    load.latencies.clear();
    let (start, cpu_before) = (Instant::now(), cpu()?);
    load.drive(start + measured).map_err(|error| format!("measuring: {error}"))?;
    let (elapsed, cpu_used) = (start.elapsed(), cpu()?.saturating_sub(cpu_before));
    let requests = load.latencies.len() as f64;
    let at = |q| quantile(&load.latencies, q).ok_or_else(|| "no request was answered".to_owned());
    Ok(vec![requests / elapsed.as_secs_f64(), at(0.5)?, at(0.99)?, at(0.999)?, cpu_used.as_nanos() as f64 / requests])
}

struct Connection {
    stream: TcpStream,
    sent: Instant,
    received: usize,
}

struct Load {
    poll: Poll,
    connections: Vec<Connection>,
    /// Nanoseconds of each request.
    latencies: Vec<f64>,
}

impl Load {
    fn connect(port: u16, connections: usize) -> std::io::Result<Self> {
        let poll = Poll::new()?;
        let mut made = Vec::with_capacity(connections);
        for number in 0..connections {
            let stream = std::net::TcpStream::connect(("127.0.0.1", port))?;
            stream.set_nodelay(true)?;
            stream.set_nonblocking(true)?;
            let mut stream = TcpStream::from_std(stream);
            poll.registry().register(&mut stream, Token(number), Interest::READABLE)?;
            made.push(Connection { stream, sent: Instant::now(), received: 0 });
        }
        Ok(Self { poll, connections: made, latencies: Vec::with_capacity(1 << 20) })
    }

    fn send_first(&mut self) -> std::io::Result<()> {
        self.connections.iter_mut().try_for_each(|connection| connection.send(Instant::now()))
    }

    fn drive(&mut self, end: Instant) -> std::io::Result<()> {
        let mut events = Events::with_capacity(1024);
        let mut heard = Instant::now();
        while Instant::now() < end {
            self.poll.poll(&mut events, Some(Duration::from_millis(100)))?;
            for event in &events {
                if let Some(latency) = self.connections[event.token().0].receive()? {
                    self.latencies.push(latency.as_nanos() as f64);
                }
            }
            if !events.is_empty() {
                heard = Instant::now();
            } else if heard.elapsed() > STALL {
                return Err(std::io::Error::new(ErrorKind::TimedOut, "the server is silent"));
            }
        }
        Ok(())
    }
}

impl Connection {
    fn send(&mut self, now: Instant) -> std::io::Result<()> {
        self.sent = now;
        self.received = 0;
        // An empty socket buffer takes 64 bytes at once.
        self.stream.write_all(&REQUEST)
    }

    /// Reads what came. One `read` per event is enough although mio's events are edges: nothing more can be there
    /// before the next request is sent, and a part that comes later is an edge of its own.
    fn receive(&mut self) -> std::io::Result<Option<Duration>> {
        let mut buffer = [0; REQUEST.len()];
        match self.stream.read(&mut buffer[self.received..]) {
            Ok(0) => return Err(std::io::Error::new(ErrorKind::UnexpectedEof, "the server hung up")),
            Ok(length) => self.received += length,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => return Ok(None),
            Err(error) => return Err(error),
        }
        if self.received < REQUEST.len() {
            return Ok(None);
        }
        let now = Instant::now();
        let latency = now - self.sent;
        self.send(now)?;
        Ok(Some(latency))
    }
}
