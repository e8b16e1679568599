//! A web server, the tutorial's own picture of an event loop: it matches events to functions.
//!
//! ```text
//! cargo run --release --example web_server                              # http://127.0.0.1:8080
//! cargo run --release --example web_server -- --addr 0.0.0.0:80 --quiet # elsewhere, without the request log
//! ```
//!
//! Ctrl-C closes it gracefully: nobody new is let in, requests in progress are finished. A second Ctrl-C ends it at
//! once. To read it: `server.rs` is one connection's life, `pages.rs` matches requests to functions, `html.rs` and
//! `log.rs` are what they need, `connections.rs` is who is connected. HTTP itself is hyper's, through
//! freewheel-compat.

mod connections;
mod html;
mod log;
mod pages;
mod server;

use std::io::ErrorKind;
use std::process::ExitCode;
use std::time::Duration;

use freewheel::net::TcpListener;
use freewheel::signal::unix::{SignalKind, signal};
use freewheel::{select, time};

use connections::Connections;
use log::say;
use server::{accept, serve};

/// How long a graceful end may take: longer than the slowest page.
const CLOSING_TIMEOUT: Duration = Duration::from_secs(15);

#[freewheel::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("web_server: {message}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), String> {
    let listener = listen(&arguments()?).await?;
    let mut ctrl_c = signal(SignalKind::interrupt()).map_err(|error| format!("cannot listen for Ctrl-C: {error}"))?;
    let addr = listener.local_addr().map_err(|error| error.to_string())?;
    say!("Listening on http://{addr} (Ctrl-C closes)");

    let mut connections = Connections::default();
    loop {
        select! {
            (stream, peer) = accept(&listener) => connections.spawn(|bell| serve(stream, peer, bell)),
            _ = ctrl_c.recv() => break,
        }
    }

    drop(listener);
    say!("Closing: what runs is finished first (Ctrl-C again ends at once)");
    select! {
        () = connections.close() => say!("Closed"),
        () = time::sleep(CLOSING_TIMEOUT) => say!("Closed, although some clients were still being served"),
        _ = ctrl_c.recv() => {
            say!("Ended at once");
            std::process::exit(130); // 128 + SIGINT, as a shell has it
        }
    }
    Ok(())
}

async fn listen(addr: &str) -> Result<TcpListener, String> {
    TcpListener::bind(addr).await.map_err(|error| match error.kind() {
        ErrorKind::AddrInUse => format!(
            "{addr} is taken: some program listens there already, perhaps another web_server. \
             Stop it, or choose another address: --addr 127.0.0.1:8081"
        ),
        _ => format!("cannot listen on {addr}: {error}"),
    })
}

fn arguments() -> Result<String, String> {
    let mut addr = "127.0.0.1:8080".to_owned();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--addr" => addr = arguments.next().ok_or("--addr needs an address, such as 127.0.0.1:8081")?,
            "--quiet" => log::be_quiet(),
            _ => return Err(format!("what is {argument}? usage: web_server [--addr HOST:PORT] [--quiet]")),
        }
    }
    Ok(addr)
}
