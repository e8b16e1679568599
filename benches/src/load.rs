//! The client: a closed loop over so many connections, one thread, plain mio, none of the measured runtimes.
//!
//! Each connection has one request under way: it is sent, its answer awaited whole, its time noted, the next one sent.

use crate::measure::{cpu_of, raise_file_limit};
use crate::options::Options;
use crate::process::{Answering, die_with_parent, say, tell};
use crate::rows::Service;
use crate::statistics::quantile;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use std::io::{ErrorKind, Read, Write};
use std::time::{Duration, Instant};

/// The first argument that makes this program a load generator.
pub(crate) const COMMAND: &str = "__load";

const ECHO: &[u8] = &[b'x'; 64];
const HELLO: &[u8] = b"GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// More than any answer has.
const ANSWER: usize = 512;

/// Longer than any request takes; then the server counts as dead.
const STALL: Duration = Duration::from_secs(5);

/// Starts the load against a server on this machine; it answers once, with the metrics of the echo rows.
pub(crate) fn start(
    service: Service,
    port: u16,
    connections: usize,
    server: u32,
    options: &Options,
) -> Result<Answering, String> {
    let (warm, measured) = Service::durations(options.scale);
    let numbers = [
        port.to_string(),
        connections.to_string(),
        warm.as_millis().to_string(),
        measured.as_millis().to_string(),
        server.to_string(),
    ];
    let mut arguments = vec![COMMAND, service.text()];
    arguments.extend(numbers.iter().map(String::as_str));
    Answering::start(&arguments, options)
}

/// `__load SERVICE PORT CONNECTIONS WARM_MS MEASURED_MS SERVER_PROCESS`
pub(crate) fn main(arguments: &[String]) -> Result<(), String> {
    let started_otherwise = || "the load generator is started by the benchmark itself".to_owned();
    let (service, numbers) = arguments.split_first().ok_or_else(started_otherwise)?;
    let numbers: Result<Vec<u64>, _> = numbers.iter().map(|text| text.parse()).collect();
    let Ok(&[port, connections, warm, measured, server]) = numbers.as_deref() else {
        return Err(started_otherwise());
    };
    die_with_parent();
    raise_file_limit();
    let load = Load::connect(Service::parse(service)?, port as u16, connections as usize);
    let load = load.map_err(|error| format!("connecting: {error}"));
    match load.and_then(|load| run(load, [warm, measured].map(Duration::from_millis), server as u32)) {
        Ok(values) => tell(&values),
        Err(error) => say(format_args!("no {error}")),
    }
    Ok(())
}

fn run(mut load: Load, [warm, measured]: [Duration; 2], server: u32) -> Result<Vec<f64>, String> {
    let cpu = || cpu_of(server).ok_or_else(|| "the server is gone".to_owned());
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
    answer: [u8; ANSWER],
    received: usize,
}

struct Load {
    service: Service,
    poll: Poll,
    connections: Vec<Connection>,
    /// Nanoseconds of each request.
    latencies: Vec<f64>,
}

impl Load {
    fn connect(service: Service, port: u16, connections: usize) -> std::io::Result<Self> {
        let poll = Poll::new()?;
        let mut made = Vec::with_capacity(connections);
        for number in 0..connections {
            let stream = std::net::TcpStream::connect(("127.0.0.1", port))?;
            stream.set_nodelay(true)?;
            stream.set_nonblocking(true)?;
            let mut stream = TcpStream::from_std(stream);
            poll.registry().register(&mut stream, Token(number), Interest::READABLE)?;
            made.push(Connection { stream, sent: Instant::now(), answer: [0; ANSWER], received: 0 });
        }
        Ok(Self { service, poll, connections: made, latencies: Vec::with_capacity(1 << 20) })
    }

    fn send_first(&mut self) -> std::io::Result<()> {
        self.connections.iter_mut().try_for_each(|connection| connection.send(self.service, Instant::now()))
    }

    fn drive(&mut self, end: Instant) -> std::io::Result<()> {
        let mut events = Events::with_capacity(1024);
        let mut heard = Instant::now();
        while Instant::now() < end {
            self.poll.poll(&mut events, Some(Duration::from_millis(100)))?;
            for event in &events {
                if let Some(latency) = self.connections[event.token().0].receive(self.service)? {
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
    fn send(&mut self, service: Service, now: Instant) -> std::io::Result<()> {
        self.sent = now;
        self.received = 0;
        // An empty socket buffer takes so few bytes at once.
        self.stream.write_all(match service {
            Service::Echo => ECHO,
            Service::Http => HELLO,
        })
    }

    /// Reads what came. One `read` per event is enough although mio's events are edges: nothing more can be there
    /// before the next request is sent, and a part that comes later is an edge of its own.
    fn receive(&mut self, service: Service) -> std::io::Result<Option<Duration>> {
        match self.stream.read(&mut self.answer[self.received..]) {
            Ok(0) => return Err(std::io::Error::new(ErrorKind::UnexpectedEof, "the server hung up")),
            Ok(length) => self.received += length,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => return Ok(None),
            Err(error) => return Err(error),
        }
        let length = match service {
            Service::Echo => Some(ECHO.len()),
            Service::Http => answer_length(&self.answer[..self.received])?,
        };
        if length.is_none_or(|length| self.received < length) {
            return Ok(None);
        }
        let now = Instant::now();
        let latency = now - self.sent;
        self.send(service, now)?;
        Ok(Some(latency))
    }
}

/// How long an HTTP answer is, head and body; `None` while its head is not yet complete.
fn answer_length(received: &[u8]) -> std::io::Result<Option<usize>> {
    let wrong = |what: &str| std::io::Error::new(ErrorKind::InvalidData, what.to_owned());
    let Some(end) = received.windows(4).position(|four| four == b"\r\n\r\n") else { return Ok(None) };
    let head = std::str::from_utf8(&received[..end]).map_err(|_| wrong("a head that is not text"))?;
    if !head.starts_with("HTTP/1.1 200 ") {
        return Err(wrong("an answer other than 200"));
    }
    let mut fields = head.lines().skip(1).filter_map(|line| line.split_once(':'));
    let length = fields.find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let length: usize =
        length.and_then(|(_, value)| value.trim().parse().ok()).ok_or_else(|| wrong("an answer without its length"))?;
    Ok(Some(end + 4 + length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_ends_where_its_head_says() {
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
        for length in 0..answer.len() - 2 {
            assert_eq!(answer_length(&answer[..length]).unwrap(), None, "{length} bytes");
        }
        assert_eq!(answer_length(answer).unwrap(), Some(answer.len()));
        assert!(answer_length(b"HTTP/1.1 500 no\r\n\r\n").is_err());
        assert!(answer_length(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
    }
}
