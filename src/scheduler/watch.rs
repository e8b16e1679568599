//! The watch: once per tick it looks at each worker's epoch, and moves the permit of one that is stuck.
//!
//! It runs on the reactor thread, and is a plain function of the slots and the time, so a driver decides when a tick is.
//! What it decides and why stands in `handoff.md`. Per slot, while the epoch stays the same and odd (a poll in progress):
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

use std::panic::Location;

use super::bystanders::{self, Bystanders};
use super::overload::Overload;
use super::shared::Shared;
use super::slot::{Control, Slot, is_in_poll};
use super::stall::{Class, Notice, PollOf, Stage};
use super::standstill;
use super::stops::{Missed, Stops};
use super::thread_state::{Account, Activity, Probe, system_call};
use crate::primitives::Arc;
use crate::primitives::clock::{NEVER, Nanos};

/// The time between two ticks while any worker is busy.
pub(crate) const TICK: Nanos = 1_000_000;

/// In a burst ticks are this short, and so is the age at which a blocked thread is revoked.
const BURST_TICK: Nanos = 100_000;

/// Two revocations within this time make a burst, which lasts `BURST` after the latest.
const BURST_WINDOW: Nanos = 2 * TICK;
const BURST: Nanos = 20 * TICK;

/// By a tick that comes so much too late nobody is judged: the whole process may have been stopped.
pub(super) const LATE: Nanos = 5 * TICK;

/// How often a poll must be seen running before it counts as a hog.
const HOG_LOOKS: u32 = 3;

/// How many polls are looked at for a report at one tick: when hundreds block at once, moving their permits comes first.
const VERDICTS: usize = 16;

/// From which age on the account of a poll is kept that has no permit to lose.
const ACCOUNT_AFTER: Nanos = 3 * TICK;

pub(crate) struct Watch {
    shared: Arc<Shared>,
    views: Vec<View>,
    stops: Stops,
    last_revocation: Option<Nanos>,
    burst_until: Nanos,
    /// Threads revoked while they were running: each is one more than there are permits.
    hogs: usize,
    last_decay: Nanos,
    overload: Overload,
    bystanders: Bystanders,
    /// How many more polls may be looked at for a report at this tick.
    verdicts: usize,
}

/// A task's number, and where it was spawned.
type Task = (u64, &'static Location<'static>);

/// What the watch knows of one slot.
#[derive(Debug)]
struct View {
    epoch: u64,
    /// When this epoch was first seen; moved on by the time in which the process was stopped.
    since: Nanos,
    looks: u32,
    next_look: Nanos,
    probe: Option<Probe>,
    account: Account,
    class: Option<Class>,
    /// This thread was revoked as a hog and is still at it.
    is_hog: bool,
    /// How long it must have been stuck for the next notice, and when to look whether it was.
    next_notice: Nanos,
    due: Nanos,
    /// The task that a notice named; its end is told by that name too.
    noticed: Option<Task>,
}

impl Watch {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            views: Vec::new(),
            stops: Stops::new(),
            last_revocation: None,
            burst_until: 0,
            hogs: 0,
            last_decay: 0,
            overload: Overload::default(),
            bystanders: Bystanders::new(),
            verdicts: VERDICTS,
        }
    }

    /// Looks at every slot once. How long until the next tick.
    pub(crate) fn tick(&mut self, now: Nanos) -> Nanos {
        let shared = self.shared.clone();
        let missed = self.stops.missed(now, || Self::somebody_slept_on(&shared, &self.views));
        standstill::tell(&shared, self.stops.standstill());
        self.overload.pass(now);
        self.overload.saw(if missed.late > TICK { missed.starved() } else { 0 });
        let mut rescued = false;
        for (index, slot) in shared.slots.iter() {
            if index == self.views.len() {
                self.views.push(View::new());
            }
            rescued |= self.look(index, slot, now, missed);
        }
        if rescued {
            self.shared.notify();
        }
        self.verdicts = VERDICTS;
        self.shared.offenders.decay(&mut self.last_decay, now);
        Shared::supply_if_wanted(&self.shared);
        let length = if now < self.burst_until { BURST_TICK } else { TICK };
        self.stops.expect(now, length);
        length
    }

    /// All is done before the next tick is due: from now on the watch's thread only waits for it.
    pub(crate) fn rest(&mut self) {
        self.stops.rest();
    }

    /// The next tick comes when it comes: the watch is going to sleep, and keeps no worker's files open meanwhile.
    pub(crate) fn expect_nothing(&mut self) {
        self.stops.sleep(self.next_notice() != NEVER);
        self.views.iter_mut().for_each(|view| view.probe = None);
    }

    /// The sleep is over.
    pub(crate) fn wake(&mut self, now: Nanos) {
        self.stops.wake(now);
    }

    /// Whether a thread that is stuck has slept on since the last look at it.
    fn somebody_slept_on(shared: &Shared, views: &[View]) -> bool {
        let stuck = shared.slots.iter().zip(views).filter(|(_, view)| is_in_poll(view.epoch) && !view.account.is_new());
        stuck.take(VERDICTS).any(|((_, slot), view)| {
            let sight = Probe::new(slot.thread()).look();
            slot.epoch() == view.epoch && sight.is_some_and(|sight| view.account.has_slept_on(&sight))
        })
    }

    /// Looks at one slot. True if work behind the slot was made visible.
    fn look(&mut self, index: usize, slot: &Slot, now: Nanos, missed: Missed) -> bool {
        let epoch = slot.epoch();
        let view = &mut self.views[index];
        if view.epoch != epoch {
            self.begin(index, slot, epoch, now, missed);
            return false;
        }
        if !is_in_poll(epoch) {
            return false;
        }
        view.since += missed.stopped;
        view.due = view.due.saturating_add(missed.stopped);
        if missed.is_much() {
            view.account.interrupt();
            return rescue(&self.shared, slot);
        }
        let age = now.saturating_sub(view.since);
        // In a burst those known to block lose their permit early; whoever blocks for less than a tick keeps it even then.
        let known = now < self.burst_until && slot.current_task().is_some_and(|(_, at)| self.shared.offenders.has(at));
        let least = if known { BURST_TICK } else { TICK };
        if age < least - least / 8 {
            return false;
        }
        let rescued = rescue(&self.shared, slot);
        if self.shared.config.watch.hands_off {
            self.judge(index, slot, now);
        }
        self.report(index, slot, now);
        rescued
    }

    /// A new epoch: the last poll has ended, and perhaps another began.
    fn begin(&mut self, index: usize, slot: &Slot, epoch: u64, now: Nanos, missed: Missed) {
        let view = &mut self.views[index];
        if view.is_hog {
            self.hogs -= 1;
        }
        let ended = view.noticed.map(|task| (task, now.saturating_sub(view.since + missed.stopped)));
        let (class, poll) = (view.class, view.poll_of(index, slot));
        let next_notice = self.shared.config.watch.report_after;
        // The probe stays: where cores are short, many polls of one thread come under suspicion, and opening it costs most.
        let (probe, due) = (view.probe.take(), now.saturating_add(next_notice));
        *view = View { epoch, since: now, next_notice, due, probe, ..View::new() };
        slot.mark_seen(epoch);
        if let (Some((task, age)), Some(class)) = (ended, class) {
            self.notice(Stage::Ended, class, task, age, poll);
        }
    }

    /// Decides whether the permit of a slow poll moves on.
    fn judge(&mut self, index: usize, slot: &Slot, now: Nanos) {
        match slot.control() {
            // A hint, `block_in_place`: no question what it is.
            Control::Blocking => self.revoke(index, slot, Control::Blocking, Class::Blocked, now),
            Control::Active if now >= self.views[index].next_look || self.is_pressing(index) => {
                self.classify(index, slot, now);
            }
            _ => {}
        }
    }

    /// Whether this is a hog, and others wait: they shall not wait for its next look too.
    fn is_pressing(&self, index: usize) -> bool {
        self.views[index].class == Some(Class::Hog) && self.is_pressed()
    }

    /// Whether work waits and no permit is idle.
    fn is_pressed(&self) -> bool {
        self.shared.idle.look().0 == 0 && self.shared.has_work()
    }

    /// What the thread is doing in this poll. None: the poll ended while we looked, what we saw may have been another.
    fn see(&mut self, index: usize, slot: &Slot, now: Nanos) -> Option<Activity> {
        let view = &mut self.views[index];
        if let Some(activity) = view.account.seen_at(now) {
            return Some(activity);
        }
        let thread = slot.thread();
        let probe = match &mut view.probe {
            Some(probe) if probe.thread() == thread => probe,
            other => other.insert(Probe::new(thread)),
        };
        let sight = probe.look();
        if sight.is_none() {
            // Of a thread that has ended, or was not there yet: opened anew at the next look.
            view.probe = None;
        }
        if slot.epoch() != view.epoch {
            return None;
        }
        let activity = sight.map_or(Activity::Unknown, |sight| view.account.enter(now, sight));
        self.overload.saw(view.account.kept());
        Some(activity)
    }

    fn classify(&mut self, index: usize, slot: &Slot, now: Nanos) {
        let Some(activity) = self.see(index, slot, now) else { return };
        let view = &mut self.views[index];
        match activity {
            Activity::Blocked => self.revoke(index, slot, Control::Active, Class::Blocked, now),
            Activity::Running | Activity::Unknown => {
                view.class = Some(Class::Hog);
                view.looks += 1;
                let looks = view.looks;
                let pressed = self.is_pressed();
                // Nothing waits for it: look less often.
                self.views[index].next_look = now + if pressed { 0 } else { TICK << looks.min(4) };
                if pressed && looks >= HOG_LOOKS && self.hogs < self.shared.config.watch.max_cpu_extra {
                    self.revoke(index, slot, Control::Active, Class::Hog, now);
                }
            }
            Activity::Starved => {
                view.class = Some(Class::Starved);
                view.next_look = now + TICK;
            }
        }
    }

    /// Takes the slot's permit, unless its owner was quicker, and gives it on.
    fn revoke(&mut self, index: usize, slot: &Slot, from: Control, class: Class, now: Nanos) {
        let view = &mut self.views[index];
        view.class = Some(class);
        if class == Class::Blocked {
            // Nothing more to ask; and hundreds may be blocked, while descriptors are few.
            view.probe = None;
        }
        if !slot.change_control(from, Control::Revoked) {
            return;
        }
        if class == Class::Hog {
            view.is_hog = true;
            self.hogs += 1;
        }
        if self.last_revocation.is_some_and(|last| now - last < BURST_WINDOW) {
            self.burst_until = now + BURST;
        }
        self.last_revocation = Some(now);
        if let (Class::Blocked, Some((_, location))) = (class, slot.current_task()) {
            self.shared.offenders.note(location);
        }
        self.shared.figures.handed_off(class);
        self.shared.give_permit_on();
        Shared::supply_if_wanted(&self.shared);
    }

    /// Tells of a poll once it is due and if it is true: that its thread has *slept* so long, or *computed* so long.
    /// The age alone shows neither where cores are short; see `handoff.md`.
    fn report(&mut self, index: usize, slot: &Slot, now: Nanos) {
        let view = &self.views[index];
        let is_due = now >= view.due;
        // Of one that keeps its permit the account has begun; of one that gave it away it begins now, that no wait
        // for a core is missed.
        if self.verdicts == 0 || !(is_due || view.account.is_new() && now - view.since >= ACCOUNT_AFTER) {
            return;
        }
        self.verdicts -= 1;
        let Some(activity) = self.see(index, slot, now) else { return };
        if slot.control() != Control::Active {
            // Nothing more to ask for long; and hundreds may be stuck, while descriptors are few.
            self.views[index].probe = None;
        }
        if is_due {
            self.tell(index, slot, activity, now);
        }
    }

    fn tell(&mut self, index: usize, slot: &Slot, activity: Activity, now: Nanos) {
        let (allowance, view) = (self.overload.allowance(), &mut self.views[index]);
        let age = now.saturating_sub(view.since);
        let (class, stuck, allowance) = match activity {
            Activity::Blocked => (Class::Blocked, age.saturating_sub(view.account.waited()), allowance),
            // On a core for so long; the rest of its time others had it.
            Activity::Running => (Class::Hog, age.min(view.account.ran() + TICK), 0),
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
        (view.noticed, view.class) = (slot.current_task(), Some(class));
        while view.next_notice <= stuck {
            view.next_notice = view.next_notice.saturating_mul(2);
        }
        view.due = now.saturating_add(view.next_notice - stuck);
        if let Some(task) = view.noticed {
            let poll = view.poll_of(index, slot);
            self.notice(stage, class, task, stuck, poll);
        }
    }

    fn notice(&self, stage: Stage, class: Class, (task, location): Task, nanos: Nanos, poll: PollOf) {
        if stage == Stage::Detected {
            self.shared.figures.stalled();
        }
        self.shared.figures.lasted(nanos);
        let Some(sink) = &self.shared.config.watch.notices else { return };
        let blocked = stage != Stage::Ended && class == Class::Blocked;
        let system_call = blocked.then(|| system_call(poll.thread)).flatten();
        sink(Notice { stage, class, task, location, nanos, system_call, poll: Some(poll), stuck: 1 });
    }

    /// When the next notice of a poll that is stuck now is due; the watch sleeps no longer than that.
    pub(crate) fn next_notice(&self) -> Nanos {
        let stuck = self.views.iter().filter(|view| is_in_poll(view.epoch));
        stuck.map(|view| view.due).min().unwrap_or(NEVER)
    }
}

/// Makes visible what waits behind a slow poll. True if there was anything.
fn rescue(shared: &Shared, slot: &Slot) -> bool {
    let task = slot.lifo.take();
    let found = task.is_some() || !slot.stealer.is_empty();
    task.into_iter().for_each(|task| shared.injector.push(task));
    found
}

impl View {
    /// The poll that the view is of.
    fn poll_of(&self, index: usize, slot: &Slot) -> PollOf {
        PollOf { slot: index, epoch: self.epoch, thread: slot.thread() }
    }

    fn new() -> Self {
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
            noticed: None,
        }
    }
}
