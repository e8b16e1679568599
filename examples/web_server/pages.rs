//! The pages: which function answers which request.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;
use std::time::{Duration, Instant};
use std::{future, hint, thread};

use freewheel::task::spawn_blocking;
use freewheel::time::sleep;
use hyper::header::{ALLOW, HeaderValue};
use hyper::{Method, Request, StatusCode, Uri};

use crate::html::{Page, failure, file, percent_decoded, report};

/// No page works longer than this, whatever is asked of it.
const LONGEST_MS: u64 = 10_000;

/// The answer to a request. A handler that panics is answered for as well.
pub(crate) async fn answer<B>(request: &Request<B>) -> Page {
    if ![Method::GET, Method::HEAD].contains(request.method()) {
        let mut refusal = failure(StatusCode::METHOD_NOT_ALLOWED, "This server knows GET and HEAD.");
        refusal.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return refusal;
    }
    let mut handler = pin!(route(request.uri()));
    future::poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| handler.as_mut().poll(cx))) {
        Ok(Poll::Pending) => Poll::Pending,
        Ok(Poll::Ready(Ok(page))) => Poll::Ready(page),
        Ok(Poll::Ready(Err(message))) => Poll::Ready(failure(StatusCode::BAD_REQUEST, &message)),
        Err(_) => Poll::Ready(failure(StatusCode::INTERNAL_SERVER_ERROR, "The handler panicked. The server did not.")),
    })
    .await
}

async fn route(uri: &Uri) -> Result<Page, String> {
    Ok(match uri.path() {
        "/" => file("text/html", include_str!("index.html")),
        "/style.css" => file("text/css", include_str!("style.css")),
        "/sleep" => {
            let pause = pause_in(uri)?;
            sleep(pause).await;
            report("Slept", format!("The task slept for {pause:?}. No thread waited for it."))
        }
        "/block" => {
            let pause = pause_in(uri)?;
            thread::sleep(pause);
            report("Blocked", format!("The handler blocked its thread for {pause:?}. Another took its place."))
        }
        "/offload" => {
            let pause = pause_in(uri)?;
            spawn_blocking(move || thread::sleep(pause)).await.map_err(|error| error.to_string())?;
            report("Offloaded", format!("A thread of the blocking pool blocked for {pause:?}. No worker did."))
        }
        "/cpu" => {
            let pause = pause_in(uri)?;
            let turns = compute(pause);
            report("Computed", format!("The handler computed for {pause:?}: {turns} turns of a loop."))
        }
        "/panic" => panic!("this page panics, as asked"),
        path => match path.strip_prefix("/hello/") {
            Some("") => report("Hello", "Hello, world!".to_owned()),
            Some(name) => report("Hello", format!("Hello, {}!", percent_decoded(name))),
            None => failure(StatusCode::NOT_FOUND, &format!("There is no page {path} here.")),
        },
    })
}

/// `?ms=`: how long a page should take; a second if it does not say.
fn pause_in(uri: &Uri) -> Result<Duration, String> {
    let mut pairs = uri.query().unwrap_or_default().split('&');
    let ms = pairs.find_map(|pair| pair.strip_prefix("ms=")).unwrap_or("1000");
    match ms.parse() {
        Ok(ms) if ms <= LONGEST_MS => Ok(Duration::from_millis(ms)),
        _ => Err(format!("ms must be a number from 0 to {LONGEST_MS}, not \"{ms}\".")),
    }
}

fn compute(budget: Duration) -> u64 {
    let (started, mut turns) = (Instant::now(), 0);
    while started.elapsed() < budget {
        turns += hint::black_box(1);
    }
    turns
}
