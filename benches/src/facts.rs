//! What a figure must never be quoted without: the machine, its load, and the versions compared.

use std::fs::read_to_string;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Pairs of a name and a value, for the table's head and the JSON.
pub(crate) fn gather() -> Vec<(&'static str, String)> {
    let cores = std::thread::available_parallelism().map_or_else(|_| "unknown".to_owned(), |n| n.to_string());
    let first_line = |path| read_to_string(path).ok().and_then(|text| text.lines().next().map(str::to_owned));
    let unknown = || "unknown".to_owned();
    vec![
        ("cpu", cpu_model().unwrap_or_else(unknown)),
        ("cores", cores),
        (
            "kernel",
            first_line("/proc/sys/kernel/osrelease").map_or_else(unknown, |release| version(&release).to_owned()),
        ),
        ("date", date(SystemTime::now())),
        ("load before", first_line("/proc/loadavg").unwrap_or_else(unknown)),
        (
            "versions",
            ["freewheel", "tokio", "smol", "hyper", "mio"].map(|name| format!("{name} {}", locked(name))).join(", "),
        ),
        ("build", if cfg!(debug_assertions) { "debug: not for conclusions" } else { "optimised" }.to_owned()),
    ]
}

fn cpu_model() -> Option<String> {
    let text = read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// Of a kernel's release its version: what follows is the builder's own.
fn version(release: &str) -> &str {
    release.split(|c: char| c != '.' && !c.is_ascii_digit()).next().unwrap_or(release)
}

/// Year, month and day, in UTC.
fn date(now: SystemTime) -> String {
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    let mut days = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs() / DAY.as_secs();
    let mut year = 1970;
    let is_leap = |year: u64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    while days >= 365 + u64::from(is_leap(year)) {
        days -= 365 + u64::from(is_leap(year));
        year += 1;
    }
    let lengths = [31, 28 + u64::from(is_leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 0;
    while days >= lengths[month] {
        days -= lengths[month];
        month += 1;
    }
    format!("{year}-{:02}-{:02}", month + 1, days + 1)
}

/// The version that the workspace's lock file names for a package.
fn locked(package: &str) -> &'static str {
    const LOCK: &str = include_str!("../../Cargo.lock");
    let entry = format!("name = \"{package}\"\nversion = \"");
    LOCK.split_once(&entry).and_then(|(_, rest)| rest.split('"').next()).unwrap_or("?")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernel_is_known_by_its_version() {
        assert_eq!(version("6.8.0-45-generic"), "6.8.0");
        assert_eq!(version("5.15"), "5.15");
    }

    #[test]
    fn a_date_knows_leap_years() {
        let at = |seconds| date(UNIX_EPOCH + Duration::from_secs(seconds));
        assert_eq!(at(0), "1970-01-01");
        assert_eq!(at(951_782_400), "2000-02-29");
        assert_eq!(at(1_795_305_600), "2026-11-22");
    }
}
