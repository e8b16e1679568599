//! The end of a runtime: ordered, bounded in time, and what is stuck is named.
//!
//! 1. *Intake stops*: what is spawned from now on resolves as cancelled.
//! 2. *Workers end*: each is woken, cancels tasks (their futures drop on workers), drops what it has queued, and ends. One that is
//!    stuck may wait for what another task drops, or sit in a `block_on` that waits for a timer or an event. So if they do not
//!    end at once, one more worker is started to cancel, for all may be stuck; and whoever shuts down polls the reactor,
//!    for the reactor thread has ended like the others.
//! 3. *What is left*: tasks that no worker came to are cancelled here; due calls too.
//! 4. *The reactor closes*: whoever still waits for I/O or time, outside any task, is woken to an error.
//! 5. *The blocking pool ends*: jobs that have not started are dropped, running ones get what is left of the time.
//!
//! A thread that does not come back from user code in time is left behind with a line on stderr. It ends by itself
//! when it does come back; its Arcs keep alive what it still touches.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::reactor_thread::poll_the_reactor;
use super::{Handle, Inner, context};
use crate::scheduler;

/// How long the workers may take to end before they are helped, and how far apart the polls of the reactor are then.
const MOMENT: Duration = Duration::from_millis(1);

/// A grace beyond this, some thirty years, is no limit.
const FOR_EVER: Duration = Duration::from_secs(1_000_000_000);

pub(super) fn shut_down(inner: &Arc<Inner>, grace: Duration) {
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
        end_workers(inner, limit, grace);
        inner.scheduler.registry.shutdown(None);
        inner.scheduler.drain();
        inner.cancel_calls();
        let mut wakers = Vec::new();
        inner.reactor.shutdown(&mut wakers);
        scheduler::wake_each(&mut wakers);
        inner.reports.close();
        let left = limit.map(|limit| limit.saturating_sub(begun.elapsed()));
        for stuck in inner.pool.shutdown(left).iter().filter(|_| !grace.is_zero()) {
            eprintln!("freewheel: shut down after {grace:?} without waiting for {stuck}; its thread is left behind");
        }
    });
}

fn end_workers(inner: &Inner, limit: Option<Duration>, grace: Duration) {
    if let Some(driver) = &inner.driver {
        driver.end();
        // The watch, if there is one: it runs no code but ours, and has been told.
        inner.scheduler.lifecycle.wait(0, limit);
        return;
    }
    // The thread that drops the runtime inside one of its own tasks cannot wait for itself.
    let own = scheduler::with_entered(&inner.scheduler, |worker| worker.is_some());
    let stuck = help_to_end(inner, usize::from(own), limit);
    if stuck > usize::from(own) && !grace.is_zero() {
        for (task, location) in inner.scheduler.stuck_tasks() {
            eprintln!(
                "freewheel: shut down after {grace:?} without waiting for task {task}, spawned at {location}, whose poll \
                 does not end; its thread is left behind"
            );
        }
    }
}

/// Waits until at most `spared` threads live, or until `limit` has passed, and does what they need for it. How many still live.
fn help_to_end(inner: &Inner, spared: usize, limit: Option<Duration>) -> usize {
    let (begun, lifecycle) = (Instant::now(), &inner.scheduler.lifecycle);
    let left = || limit.map_or(MOMENT, |limit| limit.saturating_sub(begun.elapsed()).min(MOMENT));
    let mut living = lifecycle.wait(spared, Some(left()));
    if living > spared && !left().is_zero() && scheduler::Shared::start_thread(&inner.scheduler).is_err() {
        // No thread can be had, so this one does it, though a destructor that does not return keeps it beyond the grace.
        inner.scheduler.registry.shutdown(None);
        inner.scheduler.drain();
    }
    let mut wakers = Vec::new();
    while living > spared && !left().is_zero() {
        poll_the_reactor(&inner.reactor, &mut wakers);
        living = lifecycle.wait(spared, Some(left()));
    }
    living
}
