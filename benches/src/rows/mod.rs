//! What is measured: one file per subject, each row generic over the runtime.

use crate::peers::Peer;
use crate::statistics::Better;
use std::time::Duration;

mod blocking;
pub(crate) mod echo;
mod exchange;
mod fork_join;
mod lifecycle;
mod memory;
mod spawn;
mod timers;
mod wake;
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
}

impl Metric {
    pub(crate) const fn new(name: &'static str, unit: Unit, better: Better) -> Self {
        Self { name, unit, better, shown: true }
    }

    const fn hidden(mut self) -> Self {
        self.shown = false;
        self
    }
}

/// Time per operation, for rows that measure nothing else.
const TIME: &[Metric] = &[Metric::new("", Unit::Nanoseconds, Better::Less)];

/// What every row but the echo says besides: it tells waiting from working when two times differ.
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
    fn time(total: Duration, operations: usize) -> Self {
        Self::one(total.as_nanos() as f64 / operations as f64, operations)
    }

    /// Of a row with one metric.
    fn one(value: f64, operations: usize) -> Self {
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
    /// The process is a server, the sample is taken by the load generator with so many connections.
    Echo(usize),
}

/// A row of the table, for one runtime.
pub(crate) struct Row<P> {
    pub(crate) name: &'static str,
    pub(crate) metrics: &'static [Metric],
    /// `None` where the runtime cannot do it.
    pub(crate) body: Option<Body<P>>,
    /// No more rounds than this, for rows that are slow and hardly vary.
    pub(crate) most_rounds: usize,
}

impl<P> Row<P> {
    fn new(name: &'static str, metrics: &'static [Metric], body: Body<P>) -> Self {
        Self { name, metrics, body: Some(body), most_rounds: usize::MAX }
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
    rows.extend(memory::rows());
    rows.extend(lifecycle::rows());
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
