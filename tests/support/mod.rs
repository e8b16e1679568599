//! What the tests share: a watchdog that says where everything is, drop counts, child processes, fault plans.
//!
//! A test never sleeps to wait for something: it calls [`eventually`], or blocks on a channel, under a [`Watchdog`]. A
//! timing bound in a test is generous; `FREEWHEEL_TEST_LIMIT_S` moves the watchdog's (valgrind, a loaded machine).
//!
//! The counters and flags of tests are Relaxed: they are read for their own value, or after a join, a lock or a message that
//! published all there is. Where that comes from the runtime (a task awaited, a wake), a stronger ordering would hide its lack.

// Each test binary compiles this folder for itself and uses its part of it.
#![allow(dead_code, unused_imports)]

mod bounds;
mod child;
mod drops;
mod gate;
pub(crate) mod interpose;
mod process;
mod runtimes;
pub(crate) mod stalls;
mod wakers;
mod watchdog;

pub(crate) use bounds::{most_rounds_within, one_run_within};
pub(crate) use child::{Ended, in_child};
pub(crate) use drops::{DropCounter, DropToken};
pub(crate) use gate::Gate;
pub(crate) use process::{
    comes_to_rest, cpu_time, drop_to_other_user, file_descriptors, resident_kilobytes, set_limit, settled,
    thread_names, threads,
};
pub(crate) use runtimes::{current_thread, each_flavour, multi_thread};
pub(crate) use wakers::{CountingWaker, poll_once};
pub(crate) use watchdog::{Watchdog, eventually, limit, test};

/// The message a panic was raised with.
pub(crate) fn panic_text(payload: &(dyn std::any::Any + Send)) -> String {
    payload
        .downcast_ref::<&'static str>()
        .map(|text| (*text).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "(a payload that is no text)".to_owned())
}

/// Runs `f`, which must panic, and gives the message.
#[track_caller]
pub(crate) fn must_panic<R>(f: impl FnOnce() -> R) -> String {
    match std::panic::catch_unwind(std::panic::AssertUnwindSafe(f)) {
        Ok(_) => panic!("this should have panicked"),
        Err(payload) => panic_text(&*payload),
    }
}

/// Runs `f`, which must panic, and gives the message and the place the panic names, for `#[track_caller]`.
///
/// The panic hook is the process's: tests that use this take turns.
#[track_caller]
pub(crate) fn must_panic_at<R>(f: impl FnOnce() -> R) -> (String, String) {
    use std::cell::RefCell;
    use std::sync::Once;

    std::thread_local!(static PLACE: RefCell<Option<String>> = const { RefCell::new(None) });
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let place = info.location().map_or_else(String::new, |at| format!("{}:{}", at.file(), at.line()));
            PLACE.with(|cell| *cell.borrow_mut() = Some(place));
            before(info);
        }));
    });
    PLACE.with(|cell| *cell.borrow_mut() = None);
    let text = must_panic(f);
    (text, PLACE.with(|cell| cell.borrow_mut().take()).expect("the hook saw the panic"))
}
