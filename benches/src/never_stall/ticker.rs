//! The ticker: a task that wants to run every 10 ms, and how late it was each time.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::contenders::Contender;
use crate::peers::Peer;

/// The time between two ticks.
pub(super) const PERIOD: Duration = Duration::from_millis(10);

/// A ticker at work, and what it has seen.
pub(super) struct Ticker {
    begun: Instant,
    /// Nanoseconds by which each tick was late, in their order.
    lateness: Arc<Mutex<Vec<f64>>>,
    stop: Arc<AtomicBool>,
}

impl Ticker {
    /// Spawns the task from a thread that is not the runtime's.
    pub(super) fn start<C: Contender>(peer: &C::Peer) -> Self {
        let ticker = Self { begun: Instant::now(), lateness: Arc::default(), stop: Arc::default() };
        let (begun, lateness, stop) = (ticker.begun, ticker.lateness.clone(), ticker.stop.clone());
        let task = peer.spawn_outside(async move {
            let mut due = begun + PERIOD;
            // Relaxed: a flag that may be seen a tick late.
            while !stop.load(Ordering::Relaxed) {
                let wait = due.saturating_duration_since(Instant::now());
                if !wait.is_zero() {
                    drop(C::Peer::sleep(wait).await);
                }
                let late = due.elapsed();
                lateness.lock().expect("nobody panics here").push(late.as_nanos() as f64);
                due += PERIOD;
            }
        });
        // Some runtimes cancel a task whose handle is dropped.
        std::mem::forget(task);
        ticker
    }

    /// How many ticks have come.
    pub(super) fn ticks(&self) -> usize {
        self.lateness.lock().expect("nobody panics here").len()
    }

    /// Ends it. Ticks that are due and have not come are late by all the time since; how many those are is told apart.
    pub(super) fn end(self) -> (Vec<f64>, usize) {
        self.stop.store(true, Ordering::Relaxed);
        let mut lateness = self.lateness.lock().expect("nobody panics here").clone();
        let come = lateness.len();
        let mut due = self.begun + PERIOD * (come as u32 + 1);
        let now = Instant::now();
        // One that is due this very moment is not missing yet.
        while due + Duration::from_millis(2) < now {
            lateness.push((now - due).as_nanos() as f64);
            due += PERIOD;
        }
        let missing = lateness.len() - come;
        (lateness, missing)
    }
}
