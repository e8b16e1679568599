//! What one registered source is ready for, and who waits for it.
//!
//! The readiness word:
//!
//! ```text
//!   63 ........................ 8   7        6       5 ........ 0
//!   tick: events seen so far       FAILED  SHUTDOWN  ready bits
//! ```
//!
//! Events of the operating system are edge-triggered: it speaks when something becomes ready, and then is silent. So the
//! word remembers, and is cleared only by an operation that was told to wait. The tick guards that: an operation notes it
//! *before* its system call, and clears nothing if an event has come since, for that event may be newer than the answer.
//! It has 56 bits: with a short one, just so many events between the call and the clearing would be mistaken for none.
//!
//! ```text
//!   waiter                                          poller
//!   ──────                                          ──────
//!   word not ready?                                 word |= ready, tick + 1
//!   lock; leave waker; word still not ready?        lock; take the wakers; unlock
//!   unlock; Pending                                 hand them to the caller, who wakes them holding no lock
//! ```
//!
//! No wake-up is lost: the two lock sections are ordered. The waiter's first: the poller takes its waker. The poller's
//! first: the waiter's second look at the word, under the lock, sees the event.
//!
//! Wakers are cloned before, and dropped and woken after, the lock is held.
//!
//! Models: `loom-tests/src/models/readiness.rs`.

use std::fmt;
use std::future::Future;
use std::io;
use std::ops::{BitOr, BitOrAssign};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use slab::Slab;

use super::poller::Interest;
use crate::primitives::atomic::{AtomicU32, AtomicU64, Ordering};
use crate::primitives::{Mutex, assert_none_held};

/// What a source is ready for: a set of bits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Ready(u8);

impl Ready {
    pub(crate) const NOTHING: Self = Self(0);
    pub(crate) const READABLE: Self = Self(1);
    pub(crate) const WRITABLE: Self = Self(1 << 1);
    /// Nothing more will come: the other side has shut down its writing, or all.
    pub(crate) const READ_CLOSED: Self = Self(1 << 2);
    /// Nothing more can be sent.
    pub(crate) const WRITE_CLOSED: Self = Self(1 << 3);
    /// An error waits to be fetched by the next operation, whichever it is.
    pub(crate) const ERROR: Self = Self(1 << 4);
    /// Out-of-band data. Once reported it stays, but for an operation of its own that was told to wait.
    pub(crate) const PRIORITY: Self = Self(1 << 5);

    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(crate) fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// What is in both.
    pub(crate) fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// All that answers an interest.
    pub(crate) fn for_interest(interest: Interest) -> Self {
        let mut mask = Self::NOTHING;
        if interest.is_readable() {
            mask |= Direction::Read.mask();
        }
        if interest.is_writable() {
            mask |= Direction::Write.mask();
        }
        if interest.is_priority() {
            mask |= Self::PRIORITY | Self::READ_CLOSED;
        }
        mask
    }
}

impl BitOr for Ready {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOrAssign for Ready {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

impl fmt::Debug for Ready {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = ["READABLE", "WRITABLE", "READ_CLOSED", "WRITE_CLOSED", "ERROR", "PRIORITY"];
        f.debug_set()
            .entries(names.iter().enumerate().filter(|(bit, _)| self.0 & 1 << bit != 0).map(|(_, n)| n))
            .finish()
    }
}

/// One of the two sides of a source, each with one waiting task at a time in the poll functions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    Read,
    Write,
}

impl Direction {
    /// What makes it worth trying this direction. An error is news for both.
    pub(crate) fn mask(self) -> Ready {
        match self {
            Self::Read => Ready::READABLE | Ready::READ_CLOSED | Ready::ERROR,
            Self::Write => Ready::WRITABLE | Ready::WRITE_CLOSED | Ready::ERROR,
        }
    }
}

/// A readiness that was seen, to be given back by [`ScheduledIo::clear_readiness`] when it proves stale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ReadyEvent {
    tick: u64,
    pub(crate) ready: Ready,
}

const READY_BITS: u64 = (1 << 6) - 1;
const SHUTDOWN: u64 = 1 << 6;
const FAILED: u64 = 1 << 7;
const ONE_TICK: u64 = 1 << 8;
const TICK_BITS: u64 = !(ONE_TICK - 1);

/// A registered source.
#[derive(Debug)]
pub(crate) struct ScheduledIo {
    word: AtomicU64,
    /// The error of a broken event queue; means something once FAILED is set.
    failure: AtomicU32,
    /// Where it stands in the registrations.
    pub(super) token: usize,
    waiters: Mutex<Waiters>,
}

#[derive(Debug, Default)]
struct Waiters {
    reader: Option<Waker>,
    writer: Option<Waker>,
    /// The [`Readiness`] futures, any number. A slot is its future's until the future removes it.
    others: Slab<Waiter>,
}

#[derive(Debug)]
struct Waiter {
    mask: Ready,
    /// None once taken by the poller.
    waker: Option<Waker>,
}

impl ScheduledIo {
    pub(super) fn new(token: usize, initial: Ready) -> Self {
        Self {
            word: AtomicU64::new(u64::from(initial.0)),
            failure: AtomicU32::new(0),
            token,
            waiters: Mutex::new(Waiters::default()),
        }
    }

    /// What it is known to be ready for, among `mask`, now; `None` if nothing.
    ///
    /// # Errors
    /// The runtime was shut down, or its event queue is broken.
    pub(crate) fn ready_now(&self, mask: Ready) -> io::Result<Option<ReadyEvent>> {
        self.look(mask).transpose()
    }

    /// As [`ready_now`](Self::ready_now), turned round: in most cases one test tells.
    #[inline]
    fn look(&self, mask: Ready) -> Option<io::Result<ReadyEvent>> {
        // ORDERING: Acquire, edge "readiness": pairs with the poller's AcqRel in `set`, `fail`, `shut_down`; publishes
        // `failure`, and what the poller's thread did before.
        let word = self.word.load(Ordering::Acquire);
        if word & (u64::from(mask.0) | SHUTDOWN | FAILED) == 0 {
            return None;
        }
        if word & (SHUTDOWN | FAILED) != 0 {
            return Some(Err(self.error(word)));
        }
        Some(Ok(ReadyEvent { tick: word & TICK_BITS, ready: Ready((word & READY_BITS) as u8).and(mask) }))
    }

    /// Waits for one direction. Only the last caller's waker per direction is kept.
    ///
    /// # Errors
    /// As [`ScheduledIo::ready_now`].
    #[inline]
    pub(crate) fn poll_ready(&self, cx: &mut Context<'_>, direction: Direction) -> Poll<io::Result<ReadyEvent>> {
        match self.look(direction.mask()) {
            Some(ready) => Poll::Ready(ready),
            None => self.wait(cx, direction),
        }
    }

    /// Leaves the task's waker. Out of line: operations that need not wait are the more frequent.
    #[inline(never)]
    fn wait(&self, cx: &mut Context<'_>, direction: Direction) -> Poll<io::Result<ReadyEvent>> {
        assert_none_held();
        let mut waker = Some(cx.waker().clone());
        let mut waiters = self.waiters.lock();
        let slot = match direction {
            Direction::Read => &mut waiters.reader,
            Direction::Write => &mut waiters.writer,
        };
        std::mem::swap(slot, &mut waker);
        // The second look, under the lock: an event whose wakers were taken before this one came is seen now.
        let ready = self.look(direction.mask());
        if ready.is_some() {
            std::mem::swap(slot, &mut waker);
        }
        drop(waiters);
        drop(waker);
        ready.map_or(Poll::Pending, Poll::Ready)
    }

    /// Waits for an interest. Any number of these may wait at once. Dropping it gives its place up.
    pub(crate) fn readiness(&self, interest: Interest) -> Readiness<'_> {
        Readiness { io: self, mask: Ready::for_interest(interest), key: None }
    }

    /// An operation begun after `event` was told to wait (`WouldBlock`): forgets that readiness, unless a newer event
    /// has come. The closed bits go too: what is closed would have answered otherwise.
    pub(crate) fn clear_readiness(&self, event: ReadyEvent) {
        self.clear(event, event.ready);
    }

    /// An operation begun after `event` moved less than it was offered, so the kernel's buffer is used up: forgets that
    /// readiness, unless a newer event has come. A close stays known, for it may still have to be told to the reader.
    ///
    /// Where out-of-band data was reported, nothing is forgotten: the kernel ends a read before an urgent byte, though
    /// there is more behind it. If that byte came after `event` and has not been reported yet, what is forgotten here is
    /// brought back by the report.
    pub(crate) fn clear_used_up(&self, event: ReadyEvent) {
        // Relaxed: PRIORITY rises only together with the tick, by which `clear` decides.
        if self.word.load(Ordering::Relaxed) & u64::from(Ready::PRIORITY.0) == 0 {
            self.clear(event, event.ready.and(Ready::READABLE | Ready::WRITABLE));
        }
    }

    fn clear(&self, event: ReadyEvent, gone: Ready) {
        // Relaxed: a first guess; the exchange below decides.
        let mut word = self.word.load(Ordering::Relaxed);
        while word & TICK_BITS == event.tick {
            let cleared = word & !u64::from(gone.0);
            // ORDERING: AcqRel, edge "readiness": a read-modify-write, so that the poller's event is either seen (its tick
            // differs, and nothing is cleared) or comes after. A plain store would wipe it out.
            match self.word.compare_exchange_weak(word, cleared, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => return,
                Err(newer) => word = newer,
            }
        }
    }

    /// An event has come: remembers it and collects the wakers of those who wait for it.
    pub(super) fn set(&self, ready: Ready, wakers: &mut Vec<Waker>) {
        self.update(|word| {
            let ticked = word & !TICK_BITS | (word & TICK_BITS).wrapping_add(ONE_TICK);
            ticked | u64::from(ready.0)
        });
        self.take_wakers(ready, wakers);
    }

    /// Nothing will come any more: whoever waits gets an error.
    pub(super) fn shut_down(&self, wakers: &mut Vec<Waker>) {
        self.update(|word| word | SHUTDOWN);
        self.take_wakers(Ready(READY_BITS as u8), wakers);
    }

    /// The event queue is broken: whoever waits gets this error.
    pub(super) fn fail(&self, errno: i32, wakers: &mut Vec<Waker>) {
        // Relaxed: published by the word, edge "readiness".
        self.failure.store(errno as u32, Ordering::Relaxed);
        self.update(|word| word | FAILED);
        self.take_wakers(Ready(READY_BITS as u8), wakers);
    }

    /// Forgets the wakers of the poll functions: the source is about to go.
    pub(crate) fn forget_wakers(&self) {
        let mut waiters = self.waiters.lock();
        let forgotten = (waiters.reader.take(), waiters.writer.take());
        drop(waiters);
        drop(forgotten);
    }

    fn update(&self, change: impl Fn(u64) -> u64) {
        // Relaxed: a first guess; the exchange below decides.
        let mut word = self.word.load(Ordering::Relaxed);
        // ORDERING: AcqRel, edge "readiness": publishes the event, and `failure`, to `ready_now`; acquires what a clearing
        // thread did. A read-modify-write, so that neither side wipes out the other's change.
        while let Err(newer) = self.word.compare_exchange_weak(word, change(word), Ordering::AcqRel, Ordering::Relaxed)
        {
            word = newer;
        }
    }

    /// Moves out the wakers of those who wait for any of `ready`. Under the lock no user code runs.
    fn take_wakers(&self, ready: Ready, wakers: &mut Vec<Waker>) {
        let mut waiters = self.waiters.lock();
        if !ready.and(Direction::Read.mask()).is_empty() {
            wakers.extend(waiters.reader.take());
        }
        if !ready.and(Direction::Write.mask()).is_empty() {
            wakers.extend(waiters.writer.take());
        }
        for (_, waiter) in &mut waiters.others {
            if !ready.and(waiter.mask).is_empty() {
                wakers.extend(waiter.waker.take());
            }
        }
    }

    #[cold]
    fn error(&self, word: u64) -> io::Error {
        if word & SHUTDOWN != 0 {
            return shut_down_error();
        }
        // Relaxed: the word, read with Acquire, published it.
        match self.failure.load(Ordering::Relaxed) as i32 {
            0 => io::Error::other("the runtime's event queue is broken"),
            errno => io::Error::from_raw_os_error(errno),
        }
    }
}

/// What I/O answers once its runtime is gone.
pub(super) fn shut_down_error() -> io::Error {
    io::Error::other(
        "the runtime was shut down: its sockets, pipes and children can no longer wait. Keep the Runtime alive for as \
         long as they are used",
    )
}

/// Waits until a source is ready for an interest.
#[derive(Debug)]
#[must_use = "futures do nothing unless polled"]
pub(crate) struct Readiness<'a> {
    io: &'a ScheduledIo,
    mask: Ready,
    /// Its place among the waiters, once it has waited.
    key: Option<usize>,
}

impl Future for Readiness<'_> {
    type Output = io::Result<ReadyEvent>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        if let Some(ready) = this.io.look(this.mask) {
            return Poll::Ready(ready);
        }
        assert_none_held();
        let mut waker = Some(cx.waker().clone());
        let mut waiters = this.io.waiters.lock();
        match this.key {
            Some(key) => std::mem::swap(&mut waiters.others[key].waker, &mut waker),
            None => this.key = Some(waiters.others.insert(Waiter { mask: this.mask, waker: waker.take() })),
        }
        // The second look, under the lock, as in `ScheduledIo::poll_ready`.
        let ready = this.io.look(this.mask);
        drop(waiters);
        drop(waker);
        ready.map_or(Poll::Pending, Poll::Ready)
    }
}

impl Drop for Readiness<'_> {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            let waiter = self.io.waiters.lock().others.remove(key);
            // Its waker's drop may end a task: the lock is free again by now.
            drop(waiter);
        }
    }
}
