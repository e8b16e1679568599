//! hyper's executor: its background tasks become freewheel tasks.

use hyper::rt::Executor;

/// Spawns hyper's background tasks with [`freewheel::spawn`].
///
/// HTTP/1 needs none; HTTP/2 spawns one per stream on the server and one per connection on the client.
///
/// # Panics
///
/// [`execute`](Executor::execute) panics outside of a freewheel runtime, as [`freewheel::spawn`] does. Within a
/// connection that freewheel polls this cannot happen.
///
/// # Examples
///
/// ```
/// use freewheel_compat::Exec;
/// use hyper::server::conn::http2;
///
/// let builder = http2::Builder::new(Exec::new());
/// # drop(builder);
/// ```
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Exec {}

impl Exec {
    /// An executor for whichever runtime is current when hyper spawns.
    pub fn new() -> Self {
        Self {}
    }
}

impl<F> Executor<F> for Exec
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    #[track_caller]
    fn execute(&self, future: F) {
        // Dropping the join handle detaches the task: hyper keeps its own account of what it spawned.
        drop(freewheel::spawn(future));
    }
}
