//! Rules about code: who may name threads and clocks, what unsafe must say, how long a function may be.

use crate::Offence;
use crate::layout::floor_of;
use crate::source::{Source, is_name};

/// How far above its line a justification may end.
pub(crate) const WITHIN: usize = 4;

/// The longest a function may be, signature and braces included.
const LINES: usize = 70;

/// Floors 1 to 3 run under loom: what loom must see comes from `primitives`.
pub(crate) fn only_primitives(source: &Source) -> Vec<Offence> {
    let home = source.path.starts_with("src/primitives/");
    let low = floor_of(&source.path).is_some_and(|floor| floor <= 3);
    if home || !low {
        return vec![];
    }
    let mut offences = Vec::new();
    for path in source.paths().into_iter().filter(|path| !source.is_test(path.line)) {
        let says = |name: &str| path.text == name || path.text.starts_with(&format!("{name}::"));
        let shared = ["std::sync::Arc", "std::sync::Weak"].iter().any(|name| says(name));
        if shared && source.comment_above(path.line, WITHIN).contains("loom") {
            continue;
        }
        let forbidden = [
            "std::sync",
            "core::sync",
            "alloc::sync",
            "std::thread",
            "std::cell::UnsafeCell",
            "core::cell::UnsafeCell",
        ];
        let clock = ["std::time::Instant", "std::time::SystemTime"];
        let thread_local = ["std::thread_local"];
        if forbidden.iter().chain(&clock).chain(&thread_local).any(|name| says(name)) {
            let cure = if shared { "; if loom must not see it, a comment above has to say so" } else { "" };
            offences.push(Offence::new(source, path.line, format!("`{}`: take it from `primitives`{cure}", path.text)));
        }
    }
    let bare = (0..source.tokens.len())
        .filter(|&at| source.is(at, "thread_local") && source.is(at + 1, "!") && !(at > 0 && source.is(at - 1, "::")));
    let imported = source.paths().iter().any(|path| path.imported && path.text.ends_with("primitives::thread_local"));
    let bare = bare.filter(|_| !imported).map(|at| source.tokens[at].line).filter(|&line| !source.is_test(line));
    offences.extend(bare.map(|line| Offence::new(source, line, "`thread_local!`: take it from `primitives`")));
    offences
}

/// `// SAFETY:` above each unsafe block and impl, `# Safety` in the docs of each unsafe trait and visible unsafe function.
pub(crate) fn safety(source: &Source) -> Vec<Offence> {
    let mut offences = Vec::new();
    for at in (0..source.tokens.len()).filter(|&at| source.is(at, "unsafe")) {
        let line = source.tokens[at].line;
        let type_of_function = source.is(at + 1, "extern") && source.is(at + 3, "fn") && source.is(at + 4, "(");
        if type_of_function || (source.is(at + 1, "fn") && source.is(at + 2, "(")) {
            continue;
        }
        let declares = source.is(at + 1, "fn")
            || source.is(at + 1, "trait")
            || (source.is(at + 1, "extern") && source.is(at + 3, "fn"));
        let comment = source.comment_above(line, WITHIN);
        let docs = source.comment_above(first_line_of_item(source, at), WITHIN);
        let (said, wanted) = if declares {
            let passed_on = docs.contains("# Safety") || docs.contains("SAFETY:") || comment.contains("SAFETY:");
            let private = source.is(at + 1, "fn") && !visible(source, at);
            (passed_on || private || implements_unsafe_trait(source, at), "a `# Safety` section")
        } else {
            (comment.contains("SAFETY:"), "`// SAFETY:` within 4 lines above")
        };
        if !said {
            offences.push(Offence::new(source, line, format!("unsafe without {wanted}")));
        }
    }
    offences
}

/// A test that puts a thread to sleep says that it is not to wait for something, and what it is for.
pub(crate) fn sleeps(source: &Source) -> Vec<Offence> {
    let test = |line| source.is_test(line) || source.path.starts_with("tests/");
    let paths = source.paths().into_iter().filter(|path| test(path.line) && path.text.ends_with("thread::sleep"));
    let unsaid = paths.filter(|path| !source.comment_above(path.line, WITHIN).contains("ot to wait"));
    unsaid
        .map(|path| Offence::new(source, path.line, "`thread::sleep` in a test, and no comment says `Not to wait …`"))
        .collect()
}

/// Whether the item that the token belongs to is `pub`, in whatever measure.
fn visible(source: &Source, at: usize) -> bool {
    let before = (0..at).rev().take_while(|&before| !matches!(source.tokens[before].text.as_str(), ";" | "}" | "{"));
    before.into_iter().any(|before| source.is(before, "pub"))
}

/// The first line of the item that the token belongs to: above it are attributes, then the docs.
fn first_line_of_item(source: &Source, mut at: usize) -> usize {
    while at > 0 && !matches!(source.tokens[at - 1].text.as_str(), ";" | "}" | "{") {
        at -= 1;
    }
    source.tokens[at].line
}

/// Whether the unsafe function lies in `impl Trait for Type`: the trait's docs speak for it.
fn implements_unsafe_trait(source: &Source, at: usize) -> bool {
    let impls = (0..at).filter(|&from| source.is(from, "impl"));
    impls.into_iter().any(|from| {
        let open = (from..source.tokens.len()).find(|&open| source.is(open, "{") || source.is(open, ";"));
        open.is_some_and(|open| {
            let within = open < at && at < source.closing(open);
            within && (from..open).any(|word| source.is(word, "for"))
        })
    })
}

/// A folder in which no unsafe is written forbids it.
pub(crate) fn unsafe_is_forbidden_where_unneeded(sources: &[Source]) -> Vec<Offence> {
    let mut offences = Vec::new();
    // `primitives` hands out cells for others to use.
    let sources: Vec<&Source> = sources.iter().filter(|source| floor_of(&source.path) > Some(1)).collect();
    for face in
        sources.iter().filter(|source| source.path.ends_with("/mod.rs") && source.path.matches('/').count() == 2)
    {
        let folder = face.path.trim_end_matches("mod.rs");
        let writes = |source: &Source| source.tokens.iter().any(|token| token.text == "unsafe");
        let unsafe_inside = sources.iter().any(|source| source.path.starts_with(folder) && writes(source));
        if !unsafe_inside && !face.tokens.iter().any(|token| token.text == "unsafe_code") {
            offences.push(Offence::new(face, 1, "no unsafe in this folder: say `#![forbid(unsafe_code)]`"));
        }
    }
    offences
}

pub(crate) fn unfinished(source: &Source) -> Vec<Offence> {
    let mut offences = Vec::new();
    for (at, token) in source.tokens.iter().enumerate() {
        if matches!(token.text.as_str(), "todo" | "unimplemented" | "dbg") && source.is(at + 1, "!") {
            offences.push(Offence::new(source, token.line, format!("`{}!`", token.text)));
        }
    }
    for (line, comment) in source.comments.iter().enumerate() {
        let words = comment.split(|c: char| !c.is_alphanumeric());
        for word in words.filter(|word| matches!(*word, "FIXME" | "TODO" | "XXX" | "HACK")) {
            offences.push(Offence::new(source, line, format!("a comment says {word}")));
        }
    }
    offences
}

/// The macros that print panic where nothing can be written.
pub(crate) fn prints(source: &Source) -> Vec<Offence> {
    let prints = |at: &usize| {
        let name = matches!(source.tokens[*at].text.as_str(), "print" | "println" | "eprint" | "eprintln");
        name && source.is(at + 1, "!") && !source.is_test(source.tokens[*at].line)
    };
    let found = (0..source.tokens.len()).filter(prints);
    let what = |at: usize| format!("`{}!`: `primitives::say` does not panic", source.tokens[at].text);
    found.map(|at| Offence::new(source, source.tokens[at].line, what(at))).collect()
}

pub(crate) fn long_functions(source: &Source) -> Vec<Offence> {
    let mut offences = Vec::new();
    for at in 0..source.tokens.len() {
        if !(source.is(at, "fn") && source.tokens.get(at + 1).is_some_and(|name| is_name(&name.text))) {
            continue;
        }
        let mut open = at;
        while open < source.tokens.len() && !source.is(open, "{") && !source.is(open, ";") {
            open = if source.is(open, "(") || source.is(open, "[") { source.closing(open) } else { open };
            open += 1;
        }
        if source.is(open, "{") {
            let (first, last) = (source.tokens[at].line, source.tokens[source.closing(open)].line);
            let lines = last - first + 1;
            if lines >= LINES {
                let what = format!("`{}` has {lines} lines; it must have under {LINES}", source.tokens[at + 1].text);
                offences.push(Offence::new(source, first, what));
            }
        }
    }
    offences
}

/// `src` is mounted by the models as it stands: it must not know of them.
pub(crate) fn loom(source: &Source) -> Vec<Offence> {
    let named = source.tokens.iter().filter(|token| token.text == "loom" || token.text == "freewheel_loom");
    named.map(|token| Offence::new(source, token.line, "code that knows of loom")).collect()
}
