//! What the scenarios share: a runtime that serves an echo, blockers, and the number of threads it took.

use std::future::Future;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use super::super::child::{Unit, Values, distribution, tell, wait_for_go};
use super::super::contenders::{Contender, Setup};
use super::super::ticker::Ticker;
use crate::measure::raise_file_limit;
use crate::peers::Peer;

/// A runtime that is watched.
pub(super) struct Stage<C: Contender> {
    pub(super) peer: C::Peer,
    most_threads: Arc<AtomicUsize>,
    done: Arc<AtomicBool>,
}

impl<C: Contender> Stage<C> {
    /// Starts the runtime. It is never dropped: the load wants answers after the scenario's end, and tasks may be stuck.
    pub(super) fn open(setup: Setup) -> &'static Self {
        raise_file_limit();
        let stage: &Self =
            Box::leak(Box::new(Self { peer: C::start(setup), most_threads: Arc::default(), done: Arc::default() }));
        let (most_threads, done) = (stage.most_threads.clone(), stage.done.clone());
        // Relaxed: a figure and a flag.
        thread::spawn(move || {
            while !done.load(Ordering::Relaxed) {
                most_threads.fetch_max(threads(), Ordering::Relaxed);
                thread::sleep(Duration::from_millis(5));
            }
        });
        stage
    }

    /// Starts the runtime and an echo server on it, and waits until the load is ready.
    pub(super) fn open_with_echo(setup: Setup) -> Result<&'static Self, String> {
        let stage = Self::open(setup);
        let (listener, address) = listen()?;
        stage.keep(async move { drop(C::Peer::serve_echo(listener).await) });
        tell(format!("port {}", address.port()));
        wait_for_go();
        Ok(stage)
    }

    /// Spawns a task that nobody waits for.
    pub(super) fn keep(&self, task: impl Future<Output = ()> + Send + 'static) {
        // Some runtimes cancel a task whose handle is dropped.
        std::mem::forget(self.peer.spawn_outside(task));
    }

    /// Spawns a task that makes the same call over and over, yielding in between.
    pub(super) fn keep_calling(&self, call: fn()) {
        self.keep(async move {
            loop {
                C::block(call).await;
                C::Peer::yield_now().await;
            }
        });
    }

    /// The figures of a ticker, and those of the stage.
    pub(super) fn close(&self, ticker: Ticker) -> Values {
        let (lateness, missing) = ticker.end();
        let mut values = distribution("ticker", &lateness);
        values.push((Unit::Count, "ticks missing".to_owned(), missing as f64));
        values.extend(self.figures());
        values
    }

    /// How many threads there were at most, those of the bench left out, and how many hand-offs.
    pub(super) fn figures(&self) -> Values {
        const OF_THE_BENCH: usize = 2;
        self.most_threads.fetch_max(threads(), Ordering::Relaxed);
        self.done.store(true, Ordering::Relaxed);
        let most = self.most_threads.load(Ordering::Relaxed).saturating_sub(OF_THE_BENCH);
        let mut values = vec![(Unit::Count, "threads, most".to_owned(), most as f64)];
        values.extend(C::hand_offs(&self.peer).map(|number| (Unit::Count, "hand-offs made".to_owned(), number as f64)));
        values
    }
}

pub(super) fn listen() -> Result<(TcpListener, SocketAddr), String> {
    let listener = TcpListener::bind("127.0.0.1:0").map_err(|error| format!("binding a port: {error}"))?;
    let address = listener.local_addr().map_err(|error| format!("the port bound: {error}"))?;
    Ok((listener, address))
}

/// How many threads this process has.
pub(super) fn threads() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("Threads:"));
    line.and_then(|number| number.trim().parse().ok()).unwrap_or(0)
}
