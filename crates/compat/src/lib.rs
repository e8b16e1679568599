//! Adapters that let runtime-agnostic crates run on [freewheel](https://docs.rs/freewheel).
//!
//! freewheel itself depends on no HTTP library, and no HTTP library needs to know freewheel: what is between them is
//! here, one small adapter per trait, one feature per library.
//!
//! | feature | adapters | for |
//! | --- | --- | --- |
//! | `hyper` | `HyperIo`, `Exec`, `Timer` | [hyper](https://docs.rs/hyper) 1, server and client, HTTP/1 and HTTP/2 |
#![cfg_attr(feature = "hyper", doc = include_str!("hyper/example.md"))]
#![warn(missing_docs)]

#[cfg(feature = "hyper")]
mod hyper;

#[cfg(feature = "hyper")]
pub use crate::hyper::{Exec, HyperIo, Sleep, Timer};
