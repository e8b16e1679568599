//! The runtimes that a test is run on: what holds for one flavour mostly holds for the others.

use freewheel::runtime::{Builder, Runtime};

use super::Watchdog;

pub(crate) fn current_thread() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime")
}

pub(crate) fn multi_thread(workers: usize) -> Runtime {
    Builder::new_multi_thread().worker_threads(workers).enable_all().build().expect("a runtime")
}

/// Runs `test` with a maker of runtimes of each flavour: the caller's thread, one worker, several workers.
pub(crate) fn each_flavour(test: impl Fn(&dyn Fn() -> Runtime)) {
    let thread = std::thread::current();
    let name = thread.name().unwrap_or("a test");
    let flavours: [(&str, &dyn Fn() -> Runtime); 3] = [
        ("current_thread", &current_thread),
        ("one worker", &|| multi_thread(1)),
        ("four workers", &|| multi_thread(4)),
    ];
    for (flavour, make) in flavours {
        let _dog = Watchdog::new(&format!("{name} ({flavour})"));
        test(make);
    }
}
