//! Sockets when descriptors or places in a queue run out, when nobody reads any more, and many of them one after the other.
//! Each in a process of its own.
#![cfg(target_os = "linux")]

mod support;

use freewheel::io::{AsyncReadExt, AsyncWriteExt};
use freewheel::net::{TcpListener, TcpStream};
use freewheel::net::{TcpSocket, UnixStream};
use freewheel::process::Command;
use std::io::{ErrorKind, IoSlice};
use std::net::Ipv4Addr;
use std::process::Stdio;
use std::time::Duration;

/// `EMFILE`: no descriptor is left to this process.
const NO_DESCRIPTOR: i32 = libc::EMFILE;

fn runtime() -> freewheel::runtime::Runtime {
    freewheel::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// How many sockets this process has open. (The runtime keeps files of `/proc` open as it needs them.)
fn sockets() -> usize {
    let open = std::fs::read_dir("/proc/self/fd").unwrap().flatten();
    open.filter(|entry| {
        std::fs::read_link(entry.path()).is_ok_and(|target| target.to_string_lossy().starts_with("socket:"))
    })
    .count()
}

#[test]
fn fault_48_accept_emfile_works_again_without_a_new_event() {
    support::in_child("fault_48_accept_emfile_works_again_without_a_new_event", || {
        runtime().block_on(async {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
            let client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            // The readiness is there, and everything is quiet.
            let mut accept = Box::pin(listener.accept());
            let before = support::set_limit(libc::RLIMIT_NOFILE, 3);
            let error = accept.as_mut().await.unwrap_err();
            assert_eq!(error.raw_os_error(), Some(NO_DESCRIPTOR), "{error}");
            drop(accept);
            assert_eq!(listener.accept().await.unwrap_err().raw_os_error(), Some(NO_DESCRIPTOR), "and again");

            support::set_limit(libc::RLIMIT_NOFILE, before);
            let (_stream, peer) = listener.accept().await.unwrap();
            assert_eq!(peer, client.local_addr().unwrap());
        });
    })
    .assert_ok();
}

#[test]
fn fault_81_connect_and_bind_say_that_no_descriptor_is_left_and_recover() {
    support::in_child("fault_81_connect_and_bind_say_that_no_descriptor_is_left_and_recover", || {
        runtime().block_on(async {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
            let address = listener.local_addr().unwrap();
            let before = support::set_limit(libc::RLIMIT_NOFILE, 3);
            let connect = TcpStream::connect(address).await.unwrap_err();
            let bind = TcpListener::bind("127.0.0.1:0").await.unwrap_err();
            support::set_limit(libc::RLIMIT_NOFILE, before);
            for error in [connect, bind] {
                assert!(error.to_string().contains("Too many open files"), "{error}");
            }
            TcpStream::connect(address).await.unwrap();
        });
    })
    .assert_ok();
}

#[test]
fn fault_62_twenty_thousand_connections_leave_neither_descriptors_nor_memory() {
    support::in_child("fault_62_twenty_thousand_connections_leave_neither_descriptors_nor_memory", || {
        const CONNECTIONS: usize = 20_000;
        let runtime = runtime();
        runtime.block_on(async {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
            let address = listener.local_addr().unwrap();
            let base = sockets();
            let server = freewheel::spawn(async move {
                for _ in 0..CONNECTIONS {
                    let (mut stream, _) = listener.accept().await.unwrap();
                    freewheel::spawn(async move {
                        stream.read_u8().await.unwrap();
                        // A reset, so that no port stays taken by what was closed.
                        stream.set_zero_linger().unwrap();
                    });
                }
                listener
            });
            let mut halfway = 0;
            for number in 0..CONNECTIONS {
                let mut stream = TcpStream::connect(address).await.unwrap();
                stream.write_u8(1).await.unwrap();
                assert_eq!(stream.read(&mut [0; 1]).await.unwrap_err().kind(), ErrorKind::ConnectionReset);
                if number == CONNECTIONS / 2 {
                    halfway = support::resident_kilobytes();
                }
            }
            let _listener = server.await.unwrap();
            support::eventually(|| sockets() == base);
            // A hundred bytes for each that came after.
            let grown = support::resident_kilobytes().saturating_sub(halfway);
            assert!(grown < CONNECTIONS / 2 / 10, "{grown} kB more than halfway");
        });
        drop(runtime);
    })
    .assert_ok();
}

#[test]
fn fault_59_a_child_process_inherits_no_socket() {
    support::in_child("fault_59_a_child_process_inherits_no_socket", || {
        let runtime = runtime();
        runtime.block_on(async {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
            let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
            let (server, _) = listener.accept().await.unwrap();
            let udp = freewheel::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
            let pair = freewheel::net::UnixStream::pair().unwrap();
            let output = std::process::Command::new("ls").args(["-l", "/proc/self/fd"]).output().unwrap();
            let listing = String::from_utf8(output.stdout).unwrap();
            assert!(!listing.contains("socket:") && !listing.contains("anon_inode"), "{listing}");
            drop((client, server, udp, pair));
        });
        runtime.shutdown_timeout(Duration::from_secs(10));
    })
    .assert_ok();
}

#[test]
fn fault_60_a_peer_that_is_gone_is_an_error_and_no_signal() {
    /// Writes in every way until the system says that nobody is there; the first error may be the reset.
    async fn write_in_vain(writer: &mut (impl freewheel::io::AsyncWrite + Unpin)) {
        while writer.write(b"x").await.is_ok() {
            freewheel::task::yield_now().await;
        }
        assert_eq!(writer.write(b"x").await.unwrap_err().kind(), ErrorKind::BrokenPipe);
        // Few bytes are written as one; many are not.
        for slice in [&b"x"[..], &[b'x'; 4000]] {
            let slices = [IoSlice::new(slice), IoSlice::new(slice)];
            assert_eq!(writer.write_vectored(&slices).await.unwrap_err().kind(), ErrorKind::BrokenPipe);
        }
    }
    support::in_child("fault_60_a_peer_that_is_gone_is_an_error_and_no_signal", || {
        runtime().block_on(async {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
            let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
            drop(listener.accept().await.unwrap());
            write_in_vain(&mut client).await;
            let (mut ours, theirs) = UnixStream::pair().unwrap();
            drop(theirs);
            write_in_vain(&mut ours).await;
            let mut child = Command::new("true").stdin(Stdio::piped()).spawn().unwrap();
            let mut input = child.stdin.take().unwrap();
            child.wait().await.unwrap();
            write_in_vain(&mut input).await;
        });
    })
    .assert_ok();
}

#[test]
fn fault_63_clients_that_find_the_backlog_full_wait_without_a_spin() {
    const BACKLOG: usize = 4;
    support::in_child("fault_63_clients_that_find_the_backlog_full_wait_without_a_spin", || {
        let runtime = runtime();
        let listener = runtime.block_on(async {
            let socket = TcpSocket::new_v4().unwrap();
            socket.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
            socket.listen(BACKLOG as u32).unwrap()
        });
        let address = listener.local_addr().unwrap();
        let client = || {
            runtime.spawn(async move {
                let mut stream = TcpStream::connect(address).await.unwrap();
                stream.write_u8(1).await.unwrap();
                stream.read_u8().await.unwrap()
            })
        };
        let clients: Vec<_> = (0..16 * BACKLOG).map(|_| client()).collect();
        // The system asks again and again for those it has no place for; that is no work of ours.
        support::eventually(|| {
            let before = support::cpu_time();
            // Not to wait for anything: this is the time that is measured.
            std::thread::sleep(Duration::from_millis(300));
            support::cpu_time() - before < Duration::from_millis(15)
        });
        assert!(clients.iter().all(|client| !client.is_finished()), "somebody was served by nobody");
        let server = runtime.spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                freewheel::spawn(async move {
                    let byte = stream.read_u8().await.unwrap();
                    stream.write_u8(byte + 1).await.unwrap();
                });
            }
        });
        support::eventually(|| clients.iter().filter(|client| client.is_finished()).count() >= BACKLOG);
        // The system has the others ask again at ever longer intervals: whoever is patient is served, we are not.
        clients.iter().for_each(freewheel::task::JoinHandle::abort);
        assert_eq!(runtime.block_on(client()).unwrap(), 2);
        server.abort();
    })
    .assert_ok();
}
