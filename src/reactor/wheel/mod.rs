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
//! its own that nothing ever looks through.
//!
//! A slot is a vector of places in the arena, and an entry knows its position there, so removing is O(1): the slot's last
//! one takes the position. A slot that is taken apart names all its entries beforehand: their cache lines, which lie
//! scattered, are fetched side by side, where a linked list would fetch one after the other. Which slot an entry is in
//! follows from its tick and `now`, and is not stored.
//!
//! What has fired leaves the arena at once; whoever asks for it afterwards finds it gone, and knows from
//! [`Wheel::passed`] that it fired.
//!
//! Each slot keeps the earliest tick put into it, so [`Wheel::next`] is exact even for a slot that stands for hours.
//! Removal leaves it: at worst one wake-up for nothing, when the slot is taken apart and the truth found.
//!
//! Property test against a sorted map: `wheel/tests.rs`.

use crate::primitives::clock::{NEVER, Nanos};
use crate::primitives::prefetch;

/// Nanoseconds per tick, as a power of two.
const TICK_SHIFT: u32 = 16;
const LEVEL_BITS: u32 = 6;
const SLOTS_PER_LEVEL: usize = 1 << LEVEL_BITS;
const LEVELS: usize = 8;
/// The last tick that the levels can tell apart.
const LAST_TICK: u64 = (1 << (LEVEL_BITS as usize * LEVELS)) - 1;

/// The slot of entries too far away for any level.
const FAR: usize = LEVELS * SLOTS_PER_LEVEL;

/// No entry.
const NONE: u32 = u32::MAX;

/// An emptied arena that had grown beyond so many entries is given back, and so is a slot's vector beyond so many.
const KEPT_ENTRIES: usize = 4096;
const KEPT_IN_SLOT: usize = 128;

/// How many entries ahead a slot is fetched while it is taken apart.
const AHEAD: usize = 8;

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

#[derive(Debug)]
struct Slot {
    /// Where in the arena its entries are.
    members: Vec<u32>,
    /// The earliest tick put in since the slot was last empty.
    earliest: u64,
}

#[derive(Debug)]
pub(super) struct Entry<T> {
    /// None: the entry is vacant.
    payload: Option<T>,
    tick: u64,
    generation: u32,
    /// Where among its slot's members it is; of a vacant entry, the next vacant one.
    position: u32,
}

/// Names one entry of one wheel, until it fires or is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) index: u32,
    pub(super) generation: u32,
}

/// An insertion's outcome.
#[derive(Debug)]
pub(super) enum Inserted<T> {
    /// In the wheel; it becomes due at `due`, the deadline rounded up to a tick.
    Pending { key: Key, due: Nanos },
    /// Already due: the wheel has been advanced to the deadline or beyond. The payload comes back.
    Due(T),
}

/// What came of moving an entry.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reset<T> {
    /// It becomes due at this time.
    Pending(Nanos),
    /// The wheel has passed the new deadline: it has left the wheel.
    Due(T),
    /// It was no longer in the wheel.
    Gone,
}

impl<T> Wheel<T> {
    pub(super) fn new() -> Self {
        let slots = (0..=FAR).map(|_| Slot { members: Vec::new(), earliest: u64::MAX }).collect();
        Self { now: 0, occupied: [0; LEVELS], slots, entries: Vec::new(), vacant: NONE, len: 0, generation: 0 }
    }

    /// How many entries wait.
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
        let key = self.occupy(tick, payload);
        self.link(key.index);
        Inserted::Pending { key, due: due_at(tick) }
    }

    /// Removes an entry and hands back its payload, unless it is gone.
    pub(super) fn remove(&mut self, key: Key) -> Option<T> {
        self.get(key)?;
        self.unlink(key.index);
        self.vacate(key.index)
    }

    /// Moves an entry to another deadline.
    pub(super) fn reset(&mut self, key: Key, deadline: Nanos) -> Reset<T> {
        let tick = tick_of(deadline);
        if self.get(key).is_none() {
            return Reset::Gone;
        }
        self.unlink(key.index);
        if tick <= self.now {
            return self.vacate(key.index).map_or(Reset::Gone, Reset::Due);
        }
        self.entries[key.index as usize].tick = tick;
        self.link(key.index);
        Reset::Pending(due_at(tick))
    }

    /// The payload of an entry that waits. None: it has fired, or was removed.
    pub(super) fn get(&mut self, key: Key) -> Option<&mut T> {
        let entry = self.entries.get_mut(key.index as usize)?;
        if entry.generation == key.generation { entry.payload.as_mut() } else { None }
    }

    /// Hands out the payloads of all entries due at `now`, by tick and, unless some of that tick were removed, in the order
    /// they came. An earlier `now` than before changes nothing.
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

    /// All deadlines up to here have been handed out.
    pub(super) fn passed(&self) -> Nanos {
        self.now << TICK_SHIFT
    }

    /// When the next entry is due, or earlier if an entry was removed; [`NEVER`] if nothing waits.
    pub(super) fn next(&self) -> Nanos {
        match self.first_slot() {
            None => NEVER,
            Some((level, slot, _)) => due_at(self.slots[place(level, slot)].earliest),
        }
    }

    /// Empties the wheel: hands out the payloads of all that wait, due or not, those far away included.
    pub(super) fn end_all(&mut self, hand_out: impl FnMut(T)) {
        let entries = std::mem::take(&mut self.entries);
        *self = Self { now: self.now, generation: self.generation, ..Self::new() };
        entries.into_iter().filter_map(|entry| entry.payload).for_each(hand_out);
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
        let place = place(level, slot);
        let mut members = std::mem::take(&mut self.slots[place].members);
        self.now_empty(place);
        for &index in members.iter().take(AHEAD) {
            prefetch(&raw const self.entries[index as usize]);
        }
        for (number, &index) in members.iter().enumerate() {
            if let Some(&ahead) = members.get(number + AHEAD) {
                prefetch(&raw const self.entries[ahead as usize]);
            }
            if level > 0 {
                self.link(index);
            } else if let Some(payload) = self.vacate(index) {
                fire(payload);
            }
        }
        if members.capacity() <= KEPT_IN_SLOT {
            members.clear();
            self.slots[place].members = members;
        }
    }

    /// Appends an entry to the slot that its tick asks for.
    fn link(&mut self, index: u32) {
        let entry = &mut self.entries[index as usize];
        let place = place_of(self.now, entry.tick);
        let slot = &mut self.slots[place];
        // There are fewer members than entries, and those are counted in 32 bits.
        entry.position = slot.members.len() as u32;
        slot.members.push(index);
        slot.earliest = slot.earliest.min(entry.tick);
        if place < FAR {
            self.occupied[place / SLOTS_PER_LEVEL] |= 1 << (place % SLOTS_PER_LEVEL);
        }
    }

    /// Takes an entry out of its slot.
    fn unlink(&mut self, index: u32) {
        let &Entry { tick, position, .. } = &self.entries[index as usize];
        let place = place_of(self.now, tick);
        let members = &mut self.slots[place].members;
        let removed = members.swap_remove(position as usize);
        debug_assert_eq!(removed, index, "an entry is where its tick says");
        match members.get(position as usize) {
            Some(&moved) => self.entries[moved as usize].position = position,
            None if members.is_empty() => self.now_empty(place),
            None => {}
        }
    }

    /// The last member of a slot has gone.
    fn now_empty(&mut self, place: usize) {
        self.slots[place].earliest = u64::MAX;
        if place < FAR {
            self.occupied[place / SLOTS_PER_LEVEL] &= !(1 << (place % SLOTS_PER_LEVEL));
        }
    }

    /// Takes a vacant entry, or grows the arena by one.
    fn occupy(&mut self, tick: u64, payload: T) -> Key {
        let generation = self.generation;
        self.generation = generation.wrapping_add(1);
        self.len += 1;
        let entry = Entry { payload: Some(payload), tick, generation, position: NONE };
        if self.vacant == NONE {
            let index = u32::try_from(self.entries.len()).ok().filter(|&index| index != NONE);
            let index = index.expect("more than four thousand million timers in one shard");
            self.entries.push(entry);
            return Key { index, generation };
        }
        let index = self.vacant;
        self.vacant = std::mem::replace(&mut self.entries[index as usize], entry).position;
        if let Some(next) = self.entries.get(self.vacant as usize) {
            // The vacant ones are in the order in which they fired, and so all over the arena.
            prefetch(next);
        }
        Key { index, generation }
    }

    /// Gives an entry's place in the arena back, and its payload to the caller.
    fn vacate(&mut self, index: u32) -> Option<T> {
        let entry = &mut self.entries[index as usize];
        let payload = entry.payload.take();
        entry.position = self.vacant;
        self.vacant = index;
        self.len -= 1;
        if self.len == 0 && self.entries.capacity() > KEPT_ENTRIES {
            self.entries = Vec::new();
            self.vacant = NONE;
        }
        payload
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

/// Where a tick waits: on the level of the highest digit in which it differs from `now`.
fn place_of(now: u64, tick: u64) -> usize {
    if tick > LAST_TICK {
        return FAR;
    }
    let lowest_level = SLOTS_PER_LEVEL as u64 - 1;
    let level = ((now ^ tick | lowest_level).ilog2() / LEVEL_BITS) as usize;
    place(level, (tick >> (LEVEL_BITS * level as u32)) as usize % SLOTS_PER_LEVEL)
}

fn place(level: usize, slot: usize) -> usize {
    level * SLOTS_PER_LEVEL + slot
}

#[cfg(test)]
mod tests;
