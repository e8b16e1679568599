//! What a request costs in system calls, counted: one receive, one send and one wait.

mod support;

use std::ffi::{c_int, c_void};
use std::io::{Read, Write};
use std::net::SocketAddr;

use freewheel::io::{AsyncReadExt, AsyncWriteExt};
use freewheel::net::{TcpListener, TcpStream};
use support::interpose::{Plan, interpose};
use support::{multi_thread, test};

/// None of these ever fails here: they count.
static RECV: Plan = Plan::new();
static SEND: Plan = Plan::new();
static WAIT: Plan = Plan::new();

interpose! {
    fn recv(fd: c_int, bytes: *mut c_void, length: usize, flags: c_int) -> isize = RECV, fails (-1);
    fn send(fd: c_int, bytes: *const c_void, length: usize, flags: c_int) -> isize = SEND, fails (-1);
    fn epoll_wait(epoll: c_int, events: *mut libc::epoll_event, most: c_int, timeout: c_int) -> c_int
        = WAIT, fails (-1);
}

async fn echo(mut stream: TcpStream) -> std::io::Result<()> {
    let mut buffer = [0; 4096];
    loop {
        match stream.read(&mut buffer).await? {
            0 => return Ok(()),
            length => stream.write_all(&buffer[..length]).await?,
        }
    }
}

async fn serve(listener: TcpListener) -> std::io::Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        drop(freewheel::spawn(echo(stream)));
    }
}

/// Sends one request after the other from this thread, which blocks in `recv`.
fn ask(client: &mut std::net::TcpStream, requests: usize) {
    let mut answer = [0; 64];
    for _ in 0..requests {
        client.write_all(&[7; 64]).unwrap();
        client.read_exact(&mut answer).unwrap();
    }
}

#[test]
fn one_request_after_the_other_costs_a_receive_a_send_and_a_wait_each() {
    const REQUESTS: usize = 4000;
    test(|| {
        let runtime = multi_thread(2);
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address: SocketAddr = listener.local_addr().unwrap();
        runtime.spawn(serve(listener));
        let mut client = std::net::TcpStream::connect(address).unwrap();
        ask(&mut client, 100);
        let plans = [&RECV, &SEND, &WAIT];
        let before = plans.map(Plan::calls);
        ask(&mut client, REQUESTS);
        let [recv, send, wait] = std::array::from_fn(|n| plans[n].calls() - before[n]);
        // The client receives and sends once for each request too.
        assert_eq!(send, 2 * REQUESTS);
        assert!(recv <= 2 * REQUESTS + REQUESTS / 20, "{recv} receives for {REQUESTS} requests");
        assert!(wait <= REQUESTS + REQUESTS / 10, "{wait} waits for {REQUESTS} requests");
    });
}
