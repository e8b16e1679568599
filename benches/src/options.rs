//! What the command line may say.

use crate::peers::Name;
use crate::rows::Scale;
use std::path::{Path, PathBuf};

/// Printed by `--help`.
pub(crate) const HELP: &str = "\
freewheel beside its peers: cargo bench -p freewheel-benches -- [OPTIONS]

  --row TEXT           only rows whose name contains TEXT (any case); may be given several times
  --rounds N           samples per runtime and row; default 15
  --quick              a quarter of the work and 5 rounds: for a look, not for a conclusion
  --peers A,B          which runtimes, the subject first; default all
  --workers N          worker threads of each runtime; default 2
  --all                also print the metrics that otherwise only the JSON has
  --json FILE          where the samples go; default target/freewheel-benches.json
  --reactor-rule RULE  freewheel with `dedicated` or `token` as the reactor's rule (not in freewheel yet)
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
    pub(crate) reactor_rule: Option<String>,
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
    fn new() -> Self {
        Self {
            rows: Vec::new(),
            rounds: 15,
            scale: Scale::Full,
            peers: Name::ALL.to_vec(),
            workers: 2,
            all: false,
            json: Some(target_directory().join("freewheel-benches.json")),
            reactor_rule: None,
        }
    }

    /// One round of next to nothing.
    fn smoke() -> Self {
        Self { rounds: 1, scale: Scale::Smoke, json: None, ..Self::new() }
    }

    /// Whether a row of this name was asked for.
    pub(crate) fn wants(&self, row: &str) -> bool {
        self.rows.is_empty() || self.rows.iter().any(|text| row.to_lowercase().contains(text))
    }
}

/// Reads the arguments. `cargo bench` passes `--bench`; `cargo test --benches` passes nothing, or what the test
/// harness would get: then it is a smoke run.
pub(crate) fn parse(arguments: &[String]) -> Result<Request, String> {
    if arguments.is_empty() || arguments.iter().any(|argument| argument == "--test") {
        return Ok(Request::Compare(Options::smoke()));
    }
    let mut options = Options::new();
    let mut profiled = None;
    let mut rounds = None;
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().cloned().ok_or_else(|| format!("{argument} needs a value"));
        match argument.as_str() {
            "--bench" => {}
            "--row" => options.rows.push(value()?.to_lowercase()),
            "--rounds" => rounds = Some(positive(argument, &value()?)?),
            "--quick" => options.scale = Scale::Quick,
            "--peers" => options.peers = value()?.split(',').map(Name::parse).collect::<Result<_, _>>()?,
            "--workers" => options.workers = positive(argument, &value()?)?,
            "--all" => options.all = true,
            "--json" => options.json = Some(PathBuf::from(value()?)),
            "--reactor-rule" => options.reactor_rule = Some(reactor_rule(value()?)?),
            "--profile" => profiled = Some(Name::parse(&value()?)?),
            "--list" => return Ok(Request::List),
            "--help" | "-h" => return Ok(Request::Help),
            text if !text.starts_with('-') => options.rows.push(text.to_lowercase()),
            _ => return Err(format!("`{argument}` is unknown; see --help")),
        }
    }
    options.rounds = rounds.unwrap_or(if options.scale == Scale::Quick { 5 } else { options.rounds });
    Ok(match profiled {
        Some(peer) => Request::Profile { peer, options },
        None => Request::Compare(options),
    })
}

fn positive(option: &str, text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|number| *number > 0).ok_or_else(|| format!("{option}: `{text}` is no positive number"))
}

/// freewheel has no switch for the rule yet. When it has: let the two names through, they are handed on in the
/// environment (`process.rs`).
fn reactor_rule(text: String) -> Result<String, String> {
    Err(format!("--reactor-rule {text}: freewheel cannot be switched between the two rules yet"))
}

/// Benchmarks are started in the package's folder; the results belong to the workspace's.
fn target_directory() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../target"), PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Request, String> {
        parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn a_run_by_cargo_test_is_a_smoke_run() {
        for line in ["", "--test"] {
            let Ok(Request::Compare(options)) = parsed(line) else { panic!("{line}: no comparison") };
            assert_eq!((options.rounds, options.scale, options.json), (1, Scale::Smoke, None));
        }
    }

    #[test]
    fn rows_are_chosen_by_any_part_of_their_name() {
        let Ok(Request::Compare(options)) = parsed("--bench --row Echo yield --rounds 3") else { panic!() };
        assert_eq!(options.rounds, 3);
        assert!(options.wants("tcp echo 8") && options.wants("yield, 1 task") && !options.wants("chained spawn"));
    }

    #[test]
    fn a_mistake_is_named() {
        assert!(parsed("--rounds 0").unwrap_err().contains("--rounds"));
        assert!(parsed("--frobnicate").unwrap_err().contains("--frobnicate"));
        assert!(parsed("--peers nobody").unwrap_err().contains("nobody"));
    }
}
