//! The registry of live tasks: for shutdown, metrics and reports. It owns one reference to each.
//!
//! Sharded by seat: a worker enters the tasks that it spawns into its own shard, which nobody else fills, so it needs neither
//! a lock nor a read-modify-write for that (`shard.rs`). Threads that are no workers share the last shard, and take a lock to
//! enter. A task remembers its place, and is taken out by one exchange on whatever thread it ends.
//!
//! # None is forgotten
//! After `close`, and once every thread that may have entered a task has made a pass of `shutdown_shard` over its shard, or has
//! ended before such a pass, no task is left:
//! * `close` sets its flag under the lock. Whoever enters into the last shard looks at the flag under the lock: it sees the
//!   flag, or the passes after `close` see its task.
//! * A worker looks at the flag without the lock, and may see it late. But its own pass takes the lock, after `close` has had it,
//!   so it sees its own tasks in that pass, and the flag from then on. A worker that ended before a pass was joined: what it
//!   did is seen.
//! * A worker that is stuck makes its pass when it comes back, if it ever does.
//!
//! Models: `task_end` (`a_spawn_against_shutdown…`, `a_completion_against_shutdown…`) and `registry`.

mod shard;

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::mem;
use std::panic::Location;
use std::ptr::{self, NonNull};
// std's own, for the names of tasks: nothing that loom would have to see, and loom's cannot hold a str.
use std::sync::Arc;

use super::cell::{self, Header, Place, UNBOUND};
use super::id::Id;
use super::references::Reference;
use super::{JoinHandle, Notified, Schedule, Task};
use crate::primitives::Mutex;
use crate::primitives::atomic::{AtomicBool, AtomicPtr, Ordering};
use shard::{Seen, Shard};

/// How many words are walked through under one hold of the lock.
const STRIDE: u32 = 256;

/// All live tasks of a runtime.
pub(crate) struct Registry {
    /// One for each seat, made when it is first used, and the last for everyone else.
    shards: Box<[AtomicPtr<Shard>]>,
    closed: AtomicBool,
    /// Held by who looks at tasks, who takes them out to shut them down, who closes, and who enters into the last shard.
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
            return self.enter_as_owner(self.shards.len() - 1, task, name);
        };
        self.enter_as_owner(seat, task, name)
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
        // SAFETY: just made, and freed in `drop` only.
        unsafe { &*shard }
    }

    #[inline]
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
        if place.named {
            self.forget_name(header.id());
        }
        let index = usize::from(place.shard);
        let shard = self.shard(index).expect("a task is in a shard");
        // SAFETY: the reference that was entered; the exchange in `release` gives it to one.
        shard.release(place.key, header, seat == Some(index)).then(|| unsafe { task(NonNull::from(header)) })
    }

    #[cold]
    fn forget_name(&self, id: Id) {
        let name = self.names.lock().remove(&id.number());
        // After the lock.
        drop(name);
    }

    /// From now on every `bind` is refused. The tasks that are in stay, until `shutdown_shard`.
    pub(crate) fn close(&self) {
        let _others = self.lock.lock();
        // Relaxed: the lock orders it, see "None is forgotten".
        self.closed.store(true, Ordering::Relaxed);
    }

    /// Whether `close` was called.
    #[cfg(test)]
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    /// Cancels every task of one shard: drops its future here, or, while it runs on another thread, leaves that to the
    /// thread. Tasks entered meanwhile are cancelled too. Never unwinds.
    pub(crate) fn shutdown_shard(&self, index: usize) {
        let mut found = true;
        while mem::take(&mut found) {
            self.walk(
                index,
                |shard, key, taken: &mut Vec<Task>| {
                    // SAFETY: the reference that was entered; `take` gives it to one.
                    taken.extend(shard.take(key).map(|header| unsafe { task(header) }));
                },
                |taken| {
                    found |= !taken.is_empty();
                    taken.drain(..).for_each(Task::shutdown);
                },
            );
        }
    }

    /// Calls `each` for every used word of a shard under the lock, and `then` without it after every stride.
    fn walk<T>(&self, index: usize, each: impl Fn(&Shard, u32, &mut Vec<T>), mut then: impl FnMut(&mut Vec<T>)) {
        let mut found = Vec::new();
        let mut next = 0;
        loop {
            let others = self.lock.lock();
            // Under the lock, for "None is forgotten".
            let Some(shard) = self.shard(index) else { return };
            let used = shard.used();
            let end = used.min(next + STRIDE);
            (next..end).for_each(|key| each(shard, key, &mut found));
            drop(others);
            then(&mut found);
            if end == used {
                return;
            }
            next = end;
        }
    }

    /// How many shards there are.
    pub(crate) fn shards(&self) -> usize {
        self.shards.len()
    }

    /// How many tasks are alive: exact when nothing happens meanwhile. Walks through all: for reports.
    pub(crate) fn len(&self) -> usize {
        let shards = (0..self.shards.len()).filter_map(|index| self.shard(index));
        shards.map(|shard| (0..shard.used()).filter(|&key| shard.is_taken(key)).count()).sum()
    }

    /// The name of the live task with this number, if it has one.
    pub(crate) fn name_of(&self, number: u64) -> Option<Arc<str>> {
        self.names.lock().get(&number).cloned()
    }

    /// Calls `f` for each live task, without any lock. Each is seen at one moment.
    pub(crate) fn for_each(&self, mut f: impl FnMut(TaskInfo)) {
        for index in 0..self.shards.len() {
            self.walk(
                index,
                |shard, key, seen| {
                    let Seen::Task(looked) = shard.look(key) else { return };
                    let info = self.info(looked.header());
                    // SAFETY: the reference of a task that was released meanwhile; `end` gives it to one.
                    seen.push((info, looked.end().map(|header| unsafe { task(header) })));
                },
                |seen| {
                    for (info, ended) in seen.drain(..) {
                        drop(ended);
                        f(info);
                    }
                },
            );
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
