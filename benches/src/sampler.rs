//! A process that measures one row on one runtime, sample by sample, as its parent asks.

use crate::measure::{Usage, raise_file_limit};
use crate::options::Options;
use crate::peers::{Name, Peer, floor, with_peer};
use crate::process::{Answering, tell};
use crate::rows::{self, Body, Sample, Scale};
use std::net::{SocketAddr, TcpListener};

/// The first argument that makes this program a sampler.
pub(crate) const COMMAND: &str = "__sampler";

/// `__sampler PEER ROW SCALE WORKERS`
pub(crate) fn main(arguments: &[String]) -> Result<(), String> {
    let [peer, row, scale, workers] = arguments else {
        return Err("a sampler is started by the benchmark itself".to_owned());
    };
    let scale = Scale::parse(scale)?;
    let workers = workers.parse().map_err(|_| "workers: not a number".to_owned())?;
    raise_file_limit();
    let peer = Name::parse(peer)?;
    if peer == Name::Floor {
        return serve_floor();
    }
    with_peer!(peer, P => sample::<P>(row, scale, workers))
}

fn sample<P: Peer>(name: &str, scale: Scale, workers: usize) -> Result<(), String> {
    let row = rows::all::<P>().into_iter().find(|row| row.name == name);
    let body = row.and_then(|row| row.body).ok_or_else(|| format!("no row `{name}` on this runtime"))?;
    match body {
        Body::Kept(measure) => {
            let peer = P::start(workers);
            for_each_question(|| tell(&with_usage(|| measure(&peer, scale))));
        }
        Body::Bare(measure) | Body::Alone(measure) => {
            for_each_question(|| tell(&with_usage(|| measure(scale, workers))));
        }
        Body::Echo(_) => {
            let peer = P::start(workers);
            let address = serve(&peer)?;
            tell(&[f64::from(address.port())]);
            for_each_question(|| ());
        }
    }
    // Not by returning: with the question channel closed nobody waits for an orderly end of the runtime.
    std::process::exit(0);
}

fn for_each_question(mut answer: impl FnMut()) {
    for question in std::io::stdin().lines() {
        if question.is_err() {
            return;
        }
        answer();
    }
}

/// Takes a sample and appends the values of `rows::USAGE`.
fn with_usage(measure: impl FnOnce() -> Sample) -> Vec<f64> {
    let before = Usage::now();
    let mut sample = measure();
    let usage = Usage::now().since(before);
    let operations = sample.operations as f64;
    sample.values.extend([usage.cpu.as_nanos() as f64 / operations, usage.switches as f64 / operations]);
    sample.values
}

fn listen() -> Result<(TcpListener, SocketAddr), String> {
    let listener = TcpListener::bind("127.0.0.1:0").map_err(|error| format!("binding a port: {error}"))?;
    let address = listener.local_addr().map_err(|error| format!("the port bound: {error}"))?;
    Ok((listener, address))
}

fn serve_floor() -> Result<(), String> {
    let (listener, address) = listen()?;
    std::thread::spawn(move || floor::serve_echo(listener).expect("the floor serves"));
    tell(&[f64::from(address.port())]);
    for_each_question(|| ());
    Ok(())
}

fn serve<P: Peer>(peer: &P) -> Result<SocketAddr, String> {
    let (listener, address) = listen()?;
    let server = peer.spawn_outside(P::serve_echo(listener));
    // Nobody waits for the server, but dropping its handle would cancel it in some runtimes.
    std::mem::forget(server);
    Ok(address)
}

/// Takes the samples of the chosen rows in this very process, for `perf record`, `strace -c` and callgrind.
pub(crate) fn profile(peer: Name, options: &Options) -> Result<(), String> {
    if peer == Name::Floor {
        return Err("the floor is no runtime: nothing to profile".to_owned());
    }
    raise_file_limit();
    with_peer!(peer, P => profile_rows::<P>(options))
}

fn profile_rows<P: Peer>(options: &Options) -> Result<(), String> {
    let (scale, workers) = (options.scale, options.workers);
    for row in rows::all::<P>().into_iter().filter(|row| options.wants(row.name)) {
        let take: Box<dyn FnMut() -> Result<Vec<f64>, String>> = match row.body {
            None => continue,
            Some(Body::Kept(measure)) => {
                let peer = P::start(workers);
                Box::new(move || Ok(with_usage(|| measure(&peer, scale))))
            }
            Some(Body::Bare(measure) | Body::Alone(measure)) => {
                Box::new(move || Ok(with_usage(|| measure(scale, workers))))
            }
            Some(Body::Echo(connections)) => {
                let peer = P::start(workers);
                let port = serve(&peer)?.port();
                Box::new(move || {
                    let _alive = &peer;
                    crate::load::start(port, connections, std::process::id(), options)?.answer()
                })
            }
        };
        print_samples(row.name, options.rounds, take)?;
    }
    Ok(())
}

fn print_samples(row: &str, rounds: usize, mut take: impl FnMut() -> Result<Vec<f64>, String>) -> Result<(), String> {
    for round in 1..=rounds {
        println!("{row} {round}: {:?}", take()?);
    }
    Ok(())
}

/// A server's process and its port.
pub(crate) fn start_server(peer: Name, row: &str, options: &Options) -> Result<(Answering, u16), String> {
    let mut server = Answering::sampler(peer, row, options)?;
    let port = server.answer()?.first().copied().unwrap_or(0.0);
    Ok((server, port as u16))
}
