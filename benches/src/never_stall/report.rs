//! What becomes of the figures: the table on the terminal, the JSON, the README's table.

use super::child::{Failure, Unit};
use super::contenders::Name;
use super::curve;
use super::load;
use super::options::Options;
use super::runner::Outcome;
use super::scenarios::{Kind, Scenario};
use crate::files::{publish, workspace, write};
use crate::json::Value;
use crate::statistics::median;

/// Of the README's markers.
const MARKER: &str = "never-stall";

const NAME_WIDTH: usize = 22;
const CELL_WIDTH: usize = 19;

/// All outcomes so far.
pub(super) struct Report<'a> {
    options: &'a Options,
    facts: Vec<(&'static str, String)>,
    played: Vec<(&'static Scenario, Vec<Outcome>)>,
}

impl Outcome {
    /// A figure by its name.
    pub(super) fn get(&self, name: &str) -> Option<f64> {
        self.values.iter().find(|(_, known, _)| known == name).map(|(_, _, value)| *value)
    }

    fn cell(&self, name: &str) -> String {
        let found = self.values.iter().find(|(_, known, _)| known == name);
        match (found, &self.failure) {
            (_, Some(Failure::Never(limit))) => format!("never (> {} s)", limit.as_secs()),
            (_, Some(Failure::Other(reason))) => reason.clone(),
            (Some((unit, _, value)), None) => written(*unit, *value),
            (None, None) => "-".to_owned(),
        }
    }
}

/// A figure with its unit, to three places or so.
pub(super) fn written(unit: Unit, value: f64) -> String {
    let rounded = |value: f64| match value.abs() {
        small if small < 10.0 => format!("{value:.2}"),
        middle if middle < 100.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    };
    match unit {
        _ if value.is_infinite() => "never".to_owned(),
        Unit::Time if value.abs() < 1e3 => format!("{} ns", rounded(value)),
        Unit::Time if value.abs() < 1e6 => format!("{} µs", rounded(value / 1e3)),
        Unit::Time if value.abs() < 1e9 => format!("{} ms", rounded(value / 1e6)),
        Unit::Time => format!("{} s", rounded(value / 1e9)),
        Unit::Count => format!("{value:.0}"),
        Unit::Share => format!("{} %", rounded(value * 100.0)),
        Unit::PerSecond => format!("{}/s", rounded(value)),
    }
}

impl<'a> Report<'a> {
    /// Prints the head.
    pub(super) fn begin(options: &'a Options, facts: Vec<(&'static str, String)>) -> Self {
        for (name, value) in &facts {
            println!("{name}: {value}");
        }
        println!("{} rounds, medians; `worst` is the worse of ticker and echo", options.rounds);
        Self { options, facts, played: Vec::new() }
    }

    /// Prints the outcome of a scenario and keeps it.
    pub(super) fn scenario(&mut self, scenario: &'static Scenario, outcomes: Vec<Outcome>) {
        println!("\n{}   [{}]", scenario.name, verdict(scenario, &outcomes));
        print!("{:NAME_WIDTH$}", "");
        outcomes.iter().for_each(|outcome| print!("{:>CELL_WIDTH$}", outcome.contender.heading()));
        println!();
        let mut names: Vec<&str> = Vec::new();
        for (_, name, _) in outcomes.iter().flat_map(|outcome| &outcome.values) {
            if !names.contains(&name.as_str()) {
                names.push(name);
            }
        }
        for name in &names {
            print!("{name:NAME_WIDTH$}");
            outcomes.iter().for_each(|outcome| print!("{:>CELL_WIDTH$}", outcome.cell(name)));
            println!();
        }
        if names.is_empty() {
            outcomes.iter().for_each(|outcome| println!("{}: {}", outcome.contender.heading(), outcome.cell("")));
        }
        self.played.push((scenario, outcomes));
    }

    /// Writes the files.
    pub(super) fn end(self) -> Result<(), String> {
        write(&self.options.json, &format!("{}\n", self.json()))?;
        let (table, curve) = (self.markdown(), self.curve());
        write(&self.options.json.with_extension("md"), &table)?;
        write(&self.options.json.with_extension("svg"), &curve)?;
        println!("\nfigures: {} and, beside it, .md and .svg", self.options.json.display());
        if self.options.publish {
            publish(&workspace().join("README.md"), MARKER, &table)?;
            let docs = workspace().join("docs");
            std::fs::create_dir_all(&docs).map_err(|error| format!("{}: {error}", docs.display()))?;
            write(&docs.join("never-stall.svg"), &curve)?;
        }
        Ok(())
    }

    fn json(&self) -> Value {
        let outcome = |outcome: &Outcome| {
            let mut fields: Vec<(String, Value)> =
                outcome.values.iter().map(|(_, name, value)| (name.clone(), Value::Number(*value))).collect();
            fields.push(("rounds".to_owned(), Value::Number(outcome.rounds as f64)));
            if let Some(failure) = &outcome.failure {
                fields.push(("failure".to_owned(), Value::text(format!("{failure:?}"))));
            }
            (outcome.contender.text(), Value::object(fields))
        };
        let scenarios = self.played.iter().map(|(scenario, outcomes)| {
            let fields = outcomes.iter().map(outcome);
            (scenario.name, Value::object(fields))
        });
        Value::object([
            ("facts", Value::object(self.facts.iter().map(|(name, value)| (*name, Value::text(value.as_str()))))),
            ("scenarios", Value::object(scenarios.collect::<Vec<_>>())),
        ])
    }

    /// The README's table: one line per scenario, what matters of it per contender.
    fn markdown(&self) -> String {
        let mut table = String::from("| scenario | target |");
        Name::ALL.iter().for_each(|name| table.push_str(&format!(" {} |", name.heading())));
        table.push_str("\n| --- | --- |");
        Name::ALL.iter().for_each(|_| table.push_str(" --- |"));
        table.push('\n');
        for (scenario, outcomes) in self.played.iter().filter(|(scenario, _)| !scenario.is_ours_alone()) {
            let figures: Vec<&str> = scenario.headline.to_vec();
            table.push_str(&format!(
                "| {} ({}) | {} |",
                scenario.name,
                figures.join(" / "),
                verdict(scenario, outcomes)
            ));
            for name in Name::ALL {
                let outcome = outcomes.iter().find(|outcome| outcome.contender == *name);
                table.push_str(&format!(" {} |", outcome.map_or("-".to_owned(), |outcome| cells(outcome, &figures))));
            }
            table.push('\n');
        }
        let costs: Vec<_> = self.played.iter().filter(|(scenario, _)| scenario.is_ours_alone()).collect();
        if !costs.is_empty() {
            table.push_str("\n| what the watch costs | target | figures |\n| --- | --- | --- |\n");
        }
        for (scenario, outcomes) in costs {
            let Some(ours) = outcomes.first() else { continue };
            let figure = |name: &&str| format!("{name}: {}", ours.cell(name));
            let mut figures: Vec<String> = scenario.headline.iter().map(figure).collect();
            figures.extend(ours.get("ratio").map(|ratio| format!("ratio {ratio:.3}")));
            table.push_str(&format!(
                "| {} | {} | {} |\n",
                scenario.name,
                verdict(scenario, outcomes),
                figures.join(", ")
            ));
        }
        let fact = |name: &str| self.facts.iter().find(|(known, _)| *known == name).map_or("?", |(_, value)| value);
        let floors =
            self.played.iter().flat_map(|(_, outcomes)| outcomes).filter_map(|outcome| outcome.get(load::FLOOR));
        if let Some(floor) = median(&floors.collect::<Vec<_>>()) {
            table.push_str(&format!(
                "\nThe machine's own share: a thread of the load that only sleeps and sends was late by {} at p99.\n",
                written(Unit::Time, floor)
            ));
        }
        table.push_str(&format!(
            "\n{} workers, {}medians of {} rounds; load average before: {}; {}, {} cores, Linux {}; {}.\n",
            super::scenarios::WORKERS,
            if self.options.quick { "a quick run, " } else { "" },
            self.options.rounds,
            fact("load before").split(' ').next().unwrap_or("?"),
            fact("cpu"),
            fact("cores"),
            fact("kernel"),
            fact("versions")
        ));
        table
    }

    fn curve(&self) -> String {
        let lines = Name::ALL.iter().map(|&name| {
            let point = |(scenario, outcomes): &(&Scenario, Vec<Outcome>)| {
                let Kind::Ahead(blockers, super::scenarios::Limits::Raised) = scenario.kind else { return None };
                let outcome = outcomes.iter().find(|outcome| outcome.contender == name)?;
                let millis = outcome.get("worst max").filter(|_| outcome.failure.is_none()).map(|nanos| nanos / 1e6);
                Some((blockers as f64, millis))
            };
            (name, self.played.iter().filter_map(point).collect())
        });
        curve::draw(&lines.collect::<Vec<_>>(), if self.options.quick { 6 } else { 20 })
    }
}

fn cells(outcome: &Outcome, figures: &[&str]) -> String {
    match &outcome.failure {
        Some(Failure::Never(limit)) => format!("**never** (> {} s)", limit.as_secs()),
        Some(Failure::Other(reason)) => reason.clone(),
        None => figures.iter().map(|name| outcome.cell(name)).collect::<Vec<_>>().join(" / "),
    }
}

/// Whether freewheel reaches its target, where there is one.
fn verdict(scenario: &Scenario, outcomes: &[Outcome]) -> String {
    let ours = outcomes.iter().find(|outcome| outcome.contender == Name::Freewheel);
    let Some(ours) = ours.filter(|_| !scenario.bounds.is_empty()) else { return scenario.target.to_owned() };
    let holds =
        |(name, bound): &(&str, f64)| ours.failure.is_none() && ours.get(name).is_some_and(|value| value <= *bound);
    let missed: Vec<&str> = scenario.bounds.iter().filter(|bound| !holds(bound)).map(|(name, _)| *name).collect();
    match missed.is_empty() {
        true => format!("{}: met", scenario.target),
        false => format!("{}: missed by {}", scenario.target, missed.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_is_written_with_the_unit_that_fits() {
        assert_eq!(written(Unit::Time, 1.5e6), "1.50 ms");
        assert_eq!(written(Unit::Time, 12.0), "12.0 ns");
        assert_eq!(written(Unit::Time, f64::INFINITY), "never");
        assert_eq!(written(Unit::Share, 0.0042), "0.42 %");
        assert_eq!(written(Unit::PerSecond, 3000.0), "3000/s");
    }
}
