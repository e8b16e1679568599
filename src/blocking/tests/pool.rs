//! The pool with tasks: what the handle says, and when the closure is dropped.

use std::future::Future;
use std::panic::Location;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread, ThreadId};
use std::time::{Duration, Instant};

use super::super::Pool;
use super::{config, eventually};
use crate::tasks::{JoinError, JoinHandle};

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn wait<T>(handle: JoinHandle<T>) -> Result<T, JoinError> {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut handle = pin!(handle);
    loop {
        if let Poll::Ready(result) = handle.as_mut().poll(&mut Context::from_waker(&waker)) {
            return result;
        }
        thread::park();
    }
}

#[track_caller]
fn spawn<R: Send + 'static>(pool: &Pool, body: impl FnOnce() -> R + Send + 'static) -> JoinHandle<R> {
    pool.spawn(body, Location::caller())
}

/// Tells on which thread it was dropped.
struct Dropped(std::sync::mpsc::Sender<ThreadId>);

impl Drop for Dropped {
    fn drop(&mut self) {
        let _ = self.0.send(thread::current().id());
    }
}

#[test]
fn the_handle_gives_what_the_closure_returns() {
    let pool = Pool::new(config(4));
    assert_eq!(wait(spawn(&pool, || 6 * 7)).unwrap(), 42);
}

#[test]
fn fault_67_a_panic_goes_to_the_handle_and_the_thread_works_on() {
    let pool = Pool::new(config(1));
    for round in 0..100 {
        let error = wait(spawn(&pool, move || std::panic::resume_unwind(Box::new(round)))).unwrap_err();
        assert_eq!(error.into_panic().downcast_ref(), Some(&round));
    }
    assert_eq!(wait(spawn(&pool, || 1)).unwrap(), 1);
    eventually("the thread rests", || pool.metrics().idle == 1);
    assert_eq!(pool.metrics().threads, 1);
}

#[test]
fn an_abort_before_the_job_begins_drops_it_at_once_on_the_aborting_thread() {
    let pool = Pool::new(config(1));
    let (release, gate) = channel::<()>();
    let (begun, begin) = channel();
    let blocker = spawn(&pool, move || {
        begun.send(()).unwrap();
        let _ = gate.recv();
    });
    begin.recv().unwrap();
    let (tell, told) = channel();
    let dropped = Dropped(tell);
    let job = spawn(&pool, move || drop(dropped));
    job.abort();
    assert_eq!(told.try_recv(), Ok(thread::current().id()));
    assert!(wait(job).unwrap_err().is_cancelled());
    // One that runs goes on to its end.
    blocker.abort();
    drop(release);
    assert!(wait(blocker).is_ok());
}

#[test]
fn fault_68_a_job_that_does_not_end_is_named_and_left() {
    let pool = Pool::new(config(4));
    let (release, gate) = channel::<()>();
    let (begun, begin) = channel();
    let line = line!() + 1;
    let job = spawn(&pool, move || {
        begun.send(()).unwrap();
        let _ = gate.recv();
    });
    begin.recv().unwrap();
    let stuck = pool.shutdown(Some(Duration::from_millis(20)));
    assert_eq!(stuck.len(), 1);
    assert_eq!((stuck[0].id, stuck[0].location.file(), stuck[0].location.line()), (job.id(), file!(), line));
    assert!(stuck[0].to_string().contains(&format!("{}:{line}", file!())));
    drop(release);
    assert!(wait(job).is_ok());
}

#[test]
fn fault_69_jobs_that_have_not_begun_are_cancelled_by_a_shutdown() {
    let pool = Arc::new(Pool::new(config(1)));
    let (release, gate) = channel::<()>();
    let (begun, begin) = channel();
    let blocker = spawn(&pool, move || {
        begun.send(()).unwrap();
        let _ = gate.recv();
    });
    begin.recv().unwrap();
    let (tell, told) = channel();
    // Each job's drop spawns another: no lock is held, and what comes late is cancelled too.
    struct Respawn(Arc<Pool>, std::sync::mpsc::Sender<JoinHandle<()>>);
    impl Drop for Respawn {
        fn drop(&mut self) {
            let _ = self.1.send(spawn(&self.0, || unreachable!("runs after the shutdown")));
        }
    }
    let queued: Vec<_> = (0..10)
        .map(|_| {
            let respawn = Respawn(pool.clone(), tell.clone());
            spawn(&pool, move || drop(respawn))
        })
        .collect();
    assert_eq!(pool.shutdown(Some(Duration::ZERO)).len(), 1);
    for handle in queued.into_iter().chain(told.iter().take(10)) {
        assert!(wait(handle).unwrap_err().is_cancelled());
    }
    assert_eq!(pool.metrics().queued, 0);
    drop(release);
    assert!(wait(blocker).is_ok());
    assert!(wait(spawn(&pool, || ())).unwrap_err().is_cancelled());
}

#[test]
fn a_dropped_pool_cancels_and_its_threads_leave() {
    let pool = Pool::new(config(2));
    assert_eq!(wait(spawn(&pool, || 1)).unwrap(), 1);
    let counter = Arc::new(AtomicUsize::new(0));
    let alive = Arc::downgrade(&counter);
    drop(spawn(&pool, move || counter.fetch_add(1, Ordering::Relaxed)));
    drop(pool);
    eventually("the closure is gone", || alive.strong_count() == 0);
}

/// The figure behind the design: `cargo test --release --lib -- --ignored --nocapture empty_job`.
#[test]
#[ignore = "a measurement"]
fn cost_of_an_empty_job() {
    for linger in [0, 2, 8, 32] {
        let mut best = u128::MAX;
        let mut threads = 0;
        for _ in 0..10 {
            let pool = Pool::new(super::Config { linger, ..config(512) });
            let start = Instant::now();
            let handles: Vec<_> = (0..20_000).map(|_| spawn(&pool, || ())).collect();
            for handle in handles {
                wait(handle).unwrap();
            }
            best = best.min(start.elapsed().as_nanos() / 20_000);
            threads = threads.max(pool.metrics().threads);
        }
        println!("linger {linger}: {best} ns each, at most {threads} threads");
    }
}

#[test]
#[ignore = "a measurement"]
fn cost_of_one_after_the_other() {
    for linger in [0, 8, 32, 0, 8, 32] {
        let pool = Pool::new(super::Config { linger, ..config(512) });
        let start = Instant::now();
        for _ in 0..20_000 {
            wait(spawn(&pool, || ())).unwrap();
        }
        println!("linger {linger}: {} ns each", start.elapsed().as_nanos() / 20_000);
    }
}
