//! T3 and T4: tasks that block until others have run, which they can only if the thread is not all there is.

use std::future::Future;
use std::sync::{Arc, Barrier, Condvar, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use super::super::child::{Unit, Values, distribution};
use super::super::contenders::{Contender, Setup};
use super::WORKERS;
use super::stage::Stage;
use crate::peers::Peer;

/// Between two attempts: what a runtime has learnt of the last shall not help it with the next.
const FORGET: Duration = Duration::from_millis(400);

/// Makes attempts one after the other; each says how long it took. One that hangs is ended by the parent's limit.
fn attempts<C: Contender, F>(quick: bool, attempt: impl Fn() -> F) -> Result<Values, String>
where
    F: Future<Output = Duration> + Send + 'static,
{
    let stage = Stage::<C>::open(Setup::plain());
    let mut times = Vec::new();
    for _ in 0..if quick { 3 } else { 8 } {
        thread::sleep(FORGET);
        let task = stage.peer.spawn_outside(attempt());
        times.push(stage.peer.block_on(task).as_nanos() as f64);
    }
    let mut values = distribution("resolved", &times);
    values.retain(|(_, name, _)| name != "resolved p99" && name != "resolved p99.9");
    values.push((Unit::Count, "attempts".to_owned(), times.len() as f64));
    values.extend(stage.figures());
    Ok(values)
}

/// T3: the other task waits in the place that the blocked thread has set aside for itself.
pub(super) fn wakes_then_waits<C: Contender>(quick: bool) -> Result<Values, String> {
    attempts::<C, _>(quick, || async {
        let (sender, receiver) = mpsc::channel();
        let begun = Instant::now();
        C::Peer::detach(async move { sender.send(()).expect("the first task waits") });
        C::block(move || receiver.recv().expect("the other task sends")).await;
        begun.elapsed()
    })
}

/// T4: twice as many tasks as workers, and none goes on before all have come.
pub(super) fn barrier<C: Contender>(quick: bool) -> Result<Values, String> {
    attempts::<C, _>(quick, || async {
        let barrier = Arc::new(Barrier::new(2 * WORKERS));
        let begun = Instant::now();
        all::<C>((0..2 * WORKERS).map(|_| {
            let barrier = barrier.clone();
            move || {
                barrier.wait();
            }
        }))
        .await;
        begun.elapsed()
    })
}

/// Spawns a task for each call that blocks, and awaits them all.
async fn all<C: Contender>(calls: impl Iterator<Item = impl FnOnce() + Send + 'static> + Send) {
    let tasks: Vec<_> = calls.map(|call| C::Peer::spawn(C::block(call))).collect();
    for task in tasks {
        task.await;
    }
}

/// A lock that may be let go by another thread than took it, as happens to one that is held across an await.
#[derive(Default)]
struct Lock {
    taken: Mutex<bool>,
    free: Condvar,
}

impl Lock {
    fn take(&self) {
        let taken = self.taken.lock().expect("nobody panics here");
        *self.free.wait_while(taken, |taken| *taken).expect("nobody panics here") = true;
    }

    fn let_go(&self) {
        *self.taken.lock().expect("nobody panics here") = false;
        self.free.notify_one();
    }
}

/// T4: its holder sleeps in an await, everybody else in the lock.
pub(super) fn held_lock<C: Contender>(quick: bool) -> Result<Values, String> {
    attempts::<C, _>(quick, || async {
        let lock = Arc::new(Lock::default());
        let begun = Instant::now();
        lock.take();
        let held = lock.clone();
        C::Peer::detach(async move {
            drop(C::Peer::sleep(Duration::from_millis(20)).await);
            held.let_go();
        });
        all::<C>((0..2 * WORKERS).map(|_| {
            let lock = lock.clone();
            move || {
                lock.take();
                lock.let_go();
            }
        }))
        .await;
        begun.elapsed()
    })
}
