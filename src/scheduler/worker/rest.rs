//! A worker at rest: how it gives its permit back, sleeps, and comes to work again.

use std::time::Duration;

use super::super::idle::Bed;
use super::super::progress::Control;
use super::{Mode, Step, Worker};
use crate::primitives::atomic::{Ordering, fence};
use crate::primitives::clock::{NEVER, Nanos};
use crate::primitives::thread::{Hook, call, pause};
use crate::reactor::Wait;

/// How long the poller waits before it polls again after the system's poll failed, so as not to spin.
const POLL_FAILED_PAUSE: Duration = Duration::from_millis(10);

/// How long the poller waits before it tries for the reactor's token again.
const TOKEN_PAUSE: Duration = Duration::from_micros(20);

/// How long several tasks that the reactor brought may wait in this worker's queue before another is woken for them: not much
/// longer than that other takes to come. With short polls they are done by then, and it would have come for nothing.
const PATIENCE: Nanos = 50_000;

/// The same in a crowd: what the other ran on would be taken from somebody, this very worker perhaps.
const PATIENCE_IN_A_CROWD: Nanos = 300_000;

/// After a poll that kept a batch waiting for longer still, so many batches are made known at once: of batches that would always be
/// kept waiting fewer than one in a hundred is. But in a crowd that is no sign of a long poll.
const HASTY_BATCHES: u32 = 128;

impl Worker {
    /// Gives the permit back and sleeps until there is work, or until `interrupt` says so after a wake-up of the
    /// reactor.
    pub(crate) fn sleep(&self, interrupt: &dyn Fn() -> bool) -> Step {
        let searching = self.searching.replace(false);
        let bed = if self.slot().change_control(Control::Active, Control::Idle) {
            self.shared.idle.sleep(self.index(), searching)
        } else {
            self.lie_down_as_spare(searching)
        };
        self.rest(bed, interrupt)
    }

    pub(super) fn rest(&self, bed: Bed, interrupt: &dyn Fn() -> bool) -> Step {
        self.help_due.set(NEVER);
        // ORDERING: SeqCst fence, edge "work-published", the sleeper's side: it has announced its sleep, fences, and
        // looks for work once more. Its twin is in `Shared::notify`, which tells the proof.
        fence(Ordering::SeqCst);
        if self.shared.has_work() {
            self.shared.wake_one();
        }
        self.call_hook(self.shared.config.on_park.as_ref());
        match bed {
            Bed::Stack => {
                if !self.shared.lifecycle.is_closing() {
                    self.seat.parker.park();
                }
                if self.slot().control() == Control::Empty {
                    return Step::Surplus;
                }
                self.searching.set(true);
                self.slot().set_control(Control::Active);
            }
            Bed::Poll => self.rest_in_poll(interrupt),
        }
        self.call_hook(self.shared.config.on_unpark.as_ref());
        Step::Ran
    }

    /// Calls the user's hook before a sleep or after it. What it spawns or wakes goes to the injector, as from any other thread: this
    /// worker has looked into its own queue before it announced its sleep, and will not do so again.
    fn call_hook(&self, hook: Option<&Hook>) {
        if hook.is_some() {
            let mode = self.mode.replace(Mode::Hook);
            call(hook);
            self.mode.set(mode);
        }
    }

    fn rest_in_poll(&self, interrupt: &dyn Fn() -> bool) {
        let idle = &self.shared.idle;
        let mut wakers = self.wakers.take();
        loop {
            let token = self.shared.reactor.try_token();
            // With the token in hand, or it may be too early: if it was claimed before, the interrupt may have ended
            // another holder's poll, and will not end this one.
            let mut awake = !idle.is_poller(self.index()) || self.shared.lifecycle.is_closing() || interrupt();
            let Some(mut token) = token else {
                if awake {
                    break;
                }
                // Another is looking for events without blocking, or was claimed and is leaving. Never waits for the
                // lock itself: a claim could not end that, and the next poller might hold it for ever.
                pause(TOKEN_PAUSE);
                continue;
            };
            if !awake {
                let polled = token.poll(Wait::Forever, &mut wakers);
                drop(token);
                // The look at the reactor amid tasks counts from here; not from a rest that came to no poll.
                self.until_events.set(self.shared.config.event_interval);
                if polled.is_err() {
                    pause(POLL_FAILED_PAUSE);
                }
                awake = !wakers.is_empty();
            }
            if awake {
                break;
            }
        }
        let by_itself = idle.leave_poll(self.index());
        self.searching.set(!by_itself);
        self.slot().set_control(Control::Active);
        if by_itself {
            self.shared.rouse_watch();
        }
        let queued = self.wake_batch(wakers);
        self.share_batch(queued);
    }

    /// The reactor's tasks are queued here: who else is to know? Of one alone nobody: this worker runs it and comes back to
    /// the poll. Of several another, if they still wait after this one's [patience](Self::patience); at once where polls have lately been
    /// so long that nobody should wait for one.
    pub(super) fn share_batch(&self, queued: usize) {
        if queued < 2 || self.shared.config.permits < 2 {
            return;
        }
        let hasty = self.hasty.get();
        self.hasty.set(hasty.saturating_sub(1));
        if hasty > 0 {
            self.shared.notify();
        } else if self.help_due.get() == NEVER {
            self.help_due.set(self.shared.reactor.clock().now().saturating_add(self.patience()));
        }
    }

    fn patience(&self) -> Nanos {
        if self.shared.crowd.is_crowded() { PATIENCE_IN_A_CROWD } else { PATIENCE }
    }

    /// After a poll, with a batch under way of which nobody else knows. Should a poll not come to its end, the watch makes the
    /// queue known.
    pub(super) fn see_to_batch(&self) {
        if self.seat.queue.is_empty() {
            self.help_due.set(NEVER);
            return;
        }
        let Some(late) = self.shared.reactor.clock().now().checked_sub(self.help_due.get()) else { return };
        self.help_due.set(NEVER);
        self.shared.notify();
        // In a crowd it is as likely that this worker was itself put aside, also when that is so of two batches in a row.
        if late > PATIENCE && !self.shared.crowd.is_crowded() {
            self.hasty.set(HASTY_BATCHES);
        }
    }

    /// Goes on without the permit, which went to another thread during the last poll: takes an idle one, or sleeps.
    pub(super) fn go_on_without_permit(&self) -> Step {
        if self.shared.idle.take_permit() {
            self.slot().set_control(Control::Active);
            self.shared.rouse_watch();
            return Step::Ran;
        }
        self.flush_lifo();
        let bed = self.lie_down_as_spare(false);
        self.rest(bed, &|| false)
    }

    /// Lies down with no permit to give back. Threads that are too many go by the watch's clock, and it may sleep on an older
    /// count of them.
    fn lie_down_as_spare(&self, searching: bool) -> Bed {
        self.slot().set_control(Control::Idle);
        let bed = self.shared.idle.sleep_as_spare(self.index(), searching);
        self.shared.tell_watch();
        bed
    }

    /// Ends this thread, which nobody can claim any more; what a blocked poll left in its queue is for the others.
    pub(super) fn leave(&self) {
        if self.shared.registry.is_closed() {
            return self.close();
        }
        while let Some(task) = self.seat.queue.pop() {
            self.shared.inject(task);
        }
    }

    /// Makes what waits in the LIFO slot visible to thieves.
    pub(super) fn flush_lifo(&self) {
        if let Some(task) = self.slot().lifo.take() {
            self.seat.queue.push(task);
        }
    }
}
