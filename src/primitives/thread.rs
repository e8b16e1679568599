//! The one spawner of threads: workers, the reactor thread and the blocking pool all start here, and creation can fail.

use std::cell::Cell;
use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::clock::Nanos;
use super::names::Names;
use super::say;

/// How the runtime's threads are made.
#[derive(Clone)]
pub(crate) struct Spawner {
    /// Names a worker or blocking thread; None: freewheel's own names.
    pub(crate) name: Option<Names>,
    pub(crate) stack_size: Option<usize>,
    pub(crate) on_start: Option<Hook>,
    pub(crate) on_stop: Option<Hook>,
}

/// A user's callback around a thread's life.
pub(crate) type Hook = Arc<dyn Fn() + Send + Sync>;

std::thread_local! {
    /// Whether this thread is one that keeps the others going, and so runs none of the user's code.
    static IS_OWN: Cell<bool> = const { Cell::new(false) };
    /// The timer slack that this thread had before it was made punctual, for the threads that it starts.
    static SLACK: Cell<Option<Slack>> = const { Cell::new(None) };
}

/// Nanoseconds, as the system takes them.
type Slack = std::ffi::c_ulong;

impl Spawner {
    /// Makes names for so many threads of [`spawn_from_stock`](Self::spawn_from_stock).
    ///
    /// # Errors
    /// The user's function panicked, or gave what cannot be a name.
    pub(crate) fn stock_names(&self, count: usize) -> io::Result<()> {
        self.name.as_ref().map_or(Ok(()), |names| names.stock(count))
    }

    /// Starts a thread called `name` (or as the user wished) that runs the user's hooks around `body`. What `body` returns is
    /// dropped after the stop hook: there it may say that the thread is done.
    ///
    /// # Errors
    /// The system refused a thread: `body` is dropped unrun.
    pub(crate) fn spawn<R>(
        &self,
        name: impl FnOnce() -> String,
        body: impl FnOnce() -> R + Send + 'static,
    ) -> io::Result<()> {
        #[cfg(test)]
        if self.name.as_ref().is_some_and(Names::refuses) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        if is_own() {
            return self.spawn_from_stock(name, body);
        }
        match &self.name {
            Some(names) => self.spawn_as(names.make_or(name), body),
            None => self.spawn_as(name(), body),
        }
    }

    /// [`spawn`](Self::spawn) without a call of the user's naming function on this thread.
    pub(crate) fn spawn_from_stock<R>(
        &self,
        name: impl FnOnce() -> String,
        body: impl FnOnce() -> R + Send + 'static,
    ) -> io::Result<()> {
        let Some(names) = &self.name else { return self.spawn_as(name(), body) };
        let taken = names.take();
        let name = taken.clone().unwrap_or_else(name);
        // One more than it took where there was none: what was missed while the function failed.
        let (names_too, count) = (names.clone(), 1 + usize::from(taken.is_none()));
        let started = self.spawn_as(name, move || {
            if let Err(error) = names_too.stock(count) {
                say(format_args!("{error}; one that comes later has a name of freewheel's"));
            }
            body()
        });
        if let (Err(_), Some(name)) = (&started, taken) {
            names.give_back(name);
        }
        started
    }

    /// [`spawn`](Self::spawn) with this very name.
    pub(crate) fn spawn_as<R>(&self, name: String, body: impl FnOnce() -> R + Send + 'static) -> io::Result<()> {
        let (on_start, on_stop) = (self.on_start.clone(), self.on_stop.clone());
        self.start(name, move || {
            call(on_start.as_ref());
            let _left: R;
            // The stop hook runs even when `body` unwinds.
            let _stop = OnDrop(on_stop);
            _left = body();
        })
    }

    /// Starts a thread of the runtime's own, without the user's name or hooks.
    pub(crate) fn spawn_plain(&self, name: String, body: impl FnOnce() + Send + 'static) -> io::Result<()> {
        self.start(name, move || {
            IS_OWN.set(true);
            body();
        })
    }

    fn start(&self, name: String, body: impl FnOnce() + Send + 'static) -> io::Result<()> {
        let mut builder = std::thread::Builder::new().name(name);
        if let Some(stack_size) = self.stack_size {
            builder = builder.stack_size(stack_size);
        }
        with_usual_slack(|| builder.spawn(body).map(drop))
    }
}

struct OnDrop(Option<Hook>);

impl Drop for OnDrop {
    fn drop(&mut self) {
        call(self.0.as_ref());
    }
}

/// Calls a user's hook. A panic in it has been reported by the panic hook, and must not cost the thread its place.
pub(crate) fn call(hook: Option<&Hook>) {
    if let Some(hook) = hook {
        guarded(|| hook());
    }
}

/// Calls a user's function. None: it panicked, which the panic hook has told.
pub(super) fn guarded<R>(call: impl FnOnce() -> R) -> Option<R> {
    // What was thrown may throw again when it is dropped.
    catch_unwind(AssertUnwindSafe(call)).map_err(std::mem::forget).ok()
}

impl fmt::Debug for Spawner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spawner").field("stack_size", &self.stack_size).finish_non_exhaustive()
    }
}

/// A counter for thread names: `freewheel-worker-0`, `-1` and so on.
#[derive(Debug, Default)]
pub(crate) struct Numbers(AtomicUsize);

impl Numbers {
    pub(crate) fn next(&self) -> usize {
        // Relaxed: only the number itself matters.
        self.0.fetch_add(1, Ordering::Relaxed)
    }
}

/// Lets another thread run.
pub(crate) fn yield_now() {
    std::thread::yield_now();
}

/// Does nothing for a while.
pub(crate) fn pause(time: std::time::Duration) {
    std::thread::sleep(time);
}

/// From now on this thread's sleeps end on time: else Linux lets each last 50 µs longer, to end several at once.
pub(crate) fn be_punctual() {
    #[cfg(target_os = "linux")]
    {
        // SAFETY: it takes nothing and touches no memory.
        let usual = unsafe { libc::prctl(libc::PR_GET_TIMERSLACK) };
        SLACK.set(Slack::try_from(usual).ok());
        set_slack(1);
    }
}

/// Does what starts a thread: that would inherit this one's slack, and so would the processes that it starts.
fn with_usual_slack<R>(start: impl FnOnce() -> R) -> R {
    let Some(usual) = SLACK.get() else { return start() };
    set_slack(usual);
    let started = start();
    set_slack(1);
    started
}

#[cfg(target_os = "linux")]
fn set_slack(slack: Slack) {
    // SAFETY: it takes a number and touches no memory. Refused, the sleeps are as late as they were.
    unsafe { libc::prctl(libc::PR_SET_TIMERSLACK, slack) };
}

#[cfg(not(target_os = "linux"))]
fn set_slack(_: Slack) {}

/// Whether this thread is one of freewheel's that keep the others going.
pub(crate) fn is_own() -> bool {
    IS_OWN.get()
}

/// The system's own number of this thread, by which `/proc` knows it; zero where there is none.
pub(crate) fn native_id() -> u32 {
    #[cfg(target_os = "linux")]
    {
        // SAFETY: gettid takes nothing and cannot fail.
        unsafe { libc::gettid() as u32 }
    }
    #[cfg(not(target_os = "linux"))]
    0
}

/// For how long the thread of this number has been on a core, up to this moment. None: it is none of this process's, or the
/// system does not say.
pub(crate) fn cpu_time(thread: u32) -> Option<Nanos> {
    #[cfg(target_os = "linux")]
    {
        // The clock's number as the kernel makes it: the thread's inverted, a bit for "one thread", and 2 for its run time.
        let clock = (!thread << 3 | 0b110) as libc::clockid_t;
        // Of a thread that ended, or never was, there is none.
        if thread == 0 { None } else { clock_time(clock) }
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = thread;
        None
    }
}

/// How many threads of this process can be on cores at once, as far as the system says.
pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// For how long the threads of this process have been on cores, all told. None: the system does not say.
pub(crate) fn process_cpu_time() -> Option<Nanos> {
    #[cfg(unix)]
    {
        clock_time(libc::CLOCK_PROCESS_CPUTIME_ID)
    }
    #[cfg(not(unix))]
    None
}

#[cfg(unix)]
fn clock_time(clock: libc::clockid_t) -> Option<Nanos> {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is to a live timespec; a clock that there is none of is an error.
    let told = unsafe { libc::clock_gettime(clock, &mut time) } == 0;
    told.then(|| time.tv_sec as Nanos * 1_000_000_000 + time.tv_nsec as Nanos)
}

/// How often the calling thread has gone to sleep, or was stopped by a signal; zero where the system does not say.
pub(crate) fn rests() -> u64 {
    #[cfg(target_os = "linux")]
    {
        let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
        // SAFETY: the pointer is to memory of an rusage's size; should the call fail, all zeroes is a valid one.
        let usage = unsafe {
            libc::getrusage(libc::RUSAGE_THREAD, usage.as_mut_ptr());
            usage.assume_init()
        };
        usage.ru_nvcsw as u64
    }
    #[cfg(not(target_os = "linux"))]
    0
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_punctual_thread_keeps_that_to_itself() {
        fn slack() -> i32 {
            // SAFETY: it takes nothing and touches no memory.
            unsafe { libc::prctl(libc::PR_GET_TIMERSLACK) }
        }
        let usual = slack();
        let (sender, told) = std::sync::mpsc::channel();
        let spawner = Spawner { name: None, stack_size: None, on_start: None, on_stop: None };
        let (inner, tell) = (spawner.clone(), sender.clone());
        let body = move || {
            be_punctual();
            inner.spawn_plain("inner".to_owned(), move || sender.send(slack()).unwrap()).unwrap();
            tell.send(-slack()).unwrap();
        };
        spawner.spawn_plain("outer".to_owned(), body).unwrap();
        let mut slacks: Vec<i32> = told.iter().collect();
        slacks.sort_unstable();
        assert_eq!(slacks, [-1, usual]);
    }

    #[test]
    fn a_sleep_is_a_rest_and_time_on_a_core_is_counted() {
        let (rested, ran) = (rests(), cpu_time(native_id()).unwrap());
        // Not to wait for anything: this is the rest.
        std::thread::sleep(std::time::Duration::from_millis(20));
        assert!(rests() > rested);
        assert!(cpu_time(native_id()).unwrap() > ran);
        assert_eq!(cpu_time(0), None);
    }
}
