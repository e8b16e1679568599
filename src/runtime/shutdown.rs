//! The end of a runtime: ordered, bounded in time, and what is stuck is named.
//!
//! 1. *Intake stops*: what is spawned from now on resolves as cancelled.
//! 2. *Workers end*: each is woken, cancels tasks (their futures drop on workers), drops what it has queued, and ends.
//! 3. *What is left*: tasks that no worker came to are cancelled here; due calls too.
//! 4. *The reactor closes*: whoever still waits for I/O or time, outside any task, is woken to an error.
//! 5. *The blocking pool ends*: jobs that have not started are dropped, running ones get what is left of the time.
//!
//! A thread that does not come back from user code in time is left behind with a line on stderr. It ends by itself
//! when it does come back; its Arcs keep alive what it still touches.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Handle, Inner, context};
use crate::scheduler;

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
    let own = scheduler::with_current(|worker| worker.is_some_and(|worker| worker.belongs_to(&inner.scheduler)));
    let stuck = inner.scheduler.lifecycle.wait(usize::from(own), limit);
    if stuck > usize::from(own) && !grace.is_zero() {
        for (task, location) in inner.scheduler.stuck_tasks() {
            eprintln!(
                "freewheel: shut down after {grace:?} without waiting for task {task}, spawned at {location}, whose poll \
                 does not end; its thread is left behind"
            );
        }
    }
}
