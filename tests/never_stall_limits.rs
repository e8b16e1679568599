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

use freewheel::io::{AsyncReadExt, AsyncWriteExt};
use freewheel::net::TcpListener;
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

/// Hand-offs of forty blocks of 3 ms, one after the other, with this tick.
fn hand_offs_of_short_blocks(tick: Duration) -> u64 {
    let runtime = Builder::new_multi_thread().worker_threads(2).watch_tick(tick).build().unwrap();
    for _ in 0..40 {
        // Not to wait for anything: it blocks.
        runtime.block_on(runtime.spawn(async { std::thread::sleep(Duration::from_millis(3)) })).unwrap();
    }
    runtime.handle().metrics().hand_offs_blocked()
}

#[test]
fn what_blocks_for_less_than_a_tick_is_not_handed_off_and_what_blocks_longer_is() {
    test(|| {
        let long: Vec<u64> = (0..RUNS).map(|_| hand_offs_of_short_blocks(Duration::from_millis(10))).collect();
        assert!(long.iter().any(|&hand_offs| hand_offs <= 4), "ticks of 10 ms: {long:?}");
        // From the third on they are known, and release their permits themselves: those are no hand-offs of the watch.
        let short: Vec<u64> = (0..RUNS).map(|_| hand_offs_of_short_blocks(Duration::from_millis(1))).collect();
        assert!(short.iter().any(|&hand_offs| hand_offs >= 2), "ticks of 1 ms: {short:?}");
    });
}

/// How long each of the requests took that a task makes within its polls, spinning, while the other worker is idle.
fn trips_within_polls(tick: Duration) -> Vec<Duration> {
    use std::io::{Read, Write};
    let runtime = Builder::new_multi_thread().worker_threads(2).watch_tick(tick).build().unwrap();
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let mut client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    client.set_nonblocking(true).unwrap();
    let echo = async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut byte = [0];
        while let Ok(1) = stream.read(&mut byte).await {
            stream.write_all(&byte).await.unwrap();
        }
    };
    let server = runtime.spawn(echo);
    let trips = runtime.spawn(async move {
        let mut trips = Vec::new();
        for _ in 0..60 {
            // Woken by the poller, which then is in this poll and not in the reactor's.
            time::sleep(Duration::from_millis(1)).await;
            let begun = Instant::now();
            assert_eq!(client.write(&[1]).unwrap(), 1);
            while client.read(&mut [0]).is_err() {
                std::hint::spin_loop();
            }
            trips.push(begun.elapsed());
        }
        trips
    });
    let mut trips = runtime.block_on(trips).unwrap();
    runtime.block_on(server).unwrap();
    trips.sort();
    trips
}

#[test]
fn an_event_does_not_wait_for_the_tick_while_a_worker_is_idle() {
    const TICK: Duration = Duration::from_millis(10);
    test(|| {
        // The first few wait, until the task is known to take long; without that, half of all wait for half a tick.
        let median = |_| {
            let trips = trips_within_polls(TICK);
            trips[trips.len() / 2]
        };
        let seen: Vec<Duration> = (0..RUNS).map(median).take_while(|&median| median > TICK / 5).collect();
        assert!(seen.len() < RUNS, "medians: {seen:?}");
    });
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
