//! Who is in the blocking pool: how many threads, which of them sleep, and the one whose duty it is to look for work.
//!
//! # Protocol
//! At most one thread is the **scout**: it is awake, has no job, and will look at the queue before it does anything else.
//! While there is a scout nobody is woken, so a burst of jobs costs one wake and not one each. A scout that takes a job stands
//! down and, if the queue is still not empty, appoints the next: a sleeping thread, or a new one while there are fewer than
//! the cap. Threads that finish a job look at the queue by themselves, with or without a scout.
//!
//! ```text
//!                    appointed (woken)                        took a job: stands down, appoints the next
//!    resting <------------------------------> scout  -----------------------------------------+
//!      |  ^        nothing found: rests         ^ created, or lingers after a job             v
//!      |  +-------------------------------------|---------------------------------------- working
//!      v   keep-alive over
//!    leaving: counted still, the stop hook runs
//!      v   looks once more
//!    gone
//! ```
//!
//! # Why no job is left lying
//! There are two kinds of steps, and each is *change, fence, look*:
//! * a **submitter** pushes a job, fences, reads the roster's word, and appoints a scout if that says there is none but there
//!   could be one (somebody rests, or a thread more may be made);
//! * a **thread** changes its entry in the word (stands down, goes to rest, is gone, is refused by the system), fences, looks
//!   at the queue, and, if that is not empty, does what a submitter does from there.
//!
//! Take a job and any thread's change. The two fences are in one total order. If the submitter's is first, the thread's look
//! sees the job, and the thread appoints a scout if there can be one. If the thread's is first, the submitter reads the word
//! as changed or later. So a submitter that leaves because there *is* a scout leaves it to one whose next change, and look, is
//! still to come; one that leaves because all threads there may be are counted, and none rests, leaves it to threads that
//! look at the queue before they rest, or when they are gone. A job lies only while every thread the pool may have is busy
//! with a job or with its stop hook, or while the system refuses threads (below).
//!
//! When the keep-alive is over a thread goes in two steps, for it must be counted until its stop hook has run and it has let
//! go of the runtime: a closed pool waits for just that, and there are never more threads than the cap. The first step, from
//! *at rest* to *leaving*, needs no look. A submitter that reads the word from before the rest is met by the look at the
//! rest's beginning; one that reads it from before this step finds somebody at rest, takes the lock to wake him, and sees there
//! what is the case; one that reads it from after makes a thread or finds the cap reached. It is he who is met by the look
//! after the second step, from *leaving* to *gone*, which wakes or makes another in this one's place.
//!
//! # When the system refuses a thread
//! The word's `WANTS` is set and nobody tries again for each job: a thread of the pool that ends its job finds the queue by
//! itself, and the runtime's tick calls `retry` while `wants_thread` says so. With no thread at all each submitter tries too.
//!
//! # What the lock protects
//! `idle` and `threads` in the word change under the lock only, together with the list of those at rest; `SCOUT` is put down,
//! and taken up by a thread that lingers, without it. Submitters read the word without the lock and take it only when there
//! is somebody to wake or make. Every access of the word is Relaxed: it publishes nothing by itself. The fences order it
//! with the queue, the queue hands over the jobs, and the parker carries the wake.
//!
//! # Rejected
//! * Sleeping in the channel's own `recv_timeout`: every send wakes, 20,000 empty jobs made nearly as many futex calls.
//! * An idle counter beside the channel, without a scout: wakes as many threads as there are jobs, the more the shorter they
//!   are.
//!
//! Models: `loom-tests/src/models/blocking.rs`.

use slab::Slab;

use std::time::Duration;

use crate::primitives::atomic::{AtomicU64, Ordering};
use crate::primitives::clock::{Clock, Nanos};
use crate::primitives::parker::Unparker;
use crate::primitives::{Arc, CachePadded, Condvar, Mutex};

/// Somebody has the duty to look at the queue.
const SCOUT: u64 = 1;
/// No thread starts any more, and those that are there leave.
const CLOSED: u64 = 1 << 1;
/// The system has refused a thread that was needed.
const WANTS: u64 = 1 << 2;
/// One thread at rest.
const ONE_IDLE: u64 = 1 << 8;
/// One thread, whatever it does.
const ONE_THREAD: u64 = 1 << 32;
/// The most threads the word can count.
pub(crate) const MAX_THREADS: usize = (1 << 24) - 1;

/// What the word says.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Word(u64);

impl Word {
    fn idle(self) -> usize {
        (self.0 / ONE_IDLE) as usize & MAX_THREADS
    }

    fn threads(self) -> usize {
        (self.0 / ONE_THREAD) as usize & MAX_THREADS
    }

    fn has(self, flag: u64) -> bool {
        self.0 & flag != 0
    }

    /// Whether one more thread may be made. After a refusal only the tick asks again, unless no thread is left to help.
    fn may_grow(self, cap: usize, may: May) -> bool {
        let again = match may {
            May::WakeOnly => return false,
            May::Create => !self.has(WANTS) || self.threads() == 0,
            May::CreateAgain => true,
        };
        self.threads() < cap && again
    }
}

impl std::fmt::Debug for Word {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Word")
            .field("threads", &self.threads())
            .field("idle", &self.idle())
            .field("scout", &self.has(SCOUT))
            .field("closed", &self.has(CLOSED))
            .field("wants", &self.has(WANTS))
            .finish()
    }
}

/// What somebody who found work may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum May {
    /// For those whom the system has just refused a thread.
    WakeOnly,
    /// The rule.
    Create,
    /// For the tick, which tries what was refused before.
    CreateAgain,
}

/// What is left to do for somebody who found work and looked at the roster.
#[must_use = "a duty that is not done leaves a job lying"]
#[derive(Debug)]
pub(crate) enum Duty {
    /// There is a scout, or every thread there may be is at work or leaving.
    Nothing,
    /// Wake this thread: it is the scout now.
    Wake(Unparker),
    /// Make a thread: it is counted, and the scout, already.
    Create,
    /// The pool is closed: nobody will run what lies in the queue.
    Drain,
}

/// Where one thread of the pool sits: how to wake it, and what it is at.
#[derive(Debug)]
pub(crate) struct Seat<L> {
    unparker: Unparker,
    /// Odd while a job runs, even between jobs: half of it is the number of jobs begun. Written by its thread only.
    phase: CachePadded<AtomicU64>,
    /// The job it runs, or ran last.
    label: Mutex<Option<L>>,
}

impl<L: Clone> Seat<L> {
    /// Notes that this thread begins the job called `label`.
    #[inline]
    pub(crate) fn begin(&self, label: L) {
        *self.label.lock() = Some(label);
        self.next_phase();
    }

    /// Notes that the job has ended.
    #[inline]
    pub(crate) fn end(&self) {
        self.next_phase();
    }

    #[inline]
    fn next_phase(&self) {
        // Relaxed, and no read-modify-write: there is one writer, and nothing is published with the number.
        self.phase.store(self.phase.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
    }

    /// Jobs begun, and whether the last of them runs now.
    fn progress(&self) -> (u64, bool) {
        // Relaxed: a figure, for reports and for the pace.
        let phase = self.phase.load(Ordering::Relaxed);
        (phase.div_ceil(2), phase % 2 == 1)
    }
}

/// The roster. `L` labels a job for those who ask what a thread is doing.
#[derive(Debug)]
pub(crate) struct Roster<L> {
    word: CachePadded<AtomicU64>,
    cap: usize,
    entries: Mutex<Entries<L>>,
    /// A thread has left a closed pool.
    left: Condvar,
}

#[derive(Debug)]
struct Entries<L> {
    seats: Slab<Entry<L>>,
    /// Those at rest, the one that sat down last at the end.
    resting: Vec<usize>,
}

#[derive(Debug)]
struct Entry<L> {
    seat: Arc<Seat<L>>,
    rests: bool,
}

impl<L: Clone> Roster<L> {
    /// A roster of at most `cap` threads, at least one.
    pub(crate) fn new(cap: usize) -> Self {
        Self {
            word: CachePadded::new(AtomicU64::new(0)),
            cap: cap.clamp(1, MAX_THREADS),
            entries: Mutex::new(Entries { seats: Slab::new(), resting: Vec::new() }),
            left: Condvar::new(),
        }
    }

    /// The word as it is. Between a fence and an action it is a look in the sense of the protocol; else a figure.
    #[inline]
    fn word(&self) -> Word {
        // Relaxed: nothing is read on the strength of it; see "What the lock protects".
        Word(self.word.load(Ordering::Relaxed))
    }

    /// Changes the word by a read-modify-write, or leaves it when `change` says None. Returns what it was.
    fn update(&self, mut change: impl FnMut(Word) -> Option<u64>) -> Result<Word, Word> {
        // Relaxed: the fences in `crew.rs` order this with the queue; nothing is published by the word itself.
        let done = self.word.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |word| change(Word(word)));
        done.map(Word).map_err(Word)
    }

    /// The look at the roster, after a fence: who is to be woken or made for a job that lies in the queue?
    pub(crate) fn appoint(&self, may: May) -> Duty {
        let word = self.word();
        if word.has(CLOSED) {
            return Duty::Drain;
        }
        if word.has(SCOUT) || (word.idle() == 0 && !word.may_grow(self.cap, may)) {
            return Duty::Nothing;
        }
        self.appoint_locked(may)
    }

    fn appoint_locked(&self, may: May) -> Duty {
        let mut entries = self.entries.lock();
        // Under the lock only SCOUT can still change, and a scout that appears meanwhile is as good as ours.
        let was = self.update(|word| {
            if word.has(CLOSED | SCOUT) {
                None
            } else if word.idle() > 0 {
                Some(word.0 + SCOUT - ONE_IDLE)
            } else if word.may_grow(self.cap, may) {
                Some(word.0 + SCOUT + ONE_THREAD)
            } else {
                None
            }
        });
        match was {
            Ok(word) if word.idle() > 0 => Duty::Wake(entries.pop_resting()),
            Ok(_) => Duty::Create,
            Err(word) if word.has(CLOSED) => Duty::Drain,
            Err(_) => Duty::Nothing,
        }
    }

    /// The scout has taken a job. A look at the queue must follow.
    pub(crate) fn stand_down(&self) {
        // Relaxed: as in `update`.
        let was = Word(self.word.fetch_and(!SCOUT, Ordering::Relaxed));
        debug_assert!(was.has(SCOUT) || was.has(CLOSED), "a scout stood down that was none: {was:?}");
    }

    /// A thread without a job becomes the scout by itself, if there is none.
    pub(crate) fn volunteer(&self) -> bool {
        self.update(|word| (!word.has(SCOUT | CLOSED)).then_some(word.0 | SCOUT)).is_ok()
    }

    /// A thread that is counted already takes its seat.
    pub(crate) fn sit_down(&self, unparker: Unparker) -> (usize, Arc<Seat<L>>) {
        let seat = Arc::new(Seat { unparker, phase: CachePadded::new(AtomicU64::new(0)), label: Mutex::new(None) });
        let key = self.entries.lock().seats.insert(Entry { seat: seat.clone(), rests: false });
        (key, seat)
    }

    /// The thread at `key` goes to rest, and stops being the scout if it was. A look at the queue must follow. False if the
    /// pool is closed: it must leave instead.
    pub(crate) fn rest(&self, key: usize, was_scout: bool) -> bool {
        let mut entries = self.entries.lock();
        let scout = if was_scout { SCOUT } else { 0 };
        if self.update(|word| (!word.has(CLOSED)).then(|| (word.0 & !scout) + ONE_IDLE)).is_err() {
            return false;
        }
        debug_assert!(!entries.seats[key].rests, "a thread went to rest twice");
        entries.resting.push(key);
        entries.seats[key].rests = true;
        true
    }

    /// The thread at `key` has rested long enough and gives up its seat; it stays counted, for [`leave`](Self::leave) is still
    /// to come. False if it was appointed or told to close at this very moment: then its wake is on the way.
    pub(crate) fn leave_rest(&self, key: usize) -> bool {
        let mut entries = self.entries.lock();
        if !entries.seats[key].rests {
            return false;
        }
        entries.resting.retain(|&other| other != key);
        let seat = entries.seats.remove(key);
        // Those at rest and the idle count change together, under this lock.
        let _ = self.update(|word| Some(word.0 - ONE_IDLE));
        drop(entries);
        drop(seat);
        true
    }

    /// A thread that does not rest is gone: it has run to its end, or it could not be made at all. A look at the queue must
    /// follow. True if it was refused and that is news: the first refusal since a thread could be made.
    pub(crate) fn leave(&self, key: Option<usize>, was_scout: bool, refused: bool) -> bool {
        let mut entries = self.entries.lock();
        let seat = key.map(|key| entries.seats.remove(key));
        let scout = if was_scout { SCOUT } else { 0 };
        let wants = if refused { WANTS } else { 0 };
        let (Ok(was) | Err(was)) = self.update(|word| Some(((word.0 & !scout) | wants) - ONE_THREAD));
        if was.has(CLOSED) {
            self.left.notify_all();
        }
        drop(entries);
        drop(seat);
        refused && !was.has(WANTS)
    }

    /// A thread has started after all: what was refused is there.
    pub(crate) fn granted(&self) {
        if self.word().has(WANTS) {
            let _ = self.update(|word| Some(word.0 & !WANTS));
        }
    }

    /// Whether the system has refused a thread, and has given none since.
    pub(crate) fn wants_thread(&self) -> bool {
        self.word().has(WANTS)
    }

    /// No thread from now on. Returns those at rest, to be woken; None if it was closed already.
    pub(crate) fn close(&self) -> Option<Vec<Unparker>> {
        let mut entries = self.entries.lock();
        let was = self.update(|word| {
            let idle = word.idle() as u64 * ONE_IDLE;
            (!word.has(CLOSED)).then_some((word.0 | CLOSED) - idle)
        });
        was.is_ok().then(|| (0..entries.resting.len()).map(|_| entries.pop_resting()).collect())
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.word().has(CLOSED)
    }

    /// Waits until no more than `but` threads are left in the closed pool, at most until `deadline`.
    pub(crate) fn wait_until_left(&self, but: usize, deadline: Option<Nanos>, clock: &Clock) {
        let mut entries = self.entries.lock();
        while self.word().threads() > but {
            entries = match deadline {
                None => self.left.wait(entries),
                Some(deadline) => match deadline.saturating_sub(clock.now()) {
                    0 => return,
                    time => self.left.wait_timeout(entries, Duration::from_nanos(time)),
                },
            };
        }
    }

    /// The jobs that run now, but for the one of the thread at `but`.
    pub(crate) fn running(&self, but: Option<usize>) -> Vec<L> {
        let seats: Vec<_> = {
            let entries = self.entries.lock();
            entries.seats.iter().filter(|&(key, _)| Some(key) != but).map(|(_, entry)| entry.seat.clone()).collect()
        };
        seats.iter().filter(|seat| seat.progress().1).filter_map(|seat| seat.label.lock().clone()).collect()
    }

    /// Jobs begun so far by the threads that are there.
    pub(crate) fn begun(&self) -> u64 {
        let entries = self.entries.lock();
        entries.seats.iter().fold(0, |sum, (_, entry)| sum.wrapping_add(entry.seat.progress().0))
    }

    pub(crate) fn threads(&self) -> usize {
        self.word().threads()
    }

    pub(crate) fn idle(&self) -> usize {
        self.word().idle()
    }
}

impl<L> Entries<L> {
    /// Takes the one that sat down last: the others may run out of keep-alive. The idle count was lowered already.
    fn pop_resting(&mut self) -> Unparker {
        let key = self.resting.pop().expect("the idle count and the list of those at rest differ");
        let entry = &mut self.seats[key];
        entry.rests = false;
        entry.seat.unparker.clone()
    }
}
