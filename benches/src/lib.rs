//! freewheel measured beside tokio and smol: one run, one table, the runtimes interleaved round by round.
//!
//! The program has four faces, told apart by its first argument:
//!
//! * the *table* (`runner`, `table`): asks each runtime in turn for one sample, A B C, then C B A, and compares;
//! * a *sampler* (`sampler`): the same program executed again, one process per runtime and row, which answers each
//!   question with one sample. A runtime that hangs or crashes costs its own cells only, and no runtime inherits the
//!   threads or the heap of another;
//! * the *load* (`load`): the client, again a process of its own, built on plain mio and on none of the runtimes;
//! * a program that starts a runtime, runs one task and ends (`rows::lifecycle`).
//!
//! `rows/` says what is measured, and what is aimed for, generic over `peers::Peer`; `peers/` says how each runtime spells
//! it. What becomes of the samples: `figures`, `table` (the terminal), `summary` (the README), `report`.

use std::process::ExitCode;

mod arguments;
mod facts;
mod figures;
mod files;
mod json;
mod load;
mod measure;
mod never_stall;
mod options;
mod peers;
mod process;
mod report;
mod rows;
mod runner;
mod sampler;
mod statistics;
mod summary;
mod table;

pub use never_stall::main as never_stall;

/// Does what the process's arguments say; the whole of the bench target's `main`.
pub fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let done = match arguments.first().map(String::as_str) {
        Some(sampler::COMMAND) => sampler::main(&arguments[1..]),
        Some(load::COMMAND) => load::main(&arguments[1..]),
        Some(rows::lifecycle::COMMAND) => rows::lifecycle::main(&arguments[1..]),
        _ => options::parse(&arguments).and_then(|request| match request {
            options::Request::Compare(options) => runner::compare(&options),
            options::Request::Profile { peer, options } => sampler::profile(peer, &options),
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
    exit_code(done)
}

/// How a program of this package ends: what went wrong is told on stderr.
fn exit_code(done: Result<(), String>) -> ExitCode {
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("freewheel-benches: {message}");
            ExitCode::FAILURE
        }
    }
}
