//! A worker that has no thread of its own: what a `current_thread` driver does with it beside stepping it.

use std::panic::Location;

use super::super::progress::{Control, LeftPoll, Progress};
use super::Worker;
use crate::primitives::thread::native_id;

impl Worker {
    /// This thread begins to drive: it takes the permit until it gives it back. It is there, for whoever has the worker is the
    /// only one to take it, and no claim does, see [`Idle::claim_poller`](super::super::idle::Idle::claim_poller).
    ///
    /// # Panics
    /// If it is not there: to drive without it would be to drive unwatched, and at the first sleep for ever.
    pub(crate) fn take_the_permit(&self) {
        assert!(self.shared.idle.take_permit(), "nobody drives, and the permit is gone");
        self.slot().set_control(Control::Active);
        if self.shared.config.watch.watches {
            self.slot().set_thread(native_id());
            self.shared.rouse_watch();
        }
    }

    pub(crate) fn give_back_the_permit(&self) {
        if self.searching.replace(false) {
            // Nobody else searches in this flavour, so there is nobody to wake.
            let _ = self.shared.idle.end_search();
        }
        self.flush_lifo();
        if self.slot().change_control(Control::Active, Control::Idle) {
            self.shared.idle.release_permit();
        }
    }

    /// Polls the driver's own future, which is no task: for the watch it is known by `location` alone.
    pub(crate) fn poll_own<R>(&self, location: &'static Location<'static>, poll: impl FnOnce() -> R) -> R {
        self.slot().begin_poll_of(0, location);
        let _end = EndPoll(self.slot());
        poll()
    }

    /// Until the guard drops the poll that this thread is in, if any, is not what the watch sees: it drives from within it.
    pub(crate) fn leave_poll(&self) -> LeftPoll<'_> {
        self.slot().leave_poll()
    }
}

/// Ends a poll, also when it unwinds.
struct EndPoll<'a>(&'a Progress);

impl Drop for EndPoll<'_> {
    fn drop(&mut self) {
        self.0.end_poll();
    }
}
