//! The comparison's outcome: printed while it grows, and written to files at its end.

use std::time::Instant;

use crate::figures::Figures;
use crate::files::{publish, workspace, write};
use crate::json::Value;
use crate::options::Options;
use crate::rows::Unit;
use crate::statistics::{Better, Spread};
use crate::{summary, table};

/// Of the README's markers.
const MARKER: &str = "bench";

/// All that is known so far.
pub(crate) struct Report<'a> {
    options: &'a Options,
    facts: &'a [(&'static str, String)],
    begun: Instant,
    rows: Vec<Figures>,
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
        table::print_head(&options.peers);
        Self { options, facts, begun: Instant::now(), rows: Vec::new() }
    }

    /// Prints and keeps a row, one line per metric.
    pub(crate) fn row(&mut self, figures: Vec<Figures>) {
        let shown = |figures: &&Figures| figures.metric.shown || self.options.all;
        figures.iter().filter(shown).for_each(|figures| table::print(figures, &self.options.peers));
        self.rows.extend(figures);
    }

    /// Writes the files that are wanted.
    pub(crate) fn end(self) -> Result<(), String> {
        println!("\n{:.0} s", self.begun.elapsed().as_secs_f64());
        if let Some(path) = &self.options.json {
            write(path, &format!("{}\n", self.json()))?;
        }
        if self.options.publish {
            publish(&workspace().join("README.md"), MARKER, &summary::markdown(self.options, self.facts, &self.rows))?;
        }
        Ok(())
    }

    fn json(&self) -> Value {
        Value::object([
            ("facts", Value::object(self.facts.iter().map(|(name, value)| (*name, Value::text(value.as_str()))))),
            ("workers", Value::Number(self.options.workers as f64)),
            ("rounds", Value::Number(self.options.rounds as f64)),
            ("scale", Value::text(self.options.scale.text())),
            ("subject", Value::text(self.options.peers[0].text())),
            ("rows", Value::List(self.rows.iter().map(|figures| self.record(figures)).collect())),
        ])
    }

    fn record(&self, figures: &Figures) -> Value {
        let better = figures.metric.better;
        let peers = || self.options.peers.iter().map(|peer| peer.text()).enumerate();
        let samples = peers().map(|(index, peer)| {
            (peer, Value::List(figures.samples[index].iter().map(|sample| Value::optional(*sample)).collect()))
        });
        let ratios = peers()
            .skip(1)
            .filter_map(|(index, peer)| Some((format!("to {peer}"), ratio_record(figures.ratio(index)?, better))));
        let failures = peers().filter_map(|(index, peer)| Some((peer, Value::text(figures.failures[index].clone()?))));
        let judgement = figures.judgement(&self.options.peers);
        Value::object([
            ("name", Value::text(figures.name.as_str())),
            ("unit", Value::text(unit_name(figures.metric.unit))),
            ("better", Value::text(if better == Better::Less { "less" } else { "more" })),
            ("target", Value::text(figures.target())),
            ("judgement", judgement.map_or(Value::Null, Value::text)),
            ("medians", Value::object(peers().map(|(index, peer)| (peer, Value::optional(figures.median(index)))))),
            ("ratios", Value::object(ratios)),
            ("failures", Value::object(failures)),
            ("samples", Value::object(samples)),
        ])
    }
}

fn ratio_record(ratio: Spread, better: Better) -> Value {
    Value::object([
        ("median", Value::Number(ratio.median)),
        ("p25", Value::Number(ratio.p25)),
        ("p75", Value::Number(ratio.p75)),
        ("verdict", Value::text(ratio.verdict(better))),
    ])
}

fn unit_name(unit: Unit) -> &'static str {
    match unit {
        Unit::Nanoseconds => "ns",
        Unit::Bytes => "bytes",
        Unit::PerSecond => "1/s",
        Unit::Count | Unit::Times => "1",
    }
}
