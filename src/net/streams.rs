//! What all stream sockets, and their halves, have in common: readiness, `try_` methods, the I/O traits.
//!
//! Macros, because each type has these methods of its own, with their documentation. In a stream the field `io` is a
//! `PollEvented`; in a half the field `0` leads to the stream.

/// The methods and traits of a stream over `$source`.
macro_rules! stream {
    ($type:ident, $source:ty) => {
        impl $type {
            /// Waits until the stream is ready for any of `interest`, and says for what.
            ///
            /// For use with the `try_` methods. It may be ready without need: those then say `WouldBlock`, and waiting
            /// again waits for new readiness.
            ///
            /// # Errors
            /// The runtime was shut down.
            ///
            /// # Cancel safety
            /// Cancel safe: readiness that was not used stays.
            pub async fn ready(&self, interest: Interest) -> io::Result<Ready> {
                self.io.ready(interest).await
            }

            /// Waits until there is something to read, or the end. See [`ready`](Self::ready).
            ///
            /// # Errors
            /// The runtime was shut down.
            ///
            /// # Cancel safety
            /// Cancel safe.
            pub async fn readable(&self) -> io::Result<()> {
                self.ready(Interest::READABLE).await.map(drop)
            }

            /// Waits until there is room to write, or an error to be told. See [`ready`](Self::ready).
            ///
            /// # Errors
            /// The runtime was shut down.
            ///
            /// # Cancel safety
            /// Cancel safe.
            pub async fn writable(&self) -> io::Result<()> {
                self.ready(Interest::WRITABLE).await.map(drop)
            }

            /// As [`readable`](Self::readable), for those who poll. Only the last caller's task is woken.
            ///
            /// # Errors
            /// The runtime was shut down.
            pub fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                self.io.poll_read_ready(cx)
            }

            /// As [`writable`](Self::writable), for those who poll. Only the last caller's task is woken.
            ///
            /// # Errors
            /// The runtime was shut down.
            pub fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                self.io.poll_write_ready(cx)
            }

            /// Reads what there is, without waiting. `Ok(0)` is the end, or `buf` is empty.
            ///
            /// # Errors
            /// `WouldBlock` if there is nothing now, and those of `recv(2)`.
            pub fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
                self.try_io(Interest::READABLE, || (&*self.io).read(buf))
            }

            /// Reads what there is into several buffers, in order, without waiting.
            ///
            /// # Errors
            /// `WouldBlock` if there is nothing now, and those of `readv(2)`.
            pub fn try_read_vectored(&self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
                self.try_io(Interest::READABLE, || (&*self.io).read_vectored(bufs))
            }

            /// Reads what there is to the end of `buf`, without waiting.
            ///
            /// # Errors
            /// `WouldBlock` if there is nothing now, and those of `recv(2)`.
            pub fn try_read_buf<B: BufMut>(&self, buf: &mut B) -> io::Result<usize> {
                self.try_io(Interest::READABLE, || {
                    crate::io::read_into(buf, |buf| buf.receive(&SockRef::from(&*self.io)))
                })
            }

            /// Writes what there is room for, without waiting.
            ///
            /// # Errors
            /// `WouldBlock` if there is no room now, and those of `send(2)`.
            pub fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
                self.try_io(Interest::WRITABLE, || (&*self.io).write(bytes))
            }

            /// Writes what there is room for, from several slices, in order, without waiting.
            ///
            /// # Errors
            /// `WouldBlock` if there is no room now, and those of `writev(2)`.
            pub fn try_write_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
                self.try_io(Interest::WRITABLE, || (&*self.io).write_vectored(slices))
            }

            /// Tries an operation of one's own on the socket, once, if it is ready for `interest`.
            ///
            /// When the operation says `WouldBlock`, the readiness is forgotten; so it must say that only if the socket
            /// has said so. It is called again after `Interrupted`.
            ///
            /// # Errors
            /// `WouldBlock` if the socket is not ready, or the operation's.
            pub fn try_io<R>(&self, interest: Interest, operation: impl FnMut() -> io::Result<R>) -> io::Result<R> {
                self.io.registration().try_io(interest.to_reactor(), operation)
            }

            /// Tries an operation of one's own on the socket, and waits for `interest` as long as it says `WouldBlock`.
            ///
            /// # Errors
            /// The operation's, and that the runtime was shut down.
            ///
            /// # Cancel safety
            /// Cancel safe: the operation is not under way while it is waited for.
            pub async fn async_io<R>(
                &self,
                interest: Interest,
                operation: impl FnMut() -> io::Result<R>,
            ) -> io::Result<R> {
                self.io.registration().async_io(interest.to_reactor(), operation).await
            }

            /// An error that the socket has kept for us; it is forgotten by that.
            ///
            /// # Errors
            /// Those of `getsockopt(2)`.
            pub fn take_error(&self) -> io::Result<Option<io::Error>> {
                self.io.take_error()
            }

            pub(super) fn poll_receive(&self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
                self.io.poll_fill(cx, buf, |socket: &$source, buf| buf.receive(&SockRef::from(socket)))
            }

            pub(super) fn poll_send(&self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
                self.io.poll_write(cx, bytes)
            }

            pub(super) fn poll_send_vectored(
                &self,
                cx: &mut Context<'_>,
                slices: &[IoSlice<'_>],
            ) -> Poll<io::Result<usize>> {
                self.io.poll_write_vectored(cx, slices)
            }

            /// Ends one direction or both. Ended already is no error.
            pub(super) fn shut_down(&self, what: Shutdown) -> io::Result<()> {
                match self.io.shutdown(what) {
                    // The peer has reset the connection: there is nothing left to end.
                    Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(()),
                    result => result,
                }
            }
        }

        impl AsyncRead for $type {
            fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
                self.poll_receive(cx, buf)
            }
        }

        impl AsyncWrite for $type {
            fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
                self.poll_send(cx, bytes)
            }

            /// There is nothing to flush: what was written is with the system.
            fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
                Poll::Ready(Ok(()))
            }

            /// Ends the writing side: the peer reads the end. Reading goes on.
            fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
                Poll::Ready(self.shut_down(Shutdown::Write))
            }

            fn poll_write_vectored(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                slices: &[IoSlice<'_>],
            ) -> Poll<io::Result<usize>> {
                self.poll_send_vectored(cx, slices)
            }

            fn is_write_vectored(&self) -> bool {
                true
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.io.fmt(f)
            }
        }

        crate::net::sockets::descriptors!($type);
    };
}

/// The methods and traits of the reading half of a stream.
macro_rules! read_half {
    ($half:ty, $address:ty) => {
        impl $half {
            /// Waits until the stream is ready for any of `interest`, and says for what.
            ///
            /// # Errors
            /// The runtime was shut down.
            ///
            /// # Cancel safety
            /// Cancel safe.
            pub async fn ready(&self, interest: Interest) -> io::Result<Ready> {
                self.0.ready(interest).await
            }

            /// Waits until there is something to read, or the end.
            ///
            /// # Errors
            /// The runtime was shut down.
            ///
            /// # Cancel safety
            /// Cancel safe.
            pub async fn readable(&self) -> io::Result<()> {
                self.0.readable().await
            }

            /// Reads what there is, without waiting.
            ///
            /// # Errors
            /// `WouldBlock` if there is nothing now, and those of `recv(2)`.
            pub fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
                self.0.try_read(buf)
            }

            /// Reads what there is into several buffers, in order, without waiting.
            ///
            /// # Errors
            /// `WouldBlock` if there is nothing now, and those of `readv(2)`.
            pub fn try_read_vectored(&self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
                self.0.try_read_vectored(bufs)
            }

            /// Reads what there is to the end of `buf`, without waiting.
            ///
            /// # Errors
            /// `WouldBlock` if there is nothing now, and those of `recv(2)`.
            pub fn try_read_buf<B: BufMut>(&self, buf: &mut B) -> io::Result<usize> {
                self.0.try_read_buf(buf)
            }

            /// The address of the other end.
            ///
            /// # Errors
            /// Those of `getpeername(2)`.
            pub fn peer_addr(&self) -> io::Result<$address> {
                self.0.peer_addr()
            }

            /// The address of this end.
            ///
            /// # Errors
            /// Those of `getsockname(2)`.
            pub fn local_addr(&self) -> io::Result<$address> {
                self.0.local_addr()
            }
        }

        impl AsyncRead for $half {
            fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
                self.0.poll_receive(cx, buf)
            }
        }
    };
}

/// The methods and traits of the writing half of a stream. `$after` is done after an orderly shutdown.
macro_rules! write_half {
    ($half:ty, $address:ty, |$this:ident| $after:block) => {
        impl $half {
            /// Waits until the stream is ready for any of `interest`, and says for what.
            ///
            /// # Errors
            /// The runtime was shut down.
            ///
            /// # Cancel safety
            /// Cancel safe.
            pub async fn ready(&self, interest: Interest) -> io::Result<Ready> {
                self.0.ready(interest).await
            }

            /// Waits until there is room to write, or an error to be told.
            ///
            /// # Errors
            /// The runtime was shut down.
            ///
            /// # Cancel safety
            /// Cancel safe.
            pub async fn writable(&self) -> io::Result<()> {
                self.0.writable().await
            }

            /// Writes what there is room for, without waiting.
            ///
            /// # Errors
            /// `WouldBlock` if there is no room now, and those of `send(2)`.
            pub fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
                self.0.try_write(bytes)
            }

            /// Writes what there is room for, from several slices, in order, without waiting.
            ///
            /// # Errors
            /// `WouldBlock` if there is no room now, and those of `writev(2)`.
            pub fn try_write_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
                self.0.try_write_vectored(slices)
            }

            /// The address of the other end.
            ///
            /// # Errors
            /// Those of `getpeername(2)`.
            pub fn peer_addr(&self) -> io::Result<$address> {
                self.0.peer_addr()
            }

            /// The address of this end.
            ///
            /// # Errors
            /// Those of `getsockname(2)`.
            pub fn local_addr(&self) -> io::Result<$address> {
                self.0.local_addr()
            }
        }

        impl AsyncWrite for $half {
            fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
                self.0.poll_send(cx, bytes)
            }

            /// There is nothing to flush: what was written is with the system.
            fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
                Poll::Ready(Ok(()))
            }

            /// Ends the writing side: the peer reads the end. The other half reads on.
            fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
                let result = self.0.shut_down(Shutdown::Write);
                if result.is_ok() {
                    let $this = self.get_mut();
                    $after
                }
                Poll::Ready(result)
            }

            fn poll_write_vectored(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                slices: &[IoSlice<'_>],
            ) -> Poll<io::Result<usize>> {
                self.0.poll_send_vectored(cx, slices)
            }

            fn is_write_vectored(&self) -> bool {
                true
            }
        }
    };
}

/// The halves that own their stream, and what puts them together again.
macro_rules! owned_halves {
    ($stream:ident, $address:ty) => {
        /// The reader of `into_split`: it owns the stream, together with the other half.
        #[derive(Debug)]
        pub struct OwnedReadHalf(Arc<$stream>);

        /// The writer of `into_split`: it owns the stream, together with the other half.
        ///
        /// Dropping it ends the writing side, so that the peer reads the end; [`forget`](Self::forget) does not.
        #[derive(Debug)]
        pub struct OwnedWriteHalf(Arc<$stream>, WriteEnd);

        /// Whether dropping the writer still has to end the writing side.
        #[derive(Debug, PartialEq, Eq)]
        enum WriteEnd {
            Due,
            Done,
        }

        pub(super) fn into_split(stream: $stream) -> (OwnedReadHalf, OwnedWriteHalf) {
            let stream = Arc::new(stream);
            (OwnedReadHalf(Arc::clone(&stream)), OwnedWriteHalf(stream, WriteEnd::Due))
        }

        impl OwnedReadHalf {
            /// Puts the stream together again.
            ///
            /// # Errors
            /// The halves are of different streams; both are given back.
            pub fn reunite(self, other: OwnedWriteHalf) -> Result<$stream, ReuniteError> {
                if !Arc::ptr_eq(&self.0, &other.0) {
                    return Err(ReuniteError(self, other));
                }
                other.forget();
                Ok(Arc::into_inner(self.0).expect("there are only two halves, and one was dropped"))
            }
        }

        impl OwnedWriteHalf {
            /// Puts the stream together again.
            ///
            /// # Errors
            /// The halves are of different streams; both are given back.
            pub fn reunite(self, other: OwnedReadHalf) -> Result<$stream, ReuniteError> {
                other.reunite(self)
            }

            /// Drops this half without ending the writing side: that ends with the other half.
            pub fn forget(mut self) {
                self.1 = WriteEnd::Done;
            }
        }

        impl Drop for OwnedWriteHalf {
            fn drop(&mut self) {
                if self.1 == WriteEnd::Due {
                    // There is nobody to tell if it fails; the peer then learns of the end when the stream is closed.
                    let _ = self.0.shut_down(Shutdown::Write);
                }
            }
        }

        impl AsRef<$stream> for OwnedReadHalf {
            fn as_ref(&self) -> &$stream {
                &self.0
            }
        }

        impl AsRef<$stream> for OwnedWriteHalf {
            fn as_ref(&self) -> &$stream {
                &self.0
            }
        }

        /// Halves of different streams cannot be put together: here they are again.
        #[derive(Debug)]
        pub struct ReuniteError(pub OwnedReadHalf, pub OwnedWriteHalf);

        impl fmt::Display for ReuniteError {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("tried to reunite halves that are not from the same socket")
            }
        }

        impl Error for ReuniteError {}

        crate::net::streams::read_half!(OwnedReadHalf, $address);
        crate::net::streams::write_half!(OwnedWriteHalf, $address, |this| {
            this.1 = WriteEnd::Done;
        });
    };
}

pub(super) use {owned_halves, read_half, stream, write_half};
