//! The timer wheel: putting in, taking out, moving, and letting time pass, among few and many others.

use divan::{Bencher, black_box};

use crate::primitives::clock::Nanos;
use crate::wheel::{Inserted, Key, Wheel};

const OTHERS: [u64; 3] = [0, 1_000, 100_000];
const MILLISECOND: Nanos = 1_000_000;

/// A wheel with so many entries, between one millisecond and a minute away.
fn filled(entries: u64) -> Wheel<u64> {
    let mut wheel = Wheel::new();
    for number in 0..entries {
        key(wheel.insert(far_or_near(number), number));
    }
    wheel
}

fn far_or_near(number: u64) -> Nanos {
    MILLISECOND + number.wrapping_mul(6_364_136_223_846_793_005) % (60_000 * MILLISECOND)
}

fn key(inserted: Inserted<u64>) -> Key {
    match inserted {
        Inserted::Pending { key, .. } => key,
        Inserted::Due(_) => unreachable!("a millisecond is not over"),
    }
}

/// A timeout that does not fire.
#[divan::bench(args = OTHERS)]
fn insert_and_remove(bencher: Bencher<'_, '_>, others: u64) {
    let mut wheel = filled(others);
    bencher.bench_local(|| {
        let key = key(wheel.insert(black_box(30_000 * MILLISECOND), 0));
        wheel.remove(key)
    });
}

/// A timeout that is put off.
#[divan::bench(args = OTHERS)]
fn reset(bencher: Bencher<'_, '_>, others: u64) {
    let mut wheel = filled(others);
    let key = key(wheel.insert(MILLISECOND, 0));
    let mut deadline = 30_000 * MILLISECOND;
    bencher.bench_local(|| {
        deadline += MILLISECOND;
        wheel.reset(key, black_box(deadline))
    });
}

/// The look at the next deadline that a poller takes before it sleeps.
#[divan::bench(args = OTHERS)]
fn next(bencher: Bencher<'_, '_>, others: u64) {
    let wheel = filled(others);
    bencher.bench_local(|| black_box(&wheel).next());
}

/// A minute passes in steps of a millisecond, and all entries fire: per entry.
#[divan::bench]
fn all_fire_in_a_minute(bencher: Bencher<'_, '_>) {
    const ENTRIES: u64 = 100_000;
    bencher.counter(divan::counter::ItemsCount::new(ENTRIES)).with_inputs(|| filled(ENTRIES)).bench_local_values(
        |mut wheel| {
            let mut fired = 0;
            for step in 1..=60_002 {
                wheel.advance(step * MILLISECOND, |_| fired += 1);
            }
            assert_eq!(fired, ENTRIES);
        },
    );
}
