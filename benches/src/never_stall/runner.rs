//! The run: every scenario, round by round, the contenders in turn, each in a process of its own.

use super::child::{COMMAND, Child, Failure, Unit, Values};
use super::contenders::Name;
use super::load;
use super::options::Options;
use super::report::Report;
use super::scenarios::{Kind, SCENARIOS, SLOWER, Scenario};
use crate::facts;
use crate::statistics::median;

/// What one contender came to in one scenario.
pub(super) struct Outcome {
    pub(super) contender: Name,
    /// The medians over the rounds.
    pub(super) values: Values,
    /// How many rounds have figures.
    pub(super) rounds: usize,
    pub(super) failure: Option<Failure>,
}

/// Prints the names of all scenarios.
pub(super) fn list() {
    SCENARIOS.iter().for_each(|scenario| println!("{}", scenario.name));
}

/// Plays all scenarios that are wanted; prints each as soon as it is played.
pub(super) fn run(options: &Options) -> Result<(), String> {
    let mut report = Report::begin(options, facts::gather());
    // Whoever never came through fewer blockers is not asked about more.
    let mut beaten: Vec<(Name, Failure)> = Vec::new();
    for scenario in SCENARIOS.iter().filter(|scenario| options.wants(scenario.name)) {
        let is_ahead = matches!(scenario.kind, Kind::Ahead(..));
        let known = if is_ahead { beaten.as_slice() } else { &[] };
        let outcomes = play_rounds(scenario, options, known);
        if is_ahead {
            for outcome in &outcomes {
                if let Some(failure @ Failure::Never(_)) = &outcome.failure {
                    beaten.push((outcome.contender, failure.clone()));
                }
            }
        }
        report.scenario(scenario, outcomes);
    }
    report.end()
}

fn takes_part(scenario: &Scenario, contender: Name) -> bool {
    match scenario.kind {
        Kind::Cost(_) | Kind::FalseReports => contender == Name::Freewheel,
        _ if scenario.is_ours_alone() => matches!(contender, Name::Freewheel | Name::NoHandOff),
        _ => true,
    }
}

fn play_rounds(scenario: &Scenario, options: &Options, beaten: &[(Name, Failure)]) -> Vec<Outcome> {
    let contenders: Vec<Name> =
        options.contenders.iter().copied().filter(|&contender| takes_part(scenario, contender)).collect();
    let mut rounds: Vec<Vec<Values>> = contenders.iter().map(|_| Vec::new()).collect();
    let known = |contender| beaten.iter().find(|(name, _)| *name == contender).map(|(_, failure)| failure.clone());
    let mut failures: Vec<Option<Failure>> = contenders.iter().map(|&contender| known(contender)).collect();
    for round in 0..options.rounds.min(scenario.most_rounds()) {
        for turn in 0..contenders.len() {
            let place = if round % 2 == 0 { turn } else { contenders.len() - 1 - turn };
            if failures[place].is_some() {
                continue;
            }
            match play(scenario, contenders[place], options.quick) {
                Ok(values) => rounds[place].push(values),
                Err(failure) => failures[place] = Some(failure),
            }
        }
    }
    if scenario.kind == Kind::ManyShort {
        compare_throughput(&contenders, &mut rounds);
    }
    let outcomes = contenders.into_iter().zip(rounds).zip(failures);
    outcomes
        .map(|((contender, rounds), failure)| Outcome {
            contender,
            values: medians(&rounds),
            rounds: rounds.len(),
            failure,
        })
        .collect()
}

/// Adds to freewheel's figures by what share it was slower than without hand-offs in the same round.
fn compare_throughput(contenders: &[Name], rounds: &mut [Vec<Values>]) {
    let place = |name| contenders.iter().position(|contender| *contender == name);
    let (Some(with), Some(without)) = (place(Name::Freewheel), place(Name::NoHandOff)) else { return };
    let blocks =
        |values: &Values| values.iter().find(|(_, name, _)| name == "blocks").map_or(f64::NAN, |value| value.2);
    let others: Vec<f64> = rounds[without].iter().map(blocks).collect();
    for (values, other) in rounds[with].iter_mut().zip(others) {
        let slower = 1.0 - blocks(values) / other;
        values.push((Unit::Share, SLOWER.to_owned(), slower));
    }
}

/// Plays a scenario once on one contender.
fn play(scenario: &Scenario, contender: Name, quick: bool) -> Result<Values, Failure> {
    let limit = scenario.limit(quick);
    let scale = if quick { "quick" } else { "full" };
    let mut child = Child::start(&[COMMAND, contender.text(), scenario.name, scale], limit).map_err(Failure::Other)?;
    if !scenario.has_echo() {
        return child.result(limit);
    }
    let port = child.hear("port", limit)?;
    let mut load = Child::start(&[load::COMMAND, &port], limit).map_err(Failure::Other)?;
    load.hear("ready", limit)?;
    child.say("go");
    child.hear("started", limit)?;
    load.say("go");
    let mut values = child.result(limit)?;
    load.say("stop");
    values.extend(load.result(limit)?);
    let worst =
        ["p99", "p99.9", "max"].map(|quantile| (Unit::Time, format!("worst {quantile}"), worst(&values, quantile)));
    values.extend(worst);
    Ok(values)
}

/// The worse of ticker, echo, and the task that was the first behind the blockers (its one figure counts as a maximum).
fn worst(values: &Values, quantile: &str) -> f64 {
    let names = [format!("ticker {quantile}"), format!("echo {quantile}")];
    let counts =
        |name: &str| names.iter().any(|known| known == name) || (quantile == "max" && name == "good task polled");
    values.iter().filter(|(_, name, _)| counts(name)).map(|(_, _, value)| *value).fold(0.0, f64::max)
}

fn medians(rounds: &[Values]) -> Values {
    let Some(first) = rounds.first() else { return Vec::new() };
    let of = |name: &str| {
        let samples: Vec<f64> =
            rounds.iter().flatten().filter(|(_, other, _)| other == name).map(|value| value.2).collect();
        median(&samples).unwrap_or(f64::INFINITY)
    };
    first.iter().map(|(unit, name, _)| (*unit, name.clone(), of(name))).collect()
}
