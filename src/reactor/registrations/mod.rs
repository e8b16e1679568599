//! The registered sources, found by the token that the event queue hands back.
//!
//! A token is a place in the table and that place's generation, which rises each time it is given up. So an event already
//! under way when its source was deregistered finds a newer generation, or nobody, and is dropped: it never reaches the
//! source that has the place, or the descriptor's number, next. (libuv and tokio each had a use after free here.)
//!
//! The lock is taken once per batch of events. Below it lies only the lock of one source's waiters, never the other way.
//! Model: `loom-tests/src/models/readiness.rs`.

use std::io;
use std::task::Waker;

use super::readiness::{Ready, ScheduledIo, shut_down_error};
use crate::primitives::{Arc, Mutex, MutexGuard};

/// How many bits of a token are the place; the rest are the generation.
const PLACE_BITS: u32 = if usize::BITS >= 64 { 32 } else { 20 };
/// Fewer places than fit, so that no token meets the poller's own two, at the top end.
const PLACES: usize = (1 << PLACE_BITS) - 2;
const GENERATIONS: usize = 1 << (usize::BITS - PLACE_BITS);

#[derive(Debug, Default)]
pub(super) struct Registrations {
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    places: Vec<Place>,
    vacant: Vec<usize>,
    closed: bool,
}

#[derive(Debug, Default)]
struct Place {
    generation: usize,
    io: Option<Arc<ScheduledIo>>,
}

/// The table, locked for one batch of events.
pub(super) struct Batch<'a>(MutexGuard<'a, Table>);

impl Registrations {
    /// Makes a place for a source that is taken to be ready for `initial`.
    ///
    /// # Errors
    /// The runtime was shut down, or no place is left.
    pub(super) fn insert(&self, initial: Ready) -> io::Result<Arc<ScheduledIo>> {
        let mut table = self.table.lock();
        if table.closed {
            return Err(shut_down_error());
        }
        if table.vacant.is_empty() {
            if table.places.len() == PLACES {
                return Err(io::Error::other("too many sources are registered with one runtime"));
            }
            let place = table.places.len();
            table.places.push(Place::default());
            table.vacant.push(place);
        }
        let place = table.vacant.pop().unwrap_or_default();
        let token = table.places[place].generation << PLACE_BITS | place;
        let io = Arc::new(ScheduledIo::new(token, initial));
        table.places[place].io = Some(io.clone());
        Ok(io)
    }

    /// Gives a source's place up. Events under way for it go nowhere from now on.
    pub(super) fn remove(&self, io: &Arc<ScheduledIo>) {
        let mut table = self.table.lock();
        let number = io.token % (1 << PLACE_BITS);
        let place = &mut table.places[number];
        // After a shutdown the table is empty.
        let removed = place.io.take_if(|held| Arc::ptr_eq(held, io));
        if removed.is_some() {
            place.generation = (place.generation + 1) % GENERATIONS;
            table.vacant.push(number);
        }
        drop(table);
        // May be the last reference, and so drop wakers: the lock is free again by now.
        drop(removed);
    }

    /// Locks the table for a batch of events.
    pub(super) fn batch(&self) -> Batch<'_> {
        Batch(self.table.lock())
    }

    /// The event queue is broken: gives everyone who waits, and everyone registered, this error.
    pub(super) fn fail_all(&self, errno: i32, wakers: &mut Vec<Waker>) {
        let table = self.table.lock();
        table.sources().for_each(|io| io.fail(errno, wakers));
    }

    /// Refuses registrations from now on, and ends all waiting.
    pub(super) fn shut_down(&self, wakers: &mut Vec<Waker>) {
        let mut table = self.table.lock();
        table.closed = true;
        table.sources().for_each(|io| io.shut_down(wakers));
        let released: Vec<_> = table.places.iter_mut().filter_map(|place| place.io.take()).collect();
        drop(table);
        drop(released);
    }

    /// How many sources are registered.
    #[allow(dead_code, reason = "see `Reactor::sources`")]
    pub(super) fn len(&self) -> usize {
        self.table.lock().sources().count()
    }
}

impl Table {
    fn sources(&self) -> impl Iterator<Item = &Arc<ScheduledIo>> {
        self.places.iter().filter_map(|place| place.io.as_ref())
    }
}

impl Batch<'_> {
    /// Brings one event to its source, if that is still registered, and collects the wakers of those who wait for it.
    pub(super) fn dispatch(&self, token: usize, ready: Ready, wakers: &mut Vec<Waker>) {
        let place = self.0.places.get(token % (1 << PLACE_BITS));
        if let Some(io) = place.and_then(|place| place.io.as_ref()).filter(|io| io.token == token) {
            io.set(ready, wakers);
        }
    }
}

#[cfg(test)]
mod tests;
