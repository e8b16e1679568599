//! The contenders: a runtime, and how its user makes a call that blocks.

use std::future::Future;
use std::io;
use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use freewheel::runtime::StallClass;

use crate::peers::Peer;
use crate::peers::freewheel::Freewheel;
use crate::peers::smol::Smol;
use crate::peers::tokio::Tokio;

/// How a scenario wants its runtime.
#[derive(Clone, Copy, Debug)]
pub(super) struct Setup {
    pub(super) workers: usize,
    /// How many tasks block at once, where that is more than a runtime has threads for by default.
    pub(super) blockers: Option<usize>,
    /// How long an idle thread stays, where the scenario cannot wait for the default.
    pub(super) keep_alive: Option<Duration>,
}

/// What a runtime reported by itself.
#[derive(Debug, Default)]
pub(super) struct Reports {
    /// A task that is stuck.
    pub(super) polls: AtomicUsize,
    /// No thread is left.
    pub(super) shortages: AtomicUsize,
}

/// How many threads a runtime may have beyond its workers and the blockers it is told of.
pub(super) const SPARE: usize = 16;

/// How long a task blocks that was woken by I/O (T2).
const AFTER_IO: Duration = Duration::from_millis(200);

/// A runtime and a way to use it.
pub(super) trait Contender: Send + Sync + 'static {
    type Peer: Peer;

    /// What the names of the threads that watch or poll begin with, where there is such a thread.
    const REACTOR: Option<&'static str> = None;

    fn start(setup: Setup) -> Self::Peer;

    /// Makes a call that blocks, in a task.
    fn block<T: Send + 'static>(call: impl FnOnce() -> T + Send + 'static) -> impl Future<Output = T> + Send;

    /// Accepts for ever; what arrives on a connection wakes its task, which then blocks.
    fn serve_blocking(listener: TcpListener) -> impl Future<Output = io::Result<()>> + Send;

    /// Blocks on a future within a task, until another task has run.
    fn nested() -> impl Future<Output = Result<(), &'static str>> + Send;

    /// Shuts the runtime down, waiting no longer than this for what is stuck. False if there is no such call.
    fn shut_down(peer: Self::Peer, timeout: Duration) -> bool;

    /// What it has reported so far in this process, if it is one that reports.
    fn reports() -> Option<&'static Reports> {
        None
    }

    /// How often a permit was taken from a blocked or computing thread so far, where the runtime does that.
    fn hand_offs(_: &Self::Peer) -> Option<u64> {
        None
    }
}

/// The same words for freewheel and for tokio, which is the point of freewheel's names.
macro_rules! serve_blocking {
    ($runtime:ident) => {
        async fn serve_blocking(listener: TcpListener) -> io::Result<()> {
            use $runtime::io::AsyncReadExt;
            listener.set_nonblocking(true)?;
            let listener = $runtime::net::TcpListener::from_std(listener)?;
            loop {
                let (mut stream, _) = listener.accept().await?;
                drop($runtime::spawn(async move {
                    let mut byte = [0];
                    while let Ok(1) = stream.read(&mut byte).await {
                        Self::block(|| thread::sleep(AFTER_IO)).await;
                    }
                }));
            }
        }
    };
}

/// Of freewheel.
static REPORTS: Reports = Reports { polls: AtomicUsize::new(0), shortages: AtomicUsize::new(0) };

/// freewheel, its tasks blocking without a word; `HAND_OFF` as in `Builder::hand_off`.
pub(super) struct Ours<const HAND_OFF: bool>;

impl<const HAND_OFF: bool> Contender for Ours<HAND_OFF> {
    type Peer = Freewheel;

    const REACTOR: Option<&'static str> = Some("freewheel-react");

    fn start(setup: Setup) -> Freewheel {
        let mut builder = freewheel::runtime::Builder::new_multi_thread();
        builder.worker_threads(setup.workers).hand_off(HAND_OFF).enable_all();
        if let Some(blockers) = setup.blockers {
            builder.max_threads(setup.workers + blockers + SPARE);
        }
        if let Some(keep_alive) = setup.keep_alive {
            builder.thread_keep_alive(keep_alive);
        }
        // Relaxed: figures.
        builder.on_stall(|report| {
            match report.class {
                StallClass::NoThread => REPORTS.shortages.fetch_add(1, Ordering::Relaxed),
                // That the process stood still is true, and tells on nobody.
                StallClass::ProcessStopped => 0,
                _ => REPORTS.polls.fetch_add(1, Ordering::Relaxed),
            };
        });
        Freewheel(builder.build().expect("freewheel builds"))
    }

    async fn block<T: Send + 'static>(call: impl FnOnce() -> T + Send + 'static) -> T {
        call()
    }

    serve_blocking!(freewheel);

    async fn nested() -> Result<(), &'static str> {
        freewheel::runtime::Handle::current()
            .block_on(async { freewheel::spawn(async {}).await.expect("it is empty") });
        Ok(())
    }

    fn shut_down(peer: Freewheel, timeout: Duration) -> bool {
        peer.0.shutdown_timeout(timeout);
        true
    }

    fn reports() -> Option<&'static Reports> {
        HAND_OFF.then_some(&REPORTS)
    }

    fn hand_offs(peer: &Freewheel) -> Option<u64> {
        let metrics = peer.0.handle().metrics();
        Some(metrics.hand_offs_blocked() + metrics.hand_offs_computing())
    }
}

fn start_tokio(setup: Setup) -> Tokio {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(setup.workers).enable_all();
    if let Some(blockers) = setup.blockers {
        builder.max_blocking_threads(setup.workers + blockers + SPARE);
    }
    if let Some(keep_alive) = setup.keep_alive {
        builder.thread_keep_alive(keep_alive);
    }
    Tokio(builder.build().expect("tokio builds"))
}

/// tokio, its tasks blocking without a word.
pub(super) struct TokioPlain;

impl Contender for TokioPlain {
    type Peer = Tokio;

    fn start(setup: Setup) -> Tokio {
        start_tokio(setup)
    }

    async fn block<T: Send + 'static>(call: impl FnOnce() -> T + Send + 'static) -> T {
        call()
    }

    serve_blocking!(tokio);

    async fn nested() -> Result<(), &'static str> {
        let blocks = || tokio::runtime::Handle::current().block_on(async { drop(tokio::spawn(async {}).await) });
        std::panic::catch_unwind(blocks).map_err(|_| "panics")
    }

    fn shut_down(peer: Tokio, timeout: Duration) -> bool {
        peer.0.shutdown_timeout(timeout);
        true
    }
}

/// tokio with each call that blocks or computes for long in `spawn_blocking`, as its documentation asks.
pub(super) struct TokioAsDocumented;

impl Contender for TokioAsDocumented {
    type Peer = Tokio;

    fn start(setup: Setup) -> Tokio {
        start_tokio(setup)
    }

    async fn block<T: Send + 'static>(call: impl FnOnce() -> T + Send + 'static) -> T {
        tokio::task::spawn_blocking(call).await.expect("the call does not panic")
    }

    serve_blocking!(tokio);

    async fn nested() -> Result<(), &'static str> {
        let blocks = || tokio::runtime::Handle::current().block_on(async { drop(tokio::spawn(async {}).await) });
        tokio::task::block_in_place(blocks);
        Ok(())
    }

    fn shut_down(peer: Tokio, timeout: Duration) -> bool {
        peer.0.shutdown_timeout(timeout);
        true
    }
}

/// smol, its tasks blocking without a word.
pub(super) struct SmolPlain;

impl Contender for SmolPlain {
    type Peer = Smol;

    fn start(setup: Setup) -> Smol {
        Smol::start(setup.workers)
    }

    async fn block<T: Send + 'static>(call: impl FnOnce() -> T + Send + 'static) -> T {
        call()
    }

    async fn serve_blocking(listener: TcpListener) -> io::Result<()> {
        use smol::io::AsyncReadExt;
        let listener = smol::net::TcpListener::from(smol::Async::new(listener)?);
        loop {
            let (mut stream, _) = listener.accept().await?;
            let connection = smol::spawn(async move {
                let mut byte = [0];
                while let Ok(1) = stream.read(&mut byte).await {
                    Self::block(|| thread::sleep(AFTER_IO)).await;
                }
            });
            connection.detach();
        }
    }

    async fn nested() -> Result<(), &'static str> {
        smol::block_on(smol::spawn(async {}));
        Ok(())
    }

    fn shut_down(_: Smol, _: Duration) -> bool {
        false
    }
}

/// The contenders by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Name {
    Freewheel,
    NoHandOff,
    Tokio,
    TokioAsDocumented,
    Smol,
}

impl Name {
    /// In the table's order: the subject first.
    pub(super) const ALL: &'static [Self] =
        &[Self::Freewheel, Self::NoHandOff, Self::Tokio, Self::TokioAsDocumented, Self::Smol];

    /// On the command line and in the JSON.
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Freewheel => "freewheel",
            Self::NoHandOff => "hand_off(false)",
            Self::Tokio => "tokio",
            Self::TokioAsDocumented => "tokio-as-documented",
            Self::Smol => "smol",
        }
    }

    /// At the head of a column.
    pub(super) fn heading(self) -> &'static str {
        match self {
            Self::NoHandOff => "hand-off off",
            Self::TokioAsDocumented => "tokio, documented",
            other => other.text(),
        }
    }

    /// The reverse of `text`.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let found = Self::ALL.iter().copied().find(|name| name.text() == text);
        found.ok_or_else(|| format!("no contender is named `{text}`"))
    }
}

/// Evaluates `$body` with `$contender` standing for the type that `$name` names.
macro_rules! with_contender {
    ($name:expr, $contender:ident => $body:expr) => {
        match $name {
            $crate::never_stall::contenders::Name::Freewheel => {
                type $contender = $crate::never_stall::contenders::Ours<true>;
                $body
            }
            $crate::never_stall::contenders::Name::NoHandOff => {
                type $contender = $crate::never_stall::contenders::Ours<false>;
                $body
            }
            $crate::never_stall::contenders::Name::Tokio => {
                type $contender = $crate::never_stall::contenders::TokioPlain;
                $body
            }
            $crate::never_stall::contenders::Name::TokioAsDocumented => {
                type $contender = $crate::never_stall::contenders::TokioAsDocumented;
                $body
            }
            $crate::never_stall::contenders::Name::Smol => {
                type $contender = $crate::never_stall::contenders::SmolPlain;
                $body
            }
        }
    };
}
pub(super) use with_contender;
