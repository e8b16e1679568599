//! The watch: once per tick it looks at each worker's epoch, and moves the permit of one that is stuck.
//!
//! It runs on the reactor thread, and is a plain function of the slots and the time, so a driver decides when a tick is.
//! What it decides and why stands in `../handoff.md`. Per slot, while the epoch stays the same and odd (a poll in progress):
//!
//! ```text
//! age ≥ a tick   (of an offender in a burst: a tenth of one)
//!                rescue: LIFO slot to the injector, queue made known
//!                classify: blocked → revoke at once
//!                          running (a hog) → revoke after HOG_LOOKS looks, under pressure, within max_cpu_extra
//!                          starved by the system → nothing more
//! age ≥ the report threshold, then twice that, four times …
//!                looked at again: a notice if it slept or computed so long; another when the poll ends
//! ```
//!
//! Here it looks and decides; `tell.rs` is what it tells, `deserted.rs` whom it blames for a reactor that nobody polls.

mod deserted;
mod tell;
mod view;

use self::deserted::Suspect;
use self::view::{View, Views};
use super::bystanders::Bystanders;
use super::crowd;
use super::overload::Overload;
use super::progress::{Control, Progress, is_in_poll};
use super::shared::Shared;
use super::slot::Slot;
use super::stall::{Class, Place, Stage};
use super::standstill;
use super::stops::{Missed, Stops};
use super::thread_state::{Activity, Probe, Reserve};
use crate::primitives::Arc;
use crate::primitives::clock::{MILLISECOND, NEVER, Nanos};

/// In a burst a tick is so much shorter, and so is the age at which a blocked thread is revoked; but never shorter than what
/// the system's timers can do.
const BURST_PARTS: Nanos = 10;
const SHORTEST_TICK: Nanos = MILLISECOND / 20;

/// Two revocations within so many ticks make a burst, which lasts `BURST` ticks after the latest.
const BURST_WINDOW: Nanos = 2;
const BURST: Nanos = 20;

/// How often a poll must be seen running before it counts as a hog.
const HOG_LOOKS: u32 = 3;

/// How many polls are looked at for a report at one tick: when hundreds block at once, moving their permits comes first.
const VERDICTS: usize = 16;

pub(crate) struct Watch {
    shared: Arc<Shared>,
    /// The time between two ticks, and in a burst.
    tick: Nanos,
    burst_tick: Nanos,
    /// When the last tick was; during a tick moved on by the time in which the process was stopped since.
    last: Nanos,
    views: Views,
    reserve: Reserve,
    suspects: Vec<Suspect>,
    stops: Stops,
    last_revocation: Option<Nanos>,
    burst_until: Nanos,
    /// Threads revoked while they were running: each is one more than there are permits.
    hogs: usize,
    last_decay: Nanos,
    overload: Overload,
    bystanders: Bystanders,
    crowd: crowd::Account,
    /// How many more polls may be looked at for a report at this tick.
    verdicts: usize,
}

impl Watch {
    /// The watch over these threads, with descriptors set aside for its looks at them.
    pub(crate) fn new(shared: Arc<Shared>, reserve: Reserve) -> Self {
        let tick = shared.config.watch.tick;
        Self {
            shared,
            tick,
            burst_tick: (tick / BURST_PARTS).max(SHORTEST_TICK).min(tick),
            last: 0,
            views: Views::default(),
            reserve,
            suspects: Vec::new(),
            stops: Stops::new(),
            last_revocation: None,
            burst_until: 0,
            hogs: 0,
            last_decay: 0,
            overload: Overload::default(),
            bystanders: Bystanders::new(),
            crowd: crowd::Account::default(),
            verdicts: VERDICTS,
        }
    }

    /// Looks at every slot once. How long until the next tick.
    pub(crate) fn tick(&mut self, now: Nanos) -> Nanos {
        let shared = self.shared.clone();
        shared.watch_looks();
        let running =
            || self.views.slots.iter().filter(|view| is_in_poll(view.epoch)).count().min(shared.config.permits);
        let missed =
            self.stops.missed(now, &mut self.reserve, || Self::somebody_slept_on(&shared, &self.views), running);
        if let Some((at, delays)) = self.stops.delays() {
            self.crowd.enter(at, delays, &shared.crowd);
        }
        self.last += missed.stopped;
        standstill::tell(&shared, self.stops.standstill());
        self.overload.pass(now);
        self.overload.saw(missed.starved);
        let mut rescued = false;
        for (index, slot) in shared.slots.iter() {
            rescued |= self.look(index, slot, now, missed);
        }
        if rescued {
            self.shared.notify();
        }
        for (index, progress) in shared.visitors.iter() {
            self.look_at_visitor(Place::Visitor(index), progress, now, missed);
        }
        self.verdicts = VERDICTS;
        self.shared.offenders.decay(&mut self.last_decay, now);
        self.last = now;
        let length = if now < self.burst_until { self.burst_tick } else { self.tick };
        self.stops.expect(now, length);
        length
    }

    /// All is done before the next tick is due: from `now` on the watch's thread only waits for it.
    pub(crate) fn rest(&mut self, now: Nanos) {
        self.stops.rest(now, self.shared.reactor.clock());
    }

    /// The next tick comes when it comes: the watch is going to sleep, and keeps no worker's files open meanwhile.
    pub(crate) fn expect_nothing(&mut self) {
        self.stops.sleep(self.next_notice() != NEVER);
        self.crowd.begin_anew(&self.shared.crowd);
        self.views.all_mut().for_each(|view| self.reserve.keep(view.probe.take()));
    }

    /// The sleep is over.
    pub(crate) fn wake(&mut self, now: Nanos) {
        self.stops.wake(now, self.tick);
    }

    /// The poll in this slot is long.
    fn note_slow(&self, slot: &Slot) {
        if let Some((_, location)) = slot.current_task() {
            self.shared.offenders.note_slow(location);
        }
    }

    /// Whether a thread that is stuck has slept on since the last look at it.
    fn somebody_slept_on(shared: &Shared, views: &Views) -> bool {
        let slots = shared.slots.iter().map(|(_, slot)| -> &Progress { slot }).zip(&views.slots);
        let visitors = shared.visitors.iter().map(|(_, progress)| progress).zip(&views.visitors);
        let stuck = slots.chain(visitors).filter(|(_, view)| is_in_poll(view.epoch) && !view.account.is_new());
        stuck.take(VERDICTS).any(|(progress, view)| {
            let sight = Probe::new(progress.thread()).look();
            progress.epoch() == view.epoch && sight.is_some_and(|sight| view.account.has_slept_on(&sight))
        })
    }

    /// Looks at one slot. True if work behind the slot was made visible.
    fn look(&mut self, index: usize, slot: &Slot, now: Nanos, missed: Missed) -> bool {
        let place = Place::Slot(index);
        if !self.lasts(place, slot, now, missed) {
            let epoch = self.views[place].epoch;
            // Who is in no poll is not slow: no mark, and no line of an idle thread's written at each tick.
            if is_in_poll(epoch) {
                slot.mark_seen(epoch);
            }
            return false;
        }
        let counts = self.counts(place, slot, now);
        if missed.is_much() {
            self.views[place].account.interrupt();
            return rescue(&self.shared, slot);
        }
        let view = &self.views[place];
        let age = now.saturating_sub(view.since);
        // In a burst those known to block lose their permit early; whoever blocks for less than a tick keeps it even then.
        let known = now < self.burst_until && slot.current_task().is_some_and(|(_, at)| self.shared.offenders.has(at));
        let least = if known { self.burst_tick } else { self.tick };
        if age < least - least / 8 {
            return false;
        }
        let rescued = rescue(&self.shared, slot);
        if self.shared.config.watch.hands_off {
            self.judge(index, slot, now);
        }
        if counts {
            self.report(place, slot, now);
        }
        rescued
    }

    /// Looks at one who has nothing to be taken from it, nor to be rescued.
    fn look_at_visitor(&mut self, place: Place, progress: &Progress, now: Nanos, missed: Missed) {
        if !self.lasts(place, progress, now, missed) {
            return;
        }
        let counts = self.counts(place, progress, now);
        if missed.is_much() {
            self.views[place].account.interrupt();
        } else if counts {
            self.report(place, progress, now);
        }
    }

    /// Whether this is the poll that was seen there at the last tick. Time in which the process was stopped is taken off its age.
    fn lasts(&mut self, place: Place, progress: &Progress, now: Nanos, missed: Missed) -> bool {
        let epoch = progress.epoch();
        let view = self.views.get_or_add(place);
        if view.epoch != epoch {
            self.begin(place, progress, epoch, now, missed);
            return false;
        }
        view.since += missed.stopped;
        view.due = view.due.saturating_add(missed.stopped);
        is_in_poll(epoch)
    }

    /// A new epoch: the last poll has ended, and perhaps another began.
    fn begin(&mut self, place: Place, progress: &Progress, epoch: u64, now: Nanos, missed: Missed) {
        let view = &mut self.views[place];
        if view.is_hog {
            self.hogs -= 1;
        }
        if view.declared {
            view.excuse(self.last, now);
        }
        let ended = view.noticed.map(|task| (task, view.age(now).saturating_sub(missed.stopped)));
        let (class, poll) = (view.class, view.poll_of(place, progress));
        let next_notice = self.shared.config.watch.report_after;
        // The probe stays: where cores are short, many polls of one thread come under suspicion, and opening it costs most.
        let (probe, due) = (view.probe.take(), now.saturating_add(next_notice));
        *view = View { epoch, since: now, next_notice, due, probe, ..View::new() };
        if let (Some((task, age)), Some(class)) = (ended, class) {
            self.notice(Stage::Ended, class, task, age, poll);
        }
    }

    /// Decides whether the permit of a slow poll moves on.
    fn judge(&mut self, index: usize, slot: &Slot, now: Nanos) {
        match slot.control() {
            // A hint, `block_in_place`: no question what it is.
            Control::Blocking => self.revoke(index, slot, Control::Blocking, Class::Blocked, now),
            Control::Active if now >= self.views[Place::Slot(index)].next_look || self.is_pressing(index) => {
                self.classify(index, slot, now);
            }
            _ => {}
        }
    }

    /// Whether this is a hog, and others wait: they shall not wait for its next look too.
    fn is_pressing(&self, index: usize) -> bool {
        self.views[Place::Slot(index)].class == Some(Class::Hog) && self.is_pressed()
    }

    /// Whether work waits and no permit is idle.
    fn is_pressed(&self) -> bool {
        self.shared.idle.look().0 == 0 && self.shared.has_work()
    }

    /// What the thread is doing in this poll. None: the poll ended while we looked, what we saw may have been another.
    fn see(&mut self, place: Place, progress: &Progress, now: Nanos) -> Option<Activity> {
        let view = &mut self.views[place];
        if let Some(activity) = view.account.seen_at(now) {
            return Some(activity);
        }
        let thread = progress.thread();
        let probe = match &mut view.probe {
            Some(probe) if probe.thread() == thread => probe,
            other => {
                self.reserve.keep(other.take());
                other.insert(self.reserve.probe(thread))
            }
        };
        let sight = probe.look();
        if sight.is_none() {
            // Of a thread that has ended, or was not there yet: opened anew at the next look.
            self.reserve.keep(view.probe.take());
        }
        if progress.epoch() != view.epoch {
            return None;
        }
        let activity = sight.map_or(Activity::Unknown, |sight| view.account.enter(now, sight));
        self.overload.saw(view.account.kept());
        Some(activity)
    }

    fn classify(&mut self, index: usize, slot: &Slot, now: Nanos) {
        let Some(activity) = self.see(Place::Slot(index), slot, now) else { return };
        let view = &mut self.views[Place::Slot(index)];
        match activity {
            Activity::Blocked => self.revoke(index, slot, Control::Active, Class::Blocked, now),
            Activity::Running | Activity::Unknown => {
                view.class = Some(Class::Hog);
                view.looks += 1;
                let looks = view.looks;
                if looks == 2 {
                    self.note_slow(slot);
                }
                let pressed = self.is_pressed();
                // Nothing waits for it: look less often.
                self.views[Place::Slot(index)].next_look = now + if pressed { 0 } else { self.tick << looks.min(4) };
                if pressed && looks >= HOG_LOOKS && self.hogs < self.shared.config.watch.max_cpu_extra {
                    self.revoke(index, slot, Control::Active, Class::Hog, now);
                }
            }
            Activity::Starved => {
                view.class = Some(Class::Starved);
                view.next_look = now + self.tick;
            }
        }
    }

    /// Takes the slot's permit, unless its owner was quicker, and gives it on.
    fn revoke(&mut self, index: usize, slot: &Slot, from: Control, class: Class, now: Nanos) {
        let view = &mut self.views[Place::Slot(index)];
        view.class = Some(class);
        if class == Class::Blocked {
            // Nothing more to ask; and hundreds may be blocked, while descriptors are few.
            self.reserve.keep(view.probe.take());
        }
        if !slot.change_control(from, Control::Revoked) {
            return;
        }
        if class == Class::Hog {
            view.is_hog = true;
            self.hogs += 1;
        }
        if self.last_revocation.is_some_and(|last| now - last < BURST_WINDOW * self.tick) {
            self.burst_until = now + BURST * self.tick;
        }
        self.last_revocation = Some(now);
        if let (Class::Blocked, Some((_, location))) = (class, slot.current_task()) {
            self.shared.offenders.note(location);
            self.shared.offenders.note_slow(location);
        }
        self.shared.figures.handed_off(class);
        self.shared.give_permit_on();
        Shared::supply_if_wanted(&self.shared);
    }
}

/// Makes visible what waits behind a slow poll. True if there was anything.
fn rescue(shared: &Shared, slot: &Slot) -> bool {
    let task = slot.lifo.take();
    let found = task.is_some() || !slot.stealer.is_empty();
    task.into_iter().for_each(|task| shared.injector.push(task));
    found
}
