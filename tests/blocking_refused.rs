//! The system refuses threads to the blocking pool: this binary's own `pthread_create` does.
//!
//! Each test is a process of its own: the harness starts threads too.
#![cfg(target_os = "linux")]

mod support;

use std::ffi::{c_int, c_void};
use std::time::Duration;

use freewheel::runtime::{Builder, Runtime};
use freewheel::task::JoinHandle;

use support::interpose::{Plan, interpose, sweep};
use support::{drop_to_other_user, eventually, in_child, set_limit, threads};

static THREADS: Plan = Plan::new();
/// More refusals than any test lives to see.
const ALWAYS: usize = usize::MAX / 2;

interpose! {
    fn pthread_create(
        thread: *mut libc::pthread_t,
        attributes: *const libc::pthread_attr_t,
        body: extern "C" fn(*mut c_void) -> *mut c_void,
        argument: *mut c_void,
    ) -> c_int = THREADS, fails returns_errno;
}

fn runtimes() -> [Runtime; 2] {
    let mut multi = Builder::new_multi_thread();
    [Builder::new_current_thread().enable_all().build().unwrap(), multi.worker_threads(1).enable_all().build().unwrap()]
}

/// Waits until the system has refused `count` threads.
fn refused(count: usize) {
    eventually(|| THREADS.hits() >= count);
}

#[test]
fn fault_64_a_job_whose_first_thread_is_refused_runs_when_there_is_one() {
    let ended = in_child("fault_64_a_job_whose_first_thread_is_refused_runs_when_there_is_one", || {
        for runtime in runtimes() {
            THREADS.arm(1, ALWAYS, libc::EAGAIN);
            let job = runtime.spawn_blocking(|| 7);
            runtime.block_on(async {
                // Asked for again and again, without a further spawn and without a spin.
                while THREADS.hits() < 3 {
                    freewheel::time::sleep(Duration::from_millis(1)).await;
                }
                assert!(!job.is_finished());
                THREADS.disarm();
                assert_eq!(job.await.unwrap(), 7);
            });
        }
    });
    ended.assert_ok();
}

#[test]
fn fault_64_a_further_spawn_asks_again() {
    let ended = in_child("fault_64_a_further_spawn_asks_again", || {
        // Nobody drives this runtime meanwhile, so nobody else would ask.
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        THREADS.arm(1, 1, libc::EAGAIN);
        let (first, second) = (runtime.spawn_blocking(|| 1), runtime.spawn_blocking(|| 2));
        assert_eq!(THREADS.disarm(), 1);
        eventually(|| first.is_finished() && second.is_finished());
    });
    ended.assert_ok();
}

#[test]
fn fault_64_jobs_that_never_get_a_thread_are_cancelled_at_shutdown() {
    let ended = in_child("fault_64_jobs_that_never_get_a_thread_are_cancelled_at_shutdown", || {
        for runtime in runtimes() {
            let other = Builder::new_current_thread().build().unwrap();
            THREADS.arm(1, ALWAYS, libc::EAGAIN);
            let jobs: Vec<JoinHandle<()>> =
                (0..5).map(|_| runtime.spawn_blocking(|| unreachable!("without a thread"))).collect();
            refused(1);
            drop(runtime);
            for job in jobs {
                assert!(other.block_on(job).unwrap_err().is_cancelled());
            }
            THREADS.disarm();
        }
    });
    ended.assert_ok();
}

#[test]
fn fault_65_a_job_whose_thread_is_refused_runs_on_the_threads_there_are() {
    let ended = in_child("fault_65_a_job_whose_thread_is_refused_runs_on_the_threads_there_are", || {
        for runtime in runtimes() {
            runtime.block_on(runtime.spawn_blocking(|| ())).unwrap();
            THREADS.arm(1, ALWAYS, libc::EAGAIN);
            let jobs: Vec<_> = (0..1_000).map(|n| runtime.spawn_blocking(move || n)).collect();
            for (n, job) in jobs.into_iter().enumerate() {
                assert_eq!(runtime.block_on(job).unwrap(), n);
            }
            THREADS.disarm();
        }
    });
    ended.assert_ok();
}

#[test]
fn fault_65_every_nth_thread_refused_in_turn() {
    let ended = in_child("fault_65_every_nth_thread_refused_in_turn", || {
        let runtime = Builder::new_current_thread().thread_keep_alive(Duration::ZERO).enable_all().build().unwrap();
        let base = threads();
        let struck = sweep(&THREADS, 2, libc::EAGAIN, |_| {
            // Four jobs that need a thread each.
            let meet = std::sync::Arc::new(std::sync::Barrier::new(4));
            let jobs: Vec<_> = (0..4)
                .map(|_| {
                    let meet = meet.clone();
                    runtime.spawn_blocking(move || meet.wait().is_leader())
                })
                .collect();
            for job in jobs {
                runtime.block_on(job).unwrap();
            }
            eventually(|| threads() == base);
        });
        assert!(struck >= 4, "{struck} calls refused");
    });
    ended.assert_ok();
}

#[test]
fn fault_64_a_real_limit_of_threads() {
    let ended = in_child("fault_64_a_real_limit_of_threads", || {
        drop_to_other_user();
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let before = set_limit(libc::RLIMIT_NPROC, threads() as u64);
        let job = runtime.spawn_blocking(|| 7);
        // Time to ask again, in vain; that nothing comes of it is looked at below, whether it was asked for or not.
        runtime.block_on(async { freewheel::time::sleep(Duration::from_millis(20)).await });
        assert!(!job.is_finished());
        set_limit(libc::RLIMIT_NPROC, before);
        assert_eq!(runtime.block_on(job).unwrap(), 7);
    });
    ended.assert_ok();
}
