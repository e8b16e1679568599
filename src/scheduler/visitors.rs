//! Visitors: threads in a `block_on` that drives nothing, which poll a future of their own and run no task meanwhile.
//!
//! Nobody waits for such a poll but what runs in that very future, and there is no permit to take from it. So the watch only
//! tells of it, and only where somebody has asked for reports: elsewhere there are no visitors, and a `block_on` pays nothing.
//!
//! ```text
//! visitor: poll begun or ended, news told, fence,          watch: says that it sleeps, fence, is there news?
//!          does the watch sleep? yes → ring                       yes → look at all there is
//! ```
//! The edges "news" and "watch-asleep" of `shared.rs`, as for any thread without a permit: a poll that the watch has not seen
//! keeps it from sleeping; one that it has seen wakes it by its date, when it is to be told of. Model: `loom-tests/src/models/visitors.rs`.

use std::cell::Cell;
use std::panic::Location;
use std::ptr;

use super::progress::{Control, Progress};
use super::shared::Shared;
use super::table::Table;
use crate::primitives::thread::{is_own, native_id};
use crate::primitives::{CachePadded, Mutex, fork, thread_local};

/// How many there are at most; further ones go unseen.
const MOST: usize = 256;

pub(crate) struct Visitors {
    table: Table<CachePadded<Progress>>,
    /// Entries that nobody has now. Their epochs go on with the next, who is never taken for the last.
    left: Mutex<Vec<usize>>,
}

/// A thread's stay in one `block_on`.
pub(crate) struct Visit<'a> {
    shared: &'a Shared,
    location: &'static Location<'static>,
    /// None: it goes unseen.
    index: Option<usize>,
    /// The process it began in: a fork has no watch, and the locks are as they were in the parent.
    process: u32,
}

thread_local! {
    /// The visit whose future this thread polls; the innermost.
    static CURRENT: Cell<*const Visit<'static>> = Cell::new(ptr::null());
}

impl Visitors {
    pub(crate) fn new(are_seen: bool) -> Self {
        Self { table: Table::new(if are_seen { MOST } else { 0 }), left: Mutex::new(Vec::new()) }
    }

    pub(crate) fn get(&self, index: usize) -> &Progress {
        self.table.get(index)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (usize, &Progress)> {
        self.table.iter().map(|(index, progress)| (index, &**progress))
    }

    fn come(&self) -> Option<usize> {
        let index = self.sit_down()?;
        self.get(index).set_thread(native_id());
        Some(index)
    }

    fn sit_down(&self) -> Option<usize> {
        let mut left = self.left.lock();
        let free = left.pop();
        if free.is_some() || self.table.is_full() {
            return free;
        }
        Some(self.table.append(CachePadded::new(Progress::new(Control::Revoked))))
    }
}

impl<'a> Visit<'a> {
    /// This thread is in a `block_on` that was called at `location`. The thread that calls the user's callback goes unseen: what is told
    /// of it would keep it at work.
    pub(crate) fn new(shared: &'a Shared, location: &'static Location<'static>) -> Self {
        let is_seen = shared.config.watch.visitors && !is_own();
        let index = if is_seen { shared.visitors.come() } else { None };
        let process = if is_seen { fork::generation() } else { 0 };
        Self { shared, location, index, process }
    }

    /// Polls its future.
    pub(crate) fn poll<R>(&self, poll: impl FnOnce() -> R) -> R {
        let Some(progress) = self.progress() else { return poll() };
        let _polled =
            Polled { visit: self, before: CURRENT.with(|current| current.replace(ptr::from_ref(self).cast())) };
        progress.begin_poll_of(0, self.location);
        self.shared.tell_watch();
        poll()
    }

    /// Its entry, if it is seen.
    fn index(&self) -> Option<usize> {
        self.index.filter(|_| self.process == fork::generation())
    }

    fn progress(&self) -> Option<&Progress> {
        self.index().map(|index| self.shared.visitors.get(index))
    }
}

impl Drop for Visit<'_> {
    fn drop(&mut self) {
        if let Some(index) = self.index() {
            self.shared.visitors.left.lock().push(index);
        }
    }
}

/// Ends the poll, also when it unwinds.
struct Polled<'a> {
    visit: &'a Visit<'a>,
    before: *const Visit<'static>,
}

impl Drop for Polled<'_> {
    fn drop(&mut self) {
        CURRENT.with(|current| current.set(self.before));
        if let Some(progress) = self.visit.progress() {
            progress.end_poll();
            // If it was long the watch may sleep until it is to be told of again, and would take it to have lasted until then.
            self.visit.shared.tell_watch();
        }
    }
}

/// Runs `f`, which may block and is said to: if it is a visitor that calls it, nobody is told of that.
pub(super) fn declared<R>(f: impl FnOnce() -> R) -> R {
    let visit = CURRENT.try_with(Cell::get).unwrap_or(ptr::null());
    // SAFETY: `Visit::poll` set it from a reference that it has borrowed, on this very thread, and takes it back before it
    // returns; `f`, which runs within that, knows nothing of it, and the lifetime that is made up here ends with this call.
    let Some(visit) = (unsafe { visit.as_ref() }) else { return f() };
    let _over = visit.progress().map(|progress| Declared { visit, before: progress.declare(true) });
    f()
}

struct Declared<'a> {
    visit: &'a Visit<'a>,
    before: bool,
}

impl Drop for Declared<'_> {
    fn drop(&mut self) {
        let Some(progress) = self.visit.progress() else { return };
        progress.declare(self.before);
        if !self.before {
            // What this poll does now counts again, and nobody is awake for its sake.
            self.visit.shared.tell_watch();
        }
    }
}
