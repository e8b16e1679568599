//! The wheel against a sorted map that is obviously right, and its own corners.

use std::collections::BTreeMap;

use super::*;
use crate::primitives::random::Random;

/// The same by the plainest means: ticks in order, then insertion.
#[derive(Default)]
struct Naive {
    waiting: BTreeMap<(u64, u64), u64>,
    arrivals: u64,
}

impl Naive {
    fn insert(&mut self, deadline: Nanos, payload: u64) {
        self.arrivals += 1;
        self.waiting.insert((tick_of(deadline), self.arrivals), payload);
    }

    fn remove(&mut self, payload: u64) -> bool {
        let found = self.waiting.iter().find(|&(_, &other)| other == payload).map(|(&key, _)| key);
        found.is_some_and(|key| self.waiting.remove(&key).is_some())
    }

    fn advance(&mut self, now: Nanos) -> Vec<u64> {
        let later = self.waiting.split_off(&((now >> TICK_SHIFT) + 1, 0));
        std::mem::replace(&mut self.waiting, later).into_values().collect()
    }
}

fn pending<T: std::fmt::Debug>(inserted: Inserted<T>) -> (Key, Nanos) {
    match inserted {
        Inserted::Pending { key, due } => (key, due),
        Inserted::Due(payload) => panic!("already due: {payload:?}"),
    }
}

fn advanced(wheel: &mut Wheel<u64>, now: Nanos) -> Vec<u64> {
    let mut fired = Vec::new();
    wheel.advance(now, |payload| fired.push(payload));
    fired
}

/// A deadline of any magnitude, from this very tick to the end of time.
fn any_deadline(random: &Random, now: Nanos) -> Nanos {
    let bits = random.below(65);
    let wide = u64::from(random.below(u32::MAX)) << 32 | u64::from(random.below(u32::MAX));
    now.saturating_add(if bits == 0 { 0 } else { wide >> (64 - bits) })
}

fn compare_with_naive(seed: u64, steps: usize) {
    let random = Random::new(seed);
    let (mut wheel, mut naive) = (Wheel::new(), Naive::default());
    let mut keys: Vec<(u64, Key)> = Vec::new();
    let (mut now, mut payload) = (0, 0);
    for step in 0..steps {
        let what = format!("seed {seed}, step {step}");
        match random.below(10) {
            0..=4 => {
                payload += 1;
                let deadline = any_deadline(&random, now);
                match wheel.insert(deadline, payload) {
                    Inserted::Due(back) => {
                        assert_eq!(back, payload, "{what}");
                        assert!(deadline <= now, "{what}: {deadline} is not due at {now}");
                    }
                    Inserted::Pending { key, due } => {
                        assert!(due >= deadline && due - deadline < 1 << TICK_SHIFT || due == NEVER, "{what}");
                        naive.insert(deadline, payload);
                        keys.push((payload, key));
                    }
                }
            }
            5 | 6 if !keys.is_empty() => {
                let (payload, key) = keys.swap_remove(random.below(keys.len() as u32) as usize);
                let removed = wheel.remove(key);
                assert_eq!(removed.is_some(), naive.remove(payload), "{what}");
                assert!(removed.is_none_or(|removed| removed == payload), "{what}");
                assert_eq!(wheel.state(key), State::Gone, "{what}");
            }
            7 if !keys.is_empty() => {
                let (payload, key) = keys[random.below(keys.len() as u32) as usize];
                let deadline = any_deadline(&random, now);
                let moved = wheel.reset(key, deadline);
                assert_eq!(moved.is_some(), naive.remove(payload), "{what}");
                if moved.is_some() {
                    naive.insert(deadline.max(now >> TICK_SHIFT << TICK_SHIFT), payload);
                }
            }
            _ => {
                now = any_deadline(&random, now).min(now.saturating_add(1 << random.below(60)));
                assert_eq!(advanced(&mut wheel, now), naive.advance(now), "{what}: at {now}");
            }
        }
        assert_eq!(wheel.len(), keys.len(), "{what}: an entry leaked");
        let next = naive.waiting.keys().next().map_or(NEVER, |&(tick, _)| due_at(tick));
        assert!(wheel.next() <= next, "{what}: would sleep past {next}");
    }
    for (_, key) in keys {
        wheel.remove(key);
    }
    assert_eq!((wheel.len(), wheel.next(), wheel.occupied), (0, NEVER, [0; LEVELS]), "seed {seed}");
}

#[test]
fn fault_41_the_wheel_agrees_with_a_sorted_map() {
    for seed in 0..200 {
        compare_with_naive(seed, 400);
    }
}

/// Following `next` alone, every timer fires in its own tick, and each stop but stale ones fires something.
#[test]
fn following_next_fires_each_timer_in_its_own_tick() {
    for seed in 0..50 {
        let random = Random::new(seed);
        let mut wheel = Wheel::new();
        let mut left = 300;
        for deadline in (0..left).map(|_| 1 + any_deadline(&random, 0) / 2) {
            pending(wheel.insert(deadline, deadline));
        }
        let mut last = 0;
        while wheel.next() != NEVER {
            let now = wheel.next();
            assert!(now > last, "seed {seed}: time stands still");
            let fired = advanced(&mut wheel, now);
            assert!(!fired.is_empty(), "seed {seed}: a wake-up for nothing, though nothing was removed");
            assert!(fired.iter().all(|&deadline| deadline <= now && now - deadline < 1 << TICK_SHIFT), "seed {seed}");
            left -= fired.len() as u64;
            last = now;
        }
        assert_eq!(left, 0, "seed {seed}");
    }
}

#[test]
fn fault_41_a_million_timers_of_one_tick_fire_in_the_order_they_came() {
    let mut wheel = Wheel::new();
    let deadline = 3_600_000_000_000;
    for payload in 0..1_000_000 {
        pending(wheel.insert(deadline, payload));
    }
    assert!(advanced(&mut wheel, deadline - (1 << TICK_SHIFT)).is_empty(), "early");
    assert!(advanced(&mut wheel, deadline + (1 << TICK_SHIFT)).into_iter().eq(0..1_000_000));
}

#[test]
fn fault_36_what_no_tick_can_hold_never_fires_and_can_be_removed() {
    let mut wheel = Wheel::new();
    let (far, due) = pending(wheel.insert(u64::MAX, 1));
    let (almost, _) = pending(wheel.insert(u64::MAX - 5, 2));
    assert_eq!((due, wheel.next()), (NEVER, NEVER));
    assert!(advanced(&mut wheel, u64::MAX).is_empty());
    assert_eq!((wheel.remove(far), wheel.remove(almost)), (Some(1), Some(2)));
    assert_eq!(wheel.len(), 0);
}

#[test]
fn fault_42_a_clock_that_goes_back_changes_nothing() {
    let mut wheel = Wheel::new();
    advanced(&mut wheel, 10_000_000_000);
    let (_, due) = pending(wheel.insert(11_000_000_000, 1));
    assert!(advanced(&mut wheel, 5_000_000_000).is_empty());
    assert!(matches!(wheel.insert(6_000_000_000, 2), Inserted::Due(2)), "time was there already");
    assert_eq!(advanced(&mut wheel, due), [1]);
}

#[test]
fn a_key_names_its_entry_only() {
    let mut wheel = Wheel::new();
    let (first, _) = pending(wheel.insert(1 << 20, 1));
    assert_eq!(wheel.remove(first), Some(1));
    let (second, _) = pending(wheel.insert(1 << 20, 2));
    assert_eq!(second.index, first.index, "the place is used again");
    assert_eq!(wheel.remove(first), None);
    assert_eq!(wheel.state(second), State::Pending(&mut 2));
}

#[test]
fn ended_and_fired_are_told_apart() {
    let mut wheel = Wheel::new();
    let (fired, due) = pending(wheel.insert(1 << 20, 1));
    let (ended, _) = pending(wheel.insert(u64::MAX, 2));
    advanced(&mut wheel, due);
    let mut payloads = Vec::new();
    wheel.end_all(|payload| payloads.push(payload));
    assert_eq!(payloads, [2]);
    assert_eq!(wheel.state(fired), State::Fired);
    assert_eq!(wheel.next(), NEVER);
    assert_eq!(wheel.state(ended), State::Ended);
    assert_eq!((wheel.remove(fired), wheel.remove(ended)), (None, None));
}

#[test]
fn an_emptied_wheel_gives_its_memory_back() {
    let mut wheel = Wheel::new();
    let keys: Vec<_> = (0..20_000).map(|payload| pending(wheel.insert(1 << 40, payload)).0).collect();
    assert!(keys.iter().all(|&key| wheel.remove(key).is_some()));
    assert_eq!(wheel.entries.capacity(), 0);
    let (fresh, _) = pending(wheel.insert(1 << 40, 7));
    assert_eq!(wheel.remove(keys[0]), None, "an old key does not reach the new entry");
    assert_eq!(wheel.remove(fresh), Some(7));
}

#[test]
fn an_entry_with_a_waker_stays_small() {
    assert!(size_of::<Entry<std::task::Waker>>() <= 48, "{}", size_of::<Entry<std::task::Waker>>());
}
