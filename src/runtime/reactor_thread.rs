//! The reactor thread: guarantees that the reactor is polled and the workers are watched, whatever the workers do.
//!
//! It ticks each millisecond while any worker is busy. A tick looks at the workers (the watch), sees to it that
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
use crate::primitives::clock::{NEVER, Nanos};
use crate::primitives::parker::Parker;
use crate::reactor::Wait;
use crate::scheduler::{Supply, TICK, Watch, wake_each};

/// How many idle ticks pass before the deep sleep.
const QUIET_TICKS: u32 = 16;

/// How long a worker that a tick finds away from the poll, while another is idle, may still come back before that one is woken to
/// take its place there.
const MOMENT: Duration = Duration::from_micros(100);

struct Ticker {
    inner: std::sync::Arc<Inner>,
    watch: Watch,
    supply: Supply,
    /// The reactor's turns at the last tick.
    turns: u64,
    wakers: Vec<Waker>,
}

/// The thread's body: until the scheduler closes.
pub(super) fn run(runtime: &Weak<Inner>) {
    let Some(inner) = runtime.upgrade() else { return };
    let (watch, supply) = (Watch::new(inner.scheduler.clone()), Supply::new(inner.scheduler.clone()));
    let mut ticker = Ticker { inner, watch, supply, turns: 0, wakers: Vec::new() };
    let parker = Parker::new();
    ticker.inner.scheduler.watch_answers(parker.unparker());
    let clock = *ticker.inner.reactor.clock();
    let mut quiet = 0;
    let mut next = clock.now() + TICK;
    while !ticker.inner.scheduler.lifecycle.is_closing() {
        if quiet >= QUIET_TICKS && !ticker.inner.pool.wants_thread() {
            ticker.sleep_deeply(&parker);
            quiet = 0;
            next = clock.now() + TICK;
        }
        let now = clock.now();
        if now < next {
            ticker.watch.rest();
            parker.park_timeout(Duration::from_nanos(next - now));
            if ticker.inner.scheduler.lifecycle.is_closing() {
                // The end has rung: no tick, it would start a spare yet.
                return;
            }
        }
        let now = clock.now();
        quiet = if ticker.inner.scheduler.all_idle() { quiet + 1 } else { 0 };
        // Absolute deadlines; but ticks that were missed are not made up for.
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
            self.see_to_the_queues();
            self.see_to_the_poll(parker);
        }
        if self.inner.pool.wants_thread() {
            self.inner.pool.retry();
        }
        length
    }

    /// A push that wakes nobody relies on the pusher, which is about to look at its queue itself. Where it always has something else
    /// to do first, an idle worker learns of the rest here.
    fn see_to_the_queues(&self) {
        let scheduler = &self.inner.scheduler;
        if scheduler.idle.look().0 > 0 && scheduler.has_work() {
            scheduler.notify();
        }
    }

    /// If no idle worker sleeps in the poll: one is woken to do it, or, when all are busy and none of them has polled
    /// since the last tick, this thread polls.
    ///
    /// A worker that was in the poll since the last tick may be back at once: it gets a moment first, and if somebody has polled
    /// in that moment, all is well. Under a steady light load that spares nearly every tick a wake-up for nothing.
    fn see_to_the_poll(&mut self, parker: &Parker) {
        let Inner { scheduler, reactor, .. } = &*self.inner;
        let (idle_permits, mut somebody_polls) = scheduler.idle.look();
        let mut turns = reactor.turns();
        if idle_permits > 0 && !somebody_polls && turns != self.turns {
            self.turns = turns;
            parker.park_timeout(MOMENT);
            somebody_polls = scheduler.idle.look().1;
            turns = reactor.turns();
        }
        if somebody_polls {
            return;
        }
        if turns == self.turns {
            if idle_permits > 0 {
                scheduler.wake_one();
            }
            if let Some(mut token) = reactor.try_token() {
                // An error has been reported to all who wait for I/O.
                let _ = token.poll(Wait::No, &mut self.wakers);
                drop(token);
                wake_each(&mut self.wakers);
            }
        }
        self.turns = reactor.turns();
    }
}
