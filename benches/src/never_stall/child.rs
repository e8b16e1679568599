//! The processes that are measured: what they say to their parent, and the parent's end of it.
//!
//! A line each way: the child says `port N` if it serves an echo, is told `go`, says `started` once its blockers are
//! spawned, and at last `result` with its figures; or `cannot` and a reason.

use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};

use super::contenders::{Name, with_contender};
use super::scenarios;
pub(super) use crate::process::say as tell;
use crate::process::{Replica, die_with_parent};
use crate::statistics::quantile;

/// The first argument that makes this program a child.
pub(super) const COMMAND: &str = "__never_stall";

/// What a figure counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    /// Nanoseconds.
    Time,
    Count,
    /// Of one.
    Share,
    PerSecond,
}

impl Unit {
    const ALL: [(Self, &'static str); 4] =
        [(Self::Time, "time"), (Self::Count, "count"), (Self::Share, "share"), (Self::PerSecond, "per-second")];

    fn text(self) -> &'static str {
        Self::ALL.iter().find(|(unit, _)| *unit == self).map_or("", |(_, text)| text)
    }
}

/// Figures with their units and names, in their order. What never happened is infinite.
pub(super) type Values = Vec<(Unit, String, f64)>;

/// The usual quantiles.
pub(super) fn distribution(name: &str, samples: &[f64]) -> Values {
    let at = |q| quantile(samples, q).unwrap_or(f64::INFINITY);
    let figures = [("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999), ("max", 1.0)];
    figures.iter().map(|(text, q)| (Unit::Time, format!("{name} {text}"), at(*q))).collect()
}

pub(super) fn tell_result(values: &Values) {
    let figures: Vec<String> =
        values.iter().map(|(unit, name, value)| format!("{} {name}={value}", unit.text())).collect();
    tell(format!("result {}", figures.join(";")));
}

fn parse_result(text: &str) -> Option<Values> {
    text.split(';')
        .map(|figure| {
            let (unit, rest) = figure.split_once(' ')?;
            let (name, value) = rest.split_once('=')?;
            let unit = Unit::ALL.iter().find(|(_, text)| *text == unit)?.0;
            Some((unit, name.to_owned(), value.parse().ok()?))
        })
        .collect()
}

/// `COMMAND CONTENDER SCENARIO full|quick`
pub(super) fn main(arguments: &[String]) -> Result<(), String> {
    let [contender, scenario, scale] = arguments else {
        return Err("a scenario is started by the benchmark itself".to_owned());
    };
    die_with_parent();
    let quick = scale == "quick";
    let name = Name::parse(contender)?;
    let outcome = with_contender!(name, C => scenarios::play::<C>(scenario, quick));
    match outcome {
        Ok(values) => tell_result(&values),
        Err(reason) => tell(format!("cannot {reason}")),
    }
    // The load wants its answers until it is stopped. The parent kills this process, or closes its end.
    wait_for_go();
    // Not by returning: tasks may be stuck for ever, and a runtime that is dropped may wait for them.
    std::process::exit(0);
}

/// Waits until the parent says the word.
pub(super) fn wait_for_go() {
    // An error is the parent's end.
    let _ = std::io::stdin().read_line(&mut String::new());
}

/// A child process as its parent sees it; killed on drop.
pub(super) struct Child {
    process: Replica,
    deadline: Instant,
}

/// Why there are no figures.
#[derive(Clone, Debug)]
pub(super) enum Failure {
    /// It did not come about within the limit.
    Never(Duration),
    Other(String),
}

impl Child {
    /// Executes this very program again with other arguments.
    pub(super) fn start(arguments: &[&str], limit: Duration) -> Result<Self, String> {
        let process = Replica::start(arguments, scenarios::WORKERS, &[("FREEWHEEL_STALL", "off")])?;
        Ok(Self { process, deadline: Instant::now() + limit })
    }

    pub(super) fn say(&mut self, line: &str) {
        self.process.say(line);
    }

    /// Waits for a line that begins with `word`, and returns the rest of it.
    pub(super) fn hear(&mut self, word: &str, limit: Duration) -> Result<String, Failure> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        let line = self.process.hear(left).map_err(|error| match error {
            RecvTimeoutError::Timeout => Failure::Never(limit),
            RecvTimeoutError::Disconnected => Failure::Other("crashed".to_owned()),
        })?;
        match line.split_once(' ').unwrap_or((&line, "")) {
            (first, rest) if first == word => Ok(rest.to_owned()),
            ("cannot", reason) => Err(Failure::Other(reason.to_owned())),
            _ => Err(Failure::Other(format!("said `{line}` instead of `{word}`"))),
        }
    }

    pub(super) fn result(&mut self, limit: Duration) -> Result<Values, Failure> {
        let text = self.hear("result", limit)?;
        parse_result(&text).ok_or_else(|| Failure::Other(format!("said `{text}`")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_survive_the_way_to_the_parent() {
        let parsed = parse_result("time echo p99=1500.5;count threads=7;time until=inf").unwrap();
        assert_eq!(parsed[0], (Unit::Time, "echo p99".to_owned(), 1500.5));
        assert_eq!(parsed[1], (Unit::Count, "threads".to_owned(), 7.0));
        assert!(parsed[2].2.is_infinite());
        assert!(parse_result("nonsense").is_none());
    }
}
