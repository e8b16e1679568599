//! `join!`, `try_join!`, `select!` and `pin!`.
//!
//! They are `macro_rules!` of one line, which add `$crate` and hand their tokens to `freewheel-macros`: so they work under
//! any name that a program gives this crate, and a mistake is reported where it is.
#![forbid(unsafe_code)]

mod join;
mod pin;
mod select;
#[doc(hidden)]
pub mod support;
mod try_join;
