//! `RuntimeMetrics`: what a runtime has done and is doing, stable, where tokio keeps much of it behind a flag.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::{Handle, Inner};
use crate::tasks::TaskInfo;

/// Figures of a runtime, read when asked. Each is right at some moment, not all at one.
///
/// # Examples
/// ```
/// # let runtime = freewheel::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
/// let metrics = runtime.handle().metrics();
/// assert_eq!(metrics.num_workers(), 2);
/// assert_eq!(metrics.num_alive_tasks(), 0);
/// println!("{} stalls, the longest of {:?}", metrics.stalls(), metrics.longest_stall());
/// // All of them, as they are now: RuntimeMetrics { num_workers: 2, num_alive_tasks: 0, …
/// println!("{metrics:?}");
/// ```
#[derive(Clone)]
pub struct RuntimeMetrics {
    inner: Arc<Inner>,
}

impl Handle {
    /// Figures of the runtime.
    #[must_use]
    pub fn metrics(&self) -> RuntimeMetrics {
        RuntimeMetrics { inner: self.inner().clone() }
    }

    /// Every task that has been spawned and has not ended, in no particular order; asyncio's `all_tasks`.
    ///
    /// Looks at each task for a moment, and at every place where a task has ever been: for people and tools, not for hot paths.
    /// Workers go on meanwhile.
    ///
    /// # Examples
    /// ```
    /// # freewheel::runtime::Runtime::new().unwrap().block_on(async {
    /// let waiting = freewheel::task::Builder::new().name("waiting").spawn(std::future::pending::<()>())?;
    /// let tasks = freewheel::runtime::Handle::current().tasks();
    /// assert!(tasks.iter().any(|task| task.name.as_deref() == Some("waiting")));
    /// # waiting.abort();
    /// # Ok::<(), std::io::Error>(()) }).unwrap();
    /// ```
    #[must_use]
    pub fn tasks(&self) -> Vec<TaskInfo> {
        let mut tasks = Vec::new();
        self.inner().scheduler.registry.for_each(|task| tasks.push(task));
        tasks
    }
}

impl RuntimeMetrics {
    /// How many threads run tasks at once: `worker_threads`, or 1 for `current_thread`.
    #[must_use]
    pub fn num_workers(&self) -> usize {
        self.inner.scheduler.config.permits
    }

    /// How many tasks have been spawned and have not ended.
    #[must_use]
    pub fn num_alive_tasks(&self) -> usize {
        self.inner.scheduler.registry.len()
    }

    /// How many tasks wait in the global queue.
    #[must_use]
    pub fn global_queue_depth(&self) -> usize {
        self.inner.scheduler.injector.len()
    }

    /// How many threads the blocking pool has, idle ones included.
    #[must_use]
    pub fn num_blocking_threads(&self) -> usize {
        self.inner.pool.metrics().threads
    }

    /// How many threads of the blocking pool have nothing to do.
    #[must_use]
    pub fn num_idle_blocking_threads(&self) -> usize {
        self.inner.pool.metrics().idle
    }

    /// How many blocking calls wait for a thread.
    #[must_use]
    pub fn blocking_queue_depth(&self) -> usize {
        self.inner.pool.metrics().queued
    }

    /// How many stalls were seen: polls that lasted beyond
    /// [`stall_threshold`](super::Builder::stall_threshold) when the watch looked, which it does each
    /// tick; time for which the process or the watch was kept from running does not count, nor does a call that [said that
    /// it may block](crate::task::block_in_place). On a `current_thread` runtime they are seen only if it is
    /// [asked for reports](super::Builder::new_current_thread).
    #[must_use]
    pub fn stalls(&self) -> u64 {
        self.inner.scheduler.figures.read().stalls
    }

    /// How often a worker whose task blocked its thread lost its permit to run tasks, so that another thread could have it: because the
    /// watch found it blocked, because the task's spawn location is known for blocking and the permit was released before the poll, or
    /// by [`block_in_place_now`](crate::task::block_in_place_now).
    #[must_use]
    pub fn hand_offs_blocked(&self) -> u64 {
        self.inner.scheduler.figures.read().blocked
    }

    /// How often the watch took a permit because a task computed for long while others waited.
    #[must_use]
    pub fn hand_offs_computing(&self) -> u64 {
        self.inner.scheduler.figures.read().hogs
    }

    /// The longest stall so far, one that lasts still as of its last report included.
    #[must_use]
    pub fn longest_stall(&self) -> Duration {
        Duration::from_nanos(self.inner.scheduler.figures.read().longest)
    }

    /// How often the whole process was seen to stand still, for a quarter of a second or longer: stopped by a signal or a
    /// debugger, frozen, or its virtual machine was. While all tasks sleep nobody sees it. Each runtime of a process counts it: sum no such
    /// figures up. A machine that is overloaded or suspended
    /// does not count, nor a process that is out of its quota (its control group's `cpu.stat` counts that). Zero where the
    /// system does not tell enough: only Linux does.
    #[must_use]
    pub fn process_stops(&self) -> u64 {
        self.inner.scheduler.figures.read().standstills
    }

    /// The longest of [these times](Self::process_stops).
    #[must_use]
    pub fn longest_process_stop(&self) -> Duration {
        Duration::from_nanos(self.inner.scheduler.figures.read().longest_standstill)
    }

    /// For how long, all told, ready tasks have waited because no further thread could be had.
    #[must_use]
    pub fn time_without_thread(&self) -> Duration {
        Duration::from_nanos(self.inner.scheduler.figures.read().without_thread)
    }

    /// How many threads there are for tasks now: workers, the spare, those that are stuck, and those started in their place.
    #[must_use]
    pub fn num_threads(&self) -> usize {
        self.inner.scheduler.threads()
    }

    /// The most there have been at once.
    #[must_use]
    pub fn max_threads_seen(&self) -> usize {
        self.inner.scheduler.slots.len()
    }
}

impl fmt::Debug for RuntimeMetrics {
    /// Each figure under the name of its method, as it is now.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RuntimeMetrics")
            .field("num_workers", &self.num_workers())
            .field("num_alive_tasks", &self.num_alive_tasks())
            .field("global_queue_depth", &self.global_queue_depth())
            .field("num_blocking_threads", &self.num_blocking_threads())
            .field("num_idle_blocking_threads", &self.num_idle_blocking_threads())
            .field("blocking_queue_depth", &self.blocking_queue_depth())
            .field("stalls", &self.stalls())
            .field("hand_offs_blocked", &self.hand_offs_blocked())
            .field("hand_offs_computing", &self.hand_offs_computing())
            .field("longest_stall", &self.longest_stall())
            .field("process_stops", &self.process_stops())
            .field("longest_process_stop", &self.longest_process_stop())
            .field("time_without_thread", &self.time_without_thread())
            .field("num_threads", &self.num_threads())
            .field("max_threads_seen", &self.max_threads_seen())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use crate::runtime::Builder;

    #[test]
    fn printed_they_are_all_there() {
        let runtime = Builder::new_multi_thread().worker_threads(3).build().unwrap();
        let told = format!("{:?}", runtime.handle().metrics());
        assert!(told.starts_with("RuntimeMetrics { num_workers: 3, num_alive_tasks: 0, "), "{told}");
        assert!(told.contains(" stalls: 0, ") && told.contains(" longest_stall: "), "{told}");
    }
}
