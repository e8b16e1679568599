//! The runtime's timers: one wheel per worker behind its own lock, and the agreement with a poller that sleeps.
//!
//! Arming and cancelling lock the worker's own shard only. Each shard shows when its next timer is due in an atomic beside
//! the lock, written under the lock: lowered when an armed timer is earlier, found anew when timers fire. Cancelling
//! leaves it, at worst too early: one wake-up for nothing.
//!
//! # The agreement with the sleeping poller
//!
//! A poller must not sleep past a timer that is armed while it falls asleep or sleeps. `sleeping_until` is what it has
//! promised: [`AWAKE`] while it does not sleep, [`NEVER`] while it makes up its mind, then the time it will wake by itself.
//!
//! ```text
//!   armer                                       poller (holds the reactor's token)
//!   ─────                                       ──────
//!   shard.next = due        (if earlier)        sleeping_until = NEVER
//!   fence(SeqCst)  ───────── "arm/sleep" ─────  fence(SeqCst)
//!   look at sleeping_until                      look at every shard.next
//!   later than due? → lower it, wake            sleeping_until = the earliest of them; sleep until then
//!                                               …
//!                                               sleeping_until = AWAKE
//! ```
//!
//! Proof. The two fences are ordered. *The armer's first*: the poller sees `due` and sleeps no longer than that. *The
//! poller's first*: the armer sees `NEVER` or something later. If `NEVER`, it wakes. If the promised time, it wakes exactly
//! when that is later than `due`. If a time another armer put there, it is earlier than what stood before, and that armer
//! wakes the poller; then the next round looks at everything again. If `AWAKE`, the poller slept and woke: were the fence of its
//! next round before the armer's, the armer would have to see that round's `NEVER`; so the armer's is before it, and the
//! next round sees `due`. A wake is kept by the poller if it comes before the sleep (an eventfd stays readable).
//! Successive pollers are ordered by the token's lock.
//!
//! # Looking after a timer that has fired
//!
//! What fires leaves the wheel at once, and its shard shows up to when that has happened (`passed`). So the task that was
//! woken learns from one load that its timer is over, and touches neither the lock nor the wheel. A timer is over if and
//! only if its deadline has been passed; one that is gone before was ended by the shutdown.
//!
//! # Many at once
//!
//! Each wake-up of a sleeping poller costs system calls, so after a crowd of timers it takes a rest in proportion
//! ([`rest_after`]): what becomes due meanwhile fires in one go at its end. Few timers cause no rest, and the longest is a
//! quarter of a millisecond. A rest delays only sleeping: whoever polls without, or is woken for another cause, fires all
//! that is due. In the agreement, "due" is then the end of the rest, for the armer and for the poller. Both may know
//! different rests: the armer's is older, then it wakes for nothing; or it is newer, then the promise it looks at is older,
//! and will be made anew.
//!
//! Wakers are cloned by the caller before, and dropped and woken after, any lock is held.
//!
//! Models: `loom-tests/src/models/timers.rs`.

use std::task::Waker;

use super::wheel::{Inserted, Key, Reset, Wheel};
use crate::primitives::atomic::{AtomicU64, Ordering, fence};
use crate::primitives::clock::{Clock, NEVER, Nanos};
use crate::primitives::{CachePadded, Mutex};

/// `sleeping_until` of a poller that does not sleep: no timer is earlier.
const AWAKE: Nanos = 0;

/// So many timers may fire at once without a rest.
const FEW: usize = 8;
/// The rest for each of the others, about what a wake-up costs each of two threads, and the longest.
const REST_EACH: Nanos = 4_000;
const LONGEST_REST: Nanos = 250_000;

/// All timers of one runtime.
#[derive(Debug)]
pub(crate) struct Timers {
    shards: Box<[CachePadded<Shard>]>,
    /// The time by which the poller has promised to wake.
    sleeping_until: CachePadded<AtomicU64>,
    /// No timer ends a poller's sleep before this. Written by the holder of the reactor's token.
    rest_until: CachePadded<AtomicU64>,
}

#[derive(Debug)]
struct Shard {
    synced: Mutex<Synced>,
    /// When the next timer is due, or earlier. Written under the lock.
    next: AtomicU64,
    /// All timers up to this deadline have fired. Written under the lock, never goes back.
    passed: AtomicU64,
}

#[derive(Debug)]
struct Synced {
    wheel: Wheel<Waker>,
    closed: bool,
}

/// Names one armed timer. A timer that is given up before it is over must be cancelled, or it wakes for nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TimerKey {
    index: u32,
    generation: u32,
    shard: u32,
}

/// The outcome of arming.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "a key that is lost leaves its timer armed"]
pub(crate) enum Armed {
    Pending(TimerKey),
    /// The deadline has already passed: nothing was armed.
    Due,
    /// The runtime was shut down: nothing was armed, nothing will fire.
    ShutDown,
}

/// What has become of an armed timer.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum TimerState {
    Pending,
    /// It fired. The key is over.
    Fired,
    /// The runtime was shut down before it fired. The key is over.
    ShutDown,
}

/// Whether a poller sleeps that must hear of an earlier deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "the poller would sleep past the timer"]
pub(super) enum Duty {
    Nothing,
    WakePoller,
}

impl Timers {
    pub(super) fn new(shards: usize) -> Self {
        let shard = || {
            let synced = Mutex::new(Synced { wheel: Wheel::new(), closed: false });
            CachePadded::new(Shard { synced, next: AtomicU64::new(NEVER), passed: AtomicU64::new(0) })
        };
        let shards = (0..shards.max(1)).map(|_| shard()).collect();
        let time = |at| CachePadded::new(AtomicU64::new(at));
        Self { shards, sleeping_until: time(AWAKE), rest_until: time(0) }
    }

    /// Arms a timer in a shard (any number will do; the worker's own index is best).
    pub(super) fn arm(&self, shard: usize, deadline: Nanos, waker: Waker) -> (Armed, Duty) {
        let number = if shard < self.shards.len() { shard } else { shard % self.shards.len() };
        let shard = &self.shards[number];
        let mut synced = shard.synced.lock();
        if synced.closed {
            drop(synced);
            drop(waker);
            return (Armed::ShutDown, Duty::Nothing);
        }
        match synced.wheel.insert(deadline, waker) {
            Inserted::Due(waker) => {
                drop(synced);
                drop(waker);
                (Armed::Due, Duty::Nothing)
            }
            Inserted::Pending { key: Key { index, generation }, due } => {
                let earlier = shard.lower_next(due);
                drop(synced);
                let duty = if earlier { self.announce(due) } else { Duty::Nothing };
                (Armed::Pending(TimerKey { index, generation, shard: number as u32 }), duty)
            }
        }
    }

    /// Looks after a timer that was armed for `deadline`; while it is pending, `waker` is the one that will be woken.
    pub(crate) fn poll(&self, key: TimerKey, deadline: Nanos, waker: &Waker) -> TimerState {
        if self.has_passed(key, deadline) {
            return TimerState::Fired;
        }
        let shard = self.shard(key);
        let mut synced = shard.synced.lock();
        match synced.wheel.get(key.in_wheel()) {
            Some(armed) if armed.will_wake(waker) => return TimerState::Pending,
            Some(_) => {}
            None => return synced.over(deadline),
        }
        drop(synced);
        crate::primitives::assert_none_held();
        let mut waker = waker.clone();
        let mut synced = shard.synced.lock();
        let state = match synced.wheel.get(key.in_wheel()) {
            Some(armed) => {
                std::mem::swap(armed, &mut waker);
                TimerState::Pending
            }
            None => synced.over(deadline),
        };
        drop(synced);
        // The displaced waker, or the new one if it fired meanwhile, goes after the lock.
        drop(waker);
        state
    }

    /// Whether a timer that was armed for `deadline` is known to have fired, without a lock. If so its key is over.
    fn has_passed(&self, key: TimerKey, deadline: Nanos) -> bool {
        // Relaxed: who is told nothing yet takes the lock; who is told so needs nothing from the wheel.
        deadline <= self.shard(key).passed.load(Ordering::Relaxed)
    }

    /// Moves a pending timer to another deadline, its waker staying. Not pending any more: the key is over.
    pub(super) fn reset(&self, key: TimerKey, deadline: Nanos) -> (Reset<Waker>, Duty) {
        let shard = self.shard(key);
        let mut synced = shard.synced.lock();
        let reset = synced.wheel.reset(key.in_wheel(), deadline);
        let earlier = if let Reset::Pending(due) = reset { shard.lower_next(due).then_some(due) } else { None };
        drop(synced);
        (reset, earlier.map_or(Duty::Nothing, |due| self.announce(due)))
    }

    /// Gives a timer up; one that is over already, for nothing.
    pub(crate) fn cancel(&self, key: TimerKey) {
        let waker = self.shard(key).synced.lock().wheel.remove(key.in_wheel());
        // A waker's drop may end a task: the lock is free again by now.
        drop(waker);
    }

    /// Collects the wakers of all timers that are due. Asks the clock only if anything is armed at all.
    pub(super) fn fire(&self, clock: &Clock, wakers: &mut Vec<Waker>) {
        if self.earliest() == NEVER {
            return;
        }
        let (now, before) = (clock.now(), wakers.len());
        for shard in &self.shards {
            // Relaxed: a timer armed at this moment may be missed; the next poll finds it.
            if shard.next.load(Ordering::Relaxed) <= now {
                let mut synced = shard.synced.lock();
                synced.wheel.advance(now, |waker| wakers.push(waker));
                // Relaxed, both: under the lock, so in order with every other write; the agreement's fences publish `next`, and
                // `passed` says nothing that a look under the lock would not say.
                shard.next.store(synced.wheel.next(), Ordering::Relaxed);
                shard.passed.store(synced.wheel.passed(), Ordering::Relaxed);
            }
        }
        let rest = rest_after(wakers.len() - before);
        if rest > 0 {
            // Relaxed: see "Many at once" above.
            self.rest_until.store(now + rest, Ordering::Relaxed);
        }
    }

    /// The poller is about to sleep until `limit` at the latest: until when it may. To be followed by
    /// [`Timers::wake_up`].
    pub(super) fn fall_asleep(&self, limit: Nanos) -> Nanos {
        // Relaxed: ordered by the fence below.
        self.sleeping_until.store(NEVER, Ordering::Relaxed);
        // ORDERING: SeqCst fence, edge "arm/sleep": after the announcement, before the look at the deadlines. Without it an
        // armer could see AWAKE and this poller the old deadline: it would sleep past the timer.
        fence(Ordering::SeqCst);
        let until = self.rested(self.earliest()).min(limit);
        // Relaxed: only narrows the announcement made before the fence.
        self.sleeping_until.store(until, Ordering::Relaxed);
        until
    }

    /// The poller sleeps no more.
    pub(super) fn wake_up(&self) {
        // Relaxed: an armer that still sees the old time wakes a poller for nothing.
        self.sleeping_until.store(AWAKE, Ordering::Relaxed);
    }

    /// Ends all timers, present and future: collects the wakers of all.
    pub(super) fn shut_down(&self, wakers: &mut Vec<Waker>) {
        for shard in &self.shards {
            let mut synced = shard.synced.lock();
            synced.closed = true;
            synced.wheel.end_all(|waker| wakers.push(waker));
            // Relaxed: under the lock.
            shard.next.store(NEVER, Ordering::Relaxed);
        }
    }

    /// How many timers wait.
    #[allow(dead_code, reason = "tests and models count by it, metrics will")]
    pub(crate) fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.synced.lock().wheel.len()).sum()
    }

    /// Whether a poller sleeps, or has announced that it will.
    #[cfg(test)]
    pub(super) fn has_sleeper(&self) -> bool {
        // Relaxed: only tells tests when to begin.
        self.sleeping_until.load(Ordering::Relaxed) != AWAKE
    }

    /// The earliest deadline that any shard shows.
    fn earliest(&self) -> Nanos {
        // Relaxed: in the agreement the fence stands before this; elsewhere a moment's delay is allowed.
        self.shards.iter().map(|shard| shard.next.load(Ordering::Relaxed)).min().unwrap_or(NEVER)
    }

    /// When a sleeping poller will see to what is due at `due`.
    fn rested(&self, due: Nanos) -> Nanos {
        // Relaxed: see "Many at once" above.
        if due == NEVER { NEVER } else { due.max(self.rest_until.load(Ordering::Relaxed)) }
    }

    /// After an earlier deadline was shown: finds out whether a poller must be woken for it.
    fn announce(&self, due: Nanos) -> Duty {
        // ORDERING: SeqCst fence, edge "arm/sleep": after the deadline was shown, before the look at the poller's promise.
        // Without it this armer could see AWAKE while the poller saw the old deadline.
        fence(Ordering::SeqCst);
        let due = self.rested(due);
        // Relaxed: ordered by the fence. The read-modify-write only keeps others from waking the same poller twice.
        let promised = &self.sleeping_until;
        if promised.load(Ordering::Relaxed) > due && promised.fetch_min(due, Ordering::Relaxed) > due {
            return Duty::WakePoller;
        }
        Duty::Nothing
    }

    fn shard(&self, key: TimerKey) -> &Shard {
        &self.shards[key.shard as usize]
    }
}

impl Shard {
    /// Under the lock: shows `due` if it is earlier than what is shown. True if it was.
    fn lower_next(&self, due: Nanos) -> bool {
        // Relaxed: written under the lock only; the fence in `announce` publishes it.
        let earlier = due < self.next.load(Ordering::Relaxed);
        if earlier {
            self.next.store(due, Ordering::Relaxed);
        }
        earlier
    }
}

impl Synced {
    /// Why a timer is no longer in the wheel.
    fn over(&self, deadline: Nanos) -> TimerState {
        if deadline <= self.wheel.passed() {
            return TimerState::Fired;
        }
        debug_assert!(self.closed, "a timer has left the wheel before its time");
        TimerState::ShutDown
    }
}

impl TimerKey {
    fn in_wheel(self) -> Key {
        Key { index: self.index, generation: self.generation }
    }
}

/// How long the poller's next sleep lasts at least, when so many timers have fired at once.
fn rest_after(fired: usize) -> Nanos {
    // A crowd beyond 32 bits rests no longer.
    let crowd = u32::try_from(fired.saturating_sub(FEW)).unwrap_or(u32::MAX);
    (Nanos::from(crowd) * REST_EACH).min(LONGEST_REST)
}
