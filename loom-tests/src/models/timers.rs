//! No timer is slept past, none fires twice or for nobody, and a wake-up of the poller is never lost.

use std::sync::Arc as StdArc;
use std::task::{Wake, Waker};

use loom::thread;

use crate::explore::{model, models};
use crate::primitives::atomic::{AtomicUsize, Ordering};
use crate::primitives::clock::{Clock, NEVER, Nanos};
use crate::primitives::{Arc, assert_none_held};
use crate::reactor::{Armed, Kernel, Reactor, TimerKey, TimerState, Wait};

/// Due as soon as somebody looks: the models begin at `BEGIN`, and the wheel at zero.
const SOON: Nanos = 1 << 17;
const BEGIN: Nanos = 1 << 20;
const LATER: Nanos = 1 << 30;

/// A waker that counts. Loom's `Arc` in it shows a waker that was lost; woken or dropped under a lock, it panics.
struct Counting(Arc<AtomicUsize>);

impl Wake for Counting {
    fn wake(self: StdArc<Self>) {
        assert_none_held();
        // Relaxed: the models read it after a join, or from the thread that wakes.
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Drop for Counting {
    fn drop(&mut self) {
        assert_none_held();
    }
}

fn counting() -> (Arc<AtomicUsize>, Waker) {
    let count = Arc::new(AtomicUsize::new(0));
    (count.clone(), StdArc::new(Counting(count)).into())
}

fn woken(count: &AtomicUsize) -> usize {
    // Relaxed: see `Counting::wake`.
    count.load(Ordering::Relaxed)
}

fn begin(shards: usize) -> Arc<Reactor> {
    let reactor = Arc::new(Reactor::new(shards, Clock::new()).unwrap());
    Kernel::last().advance_to(BEGIN);
    reactor
}

fn turn(reactor: &Reactor, wait: Wait) -> usize {
    let mut wakers = Vec::new();
    reactor.token().poll(wait, &mut wakers).unwrap();
    let count = wakers.len();
    wakers.into_iter().for_each(Waker::wake);
    count
}

fn poll_until_woken(reactor: &Reactor, mut missing: usize) {
    while missing > 0 {
        missing -= turn(reactor, Wait::Forever);
    }
}

fn pending(armed: Armed) -> TimerKey {
    match armed {
        Armed::Pending(key) => key,
        other => panic!("not pending but {other:?}"),
    }
}

models! { "timers";
    /// Fault 40. The poller goes to sleep while a timer is armed: it sees the timer, or is woken for it. If it slept past
    /// it, this would be a deadlock. Mutations: `timers_armer_without_fence`, `timers_poller_without_fence`,
    /// `timers_poller_looks_first`, `timers_armer_does_not_wake`, `timers_next_not_shown`.
    fn a_timer_armed_while_the_poller_falls_asleep_fires() {
        model(|| {
            let reactor = begin(1);
            let (count, waker) = counting();
            let armer = {
                let reactor = reactor.clone();
                thread::spawn(move || pending(reactor.arm(0, SOON, waker)))
            };
            poll_until_woken(&reactor, 1);
            let key = armer.join().unwrap();
            assert_eq!(woken(&count), 1);
            assert_eq!(reactor.timers().poll(key, SOON, Waker::noop()), TimerState::Fired);
        });
    }

    /// Two armers, in shards of their own, and one poller. The one with the earlier deadline must not rely on the other.
    /// Mutations: `timers_promise_lowered_below`, `timers_only_the_first_shard`.
    fn two_armers_and_a_poller_that_falls_asleep() {
        model(|| {
            let reactor = begin(2);
            let (count, waker) = counting();
            let armers = [(0, LATER), (1, SOON)].map(|(shard, deadline)| {
                let (reactor, waker) = (reactor.clone(), waker.clone());
                thread::spawn(move || pending(reactor.arm(shard, deadline, waker)))
            });
            poll_until_woken(&reactor, 1);
            let [later, soon] = armers.map(|armer| armer.join().unwrap());
            assert_eq!(woken(&count), 1);
            assert_eq!(reactor.timers().poll(soon, SOON, &waker), TimerState::Fired);
            assert_eq!(reactor.timers().poll(later, LATER, &waker), TimerState::Pending);
            reactor.timers().cancel(later);
        });
    }

    /// Fault 40. A timer is moved to an earlier time while the poller sleeps, or is about to sleep, for long.
    /// Mutation: `timers_reset_is_silent`.
    fn a_timer_moved_while_the_poller_sleeps_long_fires() {
        model(|| {
            let reactor = begin(1);
            let (count, waker) = counting();
            let key = pending(reactor.arm(0, LATER, waker));
            let mover = {
                let reactor = reactor.clone();
                thread::spawn(move || assert!(reactor.reset(key, SOON)))
            };
            poll_until_woken(&reactor, 1);
            mover.join().unwrap();
            assert_eq!(woken(&count), 1);
            assert_eq!(reactor.timers().poll(key, SOON, Waker::noop()), TimerState::Fired);
        });
    }

    /// A timer is armed for a time within the poller's rest while the poller falls asleep: it fires when the rest is over,
    /// whatever else the poller would have waited for. Mutation: `timers_rest_silences_the_armer`.
    fn a_timer_armed_while_the_poller_rests_fires_after_the_rest() {
        /// Enough for a rest of two ticks.
        const CROWD: usize = 50;
        const WITHIN: Nanos = BEGIN + 1;
        const AFTER: Nanos = BEGIN + (1 << 18);
        model(|| {
            let reactor = begin(1);
            for _ in 0..CROWD {
                let _ = pending(reactor.arm(0, SOON, Waker::noop().clone()));
            }
            assert_eq!(turn(&reactor, Wait::No), CROWD);
            let (count, waker) = counting();
            let armer = {
                let reactor = reactor.clone();
                thread::spawn(move || {
                    let key = pending(reactor.arm(0, WITHIN, waker));
                    Kernel::last().advance_to(AFTER);
                    key
                })
            };
            poll_until_woken(&reactor, 1);
            let key = armer.join().unwrap();
            assert_eq!(woken(&count), 1);
            assert_eq!(reactor.timers().poll(key, WITHIN, Waker::noop()), TimerState::Fired);
        });
    }

    /// Fault 39. Cancelling meets firing: the waker is woken at most once and in any case dropped, outside the lock; the entry
    /// leaves the wheel. Mutations: `timers_cancel_drops_under_the_lock`, `timers_cancel_leaves_the_entry`.
    fn cancel_against_fire() {
        model(|| {
            let reactor = begin(1);
            let (count, waker) = counting();
            let key = pending(reactor.arm(0, SOON, waker));
            let canceller = {
                let reactor = reactor.clone();
                thread::spawn(move || reactor.timers().cancel(key))
            };
            let fired = turn(&reactor, Wait::No);
            canceller.join().unwrap();
            assert_eq!(woken(&count), fired);
            assert_eq!(reactor.timers().len(), 0);
            assert_eq!(turn(&reactor, Wait::No), 0);
        });
    }

    /// Fault 13. A timer is polled with another waker while it fires: the poll says so, or that waker is woken.
    /// Mutations: `timers_keeps_the_old_waker`, `timers_poll_drops_under_the_lock`.
    fn a_new_waker_against_fire() {
        model(|| {
            let reactor = begin(1);
            let (_, old) = counting();
            let (count, new) = counting();
            let key = pending(reactor.arm(0, SOON, old));
            let poller = {
                let reactor = reactor.clone();
                thread::spawn(move || poll_until_woken(&reactor, 1))
            };
            let state = reactor.timers().poll(key, SOON, &new);
            poller.join().unwrap();
            match state {
                TimerState::Pending => {
                    assert_eq!(woken(&count), 1);
                    assert_eq!(reactor.timers().poll(key, SOON, &new), TimerState::Fired);
                }
                TimerState::Fired => assert_eq!(woken(&count), 0),
                TimerState::ShutDown => panic!("nobody shut it down"),
            }
            assert_eq!(reactor.timers().len(), 0);
        });
    }

    /// Fault 29. Arming meets the shutdown: it is refused, or its waker is collected. Mutations:
    /// `timers_shutdown_stays_open`, `timers_shutdown_forgets_wakers`.
    fn arm_against_shutdown() {
        model(|| {
            let reactor = begin(1);
            let (count, waker) = counting();
            let armer = {
                let reactor = reactor.clone();
                thread::spawn(move || reactor.arm(0, NEVER, waker))
            };
            let mut wakers = Vec::new();
            reactor.shutdown(&mut wakers);
            wakers.into_iter().for_each(Waker::wake);
            match armer.join().unwrap() {
                Armed::Pending(key) => {
                    assert_eq!(woken(&count), 1, "it would wait for ever");
                    assert_eq!(reactor.timers().poll(key, NEVER, Waker::noop()), TimerState::ShutDown);
                }
                other => assert_eq!(other, Armed::ShutDown),
            }
        });
    }

    /// Two threads publish something and wake the poller. However their wakes fall together, it sees both. Mutations:
    /// `driver_wake_relaxed`, `driver_wake_not_taken_back`, `driver_wake_taken_by_store`, `driver_wake_never_writes`.
    fn a_wake_of_the_poller_is_never_lost() {
        model(|| {
            let reactor = begin(1);
            let count = Arc::new(AtomicUsize::new(0));
            let wakers = [0, 1].map(|_| {
                let (reactor, count) = (reactor.clone(), count.clone());
                thread::spawn(move || {
                    // Relaxed: published by the wake.
                    count.fetch_add(1, Ordering::Relaxed);
                    reactor.wake();
                })
            });
            while woken(&count) < 2 {
                turn(&reactor, Wait::Forever);
            }
            wakers.into_iter().for_each(|waker| waker.join().unwrap());
        });
    }
}
