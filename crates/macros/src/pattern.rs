//! A branch's pattern, made fit to be tried by reference.
//!
//! `select!` looks whether an output matches before it gives it away, and so matches a reference to it. A pattern written
//! for the value itself may not be allowed there: `mut x` and `ref x` change how a reference binds, and `&x` asks for a
//! reference that matching by reference has already looked through. Whether a pattern matches does not depend on any of
//! them, so they go; names stay, since a name may be a constant.

use proc_macro2::Span;
use syn::{Pat, PatWild, Token};

pub(crate) fn by_reference(pattern: &Pat) -> Pat {
    let mut pattern = pattern.clone();
    clean(&mut pattern);
    pattern
}

fn clean(pattern: &mut Pat) {
    match pattern {
        Pat::Ident(name) => {
            // `name @ part` matches when the part does.
            if let Some((_, part)) = name.subpat.take() {
                *pattern = *part;
                clean(pattern);
            } else if name.by_ref.is_some() || name.mutability.is_some() {
                // Only what binds can be `ref` or `mut`, and what binds matches everything.
                *pattern = anything();
            }
        }
        Pat::Reference(reference) => {
            *pattern = (*reference.pat).clone();
            clean(pattern);
        }
        Pat::Paren(paren) => clean(&mut paren.pat),
        Pat::Type(typed) => clean(&mut typed.pat),
        Pat::Or(or) => or.cases.iter_mut().for_each(clean),
        Pat::Slice(slice) => slice.elems.iter_mut().for_each(clean),
        Pat::Tuple(tuple) => tuple.elems.iter_mut().for_each(clean),
        Pat::TupleStruct(tuple) => tuple.elems.iter_mut().for_each(clean),
        Pat::Struct(fields) => {
            for field in &mut fields.fields {
                // `Point { mut x }` stands for `x: mut x`; the field keeps its name.
                if field.colon_token.is_none() {
                    field.colon_token = Some(Token![:](Span::mixed_site()));
                    *field.pat = anything();
                } else {
                    clean(&mut field.pat);
                }
            }
        }
        _ => {}
    }
}

fn anything() -> Pat {
    Pat::Wild(PatWild { attrs: Vec::new(), underscore_token: Token![_](Span::mixed_site()) })
}
