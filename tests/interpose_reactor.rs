//! The system fails the reactor: epoll, eventfd and timerfd fail by plan.

mod support;

use std::ffi::{c_int, c_uint, c_void};
use std::future::{Future, poll_fn};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use freewheel::io::{AsyncReadExt, AsyncWriteExt};
use freewheel::net::{TcpListener, TcpStream};
use freewheel::runtime::{Builder, Runtime};
use freewheel::task::JoinHandle;
use freewheel::time::{sleep, timeout};
use support::interpose::{Plan, interpose, real, set_errno, sweep};
use support::{eventually, in_child};

static CREATE: Plan = Plan::new();
static EVENTFD: Plan = Plan::new();
static TIMERFD: Plan = Plan::new();
static CONTROL: Plan = Plan::new();
static WAIT: Plan = Plan::new();
static WAKE: Plan = Plan::new();

interpose! {
    fn epoll_create1(flags: c_int) -> c_int = CREATE, fails (-1);
    fn eventfd(initial: c_uint, flags: c_int) -> c_int = EVENTFD, fails (-1);
    fn timerfd_create(clock: c_int, flags: c_int) -> c_int = TIMERFD, fails (-1);
    fn epoll_ctl(epoll: c_int, operation: c_int, fd: c_int, event: *mut libc::epoll_event) -> c_int
        = CONTROL, fails (-1);
    fn epoll_wait(epoll: c_int, events: *mut libc::epoll_event, most: c_int, timeout: c_int) -> c_int
        = WAIT, fails (-1);
}

/// Only what goes to an eventfd is by plan: a wake of the reactor.
// SAFETY: it has libc's own signature, and does what the real one does or fails as that may fail.
#[unsafe(no_mangle)]
unsafe extern "C" fn write(fd: c_int, bytes: *const c_void, length: usize) -> isize {
    static REAL: AtomicUsize = AtomicUsize::new(0);
    if length == 8 && is_eventfd(fd) {
        if let Some(errno) = WAKE.next() {
            set_errno(errno);
            return -1;
        }
    }
    // SAFETY: libc's `write` has this very signature; the arguments are the caller's.
    unsafe {
        let real = real(c"write", &REAL);
        let real = std::mem::transmute::<*mut c_void, unsafe extern "C" fn(c_int, *const c_void, usize) -> isize>(real);
        real(fd, bytes, length)
    }
}

fn is_eventfd(fd: c_int) -> bool {
    std::fs::read_link(format!("/proc/self/fd/{fd}")).is_ok_and(|target| target.to_string_lossy().contains("eventfd"))
}

/// A flavour's name, and how it is made.
type Flavour = (&'static str, fn() -> std::io::Result<Runtime>);

fn flavours() -> [Flavour; 2] {
    [
        ("current_thread", || Builder::new_current_thread().enable_all().build()),
        ("multi_thread", || Builder::new_multi_thread().worker_threads(2).enable_all().build()),
    ]
}

/// Sockets, timers and cross-thread wakes; each step says its error.
async fn scenario() -> std::io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let server = freewheel::spawn(async move {
        let (mut stream, _) = listener.accept().await?;
        let mut bytes = [0; 4];
        stream.read_exact(&mut bytes).await?;
        stream.write_all(&bytes).await
    });
    let abort = server.abort_handle();
    let client = async {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(b"ping").await?;
        sleep(Duration::from_millis(1)).await;
        freewheel::task::spawn_blocking(|| {}).await?;
        let mut bytes = [0; 4];
        stream.read_exact(&mut bytes).await?;
        assert_eq!(&bytes, b"ping");
        Ok(())
    };
    let outcome = client.await;
    if outcome.is_err() {
        abort.abort();
        let _ = server.await;
        return outcome;
    }
    server.await?
}

/// The numbers that must be the same again.
fn base() -> (usize, usize) {
    (support::threads(), support::file_descriptors())
}

/// After one good run, so that what stays for good is there.
fn settled(make: fn() -> std::io::Result<Runtime>) -> (usize, usize) {
    make().unwrap().block_on(scenario()).unwrap();
    support::settled()
}

#[test]
fn fault_44_an_interrupted_poll_is_retried() {
    in_child("fault_44_an_interrupted_poll_is_retried", || {
        for (name, make) in flavours() {
            let runtime = make().unwrap();
            let polls = {
                WAIT.arm(0, 0, 0);
                runtime.block_on(scenario()).unwrap();
                WAIT.calls()
            };
            for n in 1..=polls.max(10) {
                WAIT.arm(n, 3, libc::EINTR);
                runtime.block_on(scenario()).unwrap_or_else(|error| panic!("{name}, the {n}th: {error}"));
                WAIT.disarm();
            }
        }
    })
    .assert_ok();
}

/// Spawns a future that counts when its first poll is over.
fn spawn_counted<F>(polls: &Arc<AtomicUsize>, future: F) -> JoinHandle<F::Output>
where
    F: Future<Output: Send> + Send + 'static,
{
    let (polls, mut future, mut first) = (polls.clone(), Box::pin(future), true);
    freewheel::spawn(poll_fn(move |cx| {
        let outcome = future.as_mut().poll(cx);
        polls.fetch_add(usize::from(std::mem::take(&mut first)), Ordering::Relaxed);
        outcome
    }))
}

#[test]
fn fault_45_a_poll_that_fails_is_told_to_all_who_wait_and_reported() {
    let ended = in_child("fault_45_a_poll_that_fails_is_told_to_all_who_wait_and_reported", || {
        for errno in [libc::EBADF, libc::EINVAL, libc::ENOMEM] {
            for (name, make) in flavours() {
                let before = settled(make);
                let runtime = make().unwrap();
                let outcomes = runtime.block_on(async {
                    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                    let address = listener.local_addr().unwrap();
                    let mut client = TcpStream::connect(address).await.unwrap();
                    let (mut server, _) = listener.accept().await.unwrap();
                    let polls = Arc::new(AtomicUsize::new(0));
                    let accept = spawn_counted(&polls, async move { listener.accept().await.map(drop) });
                    let read = spawn_counted(&polls, async move { client.read(&mut [0; 8]).await.map(drop) });
                    let other = spawn_counted(&polls, async move { server.read(&mut [0; 8]).await.map(drop) });
                    // They must be waiting when it fails.
                    while polls.load(Ordering::Relaxed) < 3 {
                        freewheel::task::yield_now().await;
                    }
                    WAIT.arm(1, usize::MAX, errno);
                    // Something that lets the reactor be polled.
                    let nudge = freewheel::spawn(sleep(Duration::from_millis(1)));
                    let outcomes = [accept.await.unwrap(), read.await.unwrap(), other.await.unwrap()];
                    WAIT.disarm();
                    drop(nudge);
                    outcomes
                });
                for outcome in outcomes {
                    let error = outcome.expect_err("what waited on a dead reactor was not told");
                    assert!(!error.to_string().is_empty(), "{name} {errno}");
                }
                drop(runtime);
                eventually(|| base() == before);
            }
        }
    });
    ended.assert_ok();
    assert!(ended.output.contains("reactor"), "nothing was reported:\n{}", ended.output);
}

#[test]
fn fault_45_a_dead_reactor_does_not_keep_tasks_or_the_end_from_going_on() {
    in_child("fault_45_a_dead_reactor_does_not_keep_tasks_or_the_end_from_going_on", || {
        for (_, make) in flavours() {
            let before = settled(make);
            let runtime = make().unwrap();
            WAIT.arm(1, usize::MAX, libc::EBADF);
            for _ in 0..100 {
                runtime.block_on(runtime.spawn(freewheel::task::yield_now())).unwrap();
                assert_eq!(runtime.block_on(runtime.spawn_blocking(|| 1)).unwrap(), 1);
            }
            let cpu = support::cpu_time();
            runtime.block_on(async {
                // A sleep on a dead reactor may end late, or by a panic that says so: it may not hang the runtime.
                let _ = freewheel::spawn(timeout(Duration::from_millis(50), sleep(Duration::from_millis(20)))).await;
            });
            let used = support::cpu_time() - cpu;
            assert!(used < Duration::from_secs(5), "{used:?} of CPU: it spins on the error");
            drop(runtime);
            WAIT.disarm();
            eventually(|| base() == before);
        }
    })
    .assert_ok();
}

#[test]
fn fault_46_a_descriptor_refused_fails_the_build_and_leaves_nothing() {
    in_child("fault_46_a_descriptor_refused_fails_the_build_and_leaves_nothing", || {
        for (name, make) in flavours() {
            let before = settled(make);
            for (function, plan) in [("epoll_create1", &CREATE), ("eventfd", &EVENTFD), ("epoll_ctl", &CONTROL)] {
                let struck = sweep(plan, 1, libc::EMFILE, |n| {
                    let outcome = make().map(drop);
                    if plan.hits() > 0 {
                        let error = outcome.expect_err("a descriptor was refused and nobody said so");
                        assert_eq!(error.raw_os_error(), Some(libc::EMFILE), "{name}, {function}, the {n}th");
                    } else {
                        outcome.unwrap();
                    }
                    eventually(|| base() == before);
                });
                assert!(struck > 0, "{function} is never called");
            }
        }
    })
    .assert_ok();
}

#[test]
fn fault_46_without_a_timerfd_the_build_fails_or_timers_are_coarser() {
    in_child("fault_46_without_a_timerfd_the_build_fails_or_timers_are_coarser", || {
        for (_, make) in flavours() {
            let before = settled(make);
            TIMERFD.arm(1, usize::MAX, libc::EMFILE);
            if let Ok(runtime) = make() {
                runtime.block_on(scenario()).unwrap();
            }
            TIMERFD.disarm();
            eventually(|| base() == before);
        }
    })
    .assert_ok();
}

#[test]
fn fault_47_a_registration_refused_fails_its_call_and_leaks_nothing() {
    in_child("fault_47_a_registration_refused_fails_its_call_and_leaks_nothing", || {
        for errno in [libc::ENOSPC, libc::ENOMEM] {
            for (name, make) in flavours() {
                let before = settled(make);
                let runtime = make().unwrap();
                runtime.block_on(scenario()).unwrap();
                let descriptors = support::file_descriptors();
                let mut told = 0;
                for n in 1..100 {
                    CONTROL.arm(n, 1, errno);
                    let outcome = runtime.block_on(async { timeout(Duration::from_secs(20), scenario()).await });
                    let struck = CONTROL.disarm();
                    match outcome {
                        // Told by name and number, or, when it struck the server, by the end of the stream.
                        Ok(Err(error)) => told += usize::from(error.to_string().contains(&format!("os error {errno}"))),
                        Ok(Ok(())) => {}
                        // The server's own socket was refused: its client waits for an answer, as with any dead server.
                        Err(_) => panic!("{name}, the {n}th: it hangs"),
                    }
                    eventually(|| support::file_descriptors() == descriptors);
                    if struck == 0 {
                        break;
                    }
                }
                // The listener's for certain. Client and server race for second place, so the server may have been struck twice.
                assert!(told >= 1, "{name}: no refusal was told");
                runtime.block_on(scenario()).unwrap();
                drop(runtime);
                eventually(|| base() == before);
            }
        }
    })
    .assert_ok();
}

#[test]
fn fault_58_a_full_wake_counter_counts_as_woken() {
    in_child("fault_58_a_full_wake_counter_counts_as_woken", || {
        // One worker: when it is idle it lies in the poll, and only the eventfd wakes it.
        for runtime in [support::current_thread(), support::multi_thread(1)] {
            let mut struck = 0;
            eventually(|| {
                WAKE.arm(1, 2, libc::EAGAIN);
                // The wake comes from a foreign thread while the worker is in its poll, or about to be.
                let gate = support::Gate::new();
                let (wait, opener) = (gate.wait(), gate.clone());
                let task = runtime.spawn(wait);
                let thread = std::thread::spawn(move || {
                    eventually(|| opener.waits() > 0);
                    opener.open();
                });
                runtime.block_on(task).unwrap();
                thread.join().unwrap();
                runtime.block_on(scenario()).unwrap();
                struck += WAKE.disarm();
                struck >= 10
            });
        }
    })
    .assert_ok();
}
