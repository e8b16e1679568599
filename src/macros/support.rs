//! What the macros' expansions name. Not for anybody else: it may change with any version.

pub use freewheel_macros::{__join as join, __select as select, __try_join as try_join};
pub use std::future::poll_fn;

use crate::primitives::random::{self, Random};
use crate::tasks::coop;
use pin_project_lite::pin_project;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

std::thread_local! {
    static RANDOM: Random = Random::new(random::seed());
}

/// A number below `bound`, which is not zero: the branch that `select!` polls first.
pub fn random_below(bound: usize) -> usize {
    // While the thread ends, its generator may be gone; then any fixed choice will do.
    RANDOM.try_with(|random| random.below(bound as u32) as usize).unwrap_or(0)
}

/// All numbers below `count`, from `first` on and round again.
#[inline]
pub fn round(first: usize, count: usize) -> impl Iterator<Item = usize> {
    (first..count).chain(0..first)
}

/// `Pending` if the task has used up its budget; it has been told to come again then.
pub fn poll_budget(context: &mut Context<'_>) -> Poll<()> {
    // The unit is given back at once: the branches pay for what they do.
    coop::poll_proceed(context).map(drop)
}

pin_project! {
    /// A future, and then its output until that is taken.
    #[project = MaybeDoneProjection]
    #[project_replace = MaybeDoneTaken]
    #[derive(Debug)]
    pub enum MaybeDone<F: Future> {
        Future {
            #[pin]
            future: F,
        },
        Done {
            output: F::Output,
        },
        Taken,
    }
}

impl<F: Future> MaybeDone<F> {
    /// A future that has not begun.
    pub fn new(future: F) -> Self {
        Self::Future { future }
    }

    /// Polls unless it is at its end; ready when there is an output.
    pub fn poll_done(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if let MaybeDoneProjection::Future { future } = self.as_mut().project() {
            let output = ready!(future.poll(context));
            self.set(Self::Done { output });
        }
        Poll::Ready(())
    }

    /// The output.
    ///
    /// # Panics
    /// If there is none, or none any more.
    pub fn take_output(mut self: Pin<&mut Self>) -> F::Output {
        match self.as_mut().project_replace(Self::Taken) {
            MaybeDoneTaken::Done { output } => output,
            _ => panic!("a join! was polled after it was ready"),
        }
    }
}

/// The error, if the output is one.
pub fn take_error<F, T, E>(future: Pin<&mut MaybeDone<F>>) -> Option<E>
where
    F: Future<Output = Result<T, E>>,
{
    if let MaybeDone::Done { output: Err(_) } = &*future { future.take_output().err() } else { None }
}

/// The value of an output that is known to be no error.
pub fn take_ok<F, T, E>(future: Pin<&mut MaybeDone<F>>) -> T
where
    F: Future<Output = Result<T, E>>,
{
    match future.take_output() {
        Ok(value) => value,
        Err(_) => unreachable!("try_join! returns with the first error"),
    }
}
