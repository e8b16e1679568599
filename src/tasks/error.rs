//! Why a task has no output: it was cancelled, or it panicked.

use std::any::Any;
use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::id::Id;

/// A task did not run to its end.
///
/// # Examples
///
/// ```
/// let runtime = freewheel::runtime::Runtime::new()?;
/// runtime.block_on(async {
///     let handle = freewheel::spawn(std::future::pending::<()>());
///     handle.abort();
///     let error = handle.await.unwrap_err();
///     assert!(error.is_cancelled() && !error.is_panic());
/// });
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct JoinError {
    id: Id,
    reason: Reason,
}

enum Reason {
    Cancelled,
    Panicked(Payload),
}

/// What a panic carried. Private, so that it is only ever reached by value, or as a type that is `Sync`.
pub(crate) struct Payload(Box<dyn Any + Send>);

// SAFETY: through a shared reference only `message` looks inside, and only at `&'static str` and `String`, both `Sync`.
unsafe impl Sync for Payload {}

impl JoinError {
    pub(crate) fn cancelled(id: Id) -> Self {
        Self { id, reason: Reason::Cancelled }
    }

    pub(crate) fn panicked(id: Id, payload: Payload) -> Self {
        Self { id, reason: Reason::Panicked(payload) }
    }

    /// Whether the task was cancelled: by [`abort`](super::JoinHandle::abort), or because its runtime shut down.
    pub fn is_cancelled(&self) -> bool {
        matches!(self.reason, Reason::Cancelled)
    }

    /// Whether the task panicked.
    pub fn is_panic(&self) -> bool {
        matches!(self.reason, Reason::Panicked(_))
    }

    /// What the task's panic carried, to be shown or resumed.
    ///
    /// # Panics
    /// If the task did not panic; see [`is_panic`](Self::is_panic) and [`try_into_panic`](Self::try_into_panic).
    ///
    /// # Examples
    ///
    /// ```should_panic
    /// let runtime = freewheel::runtime::Runtime::new().unwrap();
    /// runtime.block_on(async {
    ///     let error = freewheel::spawn(async { panic!("boom") }).await.unwrap_err();
    ///     if error.is_panic() {
    ///         std::panic::resume_unwind(error.into_panic());
    ///     }
    /// });
    /// ```
    #[track_caller]
    pub fn into_panic(self) -> Box<dyn Any + Send + 'static> {
        self.try_into_panic().expect("JoinError::into_panic: the task did not panic, it was cancelled")
    }

    /// What the task's panic carried, or the error itself if the task did not panic.
    ///
    /// # Errors
    /// The error itself, when the task was cancelled.
    pub fn try_into_panic(self) -> Result<Box<dyn Any + Send + 'static>, Self> {
        match self.reason {
            Reason::Panicked(payload) => Ok(payload.0),
            Reason::Cancelled => Err(self),
        }
    }

    /// The [`Id`] of the task.
    pub fn id(&self) -> Id {
        self.id
    }
}

impl Payload {
    pub(crate) fn new(payload: Box<dyn Any + Send>) -> Self {
        Self(payload)
    }

    /// The panic's message, when it is a string as nearly all are.
    fn message(&self) -> Option<&str> {
        let text = self.0.downcast_ref::<&'static str>().copied();
        text.or_else(|| self.0.downcast_ref::<String>().map(String::as_str))
    }

    /// What the panic carried.
    pub(crate) fn into_any(self) -> Box<dyn Any + Send> {
        self.0
    }
}

/// Calls `f`, which runs a user's destructor or callback whose panic nobody is left to receive. The panic hook has reported
/// it by then. A payload whose own drop panics is leaked: a second unwinding here would end the process.
pub(crate) fn contain(f: impl FnOnce()) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(f)) {
        if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
            std::mem::forget(second);
        }
    }
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.reason {
            Reason::Cancelled => write!(f, "task {} was cancelled", self.id),
            Reason::Panicked(payload) => match payload.message() {
                Some(message) => write!(f, "task {} panicked with message {message:?}", self.id),
                None => write!(f, "task {} panicked", self.id),
            },
        }
    }
}

impl fmt::Debug for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.reason {
            Reason::Cancelled => write!(f, "JoinError::Cancelled({:?})", self.id),
            Reason::Panicked(payload) => match payload.message() {
                Some(message) => write!(f, "JoinError::Panic({:?}, {message:?}, ...)", self.id),
                None => write!(f, "JoinError::Panic({:?}, ...)", self.id),
            },
        }
    }
}

impl std::error::Error for JoinError {}

impl From<JoinError> for io::Error {
    fn from(error: JoinError) -> Self {
        let text = if error.is_cancelled() { "task was cancelled" } else { "task panicked" };
        Self::other(text)
    }
}
