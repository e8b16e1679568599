//! The blocking pool with real tasks: whatever happens, the handle gets an answer and the closure is dropped once.

use std::panic::Location;
use std::task::Poll;
use std::time::Duration;

use loom::thread;

use super::one_place::{Alive, block_on, poll};
use crate::blocking::Pool;
use crate::blocking::crew::{Config, Eager};
use crate::explore::{bounded, models};
use crate::primitives::Arc;
use crate::primitives::thread::{Spawner, refuse_after};
use crate::tasks::JoinHandle;

fn pool() -> Arc<Pool> {
    let keep_alive = Duration::MAX;
    Arc::new(Pool::new(Config { cap: 1, keep_alive, linger: 0, ..Config::new(Spawner::plain(), Eager::Known(1)) }))
}

/// A job that holds a token, and returns another.
fn spawn(pool: &Pool, alive: &Alive) -> JoinHandle<usize> {
    let token = alive.token();
    pool.spawn(
        move || {
            drop(token);
            7
        },
        Location::caller(),
    )
}

models! { "blocking_tasks";
    /// Mutation: `blocking_job_runs_without_its_task`.
    fn a_handle_hears_of_its_job() {
        bounded(2, || {
            let (pool, alive) = (pool(), Alive::new());
            let mut job = spawn(&pool, &alive);
            assert_eq!(block_on(&mut job, &alive).unwrap(), 7);
            assert!(pool.shutdown(None).is_empty());
            drop(job);
            assert_eq!(alive.count(), 0);
        });
    }

    /// Rows 24 and 69. Mutation: `blocking_discard_only_drops`.
    fn a_spawn_racing_a_shutdown_always_gets_an_answer() {
        bounded(2, || {
            let (pool, alive) = (pool(), Alive::new());
            let other = pool.clone();
            let closer = thread::spawn(move || assert!(other.shutdown(None).is_empty()));
            let mut job = spawn(&pool, &alive);
            closer.join().unwrap();
            match poll(&mut job) {
                Poll::Ready(Ok(value)) => assert_eq!(value, 7),
                Poll::Ready(Err(error)) => assert!(error.is_cancelled()),
                Poll::Pending => panic!("the pool is gone, and the handle waits"),
            }
            drop(job);
            assert_eq!(alive.count(), 0);
        });
    }

    /// An abort drops the closure at once or comes too late, and never both. Mutation: `blocking_abort_drops_what_runs`.
    fn an_abort_racing_the_start_of_its_job_is_one_or_the_other() {
        bounded(2, || {
            let (pool, alive) = (pool(), Alive::new());
            let mut job = spawn(&pool, &alive);
            job.abort();
            match block_on(&mut job, &alive) {
                Ok(value) => assert_eq!(value, 7),
                Err(error) => assert!(error.is_cancelled()),
            }
            pool.shutdown(None);
            drop(job);
            assert_eq!(alive.count(), 0);
        });
    }

    /// Mutation: `blocking_abort_only_marks_in_a_pool`.
    fn an_abort_of_a_job_that_no_thread_takes_drops_it_here() {
        bounded(2, || {
            refuse_after(0);
            let (pool, alive) = (pool(), Alive::new());
            let mut job = spawn(&pool, &alive);
            assert_eq!(alive.count(), 1);
            job.abort();
            assert_eq!(alive.count(), 0);
            assert!(matches!(poll(&mut job), Poll::Ready(Err(error)) if error.is_cancelled()));
        });
    }
}
