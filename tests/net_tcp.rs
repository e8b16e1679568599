//! TCP as a program sees it: streams, halves, listeners, and what is told when something goes wrong.

mod support;

use freewheel::io::{AsyncReadExt, AsyncWriteExt, Interest};
use freewheel::net::{TcpListener, TcpSocket, TcpStream};
use std::io::{ErrorKind, IoSlice, Read, Write};
use std::net::{Ipv4Addr, SocketAddr};

const HERE: (Ipv4Addr, u16) = (Ipv4Addr::LOCALHOST, 0);

/// Two ends of a connection.
async fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind(HERE).await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (server, peer) = listener.accept().await.unwrap();
    assert_eq!(peer, client.local_addr().unwrap());
    (client, server)
}

fn with_timeout<R>(body: impl FnOnce() -> R) -> R {
    support::test(body)
}

/// Each test runs on both flavours, under the watchdog.
macro_rules! on_both {
    ($($name:ident $body:block)*) => {$(
        #[test]
        fn $name() {
            async fn body() $body
            with_timeout(|| {
                let mut one = freewheel::runtime::Builder::new_current_thread();
                one.enable_all().build().unwrap().block_on(body());
                let mut many = freewheel::runtime::Builder::new_multi_thread();
                many.worker_threads(2).enable_all().build().unwrap().block_on(async {
                    freewheel::spawn(body()).await.unwrap();
                });
            });
        }
    )*};
}

on_both! {
    an_echo_gives_back_every_byte {
        let (mut client, mut server) = pair().await;
        let echo = freewheel::spawn(async move {
            let (mut reader, mut writer) = server.split();
            freewheel::io::copy(&mut reader, &mut writer).await
        });
        let data: Vec<u8> = (0..1_000_000u32).map(|index| (index % 251) as u8).collect();
        let (mut reader, mut writer) = client.split();
        let writes = async {
            writer.write_all(&data).await.unwrap();
            writer.shutdown().await.unwrap();
        };
        let mut back = Vec::new();
        let ((), read) = freewheel::join!(writes, reader.read_to_end(&mut back));
        assert_eq!(read.unwrap(), data.len());
        assert!(back == data);
        assert_eq!(echo.await.unwrap().unwrap(), data.len() as u64);
    }

    a_half_close_leaves_the_other_direction_open {
        let (mut client, mut server) = pair().await;
        client.write_all(b"question").await.unwrap();
        client.shutdown().await.unwrap();
        client.shutdown().await.unwrap();
        let mut text = String::new();
        server.read_to_string(&mut text).await.unwrap();
        server.write_all(b"answer").await.unwrap();
        drop(server);
        client.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "questionanswer");
        assert_eq!(client.write_all(b"more").await.unwrap_err().kind(), ErrorKind::BrokenPipe);
    }

    owned_halves_in_two_tasks_and_together_again {
        let (client, server) = pair().await;
        let (mut reader, mut writer) = client.into_split();
        let (mut far_reader, mut far_writer) = server.into_split();
        let writes = freewheel::spawn(async move {
            writer.write_all(b"there").await.unwrap();
            writer
        });
        let mut buf = [0; 5];
        far_reader.read_exact(&mut buf).await.unwrap();
        far_writer.write_all(b"back!").await.unwrap();
        reader.read_exact(&mut buf).await.unwrap();
        assert_eq!(&buf, b"back!");

        let writer = writes.await.unwrap();
        let error = reader.reunite(far_writer).unwrap_err();
        assert!(error.to_string().contains("not from the same socket"));
        let (reader, far_writer) = (error.0, error.1);
        let mut client = reader.reunite(writer).unwrap();
        let mut server = far_writer.reunite(far_reader).unwrap();
        client.write_all(b"again").await.unwrap();
        server.read_exact(&mut buf).await.unwrap();
        assert_eq!(&buf, b"again");
    }

    dropping_the_owned_writer_ends_writing_and_forgetting_it_does_not {
        let (client, mut server) = pair().await;
        let (mut reader, writer) = client.into_split();
        drop(writer);
        assert_eq!(server.read(&mut [0; 1]).await.unwrap(), 0);
        server.write_all(b"x").await.unwrap();
        assert_eq!(reader.read_u8().await.unwrap(), b'x');

        let (client, server) = pair().await;
        let (_reader, writer) = client.into_split();
        writer.forget();
        assert_eq!(server.try_read(&mut [0; 1]).unwrap_err().kind(), ErrorKind::WouldBlock);
    }

    peeking_takes_nothing {
        let (mut client, mut server) = pair().await;
        client.write_all(b"peek").await.unwrap();
        let mut buf = [0; 2];
        assert_eq!(server.peek(&mut buf).await.unwrap(), 2);
        assert_eq!(server.peek(&mut buf).await.unwrap(), 2);
        let mut all = [0; 4];
        server.read_exact(&mut all).await.unwrap();
        assert_eq!((&buf, &all), (b"pe", b"peek"));
    }

    slices_are_written_in_order_be_they_few_bytes_or_many {
        let (mut client, mut server) = pair().await;
        let bytes: Vec<u8> = (0..5000u32).map(|number| number as u8 ^ (number >> 8) as u8).collect();
        // Where the second slice begins, the third, and where that ends.
        let cuts = [[0, 0, 0], [0, 1, 1], [2, 2, 9], [1, 900, 1023], [24, 1024, 1024], [0, 700, 1025], [1, 2500, 5000]];
        for [one, two, length] in cuts {
            let slices = [&bytes[..one], &bytes[one..two], &bytes[two..length]].map(IoSlice::new);
            let mut written = client.write_vectored(&slices).await.unwrap();
            assert!(written > 0 || length == 0);
            while written < length {
                written += client.write(&bytes[written..length]).await.unwrap();
            }
            assert_eq!(written, length);
            let mut read = vec![0; length];
            server.read_exact(&mut read).await.unwrap();
            assert_eq!(read, bytes[..length]);
        }
    }

    trying_without_waiting_and_waiting_for_readiness {
        let (client, server) = pair().await;
        let mut buf = Vec::with_capacity(16);
        assert_eq!(server.try_read_buf(&mut buf).unwrap_err().kind(), ErrorKind::WouldBlock);
        client.writable().await.unwrap();
        assert_eq!(client.try_write_vectored(&[IoSlice::new(b"ab"), IoSlice::new(b"c")]).unwrap(), 3);
        server.readable().await.unwrap();
        assert_eq!(server.try_read_buf(&mut buf).unwrap(), 3);
        assert_eq!(buf, b"abc");
        assert_eq!(server.try_read(&mut [0; 4]).unwrap_err().kind(), ErrorKind::WouldBlock);
        let ready = server.ready(Interest::READABLE | Interest::WRITABLE).await.unwrap();
        assert!(ready.is_writable() && !ready.is_readable());
        drop(client);
        let ready = server.ready(Interest::READABLE).await.unwrap();
        assert!(ready.is_readable());
        assert_eq!(server.try_read(&mut [0; 4]).unwrap(), 0);
    }

    fault_51_one_byte_at_a_time_keeps_the_order {
        let (mut client, mut server) = pair().await;
        client.set_nodelay(true).unwrap();
        let data: Vec<u8> = (0..2000u32).map(|index| (index % 256) as u8).collect();
        let sent = data.clone();
        let writes = freewheel::spawn(async move {
            for byte in sent {
                assert_eq!(client.write(&[byte]).await.unwrap(), 1);
            }
        });
        let mut got = Vec::new();
        let mut one = [0; 1];
        while server.read(&mut one).await.unwrap() == 1 {
            got.push(one[0]);
        }
        writes.await.unwrap();
        assert!(got == data);
    }

    fault_52_readiness_that_proves_stale_waits_again {
        let (mut client, server) = pair().await;
        // A fresh socket is taken to be readable; it is not.
        assert_eq!(server.try_read(&mut [0; 1]).unwrap_err().kind(), ErrorKind::WouldBlock);
        let reads = freewheel::spawn(async move {
            let mut polls = 0;
            let mut server = server;
            let mut buf = [0; 1];
            let mut read = Box::pin(server.read(&mut buf));
            let result = std::future::poll_fn(|cx| {
                polls += 1;
                read.as_mut().poll(cx)
            })
            .await;
            drop(read);
            assert_eq!((result.unwrap(), buf), (1, *b"x"));
            polls
        });
        for _ in 0..50 {
            freewheel::task::yield_now().await;
        }
        client.write_all(b"x").await.unwrap();
        assert!(reads.await.unwrap() <= 3, "it was polled in vain");
    }

    fault_54_reader_and_writer_in_different_tasks_and_swapped {
        let (client, server) = pair().await;
        let (mut reader, mut writer) = client.into_split();
        let (mut far_reader, mut far_writer) = server.into_split();
        // A read that waits in one task moves to another, which alone is woken from then on.
        let first = support::poll_once(std::pin::pin!(reader.read_u8()));
        assert!(first.is_pending());
        let reads = freewheel::spawn(async move { reader.read_u8().await });
        let writes = freewheel::spawn(async move {
            // More than the buffers hold: this waits as well.
            writer.write_all(&vec![7; 8 << 20]).await
        });
        freewheel::task::yield_now().await;
        far_writer.write_all(b"r").await.unwrap();
        assert_eq!(reads.await.unwrap().unwrap(), b'r');
        let mut all = Vec::new();
        far_reader.read_to_end(&mut all).await.unwrap();
        assert_eq!(all.len(), 8 << 20);
        writes.await.unwrap().unwrap();
    }

    fault_55_a_new_socket_with_the_old_number_never_sees_the_old_event {
        for _ in 0..200 {
            let (mut client, server) = pair().await;
            // An event for `server` is on its way while it is closed.
            client.write_all(b"late").await.unwrap();
            drop(server);
            let (fresh, _peer) = pair().await;
            let mut buf = [0; 4];
            assert_eq!(fresh.try_read(&mut buf).unwrap_err().kind(), ErrorKind::WouldBlock);
            let mut waits = Box::pin(fresh.readable());
            for _ in 0..3 {
                assert!(support::poll_once(waits.as_mut()).is_pending(), "nobody has written to this socket");
                freewheel::task::yield_now().await;
            }
        }
    }

    fault_56_a_reset_wakes_a_writer_that_waits {
        let (mut client, server) = pair().await;
        let writes = freewheel::spawn(async move {
            let error = client.write_all(&vec![0; 64 << 20]).await.unwrap_err();
            error.kind()
        });
        freewheel::task::yield_now().await;
        server.set_zero_linger().unwrap();
        drop(server);
        let kind = writes.await.unwrap();
        assert!(matches!(kind, ErrorKind::ConnectionReset | ErrorKind::BrokenPipe), "{kind:?}");
    }

    fault_56_a_peer_that_goes_wakes_a_writer_that_waits {
        let (client, server) = pair().await;
        let (_reader, mut writer) = client.into_split();
        let writes = freewheel::spawn(async move { writer.write_all(&vec![0; 64 << 20]).await });
        freewheel::task::yield_now().await;
        drop(server);
        assert!(writes.await.unwrap().is_err());
    }

    fault_57_refused_says_so_and_names_the_address {
        let listener = TcpListener::bind(HERE).await.unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let error = TcpStream::connect(address).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        assert!(error.to_string().contains(&address.to_string()), "{error}");
        let other = SocketAddr::from(([127, 0, 0, 2], address.port()));
        let error = TcpStream::connect(&[address, other][..]).await.unwrap_err();
        assert!(error.to_string().contains("127.0.0.1") && error.to_string().contains("127.0.0.2"), "{error}");
        let error = TcpSocket::new_v4().unwrap().connect(address).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    }

    the_second_address_is_tried_when_the_first_refuses {
        let listener = TcpListener::bind(HERE).await.unwrap();
        let good = listener.local_addr().unwrap();
        let bad = SocketAddr::from(([127, 0, 0, 1], 1));
        let stream = TcpStream::connect(&[bad, good][..]).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), good);
    }

    an_address_that_is_taken_is_named {
        let listener = TcpListener::bind(HERE).await.unwrap();
        let address = listener.local_addr().unwrap();
        let error = TcpListener::bind(address).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
        assert!(error.to_string().contains(&address.to_string()), "{error}");
    }

    texts_that_are_no_addresses_are_refused {
        for text in ["127.0.0.1", "localhost", "localhost:port", "localhost:70000"] {
            let error = TcpStream::connect(text).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{text}");
            assert!(error.to_string().contains(text), "{error}");
        }
        let none: &[SocketAddr] = &[];
        assert_eq!(TcpStream::connect(none).await.unwrap_err().kind(), ErrorKind::InvalidInput);
    }

    names_are_looked_up {
        let found: Vec<SocketAddr> = freewheel::net::lookup_host("localhost:80").await.unwrap().collect();
        assert!(!found.is_empty() && found.iter().all(|address| address.ip().is_loopback() && address.port() == 80));
        let listener = TcpListener::bind("localhost:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        TcpStream::connect(("localhost", port)).await.unwrap();
        TcpStream::connect(format!("localhost:{port}")).await.unwrap();
    }

    fault_61_a_blocking_socket_is_refused_with_the_cure {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let error = TcpListener::from_std(listener).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().contains("set_nonblocking(true)"), "{error}");
        assert!(TcpStream::from_std(stream).is_err());
    }

    streams_come_from_and_go_to_the_standard_library {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        client.set_nonblocking(true).unwrap();
        let mut client = TcpStream::try_from(client).unwrap();
        let (mut far, _) = listener.accept().unwrap();
        client.write_all(b"in").await.unwrap();
        let mut client = client.into_std().unwrap();
        client.set_nonblocking(false).unwrap();
        client.write_all(b"out").unwrap();
        let mut buf = [0; 5];
        far.read_exact(&mut buf).unwrap();
        assert_eq!(&buf, b"inout");

        listener.set_nonblocking(true).unwrap();
        let listener = TcpListener::try_from(listener).unwrap();
        listener.into_std().unwrap();
    }

    options_are_set_and_read {
        let (client, _server) = pair().await;
        client.set_nodelay(true).unwrap();
        assert!(client.nodelay().unwrap());
        client.set_ttl(42).unwrap();
        assert_eq!(client.ttl().unwrap(), 42);
        assert_eq!(client.linger().unwrap(), None);
        client.set_zero_linger().unwrap();
        assert_eq!(client.linger().unwrap(), Some(std::time::Duration::ZERO));
        assert!(client.take_error().unwrap().is_none());
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_reuseaddr(true).unwrap();
        socket.set_keepalive(true).unwrap();
        assert!(socket.reuseaddr().unwrap() && socket.keepalive().unwrap());
        socket.set_send_buffer_size(16 * 1024).unwrap();
        assert!(socket.send_buffer_size().unwrap() >= 16 * 1024);
    }

    a_cancelled_read_has_read_nothing {
        let (mut client, mut server) = pair().await;
        let mut buf = [0; 8];
        for round in 0..100u8 {
            freewheel::select! {
                biased;
                _ = server.read(&mut buf) => panic!("there was nothing to read"),
                () = std::future::ready(()) => {}
            }
            client.write_all(&[round]).await.unwrap();
            assert_eq!(server.read_u8().await.unwrap(), round);
        }
    }

    a_cancelled_accept_has_taken_no_connection {
        let listener = TcpListener::bind(HERE).await.unwrap();
        freewheel::select! {
            biased;
            _ = listener.accept() => panic!("nobody has connected"),
            () = std::future::ready(()) => {}
        }
        let _client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        listener.accept().await.unwrap();
    }

    several_tasks_accept_from_one_listener {
        let listener = std::sync::Arc::new(TcpListener::bind(HERE).await.unwrap());
        let address = listener.local_addr().unwrap();
        let accepts: Vec<_> = (0..8)
            .map(|_| {
                let listener = listener.clone();
                freewheel::spawn(async move { listener.accept().await.map(|(_, peer)| peer) })
            })
            .collect();
        freewheel::task::yield_now().await;
        let mut clients = Vec::new();
        for _ in 0..8 {
            clients.push(TcpStream::connect(address).await.unwrap());
        }
        let mut peers: Vec<_> = clients.iter().map(|client| client.local_addr().unwrap()).collect();
        let mut accepted = Vec::new();
        for accept in accepts {
            accepted.push(accept.await.unwrap().unwrap());
        }
        peers.sort();
        accepted.sort();
        assert_eq!(peers, accepted);
    }

    many_connections_at_once {
        let listener = TcpListener::bind(HERE).await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = freewheel::spawn(async move {
            for _ in 0..200 {
                let (mut stream, _) = listener.accept().await.unwrap();
                freewheel::spawn(async move {
                    let number = stream.read_u32().await.unwrap();
                    stream.write_u32(number + 1).await.unwrap();
                });
            }
        });
        let clients: Vec<_> = (0..200u32)
            .map(|number| {
                freewheel::spawn(async move {
                    let mut stream = TcpStream::connect(address).await.unwrap();
                    stream.write_u32(number).await.unwrap();
                    assert_eq!(stream.read_u32().await.unwrap(), number + 1);
                })
            })
            .collect();
        for client in clients {
            client.await.unwrap();
        }
        server.await.unwrap();
    }

    a_read_into_no_room_is_no_end {
        let (mut client, mut server) = pair().await;
        client.write_all(b"x").await.unwrap();
        assert_eq!(server.read(&mut []).await.unwrap(), 0);
        assert_eq!(server.read_u8().await.unwrap(), b'x');
    }
}

#[test]
fn fault_28_outside_a_runtime_the_panic_says_what_is_missing() {
    with_timeout(|| {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let text = support::must_panic(|| TcpListener::from_std(listener));
        assert!(text.contains("there is no reactor running"), "{text}");
    });
}

#[test]
fn fault_29_what_waits_when_the_runtime_goes_gets_an_error() {
    with_timeout(|| {
        let mut builder = freewheel::runtime::Builder::new_multi_thread();
        let runtime = builder.worker_threads(1).enable_all().build().unwrap();
        let (client, server) = runtime.block_on(async { freewheel::spawn(pair()).await.unwrap() });
        let mut other = freewheel::runtime::Builder::new_current_thread();
        let other = other.enable_all().build().unwrap();
        drop(runtime);
        let error = other.block_on(client.readable()).unwrap_err();
        assert!(error.to_string().contains("shut down"), "{error}");
        drop(server);
    });
}

#[test]
fn sockets_are_send_sync_unpin_and_unwind_safe() {
    fn check<T: Send + Sync + Unpin + std::panic::UnwindSafe + std::panic::RefUnwindSafe>() {}
    check::<TcpStream>();
    check::<TcpListener>();
    check::<TcpSocket>();
    check::<freewheel::net::tcp::OwnedReadHalf>();
    check::<freewheel::net::UdpSocket>();
}
