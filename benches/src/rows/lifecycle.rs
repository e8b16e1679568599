//! The runtime's own life: built, used for an empty future, dropped; and a whole program's, up to its first task.

use super::{Body, Row, Sample, Scale, on_worker};
use crate::measure::monotonic;
use crate::peers::{Name, Peer, with_peer};
use crate::process::say;
use crate::statistics::median;
use std::process::Command;
use std::time::Instant;

/// The first argument that makes this program one that runs a task and ends.
pub(crate) const COMMAND: &str = "__first_poll";

pub(super) fn rows<P: Peer>() -> Vec<Row<P>> {
    vec![
        Row::timed("runtime build + drop", 0.8, Body::Bare(build_and_drop::<P>)).only_if(P::ENDS),
        Row::timed("process start to first poll", 0.8, Body::Bare(|scale, workers| launch(P::NAME, scale, workers))),
    ]
}

fn build_and_drop<P: Peer>(scale: Scale, workers: usize) -> Sample {
    let runtimes = scale.of(100);
    let start = Instant::now();
    for _ in 0..runtimes {
        let peer = P::start(workers);
        peer.block_on(async {});
    }
    Sample::time(start.elapsed(), runtimes)
}

/// This program is executed again and again, to say when it first polled a task.
pub(crate) fn launch(peer: Name, scale: Scale, workers: usize) -> Sample {
    let program = std::env::current_exe().expect("the program's own path");
    let launches = scale.of(12);
    let mut times = Vec::with_capacity(launches);
    for _ in 0..launches {
        let start = monotonic();
        let answer = Command::new(&program).args([COMMAND, peer.text(), &workers.to_string()]).output();
        let text = String::from_utf8(answer.expect("the program runs").stdout).expect("a number");
        let polled: u64 = text.trim().parse().expect("a number");
        times.push((polled - start) as f64);
    }
    Sample::one(median(&times).expect("at least one launch"), launches)
}

/// `__first_poll PEER WORKERS`
pub(crate) fn main(arguments: &[String]) -> Result<(), String> {
    let [peer, workers] = arguments else {
        return Err("a first poll is started by the benchmark itself".to_owned());
    };
    let workers = workers.parse().map_err(|_| "workers: not a number".to_owned())?;
    let polled = match Name::parse(peer)? {
        Name::Floor => monotonic(),
        peer => with_peer!(peer, P => on_worker(&P::start(workers), async { monotonic() })),
    };
    say(polled);
    Ok(())
}
