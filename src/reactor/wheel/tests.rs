//! The wheel against a sorted map that is obviously right, and its own corners.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use super::*;

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

    /// With the tick of each.
    fn advance(&mut self, now: Nanos) -> Vec<(u64, u64)> {
        let later = self.waiting.split_off(&((now >> TICK_SHIFT) + 1, 0));
        let due = std::mem::replace(&mut self.waiting, later);
        due.into_iter().map(|((tick, _), payload)| (tick, payload)).collect()
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

/// One thing done to a wheel. Times are from now on; entries are picked from those there are.
#[derive(Debug, Clone)]
enum Step {
    Insert(Nanos),
    Remove(Index),
    Reset(Index, Nanos),
    Advance(Nanos),
}

/// Any magnitude alike, from this very moment to the end of time.
fn time() -> impl Strategy<Value = Nanos> {
    (0..=64u32, any::<u64>()).prop_map(|(bits, wide)| wide.checked_shr(64 - bits).unwrap_or(0))
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => time().prop_map(Step::Insert),
        2 => any::<Index>().prop_map(Step::Remove),
        1 => (any::<Index>(), time()).prop_map(|(which, deadline)| Step::Reset(which, deadline)),
        // Short steps more often: a wheel at the end of time has nothing left to do.
        2 => (time(), 0..60u32).prop_map(|(time, bits)| Step::Advance(time.min(1 << bits))),
    ]
}

/// The wheel and the map, side by side.
struct Both {
    wheel: Wheel<u64>,
    naive: Naive,
    keys: Vec<(u64, Key)>,
    now: Nanos,
    inserted: u64,
    /// Something was taken out, so those of its tick may fire in another order.
    disturbed: bool,
}

impl Both {
    fn new() -> Self {
        Self { wheel: Wheel::new(), naive: Naive::default(), keys: Vec::new(), now: 0, inserted: 0, disturbed: false }
    }

    fn take(&mut self, step: &Step) {
        self.disturbed |= matches!(step, Step::Remove(_) | Step::Reset(..));
        match *step {
            Step::Insert(from_now) => self.insert(self.now.saturating_add(from_now)),
            Step::Remove(_) | Step::Reset(..) if self.keys.is_empty() => {}
            Step::Remove(which) => {
                let (payload, key) = self.keys.swap_remove(which.index(self.keys.len()));
                let removed = self.wheel.remove(key);
                assert_eq!(removed.is_some(), self.naive.remove(payload));
                assert!(removed.is_none_or(|removed| removed == payload));
                assert_eq!(self.wheel.get(key), None);
            }
            Step::Reset(which, from_now) => {
                let (payload, key) = self.keys[which.index(self.keys.len())];
                let deadline = self.now.saturating_add(from_now);
                let reset = self.wheel.reset(key, deadline);
                assert_eq!(reset != Reset::Gone, self.naive.remove(payload));
                match reset {
                    Reset::Pending(due) => {
                        assert_eq!(due, due_at(tick_of(deadline)));
                        self.naive.insert(deadline, payload);
                    }
                    Reset::Due(back) => assert!(back == payload && deadline <= self.now),
                    Reset::Gone => {}
                }
            }
            Step::Advance(by) => {
                self.now = self.now.saturating_add(by);
                let (mut fired, mut due) = (advanced(&mut self.wheel, self.now), self.naive.advance(self.now));
                if self.disturbed {
                    // Tick by tick all the same.
                    due.chunk_by_mut(|one, other| one.0 == other.0).fold(&mut fired[..], |fired, tick| {
                        let (these, rest) = fired.split_at_mut(tick.len().min(fired.len()));
                        these.sort_unstable();
                        tick.sort_unstable();
                        rest
                    });
                }
                assert!(
                    fired.iter().eq(due.iter().map(|(_, payload)| payload)),
                    "{fired:?} for {due:?} at {}",
                    self.now
                );
                assert!(self.wheel.passed() <= self.now && self.now - self.wheel.passed() < 1 << TICK_SHIFT);
            }
        }
        assert_eq!(self.wheel.len(), self.naive.waiting.len(), "an entry leaked");
        let next = self.naive.waiting.keys().next().map_or(NEVER, |&(tick, _)| due_at(tick));
        assert!(self.wheel.next() <= next, "would sleep past {next}");
    }

    fn insert(&mut self, deadline: Nanos) {
        self.inserted += 1;
        match self.wheel.insert(deadline, self.inserted) {
            Inserted::Due(back) => {
                assert_eq!(back, self.inserted);
                assert!(deadline <= self.now, "{deadline} is not due at {}", self.now);
            }
            Inserted::Pending { key, due } => {
                assert!(due >= deadline && due - deadline < 1 << TICK_SHIFT || due == NEVER);
                self.naive.insert(deadline, self.inserted);
                self.keys.push((self.inserted, key));
            }
        }
    }
}

proptest! {
    #[test]
    fn fault_41_the_wheel_agrees_with_a_sorted_map(steps in vec(step(), 1..400)) {
        let mut both = Both::new();
        steps.iter().for_each(|step| both.take(step));
        for (_, key) in both.keys {
            both.wheel.remove(key);
        }
        prop_assert_eq!((both.wheel.len(), both.wheel.next(), both.wheel.occupied), (0, NEVER, [0; LEVELS]));
    }

    /// Following `next` alone, every timer fires in its own tick, and each stop fires something.
    #[test]
    fn following_next_fires_each_timer_in_its_own_tick(deadlines in vec(time(), 1..300)) {
        let mut wheel = Wheel::new();
        let deadlines: Vec<_> = deadlines.into_iter().map(|deadline| deadline / 2 + 1).collect();
        for &deadline in &deadlines {
            pending(wheel.insert(deadline, deadline));
        }
        let (mut left, mut last) = (deadlines.len(), 0);
        while wheel.next() != NEVER {
            let now = wheel.next();
            prop_assert!(now > last, "time stands still");
            let fired = advanced(&mut wheel, now);
            prop_assert!(!fired.is_empty(), "a wake-up for nothing, though nothing was removed");
            prop_assert!(fired.iter().all(|&deadline| deadline <= now && now - deadline < 1 << TICK_SHIFT));
            (left, last) = (left - fired.len(), now);
        }
        prop_assert_eq!(left, 0);
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
    assert_eq!(wheel.get(second), Some(&mut 2));
}

#[test]
fn what_has_fired_is_gone_and_its_place_free() {
    let mut wheel = Wheel::new();
    let (fired, due) = pending(wheel.insert(1 << 20, 1));
    assert_eq!(advanced(&mut wheel, due), [1]);
    assert_eq!((wheel.len(), wheel.passed()), (0, due));
    let (next, _) = pending(wheel.insert(1 << 30, 2));
    assert_eq!(next.index, fired.index, "the place is used again");
    assert_eq!(wheel.get(fired), None);
    assert_eq!(wheel.remove(fired), None);
    assert_eq!(wheel.reset(fired, 1 << 40), Reset::Gone);
}

#[test]
fn a_deadline_moved_into_the_past_hands_the_payload_back() {
    let mut wheel = Wheel::new();
    let (key, _) = pending(wheel.insert(1 << 40, 1));
    advanced(&mut wheel, 1 << 30);
    assert_eq!(wheel.reset(key, 1 << 20), Reset::Due(1));
    assert_eq!((wheel.len(), wheel.next()), (0, NEVER));
}

#[test]
fn ending_empties_the_wheel() {
    let mut wheel = Wheel::new();
    let (soon, _) = pending(wheel.insert(1 << 20, 1));
    let (never, _) = pending(wheel.insert(u64::MAX, 2));
    let mut payloads = Vec::new();
    wheel.end_all(|payload| payloads.push(payload));
    assert_eq!(payloads, [1, 2]);
    assert_eq!((wheel.len(), wheel.next()), (0, NEVER));
    assert!([soon, never].into_iter().all(|key| wheel.get(key).is_none()));
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
    assert!(size_of::<Entry<std::task::Waker>>() <= 32, "{}", size_of::<Entry<std::task::Waker>>());
}
