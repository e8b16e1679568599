//! The timer wheel: deadlines in, due payloads out, as pure data without lock, clock or waker.
//!
//! ```text
//!   deadline (64-bit nanoseconds)
//!   ┌───────┬───────┬───────┬───────┬───────┬───────┬───────┬───────┬──────────────────┐
//!   │level 7│level 6│level 5│level 4│level 3│level 2│level 1│level 0│ rest of a tick   │
//!   │ 6 bits│ 6 bits│ 6 bits│ 6 bits│ 6 bits│ 6 bits│ 6 bits│ 6 bits│ 16 bits = 65.5 µs│
//!   └───────┴───────┴───────┴───────┴───────┴───────┴───────┴───────┴──────────────────┘
//! ```
//!
//! An entry lies on the level of the highest digit in which its tick differs from `now`, in the slot named by that
//! digit. Hence: 48 bits of ticks are covered exactly and no level ever wraps; the slots of one level lie ahead of `now`
//! in plain order, so the first set bit of the lowest occupied level is the earliest slot of all; and an entry moves down
//! at most seven times in its life. (Hashed hierarchical wheels: Varghese and Lauck, 1987.)
//!
//! Never early: a deadline is rounded up to its tick and `now` down. Far away: what no tick can hold waits in a list of
//! its own that nothing ever looks through. Removing is O(1): a key is an index into the arena with a generation.
//!
//! Each slot keeps the earliest tick put into it, so [`Wheel::next`] is exact even for a slot that stands for hours.
//! Removal leaves it: at worst one wake-up for nothing, when the slot is taken apart and the truth found.
//!
//! Property test against a sorted map: `wheel/tests.rs`.

use crate::primitives::clock::{NEVER, Nanos};

/// Nanoseconds per tick, as a power of two.
const TICK_SHIFT: u32 = 16;
const LEVEL_BITS: u32 = 6;
const SLOTS_PER_LEVEL: usize = 1 << LEVEL_BITS;
const LEVELS: usize = 8;
/// The last tick that the levels can tell apart.
const LAST_TICK: u64 = (1 << (LEVEL_BITS as usize * LEVELS)) - 1;

/// The list of entries too far away for any level.
const FAR: u16 = (LEVELS * SLOTS_PER_LEVEL) as u16;
const FIRED: u16 = FAR + 1;
const ENDED: u16 = FAR + 2;
const VACANT: u16 = FAR + 3;

/// No entry.
const NONE: u32 = u32::MAX;

/// An emptied arena that had grown beyond so many entries is given back.
const KEPT_ENTRIES: usize = 4096;

/// Deadlines with a payload each.
#[derive(Debug)]
pub(super) struct Wheel<T> {
    /// All that was due up to this tick has been handed out.
    now: u64,
    /// Per level, one bit for each slot that is not empty.
    occupied: [u64; LEVELS],
    slots: Box<[Slot]>,
    entries: Vec<Entry<T>>,
    /// Head of the list of vacant entries.
    vacant: u32,
    /// How many entries are not vacant.
    len: usize,
    /// The generation for the next entry: one counter for all, so that keys stay unique when the arena is given back.
    generation: u32,
}

#[derive(Debug, Clone, Copy)]
struct Slot {
    head: u32,
    tail: u32,
    /// The earliest tick put in since the slot was last empty.
    earliest: u64,
}

const EMPTY_SLOT: Slot = Slot { head: NONE, tail: NONE, earliest: u64::MAX };

#[derive(Debug)]
pub(super) struct Entry<T> {
    payload: Option<T>,
    tick: u64,
    next: u32,
    previous: u32,
    generation: u32,
    /// Index of the slot, or [`FAR`], [`FIRED`], [`ENDED`], [`VACANT`].
    place: u16,
}

/// Names one entry of one wheel, until it is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) index: u32,
    pub(super) generation: u32,
}

/// What an entry is found to be.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum State<'a, T> {
    /// It waits, with this payload.
    Pending(&'a mut T),
    /// It was due, and its payload has been handed out.
    Fired,
    /// It was ended before it was due, and its payload has been handed out.
    Ended,
    /// No such entry: it was removed.
    Gone,
}

/// An insertion's outcome.
#[derive(Debug)]
pub(super) enum Inserted<T> {
    /// In the wheel; it becomes due at `due`, the deadline rounded up to a tick.
    Pending { key: Key, due: Nanos },
    /// Already due: the wheel has been advanced to the deadline or beyond. The payload comes back.
    Due(T),
}

impl<T> Wheel<T> {
    pub(super) fn new() -> Self {
        Self {
            now: 0,
            occupied: [0; LEVELS],
            slots: vec![EMPTY_SLOT; FAR as usize + 1].into_boxed_slice(),
            entries: Vec::new(),
            vacant: NONE,
            len: 0,
            generation: 0,
        }
    }

    /// How many entries there are, fired ones that nobody has removed yet included.
    #[allow(dead_code, reason = "see `Timers::len`")]
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Puts in a deadline.
    pub(super) fn insert(&mut self, deadline: Nanos, payload: T) -> Inserted<T> {
        let tick = tick_of(deadline);
        if tick <= self.now {
            return Inserted::Due(payload);
        }
        let index = self.occupy(tick, payload);
        self.link(index);
        Inserted::Pending { key: Key { index, generation: self.entries[index as usize].generation }, due: due_at(tick) }
    }

    /// Removes an entry, pending or fired. The payload of a pending one comes back.
    pub(super) fn remove(&mut self, key: Key) -> Option<T> {
        let entry = self.entry_mut(key)?;
        let payload = entry.payload.take();
        if entry.place <= FAR {
            self.unlink(key.index);
        }
        self.vacate(key.index);
        payload
    }

    /// Moves a pending entry to another deadline and says when it is due now. A deadline the wheel has already passed
    /// becomes due at the next advance. `None`: it no longer waits; nothing has changed.
    pub(super) fn reset(&mut self, key: Key, deadline: Nanos) -> Option<Nanos> {
        let tick = tick_of(deadline).max(self.now);
        if self.entry_mut(key)?.place > FAR {
            return None;
        }
        self.unlink(key.index);
        self.entries[key.index as usize].tick = tick;
        self.link(key.index);
        Some(due_at(tick))
    }

    /// What has become of an entry.
    pub(super) fn state(&mut self, key: Key) -> State<'_, T> {
        match self.entry_mut(key) {
            None => State::Gone,
            Some(Entry { place: ENDED, .. }) => State::Ended,
            Some(entry) => entry.payload.as_mut().map_or(State::Fired, State::Pending),
        }
    }

    /// Hands out the payloads of all entries due at `now`, by tick and, within one, in the order they came. An earlier
    /// `now` than before changes nothing.
    pub(super) fn advance(&mut self, now: Nanos, mut fire: impl FnMut(T)) {
        let target = now >> TICK_SHIFT;
        while let Some((level, slot, start)) = self.first_slot() {
            if start > target {
                break;
            }
            self.now = start.max(self.now);
            self.empty_slot(level, slot, &mut fire);
        }
        self.now = target.max(self.now);
    }

    /// When the next entry is due, or earlier if an entry was removed; [`NEVER`] if nothing waits.
    pub(super) fn next(&self) -> Nanos {
        match self.first_slot() {
            None => NEVER,
            Some((level, slot, _)) => due_at(self.slots[place(level, slot) as usize].earliest),
        }
    }

    /// Ends every pending entry, due or not, those far away included: hands out its payload.
    pub(super) fn end_all(&mut self, mut hand_out: impl FnMut(T)) {
        for entry in self.entries.iter_mut().filter(|entry| entry.place <= FAR) {
            entry.place = ENDED;
            if let Some(payload) = entry.payload.take() {
                hand_out(payload);
            }
        }
        self.occupied = [0; LEVELS];
        self.slots.fill(EMPTY_SLOT);
    }

    /// The earliest slot that is not empty: its level, its number there, and the first tick it stands for.
    fn first_slot(&self) -> Option<(usize, usize, u64)> {
        let level = self.occupied.iter().position(|&slots| slots != 0)?;
        let slot = self.occupied[level].trailing_zeros() as usize;
        let shift = LEVEL_BITS * level as u32;
        // `now` with this level's digit replaced and all lower ones zero.
        let above = self.now >> (shift + LEVEL_BITS) << (shift + LEVEL_BITS);
        Some((level, slot, above | (slot as u64) << shift))
    }

    /// Takes a slot apart: on the lowest level its entries fire, on others they move down.
    fn empty_slot(&mut self, level: usize, slot: usize, fire: &mut impl FnMut(T)) {
        let place = place(level, slot) as usize;
        let mut index = std::mem::replace(&mut self.slots[place], EMPTY_SLOT).head;
        self.occupied[level] &= !(1 << slot);
        while index != NONE {
            let entry = &mut self.entries[index as usize];
            let next = entry.next;
            if level == 0 {
                entry.place = FIRED;
                if let Some(payload) = entry.payload.take() {
                    fire(payload);
                }
            } else {
                self.link(index);
            }
            index = next;
        }
    }

    /// Appends an entry to the slot that its tick asks for.
    fn link(&mut self, index: u32) {
        let tick = self.entries[index as usize].tick;
        let place = if tick > LAST_TICK {
            FAR
        } else {
            let level = level_of(self.now, tick);
            let slot = (tick >> (LEVEL_BITS * level as u32)) as usize % SLOTS_PER_LEVEL;
            self.occupied[level] |= 1 << slot;
            place(level, slot)
        };
        let slot = &mut self.slots[place as usize];
        let previous = std::mem::replace(&mut slot.tail, index);
        slot.earliest = slot.earliest.min(tick);
        if previous == NONE {
            slot.head = index;
        } else {
            self.entries[previous as usize].next = index;
        }
        let entry = &mut self.entries[index as usize];
        (entry.previous, entry.next, entry.place) = (previous, NONE, place);
    }

    /// Takes an entry out of its slot.
    fn unlink(&mut self, index: u32) {
        let &Entry { previous, next, place, .. } = &self.entries[index as usize];
        if previous == NONE {
            self.slots[place as usize].head = next;
        } else {
            self.entries[previous as usize].next = next;
        }
        if next == NONE {
            self.slots[place as usize].tail = previous;
        } else {
            self.entries[next as usize].previous = previous;
        }
        if previous == NONE && next == NONE {
            self.slots[place as usize] = EMPTY_SLOT;
            if place < FAR {
                self.occupied[place as usize / SLOTS_PER_LEVEL] &= !(1 << (place as usize % SLOTS_PER_LEVEL));
            }
        }
    }

    fn entry_mut(&mut self, key: Key) -> Option<&mut Entry<T>> {
        let entry = self.entries.get_mut(key.index as usize)?;
        (entry.generation == key.generation && entry.place != VACANT).then_some(entry)
    }

    /// Takes a vacant entry, or grows the arena by one.
    fn occupy(&mut self, tick: u64, payload: T) -> u32 {
        self.len += 1;
        let generation = self.generation;
        self.generation = generation.wrapping_add(1);
        let entry = Entry { payload: Some(payload), tick, next: NONE, previous: NONE, generation, place: VACANT };
        if self.vacant == NONE {
            let index = u32::try_from(self.entries.len()).ok().filter(|&index| index != NONE);
            self.entries.push(entry);
            return index.expect("more than four thousand million timers in one shard");
        }
        let index = self.vacant;
        self.vacant = std::mem::replace(&mut self.entries[index as usize], entry).next;
        index
    }

    fn vacate(&mut self, index: u32) {
        let entry = &mut self.entries[index as usize];
        (entry.place, entry.next) = (VACANT, self.vacant);
        self.vacant = index;
        self.len -= 1;
        if self.len == 0 && self.entries.capacity() > KEPT_ENTRIES {
            self.entries = Vec::new();
            self.vacant = NONE;
        }
    }
}

/// The first tick at which `deadline` has passed.
fn tick_of(deadline: Nanos) -> u64 {
    deadline.div_ceil(1 << TICK_SHIFT)
}

/// When a tick begins.
fn due_at(tick: u64) -> Nanos {
    if tick > LAST_TICK { NEVER } else { tick << TICK_SHIFT }
}

/// The level of a tick: that of the highest digit in which it differs from `now`.
fn level_of(now: u64, tick: u64) -> usize {
    let lowest_level = SLOTS_PER_LEVEL as u64 - 1;
    ((now ^ tick | lowest_level).ilog2() / LEVEL_BITS) as usize
}

fn place(level: usize, slot: usize) -> u16 {
    (level * SLOTS_PER_LEVEL + slot) as u16
}

#[cfg(test)]
mod tests;
