//! The blocking pool: no job is left lying, none runs twice, and a closed pool keeps nothing.
//!
//! A job that is left lying shows as a deadlock: the model waits for it. One that is lost shows as a leak: each holds an `Arc`.

use std::time::Duration;

use loom::thread;

use crate::blocking::crew::{Config, Crew, Eager, Job};
use crate::explore::{bounded, model, models};
use crate::primitives::thread::{Spawner, refuse_after};
use crate::primitives::{Arc, Condvar, Mutex};

/// How many jobs have run, and how many were discarded.
#[derive(Default)]
struct Ledger {
    counts: Mutex<(usize, usize)>,
    changed: Condvar,
}

impl Ledger {
    fn ran(&self) {
        self.counts.lock().0 += 1;
        self.changed.notify_all();
    }

    fn wait_until_ran(&self, count: usize) {
        let mut counts = self.counts.lock();
        while counts.0 < count {
            counts = self.changed.wait(counts);
        }
    }

    fn counts(&self) -> (usize, usize) {
        *self.counts.lock()
    }
}

struct Call {
    ledger: Arc<Ledger>,
    /// It waits until so many have run, itself included.
    meets: usize,
}

impl Job for Call {
    type Label = ();

    fn label(&self) {}

    fn run(self) {
        self.ledger.ran();
        self.ledger.wait_until_ran(self.meets);
    }

    fn discard(self) {
        self.ledger.counts.lock().1 += 1;
    }
}

/// The keep-alive of a thread that stays, and of one for which it is over as soon as it rests.
const LONG: Duration = Duration::MAX;
const OVER: Duration = Duration::ZERO;

struct Pool {
    crew: Arc<Crew<Call>>,
    ledger: Arc<Ledger>,
}

impl Pool {
    fn with(cap: usize, keep_alive: Duration, change: impl FnOnce(&mut Config)) -> Arc<Self> {
        let mut config = Config {
            cap,
            keep_alive,
            spawner: Spawner::plain(),
            around: None,
            on_refused: None,
            eager: Eager::Known(usize::MAX),
            pace: Duration::ZERO,
            linger: 0,
        };
        change(&mut config);
        Arc::new(Self { crew: Crew::new(config), ledger: Arc::default() })
    }

    fn new(cap: usize, keep_alive: Duration) -> Arc<Self> {
        Self::with(cap, keep_alive, |_| {})
    }

    fn submit_meeting(&self, meets: usize) {
        Crew::submit(&self.crew, Call { ledger: self.ledger.clone(), meets });
    }

    fn submit(&self) {
        self.submit_meeting(0);
    }

    /// All `count` jobs run without any further help, and each once.
    fn finish(&self, count: usize) {
        self.ledger.wait_until_ran(count);
        assert!(self.crew.roster.threads() <= self.crew.config.cap);
        self.crew.close(None);
        assert_eq!((self.ledger.counts(), self.crew.roster.threads()), ((count, 0), 0));
    }
}

models! { "blocking";
    /// Row 66. Mutations: `blocking_submitter_without_fence`, `blocking_thread_without_fence`,
    /// `blocking_rests_without_a_last_look`.
    fn a_push_racing_a_rest_is_never_lost() {
        model(|| {
            let pool = Pool::new(1, LONG);
            pool.submit();
            pool.submit();
            pool.finish(2);
        });
    }

    /// Row 66. Mutations: `blocking_leaves_though_appointed`, `blocking_leaves_without_a_last_look`.
    fn a_push_racing_the_end_of_the_keep_alive_is_never_lost() {
        model(|| {
            let pool = Pool::new(1, OVER);
            pool.submit();
            pool.submit();
            pool.finish(2);
        });
    }

    /// The wake of a thread that was appointed as its time ran out is not kept for its next rest, where it would make a scout
    /// of a thread that nobody appointed. Mutation: `blocking_leaves_the_token`.
    fn two_pushes_race_the_end_of_the_keep_alive() {
        model(|| {
            let pool = Pool::new(1, OVER);
            let other = pool.clone();
            let submitter = thread::spawn(move || other.submit());
            pool.submit();
            pool.submit();
            submitter.join().unwrap();
            pool.finish(3);
        });
    }

    /// Two jobs that wait for each other: the scout that takes the first must see to the second. Mutations:
    /// `blocking_scout_does_not_pass_on`, `blocking_scout_never_stands_down`.
    fn a_job_behind_a_blocked_one_gets_a_thread() {
        bounded(1, || {
            let pool = Pool::new(2, LONG);
            pool.submit_meeting(2);
            pool.submit_meeting(2);
            pool.finish(2);
        });
    }

    /// A thread that rests, or is about to, is woken for the next job. Mutation: `blocking_wakes_nobody`.
    fn a_thread_at_rest_is_woken() {
        model(|| {
            let pool = Pool::new(1, LONG);
            pool.submit();
            pool.ledger.wait_until_ran(1);
            pool.submit();
            pool.finish(2);
        });
    }

    /// At the cap nobody can be woken or made: those at work find what lies there. Mutation: `blocking_counts_beyond_the_cap`.
    fn at_the_cap_two_submitters_lose_nothing() {
        model(|| {
            let pool = Pool::new(1, LONG);
            let other = pool.clone();
            let submitter = thread::spawn(move || other.submit());
            pool.submit();
            submitter.join().unwrap();
            pool.finish(2);
        });
    }

    /// A thread that lingers takes the scout's part by itself. Mutation: `blocking_lingers_and_keeps_the_part`.
    fn a_push_racing_a_thread_that_lingers_is_never_lost() {
        model(|| {
            let pool = Pool::with(1, LONG, |config| config.linger = 1);
            pool.submit();
            pool.submit();
            pool.finish(2);
        });
    }

    /// Beyond the eager threads the scout watches first, and helps all the same. Mutation: `blocking_watches_for_ever`.
    fn a_scout_that_watches_helps_in_the_end() {
        bounded(1, || {
            let pool = Pool::with(2, LONG, |config| config.eager = Eager::Known(1));
            pool.submit_meeting(2);
            pool.submit_meeting(2);
            pool.finish(2);
        });
    }

    /// Row 69, with the only thread at work: who submits then leaves the job to that thread, and that thread leaves. Mutation:
    /// `blocking_close_without_fence`.
    fn a_submit_to_a_thread_at_work_racing_a_close_is_not_forgotten() {
        model(|| {
            let pool = Pool::new(1, LONG);
            pool.submit_meeting(2);
            pool.ledger.wait_until_ran(1);
            let other = pool.clone();
            let closer = thread::spawn(move || drop(other.crew.close(None)));
            pool.submit();
            pool.ledger.ran();
            closer.join().unwrap();
            let (ran, discarded) = pool.ledger.counts();
            assert_eq!((ran + discarded, pool.crew.roster.threads()), (3, 0));
        });
    }

    /// Row 69: each job runs or is discarded, once. Mutations: `blocking_close_does_not_drain`,
    /// `blocking_submits_into_a_closed_pool`.
    fn a_submit_racing_a_close_runs_or_is_discarded() {
        model(|| {
            let pool = Pool::new(1, LONG);
            let other = pool.clone();
            let submitter = thread::spawn(move || {
                other.submit();
                other.submit();
            });
            pool.crew.close(None);
            submitter.join().unwrap();
            let (ran, discarded) = pool.ledger.counts();
            assert_eq!((ran + discarded, pool.crew.roster.threads()), (2, 0));
            assert!(pool.crew.queue.pop().is_none());
        });
    }

    /// A close wakes those at rest, and waits for them. Mutations: `blocking_close_wakes_nobody`,
    /// `blocking_rests_in_a_closed_pool`, `blocking_last_thread_tells_nobody`.
    fn a_close_racing_a_rest_ends() {
        model(|| {
            let pool = Pool::new(2, LONG);
            pool.submit();
            pool.ledger.wait_until_ran(1);
            pool.crew.close(None);
            assert_eq!(pool.crew.roster.threads(), 0);
        });
    }

    /// And one whose keep-alive is over at that moment. Mutation: `blocking_counts_one_at_rest_twice`.
    fn a_close_racing_the_end_of_the_keep_alive_ends() {
        model(|| {
            let pool = Pool::new(1, OVER);
            pool.submit();
            pool.crew.close(None);
            let (ran, discarded) = pool.ledger.counts();
            assert_eq!((ran + discarded, pool.crew.roster.threads(), pool.crew.roster.idle()), (1, 0, 0));
        });
    }

    /// And not before what is around the thread's life, its stop hook included, is over; nor is there ever more than the cap
    /// within. Mutation: `blocking_gone_before_its_end`.
    fn a_close_waits_for_the_last_of_a_thread_whose_keep_alive_is_over() {
        model(|| {
            let within = Arc::new(Mutex::new(0));
            let counter = within.clone();
            let pool = Pool::with(1, OVER, |config| {
                config.around = Some(std::sync::Arc::new(move |body: &mut dyn FnMut()| {
                    *counter.lock() += 1;
                    assert_eq!(*counter.lock(), 1, "more threads than the cap");
                    body();
                    *counter.lock() -= 1;
                }));
            });
            pool.submit();
            pool.submit();
            pool.crew.close(None);
            assert_eq!(*within.lock(), 0);
        });
    }

    /// Row 64: no thread at all. The jobs wait, and run once the system gives one. Mutations: `blocking_refusal_is_forgotten`,
    /// `blocking_refused_stays_counted`.
    fn jobs_whose_first_thread_is_refused_run_after_a_retry() {
        model(|| {
            refuse_after(0);
            let pool = Pool::new(1, LONG);
            let other = pool.clone();
            let submitter = thread::spawn(move || other.submit());
            pool.submit();
            submitter.join().unwrap();
            assert!(pool.crew.roster.wants_thread());
            assert_eq!((pool.crew.roster.threads(), pool.crew.queue.len()), (0, 2));
            refuse_after(1);
            Crew::retry(&pool.crew);
            pool.finish(2);
        });
    }

    /// Row 65: the second thread is refused while the first goes to rest. It must not be left at rest with a job in the queue.
    /// Mutation: `blocking_refused_wakes_nobody`.
    fn a_refusal_racing_a_rest_loses_no_job() {
        model(|| {
            refuse_after(1);
            let pool = Pool::new(2, LONG);
            let other = pool.clone();
            let submitter = thread::spawn(move || other.submit());
            pool.submit();
            submitter.join().unwrap();
            pool.finish(2);
        });
    }

    /// Row 65: a second thread is needed and refused; told of it once, the tick's retry makes it, though a thread is there.
    /// Mutation: `blocking_retry_asks_for_nothing`.
    fn a_refused_second_thread_is_made_by_a_retry() {
        bounded(1, || {
            refuse_after(1);
            let told = Arc::new(Ledger::default());
            let teller = told.clone();
            let pool = Pool::with(2, LONG, |config| {
                config.on_refused = Some(std::sync::Arc::new(move || teller.ran()));
            });
            pool.submit_meeting(2);
            pool.submit_meeting(2);
            told.wait_until_ran(1);
            refuse_after(1);
            Crew::retry(&pool.crew);
            pool.finish(2);
            assert_eq!(told.counts().0, 1);
        });
    }
}
