//! The watchdog: a test that hangs prints what each thread is doing, and ends the process.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

/// How long a test may take: far longer than any takes. `FREEWHEEL_TEST_LIMIT_S` overrides it.
pub(crate) fn limit() -> Duration {
    let seconds = std::env::var("FREEWHEEL_TEST_LIMIT_S").ok().and_then(|text| text.parse().ok());
    Duration::from_secs(seconds.unwrap_or(120))
}

/// Ends the process with a report if it is not dropped in time.
#[derive(Debug)]
pub(crate) struct Watchdog {
    /// Dropping the sender calls the dog off.
    leash: Option<mpsc::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Watchdog {
    /// Watches until dropped, for at most [`limit`].
    pub(crate) fn new(name: &str) -> Self {
        Self::with_limit(name, limit())
    }

    /// Watches until dropped, for at most `limit`.
    pub(crate) fn with_limit(name: &str, limit: Duration) -> Self {
        let (leash, ended) = mpsc::channel::<()>();
        let name = name.to_owned();
        let watch = move || {
            if ended.recv_timeout(limit) == Err(RecvTimeoutError::Timeout) {
                bark(&format!("watchdog: `{name}` still runs after {limit:?}"));
            }
        };
        let thread = thread::Builder::new().name("watchdog".into()).spawn(watch).expect("a thread for the watchdog");
        Self { leash: Some(leash), thread: Some(thread) }
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.leash.take();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Runs a test's body under a [`Watchdog`] that bears the test's name.
pub(crate) fn test<R>(body: impl FnOnce() -> R) -> R {
    let current = thread::current();
    let _dog = Watchdog::new(current.name().unwrap_or("a test"));
    body()
}

/// Waits until `condition` holds, looking again and again. Past half of the watchdog's limit it panics at the caller's line.
#[track_caller]
pub(crate) fn eventually(mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    let mut looks = 0u32;
    while !condition() {
        assert!(start.elapsed() < limit() / 2, "this never came true, in {:?}\n{}", start.elapsed(), report());
        looks = looks.saturating_add(1);
        // Not to wait for it: polite to the other threads, and the length decides nothing but how soon the next look is.
        if looks < 100 { thread::yield_now() } else { thread::sleep(Duration::from_millis(1)) }
    }
}

fn bark(headline: &str) -> ! {
    // Straight to the descriptor: what a test prints is captured, and would be lost with the process.
    let mut stderr = std::io::stderr();
    let _ = writeln!(stderr, "\n{headline}\n{}", report());
    let _ = stderr.flush();
    debugger();
    std::process::abort();
}

/// What the kernel tells about each thread of this process, and what it has open.
fn report() -> String {
    let mut text = String::new();
    for entry in fs::read_dir("/proc/self/task").into_iter().flatten().flatten() {
        let read = |name: &str| fs::read_to_string(entry.path().join(name)).unwrap_or_default();
        let status = read("status");
        let state = status.lines().find(|line| line.starts_with("State:")).unwrap_or("State: ?").to_owned();
        let _ = writeln!(
            text,
            "thread {} `{}` {state} wchan {} syscall {}",
            entry.file_name().to_string_lossy(),
            read("comm").trim(),
            read("wchan"),
            read("syscall").trim(),
        );
        for line in read("stack").lines() {
            let _ = writeln!(text, "    {line}");
        }
    }
    for entry in fs::read_dir("/proc/self/fd").into_iter().flatten().flatten() {
        let target = fs::read_link(entry.path()).unwrap_or_default();
        let _ = writeln!(text, "descriptor {} {}", entry.file_name().to_string_lossy(), target.display());
    }
    text
}

/// Lets gdb print every thread's stack, if it is there and allowed to.
fn debugger() {
    #[cfg(target_os = "linux")]
    // SAFETY: takes no pointers; it only lets another process of this user attach.
    unsafe {
        libc::prctl(libc::PR_SET_PTRACER, libc::PR_SET_PTRACER_ANY);
    }
    let gdb = Command::new("gdb")
        .args(["-q", "-nx", "-batch", "-ex", "set pagination off", "-ex", "thread apply all bt", "-p"])
        .arg(std::process::id().to_string())
        .stdin(Stdio::null())
        .stdout(std::io::stderr())
        .stderr(Stdio::null())
        .spawn();
    let Ok(mut gdb) = gdb else { return };
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(60) && matches!(gdb.try_wait(), Ok(None)) {
        // Not to wait for it, but to look less often.
        thread::sleep(Duration::from_millis(50));
    }
    let _ = gdb.kill();
}
