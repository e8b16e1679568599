//! What was told of each place, and what was not: a new stall once a second, the others counted until somebody hears of them.
//!
//! ```text
//! Detected ──▶ told, if the place's last one was a second ago ──▶ Ongoing, Ended: told
//!         └──▶ else counted ──▶ Ongoing: told as if detected, if by now it was a second ago; else neither that nor Ended
//! ```
//!
//! The count goes out with the next report of the place, whichever it is. If there is none for a while, or the reports end, it
//! is told by itself: no stall stays unmentioned.

use std::collections::HashMap;
use std::panic::Location;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::scheduler::stall::{self, Class, Notice, Stage};

/// How far apart two new stalls of one place are reported.
const APART: Duration = Duration::from_secs(1);

/// How much longer a count waits for a report to go with.
const PATIENCE: Duration = Duration::from_millis(500);

/// How many reported stalls of one place are remembered at most. Ends may get lost, when the queue is full.
const OPEN: usize = 256;

/// A notice, with what may be gone when it is its turn.
#[derive(Debug, Clone)]
pub(super) struct Heard {
    pub(super) notice: Notice,
    /// The task's name.
    pub(super) name: Option<Arc<str>>,
}

/// One of the stalls of a place: see [`Notice::of`].
type Stall = (u64, Option<(stall::Place, u64)>);

/// A place, and whether it is what is said of the whole process that bears it: a future may have the same one.
pub(super) type Place = (&'static Location<'static>, bool);

impl Heard {
    pub(super) fn place(&self) -> Place {
        (self.notice.location, self.notice.class == Class::Standstill)
    }
}

/// Stalls of one place that nobody has heard of.
#[derive(Debug)]
pub(super) struct LeftOut {
    pub(super) count: u64,
    pub(super) latest: Heard,
}

impl LeftOut {
    /// One more, or several.
    pub(super) fn add(to: &mut Option<Self>, count: u64, latest: Heard) {
        let before = to.as_ref().map_or(0, |left_out| left_out.count);
        *to = Some(Self { count: before + count, latest });
    }

    fn take(from: &mut Option<Self>) -> u64 {
        from.take().map_or(0, |left_out| left_out.count)
    }

    /// One of them is told after all.
    fn less_one(from: &mut Option<Self>) {
        *from = from
            .take()
            .filter(|left_out| left_out.count > 1)
            .map(|left_out| Self { count: left_out.count - 1, ..left_out });
    }
}

/// What was told of all places.
#[derive(Debug, Default)]
pub(super) struct Told {
    places: HashMap<Place, OfPlace>,
}

/// What was told of one.
#[derive(Debug, Default)]
struct OfPlace {
    last: Option<Instant>,
    /// The stalls that were reported and have not ended, with the tasks' names, which are gone when the tasks are.
    open: Vec<(Stall, Option<Arc<str>>)>,
    left_out: Option<LeftOut>,
}

impl Told {
    /// Whether a notice is to be reported, and how many were not before it. Gives it the name that was told of its task.
    pub(super) fn admit(&mut self, heard: &mut Heard, now: Instant) -> Option<u64> {
        if heard.notice.class == Class::NoThread {
            return Some(0);
        }
        let place = self.places.entry(heard.place()).or_default();
        let (stall, stage) = (heard.notice.of(), heard.notice.stage);
        let open = place.open.iter().position(|(open, _)| *open == stall);
        if let (Some(open), false) = (open, heard.notice.is_new()) {
            let name = &place.open[open].1;
            heard.name = heard.name.take().or_else(|| name.clone());
            if stage == Stage::Ended {
                place.open.remove(open);
            }
            return Some(LeftOut::take(&mut place.left_out));
        }
        let is_due = place.last.is_none_or(|last| now.saturating_duration_since(last) >= APART);
        match (heard.notice.is_new(), is_due) {
            (true, true) => {}
            (true, false) => {
                LeftOut::add(&mut place.left_out, 1, heard.clone());
                return None;
            }
            (false, true) if stage == Stage::Ongoing => {
                heard.notice.stage = Stage::Detected;
                LeftOut::less_one(&mut place.left_out);
            }
            (false, _) => return None,
        }
        place.last = Some(now);
        if heard.notice.stage == Stage::Detected {
            place.open(stall, heard.name.clone());
        }
        Some(LeftOut::take(&mut place.left_out))
    }

    /// Stalls of a place that did not come so far as to be admitted.
    pub(super) fn left_out(&mut self, place: Place, more: LeftOut) {
        LeftOut::add(&mut self.places.entry(place).or_default().left_out, more.count, more.latest);
    }

    /// Stalls that nobody will hear of with another report, of one place; of any if these are the `last` words.
    pub(super) fn overdue(&mut self, now: Instant, last: bool) -> Option<LeftOut> {
        let mut waiting = self.places.values_mut().filter(|place| place.left_out.is_some());
        waiting.find(|place| last || place.due(now) <= now)?.left_out.take()
    }

    /// When there will be some.
    pub(super) fn next_due(&self, now: Instant) -> Option<Instant> {
        self.places.values().filter(|place| place.left_out.is_some()).map(|place| place.due(now)).min()
    }
}

impl OfPlace {
    fn open(&mut self, stall: Stall, name: Option<Arc<str>>) {
        self.open.retain(|(open, _)| *open != stall);
        if self.open.len() == OPEN {
            self.open.remove(0);
        }
        self.open.push((stall, name));
    }

    fn due(&self, now: Instant) -> Instant {
        self.last.map_or(now, |last| last + APART + PATIENCE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(stage: Stage, task: u64) -> Heard {
        let (class, location, nanos) = (Class::Blocked, Location::caller(), 12_345_678);
        let notice = Notice { stage, class, task, location, nanos, system_call: None, poll: None, stuck: 1 };
        Heard { notice, name: None }
    }

    fn named(stage: Stage, task: u64, name: &str) -> Heard {
        Heard { name: Some(name.into()), ..heard(stage, task) }
    }

    #[test]
    fn a_second_stall_within_a_second_is_counted_and_its_end_is_not_told() {
        let (mut told, now) = (Told::default(), Instant::now());
        assert_eq!(told.admit(&mut heard(Stage::Detected, 1), now), Some(0));
        assert_eq!(told.admit(&mut heard(Stage::Detected, 2), now), None);
        assert_eq!(told.admit(&mut heard(Stage::Ended, 2), now), None);
        assert_eq!(told.admit(&mut heard(Stage::Detected, 3), now + APART), Some(1));
    }

    #[test]
    fn who_is_stuck_for_long_is_told_of_though_others_came_first() {
        let (mut told, now) = (Told::default(), Instant::now());
        told.admit(&mut heard(Stage::Detected, 1), now);
        (2..4).for_each(|task| assert_eq!(told.admit(&mut heard(Stage::Detected, task), now), None));
        let mut ongoing = heard(Stage::Ongoing, 2);
        assert_eq!(told.admit(&mut ongoing, now + APART / 2), None);
        assert_eq!(told.admit(&mut ongoing, now + APART), Some(1));
        assert_eq!(ongoing.notice.stage, Stage::Detected);
        assert_eq!(told.admit(&mut heard(Stage::Ongoing, 3), now + APART), None);
        assert_eq!(told.admit(&mut heard(Stage::Ended, 3), now + APART * 2), None);
        // Two are open, and each is told to its end.
        for task in [1, 2] {
            assert_eq!(told.admit(&mut heard(Stage::Ended, task), now + APART * 2), Some(0));
        }
        assert_eq!(told.admit(&mut heard(Stage::Ended, 1), now + APART * 2), None);
    }

    #[test]
    fn what_was_left_out_is_told_with_what_comes_next_of_the_place() {
        let (mut told, now) = (Told::default(), Instant::now());
        told.admit(&mut heard(Stage::Detected, 1), now);
        (2..5).for_each(|task| assert_eq!(told.admit(&mut heard(Stage::Detected, task), now), None));
        assert_eq!(told.admit(&mut heard(Stage::Ongoing, 1), now), Some(3));
        assert_eq!(told.admit(&mut heard(Stage::Detected, 5), now), None);
        assert_eq!(told.admit(&mut heard(Stage::Ended, 1), now), Some(1));
        assert!(told.next_due(now).is_none() && told.overdue(now, true).is_none());
    }

    #[test]
    fn what_nothing_comes_after_is_told_by_itself_once() {
        let (mut told, now) = (Told::default(), Instant::now());
        told.admit(&mut heard(Stage::Detected, 1), now);
        told.admit(&mut heard(Stage::Ended, 1), now);
        (2..5).for_each(|task| assert_eq!(told.admit(&mut named(Stage::Detected, task, "late"), now), None));
        let due = told.next_due(now).unwrap();
        assert!(due > now + APART && told.overdue(due - APART, false).is_none());
        let left_out = told.overdue(due, false).unwrap();
        assert_eq!((left_out.count, left_out.latest.notice.task), (3, 4));
        assert_eq!(left_out.latest.name.as_deref(), Some("late"));
        assert!(told.next_due(due).is_none() && told.overdue(due, true).is_none());
        assert_eq!(told.admit(&mut heard(Stage::Detected, 5), due), Some(0));
    }

    #[test]
    fn what_is_left_out_at_the_end_is_told_at_once() {
        let (mut told, now) = (Told::default(), Instant::now());
        told.admit(&mut heard(Stage::Detected, 1), now);
        told.admit(&mut heard(Stage::Detected, 2), now);
        let lost = heard(Stage::Detected, 7);
        told.left_out(lost.place(), LeftOut { count: 4, latest: lost });
        assert_eq!(told.overdue(now, true).unwrap().count, 5);
        assert!(told.overdue(now, true).is_none());
    }

    #[test]
    fn a_task_keeps_its_name_until_its_end_is_told() {
        let (mut told, now) = (Told::default(), Instant::now());
        let mut ended = heard(Stage::Ended, 1);
        told.admit(&mut named(Stage::Detected, 1, "sluggard"), now);
        assert_eq!(told.admit(&mut ended, now), Some(0));
        assert_eq!(ended.name.as_deref(), Some("sluggard"));
        // Nor does another's go to it.
        told.admit(&mut heard(Stage::Detected, 2), now + APART);
        let mut ended = heard(Stage::Ended, 2);
        told.admit(&mut ended, now + APART);
        assert_eq!(ended.name, None);
    }

    #[test]
    fn futures_of_one_place_that_are_no_tasks_are_told_apart() {
        let (mut told, now) = (Told::default(), Instant::now());
        let of = |stage, visitor| {
            let poll = stall::PollOf { place: stall::Place::Visitor(visitor), epoch: 1, thread: 0 };
            let heard = heard(stage, 0);
            Heard { notice: Notice { poll: Some(poll), ..heard.notice }, name: None }
        };
        assert_eq!(told.admit(&mut of(Stage::Detected, 1), now), Some(0));
        assert_eq!(told.admit(&mut of(Stage::Detected, 2), now), None);
        assert_eq!(told.admit(&mut of(Stage::Ended, 2), now), None, "the first is stuck yet");
        assert_eq!(told.admit(&mut of(Stage::Ended, 1), now), Some(1));
    }

    #[test]
    fn that_no_thread_can_be_had_is_no_stall_of_the_place_that_is_named() {
        let (mut told, now) = (Told::default(), Instant::now());
        let none = || {
            let heard = heard(Stage::Detected, 0);
            Heard { notice: Notice { class: Class::NoThread, ..heard.notice }, name: None }
        };
        assert!(!none().notice.is_new() && heard(Stage::Detected, 1).notice.is_new());
        assert_eq!((told.admit(&mut none(), now), told.admit(&mut none(), now)), (Some(0), Some(0)));
        assert_eq!(told.admit(&mut heard(Stage::Detected, 1), now), Some(0));
    }
}
