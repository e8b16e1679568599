//! Who is idle: the idle permits, the searching workers, the sleeper in the poll, and the stack of sleeping threads.
//!
//! It knows counters and indices only, no thread and no task, so that it can be modelled alone. Two words:
//!
//! ```text
//! counts   unused:16 | poller + 1:16 | permits:16 | searching:16
//! stack    version:48 | top + 1:16          and next[i]: the thread below i, + 1
//! ```
//!
//! * A **permit** counted here is idle: whoever takes it out may run tasks.
//! * **searching** threads hold a permit and look for work. While there is one, nobody else is woken for new work.
//! * The **poller** is the one idle thread that sleeps in the reactor's poll; the others sleep on the stack.
//!
//! Invariants:
//! 1. A thread lies on the stack before its permit is counted, so for every idle permit but the poller's there is a
//!    sleeping thread, unless permits came from threads that block ([`Idle::release_permit`]); then [`Claim::NoThread`].
//! 2. While there is a poller, one idle permit is reserved for it: it is the one to be claimed when a single permit is left.
//!    So an event always finds its poller able to run what it woke.
//! 3. `permits + (permits in hands) = worker_threads`, always.
//! 4. Where whoever drives brings the only thread, the one permit is idle while nobody drives, at every moment: see
//!    [`Idle::claim_poller`]. So a driver always finds it, always sleeps in the poll, and nobody lies on the stack.
//!
//! The version makes the stack safe against A-B-A: it would take 2⁴⁸ changes between a load and its exchange.
//! Models: `loom-tests/src/models/idle.rs`. Sleep and wake as a whole: `sleep.md`.

use crate::primitives::CachePadded;
use crate::primitives::atomic::{AtomicU32, AtomicU64, Ordering, fence};

/// The largest number of threads and of permits: both are 16-bit fields, and zero means none.
pub(crate) const MOST_THREADS: usize = u16::MAX as usize - 1;

const ONE_SEARCHING: u64 = 1;
const ONE_PERMIT: u64 = 1 << 16;
const POLLER_SHIFT: u32 = 32;
const FIELD: u64 = 0xFFFF;
const ONE_VERSION: u64 = 1 << 16;

#[derive(Debug)]
pub(crate) struct Idle {
    counts: CachePadded<AtomicU64>,
    stack: CachePadded<AtomicU64>,
    next: Box<[AtomicU32]>,
}

/// Who is to be woken by the caller, who now owes it a wake-up: it comes with a permit, as a searcher.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Claim {
    /// Nobody: a searcher is already looking, or no permit is idle.
    Nobody,
    /// This thread, which sleeps on the stack: unpark it.
    Sleeper(usize),
    /// The poller: interrupt the poll.
    Poller,
    /// A permit is idle but every thread is busy or stuck: one more thread is needed.
    NoThread,
}

/// Where a thread that went idle is to sleep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub(crate) enum Bed {
    /// In the reactor's poll.
    Poll,
    /// On its own parker.
    Stack,
}

#[derive(Debug, Clone, Copy)]
struct Counts(u64);

impl Counts {
    fn searching(self) -> u64 {
        self.0 & FIELD
    }

    fn permits(self) -> u64 {
        self.0 >> 16 & FIELD
    }

    fn poller(self) -> Option<usize> {
        ((self.0 >> POLLER_SHIFT & FIELD) as usize).checked_sub(1)
    }

    fn without_poller(self) -> Self {
        Self(self.0 & !(FIELD << POLLER_SHIFT))
    }

    fn with_poller(self, index: usize) -> Self {
        Self(self.without_poller().0 | (index as u64 + 1) << POLLER_SHIFT)
    }
}

impl Idle {
    /// All `permits` idle, no thread asleep yet; room for threads `0..threads`.
    pub(crate) fn new(permits: usize, threads: usize) -> Self {
        assert!(permits <= MOST_THREADS && threads <= MOST_THREADS);
        Self {
            counts: CachePadded::new(AtomicU64::new(permits as u64 * ONE_PERMIT)),
            stack: CachePadded::new(AtomicU64::new(0)),
            next: (0..threads).map(|_| AtomicU32::new(0)).collect(),
        }
    }

    /// Claims one idle thread for new work, if nobody is searching.
    ///
    /// The caller must have published the work and fenced before (edge "work-published", `sleep.md`).
    pub(crate) fn claim(&self) -> Claim {
        loop {
            if let Some(claim) = self.try_claim() {
                return claim;
            }
        }
    }

    /// None: try again.
    fn try_claim(&self) -> Option<Claim> {
        // Relaxed: the caller's fence orders this load after its push.
        let mut seen = Counts(self.counts.load(Ordering::Relaxed));
        let poller = loop {
            if seen.searching() > 0 || seen.permits() == 0 {
                return Some(Claim::Nobody);
            }
            let poller = seen.poller().filter(|_| seen.permits() == 1);
            let rest = if poller.is_some() { seen.without_poller() } else { seen };
            match self.exchange(seen, Counts(rest.0 - ONE_PERMIT + ONE_SEARCHING)) {
                Ok(()) => break poller,
                Err(now) => seen = now,
            }
        };
        if poller.is_some() {
            return Some(Claim::Poller);
        }
        match self.pop() {
            Some(sleeper) => Some(Claim::Sleeper(sleeper)),
            None => self.claim_without_sleeper(),
        }
    }

    /// A permit was claimed, but the stack is empty: the poller gets it, or it goes back. None: somebody lay down meanwhile.
    fn claim_without_sleeper(&self) -> Option<Claim> {
        let mut seen = Counts(self.counts.load(Ordering::Relaxed));
        loop {
            let poller = seen.poller();
            let after = match poller {
                Some(_) => seen.without_poller(),
                None => Counts(seen.0 + ONE_PERMIT - ONE_SEARCHING),
            };
            match self.exchange(seen, after) {
                Ok(()) if poller.is_some() => return Some(Claim::Poller),
                Ok(()) => break,
                Err(now) => seen = now,
            }
        }
        // ORDERING: SeqCst fence, edge "search-ended": no longer a searcher, fence, look for sleepers. A thread that lay down on
        // the stack meanwhile saw this claim as a searcher, and left the work it found to it; so did pushers. Its push onto
        // the stack came before its own fence, and that before this one: it is seen here. One that lies down later looks
        // for work after this fence.
        fence(Ordering::SeqCst);
        self.no_spare().then_some(Claim::NoThread)
    }

    /// Claims the poller or nobody: for where whoever drives brings the only thread. The caller has published and fenced, as for
    /// [`Idle::claim`], which would take the permit first and look for a thread then. While nobody drives there is none: a
    /// driver that came at that moment would find no permit.
    pub(crate) fn claim_poller(&self) -> Claim {
        // Relaxed: the caller's fence orders this load after its push.
        let mut seen = Counts(self.counts.load(Ordering::Relaxed));
        while seen.poller().is_some() {
            match self.exchange(seen, Counts(seen.without_poller().0 - ONE_PERMIT + ONE_SEARCHING)) {
                Ok(()) => return Claim::Poller,
                Err(now) => seen = now,
            }
        }
        Claim::Nobody
    }

    /// Gives thread `me`'s permit back and makes it a sleeper. The caller then fences and looks for work once more
    /// (edge "work-published", `sleep.md`); what it finds it claims for, never takes: somebody may hold a claim on it.
    pub(crate) fn sleep(&self, me: usize, searching: bool) -> Bed {
        self.lie_down(me, ONE_PERMIT.wrapping_sub(if searching { ONE_SEARCHING } else { 0 }))
    }

    /// Makes `me` a sleeper that had no permit to give: a new thread, or one that comes back from blocking too late.
    pub(crate) fn sleep_as_spare(&self, me: usize, searching: bool) -> Bed {
        self.lie_down(me, 0u64.wrapping_sub(if searching { ONE_SEARCHING } else { 0 }))
    }

    fn lie_down(&self, me: usize, delta: u64) -> Bed {
        let mut seen = Counts(self.counts.load(Ordering::Relaxed));
        let mut lies_on_stack = false;
        loop {
            let after = Counts(seen.0.wrapping_add(delta));
            // Once it lies on the stack it may have been claimed there: too late to become the poller.
            let bed = match seen.poller() {
                None if !lies_on_stack && after.permits() > 0 => Bed::Poll,
                _ => Bed::Stack,
            };
            if bed == Bed::Stack && !lies_on_stack {
                self.push(me);
                lies_on_stack = true;
            }
            let after = if bed == Bed::Poll { after.with_poller(me) } else { after };
            match self.exchange(seen, after) {
                Ok(()) => return bed,
                Err(now) => seen = now,
            }
        }
    }

    /// The poller `me` leaves the poll on its own account and takes its permit. False if it had been claimed: then it
    /// has a permit too, and is a searcher.
    pub(crate) fn leave_poll(&self, me: usize) -> bool {
        let mut seen = Counts(self.counts.load(Ordering::Relaxed));
        loop {
            if seen.poller() != Some(me) {
                return false;
            }
            match self.exchange(seen, Counts(seen.without_poller().0 - ONE_PERMIT)) {
                Ok(()) => return true,
                Err(now) => seen = now,
            }
        }
    }

    /// Whether `me` is the poller, so nobody has claimed it.
    pub(crate) fn is_poller(&self, me: usize) -> bool {
        // Relaxed: a claim that comes later interrupts the poll, and one that came earlier and whose interrupt another
        // holder of the token swallowed is seen, because the token passed through a lock.
        Counts(self.counts.load(Ordering::Relaxed)).poller() == Some(me)
    }

    /// Becomes a searcher, unless half of `in_all` permits already search, or all others are idle: then nobody runs tasks from whom
    /// there is something to take (in the injector the caller has looked). What a thread without a permit has left in its queue is
    /// found all the same, by the look that follows the announcement of sleep.
    pub(crate) fn start_search(&self, in_all: usize) -> bool {
        // Relaxed: a bound on contention, no more. Coming to search publishes nothing.
        let seen = Counts(self.counts.load(Ordering::Relaxed));
        if 2 * seen.searching() >= in_all as u64 || seen.permits() + 1 >= in_all as u64 {
            return false;
        }
        self.counts.fetch_add(ONE_SEARCHING, Ordering::Relaxed);
        true
    }

    /// A searcher found work. True if it was the last: then it wakes the next, since pushes meanwhile woke nobody.
    #[must_use]
    pub(crate) fn end_search(&self) -> bool {
        // Relaxed: the caller's fence orders this before its look (edge "search-ended"); a pusher that still sees this searcher
        // leaves its work to it.
        Counts(self.counts.fetch_sub(ONE_SEARCHING, Ordering::Relaxed)).searching() == 1
    }

    /// A permit without its thread, which is about to block.
    pub(crate) fn release_permit(&self) {
        // ORDERING: Release, edge "counts": what this thread did under the permit comes before the next one's turn.
        self.counts.fetch_add(ONE_PERMIT, Ordering::Release);
    }

    /// Takes an idle permit for a thread that is awake. Never the one that is reserved for the poller.
    pub(crate) fn take_permit(&self) -> bool {
        let mut seen = Counts(self.counts.load(Ordering::Relaxed));
        loop {
            if seen.permits() <= u64::from(seen.poller().is_some()) {
                return false;
            }
            match self.exchange(seen, Counts(seen.0 - ONE_PERMIT)) {
                Ok(()) => return true,
                Err(now) => seen = now,
            }
        }
    }

    /// Takes a sleeping thread off the stack without a permit, to let it end.
    pub(crate) fn pop(&self) -> Option<usize> {
        // ORDERING: Acquire, edge "sleeper-below": pairs with the Release in `push`; without it `next` could be stale.
        // (The models tell the Release from Relaxed, and not this: it is here because the memory model asks for both.)
        let mut seen = self.stack.load(Ordering::Acquire);
        loop {
            let top = ((seen & FIELD) as usize).checked_sub(1)?;
            // Relaxed: written before the push that the Acquire above has seen; if it is overwritten since, the version
            // has moved and the exchange fails.
            let below = u64::from(self.next[top].load(Ordering::Relaxed));
            let after = (seen & !FIELD).wrapping_add(ONE_VERSION) | below;
            // ORDERING: Acquire, edge "sleeper-below", on both outcomes, as above.
            match self.stack.compare_exchange_weak(seen, after, Ordering::Acquire, Ordering::Acquire) {
                Ok(_) => return Some(top),
                Err(now) => seen = now,
            }
        }
    }

    fn push(&self, me: usize) {
        let mut seen = self.stack.load(Ordering::Relaxed);
        loop {
            // Relaxed: published by the exchange.
            self.next[me].store((seen & FIELD) as u32, Ordering::Relaxed);
            let after = (seen & !FIELD).wrapping_add(ONE_VERSION) | (me as u64 + 1);
            // ORDERING: Release, edge "sleeper-below": publishes `next[me]` to whoever pops.
            match self.stack.compare_exchange_weak(seen, after, Ordering::Release, Ordering::Relaxed) {
                Ok(_) => return,
                Err(now) => seen = now,
            }
        }
    }

    /// Whether no thread sleeps on the stack: the hot spare is gone.
    pub(crate) fn no_spare(&self) -> bool {
        // Relaxed: advice for the supply of threads.
        self.stack.load(Ordering::Relaxed) & FIELD == 0
    }

    /// The number of idle permits, and whether an idle thread sleeps in the poll.
    pub(crate) fn look(&self) -> (usize, bool) {
        // Relaxed: advice, or ordered by the caller's fence (edge "watch-asleep").
        let seen = Counts(self.counts.load(Ordering::Relaxed));
        (seen.permits() as usize, seen.poller().is_some())
    }

    fn exchange(&self, seen: Counts, after: Counts) -> Result<(), Counts> {
        // ORDERING: AcqRel, edge "counts": a thread that goes to sleep releases what it did under its permit, and whoever
        // takes that permit acquires it. Sleep and wake themselves rest on the callers' fences, not on this.
        match self.counts.compare_exchange_weak(seen.0, after.0, Ordering::AcqRel, Ordering::Relaxed) {
            Ok(_) => Ok(()),
            Err(now) => Err(Counts(now)),
        }
    }
}
