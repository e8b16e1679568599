//! A task's number, and which task this thread is running.

use std::cell::Cell;
use std::fmt;
use std::num::NonZeroU64;

use crate::primitives::{ids, thread_local};

/// A number that names a task, unique in the process for as long as the process lives.
///
/// Ids of tasks spawned by one thread rise; nothing else about their order is promised.
///
/// # Examples
///
/// ```
/// let runtime = freewheel::runtime::Runtime::new()?;
/// runtime.block_on(async {
///     let handle = freewheel::spawn(async { freewheel::task::id() });
///     let id = handle.id();
///     assert_eq!(handle.await.unwrap(), id);
/// });
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Id(NonZeroU64);

impl Id {
    /// A number no other task has.
    pub(crate) fn next() -> Self {
        Self(ids::next())
    }

    /// The id with this number; None for zero, which no task has.
    pub(crate) fn from_number(number: u64) -> Option<Self> {
        NonZeroU64::new(number).map(Self)
    }

    /// The number itself.
    pub(crate) fn number(self) -> u64 {
        self.0.get()
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Id({})", self.0)
    }
}

thread_local! {
    static CURRENT: Cell<Option<Id>> = const { Cell::new(None) };
}

/// The [`Id`] of the task that this code runs in.
///
/// Also known while the task's future or output is dropped by the runtime. Inside of `block_on`'s future there is no task.
///
/// # Panics
/// Outside of a task: use [`try_id`] where that may be.
///
/// # Examples
///
/// ```
/// let runtime = freewheel::runtime::Runtime::new()?;
/// let id = runtime.block_on(async { freewheel::spawn(async { freewheel::task::id() }).await.unwrap() });
/// println!("it was task {id}");
/// # Ok::<(), std::io::Error>(())
/// ```
#[track_caller]
pub fn id() -> Id {
    try_id().expect("freewheel::task::id() was called outside of a task: spawn one, or use try_id()")
}

/// The [`Id`] of the task that this code runs in, or `None` outside of any.
///
/// # Examples
///
/// ```
/// assert_eq!(freewheel::task::try_id(), None);
/// ```
pub fn try_id() -> Option<Id> {
    CURRENT.try_with(Cell::get).ok().flatten()
}

/// While this lives, the thread runs the task it was made for; then again the one before.
#[must_use]
pub(crate) struct Current {
    before: Option<Id>,
}

impl Current {
    pub(crate) fn enter(id: Id) -> Self {
        Self { before: CURRENT.try_with(|current| current.replace(Some(id))).ok().flatten() }
    }
}

impl Drop for Current {
    fn drop(&mut self) {
        let _ = CURRENT.try_with(|current| current.set(self.before));
    }
}
