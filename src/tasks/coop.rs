//! The cooperative budget: a task that always finds something to do still gives way after 128 steps.
//!
//! Each poll of a task begins with a budget. Every resource of this crate takes one unit before it may be ready, and gives
//! it back if it was pending. With nothing left, it wakes its task and is pending: the task goes to the back of the queue.
//! The rule, the number and the names are tokio's; its blog post "Reducing tail latencies with automatic cooperative task
//! yielding" (2020) has the reasons.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::primitives::thread_local;

/// How many steps a task may make in one poll.
const INITIAL: u8 = 128;

/// The units left; None where nothing is counted, outside of tasks.
type Budget = Option<u8>;

thread_local! {
    static BUDGET: Cell<Budget> = const { Cell::new(None) };
}

/// Puts the budget before back in place.
#[must_use]
pub(crate) struct Restore(Budget);

impl Drop for Restore {
    fn drop(&mut self) {
        set(self.0);
    }
}

fn get() -> Budget {
    BUDGET.try_with(Cell::get).ok().flatten()
}

fn set(budget: Budget) {
    let _ = BUDGET.try_with(|cell| cell.set(budget));
}

/// A full budget until the result is dropped.
pub(crate) fn begin() -> Restore {
    let before = get();
    set(Some(INITIAL));
    Restore(before)
}

/// Runs `f` with a full budget: one turn of what is polled outside of a task, such as `block_on`'s future.
pub(crate) fn budget<R>(f: impl FnOnce() -> R) -> R {
    let _restore = begin();
    f()
}

/// Runs `f` with nothing counted.
pub(crate) fn unbudgeted<R>(f: impl FnOnce() -> R) -> R {
    let _restore = Restore(get());
    set(None);
    f()
}

/// Gives a unit back when dropped, unless [`made_progress`](Self::made_progress) was called.
///
/// Returned by [`poll_proceed`].
#[derive(Debug)]
#[must_use = "call made_progress() once the operation is ready"]
pub struct RestoreOnPending(Cell<Budget>);

impl RestoreOnPending {
    /// The operation was ready: the unit is spent.
    pub fn made_progress(&self) {
        self.0.set(None);
    }
}

impl Drop for RestoreOnPending {
    fn drop(&mut self) {
        // None also where nothing is counted: then there is nothing to give back.
        if let Some(budget) = self.0.get() {
            set(Some(budget));
        }
    }
}

/// Takes one unit of the current task's budget. With none left, wakes the task and is pending: return `Poll::Pending`.
///
/// For leaf futures, which create or wait for events themselves. Call [`RestoreOnPending::made_progress`] on the result
/// once the operation turned out to be ready.
///
/// # Examples
///
/// ```
/// use freewheel::task::coop;
/// use std::task::{Context, Poll, ready};
///
/// fn poll_next(cx: &mut Context<'_>, queue: &mut Vec<u32>) -> Poll<u32> {
///     let step = ready!(coop::poll_proceed(cx));
///     match queue.pop() {
///         Some(item) => {
///             step.made_progress();
///             Poll::Ready(item)
///         }
///         None => Poll::Pending, // after having stored cx.waker()
///     }
/// }
/// ```
#[inline]
pub fn poll_proceed(cx: &mut Context<'_>) -> Poll<RestoreOnPending> {
    let before = get();
    match before {
        None => Poll::Ready(RestoreOnPending(Cell::new(None))),
        Some(0) => {
            cx.waker().wake_by_ref();
            Poll::Pending
        }
        Some(left) => {
            set(Some(left - 1));
            Poll::Ready(RestoreOnPending(Cell::new(before)))
        }
    }
}

/// Takes one unit of the task's budget, and gives way to others if none is left.
///
/// For loops that do much without ever awaiting one of this crate's resources. Outside of a task it does nothing.
///
/// # Cancel safety
/// Cancel safe: it does nothing but wait.
///
/// # Examples
///
/// ```
/// async fn sum(numbers: &[u64]) -> u64 {
///     let mut sum = 0;
///     for number in numbers {
///         sum += number;
///         freewheel::task::coop::consume_budget().await;
///     }
///     sum
/// }
/// # let runtime = freewheel::runtime::Runtime::new()?;
/// # assert_eq!(runtime.block_on(sum(&[1; 1000])), 1000);
/// # Ok::<(), std::io::Error>(())
/// ```
pub async fn consume_budget() {
    poll_fn(|cx| poll_proceed(cx).map(|step| step.made_progress())).await;
}

/// Whether the task may still make a step in this poll. True outside of tasks.
pub fn has_budget_remaining() -> bool {
    get() != Some(0)
}

pin_project! {
    /// A future whose resources do not count steps. Returned by [`unconstrained`].
    #[derive(Debug)]
    #[must_use = "futures do nothing unless awaited"]
    pub struct Unconstrained<F> {
        #[pin]
        future: F,
    }
}

impl<F: Future> Future for Unconstrained<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        unbudgeted(|| self.project().future.poll(cx))
    }
}

/// Takes a future out of the budget: it is never made to give way, and may so keep its worker busy for as long as it finds
/// something to do.
///
/// # Cancel safety
/// As cancel safe as `future` is.
///
/// # Examples
///
/// ```
/// # let runtime = freewheel::runtime::Runtime::new()?;
/// # runtime.block_on(async {
/// let sum = freewheel::task::unconstrained(async { 1 + 1 }).await;
/// assert_eq!(sum, 2);
/// # });
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn unconstrained<F>(future: F) -> Unconstrained<F> {
    Unconstrained { future }
}

pin_project! {
    /// A future that spends one unit each time it makes progress. Returned by [`cooperative`].
    #[derive(Debug)]
    #[must_use = "futures do nothing unless awaited"]
    pub struct Coop<F> {
        #[pin]
        future: F,
    }
}

impl<F: Future> Future for Coop<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let step = std::task::ready!(poll_proceed(cx));
        let polled = self.project().future.poll(cx);
        if polled.is_ready() {
            step.made_progress();
        }
        polled
    }
}

/// Makes a future of any origin take part in the budget: when it becomes ready it has spent a unit, and with none left it
/// is not polled but gives way.
///
/// # Cancel safety
/// As cancel safe as `future` is.
///
/// # Examples
///
/// ```
/// # let runtime = freewheel::runtime::Runtime::new()?;
/// # runtime.block_on(async {
/// let sum = freewheel::task::coop::cooperative(async { 1 + 1 }).await;
/// assert_eq!(sum, 2);
/// # });
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn cooperative<F: Future>(future: F) -> Coop<F> {
    Coop { future }
}
