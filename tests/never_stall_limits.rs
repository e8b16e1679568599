//! The promise at its edges: blocks too short for a hand-off, a kernel that makes all wait, and nothing to do at all.
//!
//! Bounds are ten times what `benches/` aims at. One run that meets such a bound shows that the runtime can; one that
//! does not may be the machine's fault, so a few are granted.
#![cfg(target_os = "linux")]

mod support;

use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use freewheel::runtime::{Builder, Runtime};
use freewheel::{task, time};
use support::{eventually, in_child, test};

/// How many runs are granted.
const RUNS: usize = 10;

#[test]
fn t9_blocks_shorter_than_a_tick_are_not_handed_off() {
    const BLOCKS: u64 = 400;
    test(|| {
        let hand_offs = |_| {
            let runtime = support::multi_thread(2);
            // Not to wait for anything: these are the blocks.
            let tasks: Vec<_> =
                (0..BLOCKS).map(|_| runtime.spawn(async { std::thread::sleep(Duration::from_micros(500)) })).collect();
            for task in tasks {
                runtime.block_on(task).unwrap();
            }
            runtime.handle().metrics().hand_offs_blocked()
        };
        let seen: Vec<u64> = (0..RUNS).map(hand_offs).collect();
        assert!(seen.iter().any(|&hand_offs| hand_offs <= BLOCKS / 10), "hand-offs for {BLOCKS} blocks: {seen:?}");
    });
}

/// How often the runtimes' threads have been given a core, and how many there are.
fn wake_ups() -> (u64, usize) {
    let threads = std::fs::read_dir("/proc/self/task").unwrap().flatten();
    let ours = threads.filter(|thread| {
        let name = std::fs::read_to_string(thread.path().join("comm")).unwrap_or_default();
        name.starts_with("freewheel")
    });
    let counts: Vec<u64> = ours
        .filter_map(|thread| std::fs::read_to_string(thread.path().join("schedstat")).ok())
        .filter_map(|text| text.split_whitespace().nth(2)?.parse().ok())
        .collect();
    (counts.iter().sum(), counts.len())
}

#[test]
fn t10_nobody_wakes_up_while_all_is_idle_before_a_stall_and_after() {
    const IDLE: Duration = Duration::from_millis(200);
    in_child("t10_nobody_wakes_up_while_all_is_idle_before_a_stall_and_after", || {
        let mut builder = Builder::new_multi_thread();
        let runtime = builder.worker_threads(2).thread_keep_alive(Duration::from_millis(20)).build().unwrap();
        let falls_silent = || {
            eventually(|| {
                let before = wake_ups();
                // Not to wait for anything: this is the time that is looked at.
                std::thread::sleep(IDLE);
                wake_ups() == before
            });
        };
        falls_silent();
        // Not to wait for anything: these are the stalls.
        let blockers: Vec<_> =
            (0..20).map(|_| runtime.spawn(async { std::thread::sleep(Duration::from_millis(30)) })).collect();
        for blocker in blockers {
            runtime.block_on(blocker).unwrap();
        }
        eventually(|| runtime.handle().metrics().num_threads() <= 3);
        falls_silent();
    })
    .assert_ok();
}

#[test]
fn t15_others_go_on_while_the_table_of_descriptors_grows() {
    const WANTED: u64 = 70_000;
    const RESERVE: u64 = 300;
    /// Ten times the target.
    const BOUND: Duration = Duration::from_millis(50);
    /// What a child exits with that met the bound.
    const MET: i32 = 3;
    // The table never shrinks, so that each run has a process of its own.
    let run = || {
        in_child("t15_others_go_on_while_the_table_of_descriptors_grows", || {
            support::set_limit(libc::RLIMIT_NOFILE, WANTED + RESERVE);
            let limit = support::set_limit(libc::RLIMIT_NOFILE, WANTED + RESERVE);
            let runtime = support::multi_thread(2);
            let (worst, opened) = worst_gap_while_opening(&runtime, limit.saturating_sub(RESERVE) as usize);
            eprintln!("{opened} descriptors, worst gap {worst:?}");
            if worst <= BOUND {
                std::process::exit(MET);
            }
        })
    };
    let runs: Vec<_> = (0..RUNS).map(|_| run()).take_while(|ended| ended.status.code() != Some(MET)).collect();
    runs.iter().for_each(support::Ended::assert_ok);
    assert!(runs.len() < RUNS, "none of {RUNS} runs met {BOUND:?}: {}", runs.last().unwrap().output);
}

/// A task opens `count` descriptors; another ticks each millisecond. The worst time between two of its ticks, beyond that.
fn worst_gap_while_opening(runtime: &Runtime, count: usize) -> (Duration, usize) {
    let over = Arc::new(AtomicBool::new(false));
    let is_over = over.clone();
    let ticker = runtime.spawn(async move {
        let (mut worst, mut last) = (Duration::ZERO, Instant::now());
        while !is_over.load(Ordering::Relaxed) {
            time::sleep(Duration::from_millis(1)).await;
            let now = Instant::now();
            worst = worst.max((now - last).saturating_sub(Duration::from_millis(1)));
            last = now;
        }
        worst
    });
    let files = runtime.block_on(runtime.spawn(async move {
        let mut files = Vec::new();
        while files.len() < count {
            files.extend((0..100).map(|_| File::open("/dev/null").unwrap()));
            task::yield_now().await;
        }
        files
    }));
    over.store(true, Ordering::Relaxed);
    (runtime.block_on(ticker).unwrap(), files.unwrap().len())
}
