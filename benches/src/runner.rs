//! The comparison: every row, round by round, the runtimes in turn, forwards and then backwards.

use crate::facts;
use crate::figures::Figures;
use crate::options::Options;
use crate::peers::{Name, Peer, floor, with_peer};
use crate::process::Answering;
use crate::report::Report;
use crate::rows::{self, Body, Metric, Service, USAGE};

/// A row without its runtime.
struct Outline {
    name: &'static str,
    metrics: Vec<Metric>,
    most_rounds: usize,
    process: Option<Process>,
}

/// Which processes a row needs.
#[derive(Clone, Copy)]
enum Process {
    PerRow,
    PerSample,
    ServerAndLoad(Service, usize),
}

impl Process {
    fn of<P>(body: &Body<P>) -> Self {
        match body {
            Body::Kept(_) | Body::Bare(_) | Body::Scaling(_) => Self::PerRow,
            Body::Alone(_) => Self::PerSample,
            Body::Serve(service, connections) => Self::ServerAndLoad(*service, *connections),
        }
    }
}

/// The rows as `P` sees them.
fn outlines<P: Peer>() -> Vec<Outline> {
    rows::all::<P>()
        .into_iter()
        .map(|row| {
            let process = row.body.as_ref().map(Process::of);
            let mut metrics = row.metrics;
            if !matches!(row.body, Some(Body::Serve(..))) {
                metrics.extend(USAGE);
            }
            Outline { name: row.name, metrics, most_rounds: row.most_rounds, process }
        })
        .collect()
}

/// The rows as the runtime of this name sees them. The floor is no runtime, and has a part of them.
fn outlines_of(peer: Name) -> Vec<Outline> {
    if peer != Name::Floor {
        return with_peer!(peer, P => outlines::<P>());
    }
    let mut rows = outlines_of(Name::Tokio);
    for row in &mut rows {
        row.process = match row.process {
            Some(served @ Process::ServerAndLoad(..)) => Some(served),
            _ => floor::body(row.name).as_ref().map(Process::of),
        };
    }
    rows
}

/// Prints the names of all rows.
pub(crate) fn list() {
    outlines_of(Name::Tokio).iter().for_each(|row| println!("{}", row.name));
}

/// Makes the comparison, prints the table row by row, and writes the samples to a file.
pub(crate) fn compare(options: &Options) -> Result<(), String> {
    let facts = facts::gather();
    let mut report = Report::begin(options, &facts);
    let by_peer: Vec<Vec<Outline>> = options.peers.iter().map(|&peer| outlines_of(peer)).collect();
    let first = by_peer.first().ok_or("no runtime to measure")?;
    for (index, row) in first.iter().enumerate().filter(|(_, row)| options.wants(row.name)) {
        let processes = by_peer.iter().map(|outlines| outlines[index].process);
        let series =
            options.peers.iter().zip(processes).map(|(&peer, process)| Series::open(peer, row, process, options));
        let series = take_rounds(series.collect(), row, options);
        report.row(figures(row, &series));
    }
    report.end()
}

fn take_rounds(mut series: Vec<Series>, row: &Outline, options: &Options) -> Vec<Series> {
    // A first sample warms caches, heaps and thread pools, and is thrown away.
    series.iter_mut().for_each(|series| series.warm_up(row, options));
    for round in 0..options.rounds.min(row.most_rounds) {
        let forwards = round % 2 == 0;
        for turn in 0..series.len() {
            let place = if forwards { turn } else { series.len() - 1 - turn };
            series[place].take(row, options);
        }
    }
    series
}

/// Turns each runtime's samples into each metric's.
fn figures(row: &Outline, series: &[Series]) -> Vec<Figures> {
    let column = |metric: usize, series: &Series| {
        series.samples.iter().map(|sample| sample.as_ref().and_then(|values| values.get(metric).copied())).collect()
    };
    let each = row.metrics.iter().enumerate();
    each.map(|(index, metric)| Figures {
        name: if metric.name.is_empty() { row.name.to_owned() } else { format!("{}, {}", row.name, metric.name) },
        metric: *metric,
        samples: series.iter().map(|series| column(index, series)).collect(),
        failures: series.iter().map(|series| series.failure.clone()).collect(),
    })
    .collect()
}

/// The samples of one runtime for one row, and the process that gives them.
struct Series {
    peer: Name,
    source: Source,
    samples: Vec<Option<Vec<f64>>>,
    failure: Option<String>,
}

enum Source {
    /// The runtime cannot do it, or has failed.
    None,
    Kept(Answering),
    Fresh,
    Server {
        server: Answering,
        port: u16,
        service: Service,
        connections: usize,
    },
}

impl Series {
    fn open(peer: Name, row: &Outline, process: Option<Process>, options: &Options) -> Self {
        let source = match process {
            None => Ok(Source::None),
            Some(Process::PerRow) => Answering::sampler(peer, row.name, options).map(Source::Kept),
            Some(Process::PerSample) => Ok(Source::Fresh),
            Some(Process::ServerAndLoad(service, connections)) => crate::sampler::start_server(peer, row.name, options)
                .map(|(server, port)| Source::Server { server, port, service, connections }),
        };
        let (source, failure) = match source {
            Ok(source) => (source, None),
            Err(reason) => (Source::None, Some(reason)),
        };
        Self { peer, source, samples: Vec::new(), failure }
    }

    fn warm_up(&mut self, row: &Outline, options: &Options) {
        // A process per sample has nothing that could be warm.
        if !matches!(self.source, Source::Fresh) {
            self.take(row, options);
            self.samples.clear();
        }
    }

    /// Takes one sample. A failure ends the series: what hung or crashed once would cost a minute each round.
    fn take(&mut self, row: &Outline, options: &Options) {
        let sample = match &mut self.source {
            Source::None => {
                self.samples.push(None);
                return;
            }
            Source::Kept(process) => process.ask(),
            Source::Fresh => Answering::sampler(self.peer, row.name, options).and_then(|mut process| process.ask()),
            Source::Server { server, port, service, connections } => {
                crate::load::start(*service, *port, *connections, server.id(), options)
                    .and_then(|mut load| load.answer())
            }
        };
        match sample {
            Ok(values) => self.samples.push(Some(values)),
            Err(reason) => {
                self.samples.push(None);
                self.failure = Some(reason);
                self.source = Source::None;
            }
        }
    }
}
