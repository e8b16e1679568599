//! The floor of the rows with a server: one thread, one epoll, no tasks, no wakers. What any runtime adds is on top of this.

use crate::peers::ECHO_BUFFER;
use crate::rows::Service;
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use std::collections::HashMap;
use std::io::{ErrorKind, Read, Write};

const LISTENER: Token = Token(usize::MAX);

/// As long as what hyper answers, and not made of anything: the request is not even looked at.
const HELLO: &[u8] =
    b"HTTP/1.1 200 OK\r\ncontent-length: 13\r\ndate: Sun, 22 Nov 2026 19:00:00 GMT\r\n\r\nHello, World!";

/// Serves on the calling thread for ever.
pub(crate) fn serve(service: Service, listener: std::net::TcpListener) -> std::io::Result<()> {
    listener.set_nonblocking(true)?;
    let mut listener = TcpListener::from_std(listener);
    let mut poll = Poll::new()?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    let mut connections: HashMap<Token, TcpStream> = HashMap::new();
    let mut events = Events::with_capacity(1024);
    let mut next = 0;
    loop {
        poll.poll(&mut events, None)?;
        for event in &events {
            if event.token() == LISTENER {
                accept_all(&listener, |mut stream| {
                    let token = Token(next);
                    next += 1;
                    stream.set_nodelay(true)?;
                    poll.registry().register(&mut stream, token, Interest::READABLE)?;
                    connections.insert(token, stream);
                    Ok(())
                })?;
            } else if connections.get_mut(&event.token()).is_some_and(|stream| !answer(service, stream)) {
                connections.remove(&event.token());
            }
        }
    }
}

fn accept_all(listener: &TcpListener, mut take: impl FnMut(TcpStream) -> std::io::Result<()>) -> std::io::Result<()> {
    loop {
        match listener.accept() {
            Ok((stream, _)) => take(stream)?,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        }
    }
}

/// One read, one write; the load has one request under way, so there is nothing more. False when the peer is gone.
fn answer(service: Service, stream: &mut TcpStream) -> bool {
    let mut buffer = [0; ECHO_BUFFER];
    match stream.read(&mut buffer) {
        Ok(0) => false,
        Ok(length) if service == Service::Echo => stream.write_all(&buffer[..length]).is_ok(),
        Ok(_) => stream.write_all(HELLO).is_ok(),
        Err(error) => matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted),
    }
}
