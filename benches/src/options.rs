//! What the command line of the comparison may say.

use crate::arguments::{Asked, Line, read};
use crate::files::target_directory;
use crate::peers::Name;
use crate::rows::Scale;
use std::path::PathBuf;

/// Printed by `--help`.
pub(crate) const HELP: &str = "\
freewheel beside its peers: cargo bench -p freewheel-benches -- [OPTIONS]

  --row TEXT           only rows whose name contains TEXT (any case); may be given several times
  --rounds N           samples per runtime and row; default 15
  --quick              a quarter of the work and 5 rounds: for a look, not for a conclusion
  --peers A,B          which runtimes, the subject first; default all
  --workers N          worker threads of each runtime; default 2 (the scaling rows have their own)
  --all                also print the metrics that otherwise only the JSON has
  --json FILE          where the samples go; default target/freewheel-benches.json
  --publish            also write the summary into the README, between its markers
  --profile PEER       take the samples of the rows in this process, for perf, strace and callgrind
  --list               name the rows
";

/// How a comparison is made.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    rows: Vec<String>,
    pub(crate) rounds: usize,
    pub(crate) scale: Scale,
    pub(crate) peers: Vec<Name>,
    pub(crate) workers: usize,
    pub(crate) all: bool,
    /// `None` in a smoke run, which leaves no trace.
    pub(crate) json: Option<PathBuf>,
    pub(crate) publish: bool,
}

/// What the program shall do.
#[derive(Debug)]
pub(crate) enum Request {
    Compare(Options),
    Profile { peer: Name, options: Options },
    List,
    Help,
}

impl Options {
    fn new(line: Line) -> Self {
        Self {
            rounds: line.rounds.unwrap_or(if line.quick { 5 } else { 15 }),
            scale: if line.quick { Scale::Quick } else { Scale::Full },
            rows: line.rows,
            peers: Name::ALL.to_vec(),
            workers: 2,
            all: false,
            json: Some(line.json.unwrap_or_else(|| target_directory().join("freewheel-benches.json"))),
            publish: line.publish,
        }
    }

    /// One round of next to nothing.
    fn smoke() -> Self {
        Self { rounds: 1, scale: Scale::Smoke, json: None, ..Self::new(Line::default()) }
    }

    /// Whether a row of this name was asked for.
    pub(crate) fn wants(&self, row: &str) -> bool {
        self.rows.is_empty() || self.rows.iter().any(|text| row.to_lowercase().contains(text))
    }
}

/// Reads the arguments. Under `cargo test --benches` it is a smoke run.
pub(crate) fn parse(arguments: &[String]) -> Result<Request, String> {
    let (mut peers, mut workers, mut all, mut profiled) = (None, None, false, None);
    let asked = read(arguments, |option, rest| {
        match option {
            "--peers" => peers = Some(rest.list(option, Name::parse)?),
            "--workers" => workers = Some(rest.positive(option)?),
            "--all" => all = true,
            "--profile" => profiled = Some(Name::parse(rest.value(option)?)?),
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    let line = match asked {
        Asked::Run(line) => line,
        Asked::Tested => return Ok(Request::Compare(Options::smoke())),
        Asked::List => return Ok(Request::List),
        Asked::Help => return Ok(Request::Help),
    };
    if line.publish && !line.rows.is_empty() {
        return Err("--publish replaces the whole summary: it cannot go with --row".to_owned());
    }
    let mut options = Options { all, ..Options::new(line) };
    options.peers = peers.unwrap_or(options.peers);
    options.workers = workers.unwrap_or(options.workers);
    Ok(match profiled {
        Some(peer) => Request::Profile { peer, options },
        None => Request::Compare(options),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Request, String> {
        parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn a_run_by_cargo_test_is_a_smoke_run() {
        let Ok(Request::Compare(options)) = parsed("--test") else { panic!("no comparison") };
        assert_eq!((options.rounds, options.scale, options.json), (1, Scale::Smoke, None));
    }

    #[test]
    fn rows_are_chosen_by_any_part_of_their_name() {
        let Ok(Request::Compare(options)) = parsed("--bench --row Echo yield --rounds 3") else { panic!() };
        assert_eq!(options.rounds, 3);
        assert!(options.wants("tcp echo 8") && options.wants("yield, 1 task") && !options.wants("chained spawn"));
    }

    #[test]
    fn a_mistake_is_named() {
        assert!(parsed("--peers nobody").unwrap_err().contains("nobody"));
        assert!(parsed("--publish --row echo").unwrap_err().contains("--publish"));
    }
}
