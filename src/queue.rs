//! The run queues: the one file that names crossbeam-deque.
//!
//! `Local` is one worker's FIFO, `Stealer` its far end, `Injector` the queue all may push to. `loom-tests` puts stand-ins
//! in this place that are as weak as the real ones: the same orderings, no lock that would lend a missing fence.

pub(crate) use crossbeam_deque::{Injector, Steal, Stealer, Worker as Local};
