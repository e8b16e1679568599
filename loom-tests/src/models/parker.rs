//! The parker never loses a token, and what the waker did before is seen after.

use std::time::Duration;

use loom::thread;

use crate::explore::{model, models};
use crate::primitives::atomic::{AtomicUsize, Ordering};
use crate::primitives::parker::Parker;
use crate::primitives::{Arc, UnsafeCell};

/// Loom's `Arc` demands `Sync` of what two threads share; access to the cell is what the models check.
struct Shared<T>(UnsafeCell<T>);

// SAFETY: the models exist to show that accesses to the cell do not overlap; loom's cell panics when they do.
unsafe impl<T: Send> Sync for Shared<T> {}

models! { "parker";
    /// Mutations: `parker_unpark_relaxed`, `parker_take_relaxed`, `parker_no_lock_passage`, `parker_sleeps_on_a_token`.
    fn an_unpark_racing_a_park_is_never_lost() {
        model(|| {
            let parker = Parker::new();
            let unparker = parker.unparker();
            let data = Arc::new(Shared(UnsafeCell::new(0)));
            let theirs = data.clone();
            let waker = thread::spawn(move || {
                // SAFETY: the parker reads only after the token.
                theirs.0.with_mut(|value| unsafe { *value = 1 });
                unparker.unpark();
            });
            parker.park();
            // SAFETY: the token came after the write.
            assert_eq!(data.0.with(|value| unsafe { *value }), 1);
            waker.join().unwrap();
        });
    }

    /// Two wakers, a parker that parks until both conditions hold. Mutation: `parker_unpark_keeps_state`.
    fn two_unparkers_leave_at_least_one_token() {
        model(|| {
            let parker = Parker::new();
            let count = Arc::new(AtomicUsize::new(0));
            let wakers = [0, 1].map(|_| {
                let (unparker, count) = (parker.unparker(), count.clone());
                thread::spawn(move || {
                    // Relaxed: published by the token.
                    count.fetch_add(1, Ordering::Relaxed);
                    unparker.unpark();
                })
            });
            while count.load(Ordering::Relaxed) < 2 {
                parker.park();
            }
            for waker in wakers {
                waker.join().unwrap();
            }
        });
    }

    /// A timed park that finds the token says so, and leaves none behind. Mutation: `parker_timed_forgets_the_token`.
    fn a_timed_park_takes_the_token_once() {
        model(|| {
            let parker = Parker::new();
            let unparker = parker.unparker();
            let waker = thread::spawn(move || unparker.unpark());
            let mut taken = 0;
            while taken == 0 {
                taken += usize::from(parker.park_timeout(Duration::from_millis(1)));
            }
            waker.join().unwrap();
            let again = parker.unparker();
            let later = thread::spawn(move || again.unpark());
            parker.park();
            later.join().unwrap();
        });
    }
}
