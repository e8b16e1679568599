//! A process that measures one row on one runtime, sample by sample, as its parent asks.

use crate::measure::{Usage, raise_file_limit};
use crate::options::Options;
use crate::peers::tokio::Tokio;
use crate::peers::{Name, Peer, floor, with_peer};
use crate::process::{Answering, die_with_parent, tell};
use crate::rows::{self, Body, SCALING_WORKERS, Sample, Scale, Service};
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
    die_with_parent();
    raise_file_limit();
    let peer = Name::parse(peer)?;
    if peer == Name::Floor {
        return sample_floor(row, scale, workers);
    }
    with_peer!(peer, P => sample::<P>(row, scale, workers))
}

fn sample<P: Peer>(name: &str, scale: Scale, workers: usize) -> Result<(), String> {
    let row = rows::all::<P>().into_iter().find(|row| row.name == name);
    let body = row.and_then(|row| row.body).ok_or_else(|| format!("no row `{name}` on this runtime"))?;
    match body {
        Body::Kept(measure) => {
            let peer = P::start(workers);
            for_each_question(|| tell(&with_usage(|| measure(&peer, scale)).values));
        }
        Body::Bare(measure) | Body::Alone(measure) => {
            for_each_question(|| tell(&with_usage(|| measure(scale, workers)).values));
        }
        Body::Scaling(measure) => {
            let peers = SCALING_WORKERS.map(P::start);
            let mut turn = 0;
            for_each_question(|| {
                turn += 1;
                tell(&with_usage(|| scaled(&peers, measure, scale, turn)).values);
            });
        }
        Body::Serve(service, _) => {
            let peer = P::start(workers);
            let address = serve(&peer, service)?;
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
fn with_usage(measure: impl FnOnce() -> Sample) -> Sample {
    let before = Usage::now();
    let mut sample = measure();
    let usage = Usage::now().since(before);
    let operations = sample.operations as f64;
    sample.values.extend([usage.cpu.as_nanos() as f64 / operations, usage.switches as f64 / operations]);
    sample
}

/// One sample per number of workers, in turns, and at last the ratio of the two largest numbers.
fn scaled<P: Peer>(
    peers: &[P; SCALING_WORKERS.len()],
    measure: fn(&P, Scale) -> Sample,
    scale: Scale,
    turn: usize,
) -> Sample {
    let mut values = vec![0.0; peers.len()];
    let mut operations = 0;
    for step in 0..peers.len() {
        let place = if turn % 2 == 0 { step } else { peers.len() - 1 - step };
        let sample = measure(&peers[place], scale);
        operations += sample.operations;
        values[place] = sample.values[0];
    }
    values.push(values[peers.len() - 1] / values[peers.len() - 2]);
    Sample { operations, values }
}

fn listen() -> Result<(TcpListener, SocketAddr), String> {
    let listener = TcpListener::bind("127.0.0.1:0").map_err(|error| format!("binding a port: {error}"))?;
    let address = listener.local_addr().map_err(|error| format!("the port bound: {error}"))?;
    Ok((listener, address))
}

fn sample_floor(row: &str, scale: Scale, workers: usize) -> Result<(), String> {
    match floor::body(row) {
        Some(Body::Bare(measure)) => for_each_question(|| tell(&with_usage(|| measure(scale, workers)).values)),
        Some(Body::Serve(service, _)) => {
            let (listener, address) = listen()?;
            std::thread::spawn(move || floor::server::serve(service, listener).expect("the floor serves"));
            tell(&[f64::from(address.port())]);
            for_each_question(|| ());
        }
        _ => return Err(format!("`{row}` has no floor")),
    }
    Ok(())
}

fn serve<P: Peer>(peer: &P, service: Service) -> Result<SocketAddr, String> {
    let (listener, address) = listen()?;
    let server = match service {
        Service::Echo => peer.spawn_outside(P::serve_echo(listener)),
        Service::Http => peer.spawn_outside(P::serve_http(listener)),
    };
    // Nobody waits for the server, but dropping its handle would cancel it in some runtimes.
    std::mem::forget(server);
    Ok(address)
}

/// Takes the samples of the chosen rows in this very process, for `perf record`, `strace -c` and callgrind.
pub(crate) fn profile(peer: Name, options: &Options) -> Result<(), String> {
    raise_file_limit();
    if peer == Name::Floor {
        return profile_floor(options);
    }
    with_peer!(peer, P => profile_rows::<P>(options))
}

/// Takes one sample of a row.
type Take<'a> = Box<dyn FnMut() -> Result<Sample, String> + 'a>;

fn profile_rows<P: Peer>(options: &Options) -> Result<(), String> {
    let (scale, workers) = (options.scale, options.workers);
    for row in rows::all::<P>().into_iter().filter(|row| options.wants(row.name)) {
        let take: Take<'_> = match row.body {
            None => continue,
            Some(Body::Kept(measure)) => {
                let peer = P::start(workers);
                Box::new(move || Ok(with_usage(|| measure(&peer, scale))))
            }
            Some(Body::Bare(measure) | Body::Alone(measure)) => {
                Box::new(move || Ok(with_usage(|| measure(scale, workers))))
            }
            Some(Body::Scaling(measure)) => {
                let peers = SCALING_WORKERS.map(P::start);
                Box::new(move || Ok(with_usage(|| scaled(&peers, measure, scale, 0))))
            }
            Some(Body::Serve(service, connections)) => {
                let peer = P::start(workers);
                let port = serve(&peer, service)?.port();
                Box::new(move || {
                    let _alive = &peer;
                    let values =
                        crate::load::start(service, port, connections, std::process::id(), options)?.answer()?;
                    // How many requests there were, the load does not tell.
                    Ok(Sample { operations: 0, values })
                })
            }
        };
        print_samples(row.name, options.rounds, take)?;
    }
    Ok(())
}

/// What has a floor without a server.
fn profile_floor(options: &Options) -> Result<(), String> {
    for row in rows::all::<Tokio>().into_iter().filter(|row| options.wants(row.name)) {
        if let Some(Body::Bare(measure)) = floor::body(row.name) {
            let take = || Ok(with_usage(|| measure(options.scale, options.workers)));
            print_samples(row.name, options.rounds, Box::new(take))?;
        }
    }
    Ok(())
}

fn print_samples(row: &str, rounds: usize, mut take: Take<'_>) -> Result<(), String> {
    for round in 1..=rounds {
        let Sample { operations, values } = take()?;
        println!("{row} {round}: {operations} operations, {values:?}");
    }
    Ok(())
}

/// A server's process and its port.
pub(crate) fn start_server(peer: Name, row: &str, options: &Options) -> Result<(Answering, u16), String> {
    let mut server = Answering::sampler(peer, row, options)?;
    let port = server.answer()?.first().copied().unwrap_or(0.0);
    Ok((server, port as u16))
}
