//! hyper's server and hyper's client, both on freewheel, over loopback.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::{Duration, Instant};

use bytes::Bytes;
use freewheel::io::{AsyncReadExt, AsyncWriteExt};
use freewheel::net::{TcpListener, TcpStream};
use freewheel_compat::{Exec, HyperIo, Timer};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use hyper::rt::Timer as _;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode, client, header, server};

/// No test here takes a second; one that takes this long hangs.
const WATCHDOG: Duration = Duration::from_secs(60);

fn run(test: impl Future<Output = ()>) {
    let runtime = freewheel::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async { freewheel::time::timeout(WATCHDOG, test).await.expect("the test hangs") });
}

/// Answers with the request's own body.
async fn echo(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let body = request.into_body().collect().await?.to_bytes();
    Ok(Response::new(Full::new(body)))
}

async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    (listener, addr)
}

fn post(body: impl Into<Bytes>) -> Request<Full<Bytes>> {
    Request::post("/").header(header::HOST, "localhost").body(Full::new(body.into())).unwrap()
}

async fn body_of<B: Body<Error = hyper::Error>>(response: Response<B>) -> Bytes {
    assert_eq!(response.status(), StatusCode::OK);
    response.into_body().collect().await.unwrap().to_bytes()
}

/// More than any socket buffer holds, and no two neighbouring pages alike.
fn large_body() -> Bytes {
    (0..4_000_000_u32).map(|i| (i / 7) as u8).collect()
}

#[test]
fn http1_keeps_a_connection_alive_and_carries_bodies_whole() {
    run(async {
        let (listener, addr) = listen().await;
        let server = freewheel::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            server::conn::http1::Builder::new()
                .timer(Timer::new())
                .serve_connection(HyperIo::new(stream), service_fn(echo))
                .await
        });

        let stream = TcpStream::connect(addr).await.unwrap();
        let (mut sender, connection) = client::conn::http1::handshake(HyperIo::new(stream)).await.unwrap();
        let connection = freewheel::spawn(connection);
        for body in [Bytes::new(), Bytes::from_static(b"freewheel"), large_body()] {
            sender.ready().await.unwrap();
            assert_eq!(body_of(sender.send_request(post(body.clone())).await.unwrap()).await, body);
        }
        drop(sender);
        connection.await.unwrap().unwrap();
        server.await.unwrap().unwrap();
    });
}

#[test]
fn http2_runs_its_streams_as_freewheel_tasks() {
    run(async {
        let (listener, addr) = listen().await;
        let server = freewheel::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            server::conn::http2::Builder::new(Exec::new())
                .timer(Timer::new())
                .keep_alive_interval(Duration::from_secs(10))
                .serve_connection(HyperIo::new(stream), service_fn(echo))
                .await
        });

        let stream = TcpStream::connect(addr).await.unwrap();
        let (sender, connection) = client::conn::http2::handshake(Exec::new(), HyperIo::new(stream)).await.unwrap();
        let connection = freewheel::spawn(connection);
        let requests: Vec<_> = (0..50_u8)
            .map(|i| {
                let mut sender = sender.clone();
                freewheel::spawn(async move {
                    let body = vec![i; 10_000];
                    let request =
                        Request::post("http://localhost/").body(Full::new(Bytes::from(body.clone()))).unwrap();
                    assert_eq!(body_of(sender.send_request(request).await.unwrap()).await, body);
                })
            })
            .collect();
        for request in requests {
            request.await.unwrap();
        }
        drop(sender);
        connection.await.unwrap().unwrap();
        server.await.unwrap().unwrap();
    });
}

#[test]
fn a_client_that_says_nothing_is_cut_off_by_the_header_timeout() {
    run(async {
        let (listener, addr) = listen().await;
        let timeout = Duration::from_millis(50);
        let server = freewheel::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            server::conn::http1::Builder::new()
                .timer(Timer::new())
                .header_read_timeout(timeout)
                .serve_connection(HyperIo::new(stream), service_fn(echo))
                .await
        });

        let started = Instant::now();
        let mut stream = TcpStream::connect(addr).await.unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nHost: lo").await.unwrap();
        assert!(server.await.unwrap().unwrap_err().is_timeout());
        assert!(started.elapsed() >= timeout);
    });
}

#[test]
fn an_upgraded_connection_is_a_freewheel_stream_again() {
    async fn upgrade(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
        freewheel::spawn(async move {
            let mut stream = HyperIo::new(hyper::upgrade::on(request).await.unwrap());
            let mut ping = [0; 4];
            stream.read_exact(&mut ping).await.unwrap();
            assert_eq!(&ping, b"ping");
            stream.write_all(b"pong").await.unwrap();
            stream.shutdown().await.unwrap();
        });
        let switching = Response::builder()
            .status(StatusCode::SWITCHING_PROTOCOLS)
            .header(header::CONNECTION, "upgrade")
            .header(header::UPGRADE, "ping");
        Ok(switching.body(Full::default()).unwrap())
    }

    run(async {
        let (listener, addr) = listen().await;
        let server = freewheel::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            server::conn::http1::Builder::new()
                .serve_connection(HyperIo::new(stream), service_fn(upgrade))
                .with_upgrades()
                .await
        });

        let stream = TcpStream::connect(addr).await.unwrap();
        let (mut sender, connection) = client::conn::http1::handshake(HyperIo::new(stream)).await.unwrap();
        let connection = freewheel::spawn(connection.with_upgrades());
        let mut request = post("");
        request.headers_mut().insert(header::CONNECTION, "upgrade".parse().unwrap());
        request.headers_mut().insert(header::UPGRADE, "ping".parse().unwrap());
        let response = sender.send_request(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::SWITCHING_PROTOCOLS);

        let mut stream = HyperIo::new(hyper::upgrade::on(response).await.unwrap());
        stream.write_all(b"ping").await.unwrap();
        let mut pong = String::new();
        stream.read_to_string(&mut pong).await.unwrap();
        assert_eq!(pong, "pong");
        connection.await.unwrap().unwrap();
        server.await.unwrap().unwrap();
    });
}

#[test]
fn the_timer_is_never_early_and_moves_its_deadlines() {
    run(async {
        let timer = Timer::new();
        let started = timer.now();
        timer.sleep(Duration::from_millis(20)).await;
        assert!(started.elapsed() >= Duration::from_millis(20));
        timer.sleep_until(started).await; // already past

        let mut far = timer.sleep(Duration::from_secs(3600));
        let near = Instant::now() + Duration::from_millis(20);
        timer.reset(&mut far, near);
        far.await;
        assert!(Instant::now() >= near);
    });
}

#[test]
fn the_timer_replaces_another_timers_sleep_at_a_reset() {
    struct Never;
    impl Future for Never {
        type Output = ();
        fn poll(self: std::pin::Pin<&mut Self>, _: &mut std::task::Context<'_>) -> std::task::Poll<()> {
            std::task::Poll::Pending
        }
    }
    impl hyper::rt::Sleep for Never {}

    run(async {
        let mut sleep: std::pin::Pin<Box<dyn hyper::rt::Sleep>> = Box::pin(Never);
        Timer::new().reset(&mut sleep, Instant::now());
        sleep.await;
    });
}

#[test]
fn the_wrapper_gives_its_stream_back() {
    let mut io = HyperIo::new(vec![1_u8]);
    io.get_mut().push(2);
    assert_eq!(io.get_ref(), &[1, 2]);
    pin!(&mut io).get_mut().get_mut().push(3);
    assert_eq!(io.into_inner(), [1, 2, 3]);
}
