//! The idle protocol alone: counters and indices, no thread and no task.

use loom::thread;

use crate::explore::{bounded, model, models};
use crate::primitives::atomic::{AtomicUsize, Ordering};
use crate::primitives::{Arc, UnsafeCell};
use crate::scheduler::idle::{Bed, Claim, Idle};

/// What one thread at a time may touch: loom's cell panics when two do.
pub(super) struct Touched(UnsafeCell<usize>);

// SAFETY: the models exist to show that accesses do not overlap.
unsafe impl Sync for Touched {}

impl Touched {
    pub(super) fn new() -> Self {
        Self(UnsafeCell::new(0))
    }

    pub(super) fn touch(&self) {
        // SAFETY: the model has it that nobody else is at it, and loom checks that.
        self.0.with_mut(|value| unsafe { *value += 1 });
    }
}

/// No thread lies on the stack, `busy` permits are in the hands of threads of the model.
fn with_busy(permits: usize, threads: usize, busy: usize) -> Arc<Idle> {
    let idle = Arc::new(Idle::new(permits, threads));
    (0..busy).for_each(|_| assert!(idle.take_permit()));
    idle
}

models! { "idle";
    /// A popper reads what is below the top, and meanwhile the top is popped and pushed again over something else.
    /// Mutations: `idle_stack_without_version`, `idle_push_relaxed`.
    fn each_sleeper_is_popped_once() {
        bounded(3, || {
            let idle = Arc::new(Idle::new(0, 3));
            let popped = Arc::new(AtomicUsize::new(0));
            for index in 0..2 {
                assert_eq!(idle.sleep_as_spare(index, false), Bed::Stack);
            }
            let (theirs, count) = (idle.clone(), popped.clone());
            let other = thread::spawn(move || {
                let (first, second) = (theirs.pop(), theirs.pop());
                // The first to be popped lies down again; the second does not.
                first.into_iter().for_each(|index| assert_eq!(theirs.sleep_as_spare(index, false), Bed::Stack));
                if let Some(index) = second {
                    count.fetch_add(1 << (4 * index), Ordering::Relaxed);
                }
            });
            if let Some(index) = idle.pop() {
                popped.fetch_add(1 << (4 * index), Ordering::Relaxed);
            }
            other.join().unwrap();
            while let Some(index) = idle.pop() {
                popped.fetch_add(1 << (4 * index), Ordering::Relaxed);
            }
            assert_eq!(popped.load(Ordering::Relaxed), 0x11, "each index once");
        });
    }

    /// What a sleeper pushed over is seen by who pops it. Mutation: `idle_pop_forgets_what_is_below`.
    fn two_sleepers_and_a_popper() {
        bounded(3, || {
            let idle = Arc::new(Idle::new(0, 3));
            let sleepers = [0, 1].map(|index| {
                let idle = idle.clone();
                thread::spawn(move || assert_eq!(idle.sleep_as_spare(index, false), Bed::Stack))
            });
            let first = idle.pop();
            sleepers.into_iter().for_each(|sleeper| sleeper.join().unwrap());
            let mut all: Vec<usize> = first.into_iter().chain(std::iter::from_fn(|| idle.pop())).collect();
            all.sort_unstable();
            assert_eq!(all, [0, 1]);
        });
    }

    /// Two claimers: while the one woken by the first is on its way, nobody else is woken.
    /// Mutation: `idle_claim_beside_a_searcher`.
    fn one_is_woken_at_a_time() {
        model(|| {
            let idle = with_busy(2, 3, 0);
            assert_eq!(idle.sleep_as_spare(0, false), Bed::Poll);
            assert_eq!(idle.sleep_as_spare(1, false), Bed::Stack);
            let theirs = idle.clone();
            let other = thread::spawn(move || theirs.claim());
            let mine = idle.claim();
            let both = [mine, other.join().unwrap()];
            assert!(both.contains(&Claim::Nobody) && both.contains(&Claim::Sleeper(1)), "{both:?}");
        });
    }

    /// The one permit goes to the poller that leaves by itself, or to whoever claims the poller, and never to a thread that is
    /// awake. Mutations: `idle_take_the_pollers_permit`, `idle_leave_poll_though_claimed`.
    fn the_pollers_permit_is_its_own() {
        model(|| {
            let idle = with_busy(1, 3, 0);
            assert_eq!(idle.sleep_as_spare(0, false), Bed::Poll);
            let (claimer, taker) = (idle.clone(), idle.clone());
            let claimer = thread::spawn(move || claimer.claim());
            let taker = thread::spawn(move || taker.take_permit());
            let by_itself = idle.leave_poll(0);
            let claimed = claimer.join().unwrap() == Claim::Poller;
            assert!(!taker.join().unwrap());
            assert_ne!(by_itself, claimed, "the permit was lost or doubled");
            assert_eq!(idle.look(), (0, false));
        });
    }

    /// A thread sleeps, one comes back from blocking, one claims: in the end each permit is in one place.
    /// Mutations: `idle_no_thread_keeps_the_permit`, `idle_spare_brings_a_permit`.
    fn permits_are_conserved() {
        bounded(3, || {
            let idle = with_busy(2, 3, 2);
            let (sleeper, blocker) = (idle.clone(), idle.clone());
            let sleeper = thread::spawn(move || sleeper.sleep(0, false));
            let blocker = thread::spawn(move || {
                blocker.release_permit();
                blocker.take_permit() || { let _ = blocker.sleep_as_spare(1, false); false }
            });
            let claim = idle.claim();
            let bed = sleeper.join().unwrap();
            let held = blocker.join().unwrap();
            let woken = matches!(claim, Claim::Sleeper(_) | Claim::Poller);
            let (idle_permits, polls) = idle.look();
            assert_eq!(idle_permits + usize::from(held) + usize::from(woken), 2, "{bed:?} {claim:?} {held}");
            assert!(!polls || idle_permits > 0, "a poller without a permit");
            let searching = woken.then(|| idle.end_search());
            assert_ne!(searching, Some(false), "the claimed one was the only searcher");
        });
    }

    /// Edge "counts". Mutations: `idle_counts_relaxed`, `idle_release_relaxed`.
    fn a_permit_passes_on_what_was_done_under_it() {
        model(|| {
            let idle = with_busy(2, 3, 0);
            assert_eq!(idle.sleep_as_spare(2, false), Bed::Poll);
            assert!(idle.take_permit());
            let shared = Arc::new(Touched::new());
            let (theirs, data) = (idle.clone(), shared.clone());
            let other = thread::spawn(move || {
                if theirs.take_permit() {
                    data.touch();
                    theirs.release_permit();
                }
            });
            shared.touch();
            assert_eq!(idle.sleep(0, false), Bed::Stack);
            if idle.take_permit() {
                shared.touch();
                idle.release_permit();
            }
            other.join().unwrap();
        });
    }
}
