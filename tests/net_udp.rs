//! UDP as a program sees it.

mod support;

use freewheel::io::{Interest, ReadBuf};
use freewheel::net::UdpSocket;
use std::future::poll_fn;
use std::io::ErrorKind;
use std::sync::Arc;

async fn pair() -> (UdpSocket, UdpSocket) {
    let left = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let right = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    left.connect(right.local_addr().unwrap()).await.unwrap();
    right.connect(left.local_addr().unwrap()).await.unwrap();
    assert_eq!(left.peer_addr().unwrap(), right.local_addr().unwrap());
    (left, right)
}

#[freewheel::test]
async fn datagrams_go_both_ways_and_keep_their_bounds() {
    let (left, right) = pair().await;
    left.send(b"one").await.unwrap();
    left.send(b"").await.unwrap();
    left.send(b"three").await.unwrap();
    let mut buf = [0; 16];
    let mut lengths = Vec::new();
    for _ in 0..3 {
        lengths.push(right.recv(&mut buf).await.unwrap());
    }
    assert_eq!(lengths, [3, 0, 5]);
    right.send(b"back").await.unwrap();
    let mut grows = Vec::with_capacity(16);
    assert_eq!(left.recv_buf(&mut grows).await.unwrap(), 4);
    assert_eq!(grows, b"back");
}

#[freewheel::test]
async fn senders_are_told_and_peeking_takes_nothing() {
    let server = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let client = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    client.send_to(b"hello", server.local_addr().unwrap()).await.unwrap();
    let mut buf = [0; 3];
    let (length, peer) = server.peek_from(&mut buf).await.unwrap();
    assert_eq!((length, peer), (3, client.local_addr().unwrap()));
    let mut buf = [0; 16];
    assert_eq!(server.recv_from(&mut buf).await.unwrap(), (5, peer));
}

#[freewheel::test]
async fn trying_says_would_block() {
    let (left, right) = pair().await;
    assert_eq!(right.try_recv(&mut [0; 4]).unwrap_err().kind(), ErrorKind::WouldBlock);
    left.writable().await.unwrap();
    left.try_send(b"x").unwrap();
    right.readable().await.unwrap();
    assert_eq!(right.try_recv(&mut [0; 4]).unwrap(), 1);
    assert_eq!(right.try_recv_from(&mut [0; 4]).unwrap_err().kind(), ErrorKind::WouldBlock);
    assert!(right.ready(Interest::WRITABLE).await.unwrap().is_writable());
}

#[freewheel::test]
async fn the_poll_functions_do_the_same() {
    let (left, right) = pair().await;
    poll_fn(|cx| left.poll_send_ready(cx)).await.unwrap();
    assert_eq!(poll_fn(|cx| left.poll_send(cx, b"abc")).await.unwrap(), 3);
    let mut memory = [0; 8];
    let mut buf = ReadBuf::new(&mut memory);
    poll_fn(|cx| right.poll_recv(cx, &mut buf)).await.unwrap();
    assert_eq!(buf.filled(), b"abc");
}

#[freewheel::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_socket_serves_many_tasks() {
    let (left, right) = pair().await;
    let right = Arc::new(right);
    let receivers: Vec<_> = (0..8)
        .map(|_| {
            let right = right.clone();
            freewheel::spawn(async move {
                let mut buf = [0; 4];
                right.recv(&mut buf).await.unwrap();
                u32::from_be_bytes(buf)
            })
        })
        .collect();
    for number in 0..8u32 {
        left.send(&number.to_be_bytes()).await.unwrap();
    }
    let mut numbers = Vec::new();
    for receiver in receivers {
        numbers.push(receiver.await.unwrap());
    }
    numbers.sort_unstable();
    assert_eq!(numbers, (0..8).collect::<Vec<_>>());
}

#[freewheel::test]
async fn fault_57_nobody_there_is_told_on_the_next_call() {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let gone = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = gone.local_addr().unwrap();
    drop(gone);
    socket.connect(address).await.unwrap();
    socket.send(b"anybody?").await.unwrap();
    assert_eq!(socket.recv(&mut [0; 4]).await.unwrap_err().kind(), ErrorKind::ConnectionRefused);
}

#[freewheel::test]
async fn fault_61_a_blocking_socket_is_refused() {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let error = UdpSocket::from_std(socket.try_clone().unwrap()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    socket.set_nonblocking(true).unwrap();
    let socket = UdpSocket::from_std(socket).unwrap();
    socket.set_broadcast(true).unwrap();
    assert!(socket.broadcast().unwrap());
    socket.into_std().unwrap();
}
