//! hyper's byte streams: one wrapper, both directions.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use freewheel::io::{AsyncRead, AsyncWrite, ReadBuf};
use pin_project_lite::pin_project;

pin_project! {
    /// Lends a stream the I/O traits of the other side.
    ///
    /// * Around a freewheel stream ([`TcpStream`](freewheel::net::TcpStream), anything [`AsyncRead`] + [`AsyncWrite`])
    ///   it is a [`hyper::rt::Read`] + [`hyper::rt::Write`]: what `serve_connection` and `handshake` take.
    /// * Around a hyper stream (`hyper::upgrade::Upgraded`) it is an [`AsyncRead`] + [`AsyncWrite`] again: what
    ///   freewheel's [`copy`](freewheel::io::copy) and extension traits take.
    ///
    /// It owns no buffer and copies no byte: each call goes straight through, and so do vectored writes.
    ///
    /// # Examples
    ///
    /// ```
    /// use freewheel_compat::HyperIo;
    ///
    /// fn is_hyper_stream<T: hyper::rt::Read + hyper::rt::Write>(_: &T) {}
    ///
    /// #[freewheel::main]
    /// async fn main() -> std::io::Result<()> {
    ///     let listener = freewheel::net::TcpListener::bind("127.0.0.1:0").await?;
    ///     let stream = freewheel::net::TcpStream::connect(listener.local_addr()?).await?;
    ///     is_hyper_stream(&HyperIo::new(stream));
    ///     Ok(())
    /// }
    /// ```
    #[derive(Clone, Copy, Debug, Default)]
    pub struct HyperIo<T> {
        #[pin]
        stream: T,
    }
}

impl<T> HyperIo<T> {
    /// Wraps `stream`.
    pub fn new(stream: T) -> Self {
        Self { stream }
    }

    /// The wrapped stream.
    pub fn get_ref(&self) -> &T {
        &self.stream
    }

    /// The wrapped stream, to change it.
    pub fn get_mut(&mut self) -> &mut T {
        &mut self.stream
    }

    /// The wrapped stream, pinned.
    pub fn get_pin_mut(self: Pin<&mut Self>) -> Pin<&mut T> {
        self.project().stream
    }

    /// Takes the stream out. Nothing is lost: this wrapper buffers nothing.
    pub fn into_inner(self) -> T {
        self.stream
    }
}

impl<T: AsyncRead> hyper::rt::Read for HyperIo<T> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut cursor: hyper::rt::ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        // SAFETY: the slice goes into a `ReadBuf` only, which never makes an initialised byte uninitialised.
        let free = unsafe { cursor.as_mut() };
        let start = free.as_ptr().cast::<u8>();
        let mut buf = ReadBuf::uninit(free);
        ready!(self.project().stream.poll_read(cx, &mut buf))?;
        let filled = buf.filled();
        assert_eq!(filled.as_ptr(), start, "an AsyncRead exchanged the buffer that it was lent");
        let filled = filled.len();
        // SAFETY: the first `filled` bytes of this very slice are initialised: `ReadBuf::filled` has just shown them.
        unsafe { cursor.advance(filled) };
        Poll::Ready(Ok(()))
    }
}

impl<T: hyper::rt::Read> AsyncRead for HyperIo<T> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        // SAFETY: the slice goes into hyper's buffer only, which never makes an initialised byte uninitialised.
        let mut lent = hyper::rt::ReadBuf::uninit(unsafe { buf.unfilled_mut() });
        ready!(self.project().stream.poll_read(cx, lent.unfilled()))?;
        let filled = lent.filled().len();
        // SAFETY: hyper's buffer has just shown the first `filled` bytes of this very slice as initialised; a reader
        // gets a cursor into it and cannot exchange it.
        unsafe { buf.assume_init(filled) };
        buf.advance(filled);
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncWrite> hyper::rt::Write for HyperIo<T> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.project().stream.poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.project().stream.poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.project().stream.poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.project().stream.poll_write_vectored(cx, slices)
    }
}

impl<T: hyper::rt::Write> AsyncWrite for HyperIo<T> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.project().stream.poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.project().stream.poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.project().stream.poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.project().stream.poll_write_vectored(cx, slices)
    }
}
