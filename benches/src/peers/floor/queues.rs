//! The floor of spawning: a task is one allocation, the queue a `VecDeque` under std's lock, waiting a parked thread.

use crate::rows::{Sample, Scale};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

/// A task with its handle: no future, no output, no panic, nobody who waits.
struct Task {
    ended: AtomicBool,
}

impl Task {
    fn new() -> Arc<Self> {
        Arc::new(Self { ended: AtomicBool::new(false) })
    }

    fn run(&self) {
        // ORDERING: Release, edge "floor ended": would publish the output, had the floor's tasks one.
        self.ended.store(true, Ordering::Release);
    }

    fn has_ended(&self) -> bool {
        // ORDERING: Acquire, edge "floor ended": as whoever reads an output must.
        self.ended.load(Ordering::Acquire)
    }
}

/// Tasks, and a thread that may sleep until there are some.
#[derive(Default)]
struct Queue {
    tasks: Mutex<VecDeque<Arc<Task>>>,
    filled: Condvar,
}

impl Queue {
    fn push(&self, task: Arc<Task>) {
        let mut tasks = self.tasks.lock().expect("nobody panics");
        tasks.push_back(task);
        // As a runtime does: only a sleeper is woken, and an empty queue is what it sleeps on.
        if tasks.len() == 1 {
            self.filled.notify_one();
        }
    }

    /// Spawns so many tasks, and keeps their handles.
    fn fill(&self, count: usize) -> Vec<Arc<Task>> {
        let mut tasks = Vec::with_capacity(count);
        for _ in 0..count {
            let task = Task::new();
            self.push(task.clone());
            tasks.push(task);
        }
        tasks
    }

    /// Runs so many tasks, sleeping when there are none.
    fn run(&self, count: usize) {
        let mut batch = VecDeque::new();
        let mut left = count;
        while left > 0 {
            let mut tasks = self.tasks.lock().expect("nobody panics");
            while tasks.is_empty() {
                tasks = self.filled.wait(tasks).expect("nobody panics");
            }
            std::mem::swap(&mut *tasks, &mut batch);
            drop(tasks);
            left -= batch.len();
            batch.drain(..).for_each(|task| task.run());
        }
    }
}

fn wait(tasks: Vec<Arc<Task>>) {
    for task in tasks {
        while !task.has_ended() {
            std::thread::yield_now();
        }
    }
}

/// The same thread spawns and runs.
pub(super) fn one_thread(scale: Scale, _workers: usize) -> Sample {
    let count = scale.of(50_000);
    let queue = Queue::default();
    let start = Instant::now();
    let tasks = queue.fill(count);
    queue.run(count);
    wait(tasks);
    Sample::time(start.elapsed(), count)
}

/// One thread spawns, another runs.
pub(super) fn two_threads(scale: Scale, _workers: usize) -> Sample {
    Sample::time(pushed_to_another(scale.of(50_000)), scale.of(50_000))
}

/// As `two_threads`: it is what a pool of one thread does.
pub(super) fn burst(scale: Scale, _workers: usize) -> Sample {
    Sample::time(pushed_to_another(scale.of(20_000)), scale.of(20_000))
}

fn pushed_to_another(count: usize) -> Duration {
    let queue = Queue::default();
    std::thread::scope(|scope| {
        scope.spawn(|| queue.run(count));
        let start = Instant::now();
        let tasks = queue.fill(count);
        wait(tasks);
        start.elapsed()
    })
}
