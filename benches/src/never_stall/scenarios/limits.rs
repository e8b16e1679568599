//! T6, T7, T11, T12, T16: blocks within blocks, for ever, up to the limit of threads, beyond it, and at the end.

use std::fs::File;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use super::super::child::{Unit, Values, distribution};
use super::super::contenders::{Contender, SPARE, Setup};
use super::super::ticker::Ticker;
use super::WORKERS;
use crate::peers::Peer;

/// What a shutdown is told that has stuck tasks to leave.
const TIMEOUT: Duration = Duration::from_millis(300);

/// The most threads of T11.
const CAP: usize = WORKERS + SPARE;

fn time(name: &str, since: Instant) -> (Unit, String, f64) {
    (Unit::Time, name.to_owned(), since.elapsed().as_nanos() as f64)
}

/// T6: tasks on every worker block on a future that another task has to complete.
pub(super) fn nested<C: Contender>() -> Result<Values, String> {
    // One that panics says so below.
    std::panic::set_hook(Box::new(|_| ()));
    let peer = C::start(Setup::plain());
    let begun = Instant::now();
    let tasks: Vec<_> = (0..2 * WORKERS).map(|_| peer.spawn_outside(C::nested())).collect();
    let outcome = peer.block_on(async {
        for task in tasks {
            task.await?;
        }
        Ok::<(), &str>(())
    });
    let took = time("resolved", begun);
    // Its threads may be stuck.
    std::mem::forget(peer);
    outcome.map(|()| vec![took]).map_err(str::to_owned)
}

/// A pipe without a writer, gone when this is dropped.
struct Pipe(PathBuf);

impl Pipe {
    fn new() -> Result<Self, String> {
        let path = std::env::temp_dir().join(format!("never-stall-{}", std::process::id()));
        let made = std::process::Command::new("mkfifo").arg(&path).status();
        match made.is_ok_and(|status| status.success()) {
            true => Ok(Self(path)),
            false => Err("mkfifo fails".to_owned()),
        }
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// T7.
pub(super) fn pipes<C: Contender>() -> Result<Values, String> {
    let (pipe, peer) = (Pipe::new()?, C::start(Setup::plain()));
    for _ in 0..WORKERS {
        let path = pipe.0.clone();
        std::mem::forget(peer.spawn_outside(C::block(move || drop(File::open(path)))));
    }
    let ticker = Ticker::start::<C>(&peer);
    thread::sleep(Duration::from_secs(1));
    let (lateness, _) = ticker.end();
    let mut values = distribution("ticker", &lateness);
    values.extend(shut_down::<C>(peer));
    Ok(values)
}

/// T16.
pub(super) fn shutdown<C: Contender>() -> Result<Values, String> {
    let (peer, wall) = (C::start(Setup::plain()), Wall::default());
    for _ in 0..=WORKERS {
        std::mem::forget(peer.spawn_outside(C::block(wall.blocker())));
    }
    thread::sleep(Duration::from_millis(200));
    let values: Values = shut_down::<C>(peer).into_iter().collect();
    if values.is_empty() { Err("cannot be shut down".to_owned()) } else { Ok(values) }
}

/// How long a shutdown with a timeout takes, where there is one.
fn shut_down<C: Contender>(peer: C::Peer) -> Option<(Unit, String, f64)> {
    let begun = Instant::now();
    C::shut_down(peer, TIMEOUT).then(|| time("shut down in", begun))
}

/// What blocks threads until one, or all, may go.
#[derive(Clone, Default)]
struct Wall(Arc<(Mutex<usize>, Condvar)>, Arc<AtomicUsize>);

impl Wall {
    /// A call that blocks.
    fn blocker(&self) -> impl FnOnce() + Send + 'static {
        let wall = self.clone();
        move || {
            // Relaxed: a figure.
            wall.1.fetch_add(1, Ordering::Relaxed);
            let free = wall.0.1.wait_while(wall.0.0.lock().expect("nobody panics here"), |free| *free == 0);
            *free.expect("nobody panics here") -= 1;
        }
    }

    /// Waits until so many threads are stuck.
    fn until_stuck(&self, count: usize) {
        while self.1.load(Ordering::Relaxed) < count {
            thread::sleep(Duration::from_millis(1));
        }
    }

    fn let_go(&self, count: usize) {
        *self.0.0.lock().expect("nobody panics here") += count;
        self.0.1.notify_all();
    }
}

/// T11: all threads but one are stuck, then that one too, and then one of them comes back.
pub(super) fn cap<C: Contender>() -> Result<Values, String> {
    let peer = C::start(Setup { blockers: Some(0), ..Setup::plain() });
    let wall = Wall::default();
    let stick = |count| (0..count).for_each(|_| std::mem::forget(peer.spawn_outside(C::block(wall.blocker()))));
    stick(CAP - 1);
    wall.until_stuck(CAP - 1);
    let begun = Instant::now();
    peer.block_on(peer.spawn_outside(async {}));
    let mut values = vec![time("a task below the cap", begun)];
    let begun = Instant::now();
    stick(1);
    wall.until_stuck(CAP);
    let (ran, runs) = mpsc::channel();
    std::mem::forget(peer.spawn_outside(async move { ran.send(()).unwrap_or_default() }));
    if let Some(shortages) = C::reports().map(|reports| &reports.shortages) {
        while shortages.load(Ordering::Relaxed) == 0 {
            thread::sleep(Duration::from_millis(1));
        }
        values.push(time("told of the cap", begun));
    }
    let begun = Instant::now();
    wall.let_go(1);
    runs.recv().map_err(|_| "the waiting task was dropped".to_owned())?;
    values.push(time("a task once one is back", begun));
    wall.let_go(CAP);
    std::mem::forget(peer);
    Ok(values)
}

/// T12: from a moment on the system refuses threads, and twenty tasks block one after the other; then it grants them again.
pub(super) fn refused<C: Contender>() -> Result<Values, String> {
    const TASKS: usize = 20;
    drop_to_other_user()?;
    let peer = C::start(Setup::plain());
    peer.block_on(peer.spawn_outside(C::block(|| ())));
    let before = limit_threads(1)?;
    let begun = Instant::now();
    let (done, ends) = mpsc::channel();
    for _ in 0..TASKS {
        let done = done.clone();
        let call = C::block(|| thread::sleep(Duration::from_millis(100)));
        std::mem::forget(peer.spawn_outside(async move {
            call.await;
            done.send(()).unwrap_or_default();
        }));
    }
    drop(done);
    thread::sleep(Duration::from_millis(300));
    limit_threads(before)?;
    let ended = ends.iter().take(TASKS).count();
    let lost = (Unit::Count, "tasks lost".to_owned(), (TASKS - ended) as f64);
    let took = time("all done", begun);
    let begun = Instant::now();
    peer.block_on(peer.spawn_outside(C::Peer::yield_now()));
    let next = time("the next task", begun);
    std::mem::forget(peer);
    Ok(vec![lost, took, next])
}

/// The limit does not count for root; for a user without other threads it counts these alone.
fn drop_to_other_user() -> Result<(), String> {
    // SAFETY: these calls take no pointers but that to the empty list of groups.
    let dropped = unsafe {
        let user = 1_900_000_000 + std::process::id() % 1_000_000;
        libc::geteuid() != 0
            || libc::setgroups(0, std::ptr::null()) == 0 && libc::setgid(user) == 0 && libc::setuid(user) == 0
    };
    dropped.then_some(()).ok_or_else(|| "must be root or no root at all".to_owned())
}

/// Sets how many threads the user may have; how many it was before.
fn limit_threads(count: u64) -> Result<u64, String> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: both pointers are to this `rlimit`.
    let set = unsafe {
        libc::getrlimit(libc::RLIMIT_NPROC, &raw mut limit) == 0 && {
            let (before, wanted) = (limit.rlim_cur, count.min(limit.rlim_max));
            limit.rlim_cur = wanted;
            let set = libc::setrlimit(libc::RLIMIT_NPROC, &raw const limit) == 0;
            limit.rlim_cur = before;
            set
        }
    };
    set.then_some(limit.rlim_cur).ok_or_else(|| "the limit of threads cannot be set".to_owned())
}
