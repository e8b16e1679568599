//! The arguments of `#[main]` and `#[test]`: read, checked, and refused with words that name the cure.

use crate::entry::Kind;
use proc_macro2::{Span, TokenStream};
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Error, Expr, ExprLit, Lit, Meta, Path, Result, Token};

/// Which runtime to build.
pub(crate) struct Arguments {
    pub(crate) flavor: Flavor,
    pub(crate) worker_threads: Option<usize>,
    pub(crate) krate: Path,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flavor {
    CurrentThread,
    MultiThread,
}

const KNOWN: &str = "`flavor`, `worker_threads`, `crate`";

impl Arguments {
    /// What holds when nothing is said.
    pub(crate) fn default_for(kind: Kind) -> Self {
        let flavor = match kind {
            Kind::Main => Flavor::MultiThread,
            Kind::Test => Flavor::CurrentThread,
        };
        Self { flavor, worker_threads: None, krate: crate::entry::default_crate() }
    }

    pub(crate) fn parse(tokens: TokenStream, kind: Kind) -> Result<Self> {
        let metas = Punctuated::<Meta, Token![,]>::parse_terminated.parse2(tokens)?;
        let mut this = Self::default_for(kind);
        let mut seen: Vec<String> = Vec::new();
        let mut threads_at: Option<Span> = None;
        for meta in metas {
            let name = name_of(&meta)?;
            if seen.contains(&name) {
                return Err(Error::new(meta.span(), format!("`{name}` is set twice")));
            }
            match name.as_str() {
                "flavor" => this.flavor = flavor(value_of(&meta, &name)?)?,
                "worker_threads" => {
                    this.worker_threads = Some(worker_threads(value_of(&meta, &name)?)?);
                    threads_at = Some(meta.span());
                }
                "crate" => this.krate = krate(value_of(&meta, &name)?)?,
                "start_paused" | "unhandled_panic" | "name" => {
                    return Err(Error::new(meta.span(), format!("`{name}` is not supported yet; known are {KNOWN}")));
                }
                "threaded_scheduler" | "multi_thread" => {
                    return Err(Error::new(meta.span(), "write it as `flavor = \"multi_thread\"`"));
                }
                "basic_scheduler" | "current_thread" | "single_threaded" => {
                    return Err(Error::new(meta.span(), "write it as `flavor = \"current_thread\"`"));
                }
                "core_threads" => {
                    return Err(Error::new(meta.span(), "it is called `worker_threads`"));
                }
                _ => return Err(Error::new(meta.span(), format!("unknown argument `{name}`; known are {KNOWN}"))),
            }
            seen.push(name);
        }
        if let (Some(span), Flavor::CurrentThread) = (threads_at, this.flavor) {
            return Err(Error::new(
                span,
                format!(
                    "`worker_threads` needs the multi-threaded runtime: add `flavor = \"multi_thread\"`; the {} is \
                     `current_thread`",
                    if seen.iter().any(|name| name == "flavor") { "flavor here" } else { "default here" },
                ),
            ));
        }
        Ok(this)
    }
}

fn name_of(meta: &Meta) -> Result<String> {
    match meta.path().get_ident() {
        Some(ident) => Ok(ident.to_string()),
        None => Err(Error::new(meta.path().span(), format!("an argument is a single name; known are {KNOWN}"))),
    }
}

fn value_of<'a>(meta: &'a Meta, name: &str) -> Result<&'a Expr> {
    match meta {
        Meta::NameValue(pair) => Ok(&pair.value),
        other => Err(Error::new(other.span(), format!("`{name}` needs a value: `{name} = …`"))),
    }
}

fn literal(value: &Expr) -> Option<&Lit> {
    match value {
        Expr::Lit(ExprLit { lit, .. }) => Some(lit),
        // A value that came through another macro is wrapped in an invisible group.
        Expr::Group(group) => literal(&group.expr),
        _ => None,
    }
}

fn flavor(value: &Expr) -> Result<Flavor> {
    let Some(Lit::Str(text)) = literal(value) else {
        return Err(Error::new(value.span(), "`flavor` is a string: \"multi_thread\" or \"current_thread\""));
    };
    match text.value().as_str() {
        "multi_thread" => Ok(Flavor::MultiThread),
        "current_thread" => Ok(Flavor::CurrentThread),
        other => Err(Error::new(
            text.span(),
            format!("no such flavor: \"{other}\"; there are \"multi_thread\" and \"current_thread\""),
        )),
    }
}

fn worker_threads(value: &Expr) -> Result<usize> {
    let Some(Lit::Int(number)) = literal(value) else {
        return Err(Error::new(value.span(), "`worker_threads` is a number: `worker_threads = 4`"));
    };
    match number.base10_parse::<usize>()? {
        0 => Err(Error::new(number.span(), "`worker_threads` is at least 1: with none, no task would ever run")),
        number => Ok(number),
    }
}

fn krate(value: &Expr) -> Result<Path> {
    if let Some(Lit::Str(text)) = literal(value) {
        return text.parse_with(Path::parse_mod_style).map_err(|_| {
            Error::new(text.span(), format!("`crate` is the path of freewheel; \"{}\" is no path", text.value()))
        });
    }
    match value {
        Expr::Path(path) => Ok(path.path.clone()),
        other => Err(Error::new(other.span(), "`crate` is the path of freewheel: `crate = \"my::freewheel\"`")),
    }
}
