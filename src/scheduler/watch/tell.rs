//! What the watch tells: of a poll that is stuck beyond the threshold, whether it is due and whether it is true.
//!
//! The age of a poll alone shows neither where cores are short; the rules are in `../handoff.md`, "What the watch tells".

use super::super::bystanders;
use super::super::progress::{Control, Progress, is_in_poll};
use super::super::stall::{Class, Notice, Place, PollOf, Stage};
use super::super::thread_state::{Activity, system_call};
use super::Watch;
use super::view::Task;
use crate::primitives::clock::{MILLISECOND, NEVER, Nanos};

/// From which age on the account of a poll is kept that has no permit to lose.
const ACCOUNT_AFTER: Nanos = 3 * MILLISECOND;

/// How long a poll may have computed before the first look at its account.
const BEFORE: Nanos = MILLISECOND;

impl Watch {
    /// Whether the time since the last tick counts for this poll: not if it was in a call that it had said may block.
    pub(super) fn counts(&mut self, place: Place, progress: &Progress, now: Nanos) -> bool {
        let view = &mut self.views[place];
        let declared = progress.is_declared();
        let was_declared = std::mem::replace(&mut view.declared, declared);
        if !declared && !was_declared {
            return true;
        }
        // It has said so itself: no news to anybody. The watch may have slept meanwhile.
        view.excuse(self.last, now);
        view.due = if declared { NEVER } else { now.saturating_add(view.next_notice.saturating_sub(view.age(now))) };
        false
    }

    /// Tells of a poll once it is due and if it is true: that its thread has *slept* so long, or *computed* so long.
    pub(super) fn report(&mut self, place: Place, progress: &Progress, now: Nanos) {
        let view = &mut self.views[place];
        let is_due = now >= view.due;
        // Of one that keeps its permit the account has begun; of one that gave it away it begins now, that no wait
        // for a core is missed.
        if self.verdicts == 0 || !(is_due || view.account.is_new() && now - view.since >= ACCOUNT_AFTER) {
            return;
        }
        self.verdicts -= 1;
        let Some(activity) = self.see(place, progress, now) else { return };
        if progress.control() != Control::Active {
            // Nothing more to ask for long; and hundreds may be stuck, while descriptors are few.
            self.reserve.keep(self.views[place].probe.take());
        }
        if is_due {
            self.tell(place, progress, activity, now);
        }
    }

    fn tell(&mut self, place: Place, progress: &Progress, activity: Activity, now: Nanos) {
        let (allowance, view) = (self.overload.allowance(), &mut self.views[place]);
        let age = view.age(now);
        let (class, stuck, allowance) = match activity {
            Activity::Blocked => (Class::Blocked, age.saturating_sub(view.account.waited()), allowance),
            // On a core for so long; the rest of its time others had it.
            Activity::Running => (Class::Hog, age.min(view.account.ran() + BEFORE), 0),
            Activity::Unknown => (Class::Hog, age, allowance),
            Activity::Starved => {
                view.due = now + ACCOUNT_AFTER;
                return;
            }
        };
        let mut needed = view.next_notice.saturating_add(allowance);
        if class == Class::Blocked && stuck >= needed {
            // It would be told now, were it not that somebody else may be to blame.
            let Some(kept) = self.bystanders.kept(now) else {
                view.due = now + bystanders::APART;
                return;
            };
            self.overload.saw(kept);
            needed = view.next_notice.saturating_add(self.overload.allowance());
        }
        if stuck < needed {
            view.due = now.saturating_add(needed - stuck);
            return;
        }
        let stage = if view.noticed.is_some() { Stage::Ongoing } else { Stage::Detected };
        (view.noticed, view.class) = (progress.current_task(), Some(class));
        view.next_notice = beyond(stuck, view.next_notice);
        view.due = now.saturating_add(view.next_notice - stuck);
        if let Some(task) = view.noticed {
            let poll = view.poll_of(place, progress);
            self.notice(stage, class, task, stuck, poll);
        }
    }

    pub(super) fn notice(&self, stage: Stage, class: Class, (task, location): Task, nanos: Nanos, poll: PollOf) {
        // Before it is counted: who sees it in the metrics may end the task, and its name goes with it.
        let name = self.shared.registry.name_of(task);
        if stage == Stage::Detected {
            self.shared.figures.stalled();
        }
        self.shared.figures.lasted(nanos);
        let Some(sink) = &self.shared.config.watch.notices else { return };
        let blocked = stage != Stage::Ended && class == Class::Blocked;
        let system_call = blocked.then(|| system_call(poll.thread)).flatten().filter(|_| self.shared.lasts(&poll));
        sink(Notice { stage, class, task, location, nanos, system_call, poll: Some(poll), stuck: 1 }, name);
    }

    /// When the next notice of a poll that is stuck now is due; the watch sleeps no longer than that.
    pub(crate) fn next_notice(&self) -> Nanos {
        let stuck = self.views.all().filter(|view| is_in_poll(view.epoch));
        stuck.map(|view| view.due).min().unwrap_or(NEVER)
    }
}

/// The first age beyond `stuck` at which a notice is due: of those from `age` on, each twice the last.
fn beyond(stuck: Nanos, mut age: Nanos) -> Nanos {
    while age <= stuck && age < NEVER {
        // Not zero for ever, whatever the first is.
        age = age.saturating_mul(2).max(1);
    }
    age
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_notice_lies_beyond_this_one_whatever_the_threshold() {
        assert_eq!([10, 20, 39, 40].map(|stuck| beyond(stuck, 10)), [20, 40, 40, 80]);
        assert_eq!([0, 1, 5].map(|stuck| beyond(stuck, 0)), [1, 2, 8]);
        assert_eq!(beyond(NEVER, 3), NEVER);
    }
}
