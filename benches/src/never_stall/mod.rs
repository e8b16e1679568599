//! The never-stall bench: what becomes of timers and I/O while tasks block or hog the threads of their runtime.
//!
//! Each scenario runs on each contender in a process of its own (`child`), which may hang: it has a time limit, and what
//! does not come about within it is *never*. Requests come from a further process (`load`) that sends on a fixed schedule and
//! counts latency from the time a request was *meant* to be sent, so that a server that stands still cannot slow down the
//! questions. The ticker counts the same way: a tick that is due and has not come is late by all the time since.
//!
//! `scenarios/` says what happens, `contenders` how each runtime spells it, `report` and `curve` what becomes of the figures.

use std::process::ExitCode;

mod child;
mod contenders;
mod costs;
mod curve;
mod load;
mod options;
mod report;
mod runner;
mod scenarios;
mod ticker;

/// Does what the process's arguments say; the whole of the bench target's `main`.
pub fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let done = match arguments.first().map(String::as_str) {
        Some(child::COMMAND) => child::main(&arguments[1..]),
        Some(load::COMMAND) => load::main(&arguments[1..]),
        _ => options::parse(&arguments).and_then(|request| match request {
            options::Request::Run(options) => runner::run(&options),
            options::Request::Nothing => Ok(()),
            options::Request::List => {
                runner::list();
                Ok(())
            }
            options::Request::Help => {
                println!("{}", options::HELP);
                Ok(())
            }
        }),
    };
    crate::exit_code(done)
}
