//! The system fails the sockets: accept, recv, send and their kin fail, or do one byte at a time, by plan.

mod support;

use std::ffi::{c_int, c_void};
use std::os::fd::AsRawFd;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use freewheel::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use freewheel::net::{TcpListener, TcpStream, UdpSocket, UnixStream};
use freewheel::process::Command;
use freewheel::runtime::{Builder, Runtime};
use freewheel::time::timeout;
use support::interpose::{Plan, interpose, real, set_errno};
use support::{eventually, in_child};

static ACCEPT: Plan = Plan::new();
static CONNECT: Plan = Plan::new();
static RECV: Plan = Plan::new();
static SEND: Plan = Plan::new();
static WRITEV: Plan = Plan::new();
static READV: Plan = Plan::new();
static RECVFROM: Plan = Plan::new();
static SENDTO: Plan = Plan::new();
static PIPE_READ: Plan = Plan::new();
static PIPE_WRITE: Plan = Plan::new();
/// While set, sockets give one byte at a time.
static ONE_BYTE: AtomicBool = AtomicBool::new(false);

interpose! {
    fn accept4(fd: c_int, address: *mut libc::sockaddr, length: *mut libc::socklen_t, flags: c_int) -> c_int
        = ACCEPT, fails (-1);
    fn connect(fd: c_int, address: *const libc::sockaddr, length: libc::socklen_t) -> c_int = CONNECT, fails (-1);
    fn send(fd: c_int, bytes: *const c_void, length: usize, flags: c_int) -> isize = SEND, fails (-1);
    fn writev(fd: c_int, slices: *const libc::iovec, count: c_int) -> isize = WRITEV, fails (-1);
    fn readv(fd: c_int, slices: *const libc::iovec, count: c_int) -> isize = READV, fails (-1);
    fn recvfrom(
        fd: c_int,
        bytes: *mut c_void,
        length: usize,
        flags: c_int,
        address: *mut libc::sockaddr,
        size: *mut libc::socklen_t,
    ) -> isize = RECVFROM, fails (-1);
    fn sendto(
        fd: c_int,
        bytes: *const c_void,
        length: usize,
        flags: c_int,
        address: *const libc::sockaddr,
        size: libc::socklen_t,
    ) -> isize = SENDTO, fails (-1);
    fn read(fd: c_int, bytes: *mut c_void, length: usize) -> isize = OfPipes(&PIPE_READ, fd), fails (-1);
    fn write(fd: c_int, bytes: *const c_void, length: usize) -> isize = OfPipes(&PIPE_WRITE, fd), fails (-1);
}

/// A plan that counts calls on pipes alone: what is read and written beside them is the reactor's own.
struct OfPipes(&'static Plan, c_int);

impl OfPipes {
    fn next(&self) -> Option<i32> {
        // SAFETY: all zeroes is a valid `stat`, which the call fills.
        let is_pipe = unsafe {
            let mut stat = std::mem::zeroed::<libc::stat>();
            libc::fstat(self.1, &mut stat) == 0 && stat.st_mode & libc::S_IFMT == libc::S_IFIFO
        };
        if is_pipe { self.0.next() } else { None }
    }
}

// SAFETY: it has libc's own signature; a shorter read is what the real one may do too.
#[unsafe(no_mangle)]
unsafe extern "C" fn recv(fd: c_int, bytes: *mut c_void, length: usize, flags: c_int) -> isize {
    static REAL: AtomicUsize = AtomicUsize::new(0);
    type Recv = unsafe extern "C" fn(c_int, *mut c_void, usize, c_int) -> isize;
    if let Some(errno) = RECV.next() {
        set_errno(errno);
        return -1;
    }
    let length = if ONE_BYTE.load(Ordering::Relaxed) { length.min(1) } else { length };
    // SAFETY: libc's `recv` has this very signature; the arguments are the caller's, the length at most as great.
    unsafe { std::mem::transmute::<*mut c_void, Recv>(real(c"recv", &REAL))(fd, bytes, length, flags) }
}

fn flavours() -> [(&'static str, Runtime); 2] {
    [
        ("current_thread", Builder::new_current_thread().enable_all().build().unwrap()),
        ("multi_thread", Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()),
    ]
}

/// One client says `bytes`, the server says them back.
async fn echo(bytes: &[u8]) -> std::io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let length = bytes.len();
    let server = freewheel::spawn(async move {
        let (mut stream, _) = listener.accept().await?;
        let mut bytes = vec![0; length];
        stream.read_exact(&mut bytes).await?;
        stream.write_all(&bytes).await
    });
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(bytes).await?;
    let mut back = vec![0; length];
    stream.read_exact(&mut back).await?;
    assert_eq!(back, bytes);
    server.await?
}

#[test]
fn fault_48_accept_without_descriptors_is_told_and_works_again_without_a_new_event() {
    in_child("fault_48_accept_without_descriptors_is_told_and_works_again_without_a_new_event", || {
        for (name, runtime) in flavours() {
            for errno in [libc::EMFILE, libc::ENFILE, libc::ENOMEM, libc::ENOBUFS] {
                runtime.block_on(async {
                    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                    // The event of the one and only client is long there when accept is refused.
                    let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
                    ACCEPT.arm(1, 3, errno);
                    for _ in 0..3 {
                        let error = listener.accept().await.unwrap_err();
                        assert_eq!(error.raw_os_error(), Some(errno), "{name}");
                    }
                    let accept = timeout(Duration::from_secs(30), listener.accept()).await;
                    let (_server, peer) =
                        accept.expect("the client is there, yet accept waits for a new event").unwrap();
                    assert_eq!(peer, client.local_addr().unwrap());
                    assert_eq!(ACCEPT.disarm(), 3);
                });
            }
        }
    })
    .assert_ok();
}

#[test]
fn fault_49_a_client_that_left_the_queue_does_not_cost_the_next() {
    in_child("fault_49_a_client_that_left_the_queue_does_not_cost_the_next", || {
        for (name, runtime) in flavours() {
            for errno in [libc::ECONNABORTED, libc::EPROTO, libc::EPERM] {
                for n in 1..=3 {
                    runtime.block_on(async {
                        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                        ACCEPT.arm(n, 1, errno);
                        for _ in 0..3 {
                            let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
                            // Told or passed over, but the next in the queue is served.
                            let accept = async {
                                loop {
                                    match listener.accept().await {
                                        Ok((_, peer)) => return peer,
                                        Err(error) => assert_eq!(error.raw_os_error(), Some(errno), "{name}"),
                                    }
                                }
                            };
                            let peer = timeout(Duration::from_secs(30), accept).await.expect("the next is not served");
                            assert_eq!(peer, client.local_addr().unwrap());
                        }
                        ACCEPT.disarm();
                    });
                }
            }
        }
    })
    .assert_ok();
}

#[test]
fn fault_50_interrupted_calls_are_retried() {
    in_child("fault_50_interrupted_calls_are_retried", || {
        let plans = [("accept4", &ACCEPT), ("recv", &RECV), ("send", &SEND), ("writev", &WRITEV), ("readv", &READV)];
        for (name, runtime) in flavours() {
            for (function, plan) in plans {
                for n in 1..=12 {
                    plan.arm(n, 2, libc::EINTR);
                    let run = runtime.block_on(timeout_of(echo(&[7; 3000])));
                    run.unwrap_or_else(|error| panic!("{name}: {function}, the {n}th: {error}"));
                    plan.disarm();
                }
            }
        }
    })
    .assert_ok();
}

#[test]
fn fault_50_interrupted_datagrams_and_pipes_are_retried() {
    in_child("fault_50_interrupted_datagrams_and_pipes_are_retried", || {
        async fn datagrams() -> std::io::Result<()> {
            let (one, two) = (UdpSocket::bind("127.0.0.1:0").await?, UdpSocket::bind("127.0.0.1:0").await?);
            for _ in 0..4 {
                one.send_to(b"ping", two.local_addr()?).await?;
                let mut bytes = [0; 8];
                let (length, from) = two.recv_from(&mut bytes).await?;
                assert_eq!((&bytes[..length], from), (&b"ping"[..], one.local_addr()?));
            }
            Ok(())
        }
        async fn pipes() -> std::io::Result<()> {
            let mut child = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
            child.stdin.as_mut().unwrap().write_all(b"ping").await?;
            drop(child.stdin.take());
            let output = child.wait_with_output().await?;
            assert_eq!(output.stdout, b"ping");
            Ok(())
        }
        for (name, runtime) in flavours() {
            let mut struck = [0; 4];
            for (index, plan) in [&RECVFROM, &SENDTO, &PIPE_READ, &PIPE_WRITE].into_iter().enumerate() {
                for n in 1..=6 {
                    plan.arm(n, 2, libc::EINTR);
                    let run = runtime.block_on(timeout_of(async {
                        datagrams().await?;
                        pipes().await
                    }));
                    struck[index] += plan.disarm();
                    run.unwrap_or_else(|error| panic!("{name}: plan {index}, the {n}th: {error}"));
                }
            }
            assert!(struck.iter().all(|&struck| struck > 0), "{name}: {struck:?}");
        }
    })
    .assert_ok();
}

async fn timeout_of<T>(future: impl Future<Output = std::io::Result<T>>) -> std::io::Result<T> {
    timeout(Duration::from_secs(30), future).await.expect("it hangs")
}

#[test]
fn fault_50_an_interrupted_connect_goes_on_or_is_told() {
    in_child("fault_50_an_interrupted_connect_goes_on_or_is_told", || {
        for (_, runtime) in flavours() {
            CONNECT.arm(1, 1, libc::EINTR);
            let outcome = runtime.block_on(timeout_of(echo(b"hello")));
            assert_eq!(CONNECT.disarm(), 1);
            outcome.unwrap();
        }
    })
    .assert_ok();
}

#[test]
fn fault_57_a_connect_that_fails_is_told_with_its_kind() {
    use std::io::ErrorKind;
    in_child("fault_57_a_connect_that_fails_is_told_with_its_kind", || {
        let kinds = [
            (libc::ECONNREFUSED, ErrorKind::ConnectionRefused),
            (libc::ENETUNREACH, ErrorKind::NetworkUnreachable),
            (libc::ETIMEDOUT, ErrorKind::TimedOut),
        ];
        for (_, runtime) in flavours() {
            let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
            let address = listener.local_addr().unwrap();
            let descriptors = support::file_descriptors();
            for (errno, kind) in kinds {
                CONNECT.arm(1, 1, errno);
                let error = runtime.block_on(TcpStream::connect(address)).unwrap_err();
                CONNECT.disarm();
                assert_eq!(error.kind(), kind);
                eventually(|| support::file_descriptors() == descriptors);
            }
        }
    })
    .assert_ok();
}

#[test]
fn fault_51_one_byte_at_a_time_all_arrive_in_order() {
    in_child("fault_51_one_byte_at_a_time_all_arrive_in_order", || {
        for (_, runtime) in flavours() {
            runtime
                .block_on(timeout_of(async {
                    let listener = TcpListener::bind("127.0.0.1:0").await?;
                    let mut client = TcpStream::connect(listener.local_addr()?).await?;
                    let (mut server, _) = listener.accept().await?;
                    client.set_nodelay(true)?;
                    let writer = freewheel::spawn(async move {
                        for number in 0..5_000u32 {
                            assert_eq!(client.write(&[(number % 251) as u8]).await.unwrap(), 1);
                        }
                    });
                    let mut byte = [0];
                    for number in 0..5_000u32 {
                        assert_eq!(server.read(&mut byte).await?, 1);
                        assert_eq!(u32::from(byte[0]), number % 251);
                    }
                    writer.await.unwrap();
                    assert_eq!(server.read(&mut byte).await?, 0);
                    Ok(())
                }))
                .unwrap();
        }
    })
    .assert_ok();
}

#[test]
fn fault_51_reads_cut_short_by_injection_go_on_to_the_end() {
    in_child("fault_51_reads_cut_short_by_injection_go_on_to_the_end", || {
        let bytes: Vec<u8> = (0..5_000u32).map(|number| (number % 251) as u8).collect();
        for (_, runtime) in flavours() {
            let bytes = bytes.clone();
            let reading = async {
                let listener = TcpListener::bind("127.0.0.1:0").await?;
                let mut client = TcpStream::connect(listener.local_addr()?).await?;
                let (mut server, _) = listener.accept().await?;
                client.write_all(&bytes).await?;
                client.shutdown().await?;
                // A kernel that gave less than it has would owe an event (io/registration.rs). Here it is that of the end:
                // it is told only when all has been read, whatever the reads before it were short of.
                ONE_BYTE.store(true, Ordering::Relaxed);
                let mut seen = Vec::new();
                server.read_to_end(&mut seen).await?;
                ONE_BYTE.store(false, Ordering::Relaxed);
                assert_eq!(seen, bytes);
                Ok(())
            };
            runtime.block_on(timeout_of(reading)).unwrap();
        }
    })
    .assert_ok();
}

#[test]
fn fault_51_writes_cut_short_by_a_full_buffer_go_on() {
    in_child("fault_51_writes_cut_short_by_a_full_buffer_go_on", || {
        let bytes: Vec<u8> = (0..12_000_000u32).map(|number| (number % 251) as u8).collect();
        for (_, runtime) in flavours() {
            let bytes = bytes.clone();
            let transfer = async {
                let listener = TcpListener::bind("127.0.0.1:0").await?;
                let mut client = TcpStream::connect(listener.local_addr()?).await?;
                let (mut server, _) = listener.accept().await?;
                let full = support::Gate::new();
                let filled = full.wait();
                let reader = freewheel::spawn(async move {
                    filled.await;
                    let mut seen = Vec::new();
                    server.read_to_end(&mut seen).await.map(|_| seen)
                });
                let (mut written, mut short) = (0, 0);
                while written < bytes.len() {
                    let some = client.write(&bytes[written..]).await?;
                    written += some;
                    short += usize::from(written < bytes.len());
                    full.open();
                }
                client.shutdown().await?;
                assert!(short > 0, "no write was short");
                assert!(reader.await?? == bytes, "what was read is not what was written");
                Ok(())
            };
            runtime.block_on(timeout_of(transfer)).unwrap();
        }
    })
    .assert_ok();
}

/// Sends an urgent byte; false if the system has none for this kind of socket.
fn send_urgent(socket: &impl AsRawFd) -> bool {
    // SAFETY: the pointer and the length are the array's.
    unsafe { libc::send(socket.as_raw_fd(), b"!".as_ptr().cast(), 1, libc::MSG_OOB) == 1 }
}

/// Reads `ab` and `cd`, with an urgent byte between them.
async fn read_around_the_urgent_byte(reader: &mut (impl AsyncRead + Unpin)) {
    // Turns of the reactor: it has taken the events of all that was sent.
    for _ in 0..5 {
        freewheel::time::sleep(Duration::from_millis(1)).await;
    }
    // The kernel ends a read before the urgent byte, though there is more: no edge comes for what follows.
    let mut seen = Vec::new();
    while seen.len() < 4 {
        let mut bytes = [0; 64];
        let read = timeout(Duration::from_secs(10), reader.read(&mut bytes)).await;
        let read = read.unwrap_or_else(|_| panic!("what lies behind the urgent byte never comes: {seen:?}"));
        seen.extend_from_slice(&bytes[..read.unwrap()]);
    }
    assert_eq!(seen, b"abcd");
}

#[test]
fn fault_51_a_short_read_at_an_urgent_byte_is_not_the_last() {
    in_child("fault_51_a_short_read_at_an_urgent_byte_is_not_the_last", || {
        for (_, runtime) in flavours() {
            runtime.block_on(async {
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
                let (mut server, _) = listener.accept().await.unwrap();
                for _ in 0..3 {
                    client.write_all(b"ab").await.unwrap();
                    assert!(send_urgent(&client));
                    client.write_all(b"cd").await.unwrap();
                    read_around_the_urgent_byte(&mut server).await;
                }
                let (mut ours, mut theirs) = UnixStream::pair().unwrap();
                ours.write_all(b"ab").await.unwrap();
                if send_urgent(&ours) {
                    ours.write_all(b"cd").await.unwrap();
                    read_around_the_urgent_byte(&mut theirs).await;
                }
            });
        }
    })
    .assert_ok();
}

#[test]
fn fault_52_a_socket_that_is_not_ready_is_asked_no_more_than_it_says() {
    in_child("fault_52_a_socket_that_is_not_ready_is_asked_no_more_than_it_says", || {
        for (name, runtime) in flavours() {
            runtime.block_on(async {
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
                let (mut server, _) = listener.accept().await.unwrap();
                RECV.arm(0, 0, 0);
                let reader = freewheel::spawn(async move {
                    let mut byte = [0];
                    server.read(&mut byte).await.unwrap()
                });
                // Many turns of the reactor, none of them for this socket.
                for _ in 0..20 {
                    freewheel::time::sleep(Duration::from_millis(1)).await;
                }
                let asked = RECV.calls();
                assert!(asked <= 2, "{name}: asked {asked} times though nothing came");
                client.write_all(b"x").await.unwrap();
                assert_eq!(reader.await.unwrap(), 1);
            });
        }
    })
    .assert_ok();
}

#[test]
fn a_recv_that_fails_is_told_and_only_to_its_reader() {
    in_child("a_recv_that_fails_is_told_and_only_to_its_reader", || {
        for (_, runtime) in flavours() {
            for n in 1..20 {
                RECV.arm(n, 1, libc::ECONNRESET);
                let outcome = runtime.block_on(async { timeout(Duration::from_secs(30), echo(b"hello")).await });
                let struck = RECV.disarm();
                let outcome = outcome.expect("it hangs");
                assert_eq!(outcome.is_err(), struck > 0, "{outcome:?}");
                if struck == 0 {
                    break;
                }
            }
            runtime.block_on(echo(b"hello")).unwrap();
        }
    })
    .assert_ok();
}
