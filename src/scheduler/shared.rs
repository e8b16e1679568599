//! What all threads of a scheduler share: slots, the injector, who is idle, the reactor, the registry of tasks.

use std::io;
use std::panic::Location;
use std::time::Duration;

use super::Config;
use super::context;
use super::crowd::Crowd;
use super::idle::{Claim, Idle};
use super::lifecycle::Lifecycle;
use super::offenders::Offenders;
use super::progress::{Control, Progress, is_in_poll};
use super::slots::Slots;
use super::stall::{Figures, Place, PollOf};
use super::visitors::Visitors;
use super::worker::Worker;
use crate::primitives::atomic::{AtomicBool, Ordering, fence};
use crate::primitives::parker::{Parker, Unparker};
use crate::primitives::{Arc, Mutex};
use crate::queue::{Injector, Steal};
use crate::reactor::Reactor;
use crate::tasks::{Header, Id, JoinHandle, Notified, Registry, Schedule, Task};

/// A scheduler. Each task holds a clone of its Arc.
pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) slots: Slots,
    pub(crate) visitors: Visitors,
    pub(crate) injector: Injector<Notified>,
    pub(crate) idle: Idle,
    pub(crate) reactor: Arc<Reactor>,
    pub(crate) registry: Registry,
    pub(crate) lifecycle: Lifecycle,
    /// The watch, seen from the workers: to be roused when the first of them gets something to do.
    pub(crate) watch: WatchBell,
    pub(crate) offenders: Offenders,
    pub(crate) figures: Figures,
    pub(crate) crowd: Crowd,
}

/// How workers rouse the watch from its deep sleep.
pub(crate) struct WatchBell {
    asleep: AtomicBool,
    /// A thread without a permit has come to something else since the watch last looked.
    news: AtomicBool,
    unparker: Mutex<Option<Unparker>>,
}

impl Shared {
    pub(crate) fn new(config: Config, reactor: Arc<Reactor>) -> Self {
        Self {
            slots: Slots::new(config.max_threads),
            visitors: Visitors::new(config.watch.visitors),
            injector: Injector::new(),
            idle: Idle::new(config.permits, config.max_threads),
            reactor,
            registry: Registry::new(config.max_threads),
            lifecycle: Lifecycle::new(),
            watch: WatchBell {
                asleep: AtomicBool::new(false),
                news: AtomicBool::new(false),
                unparker: Mutex::new(None),
            },
            offenders: Offenders::new(),
            figures: Figures::default(),
            crowd: Crowd::default(),
            config,
        }
    }

    /// Spawns `future`; on a scheduler that is shut down the handle resolves as cancelled.
    ///
    /// No method: loom's Arc cannot be the type of a `self`.
    pub(crate) fn spawn<F>(
        this: &Arc<Self>,
        future: F,
        location: &'static Location<'static>,
        // std's own Arc: loom's has none of `str`.
        name: Option<std::sync::Arc<str>>,
    ) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let (handle, task) = this.registry.bind(this.seat(), future, this.clone(), Id::next(), location, name);
        if let Some(task) = task {
            Shared::schedule(this, task);
        }
        handle
    }

    /// This thread's seat, if it is one of this scheduler's workers.
    fn seat(&self) -> Option<usize> {
        context::with(|worker| worker.filter(|worker| worker.belongs_to(self)).map(Worker::index))
    }

    /// The shard of the timers that this thread uses: workers their own, everyone else the last.
    pub(crate) fn home_shard(&self) -> usize {
        self.seat().unwrap_or(self.config.permits)
    }

    /// A task became runnable.
    pub(crate) fn schedule(&self, task: Notified) {
        self.route(task, Worker::push_next);
    }

    /// A task that was woken while it ran, or that yields: behind all that waits.
    pub(crate) fn schedule_last(&self, task: Notified) {
        self.route(task, Worker::push_last);
    }

    fn route(&self, task: Notified, local: impl FnOnce(&Worker, Notified)) {
        context::with(|worker| match worker {
            Some(worker) if worker.belongs_to(self) && worker.takes_tasks() => local(worker, task),
            _ => self.inject(task),
        });
    }

    /// Queues a task from outside the workers.
    pub(crate) fn inject(&self, task: Notified) {
        self.injector.push(task);
        self.notify();
        // One that comes when all has been drained would stay for ever, and keep this scheduler with it. The fence in `notify`
        // pairs with that in `close`: if this thread does not see the end, `drain` sees the task.
        if self.lifecycle.is_closing() {
            self.drain();
        }
    }

    /// Work was published: wakes one sleeper for it, unless somebody is already searching or all are busy.
    pub(crate) fn notify(&self) {
        // ORDERING: SeqCst fence, edge "work-published", the pusher's side: push, fence, look for sleepers. Its twin is in
        // `Worker::sleep`: announce sleep, fence, look for work. One fence is first: if this one, the sleeper sees the work;
        // if the other, this thread sees the sleeper. Without it both may look too early, and the work is stranded.
        fence(Ordering::SeqCst);
        self.wake_one();
    }

    /// Wakes one sleeper as a searcher, if there is cause. The caller has fenced.
    pub(crate) fn wake_one(&self) {
        let claim = if self.config.hands_off { self.idle.claim() } else { self.idle.claim_poller() };
        match claim {
            Claim::Nobody => {}
            Claim::Sleeper(index) => {
                self.rouse_watch();
                self.slots.get(index).unparker.unpark();
            }
            Claim::Poller => {
                self.rouse_watch();
                self.reactor.wake();
            }
            Claim::NoThread => self.want_thread(),
        }
    }

    /// If one more thread is wanted, starts it; false if it cannot be had. Then it stays wanted: the reactor thread asks again at
    /// its next tick, and a permit that lies idle waits until then, or until a thread comes back.
    ///
    /// A want is stale if by now a thread sleeps, or the permit is taken. Whoever wanted it had found the stack empty after its
    /// fence, and nobody in the poll when it gave the permit back; so that sleeper lay down later, and its own look, after its
    /// fence, has found the work. And whoever has the permit looks for work before it gives it back. So it is with as many threads on
    /// their way as permits are idle: each of them has yet to say that it has lain down, and to look after that.
    pub(crate) fn supply_if_wanted(this: &Arc<Self>) -> bool {
        if !this.lifecycle.take_want() {
            return true;
        }
        if !this.lacks_thread() || Self::start_thread(this).is_ok() {
            return true;
        }
        this.lifecycle.want_thread();
        false
    }

    /// Whether a permit is idle for which there is no thread, nor one on its way.
    pub(crate) fn lacks_thread(&self) -> bool {
        let starting = self.lifecycle.starting();
        let (permits, polled) = self.idle.look();
        permits > starting && !polled && self.idle.no_spare()
    }

    /// One more thread is needed: the reactor thread is to start it. It is awake, for nobody polls now; roused all the same,
    /// should a poller have come at this moment and it have gone to sleep on that.
    fn want_thread(&self) {
        self.lifecycle.want_thread();
        self.rouse_watch();
    }

    /// Makes idle a permit that its thread will not use; a sleeper gets it if there is work.
    pub(crate) fn give_permit_on(&self) {
        self.idle.release_permit();
        // ORDERING: SeqCst fence, edge "work-published", the sleeper's side: an idle permit, fence, look for work. A pusher
        // whose fence came before this one's is seen here; any other sees the permit. Without it both may miss.
        fence(Ordering::SeqCst);
        if self.has_work() {
            self.wake_one();
        }
    }

    /// After a permit was taken out of idleness: the watch must be awake while anyone runs tasks.
    pub(crate) fn rouse_watch(&self) {
        // ORDERING: SeqCst fence, edge "watch-asleep": permit taken, fence, look whether the watch sleeps; the watch says that
        // it sleeps, fences, and looks for permits in use. Without it a blocking task could run unwatched.
        fence(Ordering::SeqCst);
        // Relaxed: ordered by the fence; the swap makes sure that one thread rings.
        if self.watch.asleep.load(Ordering::Relaxed) && self.watch.asleep.swap(false, Ordering::Relaxed) {
            self.ring_watch();
        }
    }

    /// After a thread without a permit has come to something else: it is back from a call that it had said may block, or it lay
    /// down. No permit tells the watch of that, and it would sleep on what it saw before.
    pub(crate) fn tell_watch(&self) {
        // ORDERING: Release, edge "news": with it the watch sees what this thread has come to. If it looked too early to see
        // either, it finds the news when it has said that it sleeps, or this thread finds it asleep (edge "watch-asleep").
        // An exchange, though a store would do: loom knows a later store for later than the watch's own exchange only by that.
        self.watch.news.swap(true, Ordering::Release);
        self.rouse_watch();
    }

    /// The watch is about to look at all there is.
    pub(crate) fn watch_looks(&self) {
        // Relaxed: what is not seen here is seen before the watch sleeps.
        if self.watch.news.load(Ordering::Relaxed) {
            // ORDERING: Acquire, edge "news": its twin is in `tell_watch`. Without it the news could be gone and the cause not seen.
            self.watch.news.swap(false, Ordering::Acquire);
        }
    }

    /// Makes the watch's thread tick at once, or not fall asleep.
    pub(crate) fn ring_watch(&self) {
        let unparker = self.watch.unparker.lock().clone();
        if let Some(unparker) = unparker {
            unparker.unpark();
        }
    }

    /// From now on the bell rings at this thread.
    pub(crate) fn watch_answers(&self, unparker: Unparker) {
        *self.watch.unparker.lock() = Some(unparker);
    }

    /// The watch's deep sleep, on the thread that answers the bell: returns when a worker got something to do, or after `limit`.
    pub(crate) fn watch_sleeps(&self, parker: &Parker, limit: Option<Duration>) {
        self.watch.asleep.store(true, Ordering::Relaxed);
        // ORDERING: SeqCst fence, edge "watch-asleep", the watch's side, as told in `rouse_watch`.
        fence(Ordering::SeqCst);
        // Relaxed: ordered by the fence.
        let news = self.watch.news.load(Ordering::Relaxed);
        if self.all_idle() && !news && !self.lifecycle.is_closing() && !self.lifecycle.wants_thread() {
            match limit {
                Some(limit) => drop(parker.park_timeout(limit)),
                None => parker.park(),
            }
        }
        self.watch.asleep.store(false, Ordering::Relaxed);
    }

    /// How many threads there are for tasks.
    pub(crate) fn threads(&self) -> usize {
        self.slots.iter().filter(|(_, slot)| slot.control() != Control::Empty).count()
    }

    /// Whether no thread holds a permit, and one of them sleeps in the poll: without that one, when all that could are
    /// blocked, events and timers need the reactor thread's ticks. Where whoever drives polls too, they need the driver.
    pub(crate) fn all_idle(&self) -> bool {
        let (permits, polled) = self.idle.look();
        permits == self.config.permits && (polled || !self.config.hands_off)
    }

    /// Whether that poll lasts. What was read of its thread before this says yes was read while it did.
    pub(crate) fn lasts(&self, poll: &PollOf) -> bool {
        let progress: &Progress = match poll.place {
            Place::Slot(index) => self.slots.get(index),
            Place::Visitor(index) => self.visitors.get(index),
        };
        progress.epoch() == poll.epoch && progress.thread() == poll.thread
    }

    /// Whether any queue holds a task that a thread without work should take. LIFO slots count when their poll is slow.
    pub(crate) fn has_work(&self) -> bool {
        !self.injector.is_empty()
            || self.slots.iter().any(|(_, slot)| !slot.stealer.is_empty() || (!slot.lifo.is_empty() && slot.is_slow()))
    }

    /// Starts one more thread.
    ///
    /// # Errors
    /// The system refused it, or all `max_threads` seats are taken.
    pub(crate) fn start_thread(this: &Arc<Self>) -> io::Result<()> {
        let full = || io::Error::other(format!("all {} threads (max_threads) are in use", this.config.max_threads));
        let seat = this.slots.sit_down().ok_or_else(full)?;
        let number = seat.index;
        // Both go back by their drop, whether the thread ends or never starts.
        let living = this.lifecycle.thread_starts();
        let worker = Worker::new(this.clone(), seat);
        let around = this.config.around.clone();
        let mut worker = Some((worker, this.lifecycle.starts()));
        // The reactor thread may be the one that starts it, or a worker that is about to block.
        this.config.threads.spawn_from_stock(
            || format!("freewheel-worker-{number}"),
            move || {
                around(&mut || worker.take().into_iter().for_each(|(worker, starting)| worker.run(starting)));
                // After the user's stop hook, which the end waits for.
                living
            },
        )
    }

    /// Starts a thread without a seat that cancels all tasks there are: for the end, when every worker may be stuck in one.
    ///
    /// It does not share them with others, as workers do: what one of those has taken upon itself and is stuck before, nobody
    /// else would come to. Nor does it count among `max_threads`, which may all be stuck.
    ///
    /// # Errors
    /// The system refused it.
    pub(crate) fn start_helper(this: &Arc<Self>) -> io::Result<()> {
        let (shared, living) = (this.clone(), this.lifecycle.thread_starts());
        let body = move || {
            let around = shared.config.around.clone();
            around(&mut || shared.cancel_all());
            // The scheduler first: whoever waits for this thread may rely on its being let go.
            drop(shared);
            living
        };
        // A name of the user's may be long in coming, and the end is limited in time.
        this.config.threads.spawn_as("freewheel-shutdown".to_owned(), body)
    }

    /// After `close`: cancels every task that is left, and drops what is queued.
    pub(crate) fn cancel_all(&self) {
        self.registry.shutdown(None);
        self.drain();
    }

    /// Begins the end: no new tasks, and every thread that sleeps is woken to cancel those there are.
    pub(crate) fn close(&self) {
        self.registry.close();
        if !self.lifecycle.close() {
            return;
        }
        // ORDERING: SeqCst fence, edge "work-published": the end is announced like work. A thread that goes to sleep has
        // announced that, fences in `Worker::rest`, and looks; so it sees the end, or is found here.
        fence(Ordering::SeqCst);
        while let Some(sleeper) = self.idle.pop() {
            self.slots.get(sleeper).unparker.unpark();
        }
        self.reactor.wake();
        self.ring_watch();
    }

    /// The tasks whose poll does not end, each with its id and where it was spawned: for the report at the end.
    pub(crate) fn stuck_tasks(&self) -> Vec<(u64, &'static Location<'static>)> {
        let busy = self.slots.iter().filter(|(_, slot)| is_in_poll(slot.epoch()));
        busy.filter_map(|(_, slot)| slot.current_task()).collect()
    }

    /// Drops what is queued. For after the end, when no worker takes anything any more.
    pub(crate) fn drain(&self) {
        loop {
            match self.injector.steal() {
                Steal::Success(task) => drop(task),
                Steal::Retry => {}
                Steal::Empty => return,
            }
        }
    }
}

impl Schedule for Arc<Shared> {
    fn schedule(&self, task: Notified) {
        Shared::schedule(self, task);
    }

    fn yield_now(&self, task: Notified) {
        self.schedule_last(task);
    }

    fn release(&self, task: &Header) -> Option<Task> {
        self.registry.release(self.seat(), task)
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (idle, polling) = self.idle.look();
        f.debug_struct("Scheduler")
            .field("permits", &self.config.permits)
            .field("idle_permits", &idle)
            .field("in_poll", &polling)
            .field("threads", &self.slots.len())
            .finish_non_exhaustive()
    }
}
