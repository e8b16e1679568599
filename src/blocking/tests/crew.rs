//! The crew by itself, with jobs of the tests' own.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use super::super::crew::{Config, Crew, Eager, Job};
use super::{LONG, config, eventually};
use crate::primitives::names::Names;

/// A closure, and what became of it.
struct Call {
    number: usize,
    body: Box<dyn FnOnce() + Send>,
    discarded: Arc<AtomicUsize>,
}

impl Job for Call {
    type Label = usize;

    fn label(&self) -> usize {
        self.number
    }

    fn run(self) {
        (self.body)();
    }

    fn discard(self) {
        self.discarded.fetch_add(1, Ordering::Relaxed);
    }
}

struct Pool {
    crew: crate::primitives::Arc<Crew<Call>>,
    discarded: Arc<AtomicUsize>,
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.crew.close(Some(Duration::ZERO));
    }
}

impl Pool {
    fn new(config: Config) -> Self {
        Self { crew: Crew::new(config), discarded: Arc::default() }
    }

    fn submit(&self, number: usize, body: impl FnOnce() + Send + 'static) {
        let call = Call { number, body: Box::new(body), discarded: self.discarded.clone() };
        Crew::submit(&self.crew, call);
    }

    /// Submits `count` jobs that tell they run and then wait until the sender that is returned is gone.
    fn submit_blockers(&self, count: usize) -> (Sender<()>, Receiver<usize>) {
        let (release, wait) = channel::<()>();
        let wait = Arc::new(std::sync::Mutex::new(wait));
        let (tell, told) = channel();
        for number in 0..count {
            let (tell, wait) = (tell.clone(), wait.clone());
            self.submit(number, move || {
                tell.send(number).unwrap();
                let _ = wait.lock().unwrap_or_else(|e| e.into_inner()).recv();
            });
        }
        (release, told)
    }
}

#[test]
fn jobs_run_on_named_threads() {
    let pool = Pool::new(config(4));
    let (tell, told) = channel();
    pool.submit(0, move || tell.send(std::thread::current().name().map(str::to_owned)).unwrap());
    assert_eq!(told.recv().unwrap().as_deref(), Some("freewheel-blocking-0"));
}

#[test]
fn blocked_jobs_get_a_thread_each_up_to_the_cap() {
    let pool = Pool::new(config(8));
    let (release, told) = pool.submit_blockers(20);
    for _ in 0..8 {
        told.recv_timeout(LONG).unwrap();
    }
    assert!(told.recv_timeout(Duration::from_millis(20)).is_err());
    assert_eq!((pool.crew.roster.threads(), pool.crew.queue.len()), (8, 12));
    drop(release);
    for _ in 0..12 {
        told.recv_timeout(LONG).unwrap();
    }
    eventually("all at rest", || pool.crew.roster.idle() == 8);
}

#[test]
fn a_burst_of_short_jobs_makes_few_threads() {
    let pool = Pool::new(config(512));
    let done = Arc::new(AtomicUsize::new(0));
    for number in 0..50_000 {
        let done = done.clone();
        pool.submit(number, move || {
            done.fetch_add(1, Ordering::Relaxed);
        });
    }
    eventually("all done", || done.load(Ordering::Relaxed) == 50_000);
    let threads = pool.crew.roster.threads();
    assert!(threads < 200, "{threads} threads for a burst of empty jobs");
}

#[test]
fn the_processors_are_asked_for_once_and_nobody_else_waits_for_the_answer() {
    static ASKED: AtomicUsize = AtomicUsize::new(0);
    static RAN: AtomicUsize = AtomicUsize::new(0);
    let ask = || {
        ASKED.fetch_add(1, Ordering::Relaxed);
        // All but the one in the hands of the thread that asks.
        eventually("the other jobs run", || RAN.load(Ordering::Relaxed) == 5);
        1
    };
    let pool = Pool::new(Config { eager: Eager::Ask(ask), ..config(4) });
    assert_eq!(ASKED.load(Ordering::Relaxed), 0);
    for number in 0..6 {
        pool.submit(number, || {
            RAN.fetch_add(1, Ordering::Relaxed);
        });
    }
    eventually("all jobs run", || RAN.load(Ordering::Relaxed) == 6);
    assert_eq!(ASKED.load(Ordering::Relaxed), 1);
}

#[test]
fn a_thread_without_work_leaves_after_the_keep_alive() {
    let pool = Pool::new(Config { keep_alive: Duration::from_millis(20), ..config(4) });
    for round in 0..5 {
        let (release, told) = pool.submit_blockers(3);
        assert_eq!(told.iter().take(3).count(), 3);
        drop(release);
        eventually(&format!("nobody left in round {round}"), || pool.crew.roster.threads() == 0);
    }
    assert_eq!(pool.crew.roster.idle(), 0);
}

#[test]
fn fault_66_jobs_race_with_the_keep_alive_and_none_is_lost() {
    let pool = Pool::new(Config { keep_alive: Duration::from_micros(50), linger: 0, ..config(2) });
    let (tell, told) = channel();
    for number in 0..5_000 {
        let tell = tell.clone();
        pool.submit(number, move || tell.send(number).unwrap());
        assert_eq!(told.recv_timeout(LONG), Ok(number));
        let pause = Instant::now();
        while pause.elapsed() < Duration::from_micros(40 + number as u64 % 40) {
            std::hint::spin_loop();
        }
    }
}

#[test]
fn close_discards_what_has_not_begun_and_names_what_runs() {
    let pool = Pool::new(config(2));
    let (release, told) = pool.submit_blockers(5);
    let mut running = [told.recv().unwrap(), told.recv().unwrap()];
    running.sort_unstable();
    let mut stuck = pool.crew.close(Some(Duration::from_millis(10)));
    stuck.sort_unstable();
    assert_eq!(stuck, running);
    assert_eq!(pool.discarded.load(Ordering::Relaxed), 3);
    pool.submit(9, || unreachable!("runs after close"));
    assert_eq!(pool.discarded.load(Ordering::Relaxed), 4);
    drop(release);
    eventually("nobody left", || pool.crew.roster.threads() == 0);
}

#[test]
fn close_waits_for_what_runs_and_for_the_stop_hook() {
    let stopped = Arc::new(AtomicUsize::new(0));
    let mut config = config(4);
    let counter = stopped.clone();
    config.spawner.on_stop = Some(Arc::new(move || {
        counter.fetch_add(1, Ordering::Relaxed);
    }));
    let pool = Pool::new(config);
    let meet = Arc::new(Barrier::new(4));
    let ended = Arc::new(AtomicUsize::new(0));
    for number in 0..3 {
        let (meet, ended) = (meet.clone(), ended.clone());
        let crew = pool.crew.clone();
        pool.submit(number, move || {
            meet.wait();
            // Runs beyond the beginning of the close.
            eventually("the pool is closing", || crew.roster.is_closed());
            ended.fetch_add(1, Ordering::Relaxed);
        });
    }
    meet.wait();
    assert_eq!(pool.crew.close(None), Vec::<usize>::new());
    let left = pool.crew.roster.threads();
    assert_eq!((ended.load(Ordering::Relaxed), stopped.load(Ordering::Relaxed), left), (3, 3, 0));
}

#[test]
fn a_job_may_close_its_own_pool() {
    let pool = Arc::new(Pool::new(config(4)));
    let (tell, told) = channel();
    let inside = pool.clone();
    pool.submit(0, move || tell.send(inside.crew.close(None)).unwrap());
    assert_eq!(told.recv_timeout(LONG).unwrap(), Vec::<usize>::new());
}

#[test]
fn threads_live_inside_of_what_is_put_around_them() {
    std::thread_local!(static INSIDE: std::cell::Cell<bool> = const { std::cell::Cell::new(false) });
    let around: super::super::crew::Around = Arc::new(|live: &mut dyn FnMut()| {
        INSIDE.set(true);
        live();
        INSIDE.set(false);
    });
    let pool = Pool::new(Config { around: Some(around), ..config(4) });
    let (tell, told) = channel();
    pool.submit(0, move || tell.send(INSIDE.get()).unwrap());
    assert!(told.recv().unwrap());
    // One that does not call what it is given (the runtime is gone) leaves no thread without its body.
    let pool = Pool::new(Config { around: Some(Arc::new(|_| {})), ..config(4) });
    let (tell, told) = channel();
    pool.submit(0, move || tell.send(true).unwrap());
    assert!(told.recv().unwrap());
}

#[test]
fn fault_64_a_job_whose_thread_is_refused_waits_for_the_retry() {
    let refused = Arc::new(AtomicUsize::new(0));
    let counter = refused.clone();
    let refusals = Arc::new(AtomicUsize::new(2));
    let left = refusals.clone();
    let mut config = config(4);
    config.spawner.name = Some(Names::of_refused(move || {
        left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1)).is_ok()
    }));
    config.on_refused = Some(Arc::new(move || {
        counter.fetch_add(1, Ordering::Relaxed);
    }));
    let pool = Pool::new(config);
    let (tell, told) = channel();
    pool.submit(0, move || tell.send(0).unwrap());
    assert!(pool.crew.roster.wants_thread());
    assert_eq!((pool.crew.roster.threads(), pool.crew.queue.len(), refused.load(Ordering::Relaxed)), (0, 1, 1));
    Crew::retry(&pool.crew);
    assert!(pool.crew.roster.wants_thread());
    assert_eq!(refused.load(Ordering::Relaxed), 1);
    Crew::retry(&pool.crew);
    assert_eq!(told.recv_timeout(LONG), Ok(0));
    assert!(!pool.crew.roster.wants_thread());
}

#[test]
fn fault_65_a_job_whose_thread_is_refused_runs_on_the_threads_that_are_there() {
    let count = Arc::new(AtomicUsize::new(0));
    let mut config = config(8);
    config.spawner.name = Some(Names::of_refused(move || count.fetch_add(1, Ordering::Relaxed) >= 2));
    let pool = Pool::new(config);
    let (release, told) = pool.submit_blockers(6);
    let begun = (told.recv().unwrap(), told.recv().unwrap());
    assert_ne!(begun.0, begun.1);
    eventually("a thread is wanted", || pool.crew.roster.wants_thread());
    drop(release);
    assert_eq!(told.iter().take(4).count(), 4);
}

#[test]
fn a_start_hook_that_panics_costs_no_thread_and_no_job() {
    let mut config = config(4);
    config.spawner.on_start = Some(Arc::new(|| std::panic::resume_unwind(Box::new("hook"))));
    let pool = Pool::new(config);
    let (tell, told) = channel();
    pool.submit(0, move || tell.send(()).unwrap());
    told.recv_timeout(LONG).unwrap();
    assert_eq!((pool.crew.roster.threads(), pool.crew.roster.wants_thread()), (1, false));
}

#[test]
fn fault_70_a_hundred_thousand_jobs_run_on_four_threads() {
    let pool = Pool::new(config(4));
    let done = Arc::new(AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for number in 0..25_000 {
                    let done = done.clone();
                    pool.submit(number, move || {
                        done.fetch_add(1, Ordering::Relaxed);
                    });
                }
            });
        }
    });
    eventually("all done", || done.load(Ordering::Relaxed) == 100_000);
    assert!(pool.crew.roster.threads() <= 4);
}
