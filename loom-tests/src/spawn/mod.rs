//! Of the library's upper half of `task` the file that holds an agreement between threads.

#[path = "../../../src/spawn/guests.rs"]
pub(crate) mod guests;
