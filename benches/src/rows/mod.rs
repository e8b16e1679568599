//! What is measured: one file per subject, each row generic over the runtime.

use crate::peers::Peer;
use crate::statistics::Better;
use std::time::Duration;

mod blocking;
mod echo;
mod exchange;
mod fork_join;
mod http;
pub(crate) mod lifecycle;
mod memory;
mod scaling;
pub(crate) mod spawn;
pub(crate) mod timers;
pub(crate) mod wake;
mod yielding;

/// How much work a sample does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scale {
    /// The size the row is defined by.
    Full,
    /// A quarter: for a look while developing.
    Quick,
    /// Next to nothing: shows that the row runs at all, under `cargo test --benches`.
    Smoke,
}

impl Scale {
    /// `full` made smaller, but never less than one.
    pub(crate) fn of(self, full: usize) -> usize {
        match self {
            Self::Full => full,
            Self::Quick => full.div_ceil(4),
            Self::Smoke => full.div_ceil(200),
        }
    }

    /// As it stands on a sampler's command line.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Quick => "quick",
            Self::Smoke => "smoke",
        }
    }

    /// The reverse of `text`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let known = [Self::Full, Self::Quick, Self::Smoke];
        known.into_iter().find(|scale| scale.text() == text).ok_or_else(|| format!("no scale is named `{text}`"))
    }
}

/// What a figure counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    Nanoseconds,
    Bytes,
    PerSecond,
    Count,
    /// A ratio of two figures of one runtime.
    Times,
}

/// What freewheel is to reach.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Target {
    /// Its figure divided by tokio's: no more than this, or, where more is better, no less.
    Ratio(f64),
    /// Its own figure: no more than this.
    Figure(f64),
}

/// One figure of a sample.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Metric {
    /// Appended to the row's name; empty when a row has but one.
    pub(crate) name: &'static str,
    pub(crate) unit: Unit,
    pub(crate) better: Better,
    /// Printed in the table without `--all`; the JSON has them all.
    pub(crate) shown: bool,
    /// What has a target is in the README's summary.
    pub(crate) target: Option<Target>,
}

impl Metric {
    /// Time per operation, of a row that measures nothing else.
    pub(crate) const TIME: Self = Self::new("", Unit::Nanoseconds, Better::Less);

    pub(crate) const fn new(name: &'static str, unit: Unit, better: Better) -> Self {
        Self { name, unit, better, shown: true, target: None }
    }

    /// With a target for the ratio to tokio.
    pub(crate) const fn ratio(mut self, bound: f64) -> Self {
        self.target = Some(Target::Ratio(bound));
        self
    }

    /// With a target for freewheel's own figure.
    const fn figure(mut self, bound: f64) -> Self {
        self.target = Some(Target::Figure(bound));
        self
    }

    const fn hidden(mut self) -> Self {
        self.shown = false;
        self
    }
}

/// What every row but those with a server says besides: it tells waiting from working when two times differ.
pub(crate) const USAGE: [Metric; 2] = [
    Metric::new("CPU", Unit::Nanoseconds, Better::Less).hidden(),
    Metric::new("switches", Unit::Count, Better::Less).hidden(),
];

/// One sample: how many operations it made (for the CPU time of each), and a value for each of the row's metrics.
#[derive(Debug)]
pub(crate) struct Sample {
    pub(crate) operations: usize,
    pub(crate) values: Vec<f64>,
}

impl Sample {
    /// Of a row with the metric `TIME`.
    pub(crate) fn time(total: Duration, operations: usize) -> Self {
        Self::one(total.as_nanos() as f64 / operations as f64, operations)
    }

    /// Of a row with one metric.
    pub(crate) fn one(value: f64, operations: usize) -> Self {
        Self { operations, values: vec![value] }
    }
}

/// How a row's samples are taken.
pub(crate) enum Body<P> {
    /// One runtime serves all samples of the row; it is idle between them.
    Kept(fn(&P, Scale) -> Sample),
    /// The row builds its runtimes itself.
    Bare(fn(Scale, usize) -> Sample),
    /// As `Bare`, but each sample has a process of its own.
    Alone(fn(Scale, usize) -> Sample),
    /// Runtimes with each of `SCALING_WORKERS` stand side by side in one process and take turns, as the peers do: the
    /// values are those of `scaling::METRICS`.
    Scaling(fn(&P, Scale) -> Sample),
    /// The process is a server, the sample is taken by the load generator with so many connections.
    Serve(Service, usize),
}

/// What a server does, and a load asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Service {
    /// Sends back what comes.
    Echo,
    /// Says hello over HTTP/1.1, the connection kept alive.
    Http,
}

impl Service {
    /// As it stands on a load generator's command line.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Echo => "echo",
            Self::Http => "http",
        }
    }

    /// The reverse of `text`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        [Self::Echo, Self::Http]
            .into_iter()
            .find(|service| service.text() == text)
            .ok_or_else(|| format!("no service is named `{text}`"))
    }

    /// How long the load runs before it counts, and how long it counts.
    pub(crate) fn durations(scale: Scale) -> (Duration, Duration) {
        match scale {
            Scale::Full => (Duration::from_millis(100), Duration::from_millis(500)),
            Scale::Quick => (Duration::from_millis(50), Duration::from_millis(150)),
            Scale::Smoke => (Duration::from_millis(10), Duration::from_millis(20)),
        }
    }
}

/// The numbers of workers that the scaling rows compare.
pub(crate) const SCALING_WORKERS: [usize; 3] = [1, 2, 4];

/// A row of the table, for one runtime.
pub(crate) struct Row<P> {
    pub(crate) name: &'static str,
    pub(crate) metrics: Vec<Metric>,
    /// `None` where the runtime cannot do it.
    pub(crate) body: Option<Body<P>>,
    /// No more rounds than this, for rows that are slow and hardly vary.
    pub(crate) most_rounds: usize,
}

impl<P> Row<P> {
    fn new(name: &'static str, metrics: Vec<Metric>, body: Body<P>) -> Self {
        Self { name, metrics, body: Some(body), most_rounds: usize::MAX }
    }

    /// A row that measures time per operation, with a target for the ratio to tokio.
    fn timed(name: &'static str, ratio: f64, body: Body<P>) -> Self {
        Self::new(name, vec![Metric::TIME.ratio(ratio)], body)
    }

    /// The row, or, if not `possible`, an empty one of its name.
    fn only_if(self, possible: bool) -> Self {
        Self { body: self.body.filter(|_| possible), ..self }
    }
}

/// All rows, in the table's order.
pub(crate) fn all<P: Peer>() -> Vec<Row<P>> {
    let mut rows = spawn::rows();
    rows.extend(yielding::rows());
    rows.extend(exchange::rows());
    rows.extend(fork_join::rows());
    rows.extend(wake::rows());
    rows.extend(blocking::rows());
    rows.extend(timers::rows());
    rows.extend(echo::rows());
    rows.extend(http::rows());
    rows.extend(memory::rows());
    rows.extend(lifecycle::rows());
    rows.extend(scaling::rows());
    rows
}

/// Runs `future` as a task, so that it is polled by a worker, and waits for it on the calling thread.
fn on_worker<P: Peer, F>(peer: &P, future: F) -> F::Output
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let task = peer.spawn_outside(future);
    peer.block_on(task)
}
