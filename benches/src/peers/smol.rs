//! smol, with its global executor (sized by `SMOL_THREADS`, which the parent process sets).

use super::{ECHO_BUFFER, Name, Peer, hello};
use smol::io::{AsyncReadExt, AsyncWriteExt};
use smol_hyper::rt::FuturesIo;
use std::io;
use std::time::Duration;

/// The name of the variable that sizes smol's global executor.
pub(crate) const THREADS: &str = "SMOL_THREADS";

/// smol's global executor: there is only one, and it never ends.
pub(crate) struct Smol;

impl Peer for Smol {
    type Join<T: Send + 'static> = smol::Task<T>;
    type Sleep = smol::Timer;

    const NAME: Name = Name::Smol;
    const ENDS: bool = false;

    fn start(workers: usize) -> Self {
        let threads = std::env::var(THREADS).ok().and_then(|text| text.parse().ok());
        assert_eq!(threads, Some(workers), "smol's workers are set by {THREADS}, before the process starts");
        Self
    }

    fn block_on<F: Future>(&self, future: F) -> F::Output {
        smol::block_on(future)
    }

    fn spawn_outside<F>(&self, future: F) -> smol::Task<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        smol::spawn(future)
    }

    fn spawn<F>(future: F) -> smol::Task<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        smol::spawn(future)
    }

    fn detach<F>(future: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        smol::spawn(future).detach();
    }

    fn yield_now() -> impl Future<Output = ()> + Send {
        smol::future::yield_now()
    }

    fn sleep(duration: Duration) -> smol::Timer {
        smol::Timer::after(duration)
    }

    fn spawn_blocking<T: Send + 'static>(job: impl FnOnce() -> T + Send + 'static) -> smol::Task<T> {
        smol::unblock(job)
    }

    async fn serve_echo(listener: std::net::TcpListener) -> io::Result<()> {
        let listener = smol::net::TcpListener::from(smol::Async::new(listener)?);
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            smol::spawn(echo(stream)).detach();
        }
    }

    async fn serve_http(listener: std::net::TcpListener) -> io::Result<()> {
        let listener = smol::net::TcpListener::from(smol::Async::new(listener)?);
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            smol::spawn(hello::connection(FuturesIo::new(stream))).detach();
        }
    }
}

async fn echo(mut stream: smol::net::TcpStream) {
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
