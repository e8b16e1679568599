//! The table on the terminal, a line as soon as its row is measured, and the report file at the end.

use crate::json::Value;
use crate::options::Options;
use crate::rows::{Metric, Unit};
use crate::statistics::{Better, Ratio, median};
use std::time::Instant;

/// All samples of one metric of one row.
pub(crate) struct Figures {
    pub(crate) metric: Metric,
    /// By runtime, then by round.
    pub(crate) samples: Vec<Vec<Option<f64>>>,
    /// By runtime: why it has no, or not all, samples.
    pub(crate) failures: Vec<Option<String>>,
}

impl Figures {
    fn median(&self, peer: usize) -> Option<f64> {
        median(&self.samples[peer].iter().copied().flatten().collect::<Vec<_>>())
    }

    /// Of the subject, the first runtime, to another one.
    fn ratio(&self, against: usize) -> Option<Ratio> {
        Ratio::of(self.samples.first()?, self.samples.get(against)?)
    }
}

const NAME_WIDTH: usize = 38;
const CELL_WIDTH: usize = 11;

/// The comparison's outcome, printed while it grows.
pub(crate) struct Report<'a> {
    options: &'a Options,
    facts: &'a [(&'static str, String)],
    begun: Instant,
    rows: Vec<Value>,
}

impl<'a> Report<'a> {
    /// Prints the head.
    pub(crate) fn begin(options: &'a Options, facts: &'a [(&'static str, String)]) -> Self {
        for (name, value) in facts {
            println!("{name}: {value}");
        }
        println!(
            "{} workers, {} rounds, {} size; medians; ratios are medians of each round's ratio\n",
            options.workers,
            options.rounds,
            options.scale.text()
        );
        print!("{:NAME_WIDTH$}", "");
        options.peers.iter().for_each(|peer| print!("{:>CELL_WIDTH$}", peer.text()));
        match options.peers.get(1) {
            Some(peer) => print!("{:>CELL_WIDTH$}  {:<12}{:<8}", format!("÷{}", peer.text()), "p25–p75", ""),
            None => println!(),
        }
        options.peers.iter().skip(2).for_each(|peer| print!("{:>CELL_WIDTH$}", format!("÷{}", peer.text())));
        println!();
        Self { options, facts, begun: Instant::now(), rows: Vec::new() }
    }

    /// Prints and keeps a row, one line per metric.
    pub(crate) fn row(&mut self, name: &str, figures: Vec<Figures>) {
        for figures in figures {
            let name = if figures.metric.name.is_empty() {
                name.to_owned()
            } else {
                format!("{name}, {}", figures.metric.name)
            };
            if figures.metric.shown || self.options.all {
                self.print(&name, &figures);
            }
            self.rows.push(self.record(&name, &figures));
        }
    }

    fn print(&self, name: &str, figures: &Figures) {
        print!("{name:NAME_WIDTH$}");
        for peer in 0..self.options.peers.len() {
            let cell = match (figures.median(peer), &figures.failures[peer]) {
                (Some(median), None) => show(median, figures.metric.unit),
                (_, Some(reason)) => reason.chars().take(CELL_WIDTH - 1).collect(),
                (None, None) => "-".to_owned(),
            };
            print!("{cell:>CELL_WIDTH$}");
        }
        if self.options.peers.len() > 1 {
            match figures.ratio(1) {
                Some(ratio) => print!(
                    "{:>CELL_WIDTH$.2}  {:<12}{:<8}",
                    ratio.median,
                    format!("{:.2}–{:.2}", ratio.p25, ratio.p75),
                    ratio.verdict(figures.metric.better)
                ),
                None => print!("{:>CELL_WIDTH$}  {:<20}", "-", ""),
            }
        }
        for peer in 2..self.options.peers.len() {
            let ratio = figures.ratio(peer).map_or_else(|| "-".to_owned(), |ratio| format!("{:.2}", ratio.median));
            print!("{ratio:>CELL_WIDTH$}");
        }
        println!();
    }

    fn record(&self, name: &str, figures: &Figures) -> Value {
        let peers = || self.options.peers.iter().map(|peer| peer.text()).enumerate();
        let samples = peers().map(|(index, peer)| {
            (peer, Value::List(figures.samples[index].iter().map(|sample| Value::optional(*sample)).collect()))
        });
        let ratios = peers().skip(1).filter_map(|(index, peer)| {
            let ratio = figures.ratio(index)?;
            let fields = [
                ("median", Value::Number(ratio.median)),
                ("p25", Value::Number(ratio.p25)),
                ("p75", Value::Number(ratio.p75)),
                ("verdict", Value::text(ratio.verdict(figures.metric.better))),
            ];
            Some((format!("to {peer}"), Value::object(fields)))
        });
        let failures = peers().filter_map(|(index, peer)| Some((peer, Value::text(figures.failures[index].clone()?))));
        Value::object([
            ("name", Value::text(name)),
            ("unit", Value::text(unit_name(figures.metric.unit))),
            ("better", Value::text(if figures.metric.better == Better::Less { "less" } else { "more" })),
            ("medians", Value::object(peers().map(|(index, peer)| (peer, Value::optional(figures.median(index)))))),
            ("ratios", Value::object(ratios)),
            ("failures", Value::object(failures)),
            ("samples", Value::object(samples)),
        ])
    }

    /// Writes the report file, if one is wanted.
    pub(crate) fn end(self) -> Result<(), String> {
        println!("\n{:.0} s", self.begun.elapsed().as_secs_f64());
        let Some(path) = &self.options.json else { return Ok(()) };
        let report = Value::object([
            ("facts", Value::object(self.facts.iter().map(|(name, value)| (*name, Value::text(value.as_str()))))),
            ("workers", Value::Number(self.options.workers as f64)),
            ("rounds", Value::Number(self.options.rounds as f64)),
            ("scale", Value::text(self.options.scale.text())),
            ("subject", Value::text(self.options.peers[0].text())),
            ("rows", Value::List(self.rows)),
        ]);
        std::fs::write(path, format!("{report}\n")).map_err(|error| format!("{}: {error}", path.display()))
    }
}

fn unit_name(unit: Unit) -> &'static str {
    match unit {
        Unit::Nanoseconds => "ns",
        Unit::Bytes => "bytes",
        Unit::PerSecond => "1/s",
        Unit::Count => "1",
    }
}

/// Three digits that matter, with the unit.
fn show(value: f64, unit: Unit) -> String {
    match unit {
        Unit::Nanoseconds if value < 999.5 => format!("{} ns", three_digits(value)),
        Unit::Nanoseconds if value < 999_500.0 => format!("{} µs", three_digits(value / 1e3)),
        Unit::Nanoseconds => format!("{} ms", three_digits(value / 1e6)),
        Unit::Bytes => format!("{value:.0} B"),
        Unit::PerSecond => format!("{value:.0}"),
        Unit::Count => three_digits(value),
    }
}

fn three_digits(value: f64) -> String {
    match value {
        value if value >= 99.95 => format!("{value:.0}"),
        value if value >= 9.995 => format!("{value:.1}"),
        value => format!("{value:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_shows_three_digits_and_a_fitting_unit() {
        assert_eq!(show(42.42, Unit::Nanoseconds), "42.4 ns");
        assert_eq!(show(999.7, Unit::Nanoseconds), "1.00 µs");
        assert_eq!(show(1_160_000.0, Unit::Nanoseconds), "1.16 ms");
        assert_eq!(show(456.4, Unit::Bytes), "456 B");
    }
}
