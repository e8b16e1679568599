//! The house rules, read from the tree: each offence is printed with its file and line.
//!
//! `tidy/source.rs` takes a file apart, `tidy/layout.rs` has the rules about files and floors, `tidy/code.rs` those about
//! code, `tidy/orderings.rs` those about atomics. Each rule is tried on a snippet that breaks it: a rule that cannot fail
//! is none.

#[path = "tidy/code.rs"]
mod code;
#[path = "tidy/layout.rs"]
mod layout;
#[path = "tidy/orderings.rs"]
mod orderings;
#[path = "tidy/snippets.rs"]
mod snippets;
#[path = "tidy/source.rs"]
mod source;

use std::fmt;
use std::path::Path;

use source::Source;

/// What is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Offence {
    path: String,
    line: usize,
    what: String,
}

impl Offence {
    pub(crate) fn new(source: &Source, line: usize, what: impl Into<String>) -> Self {
        Self { path: source.path.clone(), line, what: what.into() }
    }
}

impl fmt::Display for Offence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.what)
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file of the repository below `folder`, from the root, sorted; build products and hidden folders left out.
fn files(folder: &str) -> Vec<String> {
    let mut found = Vec::new();
    let Ok(entries) = std::fs::read_dir(root().join(folder)) else { return found };
    for entry in entries.flatten() {
        let name = entry.file_name().into_string().expect("file names are UTF-8");
        let path = if folder.is_empty() { name.clone() } else { format!("{folder}/{name}") };
        let kind = entry.file_type().expect("a file's type");
        if name == "target" || (name.starts_with('.') && name != ".ci") {
            continue;
        }
        if kind.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn sources(folder: &str) -> Vec<Source> {
    let rust = files(folder).into_iter().filter(|path| path.ends_with(".rs"));
    rust.map(|path| Source::read(root(), &path)).collect()
}

#[track_caller]
fn assert_tidy(mut offences: Vec<Offence>) {
    offences.sort();
    offences.dedup();
    let list: Vec<String> = offences.iter().map(Offence::to_string).collect();
    assert!(list.is_empty(), "{} offence(s):\n{}\n", list.len(), list.join("\n"));
}

fn each(sources: &[Source], rule: impl Fn(&Source) -> Vec<Offence>) -> Vec<Offence> {
    sources.iter().flat_map(rule).collect()
}

#[test]
fn every_file_says_what_it_is_and_is_short() {
    let mut all = sources("");
    // What must not compile is held against a recorded error: its lines are not ours to add to.
    all.retain(|source| !source.path.contains("tests/ui/"));
    assert!(all.len() > 20, "the tree was not found");
    assert_tidy(each(&all, |source| [layout::header(source), layout::size(source)].concat()));
}

#[test]
fn every_file_has_its_place() {
    let paths = files("src");
    let sources = sources("src");
    assert_tidy([layout::names(&paths), layout::dead_files(&sources), layout::folder_modules(&paths)].concat());
}

#[test]
fn a_floor_imports_only_lower_floors() {
    assert_tidy(each(&sources("src"), layout::floors));
}

#[test]
fn crates_are_named_where_they_belong() {
    assert_tidy(each(&sources("src"), layout::foreign_crates));
}

#[test]
fn the_lower_floors_take_threads_atomics_and_clocks_from_primitives() {
    assert_tidy(each(&sources("src"), code::only_primitives));
}

#[test]
fn every_unsafe_says_why_it_is_sound() {
    let all = [sources("src"), sources("crates"), sources("loom-tests"), sources("tests"), sources("benches")].concat();
    assert_tidy([each(&all, code::safety), code::unsafe_is_forbidden_where_unneeded(&sources("src"))].concat());
}

#[test]
fn every_ordering_names_an_edge_with_two_ends() {
    // Not loom-tests: what stands there for crossbeam has crossbeam's own orderings.
    for part in ["src", "tests", "crates", "benches", "examples"] {
        let sources = sources(part);
        let rules = [each(&sources, orderings::named), each(&sources, orderings::fences), orderings::paired(&sources)];
        assert_tidy(rules.concat());
    }
}

#[test]
fn models_and_notes_that_are_named_exist() {
    let exists = |path: &str| root().join(path).is_file();
    let all =
        [sources("src"), sources("loom-tests"), sources("tests"), sources("examples"), sources("crates")].concat();
    assert_tidy(each(&all, |source| layout::references(source, &exists)));
}

#[test]
fn nothing_is_left_to_do() {
    let all =
        [sources("src"), sources("crates"), sources("loom-tests"), sources("examples"), sources("benches")].concat();
    assert_tidy(each(&all, code::unfinished));
}

#[test]
fn nothing_is_printed_that_may_not_be_written() {
    assert_tidy(each(&sources("src"), code::prints));
}

#[test]
fn no_test_sleeps_to_wait_for_something() {
    let all = [sources("src"), sources("tests"), sources("crates"), sources("loom-tests")].concat();
    assert_tidy(each(&all, code::sleeps));
}

#[test]
fn a_function_fits_a_screen() {
    assert_tidy(each(&[sources("src"), sources("crates")].concat(), code::long_functions));
}

#[test]
fn the_sources_know_nothing_of_loom_or_of_somebodys_machine() {
    let every_text = files("").into_iter().filter_map(|path| {
        let text = std::fs::read_to_string(root().join(&path)).ok()?;
        Some((path, text))
    });
    let machines = every_text.flat_map(|(path, text)| layout::machines(&path, &text)).collect();
    assert_tidy([each(&sources("src"), code::loom), machines].concat());
}
