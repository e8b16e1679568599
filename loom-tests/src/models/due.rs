//! The queue of calls: each is run or cancelled, whatever comes at the same time, the end of the runtime included.

use loom::thread;

use crate::explore::{bounded, models};
use crate::primitives::Arc;
use crate::primitives::atomic::{AtomicBool, AtomicUsize, Ordering};
use crate::runtime::due::{Due, Push};

/// What became of the calls: run in the lower digits, cancelled in the upper.
#[derive(Clone)]
struct Fate(Arc<AtomicUsize>);

const CANCELLED: usize = 16;

impl Fate {
    fn new() -> Self {
        Self(Arc::new(AtomicUsize::new(0)))
    }

    // Relaxed: read after the joins.
    fn add(&self, what: usize) {
        self.0.fetch_add(what, Ordering::Relaxed);
    }

    fn counts(&self) -> (usize, usize) {
        let seen = self.0.load(Ordering::Relaxed);
        (seen % CANCELLED, seen / CANCELLED)
    }
}

/// The calls of one runtime.
#[derive(Clone)]
struct Runtime {
    due: Arc<Due<Arc<()>>>,
    /// No task begins any more.
    closing: Arc<AtomicBool>,
    fate: Fate,
}

impl Runtime {
    fn new() -> Self {
        Self { due: Arc::default(), closing: Arc::new(AtomicBool::new(false)), fate: Fate::new() }
    }

    /// Pushes a call, and serves as long as it must: in the library a task does that, unless it is too late for one.
    fn call(&self) {
        match self.due.push(Arc::new(())) {
            Push::Queued => {}
            Push::Start if self.closing.load(Ordering::Relaxed) => {}
            Push::Start => while self.due.serve(|_| self.fate.add(1)) {},
            Push::Closed(_) => self.fate.add(CANCELLED),
        }
    }

    fn close(&self) {
        self.closing.store(true, Ordering::Relaxed);
        self.due.close(|_| self.fate.add(CANCELLED));
    }

    /// Two threads that call at any time.
    fn callers(&self) -> [thread::JoinHandle<()>; 2] {
        [0, 1].map(|_| {
            let runtime = self.clone();
            thread::spawn(move || runtime.call())
        })
    }
}

models! { "due";
    /// Three at once. Mutation: `due_goes_idle_with_a_call`.
    fn whoever_finds_it_idle_serves_all() {
        bounded(3, || {
            let runtime = Runtime::new();
            let others = runtime.callers();
            runtime.call();
            others.into_iter().for_each(|other| other.join().unwrap());
            assert_eq!(runtime.fate.counts(), (3, 0));
        });
    }

    /// A call comes at the end, or its server does not come to it any more. Mutations: `due_takes_calls_after_the_end`,
    /// `due_round_opens_it_again`.
    fn a_call_at_the_end_is_run_or_cancelled() {
        bounded(3, || {
            let runtime = Runtime::new();
            let others = runtime.callers();
            runtime.close();
            others.into_iter().for_each(|other| other.join().unwrap());
            let (ran, cancelled) = runtime.fate.counts();
            assert_eq!(ran + cancelled, 2);
        });
    }
}
