//! What the models of tasks stand on: a scheduler with room for one task, which orders nothing by itself, and futures and
//! wakers whose every drop is counted.

use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, Wake, Waker};

use crate::primitives::atomic::{AtomicPtr, AtomicUsize, Ordering};
use crate::primitives::parker::{Parker, Unparker};
use crate::primitives::{Arc, UnsafeCell};
use crate::tasks::{self, Header, Id, JoinHandle, Notified, Registry, Schedule, Task};

/// One place for a `Notified`, since there is never more than one. Taken and filled with Relaxed: a real queue publishes
/// what it passes on, and would hide what the state word must publish by itself.
pub(super) struct Place {
    notified: AtomicPtr<Header>,
    pub(super) registry: Registry,
    /// The thread that has the registry's only seat: the one that made the place.
    owner: loom::thread::ThreadId,
}

/// The scheduler's handle in each task.
#[derive(Clone)]
pub(super) struct Scheduler<const BLOCKING: bool>(pub(super) Arc<Place>);

impl<const BLOCKING: bool> Schedule for Scheduler<BLOCKING> {
    const BLOCKING: bool = BLOCKING;

    fn schedule(&self, task: Notified) {
        self.0.put(task);
    }

    fn release(&self, task: &Header) -> Option<Task> {
        self.0.registry.release(self.0.seat(), task)
    }
}

impl Place {
    pub(super) fn new() -> Arc<Self> {
        let owner = loom::thread::current().id();
        Arc::new(Self { notified: AtomicPtr::new(std::ptr::null_mut()), registry: Registry::new(1), owner })
    }

    /// The seat of this thread.
    pub(super) fn seat(&self) -> Option<usize> {
        (loom::thread::current().id() == self.owner).then_some(0)
    }

    /// Binds a task to the registry, in this thread's shard.
    pub(super) fn bind<F>(this: &Arc<Self>, future: F) -> (JoinHandle<F::Output>, Option<Notified>)
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let scheduler = Scheduler::<false>(this.clone());
        this.registry.bind(this.seat(), future, scheduler, Id::next(), Location::caller(), None)
    }

    pub(super) fn put(&self, task: Notified) {
        // Relaxed on purpose, see the type.
        let before = self.notified.swap(task.into_raw().as_ptr(), Ordering::Relaxed);
        assert!(before.is_null(), "two Notified of one task");
    }

    pub(super) fn take(&self) -> Option<Notified> {
        // Relaxed on purpose, see the type.
        let task = self.notified.swap(std::ptr::null_mut(), Ordering::Relaxed);
        // SAFETY: each pointer put in came from `into_raw`, and the swap takes it out once.
        std::ptr::NonNull::new(task).map(|task| unsafe { Notified::from_raw(task) })
    }

    /// Polls what is there, once; puts it back if it was woken meanwhile. False if nothing was there.
    pub(super) fn step(&self) -> bool {
        let Some(task) = self.take() else { return false };
        if let Some(again) = task.poll_once() {
            self.put(again);
        }
        true
    }

    pub(super) fn run(&self) {
        while self.step() {}
    }
}

/// A task in no registry, waiting in the place; and the reference that a registry would have.
pub(super) fn spawn<F, const BLOCKING: bool>(place: &Arc<Place>, future: F) -> (Task, JoinHandle<F::Output>)
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let (task, notified, handle) =
        tasks::new(future, Scheduler::<BLOCKING>(place.clone()), Id::next(), Location::caller());
    place.put(notified);
    (task, handle)
}

/// Counts how many tokens are alive, and leaks for loom to see if one is lost.
#[derive(Clone)]
pub(super) struct Alive(Arc<AtomicUsize>);

pub(super) struct Token(Arc<AtomicUsize>);

impl Alive {
    pub(super) fn new() -> Self {
        Self(Arc::new(AtomicUsize::new(0)))
    }

    pub(super) fn token(&self) -> Token {
        // Relaxed here and below: a counter that the models read once all is joined.
        self.0.fetch_add(1, Ordering::Relaxed);
        Token(self.0.clone())
    }

    pub(super) fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        assert!(self.0.fetch_sub(1, Ordering::Relaxed) > 0, "dropped twice");
    }
}

/// Pending until `flag` is raised, which it reads with Relaxed: only a waker's own edge can show it. Gives its token.
pub(super) struct UntilRaised {
    pub(super) flag: Arc<AtomicUsize>,
    pub(super) token: Option<Token>,
}

impl Future for UntilRaised {
    type Output = Token;

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Token> {
        match self.flag.load(Ordering::Relaxed) {
            0 => Poll::Pending,
            _ => Poll::Ready(self.token.take().expect("polled after it was ready")),
        }
    }
}

/// Pending for the first `times` polls, each time waking itself, and then writing once more.
pub(super) struct Yields {
    times: usize,
    token: Option<Token>,
    /// Written after the wake-up of each poll: only the end of the poll publishes it.
    last_word: UnsafeCell<usize>,
}

// SAFETY: the cell is reached through `&mut self` only; it is there for loom to see when.
unsafe impl Send for Yields {}

impl Yields {
    pub(super) fn new(times: usize, token: Token) -> Self {
        Self { times, token: Some(token), last_word: UnsafeCell::new(0) }
    }
}

impl Future for Yields {
    type Output = Token;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Token> {
        if self.times > 0 {
            self.times -= 1;
            cx.waker().wake_by_ref();
            // SAFETY: we have `&mut self`.
            self.last_word.with_mut(|word| unsafe { *word += 1 });
            return Poll::Pending;
        }
        Poll::Ready(self.token.take().expect("polled after it was ready"))
    }
}

/// A future that hands out its waker at its first poll, and then goes on as `F`.
pub(super) struct Hands<F> {
    pub(super) to: Option<std::sync::Arc<std::sync::Mutex<Option<Waker>>>>,
    pub(super) then: F,
}

/// Polls the task that waits in `place` once, in the model's first thread, and returns its waker.
pub(super) fn first_poll(place: &Place, slot: &std::sync::Mutex<Option<Waker>>) -> Waker {
    assert!(place.step());
    slot.lock().unwrap().take().expect("the future hands out its waker")
}

impl<F: Future + Unpin> Future for Hands<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        if let Some(to) = self.to.take() {
            *to.lock().unwrap() = Some(cx.waker().clone());
            return Poll::Pending;
        }
        Pin::new(&mut self.then).poll(cx)
    }
}

/// A waker that unparks a thread, and holds a token.
struct Unparks {
    unparker: Unparker,
    _token: Token,
}

impl Wake for Unparks {
    fn wake(self: std::sync::Arc<Self>) {
        self.unparker.unpark();
    }
}

pub(super) fn waker(parker: &Parker, alive: &Alive) -> Waker {
    Waker::from(std::sync::Arc::new(Unparks { unparker: parker.unparker(), _token: alive.token() }))
}

/// Drives `future` on this thread of the model.
pub(super) fn block_on<F: Future + Unpin>(future: &mut F, alive: &Alive) -> F::Output {
    let parker = Parker::new();
    let waker = waker(&parker, alive);
    loop {
        if let Poll::Ready(output) = Pin::new(&mut *future).poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        parker.park();
    }
}

/// One poll with a waker that does nothing.
pub(super) fn poll<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}
