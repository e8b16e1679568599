//! What the environment variable `FREEWHEEL_STALL` and the builder say about reports.

use std::env::VarError;
use std::io;
use std::sync::Arc;

use super::{OnStall, Reports};
use crate::runtime::backtraces;

/// The environment variable that says what becomes of reports that no callback takes.
const VARIABLE: &str = "FREEWHEEL_STALL";

/// What an operator wants, beside what the program says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Setting {
    /// Nothing is said: a line per report, where there is a watch anyway.
    Unsaid,
    /// No line for a stall, unless the program has a callback of its own.
    Off,
    /// A line per report, and a watch to see what is to be reported.
    Warn,
    /// And the backtrace of the stuck thread.
    Backtrace,
}

/// What program and operator want of reports, taken together.
pub(in crate::runtime) struct Wish {
    /// Where stalls are reported; None if nowhere.
    pub(in crate::runtime) reports: Option<Arc<Reports>>,
    /// Whether somebody has asked for them, which is worth a thread where there is none.
    pub(in crate::runtime) is_asked_for: bool,
}

/// Finds that out.
///
/// # Errors
/// `InvalidInput` if the variable says something unknown, or backtraces are asked for that were not built in.
pub(in crate::runtime) fn wish(callback: Option<OnStall>, backtraces: bool) -> io::Result<Wish> {
    let setting = parse(std::env::var(VARIABLE))?;
    let backtraces = backtraces || setting == Setting::Backtrace;
    if backtraces && !backtraces::BUILT_IN {
        let asked =
            if setting == Setting::Backtrace { "FREEWHEEL_STALL=backtrace" } else { "Builder::stall_backtraces" };
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!(
                "{asked} needs freewheel's cargo feature `backtrace`, which this program was built without: add \
                 `features = [\"backtrace\"]` to the dependency, or do not ask for backtraces"
            ),
        ));
    }
    let wanted = setting != Setting::Off || callback.is_some();
    let is_asked_for = wanted && (setting != Setting::Unsaid || callback.is_some() || backtraces);
    Ok(Wish { reports: wanted.then(|| Arc::new(Reports::new(callback, backtraces))), is_asked_for })
}

/// What a value means, in any case and with blanks around it; nothing is as good as unset.
fn parse(value: Result<String, VarError>) -> io::Result<Setting> {
    let value = match value {
        Ok(value) => value,
        Err(VarError::NotPresent) => return Ok(Setting::Unsaid),
        Err(VarError::NotUnicode(value)) => value.to_string_lossy().into_owned(),
    };
    match value.trim().to_ascii_lowercase().as_str() {
        "" => Ok(Setting::Unsaid),
        "warn" => Ok(Setting::Warn),
        "off" => Ok(Setting::Off),
        "backtrace" => Ok(Setting::Backtrace),
        _ => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!(
                "{VARIABLE} is {value:?}: set it to off (no stall reports on stderr), warn, or backtrace (each with the \
                 stack of the stuck thread), or unset it"
            ),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn off_warn_and_backtrace_are_understood_and_all_else_is_refused_with_the_cure() {
        let parsed = |text: &str| parse(Ok(text.to_owned()));
        assert_eq!(parsed("off").unwrap(), Setting::Off);
        assert_eq!(parsed("warn").unwrap(), Setting::Warn);
        assert_eq!(parsed("backtrace").unwrap(), Setting::Backtrace);
        for wrong in ["1", "warning", "off,warn"] {
            let error = parsed(wrong).unwrap_err().to_string();
            let begins = format!("FREEWHEEL_STALL is {wrong:?}: set it to off ");
            assert!(error.starts_with(&begins) && error.contains("backtrace"), "{error}");
        }
    }

    #[test]
    fn a_value_counts_in_any_case_and_an_empty_one_is_as_good_as_none() {
        let parsed = |text: &str| parse(Ok(text.to_owned())).unwrap();
        assert_eq!(
            (parsed("WARN"), parsed("Off"), parsed(" backtrace\n")),
            (Setting::Warn, Setting::Off, Setting::Backtrace)
        );
        assert_eq!((parsed(""), parsed(" ")), (Setting::Unsaid, Setting::Unsaid));
        assert_eq!(parse(Err(VarError::NotPresent)).unwrap(), Setting::Unsaid);
    }

    #[cfg(unix)]
    #[test]
    fn what_is_no_text_is_refused_as_what_it_looks_like() {
        use std::os::unix::ffi::OsStringExt;

        let error = parse(Err(VarError::NotUnicode(std::ffi::OsString::from_vec(b"warn\xff".to_vec())))).unwrap_err();
        assert!(error.to_string().starts_with("FREEWHEEL_STALL is \"warn\u{fffd}\": "), "{error}");
    }
}
