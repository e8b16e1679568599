//! The reactor as a whole, on the real event queue.

use std::io::Write;
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use mio::net::UnixStream;

use super::*;
use crate::primitives::clock::{Clock, NEVER};

const LONG: Duration = Duration::from_secs(60);

#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn counting() -> (Arc<Count>, Waker) {
    let count = Arc::new(Count::default());
    (count.clone(), count.into())
}

fn reactor() -> Arc<Reactor> {
    Arc::new(Reactor::new(2, Clock::new()).unwrap())
}

/// Polls once and wakes, as every holder of the token does. Returns how many were woken.
fn turn(reactor: &Reactor, wait: Wait) -> usize {
    let mut wakers = Vec::new();
    reactor.token().poll(wait, &mut wakers).unwrap();
    crate::primitives::assert_none_held();
    let woken = wakers.len();
    wakers.into_iter().for_each(Waker::wake);
    woken
}

/// Runs `body` and fails, instead of hanging, if it does not end.
fn within_a_minute(body: impl FnOnce() + Send + 'static) {
    let (sender, receiver) = mpsc::channel();
    let thread = std::thread::spawn(move || {
        body();
        let _ = sender.send(());
    });
    match receiver.recv_timeout(LONG) {
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("still not done after {LONG:?}"),
        _ => thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
    }
}

/// Blocks in polls until somebody was woken.
fn turn_until_woken(reactor: &Reactor) -> usize {
    loop {
        match turn(reactor, Wait::Forever) {
            0 => {}
            woken => return woken,
        }
    }
}

/// Until a poller sleeps, or is about to and would miss what comes now if nobody woke it.
fn wait_for_sleep(reactor: &Reactor) {
    while !reactor.timers().has_sleeper() {
        std::thread::yield_now();
    }
}

/// Two connected sockets, the first registered and known not to be readable.
fn waiting_pair(reactor: &Reactor) -> (UnixStream, UnixStream, Arc<ScheduledIo>) {
    let (mut ours, theirs) = UnixStream::pair().unwrap();
    let io = reactor.register(&mut ours, Interest::READABLE | Interest::WRITABLE).unwrap();
    turn(reactor, Wait::No);
    let event = io.ready_now(Direction::Read.mask()).unwrap().expect("a source starts out as ready");
    io.clear_readiness(event);
    (ours, theirs, io)
}

#[test]
fn an_event_wakes_the_reader_that_waits() {
    within_a_minute(|| {
        let reactor = reactor();
        let (_ours, mut theirs, io) = waiting_pair(&reactor);
        let (count, waker) = counting();
        let mut cx = Context::from_waker(&waker);
        assert!(io.poll_ready(&mut cx, Direction::Read).is_pending());
        theirs.write_all(b"x").unwrap();
        assert_eq!(turn_until_woken(&reactor), 1);
        assert_eq!(count.0.load(Ordering::Relaxed), 1);
        assert!(matches!(io.poll_ready(&mut cx, Direction::Read), Poll::Ready(Ok(_))));
    });
}

#[test]
fn fault_53_an_event_between_would_block_and_clear_is_not_lost() {
    within_a_minute(|| {
        let reactor = reactor();
        let (_ours, mut theirs, io) = waiting_pair(&reactor);
        let read = Direction::Read.mask();
        theirs.write_all(b"x").unwrap();
        while io.ready_now(read).unwrap().is_none() {
            turn(&reactor, Wait::Forever);
        }
        let seen = io.ready_now(read).unwrap().unwrap();
        theirs.write_all(b"y").unwrap();
        while io.ready_now(read).unwrap().unwrap() == seen {
            turn(&reactor, Wait::Forever);
        }
        io.clear_readiness(seen);
        assert!(io.ready_now(read).unwrap().is_some(), "the newer event was wiped out");
    });
}

#[test]
fn any_number_of_readiness_futures_wait_at_once_and_leave_no_trace() {
    within_a_minute(|| {
        let reactor = reactor();
        let (_ours, mut theirs, io) = waiting_pair(&reactor);
        let (count, waker) = counting();
        let mut cx = Context::from_waker(&waker);
        let mut futures: Vec<_> = (0..10).map(|_| Box::pin(io.readiness(Interest::READABLE))).collect();
        assert!(futures.iter_mut().all(|future| future.as_mut().poll(&mut cx).is_pending()));
        futures.truncate(8);
        theirs.write_all(b"x").unwrap();
        assert_eq!(turn_until_woken(&reactor), 8);
        assert_eq!(count.0.load(Ordering::Relaxed), 8);
        assert!(futures.iter_mut().all(|future| future.as_mut().poll(&mut cx).is_ready()));
        drop(futures);
        drop(waker);
        assert_eq!(Arc::strong_count(&count), 1, "a waker was left behind");
    });
}

#[test]
fn fault_56_a_writer_hears_that_the_other_side_is_gone() {
    within_a_minute(|| {
        let reactor = reactor();
        let (_ours, theirs, io) = waiting_pair(&reactor);
        let write = Direction::Write.mask();
        while let Some(event) = io.ready_now(write).unwrap() {
            io.clear_readiness(event);
        }
        let (_, waker) = counting();
        assert!(io.poll_ready(&mut Context::from_waker(&waker), Direction::Write).is_pending());
        drop(theirs);
        turn_until_woken(&reactor);
        assert!(io.ready_now(write).unwrap().unwrap().ready.contains(Ready::WRITE_CLOSED));
    });
}

#[test]
fn fault_55_a_deregistered_source_gets_nothing_more() {
    within_a_minute(|| {
        let reactor = reactor();
        let (mut ours, mut theirs, io) = waiting_pair(&reactor);
        let (count, waker) = counting();
        assert!(io.poll_ready(&mut Context::from_waker(&waker), Direction::Read).is_pending());
        theirs.write_all(b"x").unwrap();
        reactor.deregister(&io, &mut ours).unwrap();
        drop(waker);
        assert_eq!(Arc::strong_count(&count), 1, "deregistering left a waker");
        assert_eq!(turn(&reactor, Wait::No), 0);
        assert_eq!(reactor.sources(), 0);
    });
}

#[test]
fn fault_47_a_refused_registration_leaves_nothing() {
    let reactor = reactor();
    // A plain file cannot be polled: EPERM.
    let file = std::fs::File::open("/proc/self/exe").unwrap();
    let refused = reactor.register(&mut mio::unix::SourceFd(&file.as_raw_fd()), Interest::READABLE);
    assert!(refused.is_err());
    assert_eq!(reactor.sources(), 0);
}

#[test]
fn a_wake_before_the_poll_and_one_during_it_both_end_it() {
    within_a_minute(|| {
        let reactor = reactor();
        reactor.wake();
        reactor.wake();
        turn(&reactor, Wait::Forever);
        // What the wake wrote may still be under way: then one more wait ends at once, no more.
        turn(&reactor, Wait::No);
        let turns = reactor.turns();
        let poller = std::thread::spawn({
            let reactor = reactor.clone();
            move || turn(&reactor, Wait::Forever)
        });
        while reactor.turns() == turns {
            reactor.wake();
            std::thread::yield_now();
        }
        poller.join().unwrap();
    });
}

#[test]
fn timers_fire_by_deadline_and_never_early() {
    within_a_minute(|| {
        let reactor = reactor();
        let clock = *reactor.clock();
        let armed: Vec<_> = [3, 1, 2]
            .map(|ms| {
                let deadline = clock.now() + ms * 1_000_000;
                let (count, waker) = counting();
                let Armed::Pending(key) = reactor.arm(ms as usize, deadline, waker) else { panic!("already due") };
                (deadline, count, key)
            })
            .into();
        let mut fired = 0;
        while fired < 3 {
            fired += turn(&reactor, Wait::Forever);
            let now = clock.now();
            for (deadline, count, _) in &armed {
                assert!(count.0.load(Ordering::Relaxed) == 0 || *deadline <= now, "early");
            }
        }
        for (deadline, _, key) in armed {
            assert_eq!(reactor.timers().poll(key, deadline, Waker::noop()), TimerState::Fired);
        }
        assert_eq!(reactor.timers().len(), 0);
    });
}

#[test]
fn fault_40_a_poller_that_sleeps_long_is_woken_for_an_earlier_timer() {
    within_a_minute(|| {
        let reactor = reactor();
        let far = reactor.clock().now() + 3_600_000_000_000;
        let (_, waker) = counting();
        let Armed::Pending(key) = reactor.arm(0, far, waker) else { panic!("already due") };
        let poller = std::thread::spawn({
            let reactor = reactor.clone();
            move || turn_until_woken(&reactor)
        });
        wait_for_sleep(&reactor);
        let soon = reactor.clock().now() + 1_000_000;
        assert!(reactor.reset(key, soon), "it had not fired");
        assert_eq!(poller.join().unwrap(), 1);
        assert_eq!(reactor.timers().poll(key, soon, Waker::noop()), TimerState::Fired);
    });
}

#[test]
fn an_armed_timer_ends_a_poll_that_would_last_for_ever() {
    within_a_minute(|| {
        let reactor = reactor();
        let poller = std::thread::spawn({
            let reactor = reactor.clone();
            move || turn_until_woken(&reactor)
        });
        wait_for_sleep(&reactor);
        let (_, waker) = counting();
        assert!(matches!(reactor.arm(0, reactor.clock().now() + 1_000_000, waker), Armed::Pending(_)));
        assert_eq!(poller.join().unwrap(), 1);
    });
}

#[test]
fn a_timer_moved_into_the_past_wakes_at_once() {
    within_a_minute(|| {
        let reactor = reactor();
        let clock = *reactor.clock();
        let (count, waker) = counting();
        let Armed::Pending(key) = reactor.arm(0, clock.now() + 3_600_000_000_000, waker) else { panic!("not due") };
        let soon = clock.now() + 200_000;
        let Armed::Pending(_) = reactor.arm(0, soon, Waker::noop().clone()) else { return };
        turn_until_woken(&reactor);
        assert!(!reactor.reset(key, soon), "the wheel has passed it");
        assert_eq!((count.0.load(Ordering::Relaxed), reactor.timers().len()), (1, 0));
    });
}

#[test]
fn after_a_crowd_of_timers_the_poller_rests() {
    const CROWD: usize = 1000;
    within_a_minute(|| {
        let reactor = reactor();
        for _ in 0..100 {
            let soon = reactor.clock().now() + 5_000_000;
            let arm = |deadline| assert!(matches!(reactor.arm(0, deadline, Waker::noop().clone()), Armed::Pending(_)));
            (0..CROWD).for_each(|_| arm(soon));
            arm(soon + 100_000);
            // On a slow machine all may fire together, which shows nothing.
            if turn_until_woken(&reactor) == CROWD {
                assert_eq!(turn_until_woken(&reactor), 1);
                assert!(reactor.clock().now() >= soon + 250_000, "the poller did not rest");
                return;
            }
        }
    });
}

#[test]
fn a_wait_ends_at_its_limit() {
    within_a_minute(|| {
        let reactor = reactor();
        let limit = reactor.clock().now() + 2_000_000;
        while reactor.clock().now() < limit {
            turn(&reactor, Wait::Until(limit));
        }
    });
}

#[test]
fn fault_29_shutting_down_wakes_all_and_answers_all() {
    within_a_minute(|| {
        let reactor = reactor();
        let (_ours, _theirs, io) = waiting_pair(&reactor);
        let (count, waker) = counting();
        assert!(io.poll_ready(&mut Context::from_waker(&waker), Direction::Read).is_pending());
        let Armed::Pending(key) = reactor.arm(1, NEVER, waker.clone()) else { panic!("NEVER is never due") };
        let mut wakers = Vec::new();
        reactor.shutdown(&mut wakers);
        wakers.into_iter().for_each(Waker::wake);
        assert_eq!(count.0.load(Ordering::Relaxed), 2);
        let Poll::Ready(Err(error)) = io.poll_ready(&mut Context::from_waker(&waker), Direction::Read) else {
            panic!("no error")
        };
        assert!(error.to_string().contains("the runtime was shut down"), "{error}");
        assert_eq!(reactor.timers().poll(key, NEVER, &waker), TimerState::ShutDown);
        assert_eq!(reactor.arm(0, NEVER, waker), Armed::ShutDown);
        let (mut late, _) = UnixStream::pair().unwrap();
        assert!(reactor.register(&mut late, Interest::READABLE).is_err());
        turn(&reactor, Wait::Forever);
    });
}

#[test]
fn fault_39_a_cancelled_timer_leaves_the_wheel_with_its_waker() {
    let reactor = reactor();
    let (count, waker) = counting();
    let Armed::Pending(key) = reactor.arm(0, NEVER - 1, waker) else { panic!("not due") };
    let (other, another) = counting();
    assert_eq!(reactor.timers().poll(key, NEVER - 1, &another), TimerState::Pending);
    assert_eq!(Arc::strong_count(&count), 1, "the displaced waker was dropped");
    reactor.timers().cancel(key);
    drop(another);
    assert_eq!((Arc::strong_count(&other), reactor.timers().len()), (1, 0));
}

#[test]
fn the_token_is_held_by_one_at_a_time() {
    let reactor = reactor();
    let token = reactor.try_token().unwrap();
    assert!(reactor.try_token().is_none());
    drop(token);
    assert!(reactor.try_token().is_some());
}

#[test]
fn a_poll_with_many_events_hands_them_over_in_one_batch() {
    within_a_minute(|| {
        let reactor = reactor();
        let (count, waker) = counting();
        let mut pairs: Vec<_> = (0..100).map(|_| waiting_pair(&reactor)).collect();
        let mut cx = Context::from_waker(&waker);
        assert!(pairs.iter().all(|(_, _, io)| io.poll_ready(&mut cx, Direction::Read).is_pending()));
        pairs.iter_mut().for_each(|(_, theirs, _)| theirs.write_all(b"x").unwrap());
        assert_eq!(turn_until_woken(&reactor), 100);
        assert_eq!(count.0.load(Ordering::Relaxed), 100);
    });
}

/// Not a bound on a slow machine's clock: only that a deadline far below a poll's millisecond is not rounded to seconds.
#[test]
fn deadlines_are_finer_than_a_poll_timeout() {
    within_a_minute(|| {
        let reactor = reactor();
        let mut best = Duration::MAX;
        for _ in 0..50 {
            let begin = Instant::now();
            let (_, waker) = counting();
            let Armed::Pending(key) = reactor.arm(0, reactor.clock().now() + 200_000, waker) else { continue };
            turn_until_woken(&reactor);
            best = best.min(begin.elapsed());
            reactor.timers().cancel(key);
        }
        assert!(best >= Duration::from_micros(200));
        if cfg!(target_os = "linux") {
            assert!(best < Duration::from_millis(50), "{best:?}");
        }
    });
}
