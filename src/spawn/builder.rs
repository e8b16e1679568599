//! `task::Builder`: a task with a name.

use std::future::Future;
use std::io;
use std::panic::Location;
use std::sync::Arc;

use crate::runtime::Handle;
use crate::tasks::JoinHandle;

/// Spawns tasks that bear a name, for reports and dumps. Stable here; behind a flag in tokio.
///
/// # Examples
/// ```
/// # freewheel::runtime::Runtime::new().unwrap().block_on(async {
/// let task = freewheel::task::Builder::new().name("reader").spawn(async { 3 })?;
/// assert_eq!(task.await.unwrap(), 3);
/// # Ok::<(), std::io::Error>(()) }).unwrap();
/// ```
#[derive(Debug, Default, Clone)]
#[must_use = "a builder spawns nothing until `spawn` is called"]
pub struct Builder<'a> {
    name: Option<&'a str>,
}

impl<'a> Builder<'a> {
    /// No name yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The task's name. It need not be unique.
    pub fn name(self, name: &'a str) -> Self {
        Self { name: Some(name) }
    }

    /// Spawns `future` on the current runtime. See [`spawn`](crate::spawn).
    ///
    /// # Errors
    /// None today; the signature is tokio's.
    ///
    /// # Panics
    /// Outside a runtime.
    #[track_caller]
    pub fn spawn<F>(self, future: F) -> io::Result<JoinHandle<F::Output>>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        Ok(Handle::current().spawn_at(future, Location::caller(), self.shared_name()))
    }

    /// Spawns `future` on the runtime of `handle`.
    ///
    /// # Errors
    /// None today; the signature is tokio's.
    #[track_caller]
    pub fn spawn_on<F>(self, future: F, handle: &Handle) -> io::Result<JoinHandle<F::Output>>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        Ok(handle.spawn_at(future, Location::caller(), self.shared_name()))
    }

    /// Runs `f` on the blocking pool of the current runtime. See [`spawn_blocking`](super::spawn_blocking). The name is
    /// taken for tokio's sake; a blocking call is known by its id and location.
    ///
    /// # Errors
    /// None today; the signature is tokio's.
    ///
    /// # Panics
    /// Outside a runtime.
    #[track_caller]
    pub fn spawn_blocking<F, R>(self, f: F) -> io::Result<JoinHandle<R>>
    where
        F: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        Ok(Handle::current().spawn_blocking_at(f, Location::caller()))
    }

    fn shared_name(&self) -> Option<Arc<str>> {
        self.name.map(Arc::from)
    }
}
