//! A worker: one thread's share of the scheduler, as a step function and a thin driver that owns the thread.
//!
//! `step` runs one task or says that there is none; `sleep` rests until there is cause. The `current_thread` flavour
//! drives the same worker from inside `block_on`. All fields are cells, so that a nested `block_on` may step the worker
//! from within a task.
//!
//! Here it runs; `rest.rs` is how it sleeps, `away.rs` what happens when it blocks, `driven.rs` how others drive it.

mod away;
mod driven;
mod rest;

use std::cell::Cell;
use std::mem::ManuallyDrop;
use std::task::Waker;

use super::context;
use super::lifecycle::Starting;
use super::offenders::Record;
use super::progress::Control;
use super::shared::Shared;
use super::slot::Slot;
use super::slots::Seat;
use super::wakes;
use crate::primitives::atomic::{Ordering, fence};
use crate::primitives::clock::{NEVER, Nanos};
use crate::primitives::random::Random;
use crate::primitives::thread::native_id;
use crate::primitives::{Arc, assert_none_held};
use crate::reactor::Wait;
use crate::tasks::Notified;

/// After so many tasks in a row from the LIFO slot, the next one goes behind the queue: two tasks that wake each other
/// must not starve the others.
const LIFO_STREAK: u32 = 3;

pub(crate) struct Worker {
    shared: Arc<Shared>,
    seat: ManuallyDrop<Seat>,
    /// Steps until the reactor is polled, and until the injector goes first.
    until_events: Cell<u32>,
    until_injector: Cell<u32>,
    lifo_streak: Cell<u32>,
    searching: Cell<bool>,
    mode: Cell<Mode>,
    /// How many tasks the batch in progress has queued.
    batch: Cell<usize>,
    /// When another worker is to be woken for tasks that the reactor brought and that are queued here; NEVER: no need.
    help_due: Cell<Nanos>,
    /// For how many batches still another worker is woken at once.
    hasty: Cell<u32>,
    wakers: Cell<Vec<Waker>>,
    random: Random,
}

/// Where a task goes that is woken on this thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// Into the LIFO slot: a running task woke it.
    Running,
    /// To the queue, without waking anybody: events are handed over, one wake-up follows for all.
    Batch,
    /// Elsewhere: this thread is away in a blocking call.
    Away,
    /// Elsewhere too: it is in the user's hook around a sleep.
    Hook,
}

/// What a step came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub(crate) enum Step {
    Ran,
    /// Nothing to do: sleep.
    Idle,
    /// The scheduler is shutting down: close.
    Closing,
    /// This thread is one too many: leave.
    Surplus,
}

impl Worker {
    pub(crate) fn new(shared: Arc<Shared>, seat: Seat) -> Self {
        let random = Random::new(shared.config.seed.wrapping_add(seat.index as u64));
        Self {
            until_events: Cell::new(shared.config.event_interval),
            until_injector: Cell::new(shared.config.global_queue_interval),
            lifo_streak: Cell::new(0),
            searching: Cell::new(false),
            mode: Cell::new(Mode::Running),
            batch: Cell::new(0),
            help_due: Cell::new(NEVER),
            hasty: Cell::new(0),
            wakers: Cell::new(Vec::new()),
            random,
            seat: ManuallyDrop::new(seat),
            shared,
        }
    }

    pub(crate) fn index(&self) -> usize {
        self.seat.index
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    pub(crate) fn belongs_to(&self, shared: &Shared) -> bool {
        std::ptr::eq(&*self.shared, shared)
    }

    /// Whether tasks woken on this thread may be queued here.
    pub(crate) fn takes_tasks(&self) -> bool {
        !matches!(self.mode.get(), Mode::Away | Mode::Hook)
    }

    /// Whether this thread is in the user's hook around a sleep: nothing can be driven from there.
    pub(crate) fn is_in_hook(&self) -> bool {
        self.mode.get() == Mode::Hook
    }

    /// The thread's driver: from its first sleep as a spare to the end of the scheduler.
    pub(crate) fn run(&self, starting: Starting) {
        context::enter(self, || self.run_here(starting));
    }

    fn run_here(&self, starting: Starting) {
        self.slot().set_thread(native_id());
        let bed = self.shared.idle.sleep_as_spare(self.index(), false);
        // Not before it lies: whoever does not count it any more looks where it is.
        drop(starting);
        let mut step = self.rest(bed, &|| false);
        loop {
            step = match step {
                Step::Ran => self.step(),
                Step::Idle => self.sleep(&|| false),
                Step::Closing => return self.close(),
                Step::Surplus => return self.leave(),
            }
        }
    }

    /// Runs one task, or says why not.
    #[inline]
    pub(crate) fn step(&self) -> Step {
        if self.shared.lifecycle.is_closing() {
            return Step::Closing;
        }
        if count_down(&self.until_events, self.shared.config.event_interval) {
            self.turn_reactor();
        }
        match self.next_task().or_else(|| self.search()) {
            Some(task) => self.run_task(task),
            None => Step::Idle,
        }
    }

    fn run_task(&self, task: Notified) -> Step {
        let was_woken = self.searching.get();
        if was_woken {
            self.stop_search();
        }
        let slot = self.slot();
        slot.begin_poll(&task);
        assert_none_held();
        let to_sleep = match self.shared.offenders.record(task.location()) {
            Record::Clean => {
                self.poll(task);
                false
            }
            record => self.run_known(task, record, was_woken),
        };
        if slot.is_slow() && self.shared.config.hands_off {
            // With polls this long, so many of them are too long for the injector to wait. Not in `current_thread`, which keeps
            // the tasks' order, watched or not.
            self.until_injector.set(1);
        }
        slot.end_poll();
        if self.help_due.get() != NEVER {
            self.see_to_batch();
        }
        match slot.control() {
            Control::Active if to_sleep => Step::Idle,
            Control::Active => Step::Ran,
            _ => self.go_on_without_permit(),
        }
    }

    /// Polls the task once. If it was woken meanwhile it goes to the end of the queue, quietly: this worker is about to look
    /// there itself, and should it not come to that, the watch makes the queue known.
    fn poll(&self, task: Notified) {
        if let Some(again) = task.poll_once() {
            self.push_last(again);
        }
    }

    /// The queues in their order: now and then the injector first, so that nothing there waits for ever.
    fn next_task(&self) -> Option<Notified> {
        if count_down(&self.until_injector, self.shared.config.global_queue_interval) {
            if let Some(task) = self.take_injected() {
                return Some(task);
            }
        }
        if let Some(task) = self.slot().lifo.take() {
            let streak = self.lifo_streak.get();
            if streak < LIFO_STREAK {
                self.lifo_streak.set(streak + 1);
                return Some(task);
            }
            self.seat.queue.push(task);
        }
        self.lifo_streak.set(0);
        self.seat.queue.pop().or_else(|| self.take_injected())
    }

    fn take_injected(&self) -> Option<Notified> {
        let injector = &self.shared.injector;
        if injector.is_empty() {
            return None;
        }
        loop {
            let steal = injector.steal_batch_and_pop(&self.seat.queue);
            if !steal.is_retry() {
                return steal.success();
            }
        }
    }

    /// Looks through the others' queues, from a random one on; last, through the LIFO slots of slow polls.
    fn search(&self) -> Option<Notified> {
        if !self.searching.get() {
            if !self.shared.idle.start_search(self.shared.config.permits) {
                return None;
            }
            self.searching.set(true);
        }
        loop {
            let mut retry = false;
            let slots = self.shared.slots.len();
            let first = self.random.below(slots as u32) as usize;
            for index in (first..slots).chain(0..first).filter(|&index| index != self.index()) {
                let steal = self.shared.slots.get(index).stealer.steal_batch_and_pop(&self.seat.queue);
                retry |= steal.is_retry();
                if let Some(task) = steal.success() {
                    return Some(task);
                }
            }
            if let Some(task) = self.take_injected() {
                return Some(task);
            }
            if !retry {
                let mut slow = self.shared.slots.iter().filter(|(_, slot)| !slot.lifo.is_empty() && slot.is_slow());
                return slow.find_map(|(_, slot)| slot.lifo.take());
            }
        }
    }

    fn stop_search(&self) {
        self.searching.set(false);
        if self.shared.idle.end_search() {
            // ORDERING: SeqCst fence, edge "search-ended": no more searching, fence, look for work that was pushed without
            // waking anybody, because the pusher (push, fence, look for searchers) still saw this one. Without it that
            // work could wait for a busy worker while others sleep.
            fence(Ordering::SeqCst);
            if self.shared.has_work() {
                self.shared.wake_one();
            }
        }
    }

    /// A task woken by the running one: next.
    pub(crate) fn push_next(&self, task: Notified) {
        if self.mode.get() == Mode::Batch {
            self.batch.set(self.batch.get() + 1);
            // After a crowd of timers each word of the registry is a miss.
            self.shared.registry.fetch(&task);
            self.seat.queue.push(task);
        } else if !self.shared.config.hands_off {
            // `current_thread` runs tasks in the order in which they became ready, as asyncio's loop does: nobody steals
            // here, so the LIFO slot would buy nothing for it.
            self.seat.queue.push(task);
        } else if self.slot().control() != Control::Active {
            // Without a permit nobody will look into the LIFO slot here, and the watch may sleep.
            self.seat.queue.push(task);
            self.shared.notify();
        } else if let Some(displaced) = self.slot().lifo.push(task) {
            self.seat.queue.push(displaced);
            self.shared.notify();
        }
    }

    /// A task that yields: last. It wakes nobody, for this worker is about to look into its queue itself; should it get
    /// stuck before it comes to that, the watch makes the queue known.
    pub(crate) fn push_last(&self, task: Notified) {
        self.seat.queue.push(task);
    }

    /// Polls the reactor without blocking, unless somebody else is at it.
    pub(crate) fn turn_reactor(&self) {
        let Some(mut token) = self.shared.reactor.try_token() else { return };
        let mut wakers = self.wakers.take();
        // An error was reported by the reactor to all who wait for I/O.
        let _ = token.poll(Wait::No, &mut wakers);
        drop(token);
        let queued = self.wake_batch(wakers);
        if queued > 0 {
            // Counted with what they wait behind.
            self.share_batch(queued + 1);
        }
    }

    /// Wakes all, quietly; how many tasks that put into this worker's queue.
    fn wake_batch(&self, mut wakers: Vec<Waker>) -> usize {
        if !wakers.is_empty() {
            let mode = self.mode.replace(Mode::Batch);
            self.batch.set(0);
            wakes::wake_each(&mut wakers);
            self.mode.set(mode);
        }
        self.wakers.set(wakers);
        self.batch.take()
    }

    /// The end: cancels every task there is, then drops what is queued here.
    pub(crate) fn close(&self) {
        self.shared.registry.shutdown(Some(self.index()));
        drop(self.slot().lifo.take());
        while let Some(task) = self.seat.queue.pop() {
            drop(task);
        }
    }

    fn slot(&self) -> &Slot {
        self.shared.slots.get(self.seat.index)
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // SAFETY: taken once, here, and `self` is not used afterwards.
        let seat = unsafe { ManuallyDrop::take(&mut self.seat) };
        self.shared.slots.stand_up(seat);
    }
}

/// Counts down; true, and from the start again, each time it reaches zero.
#[inline]
fn count_down(counter: &Cell<u32>, interval: u32) -> bool {
    let left = counter.get() - 1;
    counter.set(if left == 0 { interval } else { left });
    left == 0
}
