//! Words for whoever runs the program, on stderr, and never a panic: that nobody is there to read them is no reason for one.

use std::fmt;
use std::io::Write;
use std::thread;

/// Writes a line to stderr, if it can be written. It may have to wait for whoever reads there: hold nothing that others wait for.
#[cold]
pub(crate) fn say(words: fmt::Arguments<'_>) {
    // In one piece: others write there, too.
    let _ = std::io::stderr().write_all(format!("freewheel: {words}\n").as_bytes());
}

/// [`say`] on a thread of its own; where none can be had, here.
#[cold]
pub(crate) fn say_apart(words: String) {
    let theirs = words.clone();
    let started = thread::Builder::new().spawn(move || say(format_args!("{theirs}")));
    if started.is_err() {
        say(format_args!("{words}"));
    }
}
