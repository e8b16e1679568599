//! Threads that come back from a call that blocked, without a permit, while the watch is in its deep sleep.
#![cfg(target_os = "linux")]

mod support;

use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use freewheel::runtime::Builder;
use freewheel::task;
use support::{eventually, in_child};

/// How often the runtime's threads have been given a core.
fn wake_ups() -> u64 {
    let threads = std::fs::read_dir("/proc/self/task").unwrap().flatten();
    let ours = threads.filter(|thread| {
        std::fs::read_to_string(thread.path().join("comm")).is_ok_and(|name| name.starts_with("freewheel"))
    });
    let accounts = ours.filter_map(|thread| std::fs::read_to_string(thread.path().join("schedstat")).ok());
    accounts.filter_map(|text| text.split_whitespace().nth(2)?.parse::<u64>().ok()).sum()
}

/// All sleep, the watch too.
fn falls_silent() {
    eventually(|| {
        let before = wake_ups();
        // Not to wait for anything: this is the time that is looked at.
        std::thread::sleep(Duration::from_millis(200));
        wake_ups() == before
    });
}

/// A call that lasts until the sender is dropped, and says when it begins.
fn announced(begins: &mpsc::Sender<()>, lasts: Receiver<()>) {
    task::block_in_place_now(|| {
        begins.send(()).unwrap();
        let _ = lasts.recv();
    });
}

#[test]
fn threads_that_come_back_while_the_watch_sleeps_leave_after_the_keep_alive() {
    in_child("threads_that_come_back_while_the_watch_sleeps_leave_after_the_keep_alive", || {
        let mut builder = Builder::new_multi_thread();
        let runtime = builder.worker_threads(1).thread_keep_alive(Duration::from_millis(20)).build().unwrap();
        let (begins, begun) = mpsc::channel();
        let calls: Vec<_> = (0..6)
            .map(|_| {
                let (call, lasts) = mpsc::channel();
                let begins = begins.clone();
                runtime.spawn(async move { announced(&begins, lasts) });
                call
            })
            .collect();
        calls.iter().for_each(|_| begun.recv().unwrap());
        falls_silent();
        assert!(runtime.handle().metrics().num_threads() > 6);
        drop(calls);
        eventually(|| runtime.handle().metrics().num_threads() <= 2);
        falls_silent();
    })
    .assert_ok();
}

#[test]
fn what_blocks_in_silence_after_a_call_that_was_announced_is_told() {
    in_child("what_blocks_in_silence_after_a_call_that_was_announced_is_told", || {
        let (report, reports) = mpsc::channel();
        let mut builder = Builder::new_multi_thread();
        builder.worker_threads(1).on_stall(move |stall| report.send(stall.task).unwrap_or(()));
        let runtime = builder.build().unwrap();
        let (begins, begun) = mpsc::channel();
        let ((first, lasts), (second, lasts_too), (silence, silent)) =
            (mpsc::channel(), mpsc::channel(), mpsc::channel::<()>());
        let stuck = runtime.spawn(async move {
            announced(&begins, lasts);
            // Its thread has no permit any more, so this one gives none away.
            announced(&begins, lasts_too);
            let _ = silent.recv();
        });
        for call in [first, second] {
            begun.recv().unwrap();
            falls_silent();
            drop(call);
        }
        assert_eq!(reports.recv().unwrap(), Some(stuck.id()));
        drop(silence);
        runtime.block_on(stuck).unwrap();
    })
    .assert_ok();
}
