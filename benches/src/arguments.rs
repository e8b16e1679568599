//! What the command lines of both benches share: rows, rounds, files, and being run by `cargo test`.

use std::path::PathBuf;

/// What the program shall do.
#[derive(Debug)]
pub(crate) enum Asked {
    Run(Line),
    /// `cargo test --benches` is at work, not `cargo bench`: nobody wants figures.
    Tested,
    List,
    Help,
}

/// The options that every bench has.
#[derive(Clone, Debug, Default)]
pub(crate) struct Line {
    /// Parts of the names of the rows that are wanted, in lower case; none means all.
    pub(crate) rows: Vec<String>,
    pub(crate) rounds: Option<usize>,
    pub(crate) quick: bool,
    pub(crate) json: Option<PathBuf>,
    pub(crate) publish: bool,
}

/// The arguments not yet read.
pub(crate) struct Rest<'a>(std::slice::Iter<'a, String>);

impl Rest<'_> {
    /// The value that must follow `option`.
    pub(crate) fn value(&mut self, option: &str) -> Result<&str, String> {
        self.0.next().map(String::as_str).ok_or_else(|| format!("{option} needs a value"))
    }

    /// The number, at least one, that must follow `option`.
    pub(crate) fn positive(&mut self, option: &str) -> Result<usize, String> {
        let text = self.value(option)?;
        let number = text.parse().ok().filter(|number| *number > 0);
        number.ok_or_else(|| format!("{option}: `{text}` is no positive number"))
    }

    /// The list, separated by commas, that must follow `option`.
    pub(crate) fn list<T>(
        &mut self,
        option: &str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Result<Vec<T>, String> {
        self.value(option)?.split(',').map(parse).collect()
    }
}

/// Reads the arguments; `own` takes the options that this bench alone has, and says whether it knew one. `cargo bench`
/// passes `--bench`; `cargo test --benches` passes nothing, or what the test harness would get.
pub(crate) fn read(
    arguments: &[String],
    mut own: impl FnMut(&str, &mut Rest<'_>) -> Result<bool, String>,
) -> Result<Asked, String> {
    if arguments.is_empty() || arguments.iter().any(|argument| argument == "--test") {
        return Ok(Asked::Tested);
    }
    let mut line = Line::default();
    let mut rest = Rest(arguments.iter());
    while let Some(argument) = rest.0.next() {
        match argument.as_str() {
            "--bench" => {}
            "--row" => line.rows.push(rest.value(argument)?.to_lowercase()),
            "--rounds" => line.rounds = Some(rest.positive(argument)?),
            "--quick" => line.quick = true,
            "--json" => line.json = Some(PathBuf::from(rest.value(argument)?)),
            "--publish" => line.publish = true,
            "--list" => return Ok(Asked::List),
            "--help" | "-h" => return Ok(Asked::Help),
            text if !text.starts_with('-') => line.rows.push(text.to_lowercase()),
            _ if own(argument, &mut rest)? => {}
            _ => return Err(format!("`{argument}` is unknown; see --help")),
        }
    }
    Ok(Asked::Run(line))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_line(text: &str) -> Result<Asked, String> {
        let arguments: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
        read(&arguments, |option, rest| match option {
            "--own" => rest.list(option, |text| Ok(text.len())).map(|_| true),
            _ => Ok(false),
        })
    }

    #[test]
    fn without_a_bench_in_the_arguments_nothing_is_measured() {
        assert!(matches!(read_line(""), Ok(Asked::Tested)));
        assert!(matches!(read_line("--test"), Ok(Asked::Tested)));
    }

    #[test]
    fn the_options_of_one_bench_stand_among_those_of_all() {
        let Ok(Asked::Run(line)) = read_line("--bench --row Echo --own a,b yield --rounds 3") else { panic!("no run") };
        assert_eq!((line.rows, line.rounds), (vec!["echo".to_owned(), "yield".to_owned()], Some(3)));
    }

    #[test]
    fn a_mistake_is_named() {
        for line in ["--rounds 0", "--rounds", "--frobnicate", "--own"] {
            let option = line.split(' ').next().unwrap();
            assert!(read_line(line).unwrap_err().contains(option), "{line}");
        }
    }
}
