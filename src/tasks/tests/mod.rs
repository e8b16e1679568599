//! The task cell by situation, on a scheduler that is a list: who drops what, how often, and what the handle says.

mod ends;
mod registry;
mod wakers;

use std::any::Any;
use std::collections::VecDeque;
use std::future::{Future, pending, poll_fn, ready};
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use super::*;
use crate::primitives::{Arc, Mutex};

/// A scheduler that only collects.
struct List {
    queue: Mutex<VecDeque<Notified>>,
    registry: Registry,
    unhandled: AtomicUsize,
}

#[derive(Clone)]
struct Async(Arc<List>);

#[derive(Clone)]
struct Blocking(Arc<List>);

impl Schedule for Async {
    fn schedule(&self, task: Notified) {
        self.0.queue.lock().push_back(task);
    }

    fn release(&self, task: &Header) -> Option<Task> {
        self.0.registry.release(Some(0), task)
    }

    fn unhandled_panic(&self, _: Id, _: &'static Location<'static>, payload: Box<dyn Any + Send>) {
        self.0.unhandled.fetch_add(1, Ordering::Relaxed);
        drop(payload);
    }
}

impl Schedule for Blocking {
    const BLOCKING: bool = true;

    fn schedule(&self, _: Notified) {
        unreachable!("a blocking job is never woken");
    }

    fn release(&self, task: &Header) -> Option<Task> {
        self.0.registry.release(Some(0), task)
    }
}

impl List {
    fn new() -> Arc<Self> {
        let (queue, registry) = (Mutex::new(VecDeque::new()), Registry::new(2));
        Arc::new(Self { queue, registry, unhandled: AtomicUsize::new(0) })
    }

    #[track_caller]
    fn spawn<F>(self: &Arc<Self>, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let (id, location) = (Id::next(), Location::caller());
        let (handle, notified) = self.registry.bind(Some(0), future, Async(self.clone()), id, location, None);
        self.queue.lock().extend(notified);
        handle
    }

    fn spawn_blocking<F>(self: &Arc<Self>, future: F) -> (JoinHandle<F::Output>, Notified)
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let scheduler = Blocking(self.clone());
        let (handle, notified) = self.registry.bind(None, future, scheduler, Id::next(), Location::caller(), None);
        (handle, notified.unwrap())
    }

    fn next(&self) -> Option<Notified> {
        self.queue.lock().pop_front()
    }

    /// Runs until nothing is left, and says how many polls that were.
    fn run(&self) -> usize {
        std::iter::from_fn(|| self.next().map(Notified::run)).count()
    }

    fn shutdown(&self) {
        self.registry.close();
        self.registry.shutdown(None);
        while self.next().is_some() {}
    }
}

/// Counts how many of it are alive.
#[derive(Clone)]
struct Alive(Arc<AtomicUsize>);

struct Token(Arc<AtomicUsize>);

impl Alive {
    fn new() -> Self {
        Self(Arc::new(AtomicUsize::new(0)))
    }

    fn token(&self) -> Token {
        self.0.fetch_add(1, Ordering::Relaxed);
        Token(self.0.clone())
    }

    fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        assert!(self.0.fetch_sub(1, Ordering::Relaxed) > 0, "dropped twice");
    }
}

struct PanicOnDrop(&'static str);

impl Drop for PanicOnDrop {
    fn drop(&mut self) {
        std::panic::panic_any(self.0);
    }
}

#[derive(Default)]
struct Count {
    wakes: AtomicUsize,
}

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.wakes.fetch_add(1, Ordering::Relaxed);
    }
}

fn poll<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}

fn outcome<T>(handle: &mut JoinHandle<T>) -> Result<T, JoinError> {
    match poll(handle) {
        Poll::Ready(result) => result,
        Poll::Pending => panic!("the task is not over"),
    }
}

fn message(error: JoinError) -> &'static str {
    *error.into_panic().downcast::<&'static str>().unwrap()
}

/// A future that is pending, and whose waker can be had.
fn stuck(token: Token) -> (impl Future<Output = ()> + Send, Arc<Mutex<Option<Waker>>>) {
    let waker = Arc::new(Mutex::new(None));
    let theirs = waker.clone();
    let future = async move {
        let _token = token;
        poll_fn(|cx| {
            let new = cx.waker().clone();
            *theirs.lock() = Some(new);
            Poll::<()>::Pending
        })
        .await;
    };
    (future, waker)
}
