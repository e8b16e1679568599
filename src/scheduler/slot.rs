//! A slot: the place of one worker, as the others see it.

use std::ops::Deref;

use super::lifo::LifoSlot;
use super::progress::{Control, Progress, is_in_poll};
use crate::primitives::CachePadded;
use crate::primitives::atomic::{AtomicU64, Ordering};
use crate::primitives::parker::Unparker;
use crate::queue::Stealer;
use crate::tasks::Notified;

#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) stealer: Stealer<Notified>,
    pub(crate) unparker: Unparker,
    pub(crate) lifo: CachePadded<LifoSlot>,
    /// The owner's line.
    progress: CachePadded<Progress>,
    /// The watch's line: the epoch it saw at its last tick.
    seen: CachePadded<AtomicU64>,
}

impl Slot {
    pub(crate) fn new(stealer: Stealer<Notified>, unparker: Unparker) -> Self {
        Self {
            stealer,
            unparker,
            lifo: CachePadded::new(LifoSlot::new()),
            progress: CachePadded::new(Progress::new(Control::Idle)),
            seen: CachePadded::new(AtomicU64::new(0)),
        }
    }

    /// The watch marks what it saw at this tick.
    pub(crate) fn mark_seen(&self, epoch: u64) {
        // Relaxed: a mark for thieves to judge age by; late is harmless.
        self.seen.store(epoch, Ordering::Relaxed);
    }

    /// Whether the poll in progress has lasted since before the watch's last tick.
    pub(crate) fn is_slow(&self) -> bool {
        let epoch = self.epoch();
        is_in_poll(epoch) && self.seen.load(Ordering::Relaxed) == epoch
    }
}

/// A slot is first of all what its thread is at.
impl Deref for Slot {
    type Target = Progress;

    #[inline]
    fn deref(&self) -> &Progress {
        &self.progress
    }
}
