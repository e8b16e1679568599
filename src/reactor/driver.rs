//! The reactor itself, and the token whose holder polls it.
//!
//! The reactor makes no thread. Whoever takes the token may poll: the reactor thread, or a worker with nothing else to do.
//! A poll collects wakers and wakes none: the holder drops the token first, then wakes them all in one go, so that no user
//! code runs under the token's lock.
//!
//! # Waking the poller
//!
//! `woken` spares system calls: of many wakers only the first writes to the event queue. The poller takes the flag back
//! before a wait that blocks, which then does not block, and after each wait. All of that is read-modify-write, so
//! wakers and poller are in one order, and no wake is lost: a waker that sets the flag after the poller took it writes, and
//! so ends the wait; one that finds it set relies on the one that set it, whose write comes, or on the poller, which has
//! yet to take it back. Taking it back acquires what all of them had published.
//!
//! Model: `loom-tests/src/models/timers.rs`.

use std::io;
use std::task::Waker;

use super::poller::{self, Interest, Poller, Remote, Source};
use super::readiness::{Ready, ScheduledIo};
use super::registrations::Registrations;
use super::timers::{Armed, Duty, TimerKey, Timers};
use super::wheel::Reset;
use crate::primitives::atomic::{AtomicBool, AtomicU64, Ordering};
use crate::primitives::clock::{Clock, NEVER, Nanos};
use crate::primitives::{Arc, CachePadded, TryMutex, TryMutexGuard, assert_none_held, say_apart};

/// I/O events and timers of one runtime.
#[derive(Debug)]
pub(crate) struct Reactor {
    clock: Clock,
    timers: Timers,
    registrations: Registrations,
    remote: Remote,
    /// Someone has woken the poller, or is about to.
    woken: CachePadded<AtomicBool>,
    turns: CachePadded<AtomicU64>,
    /// The token.
    poller: TryMutex<Poller>,
}

/// The right to poll: one at a time.
#[must_use = "a token that is not polled keeps others from polling"]
pub(crate) struct Token<'a> {
    reactor: &'a Reactor,
    poller: TryMutexGuard<'a, Poller>,
}

/// How long a poll may block. In any case no longer than until the nearest timer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wait {
    /// Not at all.
    No,
    /// Until this time of the reactor's clock.
    #[allow(dead_code, reason = "nothing in the runtime has a limit of its own yet")]
    Until(Nanos),
    Forever,
}

impl Reactor {
    /// A reactor whose timers are spread over so many shards: one for each worker, and one for all others.
    ///
    /// # Errors
    /// The system has no descriptor left for the event queue.
    pub(crate) fn new(shards: usize, clock: Clock) -> io::Result<Self> {
        let (poller, remote) = poller::new()?;
        Ok(Self {
            clock,
            timers: Timers::new(shards),
            registrations: Registrations::default(),
            remote,
            woken: CachePadded::new(AtomicBool::new(false)),
            turns: CachePadded::new(AtomicU64::new(0)),
            poller: TryMutex::new(poller),
        })
    }

    /// The token, if nobody holds it.
    pub(crate) fn try_token(&self) -> Option<Token<'_>> {
        self.poller.try_lock().map(|poller| Token { reactor: self, poller })
    }

    /// The token, once nobody else holds it. Does not wake a holder that sleeps in a poll.
    #[allow(dead_code, reason = "tests and models poll by it")]
    pub(crate) fn token(&self) -> Token<'_> {
        Token { reactor: self, poller: self.poller.lock() }
    }

    /// Ends a poll that blocks, or else makes the next one return at once.
    pub(crate) fn wake(&self) {
        // ORDERING: AcqRel, edge "wake": publishes what the waker did to the poller, which takes the flag back with Acquire.
        // Without it the poller would return and not see why.
        if self.woken.swap(true, Ordering::AcqRel) {
            return;
        }
        if self.remote.wake().is_err() {
            // Nothing was written: the next waker has to try again.
            // ORDERING: Release, edge "wake": keeps what was published above readable through the flag.
            self.woken.store(false, Ordering::Release);
        }
    }

    /// How many polls have ended.
    pub(crate) fn turns(&self) -> u64 {
        // Relaxed: a figure to compare, it publishes nothing.
        self.turns.load(Ordering::Relaxed)
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.clock
    }

    pub(crate) fn timers(&self) -> &Timers {
        &self.timers
    }

    /// How many sources are registered.
    #[allow(dead_code, reason = "tests and models count by it, metrics will")]
    pub(crate) fn sources(&self) -> usize {
        self.registrations.len()
    }

    /// Arms a timer in a shard, and wakes the poller if that sleeps for longer. `waker` is to be cloned by the caller,
    /// who holds no lock.
    pub(crate) fn arm(&self, shard: usize, deadline: Nanos, waker: Waker) -> Armed {
        let (armed, duty) = self.timers.arm(shard, deadline, waker);
        self.discharge(duty);
        armed
    }

    /// Moves an armed timer to another deadline; its waker stays, and is woken if that deadline has passed. False: the timer
    /// is over, and so is its key.
    pub(crate) fn reset(&self, key: TimerKey, deadline: Nanos) -> bool {
        let (reset, duty) = self.timers.reset(key, deadline);
        self.discharge(duty);
        match reset {
            Reset::Pending(_) => true,
            Reset::Gone => false,
            Reset::Due(waker) => {
                assert_none_held();
                waker.wake();
                false
            }
        }
    }

    fn discharge(&self, duty: Duty) {
        if duty == Duty::WakePoller {
            self.wake();
        }
    }

    /// Registers a source that is taken to be ready until it proves otherwise, which saves a wait for most.
    ///
    /// # Errors
    /// The runtime was shut down, or the system refuses: nothing is registered then.
    pub(crate) fn register(&self, source: &mut impl Source, interest: Interest) -> io::Result<Arc<ScheduledIo>> {
        self.register_as(source, interest, Ready::READABLE | Ready::WRITABLE)
    }

    /// Registers a source that is not ready for anything until an event says so, such as a socket that is connecting.
    ///
    /// # Errors
    /// As [`Reactor::register`].
    pub(crate) fn register_unready(
        &self,
        source: &mut impl Source,
        interest: Interest,
    ) -> io::Result<Arc<ScheduledIo>> {
        self.register_as(source, interest, Ready::NOTHING)
    }

    /// The poller takes the flag back. True if it was set.
    fn take_wake(&self) -> bool {
        // ORDERING: AcqRel, edge "wake": acquires what all who found the flag set had published, and publishes to none. A
        // swap and not a load with a store, so that it comes after the last of them, or before one that will write.
        self.woken.swap(false, Ordering::AcqRel)
    }

    fn register_as(
        &self,
        source: &mut impl Source,
        interest: Interest,
        initial: Ready,
    ) -> io::Result<Arc<ScheduledIo>> {
        let io = self.registrations.insert(initial)?;
        if let Err(error) = self.remote.register(source, io.token, interest) {
            self.registrations.remove(&io);
            return Err(error);
        }
        Ok(io)
    }

    /// Ends a registration, whatever the system says: no event reaches `io` from now on, and its wakers are dropped.
    ///
    /// # Errors
    /// The system did not know the source, or its event queue is broken.
    pub(crate) fn deregister(&self, io: &Arc<ScheduledIo>, source: &mut impl Source) -> io::Result<()> {
        let result = self.remote.deregister(source);
        self.registrations.remove(io);
        io.forget_wakers();
        result
    }

    /// Ends it all: timers and I/O, present and future, answer that the runtime was shut down. Collects the wakers of
    /// those who wait, and wakes the poller.
    pub(crate) fn shutdown(&self, wakers: &mut Vec<Waker>) {
        self.registrations.shut_down(wakers);
        self.timers.shut_down(wakers);
        self.wake();
    }
}

impl Token<'_> {
    /// Polls once, and appends the wakers of ready I/O and of due timers, for the caller to wake when it has dropped the
    /// token. May return early with nothing.
    ///
    /// # Errors
    /// The event queue broke. Everyone who waits for I/O gets this error, timers go on, and this is returned once:
    /// from then on polls wait without the queue, until it works again.
    pub(crate) fn poll(&mut self, wait: Wait, wakers: &mut Vec<Waker>) -> io::Result<()> {
        let Reactor { clock, timers, registrations, woken, turns, .. } = self.reactor;
        let result = match wait {
            Wait::No => self.poller.wait(0, clock),
            Wait::Until(_) | Wait::Forever if self.reactor.take_wake() => self.poller.wait(0, clock),
            Wait::Until(_) | Wait::Forever => {
                let limit = if let Wait::Until(limit) = wait { limit } else { NEVER };
                let result = self.poller.wait(timers.fall_asleep(limit), clock);
                timers.wake_up();
                result
            }
        };
        // Relaxed: only whether to take it back at all. If set a moment later, the next wait does not block.
        if woken.load(Ordering::Relaxed) {
            self.reactor.take_wake();
        }
        match &result {
            Ok(()) => self.dispatch(wakers),
            Err(error) => {
                // Apart: all wait for whoever has the token.
                say_apart(format!("the reactor's event queue is broken, whoever waits for I/O is told: {error}"));
                registrations.fail_all(error.raw_os_error().unwrap_or(0), wakers);
            }
        }
        timers.fire(clock, wakers);
        // Relaxed, a load and a store: only the token's holder writes this figure, which is there to be compared.
        turns.store(turns.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        result
    }

    fn dispatch(&self, wakers: &mut Vec<Waker>) {
        let mut events = self.poller.events().peekable();
        if events.peek().is_some() {
            let batch = self.reactor.registrations.batch();
            events.for_each(|(token, ready)| batch.dispatch(token, ready, wakers));
        }
    }
}
