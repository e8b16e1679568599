//! Of the library's runtimes the files that hold an agreement between threads: they rest on primitives alone.

#[path = "../../../src/runtime/baton.rs"]
pub(crate) mod baton;
#[path = "../../../src/runtime/due.rs"]
pub(crate) mod due;
#[path = "../../../src/runtime/stop.rs"]
pub(crate) mod stop;
