//! Runs the models: `cargo test -p freewheel-loom-tests --test models -- [FILTER | --exact NAME | --list]`.
//!
//! Its own harness rather than libtest's, so that a model is named in one place and its size is printed. The exit code is
//! 101 when a model failed, and 2 when none was asked for.

use std::panic::catch_unwind;
use std::process::exit;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use freewheel_loom_tests::{explore, models};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let flag = |name: &str| arguments.iter().any(|argument| argument == name);
    let filters: Vec<&String> = arguments.iter().filter(|argument| !argument.starts_with('-')).collect();
    let wanted = |name: &str| {
        let matches = |filter: &&String| if flag("--exact") { name == *filter } else { name.contains(*filter) };
        filters.is_empty() || filters.iter().any(matches)
    };
    let chosen: Vec<(&str, fn())> =
        models::ALL.iter().flat_map(|file| file.iter().copied()).filter(|(name, _)| wanted(name)).collect();
    if flag("--list") {
        chosen.iter().for_each(|(name, _)| println!("{name}: test"));
        return;
    }
    if flag("--exact") && chosen.is_empty() {
        eprintln!("no model of that name");
        exit(2);
    }
    let failed = run(&chosen);
    println!("\n{} models, {} failed", chosen.len(), failed.len());
    if !failed.is_empty() {
        failed.iter().for_each(|name| println!("    {name}"));
        exit(101);
    }
}

/// Runs the models on as many threads as the machine has cores, and returns the names of those that failed.
fn run(chosen: &[(&'static str, fn())]) -> Vec<&'static str> {
    let next = AtomicUsize::new(0);
    let failed = Mutex::new(Vec::new());
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                // Relaxed: only the number itself matters.
                while let Some(&(name, body)) = chosen.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let begun = explore::spent();
                    let verdict = if catch_unwind(body).is_ok() { "ok" } else { "FAILED" };
                    let (rounds, seconds) = (explore::iterations(), (explore::spent() - begun).as_secs_f64());
                    println!("model {name} ... {verdict} ({rounds} interleavings, {seconds:.2} s of a core)");
                    if verdict != "ok" {
                        failed.lock().unwrap().push(name);
                    }
                }
            });
        }
    });
    failed.into_inner().unwrap()
}
