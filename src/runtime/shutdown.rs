//! The end of a runtime: ordered, bounded in time, and what is stuck is named.
//!
//! 1. *Intake stops*: what is spawned from now on resolves as cancelled.
//! 2. *Workers end*: each is woken, cancels tasks (their futures drop on workers), drops what it has queued, and ends. One that is
//!    stuck may wait for what another task drops, or sit in a `block_on` that waits for a timer or an event. So if they do not
//!    end at once, and nobody comes to what is left, threads are started that cancel it, one more each moment, for all may be
//!    stuck; and whoever shuts down polls the reactor, for the reactor thread has ended like the others.
//! 3. *What is left*: tasks that no worker came to are cancelled here; due calls too.
//! 4. *The reactor closes*: whoever still waits for I/O or time, outside any task, is woken to an error.
//! 5. *The blocking pool ends*: jobs that have not started are dropped, running ones get what is left of the time.
//! 6. *The last stall reports*, which the reporter has made meanwhile, get a moment of that too.
//!
//! A thread that does not come back from user code in time is left behind, and it is said what in. It ends by itself
//! when it does come back; its Arcs keep alive what it still touches.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::reactor_thread::poll_the_reactor;
use super::reports::last_words;
use super::{Handle, Inner, context};
use crate::scheduler;

/// How long the workers may take to end before they are helped, and how far apart the polls of the reactor are then.
const MOMENT: Duration = Duration::from_millis(1);

/// A grace beyond this, some thirty years, is no limit.
const FOR_EVER: Duration = Duration::from_secs(1_000_000_000);

/// What is stuck is left behind after `grace`; None: at once, and nothing is said of it.
pub(super) fn shut_down(inner: &Arc<Inner>, grace: Option<Duration>) {
    let (grace, is_told) = (grace.unwrap_or_default(), grace.is_some());
    if inner.is_forked() {
        // Nobody is there to wait for, and locks may be held by threads that are not.
        return;
    }
    // What is dropped here may want to spawn: it finds its runtime, and is told that it is closed.
    let _entered = context::enter_if_alive(&Handle::new(inner.clone()));
    // A worker that drops a runtime, its own or another, must not keep its permit while it waits.
    scheduler::block_in_place(|| {
        let (begun, limit) = (Instant::now(), (grace < FOR_EVER).then_some(grace));
        inner.scheduler.close();
        let mut stuck_ones = end_workers(inner, limit, grace);
        inner.scheduler.cancel_all();
        inner.cancel_calls();
        let mut wakers = Vec::new();
        inner.reactor.shutdown(&mut wakers);
        scheduler::wake_each(&mut wakers);
        inner.reports.close();
        let left = || limit.map(|limit| limit.saturating_sub(begun.elapsed()));
        for stuck in inner.pool.shutdown(left()) {
            stuck_ones
                .push(format!("shut down after {grace:?} without waiting for {stuck}; its thread is left behind"));
        }
        inner.reports.wait(left());
        // At the very end: whoever listens may be stuck, too.
        stuck_ones.retain(|_| is_told);
        last_words::tell(stuck_ones, &inner.scheduler.config.threads);
    });
}

/// What there is to say of those that do not end.
fn end_workers(inner: &Inner, limit: Option<Duration>, grace: Duration) -> Vec<String> {
    if let Some(driver) = &inner.driver {
        driver.end();
        // The watch, if there is one: it runs no code but ours, and has been told.
        inner.scheduler.lifecycle.wait(0, limit);
        return Vec::new();
    }
    // The thread that drops the runtime inside one of its own tasks cannot wait for itself.
    let own = scheduler::with_entered(&inner.scheduler, |worker| worker.is_some());
    let stuck = help_to_end(inner, usize::from(own), limit);
    if stuck <= usize::from(own) {
        return Vec::new();
    }
    let words = |(task, location)| {
        let name = inner.scheduler.registry.name_of(task).map_or_else(String::new, |name| format!(" {:?}", &*name));
        format!(
            "shut down after {grace:?} without waiting for task{name} {task}, spawned at {location}, whose poll does not end; \
             its thread is left behind"
        )
    };
    inner.scheduler.stuck_tasks().into_iter().map(words).collect()
}

/// Waits until at most `spared` threads live, or until `limit` has passed, and does what they need for it. How many still live.
fn help_to_end(inner: &Inner, spared: usize, limit: Option<Duration>) -> usize {
    let (begun, scheduler) = (Instant::now(), &inner.scheduler);
    let left = || limit.map_or(MOMENT, |limit| limit.saturating_sub(begun.elapsed()).min(MOMENT));
    let mut patience = Patience::new(scheduler.registry.len());
    let mut wakers = Vec::new();
    loop {
        let living = scheduler.lifecycle.wait(spared, Some(left()));
        if living <= spared || left().is_zero() {
            return living;
        }
        if patience.is_over(scheduler.registry.len()) && scheduler::Shared::start_helper(scheduler).is_err() {
            // No thread can be had, so this one does it, though a destructor that does not return keeps it beyond the grace.
            scheduler.cancel_all();
        }
        poll_the_reactor(&inner.reactor, &mut wakers);
    }
}

/// When one more helper is due: nobody has come to another task for a moment, and the more there are the longer.
///
/// Each may be stuck in a destructor that waits for that of a task to which nobody has come yet, so no number of them is enough.
/// But destructors that only take their time must not get a thread each.
struct Patience {
    /// To which nobody had come a moment ago.
    tasks: usize,
    /// For how many moments it has been as many.
    moments: usize,
    helpers: usize,
}

impl Patience {
    /// So many helpers get one more as soon as the first; twice as many, in twice the time.
    const HASTY: usize = 16;

    fn new(tasks: usize) -> Self {
        Self { tasks, moments: 0, helpers: 0 }
    }

    /// Whether one is due now, a moment later, when nobody has come to so many tasks.
    fn is_over(&mut self, tasks: usize) -> bool {
        self.moments = if tasks == self.tasks { self.moments + 1 } else { 0 };
        self.tasks = tasks;
        if tasks == 0 || self.moments <= self.helpers / Self::HASTY {
            return false;
        }
        (self.moments, self.helpers) = (0, self.helpers + 1);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The moments after which the first `count` helpers came, while nothing moved.
    fn due(count: usize) -> Vec<usize> {
        let mut patience = Patience::new(1);
        (1..).filter(|_| patience.is_over(1)).take(count).collect()
    }

    #[test]
    fn helpers_come_as_long_as_nothing_moves_and_ever_more_slowly() {
        assert_eq!(due(3), [1, 2, 3]);
        let due = due(64);
        assert_eq!((due[16] - due[15], due[32] - due[31]), (2, 3));
    }

    #[test]
    fn no_helper_comes_while_tasks_are_come_to_or_none_is_left() {
        let mut patience = Patience::new(1000);
        assert!((0..1000).rev().all(|tasks| !patience.is_over(tasks)));
        assert!((0..100).all(|_| !patience.is_over(0)));
    }
}
