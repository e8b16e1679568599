//! `Builder`: the settings of a runtime. `assembly.rs` makes it of them.

mod assembly;

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use super::reports::{OnStall, StallReport};
use super::{Runtime, RuntimeFlavor};
use crate::primitives::names::Names;
use crate::primitives::thread::{Hook, Spawner};

/// Builds a [`Runtime`] with chosen settings; tokio's names and defaults where tokio has them.
///
/// # Examples
/// ```
/// let runtime = freewheel::runtime::Builder::new_multi_thread()
///     .worker_threads(2)
///     .thread_name("my-worker")
///     .enable_all()
///     .build()?;
/// runtime.block_on(async { assert_eq!(freewheel::spawn(async { 7 }).await.unwrap(), 7) });
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Builder {
    flavor: RuntimeFlavor,
    worker_threads: Option<usize>,
    max_threads: Option<usize>,
    max_blocking_threads: usize,
    keep_alive: Duration,
    event_interval: u32,
    global_queue_interval: u32,
    shutdown_grace: Duration,
    watches: bool,
    watch_tick: Duration,
    max_cpu_extra: Option<usize>,
    stall_threshold: Option<Duration>,
    on_stall: Option<OnStall>,
    stall_backtraces: bool,
    threads: Spawner,
    on_park: Option<Hook>,
    on_unpark: Option<Hook>,
}

impl Builder {
    /// A runtime with worker threads.
    #[must_use]
    pub fn new_multi_thread() -> Self {
        Self::new(RuntimeFlavor::MultiThread)
    }

    /// A runtime without threads of its own: tasks run on the thread that calls `block_on`.
    ///
    /// # What freewheel cannot help here
    /// A task that blocks its thread does stop all the others, timers and I/O included: they share that one thread, and tasks that
    /// are not `Send` could go to no other. The cure: give what blocks to
    /// [`spawn_blocking`](crate::task::spawn_blocking), which has threads of its own in this flavour too, or use
    /// [`new_multi_thread`](Self::new_multi_thread), with one worker if need be: there another thread takes over.
    ///
    /// # Who blocks is told if you ask
    /// As asyncio's debug mode does it (`slow_callback_duration`), but while it lasts: with [`on_stall`](Self::on_stall),
    /// [`stall_threshold`](Self::stall_threshold) or [`stall_backtraces`](Self::stall_backtraces) set, or with
    /// `FREEWHEEL_STALL=warn` or `backtrace` in the environment, the runtime has one thread of its own,
    /// `freewheel-watch`. It looks at the thread in `block_on` each [tick](Self::watch_tick), a millisecond, while that one runs
    /// something, and sleeps when it has been idle for some ticks. Reported are tasks, and the future of `block_on` itself. Unless asked
    /// there is no such thread, and nobody notices. What it costs:
    /// * A poll costs no more. But what wakes the runtime out of quiet rings the watch (a futex call), which then ticks some 17 times
    ///   before it sleeps again: each a wake-up on another core, or, where there is but one, on this.
    /// * The program has a second thread, which may matter to one that has no other: `unshare` and `setns` refuse some namespaces then,
    ///   and a child made by `fork` may only call what is async-signal-safe before it calls `exec`. So build the runtime
    ///   after such steps, and tell your operators if `FREEWHEEL_STALL=warn` is not for them.
    /// * [`build`](Self::build) may fail for want of that thread.
    ///
    /// ```
    /// use std::{sync::mpsc, thread, time::Duration};
    /// let (reports, report) = mpsc::channel();
    /// let runtime = freewheel::runtime::Builder::new_current_thread()
    ///     .on_stall(move |report| drop(reports.send(report.to_string())))
    ///     .build()?;
    /// runtime.block_on(async { thread::sleep(Duration::from_secs(2)) });
    /// // the future of block_on at …:6:9 has blocked its thread for 10ms in clock_nanosleep
    /// println!("{}", report.recv().unwrap());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn new_current_thread() -> Self {
        Self::new(RuntimeFlavor::CurrentThread)
    }

    fn new(flavor: RuntimeFlavor) -> Self {
        Self {
            flavor,
            worker_threads: None,
            max_threads: None,
            max_blocking_threads: 512,
            keep_alive: Duration::from_secs(10),
            event_interval: 61,
            global_queue_interval: 31,
            shutdown_grace: Duration::from_secs(10),
            watches: true,
            watch_tick: Duration::from_millis(1),
            max_cpu_extra: None,
            stall_threshold: None,
            on_stall: None,
            stall_backtraces: false,
            threads: Spawner { name: None, stack_size: None, on_start: None, on_stop: None },
            on_park: None,
            on_unpark: None,
        }
    }

    /// How many worker threads run tasks at once. Default: the environment variable `FREEWHEEL_WORKER_THREADS`, else
    /// the number of cores. Without effect on a `current_thread` runtime.
    ///
    /// # Panics
    /// If `count` is zero.
    #[track_caller]
    pub fn worker_threads(&mut self, count: usize) -> &mut Self {
        assert!(count > 0, "Worker threads cannot be set to 0: give at least 1, or leave it out for one per core");
        self.worker_threads = Some(count);
        self
    }

    /// The most threads there may be for tasks: the workers, those whose task blocks, and spares. Default: the workers
    /// and 2,048 more, which exist only while tasks block. Beyond it what is queued waits until a blocked thread comes back.
    ///
    /// There is always a spare: as many as [`worker_threads`](Self::worker_threads) counts as one more. Not counted are the
    /// reactor thread, the blocking pool, and threads that help the tasks to their end when the runtime is shut down. More than 65,534, or
    /// fewer than workers, is an error of [`build`](Self::build).
    ///
    /// # Panics
    /// If `count` is zero.
    #[track_caller]
    pub fn max_threads(&mut self, count: usize) -> &mut Self {
        assert!(
            count > 0,
            "max_threads cannot be set to 0: it counts the workers too, so give more than worker_threads"
        );
        self.max_threads = Some(count);
        self
    }

    /// The most threads of the blocking pool (`spawn_blocking`). Default: 512. Beyond it jobs wait in the pool's queue.
    ///
    /// A thread counts from its start hook to the end of its [stop hook](Self::on_thread_stop), so that there are never more. So
    /// when all of them wait for a job that is queued, in their own jobs or in those hooks, they wait for ever, or until the
    /// runtime is shut down, which cancels that job.
    ///
    /// # Panics
    /// If `count` is zero.
    #[track_caller]
    pub fn max_blocking_threads(&mut self, count: usize) -> &mut Self {
        assert!(count > 0, "Max blocking threads cannot be set to 0: spawn_blocking needs at least 1");
        self.max_blocking_threads = count;
        self
    }

    /// How long a thread stays that nobody needs: of the blocking pool, or one that was started because tasks blocked.
    /// Default: 10 seconds.
    pub fn thread_keep_alive(&mut self, duration: Duration) -> &mut Self {
        self.keep_alive = duration;
        self
    }

    /// The name of workers and blocking threads. Default: `freewheel-worker-0`, `freewheel-blocking-0`, … The reactor
    /// thread is always called `freewheel-reactor`, and a thread that helps tasks to their end `freewheel-shutdown`.
    ///
    /// A name with a NUL in it is refused by [`build`](Self::build).
    pub fn thread_name(&mut self, name: impl Into<String>) -> &mut Self {
        let name = name.into();
        self.thread_name_fn(move || name.clone())
    }

    /// A function that names each worker and blocking thread.
    ///
    /// It is called by [`build`](Self::build), for two threads more than there are workers; by each worker when it starts, for one
    /// that may come later; and by whoever needs one more blocking thread. So more names are made than threads are started. The
    /// reactor thread never calls it: if it blocks or takes its time, the thread that called it is late, and nothing else.
    ///
    /// Should it panic, or return a name with a NUL in it, [`build`](Self::build) fails; later the thread in question gets its name
    /// of freewheel's own, and a line on stderr says so.
    ///
    /// # Examples
    /// ```
    /// use std::sync::atomic::{AtomicUsize, Ordering};
    /// static NEXT: AtomicUsize = AtomicUsize::new(0);
    /// let runtime = freewheel::runtime::Builder::new_multi_thread()
    ///     .thread_name_fn(|| format!("pool-{}", NEXT.fetch_add(1, Ordering::Relaxed)))
    ///     .build()?;
    /// # drop(runtime);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn thread_name_fn(&mut self, name: impl Fn() -> String + Send + Sync + 'static) -> &mut Self {
        self.threads.name = Some(Names::new(name));
        self
    }

    /// The stack size of the runtime's threads, in bytes. Default: the standard library's, 2 MiB. The system gives no less than its
    /// own least, 16 KiB on Linux, on which hardly a task can run.
    ///
    /// # Panics
    /// If `bytes` is zero.
    #[track_caller]
    pub fn thread_stack_size(&mut self, bytes: usize) -> &mut Self {
        assert!(bytes > 0, "thread_stack_size cannot be set to 0: leave it out for the usual 2 MiB");
        self.threads.stack_size = Some(bytes);
        self
    }

    /// Called on each worker and blocking thread when it starts.
    ///
    /// This is also the place to block signals: the runtime changes no thread's mask, so a handler that the program installs
    /// may run on any of its threads; see [`signal`](crate::signal).
    pub fn on_thread_start(&mut self, hook: impl Fn() + Send + Sync + 'static) -> &mut Self {
        self.threads.on_start = Some(Arc::new(hook));
        self
    }

    /// Called on each worker and blocking thread before it ends.
    ///
    /// A blocking thread counts until its hook has returned: with [`max_blocking_threads(1)`](Self::max_blocking_threads) a hook that
    /// waits for a job of the same pool waits for itself. (tokio's threads do not count any more at that point, and may be more
    /// than the setting says.) It may spawn one and leave it at that.
    pub fn on_thread_stop(&mut self, hook: impl Fn() + Send + Sync + 'static) -> &mut Self {
        self.threads.on_stop = Some(Arc::new(hook));
        self
    }

    /// Called by a worker just before it sleeps for want of work; on a `current_thread` runtime, by the thread in `block_on`.
    ///
    /// It is to be short: the worker counts as asleep, and a task or an event may have been given to it meanwhile. It may spawn and
    /// wake tasks. [`block_on`](super::Handle::block_on) and [`task::scope`](crate::task::scope) of the same runtime panic in it, as
    /// in [`on_thread_unpark`](Self::on_thread_unpark): the thread runs nothing until the hook is over. (tokio's `block_on` panics
    /// there too.) A panic ends the hook, and nothing else.
    pub fn on_thread_park(&mut self, hook: impl Fn() + Send + Sync + 'static) -> &mut Self {
        self.on_park = Some(Arc::new(hook));
        self
    }

    /// Called by a worker just after it was woken. What is said of [`on_thread_park`](Self::on_thread_park) holds for it too.
    pub fn on_thread_unpark(&mut self, hook: impl Fn() + Send + Sync + 'static) -> &mut Self {
        self.on_unpark = Some(Arc::new(hook));
        self
    }

    /// After how many tasks a busy worker looks at the reactor. Default: 61. Fewer: I/O is served sooner under load,
    /// at the cost of more system calls.
    ///
    /// # Panics
    /// If `ticks` is zero.
    #[track_caller]
    pub fn event_interval(&mut self, ticks: u32) -> &mut Self {
        assert!(ticks > 0, "event_interval must be greater than 0: it counts tasks between two looks at the reactor");
        self.event_interval = ticks;
        self
    }

    /// After how many tasks a worker looks at the global queue before its own. Default: 31.
    ///
    /// # Panics
    /// If `ticks` is zero.
    #[track_caller]
    pub fn global_queue_interval(&mut self, ticks: u32) -> &mut Self {
        assert!(
            ticks > 0,
            "global_queue_interval must be greater than 0: it counts tasks between two looks at that queue"
        );
        self.global_queue_interval = ticks;
        self
    }

    /// How long dropping the runtime waits for tasks and blocking calls that do not end. Default: 10 seconds; then they
    /// are named, where [stall reports](Self::on_stall) are written, and left behind. `Duration::MAX` waits for ever, as tokio does.
    pub fn shutdown_grace(&mut self, grace: Duration) -> &mut Self {
        self.shutdown_grace = grace;
        self
    }

    /// Whether the permit of a worker whose task blocks its thread moves to another thread. Default: true; that is
    /// what freewheel is for.
    ///
    /// Switched off, a task that blocks holds up one worker as long as it blocks, as in tokio; what is queued behind
    /// it is still rescued by other workers, and [`task::block_in_place`](crate::task::block_in_place) still hands
    /// off.
    pub fn hand_off(&mut self, on: bool) -> &mut Self {
        self.watches = on;
        self
    }

    /// How far apart the looks of the reactor thread at the workers are while any of them is busy. Default: 1 millisecond;
    /// from 100 microseconds to 10 milliseconds.
    ///
    /// It is the delay of the others behind a task that blocks: between one and two ticks. And of events, up to one tick, while all
    /// workers are in long polls, or, where cores are short, behind a long poll of the same batch of events. What blocks for less than
    /// a tick is not handed off. It costs a wake-up of the
    /// reactor thread each, some 5 µs of CPU time: half a percent of one core at 1 millisecond, a twentieth of that at 10
    /// milliseconds, 5 % at 100 microseconds. Nothing while all workers are idle. When tasks block in bursts, ticks come ten times as
    /// often for a while.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// // Hundreds of such processes on one machine, none of which is in a hurry.
    /// let runtime = freewheel::runtime::Builder::new_multi_thread().watch_tick(Duration::from_millis(10)).build()?;
    /// # drop(runtime);
    /// let refused = freewheel::runtime::Builder::new_multi_thread().watch_tick(Duration::from_secs(1)).build();
    /// assert_eq!(refused.unwrap_err().kind(), std::io::ErrorKind::InvalidInput);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn watch_tick(&mut self, tick: Duration) -> &mut Self {
        self.watch_tick = tick;
        self
    }

    /// How many threads may run tasks beyond `worker_threads`, when the tasks of the workers compute for long without
    /// yielding and others wait. Default: as many as workers; 0: none. Threads that sleep in a blocking call do not count: their
    /// core is free.
    pub fn max_cpu_extra(&mut self, threads: usize) -> &mut Self {
        self.max_cpu_extra = Some(threads);
        self
    }

    /// How long one poll of a task lasts before it is reported as a stall. Default: 10 milliseconds. (The hand-off
    /// itself does not wait for that: it comes after one to two [ticks](Self::watch_tick).)
    ///
    /// What lasts for less than a tick is seen by chance at best, so a tick is the least that makes sense. Zero says neither
    /// "all" nor "none" clearly enough, and is refused by [`build`](Self::build).
    ///
    /// Time in which the process was stopped does not count. Where cores are short, a thread may sleep because whoever
    /// holds a lock gets no core; so there a blocked task is reported later, by up to a second.
    ///
    /// Set, even to its default, it asks for reports: of the futures of [`block_on`](super::Runtime::block_on) too, and of a
    /// `current_thread` runtime, see [`new_current_thread`](Self::new_current_thread).
    pub fn stall_threshold(&mut self, duration: Duration) -> &mut Self {
        self.stall_threshold = Some(duration);
        self
    }

    /// Called with each stall report, on a thread of the runtime's own: when a task's poll has lasted beyond the
    /// [`stall_threshold`](Self::stall_threshold), again at twice that, four times and so on, and when it ends.
    ///
    /// Who asks for reports, by this, by [`stall_threshold`](Self::stall_threshold) or by the variable below, is told of the futures
    /// of [`block_on`](super::Runtime::block_on) too. Those delay no task of a `multi_thread` runtime, so they are not told of unasked.
    ///
    /// Also told are tasks that wait because no thread can be had ([`StallClass::NoThread`](super::StallClass::NoThread)), and a
    /// process that stood still ([`StallClass::ProcessStopped`](super::StallClass::ProcessStopped)). New stalls of one
    /// spawn location are reported once a second at most. Those left out are counted in the next report of the location
    /// ([`StallReport::suppressed`]), or, if none follows soon, in one of their own
    /// ([`StallStage::Suppressed`](super::StallStage::Suppressed)); one that is stuck for longer gets its report when the second is over.
    ///
    /// The callback may take its time, and block: it delays other reports, and the end of the runtime by a second at most, which is how
    /// long reports that are under way then are waited for, within the [`shutdown_grace`](Self::shutdown_grace). Should it panic, the next
    /// report is made all the same. Each report comes once and whole, so with [backtraces](Self::stall_backtraces) when the stack has
    /// been read.
    ///
    /// Without one each report is an event of `tracing` (target `freewheel::stall`, level WARN, with
    /// the cargo feature `tracing`, if the program has a subscriber), else a record of the `log` facade (target and level as
    /// there), else a line on stderr. A subscriber or logger that is installed decides what is seen, so one that takes errors only
    /// says nothing of stalls. A logger that takes nothing at all (`RUST_LOG=off`) cannot be told from none, and does not keep them from
    /// stderr: `FREEWHEEL_STALL=off` does.
    ///
    /// Whoever runs the program has the environment variable `FREEWHEEL_STALL`, read by [`build`](Self::build), which refuses what
    /// is none of these (in any case: `WARN` is `warn`):
    ///
    /// | value | |
    /// | --- | --- |
    /// | unset, or empty | the callback, or a line for each; of a `current_thread` runtime if the program asks for it |
    /// | `off` | none, unless there is a callback: it is the program's own |
    /// | `warn` | as unset, and of a `current_thread` runtime and of the futures of `block_on` too |
    /// | `backtrace` | as `warn`, with the [stack of the stuck thread](Self::stall_backtraces) |
    ///
    /// On Linux the paths and addresses that a blocked `open`, `poll` or `connect` is on are read with `process_vm_readv`, when a report
    /// is made and only then. A filter that refuses the call costs these words, one that kills the process for it kills it: such
    /// a program sets no callback and is run with `FREEWHEEL_STALL=off`. Then nothing is looked up, and the figures of
    /// [`RuntimeMetrics`](super::RuntimeMetrics) are all there is.
    ///
    /// # Examples
    /// ```
    /// use std::{sync::mpsc, thread, time::Duration};
    /// let (reports, report) = mpsc::channel();
    /// let runtime = freewheel::runtime::Builder::new_multi_thread()
    ///     .on_stall(move |report| drop(reports.send(report.to_string())))
    ///     .build()?;
    /// runtime.block_on(async {
    ///     freewheel::spawn(async { thread::sleep(Duration::from_secs(2)) }).await.unwrap();
    /// });
    /// println!("{}", report.recv().unwrap());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn on_stall(&mut self, callback: impl Fn(&StallReport) + Send + Sync + 'static) -> &mut Self {
        self.on_stall = Some(Arc::new(callback));
        self
    }

    /// Whether stall reports show the stack of the stuck thread, taken while it is stuck. Default: false; the environment
    /// variable `FREEWHEEL_STALL=backtrace` sets it too. Needs the cargo feature `backtrace`: without it
    /// [`build`](Self::build) refuses both.
    ///
    /// On Linux and x86-64; elsewhere reports come without ([`StallReport::backtrace`] is None). There is one at detection and at
    /// each doubling, if the task is still stuck when it has been taken. A callback gets the report when the stack has been read. Where
    /// no callback takes it, the line is written at once, and the stack after it, as a record of its own.
    ///
    /// A thread that **sleeps** in a system call is not disturbed: its stack is copied from outside, and unwound from the copy.
    /// A thread that **computes** is interrupted by the signal SIGURG, whose handler copies its registers and up to
    /// 256 KiB of its stack: about a tenth of a millisecond. The handler is installed when the first such thread is
    /// found, and only if the program has none of its own for that signal; else computing threads have no backtrace.
    ///
    /// What it costs and risks:
    /// * Time on the reporter thread, for the first stack above all: the debug information is read then, which takes
    ///   tenths of a second, and seconds where the program is large or this crate's dependencies are not optimized. The end of the
    ///   runtime waits for it, five seconds at most and within the [`shutdown_grace`](Self::shutdown_grace). Memory: some
    ///   megabytes for the unwind tables, and what the debug information takes.
    /// * A computing thread may enter a system call just when the signal comes. Most are resumed, but some foreign code
    ///   must know how to go on after `EINTR` (`poll`, `epoll_wait`, `nanosleep`: the list is in signal(7)), and a
    ///   short count of a read or write. The standard library does.
    /// * Names need symbols: a stripped program shows addresses. Inlined functions and lines need debug information
    ///   (`debug = "line-tables-only"` in the profile).
    /// * A sandbox that forbids `process_vm_readv` gets no backtraces; see [`on_stall`](Self::on_stall) for one that kills.
    /// * Where a stack is shorter than what is copied, the copy runs past its end into memory that lies directly behind it.
    ///   Copies are wiped when they have been read.
    /// * A fault in the unwinder is a panic on the reporter thread. It is caught, and the report goes without; but with
    ///   `panic = "abort"` it ends the program.
    /// * Names are read under the `backtrace` crate's lock, of which a process has one: a child forked meanwhile finds it
    ///   taken for ever, and must not use that crate.
    ///
    /// # Examples
    /// ```
    /// # #[cfg(feature = "backtrace")]
    /// # {
    /// let runtime = freewheel::runtime::Builder::new_multi_thread()
    ///     .stall_backtraces(true)
    ///     .on_stall(|report| {
    ///         if let Some(backtrace) = &report.backtrace {
    ///             eprintln!("{}", backtrace.frames()[0]);
    ///         }
    ///     })
    ///     .build()?;
    /// # drop(runtime);
    /// # }
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn stall_backtraces(&mut self, on: bool) -> &mut Self {
        self.stall_backtraces = on;
        self
    }

    /// Accepted for tokio's sake: I/O and time are always there.
    pub fn enable_all(&mut self) -> &mut Self {
        self
    }

    /// Accepted for tokio's sake: I/O is always there.
    pub fn enable_io(&mut self) -> &mut Self {
        self
    }

    /// Accepted for tokio's sake: time is always there.
    pub fn enable_time(&mut self) -> &mut Self {
        self
    }

    /// Builds the runtime and starts its threads.
    ///
    /// # Errors
    /// `InvalidInput` for settings that cannot be (too many threads, a tick out of bounds, an environment variable that says nothing known,
    /// backtraces that were not built in); else what the system said when it refused a poller, a descriptor or a thread.
    /// What was started until then is ended again.
    #[track_caller]
    pub fn build(&mut self) -> io::Result<Runtime> {
        assembly::build(self)
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("flavor", &self.flavor)
            .field("worker_threads", &self.worker_threads)
            .field("max_threads", &self.max_threads)
            .field("max_blocking_threads", &self.max_blocking_threads)
            .field("thread_keep_alive", &self.keep_alive)
            .field("event_interval", &self.event_interval)
            .field("global_queue_interval", &self.global_queue_interval)
            .finish_non_exhaustive()
    }
}
