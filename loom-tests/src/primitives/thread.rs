//! The spawner of threads, over loom's: at most five per model, the model's own included. Creation can be told to fail.

use std::cell::Cell;
use std::fmt;
use std::io;
use std::sync::{Arc, LazyLock, mpsc};

/// How threads are made. The names and hooks are taken and ignored.
#[derive(Clone)]
pub(crate) struct Spawner {
    pub(crate) name: Option<Arc<dyn Fn() -> String + Send + Sync>>,
    pub(crate) stack_size: Option<usize>,
    pub(crate) on_start: Option<Hook>,
    pub(crate) on_stop: Option<Hook>,
}

pub(crate) type Hook = Arc<dyn Fn() + Send + Sync>;

std::thread_local! {
    /// How many more threads a model may start; beyond, creation fails.
    static ALLOWED: Cell<usize> = const { Cell::new(usize::MAX) };
    /// What the threads of a model take for their number; zero is none.
    static NUMBER: Cell<u32> = const { Cell::new(0) };
}

/// A thread outside of all models that sleeps for good, by the system's number.
static SLEEPER: LazyLock<u32> = LazyLock::new(|| {
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        let own = std::fs::read_link("/proc/thread-self").expect("Linux, which says what a thread is doing");
        drop(tell.send(own));
        loop {
            std::thread::park();
        }
    });
    let own = told.recv().expect("the sleeper says its number");
    let number = own.file_name().and_then(|number| number.to_str()?.parse().ok()).expect("a number");
    while std::fs::read_to_string(format!("/proc/self/task/{number}/stat")).is_ok_and(|stat| !stat.contains(") S ")) {
        std::thread::yield_now();
    }
    number
});

/// Lets `count` more threads start in this round, and refuses every later one.
pub(crate) fn refuse_after(count: usize) {
    ALLOWED.set(count);
}

/// From here on in this round the system says of each of the model's threads that it sleeps, whatever it is at: they all take the
/// number of one that does. So the real probe looks, and a watch may judge at any point. To be called before they start.
pub(crate) fn seem_asleep() {
    NUMBER.set(*SLEEPER);
}

pub(crate) fn reset() {
    ALLOWED.set(usize::MAX);
    NUMBER.set(0);
}

impl Spawner {
    /// A spawner without names or hooks.
    pub(crate) fn plain() -> Self {
        Self { name: None, stack_size: None, on_start: None, on_stop: None }
    }

    pub(crate) fn spawn<R>(
        &self,
        name: impl FnOnce() -> String,
        body: impl FnOnce() -> R + Send + 'static,
    ) -> io::Result<()> {
        self.spawn_as(name(), body)
    }

    pub(crate) fn spawn_from_stock<R>(
        &self,
        name: impl FnOnce() -> String,
        body: impl FnOnce() -> R + Send + 'static,
    ) -> io::Result<()> {
        self.spawn_as(name(), body)
    }

    pub(crate) fn spawn_as<R>(&self, name: String, body: impl FnOnce() -> R + Send + 'static) -> io::Result<()> {
        self.spawn_plain(name, move || drop(body()))
    }

    pub(crate) fn spawn_plain(&self, _name: String, body: impl FnOnce() + Send + 'static) -> io::Result<()> {
        let left = ALLOWED.get().checked_sub(1).ok_or(io::ErrorKind::WouldBlock)?;
        ALLOWED.set(left);
        loom::thread::spawn(body);
        Ok(())
    }
}

impl fmt::Debug for Spawner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spawner").finish_non_exhaustive()
    }
}

/// A counter for thread names.
#[derive(Debug, Default)]
pub(crate) struct Numbers(std::sync::atomic::AtomicUsize);

impl Numbers {
    pub(crate) fn next(&self) -> usize {
        // Relaxed: only the number itself matters.
        self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed)
    }
}

pub(crate) fn yield_now() {
    loom::thread::yield_now();
}

/// Lets others run: what one waits for by pausing, they bring about.
pub(crate) fn pause(_: std::time::Duration) {
    loom::thread::yield_now();
}

pub(crate) fn is_own() -> bool {
    false
}

pub(crate) fn panicking() -> bool {
    std::thread::panicking()
}

/// None, unless the model wants one: loom's threads share one of the system's.
pub(crate) fn native_id() -> u32 {
    NUMBER.get()
}

pub(crate) fn call(hook: Option<&Hook>) {
    hook.into_iter().for_each(|hook| hook());
}

/// Who sleeps for good uses no core.
pub(crate) fn cpu_time(thread: u32) -> Option<u64> {
    (thread != 0).then_some(0)
}

pub(crate) fn cores() -> usize {
    1
}

pub(crate) fn process_cpu_time() -> Option<u64> {
    None
}

pub(crate) fn rests() -> u64 {
    0
}
