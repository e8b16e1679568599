//! What the command line of the never-stall bench may say.

use std::path::{Path, PathBuf};

use super::contenders::Name;

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

/// Reads the arguments. `cargo bench` passes `--bench`; `cargo test --benches` does not.
pub(super) fn parse(arguments: &[String]) -> Result<Request, String> {
    if arguments.is_empty() || arguments.iter().any(|argument| argument == "--test") {
        return Ok(Request::Nothing);
    }
    let mut options = Options {
        rows: Vec::new(),
        rounds: 3,
        quick: false,
        contenders: Name::ALL.to_vec(),
        json: target_directory().join("never-stall.json"),
        publish: false,
    };
    let mut rounds = None;
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().cloned().ok_or_else(|| format!("{argument} needs a value"));
        match argument.as_str() {
            "--bench" => {}
            "--row" => options.rows.push(value()?.to_lowercase()),
            "--rounds" => {
                let text = value()?;
                let number = text.parse().ok().filter(|number| *number > 0);
                rounds = Some(number.ok_or_else(|| format!("--rounds: `{text}` is no positive number"))?);
            }
            "--quick" => options.quick = true,
            "--contenders" => options.contenders = value()?.split(',').map(Name::parse).collect::<Result<_, _>>()?,
            "--json" => options.json = PathBuf::from(value()?),
            "--publish" => options.publish = true,
            "--list" => return Ok(Request::List),
            "--help" | "-h" => return Ok(Request::Help),
            text if !text.starts_with('-') => options.rows.push(text.to_lowercase()),
            _ => return Err(format!("`{argument}` is unknown; see --help")),
        }
    }
    options.rounds = rounds.unwrap_or(if options.quick { 1 } else { options.rounds });
    Ok(Request::Run(options))
}

/// Benchmarks are started in the package's folder; the results belong to the workspace's.
fn target_directory() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace().join("target"), PathBuf::from)
}

/// Where the README is.
pub(super) fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
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
        assert!(matches!(parsed("--test"), Ok(Request::Nothing)));
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
        assert!(parsed("--rounds 0").unwrap_err().contains("--rounds"));
        assert!(parsed("--frobnicate").unwrap_err().contains("--frobnicate"));
        assert!(parsed("--contenders nobody").unwrap_err().contains("nobody"));
    }
}
