//! The registry of live tasks: for shutdown, metrics and reports. It owns one reference to each.
//!
//! Sharded by worker: a task is entered where it is spawned, and remembers its shard and key, so that it finds its way out
//! again without a search. A shard's lock is held for one insertion or removal, and never while a task is dropped.
//!
//! Models: `tasks::registry_close_against_bind` and `tasks::shutdown_against_completion`.

use std::fmt;
use std::future::Future;
use std::mem;
use std::panic::Location;
// std's own, for the names of tasks: nothing that loom would have to see, and loom's cannot hold a str.
use std::sync::Arc;

use slab::Slab;

use super::cell::{self, Header, Place, UNBOUND};
use super::id::Id;
use super::{JoinHandle, Notified, Schedule, Task};
use crate::primitives::atomic::{AtomicUsize, Ordering};
use crate::primitives::{CachePadded, Mutex};

/// A shard this empty gives its memory back once it was larger than this.
const KEPT_CAPACITY: usize = 1024;

/// All live tasks of a runtime.
pub(crate) struct Registry {
    shards: Box<[CachePadded<Shard>]>,
}

struct Shard {
    tasks: Mutex<Tasks>,
    /// How many there are, to be read without the lock; written under it.
    count: AtomicUsize,
}

struct Tasks {
    entries: Slab<Entry>,
    closed: bool,
}

struct Entry {
    task: Task,
    name: Option<Arc<str>>,
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
    /// # Panics
    /// If `shards` is zero, or more than 65,534.
    pub(crate) fn new(shards: usize) -> Self {
        assert!((1..usize::from(UNBOUND)).contains(&shards), "a registry of {shards} shards");
        let shard =
            || Shard { tasks: Mutex::new(Tasks { entries: Slab::new(), closed: false }), count: AtomicUsize::new(0) };
        Self { shards: (0..shards).map(|_| CachePadded::new(shard())).collect() }
    }

    /// Makes a task and enters it into shard `shard` (modulo their number). Once the registry is closed there is no
    /// `Notified`: the future has been dropped, and the handle resolves as cancelled.
    pub(crate) fn bind<F, S>(
        &self,
        shard: usize,
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
        match self.enter(shard % self.shards.len(), task, name) {
            Ok(()) => (handle, Some(notified)),
            Err((task, name)) => {
                // The future's destructor runs in here, and there may be a spawn in it: no lock is held.
                task.shutdown();
                drop((name, notified));
                (handle, None)
            }
        }
    }

    fn enter(&self, index: usize, task: Task, name: Option<Arc<str>>) -> Result<(), (Task, Option<Arc<str>>)> {
        let shard = &self.shards[index];
        let mut tasks = shard.tasks.lock();
        if tasks.closed {
            return Err((task, name));
        }
        let entry = tasks.entries.vacant_entry();
        let key = u32::try_from(entry.key()).expect("four thousand million tasks in one shard");
        // SAFETY: rule 4, until the lock is released nobody else can reach the task: its Notified and its join handle are
        // still the caller's.
        unsafe { task.header().set_place(Place { key, shard: index as u16 }) };
        entry.insert(Entry { task, name });
        shard.recount(&tasks.entries);
        Ok(())
    }

    /// Takes a task that has ended out, and gives the registry's reference to the caller. None if it is not in here: never
    /// bound, or taken out by a shutdown.
    pub(crate) fn release(&self, header: &Header) -> Option<Task> {
        let place = header.place();
        if place.shard == UNBOUND {
            return None;
        }
        let shard = &self.shards[usize::from(place.shard)];
        let mut tasks = shard.tasks.lock();
        let key = place.key as usize;
        // After a shutdown emptied the shard, the key may be another task's.
        if !tasks.entries.get(key).is_some_and(|entry| entry.task.is(header)) {
            return None;
        }
        let entry = tasks.entries.remove(key);
        shard.recount(&tasks.entries);
        let spent = if tasks.entries.is_empty() && tasks.entries.capacity() > KEPT_CAPACITY {
            mem::take(&mut tasks.entries)
        } else {
            Slab::new()
        };
        drop(tasks);
        drop((spent, entry.name));
        Some(entry.task)
    }

    /// From now on every `bind` is refused. The tasks that are in stay, until `shutdown_shard`.
    pub(crate) fn close(&self) {
        for shard in &self.shards {
            shard.tasks.lock().closed = true;
        }
    }

    /// Whether `close` was called.
    #[cfg(test)]
    pub(crate) fn is_closed(&self) -> bool {
        self.shards[0].tasks.lock().closed
    }

    /// Cancels every task of one shard: drops its future here, or, while it runs on another thread, leaves that to the
    /// thread. Tasks entered meanwhile are cancelled too. Never unwinds.
    pub(crate) fn shutdown_shard(&self, index: usize) {
        let shard = &self.shards[index];
        loop {
            let mut tasks = shard.tasks.lock();
            let entries = mem::take(&mut tasks.entries);
            shard.recount(&tasks.entries);
            drop(tasks);
            if entries.is_empty() {
                return;
            }
            for (_, entry) in entries {
                entry.task.shutdown();
            }
        }
    }

    /// How many shards there are.
    pub(crate) fn shards(&self) -> usize {
        self.shards.len()
    }

    /// How many tasks are alive: exact when nothing happens meanwhile.
    pub(crate) fn len(&self) -> usize {
        // Relaxed: a count for reports; nothing is read on the strength of it.
        self.shards.iter().map(|shard| shard.count.load(Ordering::Relaxed)).sum()
    }

    /// The name of the live task with this number, if it has one. Looks at every task: for reports only.
    pub(crate) fn name_of(&self, number: u64) -> Option<Arc<str>> {
        self.shards.iter().find_map(|shard| {
            let tasks = shard.tasks.lock();
            let mut entries = tasks.entries.iter();
            entries.find(|(_, entry)| entry.task.id().number() == number).and_then(|(_, entry)| entry.name.clone())
        })
    }

    /// Calls `f` for each live task. Each shard is seen at one moment, and `f` runs without its lock.
    pub(crate) fn for_each(&self, mut f: impl FnMut(TaskInfo)) {
        for shard in &self.shards {
            let tasks = shard.tasks.lock();
            let seen: Vec<TaskInfo> = tasks.entries.iter().map(|(_, entry)| entry.info()).collect();
            drop(tasks);
            seen.into_iter().for_each(&mut f);
        }
    }
}

impl Shard {
    fn recount(&self, entries: &Slab<Entry>) {
        // Relaxed: a count for reports, see `len`. Written under the lock only.
        self.count.store(entries.len(), Ordering::Relaxed);
    }
}

impl Entry {
    fn info(&self) -> TaskInfo {
        let now = self.task.header().state.peek();
        let state = if now.is_complete() {
            TaskState::Complete
        } else if now.is_running() {
            TaskState::Running
        } else if now.is_notified() {
            TaskState::Scheduled
        } else {
            TaskState::Idle
        };
        TaskInfo { id: self.task.id(), name: self.name.clone(), location: self.task.location(), state }
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry").field("len", &self.len()).finish_non_exhaustive()
    }
}
