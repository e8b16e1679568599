//! Counting drops: each thing made must go exactly once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Counts how many of its tokens were made and dropped.
#[derive(Debug, Clone, Default)]
pub(crate) struct DropCounter(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    made: AtomicUsize,
    dropped: AtomicUsize,
}

/// Move one into each thing whose drop matters.
#[derive(Debug)]
pub(crate) struct DropToken(DropCounter);

impl DropCounter {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn token(&self) -> DropToken {
        self.0.made.fetch_add(1, Ordering::Relaxed);
        DropToken(self.clone())
    }

    pub(crate) fn dropped(&self) -> usize {
        // ORDERING: Acquire, edge "made/dropped": whoever sees a drop sees the making. Without it there could be fewer tokens
        // than none.
        self.0.dropped.load(Ordering::Acquire)
    }

    /// How many tokens are still there, or were a moment ago.
    pub(crate) fn alive(&self) -> usize {
        // The drops first: a token may come and go between the two looks.
        let dropped = self.dropped();
        self.0.made.load(Ordering::Relaxed) - dropped
    }

    /// Every token made was dropped, once; `expected` were made.
    #[track_caller]
    pub(crate) fn assert_all_dropped(&self, expected: usize) {
        assert_eq!(self.0.made.load(Ordering::Relaxed), expected, "tokens made");
        assert_eq!(self.dropped(), expected, "tokens dropped");
    }
}

impl Clone for DropToken {
    fn clone(&self) -> Self {
        self.0.token()
    }
}

impl Drop for DropToken {
    fn drop(&mut self) {
        // ORDERING: Release, edge "made/dropped": publishes the making, which was before, to whoever sees the drop.
        self.0.0.dropped.fetch_add(1, Ordering::Release);
    }
}
