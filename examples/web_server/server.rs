//! One connection: how it is accepted, served, and brought to an end.

use std::convert::Infallible;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use freewheel::net::{TcpListener, TcpStream};
use freewheel::{select, time};
use freewheel_compat::{HyperIo, Timer};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::{Request, service::service_fn};

use crate::connections::Bell;
use crate::html::Page;
use crate::log::log;
use crate::pages;

/// A client that takes longer than this over a request's header is cut off, and so is an idle one.
const HEADER_TIMEOUT: Duration = Duration::from_secs(30);

/// The next connection, whatever happens. One lost connection is not the server's end, nor is a lack of descriptors
/// or memory: that passes as clients leave, and until it has, this waits a little longer each time.
pub(crate) async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    let mut pause = Duration::from_millis(5);
    loop {
        match listener.accept().await {
            Ok(connection) => return connection,
            Err(error) if matches!(error.kind(), ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset) => {}
            Err(error) => {
                log!("cannot accept: {error}; trying again in {pause:?}");
                time::sleep(pause).await;
                pause = (pause * 2).min(Duration::from_secs(1));
            }
        }
    }
}

/// Serves one client, from its first request to its last.
pub(crate) async fn serve(stream: TcpStream, peer: SocketAddr, bell: Arc<Bell>) {
    let _ = stream.set_nodelay(true); // an answer is one write: nothing would be gained by waiting for more
    let service = service_fn(move |request| respond(request, peer));
    let mut connection = pin!(
        http1::Builder::new()
            .timer(Timer::new())
            .header_read_timeout(HEADER_TIMEOUT)
            .serve_connection(HyperIo::new(stream), service)
    );
    let served = select! {
        served = connection.as_mut() => served,
        () = bell.rung() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = served {
        log!("{peer} {error}"); // it hung up in the middle, or what it spoke was not HTTP
    }
}

async fn respond(request: Request<Incoming>, peer: SocketAddr) -> Result<Page, Infallible> {
    let started = Instant::now();
    let page = pages::answer(&request).await;
    log!("{peer} {} {} {} {:.1?}", request.method(), request.uri(), page.status().as_u16(), started.elapsed());
    Ok(page)
}
