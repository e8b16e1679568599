//! The promise in time: while tasks block or compute, a ticker and an echo are late by milliseconds, not by as long as that lasts.
//!
//! That the others go on at all is in `never_stall.rs`, in scenarios of the same numbers; here is how soon. Lateness
//! counts from when a tick was due or a request was to be sent, so that a runtime that stands still cannot slow down
//! the questions. What blocks does so for three times the bound: a runtime that does not take over misses it.

mod support;

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier, Mutex, MutexGuard, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use freewheel::io::{AsyncReadExt, AsyncWriteExt};
use freewheel::net::TcpListener;
use freewheel::runtime::{Builder, Runtime};
use freewheel::time::sleep_until;
use freewheel::{spawn, task};
use support::{multi_thread, one_run_within, test};

const fn millis(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// How long a ticker and an echo are looked at.
const WATCHED: Duration = millis(1000);
const TICK: Duration = millis(10);
const REQUEST: Duration = millis(5);
/// What has not come about by then is not waited for.
const PATIENCE: Duration = millis(3000);

/// How long a task blocks that must not hold up others for `T1_MAX`.
const BLOCK: Duration = millis(300);
/// Ten times the target of T1 and T2.
const T1_MAX: Duration = millis(100);

/// One after the other: what one of these tests does to the machine is in the way of the next.
fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// A server on the runtime that makes a task of each connection.
fn serve<F>(runtime: &Runtime, connection: fn(freewheel::net::TcpStream) -> F) -> SocketAddr
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    runtime.spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            spawn(connection(stream));
        }
    });
    address
}

async fn echo(mut stream: freewheel::net::TcpStream) {
    let mut buffer = [0; 64];
    while let Ok(n @ 1..) = stream.read(&mut buffer).await {
        stream.write_all(&buffer[..n]).await.unwrap();
    }
}

fn request(stream: &mut TcpStream) -> io::Result<()> {
    stream.write_all(b"turning")?;
    stream.read_exact(&mut [0; 7])
}

/// Does one thing after the other, each when it is due; how late each was, up to the first that failed.
fn lateness(count: u32, period: Duration, mut one: impl FnMut() -> io::Result<()>) -> Vec<Duration> {
    let (begun, mut late) = (Instant::now(), Vec::new());
    for number in 1..=count {
        let due = begun + period * number;
        // Not to wait for anything: this is the pace.
        thread::sleep(due.saturating_duration_since(Instant::now()));
        let done = one();
        late.push(due.elapsed());
        if done.is_err() {
            break;
        }
    }
    late
}

/// Disturbs the runtime; how late a ticker and an echo on it are from then on, at this percentile of the worse of the two.
fn worst(runtime: &Runtime, percentile: usize, disturb: impl FnOnce()) -> Duration {
    let count = |period: Duration| (WATCHED.as_millis() / period.as_millis()) as u32;
    let mut stream = TcpStream::connect(serve(runtime, echo)).unwrap();
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    request(&mut stream).unwrap();
    disturb();
    let begun = Instant::now();
    let ticker = runtime.spawn(async move {
        let mut late = Vec::new();
        for number in 1..=count(TICK) {
            let due = begun + TICK * number;
            sleep_until(due.into()).await;
            late.push(due.elapsed());
        }
        late
    });
    let answers = lateness(count(REQUEST), REQUEST, || request(&mut stream));
    if let Some(never) = answers.last().filter(|_| answers.len() < count(REQUEST) as usize) {
        return *never;
    }
    let at = |mut samples: Vec<Duration>| {
        samples.sort_unstable();
        samples[(samples.len() * percentile / 100).min(samples.len() - 1)]
    };
    at(answers).max(at(runtime.block_on(ticker).unwrap()))
}

/// The same while tasks make this call over and over.
fn worst_beside(percentile: usize, call: fn()) -> Duration {
    let (runtime, over) = (multi_thread(2), Arc::new(AtomicBool::new(false)));
    let worst = worst(&runtime, percentile, || {
        for _ in 0..2 {
            let over = over.clone();
            runtime.spawn(async move {
                while !over.load(Ordering::Relaxed) {
                    call();
                    task::yield_now().await;
                }
            });
        }
    });
    over.store(true, Ordering::Relaxed);
    worst
}

#[test]
fn t1_tasks_that_block_every_worker_in_a_loop_hold_up_nobody() {
    let _alone = alone();
    // Not to wait for anything: these are the blocks.
    test(|| one_run_within(T1_MAX, || worst_beside(100, || thread::sleep(BLOCK))));
}

#[test]
fn t2_tasks_that_io_has_just_woken_block_and_hold_up_nobody() {
    async fn block(mut stream: freewheel::net::TcpStream) {
        while let Ok(1) = stream.read(&mut [0]).await {
            // Not to wait for anything: this is the block.
            thread::sleep(BLOCK);
        }
    }
    let _alone = alone();
    test(|| {
        one_run_within(T1_MAX, || {
            let runtime = multi_thread(2);
            let address = serve(&runtime, block);
            let mut clients = [(); 2].map(|()| TcpStream::connect(address).unwrap());
            let feeder = thread::spawn(move || {
                lateness(2, BLOCK + millis(50), || clients.iter_mut().try_for_each(|client| client.write_all(&[1])))
            });
            let worst = worst(&runtime, 100, || ());
            feeder.join().unwrap();
            worst
        });
    });
}

#[test]
fn t3_tasks_that_wait_for_those_in_their_lifo_slots_soon_have_them() {
    let _alone = alone();
    test(|| {
        one_run_within(millis(30), || {
            let (runtime, together) = (multi_thread(2), Arc::new(Barrier::new(2)));
            // On both workers at once, so that none is idle and could take it.
            let answers = [(); 2].map(|()| {
                let together = together.clone();
                runtime.spawn(async move {
                    let (sender, receiver) = mpsc::channel();
                    together.wait();
                    let begun = Instant::now();
                    spawn(async move { sender.send(()).unwrap() });
                    receiver.recv().unwrap();
                    begun.elapsed()
                })
            });
            answers.into_iter().map(|answer| runtime.block_on(answer).unwrap()).max().unwrap()
        });
    });
}

#[test]
fn t5_tasks_that_compute_on_every_worker_hold_up_few() {
    fn compute() {
        let begun = Instant::now();
        while begun.elapsed() < 3 * millis(150) {
            std::hint::spin_loop();
        }
    }
    let _alone = alone();
    test(|| one_run_within(millis(150), || worst_beside(99, compute)));
}

#[test]
fn t8_a_thousand_short_blocks_share_their_time_and_take_few_threads() {
    let _alone = alone();
    // With a thread for each there would be a thousand; without any hand-off they would take 2.5 s.
    test(|| {
        let run = || {
            let runtime = Builder::new_multi_thread().worker_threads(2).max_threads(1100).build().unwrap();
            let begun = Instant::now();
            // Not to wait for anything: these are the blocks.
            let tasks: Vec<_> = (0..1000).map(|_| runtime.spawn(async { thread::sleep(millis(5)) })).collect();
            runtime.block_on(async {
                for task in tasks {
                    task.await.unwrap();
                }
            });
            (begun.elapsed(), runtime.handle().metrics().max_threads_seen())
        };
        one_run_within(millis(600), || run().0);
        one_run_within(500, || run().1);
    });
}

/// How late others are behind so many tasks that block for a second.
fn worst_behind(blockers: usize) -> Duration {
    let runtime = Builder::new_multi_thread().worker_threads(2).max_threads(blockers + 10).build().unwrap();
    worst(&runtime, 100, || {
        for _ in 0..blockers {
            // Not to wait for anything: these are the blocks.
            runtime.spawn(async { thread::sleep(millis(1000)) });
        }
    })
}

#[test]
fn t14_others_are_soon_past_a_hundred_blockers() {
    let _alone = alone();
    test(|| one_run_within(millis(150), || worst_behind(100)));
}

#[test]
fn t14_others_are_soon_past_a_thousand_blockers() {
    let _alone = alone();
    test(|| one_run_within(millis(1200), || worst_behind(1000)));
}
