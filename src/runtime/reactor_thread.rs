//! The reactor thread: guarantees that the reactor is polled and the workers are watched, whatever the workers do.
//!
//! It ticks each millisecond (`Builder::watch_tick`) while any worker is busy. A tick looks at the workers (the watch), sees to it that
//! somebody polls the reactor, starts a thread where one is wanted, and lets the blocking pool try again for a thread
//! it was refused. When everything has been idle for some ticks it sleeps without a timeout: an idle process makes no
//! wake-ups. The first worker that gets something to do rouses it; the ticks in between keep a steady light load from
//! paying that each time.
//!
//! A `current_thread` runtime has one only if it is asked for reports: there it watches, and whoever drives sees to the rest.

use std::sync::Weak;
use std::task::Waker;
use std::time::Duration;

use super::Inner;
use crate::primitives::clock::{MILLISECOND, NEVER, Nanos};
use crate::primitives::parker::Parker;
use crate::primitives::thread::be_punctual;
use crate::reactor::{Reactor, Wait};
use crate::scheduler::{Reserve, Supply, Watch, wake_each};

/// How many idle ticks pass before the deep sleep.
const QUIET_TICKS: u32 = 16;

/// The first tick after it comes sooner by so much: whoever roused this thread is about to begin a poll, and if that blocks, the time until
/// it is first seen counts for nothing.
const FIRST_PART: Nanos = 4;

/// How long a worker that a tick finds away from the poll, while another is idle, may still come back before that one is woken to
/// take its place there; and of a tick at most such a part, or in a burst every other tick would be this.
const MOMENT: Nanos = MILLISECOND / 10;
const MOMENT_PART: Nanos = 4;

struct Ticker {
    inner: std::sync::Arc<Inner>,
    watch: Watch,
    supply: Supply,
    /// The reactor's turns at the last tick.
    turns: u64,
    wakers: Vec<Waker>,
}

/// The thread's body: until the scheduler closes.
pub(super) fn run(runtime: &Weak<Inner>, reserve: Reserve) {
    let Some(inner) = runtime.upgrade() else { return };
    let (watch, supply) = (Watch::new(inner.scheduler.clone(), reserve), Supply::new(inner.scheduler.clone()));
    let mut ticker = Ticker { inner, watch, supply, turns: 0, wakers: Vec::new() };
    let parker = Parker::new();
    be_punctual();
    ticker.inner.scheduler.watch_answers(parker.unparker());
    let clock = *ticker.inner.reactor.clock();
    let tick = ticker.inner.scheduler.config.watch.tick;
    let mut quiet = 0;
    let mut next = clock.now() + tick;
    while !ticker.inner.scheduler.lifecycle.is_closing() {
        if quiet >= QUIET_TICKS && !ticker.wants_pool_thread() {
            ticker.sleep_deeply(&parker);
            quiet = 0;
            next = clock.now() + tick / FIRST_PART;
        }
        let now = clock.now();
        if now < next {
            ticker.watch.rest(now);
            parker.park_timeout(Duration::from_nanos(next - now));
            if ticker.inner.scheduler.lifecycle.is_closing() {
                // The end has rung: no tick, it would start a spare yet.
                return;
            }
        }
        let now = clock.now();
        quiet = if ticker.inner.scheduler.all_idle() { quiet + 1 } else { 0 };
        // Absolute deadlines; of ticks that were missed one is made up for, at once: in a burst the work of one may last longer than
        // the time to the next, and threads are wanted.
        next = (next + ticker.tick(now, &parker)).max(now);
    }
}

impl Ticker {
    /// Sleeps until a worker has something to do, the next word is due about one that is stuck, or a
    /// surplus thread is to go.
    fn sleep_deeply(&mut self, parker: &Parker) {
        self.watch.expect_nothing();
        let now = self.inner.reactor.clock().now();
        let due = self.watch.next_notice().min(self.supply.next());
        let limit = (due != NEVER).then(|| Duration::from_nanos(due.saturating_sub(now)));
        self.inner.scheduler.watch_sleeps(parker, limit);
        self.watch.wake(self.inner.reactor.clock().now());
    }

    /// Does what is due at `now`; how long until the next tick.
    fn tick(&mut self, now: Nanos, parker: &Parker) -> Nanos {
        let length = self.watch.tick(now);
        if self.inner.driver.is_none() {
            self.supply.tick(now);
            self.see_to_the_reactor(length, parker);
        }
        if self.wants_pool_thread() {
            self.inner.pool.retry();
        }
        length
    }

    /// Whether the blocking pool's thread is to be asked for here. Whoever drives a `current_thread` runtime does it there: to name the
    /// thread is the user's code, and the end of such a runtime waits for this thread.
    fn wants_pool_thread(&self) -> bool {
        self.inner.driver.is_none() && self.inner.pool.wants_thread()
    }

    /// Idle workers are to learn what waits, and somebody is to poll.
    fn see_to_the_reactor(&mut self, tick: Nanos, parker: &Parker) {
        let (idle_permits, somebody_polls) = self.inner.scheduler.idle.look();
        if idle_permits > 0 {
            self.see_to_the_queues();
        }
        if !somebody_polls {
            self.see_to_the_poll(idle_permits > 0, MOMENT.min(tick / MOMENT_PART), parker);
        }
        self.turns = self.inner.reactor.turns();
    }

    /// A push that wakes nobody relies on the pusher, which is about to look at its queue itself. Where it always has something else
    /// to do first, an idle worker learns of the rest here.
    fn see_to_the_queues(&self) {
        if self.inner.scheduler.has_work() {
            self.inner.scheduler.notify();
        }
    }

    /// No idle worker sleeps in the poll. If there is one it is woken to; and this thread polls, for that one is yet to come, or all
    /// are busy: then an event waits for a tick at most, however long ago the workers looked.
    ///
    /// A worker that was in the poll since the last tick may be back at once: it gets a moment first, and if somebody has polled
    /// in that moment, all is well. Under a steady light load that spares nearly every tick a wake-up for nothing. If not, it is in a
    /// long poll, and next time such a task is passed on to another: see `offenders.rs`.
    fn see_to_the_poll(&mut self, is_idle: bool, moment: Nanos, parker: &Parker) {
        let Inner { scheduler, reactor, .. } = &*self.inner;
        let turns = reactor.turns();
        if is_idle && turns != self.turns {
            self.watch.suspect();
            parker.park_timeout(Duration::from_nanos(moment));
            if scheduler.idle.look().1 || reactor.turns() != turns {
                return;
            }
            self.watch.blame(moment);
        }
        if is_idle {
            scheduler.wake_one();
        }
        poll_the_reactor(reactor, &mut self.wakers);
    }
}

/// Looks for events and due timers, without waiting and unless somebody else is at it, and wakes whom they are for. `wakers` is
/// empty before and after.
pub(super) fn poll_the_reactor(reactor: &Reactor, wakers: &mut Vec<Waker>) {
    let Some(mut token) = reactor.try_token() else { return };
    // An error has been reported to all who wait for I/O.
    let _ = token.poll(Wait::No, wakers);
    drop(token);
    wake_each(wakers);
}
