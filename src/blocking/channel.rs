//! The queue before the blocking threads: the one file that names crossbeam-channel.
//!
//! Threads take from it without waiting and sleep elsewhere, in the roster: a receiver asleep in the channel would be woken
//! by each single send, and that wake is what a burst of short jobs cannot afford. `loom-tests` puts a stand-in in this place
//! which is as weak: what `is_empty` and `pop` read of a push is not ordered by the queue but by the pool's own fences.

use crossbeam_channel::{Receiver, Sender};

/// An unbounded queue, first in, first out; any thread may push and pop.
#[derive(Debug)]
pub(crate) struct Queue<T> {
    sender: Sender<T>,
    receiver: Receiver<T>,
}

impl<T> Queue<T> {
    pub(crate) fn new() -> Self {
        let (sender, receiver) = crossbeam_channel::unbounded();
        Self { sender, receiver }
    }

    #[inline]
    pub(crate) fn push(&self, item: T) {
        let sent = self.sender.send(item);
        assert!(sent.is_ok(), "the queue holds both ends of its channel");
    }

    #[inline]
    pub(crate) fn pop(&self) -> Option<T> {
        self.receiver.try_recv().ok()
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.receiver.is_empty()
    }

    #[allow(dead_code)] // until the runtime's metrics are there
    pub(crate) fn len(&self) -> usize {
        self.receiver.len()
    }
}
