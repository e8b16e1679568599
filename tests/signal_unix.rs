//! Signals: heard by every listener, coalesced, refused where they cannot be caught.
#![cfg(unix)]

mod support;

use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use freewheel::runtime::{Builder, Runtime};
use freewheel::signal::ctrl_c;
use freewheel::signal::unix::{SignalKind, signal};

use support::{in_child, poll_once, test};

/// Signals go to the whole process: tests that send one take turns.
static TURN: Mutex<()> = Mutex::new(());

fn raise(kind: SignalKind) {
    // SAFETY: kill(2) takes two numbers; each signal sent here has a listener, so it ends nobody.
    assert_eq!(unsafe { libc::kill(libc::getpid(), kind.as_raw_value()) }, 0);
}

fn both_flavors(body: impl Fn(&Runtime)) {
    test(|| {
        let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        body(&Builder::new_current_thread().enable_all().build().unwrap());
        body(&Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap());
    });
}

#[test]
fn a_listener_hears_each_signal_it_waits_for() {
    both_flavors(|runtime| {
        runtime.block_on(async {
            let mut usr1 = signal(SignalKind::user_defined1()).unwrap();
            for _ in 0..100 {
                raise(SignalKind::user_defined1());
                assert_eq!(usr1.recv().await, Some(()));
            }
        });
    });
}

#[test]
fn every_listener_hears_it_and_only_its_own_signal() {
    both_flavors(|runtime| {
        runtime.block_on(async {
            let mut listeners = [(); 3].map(|()| signal(SignalKind::user_defined1()).unwrap());
            let mut other = signal(SignalKind::user_defined2()).unwrap();
            raise(SignalKind::user_defined1());
            for listener in &mut listeners {
                assert_eq!(listener.recv().await, Some(()));
            }
            assert!(poll_once(std::pin::pin!(other.recv())).is_pending());
            raise(SignalKind::user_defined2());
            assert_eq!(other.recv().await, Some(()));
        });
    });
}

#[test]
fn signals_nobody_waited_for_are_one() {
    both_flavors(|runtime| {
        runtime.block_on(async {
            let mut hangup = signal(SignalKind::hangup()).unwrap();
            for _ in 0..1_000 {
                raise(SignalKind::hangup());
            }
            assert_eq!(hangup.recv().await, Some(()));
            // A last one may have come while that was taken; then silence.
            let mut polls = 0;
            while poll_once(std::pin::pin!(hangup.recv())).is_ready() {
                polls += 1;
                assert!(polls < 3);
            }
        });
    });
}

#[test]
fn a_dropped_wait_loses_nothing() {
    both_flavors(|runtime| {
        runtime.block_on(async {
            let mut usr2 = signal(SignalKind::user_defined2()).unwrap();
            assert!(poll_once(std::pin::pin!(usr2.recv())).is_pending());
            raise(SignalKind::user_defined2());
            assert_eq!(usr2.recv().await, Some(()));
        });
    });
}

#[test]
fn a_dropped_listener_leaves_the_handler_and_the_others() {
    both_flavors(|runtime| {
        runtime.block_on(async {
            let first = signal(SignalKind::alarm()).unwrap();
            let mut second = signal(SignalKind::alarm()).unwrap();
            drop(first);
            raise(SignalKind::alarm());
            assert_eq!(second.recv().await, Some(()));
            drop(second);
            // Its default would end the process.
            raise(SignalKind::alarm());
        });
    });
}

#[test]
fn what_cannot_be_caught_is_refused_with_its_number() {
    both_flavors(|runtime| {
        let _entered = runtime.enter();
        for number in [libc::SIGKILL, libc::SIGSTOP, libc::SIGSEGV, libc::SIGILL, libc::SIGFPE, -1, 0, 4_000] {
            let error = signal(SignalKind::from_raw(number)).unwrap_err();
            assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput, "{number}: {error}");
            assert!(error.to_string().contains(&format!("signal {number} ")), "{error}");
        }
    });
}

#[test]
fn fault_28_a_listener_outside_a_runtime_panics_and_says_what_is_missing() {
    let text = support::must_panic(|| signal(SignalKind::user_defined1()));
    assert!(text.contains("there is no reactor running"), "{text}");
}

#[test]
fn fault_29_a_listener_whose_runtime_goes_hears_that() {
    test(|| {
        let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let runtime = Runtime::new().unwrap();
        let mut listener = runtime.block_on(async { signal(SignalKind::user_defined1()).unwrap() });
        drop(runtime);
        let other = Builder::new_current_thread().enable_all().build().unwrap();
        assert_eq!(other.block_on(listener.recv()), None);
    });
}

#[test]
fn fault_86_each_of_two_runtimes_hears_it() {
    test(|| {
        let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let runtimes = [(); 2].map(|()| Runtime::new().unwrap());
        let waits = runtimes.each_ref().map(|runtime| {
            let _entered = runtime.enter();
            let mut listener = signal(SignalKind::user_defined1()).unwrap();
            runtime.spawn(async move { listener.recv().await })
        });
        raise(SignalKind::user_defined1());
        for wait in waits {
            assert_eq!(runtimes[0].block_on(wait).unwrap(), Some(()));
        }
    });
}

#[test]
fn fault_83_a_storm_of_signals_does_nothing_but_wake() {
    test(|| {
        let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let runtime = Runtime::new().unwrap();
        let mut listener = {
            let _entered = runtime.enter();
            signal(SignalKind::user_defined1()).unwrap()
        };
        let over = Arc::new(AtomicBool::new(false));
        let sender = {
            let over = over.clone();
            std::thread::spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    raise(SignalKind::user_defined1());
                    // Not to wait for anything: this is the storm's pace.
                    std::thread::sleep(Duration::from_micros(100));
                }
            })
        };
        let begun = Instant::now();
        runtime.block_on(async {
            while begun.elapsed() < Duration::from_millis(300) {
                assert_eq!(listener.recv().await, Some(()));
                freewheel::spawn(freewheel::time::sleep(Duration::from_millis(1))).await.unwrap();
            }
        });
        over.store(true, Ordering::Relaxed);
        sender.join().unwrap();
    });
}

#[test]
fn ctrl_c_is_heard() {
    let ended = in_child("ctrl_c_is_heard", || {
        let runtime = Runtime::new().unwrap();
        runtime.block_on(async {
            for _ in 0..2 {
                let mut wait = Box::pin(ctrl_c());
                assert!(poll_once(wait.as_mut()).is_pending());
                let pid = std::process::id().to_string();
                assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
                wait.await.unwrap();
            }
        });
    });
    ended.assert_ok();
}

#[cfg(target_os = "linux")]
#[test]
fn the_runtimes_threads_keep_the_signal_mask_of_the_thread_that_builds_it() {
    let told = in_child("the_runtimes_threads_keep_the_signal_mask_of_the_thread_that_builds_it", || {
        // As the kernel prints it: a bit for each signal, in hexadecimal.
        let masks = || {
            let tasks = std::fs::read_dir("/proc/self/task").unwrap().flatten();
            let status = tasks.map(|task| std::fs::read_to_string(task.path().join("status")).unwrap_or_default());
            let of_runtime = status.filter(|text| text.starts_with("Name:\tfreewheel"));
            let mask = |text: String| text.lines().find_map(|line| line.strip_prefix("SigBlk:\t").map(str::to_owned));
            of_runtime.filter_map(mask).map(|mask| u64::from_str_radix(&mask, 16).unwrap()).collect::<Vec<_>>()
        };
        for blocked in [false, true] {
            // SAFETY: an empty set is a valid one, and the calls fill and read it.
            unsafe {
                let mut set = std::mem::zeroed::<libc::sigset_t>();
                libc::sigemptyset(&mut set);
                libc::sigaddset(&mut set, libc::SIGUSR2);
                let how = if blocked { libc::SIG_BLOCK } else { libc::SIG_UNBLOCK };
                assert_eq!(libc::pthread_sigmask(how, &set, std::ptr::null_mut()), 0);
            }
            let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
            let seen = runtime.block_on(runtime.spawn_blocking(masks)).unwrap();
            let expected = if blocked { 1 << (libc::SIGUSR2 - 1) } else { 0 };
            // The reactor thread, the workers, and the thread that looks; those that have not come so far yet bear no name.
            assert!(!seen.is_empty() && seen.iter().all(|mask| *mask == expected), "{blocked}: {seen:x?}");
            drop(runtime);
            // The last moments of a thread come after the end of its runtime, and would be seen in the next round.
            support::eventually(|| masks().is_empty());
        }
    });
    told.assert_ok();
}
