//! The door to the operating system's event queue: the one file that names mio's poll, registry and waker.
//!
//! `loom-tests` puts a poller of its own in this place, a lock and a condition variable under the same names, and mounts
//! the rest of the reactor on it. A simulation will do the same with a heap of events.
//!
//! When the event queue breaks (`EBADF` after someone closed a descriptor that was not theirs, `ENOMEM`), waits go on
//! without it, on a parker: timers and wake-ups work, nothing spins, and each wait first tries the queue once more.

use std::io;
use std::time::Duration;

use mio::{Events, Poll, Registry, Token, Waker};
pub(crate) use mio::{Interest, event::Source};

use super::deadline::Deadline;
use super::readiness::Ready;
use crate::primitives::clock::{Clock, NEVER, Nanos};
use crate::primitives::parker::{Parker, Unparker};

/// How many events one poll brings at most; more of them wait for the next.
const EVENTS: usize = 1024;

/// Tokens of our own; registrations stay below.
const WAKE: Token = Token(usize::MAX);
const DEADLINE: Token = Token(usize::MAX - 1);

/// What the holder of the reactor's token owns.
#[derive(Debug)]
pub(super) struct Poller {
    poll: Poll,
    events: Events,
    deadline: Deadline,
    /// Where to sleep while the queue is broken.
    parker: Parker,
    broken: bool,
}

/// What everyone may use at any time, also while another thread is inside a poll.
#[derive(Debug)]
pub(super) struct Remote {
    registry: Registry,
    waker: Waker,
    unparker: Unparker,
}

/// Makes the two sides of an event queue.
///
/// # Errors
/// The system has no descriptor left, or no memory.
pub(super) fn new() -> io::Result<(Poller, Remote)> {
    let poll = Poll::new()?;
    let registry = poll.registry().try_clone()?;
    let waker = Waker::new(&registry, WAKE)?;
    let mut deadline = Deadline::new()?;
    registry.register(&mut deadline, DEADLINE, Interest::READABLE)?;
    let (events, parker) = (Events::with_capacity(EVENTS), Parker::new());
    let remote = Remote { registry, waker, unparker: parker.unparker() };
    Ok((Poller { poll, events, deadline, parker, broken: false }, remote))
}

impl Poller {
    /// Waits for events until `until` at the latest: zero means not at all, `NEVER` for ever. May return early and empty.
    ///
    /// # Errors
    /// The event queue has just broken; told once, until it works again. An interruption by a signal is not an error:
    /// the wait goes on.
    pub(super) fn wait(&mut self, until: Nanos, clock: &Clock) -> io::Result<()> {
        if self.broken {
            self.wait_without_queue(until, clock);
            return Ok(());
        }
        let result = self.wait_for_events(until, clock);
        if result.is_err() {
            self.broken = true;
            self.events.clear();
        }
        result
    }

    fn wait_for_events(&mut self, until: Nanos, clock: &Clock) -> io::Result<()> {
        loop {
            let timeout = self.deadline.arm(until, clock)?;
            match self.poll.poll(&mut self.events, timeout) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
                Ok(()) => break,
            }
        }
        if self.events.iter().any(|event| event.token() == DEADLINE) {
            self.deadline.passed();
        }
        Ok(())
    }

    fn wait_without_queue(&mut self, until: Nanos, clock: &Clock) {
        if self.wait_for_events(0, clock).is_ok() {
            self.broken = false;
            return;
        }
        self.events.clear();
        match until {
            0 => {}
            NEVER => self.parker.park(),
            _ => {
                self.parker.park_timeout(Duration::from_nanos(until.saturating_sub(clock.now())));
            }
        }
    }

    /// What the last wait brought: the tokens of registrations, and what each is ready for.
    pub(super) fn events(&self) -> impl Iterator<Item = (usize, Ready)> {
        let ours = |event: &&mio::event::Event| event.token() != WAKE && event.token() != DEADLINE;
        self.events.iter().filter(ours).map(|event| (event.token().0, ready(event)))
    }
}

impl Remote {
    /// Ends a wait in progress, or else makes the next one return at once.
    ///
    /// # Errors
    /// The event queue is broken, and only the sleep without it was ended. A full counter is not an error: then it has
    /// been woken already.
    pub(super) fn wake(&self) -> io::Result<()> {
        self.unparker.unpark();
        match self.waker.wake() {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
            other => other,
        }
    }

    pub(super) fn register(&self, source: &mut impl Source, token: usize, interest: Interest) -> io::Result<()> {
        self.registry.register(source, Token(token), interest)
    }

    pub(super) fn deregister(&self, source: &mut impl Source) -> io::Result<()> {
        self.registry.deregister(source)
    }
}

fn ready(event: &mio::event::Event) -> Ready {
    let only = |is: bool, bit: Ready| if is { bit } else { Ready::NOTHING };
    only(event.is_readable(), Ready::READABLE)
        | only(event.is_writable(), Ready::WRITABLE)
        | only(event.is_read_closed(), Ready::READ_CLOSED)
        | only(event.is_write_closed(), Ready::WRITE_CLOSED)
        | only(event.is_error(), Ready::ERROR)
        | only(event.is_priority(), Ready::PRIORITY)
}
