//! The runtimes that are compared, each behind the same trait in the words of its own documentation.

use std::io;
use std::net::TcpListener;
use std::time::Duration;

pub(crate) mod floor;
pub(crate) mod freewheel;
mod hello;
pub(crate) mod smol;
pub(crate) mod tokio;

/// What a row may ask of a runtime. Functions without `self` are called on the runtime's own threads only.
pub(crate) trait Peer: Sized + Send + Sync + 'static {
    /// Resolves to the task's output; dropping it need not detach the task (smol's cancels).
    type Join<T: Send + 'static>: Future<Output = T> + Send + Unpin + 'static;
    /// A timer that starts when it is made.
    type Sleep: Future + Send + 'static;

    /// In the table and on the command line.
    const NAME: Name;
    /// Whether dropping the runtime ends its threads, so that it can be built again and again.
    const ENDS: bool;

    /// Builds a multi-thread runtime.
    fn start(workers: usize) -> Self;
    /// Runs `future` on the calling thread, which does not belong to the runtime.
    fn block_on<F: Future>(&self, future: F) -> F::Output;
    /// Spawns from a thread that does not belong to the runtime.
    fn spawn_outside<F>(&self, future: F) -> Self::Join<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static;

    /// Spawns from inside a task.
    fn spawn<F>(future: F) -> Self::Join<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static;
    /// Spawns from inside a task and gives up the handle.
    fn detach<F>(future: F)
    where
        F: Future<Output = ()> + Send + 'static;
    /// Lets other tasks run.
    fn yield_now() -> impl Future<Output = ()> + Send;
    /// Starts a timer.
    fn sleep(duration: Duration) -> Self::Sleep;
    /// Runs `job` where it may block.
    fn spawn_blocking<T: Send + 'static>(job: impl FnOnce() -> T + Send + 'static) -> Self::Join<T>;
    /// Accepts for ever and sends back what comes, one task per connection.
    fn serve_echo(listener: TcpListener) -> impl Future<Output = io::Result<()>> + Send;
    /// Accepts for ever and says hello through hyper, one task per connection.
    fn serve_http(listener: TcpListener) -> impl Future<Output = io::Result<()>> + Send;
}

/// Bytes an echo task reads at most at once.
pub(crate) const ECHO_BUFFER: usize = 4096;

/// The runtimes by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Name {
    Freewheel,
    Tokio,
    Smol,
    /// No runtime: what the least that could do it costs, written by hand.
    Floor,
}

impl Name {
    /// In the table's order: the subject first.
    pub(crate) const ALL: &'static [Self] = &[Self::Freewheel, Self::Tokio, Self::Smol, Self::Floor];

    /// As it is written in the table and on the command line.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Freewheel => "freewheel",
            Self::Tokio => "tokio",
            Self::Smol => "smol",
            Self::Floor => "floor",
        }
    }

    /// The reverse of `text`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        Self::ALL
            .iter()
            .copied()
            .find(|name| name.text() == text)
            .ok_or_else(|| format!("no runtime is named `{text}`"))
    }
}

/// Evaluates `$body` with `$peer` standing for the type that `$name` names.
macro_rules! with_peer {
    ($name:expr, $peer:ident => $body:expr) => {
        match $name {
            $crate::peers::Name::Freewheel => {
                type $peer = $crate::peers::freewheel::Freewheel;
                $body
            }
            $crate::peers::Name::Floor => unreachable!("the floor is asked for before"),
            $crate::peers::Name::Tokio => {
                type $peer = $crate::peers::tokio::Tokio;
                $body
            }
            $crate::peers::Name::Smol => {
                type $peer = $crate::peers::smol::Smol;
                $body
            }
        }
    };
}
pub(crate) use with_peer;
