//! From addresses to names, and what of them is worth reading.
//!
//! Left out are: the inside of the C library and of the standard library's system layer, but for the function that was called
//! there; and what leads from the thread's start to the poll of the task. Never what may be the user's: a frame is left out
//! by its name alone, and one whose inlined functions are not known may hold anything.

use std::ffi::c_void;

use framehop::FrameAddress;

use super::super::StallFrame;
use super::modules::Modules;

/// Names each address.
pub(super) fn describe(modules: &Modules, addresses: &[FrameAddress]) -> Vec<StallFrame> {
    let mut frames = Vec::new();
    for address in addresses {
        let lookup = address.address_for_lookup();
        let module = modules.name(lookup);
        let nameless = StallFrame {
            address: address.address() as usize,
            symbol: None,
            file: None,
            line: None,
            module: module.map(|name| if name.is_empty() { program() } else { name.to_owned() }),
        };
        let before = frames.len();
        // `resolve` takes a return address, and looks one byte before it.
        backtrace::resolve((lookup + 1) as usize as *mut c_void, |symbol| {
            frames.push(StallFrame {
                symbol: symbol.name().map(|name| format!("{name:#}")),
                file: symbol.filename().map(|path| path.display().to_string()),
                line: symbol.lineno(),
                ..nameless.clone()
            });
        });
        if frames.len() == before {
            frames.push(nameless);
        }
    }
    trim(frames)
}

fn program() -> String {
    std::env::current_exe().map_or_else(|_| "the program".to_owned(), |path| path.display().to_string())
}

fn trim(mut frames: Vec<StallFrame>) -> Vec<StallFrame> {
    frames.truncate(outer_end(&frames));
    let foreign = frames.iter().take_while(|frame| is_system(frame)).count();
    // What the user called there stays, and so does everything if there is nothing else.
    if foreign < frames.len() {
        frames.drain(..foreign.saturating_sub(1));
    }
    frames
}

/// How many frames there are up to the poll of the task, or of the future of `block_on`.
fn outer_end(frames: &[StallFrame]) -> usize {
    let polls = ["freewheel::tasks::harness::poll", "freewheel::runtime::current_thread::poll"];
    let Some(mut end) = frames.iter().rposition(|frame| starts(frame, &polls)) else {
        return frames.len();
    };
    let between = [
        "freewheel::tasks::",
        "freewheel::runtime::current_thread::",
        "freewheel::primitives::",
        "core::panic::",
        "core::ops::function::",
        "std::panic",
    ];
    let leads = |frame: &StallFrame| starts(frame, &between) && frame.file.is_some() || starts(frame, &["__rust_try"]);
    while end > 0 && leads(&frames[end - 1]) {
        end -= 1;
    }
    // Without a line the poll itself may hold the user's function, inlined.
    if frames[end].file.is_some() { end.max(1) } else { end + 1 }
}

/// Whether it is the inside of the C library, or of the standard library.
fn is_system(frame: &StallFrame) -> bool {
    let library = frame.module.as_deref().and_then(|path| path.rsplit('/').next()).unwrap_or_default();
    let of_system = ["libc.so", "libc-", "libpthread", "ld-linux", "ld-musl", "linux-vdso"];
    of_system.iter().any(|name| library.starts_with(name))
        || starts(frame, &["std::", "core::", "alloc::", "parking_lot"])
}

/// Whether the frame's function is of one of these paths; `<std::fs::File as …>::read` is of `std`.
fn starts(frame: &StallFrame, paths: &[&str]) -> bool {
    let Some(symbol) = &frame.symbol else { return false };
    let path = symbol.trim_start_matches(['<', '&']);
    paths.iter().any(|start| path.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(symbol: &str, line: Option<u32>) -> StallFrame {
        let symbol = (!symbol.is_empty()).then(|| symbol.to_owned());
        let file = line.map(|_| "file.rs".to_owned());
        StallFrame { address: 1, symbol, file, line, module: None }
    }

    fn trimmed(symbols: &[&str], line: Option<u32>) -> Vec<String> {
        let frames = trim(symbols.iter().map(|symbol| frame(symbol, line)).collect());
        frames.into_iter().map(|frame| frame.symbol.unwrap_or_default()).collect()
    }

    const STACK: [&str; 9] = [
        "std::sys::thread::sleep",
        "std::thread::sleep",
        "app::stuck",
        "app::main::{{closure}}",
        "freewheel::tasks::cell::Cell<F,S>::poll_future",
        "__rust_try",
        "std::panicking::try",
        "freewheel::tasks::harness::poll_future",
        "freewheel::scheduler::worker::run",
    ];

    #[test]
    fn what_lies_between_the_users_call_and_the_users_task_is_left() {
        assert_eq!(trimmed(&STACK, Some(1)), ["std::thread::sleep", "app::stuck", "app::main::{{closure}}"]);
    }

    #[test]
    fn where_inlined_functions_are_not_known_nothing_that_may_hold_them_is_left_out() {
        assert_eq!(trimmed(&STACK, None), STACK[1..8]);
        assert_eq!(trimmed(&["freewheel::tasks::harness::poll", "start"], None), ["freewheel::tasks::harness::poll"]);
        assert_eq!(trimmed(&["", "std::x"], None), ["", "std::x"]);
    }

    #[test]
    fn what_leads_to_the_future_of_block_on_is_left_out_too() {
        let poll = "freewheel::runtime::current_thread::poll";
        let stack = ["app::stuck", "app::main::{{closure}}", poll, "freewheel::tasks::coop::budget", poll, "app::main"];
        assert_eq!(trimmed(&stack, Some(1)), stack[..2]);
    }

    #[test]
    fn a_task_inside_a_task_is_shown_with_the_one_around_it() {
        let nested = ["app::inner", "freewheel::tasks::harness::poll", "app::outer", "freewheel::tasks::harness::poll"];
        assert_eq!(trimmed(&nested, Some(1)), nested[..3]);
    }
}
