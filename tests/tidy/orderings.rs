//! Rules about atomics: each ordering stronger than Relaxed names its edge, and each edge has two ends.

use std::collections::BTreeMap;

use crate::Offence;
use crate::code::WITHIN;
use crate::source::Source;

const STRONG: [&str; 4] = ["Acquire", "Release", "AcqRel", "SeqCst"];

/// The tokens that are a strong ordering or a call of `fence`, outside of imports. Tests are no exception: a stronger ordering
/// than a test needs may stand in for the one that the runtime owes.
fn uses(source: &Source) -> Vec<usize> {
    let bare = source.paths().iter().any(|path| {
        let last = path.text.rsplit("::").next().unwrap_or_default();
        path.imported && path.text.contains("Ordering::") && (STRONG.contains(&last) || last == "*")
    });
    let ordering = |at: usize| {
        let after_path = at > 1 && source.is(at - 1, "::");
        STRONG.contains(&source.tokens[at].text.as_str())
            && if after_path { source.is(at - 2, "Ordering") } else { bare }
    };
    let is_fence = |at: usize| source.is(at, "fence") && source.is(at + 1, "(");
    let strong = |at: usize| ordering(at) || is_fence(at);
    (0..source.tokens.len()).filter(|&at| strong(at) && !source.is_import(source.tokens[at].line)).collect()
}

/// `// ORDERING:` above each, with the name of its edge.
pub(crate) fn named(source: &Source) -> Vec<Offence> {
    let mut offences = Vec::new();
    for at in uses(source) {
        let token = &source.tokens[at];
        let comment = source.comment_above(token.line, WITHIN);
        if !comment.contains("ORDERING:") {
            let what = format!("`{}` without `// ORDERING:` within {WITHIN} lines above", token.text);
            offences.push(Offence::new(source, token.line, what));
        } else if edges(&flat(&comment)).is_empty() {
            let what = format!("`{}`: its `// ORDERING:` names no edge (`edge \"name\"`)", token.text);
            offences.push(Offence::new(source, token.line, what));
        }
    }
    offences
}

/// SeqCst stands only in `fence(SeqCst)`: loom takes any other for acquire and release.
pub(crate) fn fences(source: &Source) -> Vec<Offence> {
    let seq_cst = uses(source).into_iter().filter(|&at| source.is(at, "SeqCst"));
    let stray = seq_cst.filter(|&at| {
        let before = if source.is(at - 1, "::") { at - 3 } else { at - 1 };
        !(source.is(before, "(") && source.is(before - 1, "fence"))
    });
    stray.map(|at| Offence::new(source, source.tokens[at].line, "SeqCst outside `fence(SeqCst)`")).collect()
}

/// Each edge is named at two places or more.
pub(crate) fn paired(sources: &[Source]) -> Vec<Offence> {
    let mut ends: BTreeMap<String, Vec<Offence>> = BTreeMap::new();
    for source in sources {
        for (line, block) in source.comment_blocks().into_iter().filter(|(_, block)| block.contains("ORDERING:")) {
            for edge in edges(&block) {
                let what = format!("edge \"{edge}\" has no other end");
                ends.entry(edge).or_default().push(Offence::new(source, line, what));
            }
        }
    }
    ends.into_values().filter(|ends| ends.len() == 1).flatten().collect()
}

fn flat(comment: &str) -> String {
    let words = comment.lines().map(|line| line.trim_start_matches(['/', '!', ' ']));
    words.collect::<Vec<_>>().join(" ")
}

/// The names in `edge "name"`, also `edges "one" and "two"`.
fn edges(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices("edge") {
        let rest = text[at + 4..].trim_start_matches('s').trim_start();
        let mut rest = rest;
        while let Some(name) = rest.strip_prefix('"').and_then(|rest| rest.split_once('"')) {
            found.push(name.0.to_owned());
            let more = name.1.trim_start_matches(',').trim_start();
            rest = more.strip_prefix("and ").unwrap_or(more).trim_start();
        }
    }
    found
}
