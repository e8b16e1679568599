//! The registry of live tasks: for shutdown, metrics and reports. It owns one reference to each.
//!
//! Sharded by seat: a worker enters the tasks that it spawns into its own shard, which nobody else fills, so it needs neither
//! a lock nor a read-modify-write for that (`shard.rs`). Threads that are no workers share the first shard, and take a lock to
//! enter. A task remembers its place, and is taken out by one exchange on whatever thread it ends.
//!
//! # None is forgotten
//! After `close`, each worker calls `shutdown` for its own shard when it notices the end, and at last a thread without a seat
//! calls it for all; where workers are stuck in what they cancel, such threads come before, too. Then no task is left, but of
//! workers that are stuck, until they come to that call:
//! * `close` sets its flag under the lock. Whoever enters into the first shard looks at the flag under the lock: it sees the
//!   flag, or every later `shutdown` sees its task.
//! * A worker looks at the flag without the lock, and may see it late. But it takes the lock in its `shutdown`, after `close` has
//!   had it: there it sees its own tasks, and the flag from then on.
//! * A worker that gives up its seat without a `shutdown` asks `is_closed`, under the lock, before it does. If it was not, `close`
//!   comes after all that this worker has entered; if it was, it calls `shutdown`. Whoever has the seat next begins after that.
//!
//! Models: `registry`.

mod shard;

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::ptr::{self, NonNull};
// std's own, for the names of tasks: nothing that loom would have to see, and loom's cannot hold a str.
use std::sync::Arc;

use super::cell::{self, Header, Place, UNBOUND};
use super::id::Id;
use super::references::Reference;
use super::{JoinHandle, Notified, Schedule, Task};
use crate::primitives::Mutex;
use crate::primitives::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering};
use shard::Shard;

/// How many words are looked at under one hold of the lock, at most.
const STRIDE: u32 = 256;

/// All live tasks of a runtime.
pub(crate) struct Registry {
    /// The first for threads without a seat, then one for each seat, made when it is first used.
    shards: Box<[AtomicPtr<Shard>]>,
    /// So many of them, from the front, may have been made.
    made: AtomicUsize,
    /// So many of them, from the front, some worker has cancelled, or is about to, or is stuck in.
    cancelled: AtomicUsize,
    closed: AtomicBool,
    /// Held by who looks at tasks, who takes them out to shut them down, who closes, and who enters into the first shard.
    lock: Mutex<()>,
    /// The names of the tasks that have one.
    names: Mutex<HashMap<u64, Arc<str>>>,
}

/// What a live task is doing, at one moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum TaskState {
    /// It waits to be woken.
    Idle,
    /// It waits in a queue for its turn.
    Scheduled,
    /// It is being polled.
    Running,
    /// It has ended and is about to leave the registry.
    Complete,
}

/// One live task, as told by [`Handle::tasks`](crate::runtime::Handle::tasks).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TaskInfo {
    /// Its number.
    pub id: Id,
    /// Its name, if it was given one.
    pub name: Option<Arc<str>>,
    /// Where it was spawned.
    pub location: &'static Location<'static>,
    /// What it is doing.
    pub state: TaskState,
}

impl Registry {
    /// For seats `0..seats`.
    ///
    /// # Panics
    /// If `seats` is more than 65,534.
    pub(crate) fn new(seats: usize) -> Self {
        assert!(seats < usize::from(UNBOUND), "a registry for {seats} seats");
        Self {
            shards: (0..=seats).map(|_| AtomicPtr::new(ptr::null_mut())).collect(),
            made: AtomicUsize::new(1),
            cancelled: AtomicUsize::new(0),
            closed: AtomicBool::new(false),
            lock: Mutex::new(()),
            names: Mutex::new(HashMap::new()),
        }
    }

    /// Makes a task and enters it. Once the registry is closed there is no `Notified`: the future has been dropped, and the
    /// handle resolves as cancelled.
    ///
    /// `seat` is the caller's own, which no other thread uses at the same time; None for a thread without one.
    pub(crate) fn bind<F, S>(
        &self,
        seat: Option<usize>,
        future: F,
        scheduler: S,
        id: Id,
        location: &'static Location<'static>,
        name: Option<Arc<str>>,
    ) -> (JoinHandle<F::Output>, Option<Notified>)
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
        S: Schedule,
    {
        let (task, notified, handle) = cell::new(future, scheduler, id, location);
        match self.enter(seat, task, name) {
            Ok(()) => (handle, Some(notified)),
            Err(task) => {
                // The future's destructor runs in here, and there may be a spawn in it: no lock is held.
                task.shutdown();
                drop(notified);
                (handle, None)
            }
        }
    }

    #[inline]
    fn enter(&self, seat: Option<usize>, task: Task, name: Option<Arc<str>>) -> Result<(), Task> {
        let Some(seat) = seat else {
            let _others = self.lock.lock();
            return self.enter_as_owner(0, task, name);
        };
        self.enter_as_owner(seat + 1, task, name)
    }

    #[inline]
    fn enter_as_owner(&self, index: usize, task: Task, name: Option<Arc<str>>) -> Result<(), Task> {
        // Relaxed: see "None is forgotten".
        if self.closed.load(Ordering::Relaxed) {
            return Err(task);
        }
        let shard = self.shard(index).unwrap_or_else(|| self.new_shard(index));
        let place = Place { key: shard.take_free(), shard: index as u16, named: name.is_some() };
        if let Some(name) = name {
            self.names.lock().insert(task.id().number(), name);
        }
        // SAFETY: rule 4, until it is entered nobody else can reach the task: its Notified and its join handle are still the
        // caller's.
        unsafe { task.header().set_place(place) };
        shard.enter(place.key, task.into_raw());
        Ok(())
    }

    /// The seat's first task.
    #[cold]
    fn new_shard(&self, index: usize) -> &Shard {
        let shard = Box::into_raw(Box::new(Shard::new()));
        // ORDERING: Release, edge "shard": publishes the empty shard.
        self.shards[index].store(shard, Ordering::Release);
        // ORDERING: Release, edge "shards-made": publishes the shard to whoever walks through all.
        self.made.fetch_max(index + 1, Ordering::Release);
        // SAFETY: just made, and freed in `drop` only.
        unsafe { &*shard }
    }

    /// Asks the processor for the word of a task that is about to run, and may end by that.
    #[inline]
    pub(crate) fn fetch(&self, task: &Notified) {
        let place = task.header().place();
        if place.shard != UNBOUND {
            if let Some(shard) = self.shard(usize::from(place.shard)) {
                shard.fetch(place.key);
            }
        }
    }

    fn shard(&self, index: usize) -> Option<&Shard> {
        // ORDERING: Acquire, edge "shard": whoever sees it sees it whole.
        let shard = NonNull::new(self.shards[index].load(Ordering::Acquire))?;
        // SAFETY: it was made from a Box in `new_shard`, and is freed in `drop` only.
        Some(unsafe { shard.as_ref() })
    }

    /// Takes a task that has ended out, and gives the registry's reference to the caller. None if it is not in here: never
    /// bound, or taken out by a shutdown; or if somebody looks at it just now, who then gives the reference up.
    ///
    /// `seat` as for [`bind`](Self::bind).
    #[inline]
    pub(crate) fn release(&self, seat: Option<usize>, header: &Header) -> Option<Task> {
        let place = header.place();
        if place.shard == UNBOUND {
            return None;
        }
        let index = usize::from(place.shard);
        let shard = self.shard(index).expect("a task is in a shard");
        let released = shard.release(place.key, header, seat.is_some_and(|seat| seat + 1 == index));
        if place.named {
            self.forget_name(header.id());
        }
        // SAFETY: the reference that was entered; the exchange in `release` gives it to one.
        released.then(|| unsafe { task(NonNull::from(header)) })
    }

    #[cold]
    fn forget_name(&self, id: Id) {
        let name = self.names.lock().remove(&id.number());
        // After the lock.
        drop(name);
    }

    /// From now on every `bind` is refused. The tasks that are in stay, until `shutdown`.
    pub(crate) fn close(&self) {
        let _others = self.lock.lock();
        // Relaxed: the lock orders it, see "None is forgotten".
        self.closed.store(true, Ordering::Relaxed);
    }

    /// Whether `close` was called; whoever is told that it was not will have entered its tasks before every `shutdown`.
    pub(crate) fn is_closed(&self) -> bool {
        let _others = self.lock.lock();
        // Relaxed: the lock orders it, see "None is forgotten".
        self.closed.load(Ordering::Relaxed)
    }

    /// After `close`, cancels the tasks there are: drops their futures here, or, while one runs on another thread, leaves that to
    /// the thread. Never unwinds.
    ///
    /// `seat` as for [`bind`](Self::bind). A worker cancels its own tasks, and shares the others' with the other workers;
    /// a thread without a seat cancels all.
    pub(crate) fn shutdown(&self, seat: Option<usize>) {
        let made = self.made();
        let Some(seat) = seat else { return (0..made).for_each(|index| self.shutdown_shard(index)) };
        self.shutdown_shard(seat + 1);
        loop {
            // Relaxed: which shards are done is advice, since a thread without a seat comes last and does all.
            let index = self.cancelled.fetch_add(1, Ordering::Relaxed);
            if index >= made {
                return;
            }
            if index != seat + 1 {
                self.shutdown_shard(index);
            }
        }
    }

    fn shutdown_shard(&self, index: usize) {
        let mut from = 0;
        // SAFETY: the reference that was entered; `take` gives it to one.
        let take = |shard: &Shard, key| shard.take(key).map(|header| unsafe { task(header) });
        // One at a time: a destructor that does not return must not keep the next from others who look for it.
        while let Some(task) = self.next(index, &mut from, take) {
            task.shutdown();
        }
    }

    /// What `find` finds next in a shard, under the lock. It begins at word `from`, which it moves on.
    fn next<T>(&self, index: usize, from: &mut u32, find: impl Fn(&Shard, u32) -> Option<T>) -> Option<T> {
        loop {
            let _others = self.lock.lock();
            let shard = self.shard(index)?;
            let used = shard.used();
            if *from >= used {
                return None;
            }
            for key in *from..used.min(*from + STRIDE) {
                *from = key + 1;
                if let Some(found) = find(shard, key) {
                    return Some(found);
                }
            }
        }
    }

    fn made(&self) -> usize {
        // ORDERING: Acquire, edge "shards-made": whoever sees the number sees the shards.
        self.made.load(Ordering::Acquire)
    }

    /// How many tasks are alive: exact when nothing happens meanwhile.
    pub(crate) fn len(&self) -> usize {
        (0..self.made()).filter_map(|index| self.shard(index)).map(Shard::len).sum()
    }

    /// The name of the live task with this number, if it has one.
    pub(crate) fn name_of(&self, number: u64) -> Option<Arc<str>> {
        self.names.lock().get(&number).cloned()
    }

    /// Calls `f` for each live task, without any lock. Each is seen at one moment.
    pub(crate) fn for_each(&self, mut f: impl FnMut(TaskInfo)) {
        let look = |shard: &Shard, key| {
            let looked = shard.look(key)?;
            let info = self.info(looked.header());
            // SAFETY: the reference of a task that was released meanwhile; `end` gives it to one.
            Some((info, looked.end().map(|header| unsafe { task(header) })))
        };
        for index in 0..self.made() {
            let mut from = 0;
            while let Some((info, ended)) = self.next(index, &mut from, look) {
                drop(ended);
                f(info);
            }
        }
    }

    fn info(&self, header: &Header) -> TaskInfo {
        let now = header.state.peek();
        let state = if now.is_complete() {
            TaskState::Complete
        } else if now.is_running() {
            TaskState::Running
        } else if now.is_notified() {
            TaskState::Scheduled
        } else {
            TaskState::Idle
        };
        let name = if header.place().named { self.name_of(header.id().number()) } else { None };
        TaskInfo { id: header.id(), name, location: header.location(), state }
    }
}

/// # Safety
/// The caller owns the registry's reference of this task.
unsafe fn task(header: NonNull<Header>) -> Task {
    // SAFETY: the caller's promise.
    Task::new(unsafe { Reference::from_raw(header) })
}

impl Drop for Registry {
    fn drop(&mut self) {
        // No task is left: each holds its scheduler, and so this registry.
        for shard in &self.shards {
            // Relaxed: `&mut self`, nobody else is here.
            if let Some(shard) = NonNull::new(shard.load(Ordering::Relaxed)) {
                // SAFETY: it came from Box::into_raw in `new_shard`, and nobody can hold a reference while `self` drops.
                drop(unsafe { Box::from_raw(shard.as_ptr()) });
            }
        }
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry").field("len", &self.len()).finish_non_exhaustive()
    }
}
