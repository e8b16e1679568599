//! Rules about files: headers, sizes, names, floors, who may name which crate, what is referred to.

use crate::Offence;
use crate::source::{Source, is_name};

/// The longest a file may be.
const LINES: usize = 600;

/// The longest a line may be. rustfmt breaks code at 120; a comment may hang over, for rustfmt leaves it alone.
const COLUMNS: usize = 140;

/// The floor of each folder or file directly under `src`. A file imports its own folder and lower floors.
const FLOORS: [(&str, u32); 16] = [
    ("primitives", 1),
    ("queue", 1),
    ("tasks", 2),
    ("reactor", 2),
    ("sync", 2),
    ("scheduler", 3),
    ("blocking", 3),
    ("runtime", 4),
    ("io", 5),
    ("time", 5),
    ("spawn", 5),
    ("macros", 5),
    ("net", 6),
    ("process", 6),
    ("signal", 6),
    ("fs", 6),
];

/// A foreign name, and the one file or folder that may say it.
const FOREIGN: [(&str, &str); 12] = [
    ("crossbeam_deque", "src/queue.rs"),
    ("crossbeam_channel", "src/blocking/channel.rs"),
    ("crossbeam_utils", "src/primitives/"),
    ("num_cpus", "src/runtime/"),
    ("signal_hook_registry", "src/io/signal_pipe.rs"),
    ("mio::Poll", "src/reactor/poller.rs"),
    ("mio::Events", "src/reactor/poller.rs"),
    ("mio::Waker", "src/reactor/poller.rs"),
    ("tracing", "src/runtime/reports/"),
    ("backtrace", "src/runtime/backtraces/"),
    ("framehop", "src/runtime/backtraces/"),
    ("gimli", "src/runtime/backtraces/"),
];

/// Names that say nothing of what is inside.
const EMPTY_NAMES: [&str; 8] = ["util", "utils", "common", "helpers", "helper", "core", "inner", "manager"];

/// Folders of a machine, which no file of the repository should know.
const MACHINES: [&str; 5] = ["/home/", "/root/", "/Users/", "/work/", "C:\\Users\\"];

/// The folder or file under `src` that a path belongs to.
fn place(path: &str) -> Option<&str> {
    let below = path.strip_prefix("src/")?;
    let first = below.split('/').next()?;
    Some(first.strip_suffix(".rs").unwrap_or(first))
}

pub(crate) fn floor_of(path: &str) -> Option<u32> {
    floor(place(path)?)
}

fn floor(place: &str) -> Option<u32> {
    FLOORS.iter().find(|(name, _)| *name == place).map(|(_, floor)| *floor)
}

pub(crate) fn header(source: &Source) -> Vec<Offence> {
    let first = source.text.lines().next().unwrap_or_default();
    // A crate's note may be a file of its own.
    let says = first.strip_prefix("//!").is_some_and(|rest| rest.trim().len() > 10) || first.starts_with("#![doc =");
    if says { vec![] } else { vec![Offence::new(source, 1, "the first line must be `//!` and say what this file is")] }
}

pub(crate) fn size(source: &Source) -> Vec<Offence> {
    let lines = source.text.lines().count();
    let mut offences: Vec<Offence> = source
        .text
        .lines()
        .enumerate()
        .filter(|(_, line)| line.chars().count() > COLUMNS)
        .map(|(at, _)| Offence::new(source, at + 1, format!("a line longer than {COLUMNS}")))
        .collect();
    if lines > LINES {
        offences.push(Offence::new(source, lines, format!("{lines} lines; {LINES} is the most a file may have")));
    }
    offences
}

pub(crate) fn names(paths: &[String]) -> Vec<Offence> {
    let empty = |path: &&String| path.split('/').any(|part| EMPTY_NAMES.contains(&part.trim_end_matches(".rs")));
    let offence = |path: &String| Offence { path: path.clone(), line: 1, what: "a name that says nothing".into() };
    paths.iter().filter(empty).map(offence).collect()
}

/// A folder's own file is `mod.rs` inside it, never `folder.rs` beside it.
pub(crate) fn folder_modules(paths: &[String]) -> Vec<Offence> {
    let mut offences = Vec::new();
    for path in paths.iter().filter(|path| path.ends_with(".rs")) {
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        if folder != "src" && !paths.contains(&format!("{folder}/mod.rs")) {
            offences.push(Offence { path: path.clone(), line: 1, what: "its folder has no mod.rs".into() });
        }
    }
    offences
}

/// Every file is declared by the one above it.
pub(crate) fn dead_files(sources: &[Source]) -> Vec<Offence> {
    let mut offences = Vec::new();
    for source in sources.iter().filter(|source| source.path != "src/lib.rs") {
        let (folder, file) = source.path.rsplit_once('/').expect("below src");
        let (parent, name) = match file {
            "mod.rs" => folder.rsplit_once('/').expect("below src"),
            _ => (folder, file.trim_end_matches(".rs")),
        };
        let above = format!("{parent}/{}", if parent == "src" { "lib.rs" } else { "mod.rs" });
        let declared =
            sources.iter().filter(|source| source.path == above || source.path.starts_with(parent)).any(|by| {
                let plain = by.path == above && (0..by.tokens.len()).any(|at| by.is(at, "mod") && by.is(at + 1, name));
                // `#[path = "linux.rs"] mod …`, for what exists per platform.
                plain || by.text.contains(&format!("#[path = \"{file}\"]"))
            });
        if !declared {
            offences.push(Offence::new(source, 1, format!("a dead file: {above} does not declare it")));
        }
    }
    offences
}

pub(crate) fn floors(source: &Source) -> Vec<Offence> {
    let Some(own) = place(&source.path).filter(|place| *place != "lib") else { return vec![] };
    let Some(own_floor) = floor(own) else {
        return vec![Offence::new(source, 1, format!("`{own}` is not in the floor table (tests/tidy/layout.rs)"))];
    };
    let mut offences = Vec::new();
    for path in source.paths() {
        let mut parts = path.text.split("::");
        let first = parts.next().unwrap_or_default();
        let target = match first {
            "crate" => parts.next(),
            "super" => {
                let ups = 1 + path.text.split("::").skip(1).take_while(|part| *part == "super").count();
                let depth = module_depth(&source.path) + source.inline_modules(path.line);
                if ups < depth { None } else { path.text.split("::").nth(ups) }
            }
            _ => None,
        };
        let Some(target) = target.filter(|target| *target != own && is_name(target)) else { continue };
        match floor(target) {
            None => {
                offences.push(Offence::new(source, path.line, format!("`{}`: `{target}` is on no floor", path.text)))
            }
            Some(floor) if floor >= own_floor => {
                let what = format!("`{}`: floor {own_floor} (`{own}`) may not import floor {floor}", path.text);
                offences.push(Offence::new(source, path.line, what));
            }
            Some(_) => {}
        }
    }
    offences
}

/// How many `super` lead from a file's module to the crate's root.
fn module_depth(path: &str) -> usize {
    let parts = path.split('/').count() - 1;
    if path.ends_with("/mod.rs") { parts - 1 } else { parts }
}

pub(crate) fn foreign_crates(source: &Source) -> Vec<Offence> {
    let mut offences = Vec::new();
    for path in source.paths() {
        for (name, home) in FOREIGN {
            let said = path.text == name || path.text.starts_with(&format!("{name}::"));
            if said && !source.path.starts_with(home) {
                offences.push(Offence::new(source, path.line, format!("`{name}` is named only in {home}")));
            }
        }
    }
    offences
}

/// Files that comments name (`loom-tests/…`, `tests/….rs`, notes ending in `.md`) exist.
pub(crate) fn references(source: &Source, exists: &dyn Fn(&str) -> bool) -> Vec<Offence> {
    let mut offences = Vec::new();
    for (line, comment) in source.comments.iter().enumerate() {
        let word = |c: char| !(c.is_alphanumeric() || "_-./".contains(c));
        for name in comment.split(word).map(|word| word.trim_end_matches('.').trim_start_matches('/')) {
            let folder = source.path.rsplit_once('/').map_or("", |(folder, _)| folder);
            let beside = format!("{folder}/{name}");
            let below = format!("src/{name}");
            let file =
                ["loom-tests/", "tests/", "src/", "benches/", "examples/"].iter().any(|top| name.starts_with(top))
                    && name.rsplit('/').next().is_some_and(|last| last.contains('.'));
            let note = name.ends_with(".md") && name.len() > 3;
            let web = comment.contains("://");
            if (file || note) && !web && ![name, &beside, &below].iter().any(|path| exists(path)) {
                offences.push(Offence::new(source, line, format!("names `{name}`, which does not exist")));
            }
        }
    }
    offences
}

/// Paths of a machine, and packages that do not come from the public registry.
pub(crate) fn machines(path: &str, text: &str) -> Vec<Offence> {
    let mut offences = Vec::new();
    // This file has to spell what it forbids.
    if path.ends_with("tidy/layout.rs") || path.ends_with("tidy/snippets.rs") {
        return offences;
    }
    for (at, line) in text.lines().enumerate() {
        let mut accuse = |what: String| offences.push(Offence { path: path.to_owned(), line: at + 1, what });
        for machine in MACHINES {
            let starts = |at: usize| !line[..at].ends_with(|c: char| c.is_alphanumeric() || "._-}".contains(c));
            if line.match_indices(machine).any(|(at, _)| starts(at)) {
                accuse(format!("`{machine}…` is a path of somebody's machine"));
            }
        }
        let public = "registry+https://github.com/rust-lang/crates.io-index";
        if path.ends_with("Cargo.lock") && line.starts_with("source = ") && !line.contains(public) {
            accuse("a package that is not from crates.io".into());
        }
    }
    offences
}
