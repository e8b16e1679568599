//! The parker, the lock and the clock.

use divan::{Bencher, black_box};

use crate::primitives::clock::Clock;
use crate::primitives::parker::Parker;
use crate::primitives::{Arc, Mutex};

/// The token was there before: nobody sleeps.
#[divan::bench]
fn unpark_and_park(bencher: Bencher<'_, '_>) {
    let parker = Parker::new();
    let unparker = parker.unparker();
    bencher.bench_local(|| {
        black_box(&unparker).unpark();
        parker.park();
    });
}

/// Two threads wake each other: two wakes through the kernel.
#[divan::bench]
fn park_round_trip(bencher: Bencher<'_, '_>) {
    let (here, there) = (Parker::new(), Parker::new());
    let (wake_here, wake_there) = (here.unparker(), there.unparker());
    let ends = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let seen = ends.clone();
    let other = std::thread::spawn(move || {
        loop {
            there.park();
            // Relaxed: the token publishes it.
            if seen.load(std::sync::atomic::Ordering::Relaxed) {
                return;
            }
            wake_here.unpark();
        }
    });
    bencher.bench_local(|| {
        wake_there.unpark();
        here.park();
    });
    ends.store(true, std::sync::atomic::Ordering::Relaxed);
    wake_there.unpark();
    other.join().expect("the other thread does not panic");
}

#[divan::bench]
fn lock_and_unlock(bencher: Bencher<'_, '_>) {
    let lock = Mutex::new(0_u64);
    bencher.bench_local(|| *black_box(&lock).lock() += 1);
}

#[divan::bench]
fn clock_read(bencher: Bencher<'_, '_>) {
    let clock = Clock::new();
    bencher.bench_local(|| black_box(&clock).now());
}
