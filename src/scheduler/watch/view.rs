//! What the watch knows of each poll it looks at.

use std::ops::{Index, IndexMut};
use std::panic::Location;

use super::super::progress::Progress;
use super::super::stall::{Class, Place, PollOf};
use super::super::thread_state::{Account, Probe};
use crate::primitives::clock::{NEVER, Nanos};

/// One view for each entry of the two tables.
#[derive(Debug, Default)]
pub(super) struct Views {
    pub(super) slots: Vec<View>,
    pub(super) visitors: Vec<View>,
}

/// A task's number, and where it was spawned.
pub(super) type Task = (u64, &'static Location<'static>);

impl Views {
    /// The view of this place, one that knows nothing yet if it is new. The watch comes to a table's entries in their order.
    pub(super) fn get_or_add(&mut self, place: Place) -> &mut View {
        let (views, index) = self.table(place);
        if index == views.len() {
            views.push(View::new());
        }
        &mut views[index]
    }

    fn table(&mut self, place: Place) -> (&mut Vec<View>, usize) {
        match place {
            Place::Slot(index) => (&mut self.slots, index),
            Place::Visitor(index) => (&mut self.visitors, index),
        }
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &View> {
        self.slots.iter().chain(&self.visitors)
    }

    pub(super) fn all_mut(&mut self) -> impl Iterator<Item = &mut View> {
        self.slots.iter_mut().chain(&mut self.visitors)
    }
}

impl Index<Place> for Views {
    type Output = View;

    fn index(&self, place: Place) -> &View {
        match place {
            Place::Slot(index) => &self.slots[index],
            Place::Visitor(index) => &self.visitors[index],
        }
    }
}

impl IndexMut<Place> for Views {
    fn index_mut(&mut self, place: Place) -> &mut View {
        let (views, index) = self.table(place);
        &mut views[index]
    }
}

/// What the watch knows of one poll.
#[derive(Debug)]
pub(super) struct View {
    pub(super) epoch: u64,
    /// When this epoch was first seen; moved on by the time in which the process was stopped.
    pub(super) since: Nanos,
    pub(super) looks: u32,
    pub(super) next_look: Nanos,
    pub(super) probe: Option<Probe>,
    pub(super) account: Account,
    pub(super) class: Option<Class>,
    /// This thread was revoked as a hog and is still at it.
    pub(super) is_hog: bool,
    /// How long it must have been stuck for the next notice, and when to look whether it was.
    pub(super) next_notice: Nanos,
    pub(super) due: Nanos,
    /// Whether the last look found it in a call that it had said may block, and for how long it was in such calls.
    pub(super) declared: bool,
    pub(super) excused: Nanos,
    /// The task that a notice named; its end is told by that name too.
    pub(super) noticed: Option<Task>,
}

impl View {
    /// How long the poll has lasted, calls left out that it had said may block.
    pub(super) fn age(&self, now: Nanos) -> Nanos {
        now.saturating_sub(self.since).saturating_sub(self.excused)
    }

    /// The time since `last` counts for nobody.
    pub(super) fn excuse(&mut self, last: Nanos, now: Nanos) {
        self.excused += now.saturating_sub(last.max(self.since));
    }

    /// The poll that the view is of.
    pub(super) fn poll_of(&self, place: Place, progress: &Progress) -> PollOf {
        PollOf { place, epoch: self.epoch, thread: progress.thread() }
    }

    pub(super) fn new() -> Self {
        Self {
            epoch: 0,
            since: 0,
            looks: 0,
            next_look: 0,
            probe: None,
            account: Account::default(),
            class: None,
            is_hog: false,
            next_notice: NEVER,
            due: NEVER,
            declared: false,
            excused: 0,
            noticed: None,
        }
    }
}
