//! freewheel: the same words as tokio's file, which is the point of its names.

use super::{ECHO_BUFFER, Name, Peer, hello};
use freewheel::io::{AsyncReadExt, AsyncWriteExt};
use freewheel_compat::HyperIo;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

/// A multi-thread runtime of ours.
pub(crate) struct Freewheel(pub(crate) freewheel::runtime::Runtime);

/// A join handle that takes a task's panic for the benchmark's own.
pub(crate) struct Join<T>(freewheel::task::JoinHandle<T>);

impl<T> Future for Join<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        Pin::new(&mut self.0).poll(cx).map(|outcome| outcome.expect("a measured task neither panics nor is aborted"))
    }
}

impl Peer for Freewheel {
    type Join<T: Send + 'static> = Join<T>;
    type Sleep = freewheel::time::Sleep;

    const NAME: Name = Name::Freewheel;
    const ENDS: bool = true;

    fn start(workers: usize) -> Self {
        let runtime = freewheel::runtime::Builder::new_multi_thread().worker_threads(workers).enable_all().build();
        Self(runtime.expect("freewheel builds"))
    }

    fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.0.block_on(future)
    }

    fn spawn_outside<F>(&self, future: F) -> Join<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        Join(self.0.spawn(future))
    }

    fn spawn<F>(future: F) -> Join<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        Join(freewheel::spawn(future))
    }

    fn detach<F>(future: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        drop(freewheel::spawn(future));
    }

    fn yield_now() -> impl Future<Output = ()> + Send {
        freewheel::task::yield_now()
    }

    fn sleep(duration: Duration) -> Self::Sleep {
        freewheel::time::sleep(duration)
    }

    fn spawn_blocking<T: Send + 'static>(job: impl FnOnce() -> T + Send + 'static) -> Join<T> {
        Join(freewheel::task::spawn_blocking(job))
    }

    async fn serve_echo(listener: std::net::TcpListener) -> io::Result<()> {
        listener.set_nonblocking(true)?;
        let listener = freewheel::net::TcpListener::from_std(listener)?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            drop(freewheel::spawn(echo(stream)));
        }
    }

    async fn serve_http(listener: std::net::TcpListener) -> io::Result<()> {
        listener.set_nonblocking(true)?;
        let listener = freewheel::net::TcpListener::from_std(listener)?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            drop(freewheel::spawn(hello::connection(HyperIo::new(stream))));
        }
    }
}

async fn echo(mut stream: freewheel::net::TcpStream) {
    let mut buffer = [0; ECHO_BUFFER];
    loop {
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(length) => {
                if stream.write_all(&buffer[..length]).await.is_err() {
                    return;
                }
            }
        }
    }
}
