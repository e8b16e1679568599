//! Hello over HTTP/1.1: one connection through hyper, the same for every runtime.

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::rt::{Read, Write};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use std::convert::Infallible;

/// Serves one connection until the client leaves it.
pub(super) async fn connection<S: Read + Write + Unpin + 'static>(stream: S) {
    // An error is a client that hung up, as every load does at its end.
    let _ = http1::Builder::new().serve_connection(stream, service_fn(hello)).await;
}

async fn hello(_: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    Ok(Response::new(Full::new(Bytes::from_static(b"Hello, World!"))))
}
