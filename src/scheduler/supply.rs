//! The supply of threads: a hot spare always, one more where one is wanted, and none that nobody has needed for long.
//!
//! Part of the reactor thread's tick, as the watch is.

use std::panic::Location;

use super::progress::{Control, is_in_poll};
use super::shared::Shared;
use super::stall::{Class, Notice, Stage};
use super::stops::LATE;
use crate::primitives::Arc;
use crate::primitives::atomic::{Ordering, fence};
use crate::primitives::clock::{NEVER, Nanos};

pub(crate) struct Supply {
    shared: Arc<Shared>,
    /// Since when more threads have been idle than needed.
    surplus_since: Option<Nanos>,
    /// Since when a wanted thread cannot be had, the last tick that found it so, and when that was last told.
    shortage: Option<Shortage>,
}

#[derive(Clone, Copy)]
struct Shortage {
    since: Nanos,
    last: Nanos,
    told: Option<Nanos>,
}

/// How far apart reports of one shortage are.
const TELL_EVERY: Nanos = 1_000_000_000;

impl Supply {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, surplus_since: None, shortage: None }
    }

    /// Starts the threads that are missing. Refused by the system: it is tried again at the next tick.
    pub(crate) fn tick(&mut self, now: Nanos) {
        let wanted = self.shared.lifecycle.wants_thread();
        if !Shared::supply_if_wanted(&self.shared) {
            self.tell_shortage(now);
        } else {
            self.shortage = None;
            if !wanted && self.lacks_spare() && Shared::start_thread(&self.shared).is_err() {
                // ORDERING: SeqCst fence, edge "work-published", the sleeper's side: that thread is not on its way after all, fence,
                // look for an idle permit. Whoever released one, fenced, and counted on that thread is seen here. No model
                // tells: without it the next tick's spare comes all the same, and only the shortage goes untold until then.
                fence(Ordering::SeqCst);
                if self.shared.lacks_thread() {
                    self.shared.lifecycle.want_thread();
                }
            }
        }
        self.let_go(now);
    }

    /// Whether there is no spare, nor one on its way: of those, each idle permit takes one first if work waits.
    fn lacks_spare(&self) -> bool {
        let Shared { lifecycle, idle, .. } = &*self.shared;
        let starting = lifecycle.starting();
        idle.no_spare() && (starting == 0 || self.shared.has_work() && starting <= idle.look().0)
    }

    /// Counts the time, and names the location most threads are stuck in, now and then; not before the shortage has
    /// lasted as long as a stall that is told.
    fn tell_shortage(&mut self, now: Nanos) {
        let shortage = self.shortage.get_or_insert(Shortage { since: now, last: now, told: None });
        let passed = now - shortage.last;
        shortage.last = now;
        if passed > self.shared.config.watch.tick + LATE {
            // The process was stopped: nobody waited in that time.
            shortage.since += passed;
            return;
        }
        self.shared.figures.waited_for_thread(passed);
        let nanos = now - shortage.since;
        let is_short = nanos < self.shared.config.watch.report_after;
        if is_short || shortage.told.is_some_and(|told| now - told < TELL_EVERY) {
            return;
        }
        shortage.told = Some(now);
        let (Some(sink), Some((location, stuck))) = (&self.shared.config.watch.notices, self.worst_location()) else {
            return;
        };
        let (stage, class) = (Stage::Detected, Class::NoThread);
        sink(Notice { stage, class, task: 0, location, nanos, system_call: None, poll: None, stuck }, None);
    }

    /// Where the tasks were spawned that hold most of the stuck threads, and how many.
    fn worst_location(&self) -> Option<(&'static Location<'static>, usize)> {
        let mut stuck: Vec<(&'static Location<'static>, usize)> = Vec::new();
        let slots = self.shared.slots.iter().filter(|(_, slot)| is_in_poll(slot.epoch()));
        for (_, location) in slots.filter_map(|(_, slot)| slot.current_task()) {
            match stuck.iter_mut().find(|(known, _)| std::ptr::eq(*known, location)) {
                Some((_, count)) => *count += 1,
                None => stuck.push((location, 1)),
            }
        }
        stuck.into_iter().max_by_key(|(_, count)| *count)
    }

    /// Lets threads go that have been too many for the whole keep-alive. Needed are one for each idle permit, and a spare.
    fn let_go(&mut self, now: Nanos) {
        if self.shared.slots.len() <= self.shared.config.permits + 1 {
            // There never were more threads than that.
            return;
        }
        let idle = self.shared.slots.iter().filter(|(_, slot)| slot.control() == Control::Idle).count();
        let needed = self.shared.idle.look().0 + 1;
        if idle <= needed {
            self.surplus_since = None;
            return;
        }
        let since = *self.surplus_since.get_or_insert(now);
        if now.saturating_sub(since) < self.shared.config.keep_alive {
            return;
        }
        for _ in needed..idle {
            // Off the stack nobody can claim it; it reads its word when it wakes.
            let Some(index) = self.shared.idle.pop() else { return };
            let slot = self.shared.slots.get(index);
            slot.set_control(Control::Empty);
            slot.unparker.unpark();
        }
        self.surplus_since = None;
    }

    /// When a surplus thread is to go, if nothing changes: the reactor thread sleeps no longer.
    pub(crate) fn next(&self) -> Nanos {
        self.surplus_since.map_or(NEVER, |since| since.saturating_add(self.shared.config.keep_alive))
    }
}
