//! The reactor thread preempts nobody while it is not needed; the threads that run tasks are like any others.
// musl has the calls, and refuses them.
#![cfg(all(target_os = "linux", target_env = "gnu"))]

mod support;

use std::fs::{read_dir, read_to_string};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use support::{eventually, in_child, multi_thread, test};

/// The policy of the thread with this number; zero is the calling one.
fn policy(thread: i32) -> libc::c_int {
    // SAFETY: takes no pointer.
    unsafe { libc::sched_getscheduler(thread) }
}

/// The number of this process's reactor thread.
fn reactor_thread() -> i32 {
    let mut threads = read_dir("/proc/self/task").unwrap().map(|entry| entry.unwrap().path());
    let found = threads.find(|path| read_to_string(path.join("comm")).unwrap().starts_with("freewheel-react"));
    found.unwrap().file_name().unwrap().to_str().unwrap().parse().unwrap()
}

#[test]
fn no_thread_inherits_it_from_the_reactor_thread() {
    test(|| {
        // In a process of its own: there is one reactor thread in it.
        in_child("no_thread_inherits_it_from_the_reactor_thread", || {
            let runtime = multi_thread(2);
            let over = Arc::new(AtomicBool::new(false));
            // Short polls: it ticks, and nobody needs that.
            let busy = {
                let over = over.clone();
                runtime.spawn(async move {
                    while !over.load(Ordering::Relaxed) {
                        freewheel::task::yield_now().await;
                    }
                })
            };
            let reactor_thread = reactor_thread();
            eventually(|| policy(reactor_thread) == libc::SCHED_BATCH);
            // More than there are threads: the reactor thread starts one after the other.
            let blockers: Vec<_> = (0..20)
                .map(|_| {
                    runtime.spawn(async {
                        let policy = policy(0);
                        // Not to wait for anything: this is the block.
                        thread::sleep(Duration::from_millis(50));
                        policy
                    })
                })
                .collect();
            for blocker in blockers {
                assert_eq!(runtime.block_on(blocker).unwrap(), libc::SCHED_OTHER);
            }
            over.store(true, Ordering::Relaxed);
            runtime.block_on(busy).unwrap();
        })
        .assert_ok();
    });
}
