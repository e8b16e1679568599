//! The account of one poll: what its thread did between the watch's looks at it.
//!
//! Of the time between two looks a thread has spent each part on a core, waiting for one, asleep, or stopped. The
//! first two the system counts, and of a thread that is asleep now both counts are complete; so is the remainder, its
//! sleep.

use super::{Activity, Sight, State};
use crate::primitives::clock::Nanos;

#[derive(Debug, Default)]
pub(crate) struct Account {
    first: Option<Sight>,
    last: Option<Look>,
    /// While it waits for a core: the last look that found it not waiting.
    waits_since: Option<Nanos>,
    kept: Nanos,
}

#[derive(Debug, Clone, Copy)]
struct Look {
    at: Nanos,
    sight: Sight,
    activity: Activity,
}

impl Account {
    /// Whether there was no look yet.
    pub(crate) fn is_new(&self) -> bool {
        self.first.is_none()
    }

    /// What the look at this very tick found, if there was one.
    pub(crate) fn seen_at(&self, now: Nanos) -> Option<Activity> {
        self.last.filter(|last| last.at == now).map(|last| last.activity)
    }

    /// Takes in one look, and says what the thread is doing. Whether one that could run is starved shows from the second
    /// look on.
    pub(crate) fn enter(&mut self, now: Nanos, sight: Sight) -> Activity {
        self.first.get_or_insert(sight);
        let (mut activity, mut waits_since) = (sight.state.into(), None);
        self.kept = 0;
        if let Some(last) = self.last {
            let ran = sight.ran.saturating_sub(last.sight.ran);
            let waited = sight.waited().saturating_sub(last.sight.waited());
            let switches = sight.switches().saturating_sub(last.sight.switches());
            let was_runnable = (last.sight.state, sight.state) == (State::Runnable, State::Runnable);
            if let Some(each) = waited.checked_div(switches) {
                // Waits that are over; on the average each lasted so long.
                self.kept = each;
                if was_runnable && waited > ran {
                    activity = Activity::Starved;
                }
            } else if was_runnable && ran < (now - last.at) / 2 {
                // The one that goes on is in no count yet.
                let since = self.waits_since.unwrap_or(last.at);
                (activity, waits_since, self.kept) = (Activity::Starved, Some(since), now - since);
            }
        }
        self.waits_since = waits_since;
        self.last = Some(Look { at: now, sight, activity });
        activity
    }

    /// For how long the last look found the thread kept from a core that it wanted.
    pub(crate) fn kept(&self) -> Nanos {
        self.kept
    }

    /// Whether it was given no core between the last look and this one.
    pub(crate) fn has_slept_on(&self, sight: &Sight) -> bool {
        self.last.is_some_and(|last| match (last.sight.delays, sight.delays) {
            (Some(before), Some(after)) => before.switches == after.switches,
            _ => last.sight.ran == sight.ran,
        })
    }

    /// For how long it has waited for a core since the first look.
    pub(crate) fn waited(&self) -> Nanos {
        self.since_first(Sight::waited)
    }

    /// For how long it has been on a core since the first look.
    pub(crate) fn ran(&self) -> Nanos {
        self.since_first(|sight| sight.ran)
    }

    fn since_first(&self, count: impl Fn(&Sight) -> Nanos) -> Nanos {
        match (&self.first, &self.last) {
            (Some(first), Some(last)) => count(&last.sight).saturating_sub(count(first)),
            _ => 0,
        }
    }

    /// The process was stopped: the next look is compared with none before.
    pub(crate) fn interrupt(&mut self) {
        (self.last, self.waits_since) = (None, None);
    }
}

impl Sight {
    /// As far as the system says.
    fn waited(&self) -> Nanos {
        self.delays.map_or(0, |delays| delays.waited)
    }

    fn switches(&self) -> u64 {
        self.delays.map_or(0, |delays| delays.switches)
    }
}

impl From<State> for Activity {
    fn from(state: State) -> Self {
        match state {
            State::Asleep => Self::Blocked,
            State::Runnable => Self::Running,
            State::Stopped => Self::Starved,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Delays;
    use super::*;

    const MS: Nanos = 1_000_000;

    fn sight(state: State, ran: Nanos, waited: Nanos, switches: u64) -> Sight {
        Sight { state, ran: ran * MS, delays: Some(Delays { waited: waited * MS, switches }) }
    }

    #[test]
    fn one_that_waits_for_a_core_is_starved_before_it_gets_one_and_after() {
        let mut account = Account::default();
        assert_eq!(account.enter(MS, sight(State::Runnable, 10, 0, 1)), Activity::Running);
        assert_eq!(account.enter(2 * MS, sight(State::Runnable, 11, 0, 1)), Activity::Running);
        assert_eq!(account.enter(3 * MS, sight(State::Runnable, 11, 0, 1)), Activity::Starved);
        assert_eq!(account.enter(9 * MS, sight(State::Runnable, 11, 0, 1)), Activity::Starved);
        assert_eq!(account.kept(), 7 * MS);
        assert_eq!(account.enter(10 * MS, sight(State::Runnable, 11, 8, 2)), Activity::Starved);
        assert_eq!((account.kept(), account.waited(), account.ran()), (8 * MS, 8 * MS, MS));
        assert_eq!(account.enter(11 * MS, sight(State::Runnable, 12, 8, 2)), Activity::Running);
        assert_eq!(account.kept(), 0);
    }

    #[test]
    fn a_sleep_between_two_looks_is_no_starving() {
        let mut account = Account::default();
        assert_eq!(account.enter(MS, sight(State::Asleep, 10, 0, 1)), Activity::Blocked);
        assert_eq!(account.enter(50 * MS, sight(State::Runnable, 10, 0, 1)), Activity::Running);
        assert_eq!(account.kept(), 0);
    }

    #[test]
    fn one_whose_waits_nobody_counts_slept_on_if_it_did_not_run() {
        let silent = |ran| Sight { delays: None, ..sight(State::Asleep, ran, 0, 0) };
        let mut account = Account::default();
        account.enter(MS, silent(10));
        assert!(account.has_slept_on(&silent(10)) && !account.has_slept_on(&silent(11)));
        account.enter(2 * MS, sight(State::Asleep, 10, 5, 3));
        assert!(account.has_slept_on(&sight(State::Asleep, 11, 5, 3)));
        assert!(!account.has_slept_on(&sight(State::Asleep, 10, 5, 4)));
    }

    #[test]
    fn a_thread_that_was_stopped_is_compared_with_nothing_before() {
        let mut account = Account::default();
        account.enter(MS, sight(State::Runnable, 10, 0, 1));
        assert_eq!(account.enter(2 * MS, sight(State::Runnable, 10, 0, 1)), Activity::Starved);
        assert_eq!(account.seen_at(2 * MS), Some(Activity::Starved));
        account.interrupt();
        assert_eq!(account.seen_at(2 * MS), None);
        assert_eq!(account.enter(900 * MS, sight(State::Runnable, 10, 0, 1)), Activity::Running);
    }
}
