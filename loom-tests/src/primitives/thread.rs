//! The spawner of threads, over loom's: at most five per model, the model's own included. Creation can be told to fail.

use std::cell::Cell;
use std::fmt;
use std::io;
use std::sync::Arc;

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
}

/// Lets `count` more threads start in this round, and refuses every later one.
pub(crate) fn refuse_after(count: usize) {
    ALLOWED.set(count);
}

pub(crate) fn reset() {
    ALLOWED.set(usize::MAX);
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

pub(crate) fn panicking() -> bool {
    std::thread::panicking()
}

/// No number of the system's: loom's threads share one.
pub(crate) fn native_id() -> u32 {
    0
}

pub(crate) fn call(hook: Option<&Hook>) {
    hook.into_iter().for_each(|hook| hook());
}

/// Nobody is watched by what the system says of it.
pub(crate) fn cpu_time(_thread: u32) -> Option<u64> {
    None
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
