//! Each rule, tried on a snippet that breaks it and on its cured twin.

use crate::source::Source;
use crate::{Offence, code, layout, orderings};

#[track_caller]
fn breaks(rule: impl Fn(&Source) -> Vec<Offence>, path: &str, line: usize, bad: &str, good: &str) {
    let offences = rule(&Source::new(path, bad));
    assert!(offences.iter().any(|offence| offence.line == line), "not seen at line {line}: {offences:?}\n{bad}");
    let offences = rule(&Source::new(path, good));
    assert!(offences.is_empty(), "the cure offends: {offences:?}\n{good}");
}

const FILE: &str = "src/scheduler/idle.rs";

#[test]
fn comments_and_literals_are_not_code() {
    let text = "//! a\nlet a = \"unsafe // {\"; // b \"\n\
        let b = 'x'; let c = '\\''; let d = r#\"todo!() \"x\" \"#; /* c\nd */ e::<'a>(b\"\\\"\")";
    let source = Source::new(FILE, text);
    let words: Vec<&str> = source.tokens.iter().map(|token| token.text.as_str()).collect();
    assert_eq!(words[..5], ["let", "a", "=", "\"", ";"]);
    assert_eq!(words[words.len() - 8..], ["e", "::", "<", "'a", ">", "(", "\"", ")"]);
    assert_eq!(source.comments[1..5], ["//! a", "// b \"", "/* c", "d */"]);
}

#[test]
fn a_use_is_taken_apart() {
    let text = "use std::{sync::{Arc, atomic::{self, Ordering as O}}, io};\n\
        fn a() { crate::queue::Local::new(); $crate::b::c }";
    let paths = Source::new(FILE, text).paths();
    let texts: Vec<&str> = paths.iter().map(|path| path.text.as_str()).collect();
    let imports = ["std::sync::Arc", "std::sync::atomic::self", "std::sync::atomic::Ordering", "std::io"];
    assert_eq!(texts[..4], imports);
    assert_eq!(texts[4], "crate::queue::Local::new");
    assert!(!texts.iter().any(|text| text.starts_with("crate::b")), "{texts:?}");
}

#[test]
fn a_missing_header_is_seen() {
    breaks(layout::header, FILE, 1, "use a;\n//! late", "//! What this file is.\nuse a;");
    breaks(layout::header, FILE, 1, "//!\n", "//! What this file is.\n");
}

#[test]
fn a_long_file_and_a_long_line_are_seen() {
    breaks(layout::size, FILE, 601, &"//\n".repeat(601), &"//\n".repeat(600));
    breaks(layout::size, FILE, 1, &"x".repeat(141), &"x".repeat(140));
}

#[test]
fn an_import_from_above_or_beside_is_seen() {
    let good = "use crate::tasks::Task;\nuse crate::scheduler::worker;\nuse super::worker;";
    breaks(layout::floors, FILE, 2, "\nuse crate::runtime::Handle;", good);
    breaks(layout::floors, FILE, 1, "use crate::blocking::Pool;", good);
    breaks(layout::floors, FILE, 1, "use crate::{queue::Local, net::TcpStream};", good);
    breaks(layout::floors, FILE, 1, "fn a() { crate::io::copy(); }", good);
    breaks(layout::floors, FILE, 1, "use super::super::runtime::Handle;", "mod a { use super::super::worker; }");
    breaks(layout::floors, FILE, 1, "use crate::Builder;", good);
    let unplaced = layout::floors(&Source::new("src/attic/mod.rs", ""));
    assert_eq!(unplaced.len(), 1, "a folder that is not in the table is seen");
    assert!(
        layout::floors(&Source::new("src/lib.rs", "pub use crate::net::TcpStream;")).is_empty(),
        "the face is free"
    );
}

#[test]
fn a_foreign_crate_in_the_wrong_file_is_seen() {
    breaks(layout::foreign_crates, FILE, 1, "use crossbeam_deque::Steal;", "use crate::queue::Steal;");
    breaks(layout::foreign_crates, FILE, 1, "fn a(_: &mio::Poll) {}", "fn a(_: mio::net::TcpStream) {}");
    let home = Source::new("src/queue.rs", "use crossbeam_deque::Steal;");
    assert!(layout::foreign_crates(&home).is_empty());
}

#[test]
fn a_dead_file_and_a_folder_without_its_own_file_are_seen() {
    let declared = [
        Source::new("src/lib.rs", "mod net;\nmod queue;"),
        Source::new("src/queue.rs", ""),
        Source::new("src/net/mod.rs", "mod tcp;"),
        Source::new("src/net/tcp.rs", ""),
    ];
    assert!(layout::dead_files(&declared).is_empty());
    let mut dead = Vec::from(declared);
    dead.push(Source::new("src/net/udp.rs", ""));
    dead.push(Source::new("src/fs/mod.rs", ""));
    let offences: Vec<String> = layout::dead_files(&dead).iter().map(Offence::to_string).collect();
    assert_eq!(offences.len(), 2, "{offences:?}");
    assert!(
        offences[0].starts_with("src/net/udp.rs:1:") && offences[1].starts_with("src/fs/mod.rs:1:"),
        "{offences:?}"
    );

    let paths = ["src/lib.rs", "src/net.rs", "src/net/tcp.rs"].map(String::from);
    assert_eq!(layout::folder_modules(&paths).len(), 1);
    let paths = ["src/lib.rs", "src/net/mod.rs", "src/net/tcp.rs"].map(String::from);
    assert!(layout::folder_modules(&paths).is_empty());
}

#[test]
fn an_empty_name_is_seen() {
    let paths = ["src/util.rs", "src/net/helpers/a.rs", "src/net/tcp.rs"].map(String::from);
    assert_eq!(layout::names(&paths).len(), 2);
}

#[test]
fn a_model_or_note_that_does_not_exist_is_seen() {
    let exists = |path: &str| ["loom-tests/tests/parker.rs", "src/scheduler/sleep.md"].contains(&path);
    let rule = |source: &Source| layout::references(source, &exists);
    let good = "// Model: `loom-tests/tests/parker.rs`. See sleep.md, and https://example.org/other.md";
    breaks(rule, FILE, 2, "\n// Model: `loom-tests/tests/gone.rs`.", good);
    breaks(rule, FILE, 1, "//! See wake.md.", good);
}

#[test]
fn a_machines_path_and_a_private_registry_are_seen() {
    assert_eq!(layout::machines("README.md", "see /home/me/x\nand a/home/b and src/work/").len(), 1);
    assert_eq!(layout::machines("Cargo.lock", "source = \"registry+https://example.org/index\"").len(), 1);
    let public = "source = \"registry+https://github.com/rust-lang/crates.io-index\"";
    assert!(layout::machines("Cargo.lock", public).is_empty());
}

#[test]
fn std_on_a_lower_floor_is_seen() {
    let good = "use std::time::Duration;\n// loom must not see it: a hook.\nuse std::sync::Arc;";
    breaks(code::only_primitives, FILE, 1, "use std::sync::Mutex;", good);
    breaks(code::only_primitives, FILE, 1, "use std::sync::Arc;", good);
    breaks(code::only_primitives, FILE, 1, "use std::{io, sync::atomic::AtomicUsize};", good);
    breaks(code::only_primitives, FILE, 1, "fn a() { std::thread::yield_now() }", good);
    breaks(code::only_primitives, FILE, 1, "fn a() { let b = std::time::Instant::now(); }", good);
    breaks(code::only_primitives, FILE, 1, "use std::cell::{Cell, UnsafeCell};", "use std::cell::Cell;");
    let taken = "use crate::primitives::thread_local;\nthread_local! {}";
    breaks(code::only_primitives, FILE, 1, "thread_local! { static A: u8 = 0; }", taken);
    let tests = "#[cfg(test)]\nmod tests {\n    use std::sync::Mutex;\n}";
    breaks(code::only_primitives, FILE, 5, &format!("{tests}\nuse std::sync::Mutex;"), tests);
    assert!(code::only_primitives(&Source::new("src/net/tcp.rs", "use std::sync::Mutex;")).is_empty());
}

#[test]
fn an_unsafe_without_its_reason_is_seen() {
    let rule = code::safety;
    let good =
        "// SAFETY: a is\n// alive.\nunsafe { a() }\n\n/// # Safety\n/// b\n#[inline]\npub(crate) unsafe fn b() {}";
    breaks(rule, FILE, 1, "unsafe { a() }", good);
    breaks(rule, FILE, 6, "// SAFETY: too far\n\n\n\n\nunsafe { a() }", good);
    breaks(rule, FILE, 1, "unsafe impl Send for A {}", "// SAFETY: no thread's own.\nunsafe impl Send for A {}");
    breaks(rule, FILE, 2, "/// Does b.\npub(super) unsafe fn b() {}", "type A = unsafe fn(usize);");
    breaks(rule, FILE, 1, "unsafe trait B {}", "// SAFETY: b\nunsafe impl B for C { unsafe fn d() {} }");
}

#[test]
fn a_folder_that_could_forbid_unsafe_is_seen() {
    let said = [Source::new("src/time/mod.rs", "#![forbid(unsafe_code)]"), Source::new("src/time/a.rs", "")];
    assert!(code::unsafe_is_forbidden_where_unneeded(&said).is_empty());
    let unsaid = [Source::new("src/time/mod.rs", ""), Source::new("src/time/a.rs", "")];
    assert_eq!(code::unsafe_is_forbidden_where_unneeded(&unsaid).len(), 1);
    let needed = [Source::new("src/time/mod.rs", ""), Source::new("src/time/a.rs", "unsafe {}")];
    assert!(code::unsafe_is_forbidden_where_unneeded(&needed).is_empty());
}

#[test]
fn what_is_left_to_do_is_seen() {
    breaks(code::unfinished, FILE, 1, "fn a() { todo!() }", "fn a() { b(\"todo!\") }");
    breaks(code::unfinished, FILE, 1, "unimplemented!(\"b\")", "// unimplemented");
    breaks(code::unfinished, FILE, 1, "// FIXME: b", "// Fix me not");
}

#[test]
fn what_panics_where_nothing_can_be_written_is_seen() {
    breaks(code::prints, FILE, 2, "fn a() {\n eprintln!(\"b\") }", "fn a() { say(format_args!(\"println!\")) }");
    breaks(code::prints, FILE, 1, "fn a() { print!(\"b\") }", "#[cfg(test)]\nmod tests { fn a() { println!() } }");
}

#[test]
fn a_long_function_is_seen() {
    let function = |lines: usize| {
        format!("impl A {{\n    fn b<C>(c: [u8; {{ 1 }}])\n    where C: D {{{}}}\n}}", "\n".repeat(lines - 2))
    };
    breaks(code::long_functions, FILE, 2, &function(70), &function(69));
}

#[test]
fn code_that_knows_of_loom_is_seen() {
    breaks(code::loom, FILE, 1, "#[cfg(not(loom))]\nfn a() {}", "// loom mounts this.\nfn a() {}");
}

#[test]
fn an_ordering_without_its_edge_is_seen() {
    let good =
        "// ORDERING: Release, edge \"a\": publishes b.\nc.store(1, Ordering::Release);\nd.load(Ordering::Relaxed);";
    breaks(orderings::named, FILE, 1, "c.store(1, Ordering::Release);", good);
    breaks(orderings::named, FILE, 2, "// ORDERING: because.\nc.store(1, Ordering::Release);", good);
    breaks(orderings::named, FILE, 2, "use a::Ordering::{self, Acquire};\nc.load(Acquire);", good);
    breaks(orderings::named, FILE, 1, "fence(Ordering::SeqCst);", "enum A { Release }\nfn b() -> A { A::Release }");
    let test = "#[cfg(test)]\nmod tests {\nfn a() { b.load(Ordering::Acquire); } }";
    breaks(orderings::named, FILE, 3, test, "#[cfg(test)]\nmod tests { fn a() { b.load(Ordering::Relaxed); } }");
}

#[test]
fn seq_cst_outside_a_fence_is_seen() {
    let good = "fence(Ordering::SeqCst); atomic::fence(SeqCst);";
    breaks(orderings::fences, FILE, 1, "a.load(Ordering::SeqCst);", good);
    breaks(orderings::fences, FILE, 2, "use a::Ordering::SeqCst;\nb.store(1, SeqCst);", good);
}

#[test]
fn a_sleep_to_wait_for_something_is_seen() {
    let (bad, good) = ("a();\nthread::sleep(b);", "// Not to wait for anything: the stall.\nstd::thread::sleep(b);");
    breaks(code::sleeps, "tests/a.rs", 2, bad, good);
    breaks(code::sleeps, "src/a/tests.rs", 2, bad, good);
    assert!(code::sleeps(&Source::new(FILE, bad)).is_empty());
}

#[test]
fn an_edge_with_one_end_is_seen() {
    let end = |path, name: &str| Source::new(path, &format!("// ORDERING: Acquire, edge\n// \"{name}\": b."));
    assert!(orderings::paired(&[end("src/a.rs", "x"), end("src/b.rs", "x")]).is_empty());
    let offences = orderings::paired(&[end("src/a.rs", "x"), end("src/b.rs", "y")]);
    assert_eq!(offences.len(), 2, "{offences:?}");
    let both = Source::new("src/c.rs", "// ORDERING: edges \"x\" and \"y\".");
    assert!(orderings::paired(&[end("src/a.rs", "x"), end("src/b.rs", "y"), both]).is_empty());
}
