//! What a figure must never be quoted without: the machine, its load, and the versions compared.

use std::fs::read_to_string;

/// Pairs of a name and a value, for the table's head and the JSON.
pub(crate) fn gather() -> Vec<(&'static str, String)> {
    let cores = std::thread::available_parallelism().map_or_else(|_| "unknown".to_owned(), |n| n.to_string());
    let first_line = |path| read_to_string(path).ok().and_then(|text| text.lines().next().map(str::to_owned));
    let unknown = || "unknown".to_owned();
    vec![
        ("cpu", cpu_model().unwrap_or_else(unknown)),
        ("cores", cores),
        ("kernel", first_line("/proc/sys/kernel/osrelease").unwrap_or_else(unknown)),
        ("load before", first_line("/proc/loadavg").unwrap_or_else(unknown)),
        ("versions", ["freewheel", "tokio", "smol", "mio"].map(|name| format!("{name} {}", locked(name))).join(", ")),
        ("build", if cfg!(debug_assertions) { "debug: not for conclusions" } else { "optimised" }.to_owned()),
    ]
}

fn cpu_model() -> Option<String> {
    let text = read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// The version that the workspace's lock file names for a package.
fn locked(package: &str) -> &'static str {
    const LOCK: &str = include_str!("../../Cargo.lock");
    let entry = format!("name = \"{package}\"\nversion = \"");
    LOCK.split_once(&entry).and_then(|(_, rest)| rest.split('"').next()).unwrap_or("?")
}
