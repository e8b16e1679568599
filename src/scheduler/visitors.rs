//! Visitors: threads in a `block_on` that drives nothing, which poll a future of their own and run no task meanwhile.
//!
//! Nobody waits for such a poll but what runs in that very future, and there is no permit to take from it. So the watch only
//! tells of it, and only where somebody has asked for reports: elsewhere there are no visitors, and a `block_on` pays nothing.
//!
//! ```text
//! visitor: poll begun, news told, fence, does the watch sleep?   watch: says that it sleeps, fence, is there news?
//!                               yes → ring                                     yes → look at all there is
//! ```
//! The edges "news" and "watch-asleep" of `shared.rs`, as for any thread without a permit: a poll that the watch has not seen
//! keeps it from sleeping; one that it has seen wakes it by its date, when it is to be told of. Model: `loom-tests/src/models/visitors.rs`.

use std::cell::Cell;
use std::panic::Location;
use std::ptr;

use super::progress::{Control, Progress};
use super::shared::Shared;
use super::table::Table;
use crate::primitives::thread::native_id;
use crate::primitives::{Mutex, thread_local};

/// How many there are at most; further ones go unseen.
const MOST: usize = 256;

pub(crate) struct Visitors {
    table: Table<Progress>,
    /// Entries that nobody has now. Their epochs go on with the next, who is never taken for the last.
    left: Mutex<Vec<usize>>,
}

/// A thread's stay in one `block_on`.
pub(crate) struct Visit<'a> {
    shared: &'a Shared,
    location: &'static Location<'static>,
    /// None: it goes unseen.
    index: Option<usize>,
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
        self.table.iter()
    }

    fn come(&self) -> Option<usize> {
        let mut left = self.left.lock();
        let index = match left.pop() {
            Some(index) => index,
            None if self.table.is_full() => return None,
            None => self.table.append(Progress::new(Control::Revoked)),
        };
        self.get(index).set_thread(native_id());
        Some(index)
    }
}

impl<'a> Visit<'a> {
    /// This thread is in a `block_on` that was called at `location`.
    pub(crate) fn new(shared: &'a Shared, location: &'static Location<'static>) -> Self {
        let index = if shared.config.watch.visitors { shared.visitors.come() } else { None };
        Self { shared, location, index }
    }

    /// Polls its future.
    pub(crate) fn poll<R>(&self, poll: impl FnOnce() -> R) -> R {
        let Some(progress) = self.progress() else { return poll() };
        progress.begin_poll_of(0, self.location);
        self.shared.tell_watch();
        let _polled = Polled { progress, before: CURRENT.with(|current| current.replace(ptr::from_ref(self).cast())) };
        poll()
    }

    fn progress(&self) -> Option<&Progress> {
        self.index.map(|index| self.shared.visitors.get(index))
    }
}

impl Drop for Visit<'_> {
    fn drop(&mut self) {
        if let Some(index) = self.index {
            self.shared.visitors.left.lock().push(index);
        }
    }
}

/// Ends the poll, also when it unwinds.
struct Polled<'a> {
    progress: &'a Progress,
    before: *const Visit<'static>,
}

impl Drop for Polled<'_> {
    fn drop(&mut self) {
        CURRENT.with(|current| current.set(self.before));
        self.progress.end_poll();
    }
}

/// Runs `f`, which may block and is said to: if it is a visitor that calls it, nobody is told of that.
pub(super) fn declared<R>(f: impl FnOnce() -> R) -> R {
    let visit = CURRENT.try_with(Cell::get).unwrap_or(ptr::null());
    // SAFETY: `Visit::poll` set it from a reference that it has borrowed, on this very thread, and takes it back before it
    // returns; `f`, which runs within that, knows nothing of it, and the lifetime that is made up here ends with this call.
    let Some(visit) = (unsafe { visit.as_ref() }) else { return f() };
    let _over = visit.progress().map(|progress| Declared { visit, progress, before: progress.declare(true) });
    f()
}

struct Declared<'a> {
    visit: &'a Visit<'a>,
    progress: &'a Progress,
    before: bool,
}

impl Drop for Declared<'_> {
    fn drop(&mut self) {
        self.progress.declare(self.before);
        if !self.before {
            // What this poll does now counts again, and nobody is awake for its sake.
            self.visit.shared.tell_watch();
        }
    }
}
