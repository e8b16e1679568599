//! Spawn locations whose tasks have lately blocked their threads: such a task is polled with the permit already released.
//!
//! A small table without locks, indexed by the location's address. Every revocation of a blocked thread raises its
//! location's score; a poll that was short after all lowers it; time halves it. It is advice: a lost update or a location that
//! pushes another out costs a tick of delay, or a hand-off for nothing, never a task.

use std::panic::Location;
use std::ptr;

use crate::primitives::atomic::{AtomicBool, AtomicPtr, AtomicU32, Ordering};
use crate::primitives::clock::Nanos;

const ENTRIES: usize = 64;

/// What one revocation adds, from when on a location is an offender, and the most it can have.
const OFFENCE: u32 = 4;
const LIMIT: u32 = 2 * OFFENCE;
const MOST: u32 = 4 * OFFENCE;

/// How long it takes until a score is halved.
const HALF_LIFE: Nanos = 100_000_000;

#[derive(Debug)]
pub(crate) struct Offenders {
    /// Whether there is any: all that a worker reads per poll while nobody offends.
    any: AtomicBool,
    entries: Box<[Entry]>,
}

#[derive(Debug)]
struct Entry {
    location: AtomicPtr<Location<'static>>,
    score: AtomicU32,
}

// All accesses are Relaxed: the addresses are compared and never followed, the scores only counted.
impl Offenders {
    pub(crate) fn new() -> Self {
        let entry = || Entry { location: AtomicPtr::new(ptr::null_mut()), score: AtomicU32::new(0) };
        Self { any: AtomicBool::new(false), entries: (0..ENTRIES).map(|_| entry()).collect() }
    }

    /// Whether tasks spawned at `location` have lately blocked.
    #[inline]
    pub(crate) fn has(&self, location: &'static Location<'static>) -> bool {
        self.any.load(Ordering::Relaxed) && self.score(location) >= LIMIT
    }

    fn score(&self, location: &'static Location<'static>) -> u32 {
        let entry = self.entry(location);
        let same = ptr::eq(entry.location.load(Ordering::Relaxed), location);
        if same { entry.score.load(Ordering::Relaxed) } else { 0 }
    }

    /// A task of `location` blocked its thread. Called by the watch alone.
    pub(crate) fn note(&self, location: &'static Location<'static>) {
        let entry = self.entry(location);
        let score = self.score(location);
        entry.location.store(ptr::from_ref(location).cast_mut(), Ordering::Relaxed);
        entry.score.store((score + OFFENCE).min(MOST), Ordering::Relaxed);
        self.any.store(true, Ordering::Relaxed);
    }

    /// A poll of an offender was short.
    pub(crate) fn forgive(&self, location: &'static Location<'static>) {
        let score = self.score(location);
        if score > 0 {
            self.entry(location).score.store(score.saturating_sub(OFFENCE), Ordering::Relaxed);
        }
    }

    /// Time passes: called by the watch at each tick, with the time of the last halving.
    pub(crate) fn decay(&self, last: &mut Nanos, now: Nanos) {
        if now.saturating_sub(*last) < HALF_LIFE || !self.any.load(Ordering::Relaxed) {
            return;
        }
        *last = now;
        let mut any = false;
        for entry in &self.entries {
            let score = entry.score.load(Ordering::Relaxed) / 2;
            entry.score.store(score, Ordering::Relaxed);
            any |= score > 0;
        }
        self.any.store(any, Ordering::Relaxed);
    }

    fn entry(&self, location: &'static Location<'static>) -> &Entry {
        // Fibonacci hashing of the address; locations lie some 24 bytes apart.
        let hash = (ptr::from_ref(location) as usize as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        &self.entries[(hash >> 58) as usize % ENTRIES]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_offences_make_an_offender_and_time_or_short_polls_clear_it() {
        let (offenders, here, there) = (Offenders::new(), Location::caller(), Location::caller());
        offenders.note(here);
        assert!(!offenders.has(here));
        offenders.note(here);
        assert!(offenders.has(here) && !offenders.has(there));
        offenders.forgive(here);
        assert!(!offenders.has(here));
        offenders.note(here);
        let mut last = 0;
        for halving in 1..10 {
            offenders.decay(&mut last, halving * HALF_LIFE);
        }
        assert!(!offenders.has(here) && !offenders.any.load(Ordering::Relaxed));
    }
}
