//! The watch: once per tick it looks at each worker's epoch, and rescues what waits behind a poll that does not end.
//!
//! Today it does the first step of `handoff.md`: it empties the LIFO slot of a slow poll and makes its queue known. It runs
//! on the reactor thread; it is a plain function of the slots, so a driver decides when a tick is.

use super::shared::Shared;
use super::slot::is_in_poll;
use crate::primitives::Arc;

pub(crate) struct Watch {
    shared: Arc<Shared>,
    /// The epoch of each slot at the last tick.
    last: Vec<u64>,
}

impl Watch {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, last: Vec::new() }
    }

    /// Looks at every slot once.
    pub(crate) fn tick(&mut self) {
        let mut rescued = false;
        self.last.resize(self.shared.slots.len(), 0);
        for ((_, slot), last) in self.shared.slots.iter().zip(&mut self.last) {
            let epoch = slot.epoch();
            let slow = *last == epoch && is_in_poll(epoch);
            *last = epoch;
            slot.mark_seen(epoch);
            if slow {
                if let Some(task) = slot.lifo.take() {
                    self.shared.injector.push(task);
                    rescued = true;
                }
                rescued |= !slot.stealer.is_empty();
            }
        }
        if rescued {
            self.shared.notify();
        }
    }
}
