//! The crew: the threads, the queue before them, and who does what with the duties that the roster gives out.
//!
//! Generic over the job, so that the models can run jobs of their own. The protocol is told in `roster.rs`, the life of one
//! thread in `post.rs`.

use std::time::Duration;

use super::channel::Queue;
use super::post::{Post, place_here};
use super::roster::{Duty, May, Roster};
use crate::primitives::Arc;
use crate::primitives::atomic::{AtomicUsize, Ordering, fence};
use crate::primitives::clock::{Clock, nanos};
use crate::primitives::parker::Parker;
use crate::primitives::thread::{Hook, Numbers, Spawner};

/// Something to run on a thread that may block.
pub(crate) trait Job: Send + 'static {
    /// What it is called in reports.
    type Label: Clone + Send + 'static;

    fn label(&self) -> Self::Label;

    /// Runs it. Must not unwind.
    fn run(self);

    /// It will not be run: drops it, and tells whoever waits for it. Must not unwind.
    fn discard(self);
}

/// Runs the closure it is given, once, inside of something: the runtime's context. Must not hold what keeps the pool alive.
// std's own Arc: loom must not see it, and has none of `dyn`.
pub(crate) type Around = std::sync::Arc<dyn Fn(&mut dyn FnMut()) + Send + Sync>;

/// How many threads can run at once.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Eager {
    Known(usize),
    /// Asked by the pool's first thread: the machine's number of processors costs reading several files, and most programs
    /// never need it.
    Ask(fn() -> usize),
}

/// How a pool is made.
#[derive(Clone)]
pub(crate) struct Config {
    /// The most threads there may be; at least one is taken.
    pub(crate) cap: usize,
    /// How long a thread without work stays.
    pub(crate) keep_alive: Duration,
    /// Makes the threads.
    pub(crate) spawner: Spawner,
    /// Wrapped around each thread's life.
    pub(crate) around: Option<Around>,
    /// Called, with no lock held, when the system has refused a thread for the first time since it gave one: from now on
    /// `wants_thread` says so. A retry that is refused does not call it.
    pub(crate) on_refused: Option<Hook>,
    /// As many threads as can run at once are given work without hesitation; beyond, see [`Crew::pace`].
    pub(crate) eager: Eager,
    /// How long the scout watches a queue that moves before it takes work itself.
    pub(crate) pace: Duration,
    /// How often a thread without work looks at the queue before it rests. Measured for a job that is awaited before the next
    /// is spawned: 14 µs each without, 6 with eight looks, 3 with 32; for a burst it makes no difference.
    pub(crate) linger: u32,
}

impl Config {
    /// The usual pool for a machine with `eager` processors: 512 threads at most, each kept for ten seconds without work.
    pub(crate) fn new(spawner: Spawner, eager: Eager) -> Self {
        Self {
            cap: 512,
            keep_alive: Duration::from_secs(10),
            spawner,
            around: None,
            on_refused: None,
            eager,
            pace: Duration::from_micros(100),
            linger: 16,
        }
    }
}

impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { cap, keep_alive, eager, pace, linger, .. } = self;
        f.debug_struct("Config")
            .field("cap", cap)
            .field("keep_alive", keep_alive)
            .field("eager", eager)
            .field("pace", pace)
            .field("linger", linger)
            .finish_non_exhaustive()
    }
}

/// How many times in a row the scout watches at most.
const PACES: usize = 10;

/// Nobody has asked yet how many threads can run at once. As a number it is more than there are threads: no hesitation.
const NOT_ASKED: usize = usize::MAX;
/// Somebody asks just now.
const ASKED: usize = usize::MAX - 1;

/// The threads and their queue.
#[derive(Debug)]
pub(crate) struct Crew<J: Job> {
    pub(crate) queue: Queue<J>,
    pub(crate) roster: Roster<J::Label>,
    pub(crate) config: Config,
    /// Taken out of the spawner: it must have run before the pool counts the thread as gone.
    pub(crate) on_stop: OnStop,
    /// What [`Eager::Ask`] has answered, or one of the two above.
    answer: AtomicUsize,
    numbers: Numbers,
    clock: Clock,
}

/// The user's hook at a thread's end.
#[derive(Clone)]
pub(crate) struct OnStop(pub(crate) Option<Hook>);

impl std::fmt::Debug for OnStop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("OnStop").field(&self.0.is_some()).finish()
    }
}

impl<J: Job> Crew<J> {
    pub(crate) fn new(mut config: Config) -> Arc<Self> {
        let on_stop = OnStop(config.spawner.on_stop.take());
        Arc::new(Self {
            queue: Queue::new(),
            roster: Roster::new(config.cap),
            config,
            on_stop,
            answer: AtomicUsize::new(NOT_ASKED),
            numbers: Numbers::default(),
            clock: Clock::new(),
        })
    }

    /// Puts `job` into the queue and sees to it that somebody looks there. In a closed pool it is discarded.
    #[inline]
    pub(crate) fn submit(crew: &Arc<Self>, job: J) {
        crew.queue.push(job);
        // ORDERING: SeqCst fence, edge "job or roster", the submitter's side: the push comes before the look at the word.
        // Its partners are the fences in `look_again` and `close`. Without it the submitter may read a scout who has already
        // looked for the last time, and that thread may not have seen the job: it would lie in the queue for good.
        fence(Ordering::SeqCst);
        Self::act(crew, crew.roster.appoint(May::Create));
    }

    /// After a thread has changed its entry in the roster: if work lies there, whose is it?
    #[inline]
    pub(crate) fn look_again(&self, may: May) -> Duty {
        // ORDERING: SeqCst fence, edge "job or roster", the thread's side: its change of the word comes before the look at the
        // queue. Its partner is the fence in `submit`, which says what breaks without it.
        fence(Ordering::SeqCst);
        if self.queue.is_empty() { Duty::Nothing } else { self.roster.appoint(may) }
    }

    /// Does what the roster asks for.
    #[inline]
    pub(crate) fn act(crew: &Arc<Self>, duty: Duty) {
        match duty {
            Duty::Nothing => {}
            Duty::Wake(unparker) => unparker.unpark(),
            Duty::Create => Self::create(crew),
            Duty::Drain => crew.drain(),
        }
    }

    /// Makes the thread that the roster counts already. If the system refuses, the dropped [`Post`] takes it off again.
    #[cold]
    fn create(crew: &Arc<Self>) {
        let post = Post::new(crew.clone());
        let number = crew.numbers.next();
        drop(crew.config.spawner.spawn(|| format!("freewheel-blocking-{number}"), move || post.serve()));
    }

    /// Asks the system once more for the thread it refused, if there is still work for one.
    pub(crate) fn retry(crew: &Arc<Self>) {
        if crew.roster.wants_thread() {
            Self::act(crew, crew.look_again(May::CreateAgain));
        }
    }

    /// The scout, before it takes work: is there need of one more thread, or do those at work keep the queue moving?
    ///
    /// A burst of short jobs must not make a thread per job. With fewer at work than can run at once there is no
    /// hesitation. Beyond, the scout watches for a moment; as long as each of the others has begun a job in that time, one
    /// more of them would only take turns with the rest. It does not watch for ever: short jobs too may be ones that wait,
    /// so a queue that does not become empty gains a thread every ten watches. A pool whose jobs all block gains one at once.
    /// A thread in its stop hook is taken for one whose job blocks.
    pub(crate) fn pace(&self, parker: &Parker) {
        for _ in 0..PACES {
            let working = self.roster.threads().saturating_sub(self.roster.idle() + 1);
            if self.queue.is_empty() || self.roster.is_closed() || working < self.eager() {
                return;
            }
            let before = self.roster.begun();
            // Nobody wakes a scout, so this is a plain wait.
            parker.park_timeout(self.config.pace);
            // Fewer than before if one of them has left meanwhile.
            if self.roster.begun().saturating_sub(before) < working as u64 {
                return;
            }
        }
    }

    fn eager(&self) -> usize {
        match self.config.eager {
            Eager::Known(count) => count,
            // Relaxed: only the number matters.
            Eager::Ask(_) => self.answer.load(Ordering::Relaxed),
        }
    }

    /// Asks how many threads can run at once, if nobody has. Not for the scout: while one reads files, others must be able to
    /// see to the queue. Nor do those wait for the answer.
    pub(crate) fn ask_eager(&self) {
        let Eager::Ask(ask) = self.config.eager else { return };
        // Relaxed, all three: only the number matters.
        if self.answer.load(Ordering::Relaxed) != NOT_ASKED {
            return;
        }
        if self.answer.compare_exchange(NOT_ASKED, ASKED, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            self.answer.store(ask(), Ordering::Relaxed);
        }
    }

    /// Discards what nobody will run any more.
    pub(crate) fn drain(&self) {
        while let Some(job) = self.queue.pop() {
            job.discard();
        }
    }

    /// Stops the intake, discards what has not begun, waits up to `timeout` (None: without limit) for what has. Returns the
    /// jobs that still run. From a thread that the pool counts, in a job or in its stop hook, it does not wait for that one.
    /// Only the first call waits.
    pub(crate) fn close(&self, timeout: Option<Duration>) -> Vec<J::Label> {
        let Some(resting) = self.roster.close() else { return Vec::new() };
        for unparker in resting {
            unparker.unpark();
        }
        // ORDERING: SeqCst fence, edge "job or roster", the thread's side: CLOSED is set before the look at the queue. Its
        // partner is the fence in `submit`: a submitter either reads CLOSED and drains, or pushed before this drain.
        // Without it a job could lie in a closed pool, and its handle would hang.
        fence(Ordering::SeqCst);
        self.drain();
        let here = place_here(self);
        let deadline = timeout.map(|timeout| self.clock.now().saturating_add(nanos(timeout)));
        let but = usize::from(here.is_some());
        self.roster.wait_until_left(but, deadline, &self.clock);
        if self.roster.threads() > but { self.roster.running(here.flatten()) } else { Vec::new() }
    }
}
