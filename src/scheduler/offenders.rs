//! Spawn locations whose tasks have lately blocked their threads, or taken long: how such a task is polled next time.
//!
//! A small table without locks, indexed by the location's address. Every revocation of a blocked thread raises its
//! location's score; a poll that was short after all lowers it; time halves it. From [`LIMIT`] on a task is polled with the
//! permit already released.
//!
//! Beside it stands how many more polls of that location are passed on to another worker, if one is idle and nobody would be in
//! the reactor's poll meanwhile: set by each poll that was long, or that kept the reactor waiting; less by one for each that was
//! short.
//!
//! It is advice: a lost update or a location that pushes another out costs a tick of delay, or a wake-up for nothing, never a task.

use std::panic::Location;
use std::ptr;

use crate::primitives::atomic::{AtomicBool, AtomicPtr, AtomicU32, Ordering};
use crate::primitives::clock::{MILLISECOND, Nanos};

/// Sixteen times four: those that a location may have lie in one line of the cache.
const SETS: usize = 16;
const WAYS: usize = 4;

/// What one revocation adds, from when on a location is an offender, and the most it can have.
const OFFENCE: u32 = 4;
const LIMIT: u32 = 2 * OFFENCE;
const MOST: u32 = 4 * OFFENCE;

/// For how many polls a location counts as slow after one that was: of those that are now and then, fewer than one in a
/// hundred comes unawares.
const CREDIT: u32 = 128;

/// From which length on a poll is slow: so long an event may wait for a worker while another is idle.
pub(crate) const SLOW: Nanos = MILLISECOND / 10;

/// How long it takes until a score is halved.
const HALF_LIFE: Nanos = 100_000_000;

#[derive(Debug)]
pub(crate) struct Offenders {
    /// Whether there is any: all that a worker reads per poll while nobody offends.
    any: AtomicBool,
    sets: Box<[Set]>,
}

#[derive(Debug)]
#[repr(align(64))]
struct Set([Entry; WAYS]);

#[derive(Debug)]
struct Entry {
    location: AtomicPtr<Location<'static>>,
    score: AtomicU32,
    slow: AtomicU32,
}

/// What a location is known for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Record {
    Clean,
    /// Its polls have lately been long.
    Slow,
    /// It has lately blocked its threads.
    Blocks,
}

// All accesses are Relaxed: the addresses are compared and never followed, the scores only counted.
impl Offenders {
    pub(crate) fn new() -> Self {
        let entry =
            || Entry { location: AtomicPtr::new(ptr::null_mut()), score: AtomicU32::new(0), slow: AtomicU32::new(0) };
        Self { any: AtomicBool::new(false), sets: (0..SETS).map(|_| Set([(); WAYS].map(|()| entry()))).collect() }
    }

    /// What tasks spawned at `location` have lately done.
    #[inline]
    pub(crate) fn record(&self, location: &'static Location<'static>) -> Record {
        if self.any.load(Ordering::Relaxed) { self.found(location) } else { Record::Clean }
    }

    fn found(&self, location: &'static Location<'static>) -> Record {
        match self.known(location) {
            Some(entry) if entry.score.load(Ordering::Relaxed) >= LIMIT => Record::Blocks,
            Some(entry) if entry.slow.load(Ordering::Relaxed) > 0 => Record::Slow,
            _ => Record::Clean,
        }
    }

    /// Whether tasks spawned at `location` have lately blocked.
    pub(crate) fn has(&self, location: &'static Location<'static>) -> bool {
        self.record(location) == Record::Blocks
    }

    /// The location's entry, if it has one.
    fn known(&self, location: &'static Location<'static>) -> Option<&Entry> {
        self.set(location).iter().find(|entry| ptr::eq(entry.location.load(Ordering::Relaxed), location))
    }

    /// The location's entry. If it has none it gets one of which nothing is known any more, or that `may_go`; None: of all that it could
    /// have, more is known than of this one. They fade, and then it has its turn.
    fn take(&self, location: &'static Location<'static>, may_go: impl Fn(&Entry) -> bool) -> Option<&Entry> {
        self.known(location).or_else(|| {
            let set = self.set(location);
            let entry = set.iter().find(|entry| entry.is_blank()).or_else(|| set.iter().find(|entry| may_go(entry)))?;
            entry.score.store(0, Ordering::Relaxed);
            entry.slow.store(0, Ordering::Relaxed);
            entry.location.store(ptr::from_ref(location).cast_mut(), Ordering::Relaxed);
            Some(entry)
        })
    }

    /// A task of `location` blocked its thread: told by the watch alone, while workers note what is slow and forgive. It pushes out one
    /// that is merely slow, never another offender: of two that push each other out neither would ever be known.
    pub(crate) fn note(&self, location: &'static Location<'static>) {
        let Some(entry) = self.take(location, |entry| entry.score.load(Ordering::Relaxed) == 0) else { return };
        entry.score.store((entry.score.load(Ordering::Relaxed) + OFFENCE).min(MOST), Ordering::Relaxed);
        self.any.store(true, Ordering::Relaxed);
    }

    /// A poll of `location` was long, or is.
    pub(crate) fn note_slow(&self, location: &'static Location<'static>) {
        let Some(Entry { slow, .. }) = self.take(location, |_| false) else { return };
        if slow.load(Ordering::Relaxed) != CREDIT {
            slow.store(CREDIT, Ordering::Relaxed);
            self.any.store(true, Ordering::Relaxed);
        }
    }

    /// So many polls of a location that is known as slow were short.
    pub(crate) fn were_short(&self, location: &'static Location<'static>, polls: u32) {
        if let Some(entry) = self.known(location) {
            entry.slow.store(entry.slow.load(Ordering::Relaxed).saturating_sub(polls), Ordering::Relaxed);
        }
    }

    /// A poll of an offender was short.
    pub(crate) fn forgive(&self, location: &'static Location<'static>) {
        if let Some(entry) = self.known(location) {
            entry.score.store(entry.score.load(Ordering::Relaxed).saturating_sub(OFFENCE), Ordering::Relaxed);
        }
    }

    /// Time passes: called by the watch at each tick, with the time of the last halving.
    pub(crate) fn decay(&self, last: &mut Nanos, now: Nanos) {
        if now.saturating_sub(*last) < HALF_LIFE || !self.any.load(Ordering::Relaxed) {
            return;
        }
        *last = now;
        let mut any = false;
        for entry in self.sets.iter().flat_map(|set| &set.0) {
            for count in [&entry.score, &entry.slow] {
                let halved = count.load(Ordering::Relaxed) / 2;
                count.store(halved, Ordering::Relaxed);
                any |= halved > 0;
            }
        }
        self.any.store(any, Ordering::Relaxed);
    }

    /// The entries that this location may have.
    fn set(&self, location: &'static Location<'static>) -> &[Entry; WAYS] {
        // Fibonacci hashing of the address; locations lie some 24 bytes apart.
        let hash = (ptr::from_ref(location) as usize as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        &self.sets[(hash >> 58) as usize % SETS].0
    }
}

impl Entry {
    /// Whether nothing is known of its location any more, or it never had one.
    fn is_blank(&self) -> bool {
        self.score.load(Ordering::Relaxed) == 0 && self.slow.load(Ordering::Relaxed) == 0
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

    #[test]
    fn a_location_pushes_out_none_of_which_more_is_known() {
        let offenders = Offenders::new();
        let places: Vec<_> = (0..200).map(|_| &*Box::leak(Box::new(*Location::caller()))).collect();
        let together = |place: &&'static Location<'static>| ptr::eq(offenders.set(place), offenders.set(places[0]));
        let places: Vec<&'static Location<'static>> = places.iter().copied().filter(together).take(WAYS + 1).collect();
        let (first, last) = (places[0], places[WAYS]);
        places[..WAYS].iter().for_each(|&place| offenders.note_slow(place));
        offenders.note_slow(last);
        assert_eq!((offenders.record(first), offenders.record(last)), (Record::Slow, Record::Clean));
        // What blocks is worth more than what is slow, and no less than what blocks too.
        for &place in &places[..WAYS] {
            (0..2).for_each(|_| offenders.note(place));
        }
        (0..2).for_each(|_| offenders.note(last));
        offenders.note_slow(last);
        assert_eq!((offenders.record(first), offenders.record(last)), (Record::Blocks, Record::Clean));
        let mut time = 0;
        (1..10).for_each(|halving| offenders.decay(&mut time, halving * HALF_LIFE));
        places[..WAYS].iter().for_each(|&place| offenders.note_slow(place));
        (0..2).for_each(|_| offenders.note(last));
        assert_eq!(offenders.record(last), Record::Blocks);
    }

    #[test]
    fn a_location_is_slow_until_a_hundred_of_its_polls_were_short() {
        let (offenders, here) = (Offenders::new(), Location::caller());
        offenders.note_slow(here);
        for _ in 0..10 {
            offenders.were_short(here, 10);
            assert_eq!(offenders.record(here), Record::Slow);
        }
        offenders.note_slow(here);
        offenders.were_short(here, CREDIT - 1);
        assert_eq!(offenders.record(here), Record::Slow);
        offenders.were_short(here, 10);
        assert_eq!(offenders.record(here), Record::Clean);
        offenders.note_slow(here);
        (0..2).for_each(|_| offenders.note(here));
        assert_eq!(offenders.record(here), Record::Blocks);
    }
}
