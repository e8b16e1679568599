//! How a runtime is put together from its settings, and its threads are started.

use std::io;
use std::ops::RangeInclusive;
use std::panic::Location;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Weak};
use std::time::Duration;

use super::Builder;
use crate::blocking::{self, Eager};
use crate::primitives::clock::{Clock, nanos};
use crate::primitives::{fork, random};
use crate::reactor::Reactor;
use crate::runtime::calls::Calls;
use crate::runtime::current_thread::Driver;
use crate::runtime::reports::{self, Reports, Wish};
use crate::runtime::stop::Stop;
use crate::runtime::{Handle, Inner, Runtime, RuntimeFlavor, context, reactor_thread};
use crate::scheduler::idle::MOST_THREADS;
use crate::scheduler::stall::{Notices, Rules};
use crate::scheduler::{self, Reserve, Worker};

/// The environment variable that sets the number of workers where the program does not.
const WORKER_THREADS_VARIABLE: &str = "FREEWHEEL_WORKER_THREADS";

/// How many threads beyond the workers there may be by default, for tasks that block.
const SPARE_THREADS: usize = 2048;

/// How long a poll lasts before it is reported, unless the program says otherwise.
const STALL_THRESHOLD: Duration = Duration::from_millis(10);

/// What the watch's tick may be.
const WATCH_TICKS: RangeInclusive<Duration> = Duration::from_micros(100)..=Duration::from_millis(10);

/// [`Builder::build`].
#[track_caller]
pub(super) fn build(builder: &Builder) -> io::Result<Runtime> {
    let built_at = Location::caller();
    let counts = builder.thread_counts()?;
    builder.check_tick()?;
    builder.check_threshold()?;
    // As many as workers can be on their way: for each permit, and the spare. One of the pool may be, too.
    builder.threads.stock_names(counts.workers + 2)?;
    let wish = reports::wish(builder.on_stall.clone(), builder.stall_backtraces)?;
    let reactor = Arc::new(Reactor::new(counts.workers + 1, Clock::new())?);
    let inner = Arc::new_cyclic(|weak: &Weak<Inner>| {
        let runtime = weak.clone();
        let around: scheduler::Around = Arc::new(move |body| match runtime.upgrade() {
            Some(inner) => {
                let handle = Handle::new(inner);
                let _entered = context::enter(&handle);
                body();
            }
            None => body(),
        });
        let rules = builder.rules(counts.workers, &wish, weak, built_at);
        builder.inner(counts, reactor, around, rules, wish.reports)
    });
    let runtime = Runtime { handle: Handle::new(inner), grace: Some(builder.shutdown_grace) };
    // An error drops `runtime`, which ends the threads that have started.
    start_threads(runtime.handle.inner())?;
    Ok(runtime)
}

/// How many there are to be.
struct Counts {
    workers: usize,
    /// Threads at most, for tasks.
    max_threads: usize,
    /// For the blocking pool. Known if it had to be asked for `workers`; else left to the pool, for the first in a process who
    /// asks reads several files. Late has its price too: they may be out of reach by then, and a quota is missed.
    cores: Eager,
}

impl Builder {
    fn inner(
        &self,
        counts: Counts,
        reactor: Arc<Reactor>,
        around: scheduler::Around,
        rules: Rules,
        reports: Option<Arc<Reports>>,
    ) -> Inner {
        let Counts { workers, max_threads, cores } = counts;
        let multi_thread = self.flavor == RuntimeFlavor::MultiThread;
        let config = scheduler::Config {
            permits: workers,
            max_threads,
            keep_alive: nanos(self.keep_alive),
            hands_off: multi_thread,
            watch: rules,
            event_interval: self.event_interval,
            global_queue_interval: self.global_queue_interval,
            threads: self.threads.clone(),
            around: around.clone(),
            on_park: self.on_park.clone(),
            on_unpark: self.on_unpark.clone(),
            seed: random::seed(),
        };
        let scheduler = Arc::new(scheduler::Shared::new(config, reactor.clone()));
        let driver = (!multi_thread).then(|| {
            let seat = scheduler.slots.sit_down().expect("the first seat of an empty table");
            Driver::new(Worker::new(scheduler.clone(), seat))
        });
        // The reactor thread asks again for a thread that was refused; without one, the driver does when it is idle, so it
        // must not be asleep. Weak: a thread of the pool may outlive the runtime by a moment, and must not keep its reactor.
        let ringer = Arc::downgrade(&scheduler);
        let ask_again = move || match ringer.upgrade() {
            None => {}
            Some(ringer) if multi_thread => ringer.ring_watch(),
            Some(ringer) => drop(scheduler::Shared::spawn(&ringer, std::future::ready(()), Location::caller(), None)),
        };
        let pool = blocking::Pool::new(blocking::Config {
            cap: self.max_blocking_threads,
            keep_alive: self.keep_alive,
            around: Some(around),
            on_refused: Some(Arc::new(ask_again)),
            ..blocking::Config::new(self.threads.clone(), cores)
        });
        Inner {
            scheduler,
            reactor,
            pool,
            driver,
            stop: Stop::default(),
            calls: Calls::default(),
            reports: reports.unwrap_or_else(|| Arc::new(Reports::new(None, false))),
            running: AtomicUsize::new(0),
            process: fork::generation(),
        }
    }

    /// How the watch behaves, and whether there is one.
    fn rules(&self, workers: usize, wish: &Wish, runtime: &Weak<Inner>, built_at: &'static Location<'static>) -> Rules {
        let multi_thread = self.flavor == RuntimeFlavor::MultiThread;
        let is_asked_for = wish.is_asked_for || self.stall_threshold.is_some();
        Rules {
            tick: nanos(self.watch_tick),
            watches: multi_thread || is_asked_for,
            visitors: is_asked_for,
            hands_off: multi_thread && self.watches,
            max_cpu_extra: self.max_cpu_extra.unwrap_or(workers),
            report_after: nanos(self.stall_threshold.unwrap_or(STALL_THRESHOLD)),
            built_at,
            notices: wish.reports.as_ref().map(|reports| self.notices(reports, runtime.clone())),
        }
    }

    /// What the watch calls with each notice.
    fn notices(&self, reports: &Arc<Reports>, runtime: Weak<Inner>) -> Notices {
        let (reports, threads) = (reports.clone(), self.threads.clone());
        Arc::new(move |notice, name| reports.push(notice, name, &threads, &runtime))
    }

    fn check_tick(&self) -> io::Result<()> {
        if WATCH_TICKS.contains(&self.watch_tick) {
            return Ok(());
        }
        let (tick, least, most) = (self.watch_tick, WATCH_TICKS.start(), WATCH_TICKS.end());
        Err(invalid(format!(
            "watch_tick is {tick:?}: give {least:?} to {most:?} (shorter costs too much, longer saves nothing more), or leave it \
             out; to switch the hand-off off, hand_off(false)"
        )))
    }

    fn check_threshold(&self) -> io::Result<()> {
        if self.stall_threshold != Some(Duration::ZERO) {
            return Ok(());
        }
        Err(invalid(format!(
            "stall_threshold is 0: to be told of every stall that is seen, give the watch_tick ({:?}); to be told of none, give \
             on_stall a callback that does nothing; or leave it out",
            self.watch_tick
        )))
    }

    fn thread_counts(&self) -> io::Result<Counts> {
        if self.flavor == RuntimeFlavor::CurrentThread {
            return Ok(Counts { workers: 1, max_threads: 1, cores: Eager::Ask(num_cpus::get) });
        }
        let wished = match self.worker_threads {
            None => workers_from_environment()?,
            wished => wished,
        };
        let (workers, cores) = match wished {
            Some(count) => (count, Eager::Ask(num_cpus::get)),
            None => {
                let cores = num_cpus::get();
                (cores, Eager::Known(cores))
            }
        };
        // The hot spare is one more.
        let most = self.max_threads.unwrap_or_else(|| workers.saturating_add(SPARE_THREADS).min(MOST_THREADS));
        if workers >= MOST_THREADS || most > MOST_THREADS {
            return Err(invalid(format!(
                "worker_threads is {workers} and max_threads {most}: at most {MOST_THREADS} threads can be served"
            )));
        }
        if most < workers {
            return Err(invalid(format!(
                "max_threads is {most}, fewer than worker_threads ({workers}): it counts the workers too"
            )));
        }
        Ok(Counts { workers, max_threads: most.max(workers + 1), cores })
    }
}

fn workers_from_environment() -> io::Result<Option<usize>> {
    let Some(value) = std::env::var_os(WORKER_THREADS_VARIABLE) else { return Ok(None) };
    match value.to_str().and_then(|value| value.trim().parse().ok()) {
        Some(count) if count > 0 => Ok(Some(count)),
        _ => Err(invalid(format!(
            "{WORKER_THREADS_VARIABLE} is {value:?}: set it to the number of worker threads, 1 or more, or unset it"
        ))),
    }
}

fn invalid(message: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, message)
}

/// Starts the reactor thread and the workers; of a `current_thread` runtime the thread that watches it, if it is watched.
fn start_threads(inner: &Arc<Inner>) -> io::Result<()> {
    let config = &inner.scheduler.config;
    if !config.watch.watches {
        return Ok(());
    }
    let (name, workers) = match inner.driver {
        None => ("freewheel-reactor", config.permits),
        Some(_) => ("freewheel-watch", 0),
    };
    let living = inner.scheduler.lifecycle.thread_starts();
    let (weak, reserve) = (Arc::downgrade(inner), Reserve::new());
    // The first: what is spawned next finds a worker that has just come up, and so is not asleep yet.
    config.threads.spawn_plain(name.to_owned(), move || {
        reactor_thread::run(&weak, reserve);
        drop(living);
    })?;
    // The spare is started by the first tick that finds no thread asleep. The workers are not left to that, though a runtime
    // that soon ends would be cheaper: a thread that the system refuses is an error here, and later would only be a report.
    for _ in 0..workers {
        scheduler::Shared::start_thread(&inner.scheduler)?;
    }
    Ok(())
}
