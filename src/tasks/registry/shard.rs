//! One seat's part of the registry: a table of words that one thread fills and every thread may empty, without a lock.
//!
//! A word of the table is, by its two lowest bits:
//!
//! ```text
//!                 enter (owner)                 release
//!   FREE | next ───────────────▶ live task ─────────────────▶ FREE | next
//!                                 │     ▲
//!                    look (lock)  ▼     │ end of the look
//!                              LOOKED | task ──release──▶ LEFT | task ──end of the look──▶ FREE | next
//! ```
//!
//! * **Entering** is for one thread at a time, the owner: it takes a free word from a list of its own, refills that from what
//!   others have freed, or uses the next word that was never used. It needs no read-modify-write.
//! * **Releasing** is one exchange, from the task to FREE, on whatever thread the task ends. It compares with the task itself: if
//!   a shutdown has taken the word meanwhile, the exchange fails, whoever has the word by now, and there is nothing to release.
//!   The owner then puts the word on its own list, anyone else on the one that all share.
//! * **Looking** at a task that may end at any moment: LOOKED keeps the registry's reference where it is. A release that finds it
//!   sets LEFT and is done; the reference is now the looker's to give up. Lookers, and those who take tasks to shut them down,
//!   exclude each other by the registry's lock; nobody ever waits for them but they.
//! * The shared list is pushed to one word at a time, and taken as a whole by the owner, so a word that comes back to its top
//!   harms nobody.
//!
//! The table grows by levels, each twice the one before; it never moves and never shrinks: eight bytes for each task of the
//! largest number there has been, sixteen at most.

use std::ptr::{self, NonNull};

use crate::primitives::atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering};
use crate::primitives::{CachePadded, prefetch};
use crate::tasks::cell::Header;

/// What a word that holds no task has set.
const FREE: usize = 0b01;
/// Somebody looks at the task.
const LOOKED: usize = 0b10;
/// Looked at, and released meanwhile.
const LEFT: usize = 0b11;
const TAG: usize = 0b11;

// The tag lies in the lowest bits of a header's address.
const _: () = assert!(align_of::<Header>() > TAG);

/// How many words the first level has, and how many levels there can be: more words than keys.
const FIRST: u32 = 16;
const LEVELS: usize = 27;

/// The end of a list of free words, and more than any key: 30 bits, so that a link fits beside the tag in 32.
const NONE: u32 = u32::MAX >> 2;

type Word = AtomicPtr<Header>;

pub(super) struct Shard {
    /// Read and written by the owner alone, without anything else, but for `used`.
    owner: CachePadded<Owner>,
    /// The free words that others have given back: the first one's key, and above it how many there have ever been.
    freed: CachePadded<AtomicU64>,
    levels: [AtomicPtr<Level>; LEVELS],
}

struct Owner {
    /// The first free word of the owner's own list.
    free: AtomicU32,
    /// So many words have ever been used.
    used: AtomicU32,
    /// How often a word was filled less how often the owner emptied one; it may wrap.
    entered: AtomicU32,
}

struct Level(Box<[Word]>);

/// A task that is being looked at: it stays alive until `end` is called.
#[must_use]
pub(super) struct Looked<'a> {
    shard: &'a Shard,
    key: u32,
    task: NonNull<Header>,
}

impl Shard {
    pub(super) fn new() -> Self {
        Self {
            owner: CachePadded::new(Owner {
                free: AtomicU32::new(NONE),
                used: AtomicU32::new(0),
                entered: AtomicU32::new(0),
            }),
            freed: CachePadded::new(AtomicU64::new(u64::from(NONE))),
            levels: std::array::from_fn(|_| AtomicPtr::new(ptr::null_mut())),
        }
    }

    /// A word for a new task. For the owner alone: another at the same time might get the same word, and one of the two
    /// tasks would be missing here.
    pub(super) fn take_free(&self) -> u32 {
        // Relaxed, here and below: the owner's own.
        let mut free = self.owner.free.load(Ordering::Relaxed);
        if free == NONE {
            free = self.take_freed();
        }
        if free == NONE {
            return self.take_unused();
        }
        // Relaxed: the owner wrote the link itself, or took it together with the list (edge "freed").
        let word = self.word(free).load(Ordering::Relaxed);
        let next = next_of(word);
        self.owner.free.store(next, Ordering::Relaxed);
        if next != NONE {
            // The list is in the order in which tasks ended, and so all over the table.
            self.fetch(next);
        }
        free
    }

    /// All that others have given back.
    fn take_freed(&self) -> u32 {
        let mut now = self.freed.load(Ordering::Relaxed);
        while now as u32 != NONE {
            let empty = now & !u64::from(u32::MAX) | u64::from(NONE);
            // ORDERING: Acquire, edge "freed": pairs with each push in `give_back`, whose chain of exchanges it ends; without it a
            // link of the list might be read as it was before.
            match self.freed.compare_exchange_weak(now, empty, Ordering::Acquire, Ordering::Relaxed) {
                Ok(_) => break,
                Err(other) => now = other,
            }
        }
        now as u32
    }

    fn take_unused(&self) -> u32 {
        let used = self.owner.used.load(Ordering::Relaxed);
        let (level, place) = locate(used);
        assert!(used < NONE, "more than a thousand million tasks of one worker");
        if place == 0 {
            let words = (0..FIRST << level).map(|_| Word::new(free_with(NONE))).collect();
            let new = Box::into_raw(Box::new(Level(words)));
            // Relaxed: published by the store to `used`.
            self.levels[level].store(new, Ordering::Relaxed);
        }
        // ORDERING: Release, edge "grown": publishes the level to whoever walks through all words.
        self.owner.used.store(used + 1, Ordering::Release);
        used
    }

    /// Puts a task into a word that `take_free` gave.
    pub(super) fn enter(&self, key: u32, task: NonNull<Header>) {
        self.count_entered(1);
        // ORDERING: Release, edge "entered": publishes the task's header to whoever looks at it or shuts it down.
        self.word(key).store(task.as_ptr(), Ordering::Release);
    }

    /// Asks the processor for a word that will be written soon.
    pub(super) fn fetch(&self, key: u32) {
        prefetch(ptr::from_ref(self.word(key)));
    }

    /// Takes the task out of its word. False if it is not there: a shutdown has it, or a looker will give up its reference.
    pub(super) fn release(&self, key: u32, task: &Header, by_owner: bool) -> bool {
        let word = self.word(key);
        let live = ptr::from_ref(task).cast_mut();
        // Relaxed: the owner's own; anyone else writes the link when it gives the word back.
        let next = if by_owner { self.owner.free.load(Ordering::Relaxed) } else { NONE };
        loop {
            // ORDERING: Acquire, edge "looked": a look that is over comes before whatever is done to the task after this.
            match word.compare_exchange(live, free_with(next), Ordering::Acquire, Ordering::Relaxed) {
                Ok(_) if by_owner => {
                    self.owner.free.store(key, Ordering::Relaxed);
                    self.count_entered(u32::MAX);
                }
                Ok(_) => self.give_back(key),
                Err(now) if now == tagged(live, LOOKED) => {
                    // ORDERING: Release, edge "left": what was done with the task comes before the looker gives its reference up.
                    let left = word.compare_exchange(now, tagged(live, LEFT), Ordering::Release, Ordering::Relaxed);
                    if left.is_ok() {
                        return false;
                    }
                    // The look is over: once more.
                    continue;
                }
                Err(_) => return false,
            }
            return true;
        }
    }

    /// Adds to the owner's count, modulo 2³².
    fn count_entered(&self, more: u32) {
        // Relaxed, a load and a store: the owner's own.
        let entered = self.owner.entered.load(Ordering::Relaxed);
        self.owner.entered.store(entered.wrapping_add(more), Ordering::Relaxed);
    }

    /// Puts a word without a task onto the shared list.
    fn give_back(&self, key: u32) {
        let mut now = self.freed.load(Ordering::Relaxed);
        loop {
            // Relaxed: published by the exchange.
            self.word(key).store(free_with(now as u32), Ordering::Relaxed);
            let count = (now >> 32).wrapping_add(1);
            // ORDERING: Release, edge "freed": publishes the link to the owner's exchange.
            match self.freed.compare_exchange_weak(
                now,
                count << 32 | u64::from(key),
                Ordering::Release,
                Ordering::Relaxed,
            ) {
                Ok(_) => return,
                Err(other) => now = other,
            }
        }
    }

    /// How many words hold a task: exact when nothing happens meanwhile.
    pub(super) fn len(&self) -> usize {
        // Relaxed: a figure for reports; nothing is read on the strength of it.
        let given_back = (self.freed.load(Ordering::Relaxed) >> 32) as u32;
        let len = self.owner.entered.load(Ordering::Relaxed).wrapping_sub(given_back);
        // Seen at two moments, it may be less than nothing.
        if len < NONE { len as usize } else { 0 }
    }

    /// How many words there are to walk through.
    pub(super) fn used(&self) -> u32 {
        // ORDERING: Acquire, edge "grown": whoever sees the number sees the levels.
        self.owner.used.load(Ordering::Acquire)
    }

    /// Looks at the task in a word, if there is one. Under the registry's lock.
    pub(super) fn look(&self, key: u32) -> Option<Looked<'_>> {
        let word = self.word(key);
        // Relaxed: a guess that the exchange confirms.
        let now = word.load(Ordering::Relaxed);
        let task = NonNull::new(now).filter(|task| task.addr().get() & TAG == 0)?;
        // ORDERING: Acquire, edge "entered": the header is read now.
        word.compare_exchange(now, tagged(now, LOOKED), Ordering::Acquire, Ordering::Relaxed).ok()?;
        Some(Looked { shard: self, key, task })
    }

    /// Takes the task out of a word, to shut it down. Under the registry's lock, so nobody looks at it.
    pub(super) fn take(&self, key: u32) -> Option<NonNull<Header>> {
        let word = self.word(key);
        // Relaxed: a guess that the exchange confirms.
        let now = word.load(Ordering::Relaxed);
        let task = NonNull::new(now).filter(|task| task.addr().get() & TAG == 0)?;
        // ORDERING: Acquire, edge "entered": the header is read now.
        word.compare_exchange(now, free_with(NONE), Ordering::Acquire, Ordering::Relaxed).ok()?;
        self.give_back(key);
        Some(task)
    }

    fn word(&self, key: u32) -> &Word {
        let (level, place) = locate(key);
        // Relaxed: a key that anyone knows of came after the "grown" edge, or with the task.
        let level = self.levels[level].load(Ordering::Relaxed);
        // SAFETY: the level of a key that was given out was made from a Box before, and is freed in `drop` only.
        let level = unsafe { NonNull::new(level).expect("the level of a used key").as_ref() };
        &level.0[place]
    }
}

impl Drop for Shard {
    fn drop(&mut self) {
        for level in &self.levels {
            // Relaxed: `&mut self`, nobody else is here.
            if let Some(level) = NonNull::new(level.load(Ordering::Relaxed)) {
                // SAFETY: it came from Box::into_raw, and nobody can hold a reference while `self` drops.
                drop(unsafe { Box::from_raw(level.as_ptr()) });
            }
        }
    }
}

impl Looked<'_> {
    pub(super) fn header(&self) -> &Header {
        // SAFETY: LOOKED keeps the registry's reference from being given up.
        unsafe { self.task.as_ref() }
    }

    /// Ends the look. The task, if it was released meanwhile: its reference is the caller's now.
    pub(super) fn end(self) -> Option<NonNull<Header>> {
        let (word, live) = (self.shard.word(self.key), self.task.as_ptr());
        // ORDERING: Release, edge "looked": what was read of the task comes before the release that follows, and so before its
        // memory is freed. (The models do not see memory being freed, and so not whether this is Relaxed.) Acquire on failure,
        // edge "left".
        match word.compare_exchange(tagged(live, LOOKED), live, Ordering::Release, Ordering::Acquire) {
            Ok(_) => None,
            Err(_) => {
                self.shard.give_back(self.key);
                Some(self.task)
            }
        }
    }
}

/// The level of a key and its place there: level `n` begins at `FIRST · (2ⁿ − 1)`.
fn locate(key: u32) -> (usize, usize) {
    let level = (key / FIRST + 1).ilog2();
    (level as usize, (key - FIRST * ((1 << level) - 1)) as usize)
}

fn tagged(task: *mut Header, tag: usize) -> *mut Header {
    task.map_addr(|address| address | tag)
}

fn free_with(next: u32) -> *mut Header {
    ptr::without_provenance_mut((next as usize) << 2 | FREE)
}

fn next_of(word: *mut Header) -> u32 {
    (word.addr() >> 2) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_fill_the_levels_without_gaps() {
        let mut expected = (0, 0);
        for key in 0..100_000 {
            assert_eq!(locate(key), expected, "key {key}");
            expected.1 += 1;
            if expected.1 == (FIRST as usize) << expected.0 {
                expected = (expected.0 + 1, 0);
            }
        }
        assert!(locate(NONE - 1).0 < LEVELS);
    }

    #[test]
    fn words_that_the_owner_and_others_free_are_used_again() {
        let shard = Shard::new();
        let keys: Vec<_> = (0..100).map(|_| shard.take_free()).collect();
        assert_eq!(keys, (0..100).collect::<Vec<_>>());
        (0..100).for_each(|key| shard.enter(key, NonNull::dangling()));
        assert_eq!(shard.len(), 100);
        (0..50).for_each(|key| shard.give_back(key));
        assert_eq!(shard.len(), 50);
        let mut again: Vec<_> = (0..50).map(|_| shard.take_free()).collect();
        again.sort_unstable();
        assert_eq!(again, (0..50).collect::<Vec<_>>());
        assert_eq!((shard.take_free(), shard.used()), (100, 101));
    }
}
