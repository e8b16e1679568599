//! A poller without an operating system: a queue of events and a sleep, which a model plays the kernel to.
//!
//! What passes through the lock is ordered, as what passes through a system call is. Whoever decides *not* to wake never
//! comes here, so the lock lends nothing to the agreements that the models check.
//!
//! Timeouts never fire by themselves: a deadline has passed when [`Kernel::advance_to`] says so.

use std::cell::RefCell;
use std::io;
use std::ops::BitOr;
use std::sync::{Arc, Weak};

use super::readiness::Ready;
use crate::primitives::clock::{self, Clock, Nanos};
use crate::primitives::{Condvar, Mutex};

/// What a source is registered for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Interest(u8);

impl Interest {
    pub(crate) const READABLE: Self = Self(1);
    pub(crate) const WRITABLE: Self = Self(2);
    pub(crate) const PRIORITY: Self = Self(4);

    pub(crate) fn is_readable(self) -> bool {
        self.0 & 1 != 0
    }

    pub(crate) fn is_writable(self) -> bool {
        self.0 & 2 != 0
    }

    pub(crate) fn is_priority(self) -> bool {
        self.0 & 4 != 0
    }
}

impl BitOr for Interest {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// Anything can be registered: the model posts its events by token.
pub(crate) trait Source {}

impl Source for () {}

#[derive(Debug)]
pub(super) struct Poller {
    kernel: Kernel,
    brought: Vec<(usize, Ready)>,
}

#[derive(Debug)]
pub(super) struct Remote(Kernel);

/// The other side of the event queue.
#[derive(Debug, Clone)]
pub(crate) struct Kernel(Arc<Queue>);

#[derive(Debug)]
struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    woken: bool,
    events: Vec<(usize, Ready)>,
}

std::thread_local! {
    /// Loom runs a model on one thread of the system, so this is the reactor that the model made last.
    static LAST: RefCell<Weak<Queue>> = const { RefCell::new(Weak::new()) };
}

pub(super) fn new() -> io::Result<(Poller, Remote)> {
    let kernel = Kernel(Arc::new(Queue { state: Mutex::new(State::default()), changed: Condvar::new() }));
    LAST.with_borrow_mut(|last| *last = Arc::downgrade(&kernel.0));
    Ok((Poller { kernel: kernel.clone(), brought: Vec::new() }, Remote(kernel)))
}

impl Kernel {
    /// The event queue of the reactor that was made last.
    pub(crate) fn last() -> Self {
        Self(LAST.with_borrow(Weak::upgrade).expect("a reactor was made before"))
    }

    /// Reports a source as ready.
    pub(crate) fn post(&self, token: usize, ready: Ready) {
        self.0.state.lock().events.push((token, ready));
        self.0.changed.notify_one();
    }

    /// Lets time pass, and timeouts with it.
    pub(crate) fn advance_to(&self, now: Nanos) {
        let state = self.0.state.lock();
        clock::advance_to(now);
        drop(state);
        self.0.changed.notify_one();
    }
}

impl Poller {
    pub(super) fn wait(&mut self, until: Nanos, clock: &Clock) -> io::Result<()> {
        let mut state = self.kernel.0.state.lock();
        while !state.woken && state.events.is_empty() && until > clock.now() {
            state = self.kernel.0.changed.wait(state);
        }
        state.woken = false;
        self.brought = std::mem::take(&mut state.events);
        Ok(())
    }

    pub(super) fn events(&self) -> impl Iterator<Item = (usize, Ready)> {
        self.brought.iter().copied()
    }
}

impl Remote {
    pub(super) fn wake(&self) -> io::Result<()> {
        self.0.0.state.lock().woken = true;
        self.0.0.changed.notify_one();
        Ok(())
    }

    pub(super) fn register(&self, _: &mut impl Source, _: usize, _: Interest) -> io::Result<()> {
        Ok(())
    }

    pub(super) fn deregister(&self, _: &mut impl Source) -> io::Result<()> {
        Ok(())
    }
}
