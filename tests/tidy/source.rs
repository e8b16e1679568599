//! A Rust file as the rules read it: tokens with their lines, and what the comments of each line say.

use std::path::Path;

/// One token of code. Literals are a bare `"`; `::` is one token; each other mark stands alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) line: usize,
    pub(crate) text: String,
}

/// A path of two names or more (`std::sync::Arc`), from a `use` (groups taken apart) or from the code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NamedPath {
    pub(crate) line: usize,
    pub(crate) text: String,
    pub(crate) imported: bool,
}

/// A file, taken apart. Lines count from 1.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    /// From the repository's root, with `/`.
    pub(crate) path: String,
    pub(crate) text: String,
    pub(crate) tokens: Vec<Token>,
    /// What the comments of each line say, markers included; `comments[0]` is unused.
    pub(crate) comments: Vec<String>,
    /// Whether a line belongs to a `use`, to test code, and how many inline modules it is within.
    imports: Vec<bool>,
    tests: Vec<bool>,
    modules: Vec<usize>,
}

impl Source {
    pub(crate) fn read(root: &Path, path: &str) -> Self {
        let text = std::fs::read_to_string(root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
        Self::new(path, &text)
    }

    pub(crate) fn new(path: &str, text: &str) -> Self {
        let lines = text.lines().count() + 2;
        let (tokens, comments) = Lexer::new(text, lines).run();
        let all_test = path.ends_with("/tests.rs") || path.contains("/tests/");
        let mut source = Self {
            path: path.to_owned(),
            text: text.to_owned(),
            tokens,
            comments,
            imports: vec![false; lines],
            tests: vec![all_test; lines],
            modules: vec![0; lines],
        };
        source.mark_regions();
        source
    }

    pub(crate) fn is_test(&self, line: usize) -> bool {
        self.tests[line]
    }

    pub(crate) fn is_import(&self, line: usize) -> bool {
        self.imports[line]
    }

    /// How many inline modules the line lies within.
    pub(crate) fn inline_modules(&self, line: usize) -> usize {
        self.modules[line]
    }

    pub(crate) fn is(&self, at: usize, text: &str) -> bool {
        self.tokens.get(at).is_some_and(|token| token.text == text)
    }

    /// The comment that speaks for `line`: its own, and the block that ends at most `within` lines above.
    pub(crate) fn comment_above(&self, line: usize, within: usize) -> String {
        let mut parts = vec![self.comments[line].clone()];
        let ends = (line.saturating_sub(within)..line).rev().find(|&above| !self.comments[above].is_empty());
        let mut at = ends.unwrap_or(0);
        while at > 0 && !self.comments[at].is_empty() {
            parts.push(self.comments[at].clone());
            at -= 1;
        }
        parts.reverse();
        parts.join("\n")
    }

    /// Each run of comment lines, as one text without the markers, with its first line.
    pub(crate) fn comment_blocks(&self) -> Vec<(usize, String)> {
        let mut blocks: Vec<(usize, String)> = Vec::new();
        let mut last = 0;
        for (line, comment) in self.comments.iter().enumerate().filter(|(_, comment)| !comment.is_empty()) {
            let words = comment.trim_start_matches(['/', '!', '*', ' ']);
            match blocks.last_mut() {
                Some((_, text)) if last + 1 == line => {
                    text.push(' ');
                    text.push_str(words);
                }
                _ => blocks.push((line, words.to_owned())),
            }
            last = line;
        }
        blocks
    }

    /// The token that closes the bracket opened at `open`; the last one if none does.
    pub(crate) fn closing(&self, open: usize) -> usize {
        let mut depth = 0usize;
        for (at, token) in self.tokens.iter().enumerate().skip(open) {
            match token.text.as_str() {
                "(" | "[" | "{" => depth += 1,
                ")" | "]" | "}" => depth = depth.saturating_sub(1),
                _ => {}
            }
            if depth == 0 {
                return at;
            }
        }
        self.tokens.len() - 1
    }

    /// Where the item that begins at `at` ends: at its closing brace, or its semicolon.
    fn item_end(&self, mut at: usize) -> usize {
        while at < self.tokens.len() {
            match self.tokens[at].text.as_str() {
                ";" => return at,
                "{" => return self.closing(at),
                "(" | "[" => at = self.closing(at),
                _ => {}
            }
            at += 1;
        }
        self.tokens.len().saturating_sub(1)
    }

    fn mark_regions(&mut self) {
        for at in 0..self.tokens.len() {
            if self.is(at, "#") && self.is(at + 1, "[") && self.is(at + 2, "cfg") {
                let close = self.closing(at + 1);
                let inside = &self.tokens[at + 3..close];
                let says = |word: &str| inside.iter().any(|token| token.text == word);
                if says("test") && !says("not") {
                    let end = self.item_end(close + 1);
                    self.mark(at, end, |source, line| source.tests[line] = true);
                }
            }
            if self.is(at, "mod") && self.is(at + 2, "{") {
                let end = self.closing(at + 2);
                self.mark(at + 2, end, |source, line| source.modules[line] += 1);
            }
            if self.is_use(at) {
                let end = self.item_end_of_use(at);
                self.mark(at, end, |source, line| source.imports[line] = true);
            }
        }
    }

    fn mark(&mut self, from: usize, to: usize, set: impl Fn(&mut Self, usize)) {
        for line in self.tokens[from].line..=self.tokens[to].line {
            set(self, line);
        }
    }

    /// `use` as an item, not `impl use<..>`.
    fn is_use(&self, at: usize) -> bool {
        self.is(at, "use") && !self.is(at + 1, "<")
    }

    fn item_end_of_use(&self, at: usize) -> usize {
        (at..self.tokens.len()).find(|&at| self.is(at, ";")).unwrap_or(self.tokens.len() - 1)
    }

    /// Every path this file names.
    pub(crate) fn paths(&self) -> Vec<NamedPath> {
        let mut paths = Vec::new();
        let mut at = 0;
        while at < self.tokens.len() {
            if self.is_use(at) {
                at = self.use_tree(at + 1, "", &mut paths);
                continue;
            }
            let starts = is_name(&self.tokens[at].text) && self.is(at + 1, "::");
            let goes_on = at > 0 && (self.is(at - 1, "::") || self.is(at - 1, "$"));
            if starts && !goes_on {
                let line = self.tokens[at].line;
                let mut text = self.tokens[at].text.clone();
                while self.is(at + 1, "::") && self.tokens.get(at + 2).is_some_and(|token| is_name(&token.text)) {
                    text = format!("{text}::{}", self.tokens[at + 2].text);
                    at += 2;
                }
                paths.push(NamedPath { line, text, imported: false });
            }
            at += 1;
        }
        paths
    }

    /// Takes one branch of a `use` apart; gives the token after it.
    fn use_tree(&self, mut at: usize, prefix: &str, paths: &mut Vec<NamedPath>) -> usize {
        let mut text = prefix.to_owned();
        while let Some(token) = self.tokens.get(at) {
            match token.text.as_str() {
                "::" => at += 1,
                "as" => at += 2,
                "{" => {
                    at += 1;
                    while at < self.tokens.len() && !self.is(at, "}") {
                        at = self.use_tree(at, &text, paths);
                        at += usize::from(self.is(at, ","));
                    }
                    return at + 1;
                }
                "," | "}" | ";" => {
                    let line = self.tokens[at.saturating_sub(1)].line;
                    paths.push(NamedPath { line, text, imported: true });
                    return at + usize::from(token.text == ";");
                }
                name => {
                    text = if text.is_empty() { name.to_owned() } else { format!("{text}::{name}") };
                    at += 1;
                }
            }
        }
        at
    }
}

pub(crate) fn is_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_alphabetic() || first == '_')
}

struct Lexer<'a> {
    rest: &'a str,
    line: usize,
    tokens: Vec<Token>,
    comments: Vec<String>,
}

impl<'a> Lexer<'a> {
    fn new(text: &'a str, lines: usize) -> Self {
        Self { rest: text, line: 1, tokens: Vec::new(), comments: vec![String::new(); lines] }
    }

    fn run(mut self) -> (Vec<Token>, Vec<String>) {
        while let Some(first) = self.rest.chars().next() {
            if self.rest.starts_with("//") {
                let end = self.rest.find('\n').unwrap_or(self.rest.len());
                self.comment(end);
            } else if self.rest.starts_with("/*") {
                let end = block_comment(self.rest);
                self.comment(end);
            } else if let Some(end) = literal(self.rest) {
                self.token(end, Some("\""));
            } else if self.rest.starts_with("::") {
                self.token(2, None);
            } else if first.is_whitespace() {
                self.skip(first.len_utf8());
            } else if is_name(self.rest) || first == '\'' {
                let from = first.len_utf8();
                let tail = self.rest[from..].find(|c: char| !c.is_alphanumeric() && c != '_');
                self.token(tail.map_or(self.rest.len(), |tail| tail + from), None);
            } else {
                self.token(first.len_utf8(), None);
            }
        }
        (self.tokens, self.comments)
    }

    fn token(&mut self, length: usize, instead: Option<&str>) {
        let text = instead.unwrap_or(&self.rest[..length]).to_owned();
        self.tokens.push(Token { line: self.line, text });
        self.skip(length);
    }

    fn comment(&mut self, length: usize) {
        for (below, text) in self.rest[..length].lines().enumerate() {
            self.comments[self.line + below].push_str(text.trim_start());
        }
        self.skip(length);
    }

    fn skip(&mut self, length: usize) {
        self.line += self.rest[..length].matches('\n').count();
        self.rest = &self.rest[length..];
    }
}

/// The length of the block comment that `text` begins with; they nest.
fn block_comment(text: &str) -> usize {
    let (mut at, mut depth) = (0, 0usize);
    while at < text.len() {
        match &text.as_bytes()[at..] {
            [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
            [b'*', b'/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    text.len()
}

/// The length of the string or character that `text` begins with, or None; `'a` alone is a lifetime.
fn literal(text: &str) -> Option<usize> {
    let body = text.strip_prefix(['b', 'c']).unwrap_or(text);
    let prefix = text.len() - body.len();
    if let Some(raw) = body.strip_prefix('r') {
        let hashes = raw.len() - raw.trim_start_matches('#').len();
        if raw[hashes..].starts_with('"') {
            let end = format!("\"{}", "#".repeat(hashes));
            let from = hashes + 1;
            let length = raw[from..].find(&end).map_or(raw.len(), |at| from + at + end.len());
            return Some(prefix + 1 + length);
        }
    }
    let quote = body.chars().next().filter(|first| matches!(first, '"' | '\''))?;
    let mut chars = body.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        if c == '\\' {
            chars.next();
        } else if c == quote {
            return (quote == '"' || at > 1).then_some(prefix + at + 1);
        }
        // A character is one, or an escape: `'a` that goes on is a lifetime.
        if quote == '\'' && c != '\\' && !body.starts_with("'\\") && !body[at + c.len_utf8()..].starts_with('\'') {
            return None;
        }
    }
    Some(text.len())
}
