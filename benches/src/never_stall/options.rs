//! What the command line of the never-stall bench may say.

use std::path::PathBuf;

use super::contenders::Name;
use crate::arguments::{Asked, read};
use crate::files::target_directory;

/// Printed by `--help`.
pub(super) const HELP: &str = "\
Tasks that block, and what becomes of the others: cargo bench -p freewheel-benches --bench never_stall -- [OPTIONS]

  --row TEXT           only scenarios whose name contains TEXT (any case); may be given several times
  --rounds N           runs of each scenario on each contender, of which the median counts; default 3
  --quick              one round, shorter, fewer blockers: for a look, not for a conclusion
  --contenders A,B     freewheel, hand_off(false), tokio, tokio-as-documented, smol; default all
  --json FILE          where all figures go; default target/never-stall.json
  --publish            also write the table into the README, between its markers, and the curve to docs/never-stall.svg
  --list               name the scenarios
";

/// How the bench is run.
#[derive(Clone, Debug)]
pub(super) struct Options {
    rows: Vec<String>,
    pub(super) rounds: usize,
    pub(super) quick: bool,
    pub(super) contenders: Vec<Name>,
    pub(super) json: PathBuf,
    pub(super) publish: bool,
}

/// What the program shall do.
#[derive(Debug)]
pub(super) enum Request {
    Run(Options),
    /// Under `cargo test --benches`: a stall takes its time, and the tests of the runtime have these scenarios already.
    Nothing,
    List,
    Help,
}

impl Options {
    /// Whether a scenario of this name was asked for: by a part of it, or, `T1`, by its first word.
    pub(super) fn wants(&self, scenario: &str) -> bool {
        let scenario = scenario.to_lowercase();
        let number = |text: &str| text.starts_with('t') && text[1..].parse::<u32>().is_ok();
        self.rows.is_empty()
            || self.rows.iter().any(|text| match number(text) {
                true => scenario.split(' ').next() == Some(text),
                false => scenario.contains(text),
            })
    }
}

/// Reads the arguments.
pub(super) fn parse(arguments: &[String]) -> Result<Request, String> {
    let mut contenders = Name::ALL.to_vec();
    let asked = read(arguments, |option, rest| {
        if option == "--contenders" {
            contenders = rest.list(option, Name::parse)?;
        }
        Ok(option == "--contenders")
    })?;
    let line = match asked {
        Asked::Run(line) => line,
        Asked::Tested => return Ok(Request::Nothing),
        Asked::List => return Ok(Request::List),
        Asked::Help => return Ok(Request::Help),
    };
    Ok(Request::Run(Options {
        rounds: line.rounds.unwrap_or(if line.quick { 1 } else { 3 }),
        rows: line.rows,
        quick: line.quick,
        contenders,
        json: line.json.unwrap_or_else(|| target_directory().join("never-stall.json")),
        publish: line.publish,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Request, String> {
        parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn under_cargo_test_nothing_is_run() {
        assert!(matches!(parsed(""), Ok(Request::Nothing)));
    }

    #[test]
    fn a_number_means_that_scenario_alone() {
        let Ok(Request::Run(options)) = parsed("--bench --row t1") else { panic!("no run") };
        assert!(options.wants("T1 both workers sleep") && !options.wants("T14 10 blockers"));
        let Ok(Request::Run(options)) = parsed("--bench --row BLOCKERS") else { panic!("no run") };
        assert!(options.wants("T14 10 blockers") && !options.wants("T1 both workers sleep"));
    }

    #[test]
    fn a_mistake_is_named() {
        assert!(parsed("--contenders nobody").unwrap_err().contains("nobody"));
    }
}
