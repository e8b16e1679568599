//! An HTTP client so plain that it can misbehave: std's blocking socket, one request at a time.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};

use crate::support::limit;

/// A connection to the server.
pub(crate) struct Client {
    stream: TcpStream,
    /// Read from the stream, but not yet part of an answer.
    unread: Vec<u8>,
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Status line and headers, in lower case.
    pub(crate) head: String,
    pub(crate) body: String,
}

/// One request over a connection of its own.
pub(crate) fn get(addr: SocketAddr, target: &str) -> Answer {
    Client::connect(addr).get(target)
}

impl Client {
    pub(crate) fn connect(addr: SocketAddr) -> Self {
        Self::try_connect(addr).expect("the server accepts")
    }

    pub(crate) fn try_connect(addr: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(addr)?;
        stream.set_read_timeout(Some(limit()))?;
        Ok(Self { stream, unread: Vec::new() })
    }

    pub(crate) fn get(&mut self, target: &str) -> Answer {
        self.ask_for(&[target]);
        self.answer()
    }

    /// Sends requests, in one piece, and does not wait for the answers.
    pub(crate) fn ask_for(&mut self, targets: &[&str]) {
        let requests: String =
            targets.iter().map(|target| format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n")).collect();
        self.send(&requests);
    }

    pub(crate) fn send(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).expect("the server reads");
    }

    /// The next answer.
    #[track_caller]
    pub(crate) fn answer(&mut self) -> Answer {
        let end = loop {
            if let Some(at) = self.unread.windows(4).position(|four| four == b"\r\n\r\n") {
                break at + 4;
            }
            assert!(self.read_more(), "the server hung up in the middle of a head");
        };
        let head = String::from_utf8(self.unread.drain(..end).collect()).expect("a head in ASCII").to_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let length = length.map_or(0, |text| text.parse().expect("a length"));
        while self.unread.len() < length {
            assert!(self.read_more(), "the server hung up in the middle of a body");
        }
        let body = String::from_utf8(self.unread.drain(..length).collect()).expect("a body in UTF-8");
        let status = head.split(' ').nth(1).expect("a status").parse().expect("a number");
        Answer { status, head, body }
    }

    /// Waits for the server to hang up, and says whether it said nothing more before.
    pub(crate) fn is_hung_up_on(&mut self) -> bool {
        !self.read_more() && self.unread.is_empty()
    }

    /// Reads to the end, and says whether that was a head without a body.
    pub(crate) fn hears_only_a_head(&mut self) -> bool {
        while self.read_more() {}
        self.unread.starts_with(b"HTTP/1.1 200") && self.unread.ends_with(b"\r\n\r\n")
    }

    fn read_more(&mut self) -> bool {
        let mut piece = [0; 4096];
        match self.stream.read(&mut piece) {
            Ok(length) => {
                self.unread.extend_from_slice(&piece[..length]);
                length > 0
            }
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => false,
            Err(error) => panic!("no answer: {error}"),
        }
    }
}
