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
//! Wakers are cloned by the caller before, and dropped and woken after, any lock is held.
//!
//! Models: `loom-tests/src/models/timers.rs`.

use std::task::Waker;

use super::wheel::{Inserted, Key, State, Wheel};
use crate::primitives::atomic::{AtomicU64, Ordering, fence};
use crate::primitives::clock::{Clock, NEVER, Nanos};
use crate::primitives::{CachePadded, Mutex};

/// `sleeping_until` of a poller that does not sleep: no timer is earlier.
const AWAKE: Nanos = 0;

/// All timers of one runtime.
#[derive(Debug)]
pub(crate) struct Timers {
    shards: Box<[CachePadded<Shard>]>,
    /// The time by which the poller has promised to wake.
    sleeping_until: CachePadded<AtomicU64>,
}

#[derive(Debug)]
struct Shard {
    synced: Mutex<Synced>,
    /// When the next timer is due, or earlier. Written under the lock.
    next: AtomicU64,
}

#[derive(Debug)]
struct Synced {
    wheel: Wheel<Waker>,
    closed: bool,
}

/// Names one armed timer. It must be given back by [`Timers::cancel`] unless [`Timers::poll`] said that it is over.
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
            CachePadded::new(Shard { synced, next: AtomicU64::new(NEVER) })
        };
        let shards = (0..shards.max(1)).map(|_| shard()).collect();
        Self { shards, sleeping_until: CachePadded::new(AtomicU64::new(AWAKE)) }
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

    /// Looks after an armed timer; while it is pending, `waker` is the one that will be woken.
    pub(crate) fn poll(&self, key: TimerKey, waker: &Waker) -> TimerState {
        let shard = self.shard(key);
        let mut synced = shard.synced.lock();
        match synced.wheel.state(key.in_wheel()) {
            State::Pending(armed) if armed.will_wake(waker) => return TimerState::Pending,
            State::Pending(_) => {}
            State::Fired | State::Ended | State::Gone => return synced.over(key),
        }
        drop(synced);
        crate::primitives::assert_none_held();
        let mut waker = waker.clone();
        let mut synced = shard.synced.lock();
        let state = match synced.wheel.state(key.in_wheel()) {
            State::Pending(armed) => {
                std::mem::swap(armed, &mut waker);
                TimerState::Pending
            }
            State::Fired | State::Ended | State::Gone => synced.over(key),
        };
        drop(synced);
        // The displaced waker, or the new one if it fired meanwhile, goes after the lock.
        drop(waker);
        state
    }

    /// Moves a pending timer to another deadline, its waker staying. False: it is over, and so is its key.
    pub(super) fn reset(&self, key: TimerKey, deadline: Nanos) -> (bool, Duty) {
        let shard = self.shard(key);
        let mut synced = shard.synced.lock();
        let Some(due) = synced.wheel.reset(key.in_wheel(), deadline) else {
            let none = synced.wheel.remove(key.in_wheel());
            debug_assert!(none.is_none(), "a timer that is over has no waker left");
            return (false, Duty::Nothing);
        };
        let earlier = shard.lower_next(due);
        drop(synced);
        (true, if earlier { self.announce(due) } else { Duty::Nothing })
    }

    /// Gives a timer up, pending or fired.
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
        let now = clock.now();
        for shard in &self.shards {
            // Relaxed: a timer armed at this moment may be missed; the next poll finds it.
            if shard.next.load(Ordering::Relaxed) <= now {
                let mut synced = shard.synced.lock();
                synced.wheel.advance(now, |waker| wakers.push(waker));
                // Relaxed: under the lock, so in order with every other write; the agreement's fences publish it.
                shard.next.store(synced.wheel.next(), Ordering::Relaxed);
            }
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
        let until = self.earliest().min(limit);
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

    /// How many timers are held, those that fired and were not looked at since included.
    #[allow(dead_code, reason = "tests and models count by it, metrics will")]
    pub(crate) fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.synced.lock().wheel.len()).sum()
    }

    /// The earliest deadline that any shard shows.
    fn earliest(&self) -> Nanos {
        // Relaxed: in the agreement the fence stands before this; elsewhere a moment's delay is allowed.
        self.shards.iter().map(|shard| shard.next.load(Ordering::Relaxed)).min().unwrap_or(NEVER)
    }

    /// After an earlier deadline was shown: finds out whether a poller must be woken for it.
    fn announce(&self, due: Nanos) -> Duty {
        // ORDERING: SeqCst fence, edge "arm/sleep": after the deadline was shown, before the look at the poller's promise.
        // Without it this armer could see AWAKE while the poller saw the old deadline.
        fence(Ordering::SeqCst);
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
    /// Removes an entry that no longer waits, and says why.
    fn over(&mut self, key: TimerKey) -> TimerState {
        let ended = matches!(self.wheel.state(key.in_wheel()), State::Ended);
        let none = self.wheel.remove(key.in_wheel());
        debug_assert!(none.is_none(), "a timer that is over has no waker left");
        if ended { TimerState::ShutDown } else { TimerState::Fired }
    }
}

impl TimerKey {
    fn in_wheel(self) -> Key {
        Key { index: self.index, generation: self.generation }
    }
}
