//! A worker in a call that blocks: when its permit goes to another thread, and how it comes back.

use super::super::offenders::{Record, SLOW};
use super::super::progress::Control;
use super::super::stall::Class;
use super::{Mode, Shared, Worker};
use crate::primitives::clock::NEVER;
use crate::tasks::Notified;

/// Of so many short polls of a slow location one is noted, for all of them: the table's lines are shared, and each poll reads them.
const SAMPLE: u32 = 16;

impl Worker {
    /// Polls a task whose location is known for something, or passes it on, but never one that it was woken for or that was passed on to
    /// it. True if this worker is to sleep at once.
    pub(super) fn run_known(&self, task: Notified, record: Record, was_woken: bool) -> bool {
        let (clock, location) = (self.shared.reactor.clock(), task.location());
        let begun = clock.now();
        let took = || clock.now().saturating_sub(begun);
        if record == Record::Blocks {
            // The permit is released beforehand.
            self.away(true, || task.run());
            if took() < self.shared.config.watch.tick {
                self.shared.offenders.forgive(location);
            }
            return false;
        }
        let may_pass = !task.was_passed_on() && !was_woken;
        let (idle, polled) = self.shared.idle.look();
        if may_pass && idle > 0 && !polled && !self.shared.idle.no_spare() {
            // An event that comes meanwhile would wait until the reactor thread's next tick. So another polls this task, and this
            // worker is back in the poll at once; the other way round, the other would come to this core and find it taken.
            task.pass_on();
            self.shared.inject(task);
            return self.seat.queue.is_empty() && self.slot().lifo.is_empty();
        }
        self.poll(task);
        if took() >= SLOW {
            self.shared.offenders.note_slow(location);
        } else if self.random.below(SAMPLE) == 0 {
            self.shared.offenders.were_short(location, SAMPLE);
        }
        false
    }

    /// Runs `f`, which may block and is said to: the watch tells nobody of it.
    pub(crate) fn declared<R>(&self, f: impl FnOnce() -> R) -> R {
        if !self.shared.config.hands_off {
            // Whoever waits for this thread waits all the same.
            return f();
        }
        let _over = Declared { worker: self, before: self.slot().declare(true) };
        f()
    }

    /// Runs `f`, which may block; see `../handoff.md`. The permit goes to another thread at once, or not before the watch
    /// finds that `f` lasts.
    pub(crate) fn away<R>(&self, at_once: bool, f: impl FnOnce() -> R) -> R {
        let config = &self.shared.config;
        if !config.hands_off || !self.takes_tasks() {
            return f();
        }
        let at_once = at_once || !config.watch.hands_off;
        let to = if at_once { Control::Revoked } else { Control::Blocking };
        if !self.slot().change_control(Control::Active, to) {
            return f();
        }
        if self.searching.get() {
            // It was woken to search, and a waker that it calls blocks before it came to that.
            self.stop_search();
        }
        let _back = Back { worker: self, mode: self.mode.replace(Mode::Away) };
        if let Some(task) = self.slot().lifo.take() {
            self.shared.inject(task);
        }
        if self.help_due.replace(NEVER) != NEVER {
            // The rest of a batch of which nobody else knows must not wait for what blocks.
            self.shared.notify();
        }
        if at_once {
            self.shared.figures.handed_off(Class::Blocked);
            self.shared.idle.release_permit();
            // Somebody is woken even if nothing waits: this thread may have been the one that looked after the reactor.
            self.shared.notify();
            Shared::supply_if_wanted(&self.shared);
        }
        f()
    }
}

/// In a call that is said to block, until it drops: then as it was before.
struct Declared<'a> {
    worker: &'a Worker,
    before: bool,
}

impl Drop for Declared<'_> {
    fn drop(&mut self) {
        let slot = self.worker.slot();
        slot.declare(self.before);
        if !self.before && slot.control() == Control::Revoked {
            // What this poll does now counts again, and without a permit nobody is awake for its sake.
            self.worker.shared.tell_watch();
        }
    }
}

/// Comes back from a blocking call, also when it unwinds.
struct Back<'a> {
    worker: &'a Worker,
    mode: Mode,
}

impl Drop for Back<'_> {
    fn drop(&mut self) {
        self.worker.mode.set(self.mode);
        let slot = self.worker.slot();
        // It was short: the permit never left.
        if slot.change_control(Control::Blocking, Control::Active) {
            return;
        }
        // Without a permit this poll goes on all the same, one thread too many for its rest.
        if self.worker.shared.idle.take_permit() {
            slot.set_control(Control::Active);
            self.worker.shared.rouse_watch();
        }
    }
}
