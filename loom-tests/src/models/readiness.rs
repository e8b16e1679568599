//! No event is lost between a source and those who wait for it, and none reaches the wrong one.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc as StdArc;
use std::task::{Context, Poll, Wake, Waker};

use loom::thread;

use crate::explore::{model, models};
use crate::primitives::clock::Clock;
use crate::primitives::parker::{Parker, Unparker};
use crate::primitives::{Arc, Mutex, assert_none_held};
use crate::reactor::{Direction, Interest, Kernel, Reactor, Ready, ScheduledIo, Wait, token_of};

/// A waker that unparks. Loom's `Arc` in it shows a waker that was lost; woken or dropped under a lock, it panics.
struct Unparking(Unparker, Arc<()>);

impl Wake for Unparking {
    fn wake(self: StdArc<Self>) {
        assert_none_held();
        self.0.unpark();
    }
}

impl Drop for Unparking {
    fn drop(&mut self) {
        assert_none_held();
    }
}

fn unparking(parker: &Parker) -> Waker {
    StdArc::new(Unparking(parker.unparker(), Arc::new(()))).into()
}

/// Polls until it is ready. A lost wake-up is a deadlock.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let parker = Parker::new();
    let waker = unparking(&parker);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => parker.park(),
        }
    }
}

fn reactor() -> (Arc<Reactor>, Kernel) {
    let reactor = Arc::new(Reactor::new(1, Clock::new()).unwrap());
    (reactor, Kernel::last())
}

fn register(reactor: &Reactor) -> Arc<ScheduledIo> {
    reactor.register_unready(&mut (), Interest::READABLE | Interest::WRITABLE).unwrap()
}

fn turn(reactor: &Reactor) -> usize {
    let mut wakers = Vec::new();
    reactor.token().poll(Wait::No, &mut wakers).unwrap();
    let count = wakers.len();
    wakers.into_iter().for_each(Waker::wake);
    count
}

/// A thread that reports the source as ready and polls once.
fn report(reactor: &Arc<Reactor>, kernel: &Kernel, token: usize, ready: Ready) -> thread::JoinHandle<()> {
    let (reactor, kernel) = (reactor.clone(), kernel.clone());
    thread::spawn(move || {
        kernel.post(token, ready);
        turn(&reactor);
    })
}

models! { "readiness";
    /// Mutations: `readiness_no_second_look`, `readiness_wakers_before_word`.
    fn an_event_racing_a_poll_is_never_lost() {
        model(|| {
            let (reactor, kernel) = reactor();
            let io = register(&reactor);
            let poller = report(&reactor, &kernel, token_of(&io), Ready::READABLE);
            block_on(poll_fn(|cx| io.poll_ready(cx, Direction::Read))).unwrap();
            poller.join().unwrap();
            io.forget_wakers();
        });
    }

    /// Fault 53. A reader finds nothing, and clears; meanwhile data comes, and the event for it. It must read again.
    /// Mutations: `readiness_clear_ignores_the_tick`, `readiness_clear_by_store`, `readiness_set_keeps_the_tick`.
    fn an_event_between_would_block_and_clear_is_not_lost() {
        model(|| {
            let (reactor, kernel) = reactor();
            // It starts as ready without being so.
            let io = reactor.register(&mut (), Interest::READABLE).unwrap();
            // The kernel locks a socket in each system call.
            let buffered = Arc::new(Mutex::new(false));
            let poller = {
                let (reactor, kernel, token) = (reactor.clone(), kernel.clone(), token_of(&io));
                let buffered = buffered.clone();
                thread::spawn(move || {
                    *buffered.lock() = true;
                    kernel.post(token, Ready::READABLE);
                    turn(&reactor);
                })
            };
            loop {
                let event = block_on(poll_fn(|cx| io.poll_ready(cx, Direction::Read))).unwrap();
                if *buffered.lock() {
                    break;
                }
                io.clear_readiness(event);
            }
            poller.join().unwrap();
            io.forget_wakers();
        });
    }

    /// Fault 51. A read ends short before an urgent byte, perhaps before the event that tells of it: what lies behind the
    /// byte is read too.
    /// Mutation: `readiness_short_is_always_the_last`.
    fn a_short_read_at_an_urgent_byte_is_not_the_last() {
        model(|| {
            let (reactor, kernel) = reactor();
            let io = register(&reactor);
            // What there is to read: before the urgent byte, and behind it.
            let buffered = Arc::new(Mutex::new((false, false)));
            let poller = {
                let (reactor, kernel, token) = (reactor.clone(), kernel.clone(), token_of(&io));
                let buffered = buffered.clone();
                thread::spawn(move || {
                    buffered.lock().0 = true;
                    kernel.post(token, Ready::READABLE);
                    turn(&reactor);
                    buffered.lock().1 = true;
                    kernel.post(token, Ready::READABLE | Ready::PRIORITY);
                    turn(&reactor);
                })
            };
            loop {
                let event = block_on(poll_fn(|cx| io.poll_ready(cx, Direction::Read))).unwrap();
                let mut buffered = buffered.lock();
                let (before, behind) = *buffered;
                buffered.0 = false;
                drop(buffered);
                match (before, behind) {
                    (true, _) => io.clear_used_up(event),
                    (false, true) => break,
                    (false, false) => io.clear_readiness(event),
                }
            }
            poller.join().unwrap();
            io.forget_wakers();
        });
    }

    /// Fault 54. A source moves from one task to another while both have polled it: the one that polled last is woken.
    /// Mutations: `readiness_keeps_the_first_waker`, `readiness_poll_drops_under_the_lock`.
    fn the_last_of_two_readers_is_woken() {
        model(|| {
            let (reactor, kernel) = reactor();
            let io = register(&reactor);
            let poller = report(&reactor, &kernel, token_of(&io), Ready::READABLE);
            let first = unparking(&Parker::new());
            let _ = io.poll_ready(&mut Context::from_waker(&first), Direction::Read);
            // What the source keeps of it is the last.
            drop(first);
            block_on(poll_fn(|cx| io.poll_ready(cx, Direction::Read))).unwrap();
            poller.join().unwrap();
        });
    }

    /// Fault 54. Two tasks wait, one to read and one to write: one event serves both.
    /// Mutations: `readiness_wakes_one_future`, `readiness_future_without_second_look`.
    fn all_who_wait_are_woken() {
        model(|| {
            let (reactor, kernel) = reactor();
            let io = register(&reactor);
            let poller = report(&reactor, &kernel, token_of(&io), Ready::READABLE | Ready::WRITABLE);
            let writer = {
                let io = io.clone();
                thread::spawn(move || {
                    block_on(io.readiness(Interest::WRITABLE)).unwrap();
                })
            };
            block_on(io.readiness(Interest::READABLE)).unwrap();
            writer.join().unwrap();
            poller.join().unwrap();
        });
    }

    /// A future is dropped while the event it waits for is under way: its waker and its place go with it.
    /// Mutation: `readiness_future_stays`.
    fn a_future_dropped_against_an_event() {
        model(|| {
            let (reactor, kernel) = reactor();
            let io = register(&reactor);
            let parker = Parker::new();
            let waker = unparking(&parker);
            let poller = report(&reactor, &kernel, token_of(&io), Ready::WRITABLE);
            let mut future = Box::pin(io.readiness(Interest::READABLE));
            let pending = Pin::new(&mut future).poll(&mut Context::from_waker(&waker)).is_pending();
            assert!(pending, "an event for the writer made the reader ready");
            drop(future);
            poller.join().unwrap();
            kernel.post(token_of(&io), Ready::READABLE);
            assert_eq!(turn(&reactor), 0, "a waker was left behind");
        });
    }

    /// Fault 55. A source goes and another comes, perhaps with the same descriptor's number, while an event is under way.
    /// Mutations: `registrations_generation_stays`, `registrations_any_generation`.
    fn an_event_under_way_never_reaches_the_next_source() {
        model(|| {
            let (reactor, kernel) = reactor();
            let first = register(&reactor);
            let poller = report(&reactor, &kernel, token_of(&first), Ready::READABLE);
            reactor.deregister(&first, &mut ()).unwrap();
            let second = register(&reactor);
            poller.join().unwrap();
            assert_eq!(second.ready_now(Direction::Read.mask()).unwrap(), None);
            reactor.deregister(&second, &mut ()).unwrap();
            assert_eq!(reactor.sources(), 0);
        });
    }

    /// Fault 29. Waiting meets the shutdown: it ends with an error, and so does registering, or what was registered.
    /// Mutations: `readiness_shutdown_forgets_wakers`, `readiness_shutdown_unseen`, `registrations_stay_open`.
    fn waiting_and_registering_against_shutdown() {
        model(|| {
            let (reactor, _kernel) = reactor();
            let io = register(&reactor);
            let stopper = {
                let reactor = reactor.clone();
                thread::spawn(move || {
                    let mut wakers = Vec::new();
                    reactor.shutdown(&mut wakers);
                    wakers.into_iter().for_each(Waker::wake);
                })
            };
            if let Ok(late) = reactor.register_unready(&mut (), Interest::READABLE) {
                assert!(block_on(poll_fn(|cx| late.poll_ready(cx, Direction::Read))).is_err());
            }
            assert!(block_on(poll_fn(|cx| io.poll_ready(cx, Direction::Read))).is_err());
            stopper.join().unwrap();
        });
    }
}
