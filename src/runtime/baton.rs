//! A baton: one thread at a time has it, and those that want it sleep until it is put back, or until they need it no more.
//!
//! Whoever wants it and finds it gone puts itself on the list, looks again, and sleeps. Whoever puts it back does that
//! first, and then wakes all on the list: not one, for that one may meanwhile have got what it wanted in another way, and would
//! have to pass the wake-up on. If the second look finds the baton gone, then it was put back after the thread stood on the
//! list, which is emptied later still: the thread is woken. Each emptying begins a round; a thread that wakes for reasons of its
//! own stands on the list already and is not put there twice. Model: `loom-tests/src/models/baton.rs`.

use crate::primitives::Mutex;
use crate::primitives::parker::{Parker, Unparker};

pub(crate) struct Baton<T> {
    rest: Mutex<Option<T>>,
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    threads: Vec<Unparker>,
    /// How often the list was emptied.
    round: u64,
}

/// The round in which a thread put itself on the list.
#[derive(Default)]
pub(crate) struct Listed(Option<u64>);

impl<T> Baton<T> {
    pub(crate) fn new(baton: T) -> Self {
        Self { rest: Mutex::new(Some(baton)), waiting: Mutex::default() }
    }

    pub(crate) fn take(&self) -> Option<T> {
        self.rest.lock().take()
    }

    /// Puts it back, and lets all who wait try for it.
    pub(crate) fn put_back(&self, baton: T) {
        *self.rest.lock() = Some(baton);
        let mut waiting = self.waiting.lock();
        waiting.round += 1;
        let threads = std::mem::take(&mut waiting.threads);
        drop(waiting);
        threads.iter().for_each(Unparker::unpark);
    }

    /// Sleeps until the baton is put back, or `parker` gets its token from somebody else.
    pub(crate) fn wait(&self, parker: &Parker, listed: &mut Listed) {
        let mut waiting = self.waiting.lock();
        if listed.0 != Some(waiting.round) {
            waiting.threads.push(parker.unparker());
            listed.0 = Some(waiting.round);
        }
        drop(waiting);
        let is_gone = self.rest.lock().is_none();
        if is_gone {
            parker.park();
        }
    }
}
