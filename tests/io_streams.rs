//! The I/O traits over what is in memory: reading, writing, buffers, copies, halves, pipes.

mod support;

use bytes::{Bytes, BytesMut};
use freewheel::io::{
    self, AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncSeekExt, AsyncWrite, AsyncWriteExt, BufReader, BufStream,
    BufWriter, ReadBuf,
};
use std::io::{Cursor, ErrorKind, IoSlice, SeekFrom};
use std::pin::Pin;
use std::task::{Context, Poll};

/// Moves one byte at a time, is pending before each, and wakes itself: the worst of all streams.
struct Trickle {
    input: Vec<u8>,
    output: Vec<u8>,
    flushed: usize,
    rested: bool,
}

impl Trickle {
    fn new(input: &[u8]) -> Self {
        Self { input: input.to_vec(), output: Vec::new(), flushed: 0, rested: false }
    }

    fn poll_rested(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.rested = !self.rested;
        if self.rested {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(())
    }
}

impl AsyncRead for Trickle {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        std::task::ready!(self.poll_rested(cx));
        if !self.input.is_empty() && buf.remaining() > 0 {
            buf.put_slice(&[self.input.remove(0)]);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Trickle {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        std::task::ready!(self.poll_rested(cx));
        self.output.extend(bytes.first());
        Poll::Ready(Ok(bytes.len().min(1)))
    }

    fn poll_flush(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.flushed = self.output.len();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(cx)
    }
}

/// Fails after the bytes that it has.
struct Fails(&'static [u8]);

impl AsyncRead for Fails {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.0.is_empty() {
            return Poll::Ready(Err(ErrorKind::ConnectionReset.into()));
        }
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

#[freewheel::test]
async fn fault_51_everything_works_one_byte_at_a_time() {
    let mut stream = Trickle::new(b"\x01\x02head\nline two\r\nrest");
    assert_eq!(stream.read_u16().await.unwrap(), 0x0102);
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    assert_eq!(stream.read_line(&mut line).await.unwrap(), 5);
    let mut lines = stream.lines();
    assert_eq!(lines.next_line().await.unwrap().unwrap(), "line two");
    let mut stream = lines.into_inner();
    let mut four = [0; 4];
    stream.read_exact(&mut four).await.unwrap();
    assert_eq!((line.as_str(), &four), ("head\n", b"rest"));

    stream.write_all(b"abc").await.unwrap();
    stream.write_u32_le(1).await.unwrap();
    stream.write_all_buf(&mut bytes::Buf::chain(Bytes::from_static(b"def"), &b"ghi"[..])).await.unwrap();
    assert_eq!(stream.get_ref().output, b"abc\x01\0\0\0defghi");
}

#[freewheel::test]
async fn read_to_end_keeps_what_is_there_and_does_not_grow_for_nothing() {
    let mut exact = Vec::with_capacity(100);
    exact.extend_from_slice(b"> ");
    let source = [7; 98];
    assert_eq!((&source[..]).read_to_end(&mut exact).await.unwrap(), 98);
    assert_eq!((exact.len(), exact.capacity()), (100, 100));
    let mut large = Vec::new();
    io::repeat(1).take(1_000_000).read_to_end(&mut large).await.unwrap();
    assert_eq!(large.len(), 1_000_000);
}

#[freewheel::test]
async fn errors_keep_what_was_read_before() {
    let mut bytes = Vec::new();
    let error = Fails(b"before").read_to_end(&mut bytes).await.unwrap_err();
    assert_eq!((error.kind(), &bytes[..]), (ErrorKind::ConnectionReset, &b"before"[..]));
    let mut text = String::from("> ");
    assert!(Fails(b"before").read_to_string(&mut text).await.is_err());
    assert_eq!(text, "> before");
    let error = (&b"ab"[..]).read_exact(&mut [0; 3]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
    assert_eq!((&b"a"[..]).read_u64().await.unwrap_err().kind(), ErrorKind::UnexpectedEof);
}

#[freewheel::test]
async fn what_is_not_utf8_changes_no_text() {
    let mut text = String::from("before");
    let error = (&b"\xff\xfe"[..]).read_to_string(&mut text).await.unwrap_err();
    assert_eq!((error.kind(), text.as_str()), (ErrorKind::InvalidData, "before"));
    let error = (&b"\xff\n"[..]).read_line(&mut text).await.unwrap_err();
    assert_eq!((error.kind(), text.as_str()), (ErrorKind::InvalidData, "before"));
    let mut lines = (&b"good\n\xff\nagain"[..]).lines();
    assert_eq!(lines.next_line().await.unwrap().unwrap(), "good");
    assert!(lines.next_line().await.is_err());
    assert_eq!(lines.next_line().await.unwrap().unwrap(), "again");
}

#[freewheel::test]
async fn a_line_whose_future_is_dropped_is_not_lost() {
    let (mut writer, reader) = io::duplex(16);
    let mut lines = BufReader::new(reader).lines();
    writer.write_all(b"begin").await.unwrap();
    assert!(support::poll_once(std::pin::pin!(lines.next_line())).is_pending());
    writer.write_all(b"ning\nend").await.unwrap();
    assert_eq!(lines.next_line().await.unwrap().unwrap(), "beginning");
    drop(writer);
    assert_eq!(lines.next_line().await.unwrap().unwrap(), "end");
    assert_eq!(lines.next_line().await.unwrap(), None);
}

#[freewheel::test]
async fn numbers_in_both_orders() {
    let mut sink = Vec::new();
    sink.write_u8(1).await.unwrap();
    sink.write_i8(-1).await.unwrap();
    sink.write_i16(-2).await.unwrap();
    sink.write_u128_le(3).await.unwrap();
    sink.write_f64(0.5).await.unwrap();
    let mut source = &sink[..];
    assert_eq!(source.read_u8().await.unwrap(), 1);
    assert_eq!(source.read_i8().await.unwrap(), -1);
    assert_eq!(source.read_i16().await.unwrap(), -2);
    assert_eq!(source.read_u128_le().await.unwrap(), 3);
    assert_eq!(source.read_f64().await.unwrap(), 0.5);
    assert!(source.is_empty());
}

#[freewheel::test]
async fn take_and_chain_count_and_follow() {
    let mut source: &[u8] = b"abcdef";
    let mut taken = (&mut source).take(4).chain(&b"-"[..]).take(100);
    let mut text = String::new();
    taken.read_to_string(&mut text).await.unwrap();
    assert_eq!((text.as_str(), taken.limit()), ("abcd-", 95));
    assert_eq!(source, b"ef");
    let mut none = (&b"left"[..]).take(0);
    assert_eq!(none.read(&mut [0; 4]).await.unwrap(), 0);
    let mut lines = (&b"one\ntw"[..]).chain(&b"o\nthree"[..]).lines();
    let mut all = Vec::new();
    while let Some(line) = lines.next_line().await.unwrap() {
        all.push(line);
    }
    assert_eq!(all, ["one", "two", "three"]);
}

#[freewheel::test]
async fn buffers_of_bytes_are_filled_and_drained() {
    let mut buf = BytesMut::with_capacity(64);
    let mut source: &[u8] = b"0123456789";
    assert_eq!(source.read_buf(&mut bytes::BufMut::limit(&mut buf, 4)).await.unwrap(), 4);
    assert_eq!(source.read_buf(&mut buf).await.unwrap(), 6);
    assert_eq!(source.read_buf(&mut buf).await.unwrap(), 0);
    assert_eq!(&buf[..], b"0123456789");
    let mut full = [0u8; 0];
    assert_eq!((&b"x"[..]).read_buf(&mut &mut full[..]).await.unwrap(), 0);
    let mut sink = Vec::new();
    assert_eq!(sink.write_buf(&mut buf).await.unwrap(), 10);
    assert!(buf.is_empty());
}

#[freewheel::test]
async fn a_sink_that_is_full_says_so() {
    let mut room = [0; 2];
    let error = Cursor::new(&mut room[..]).write_all(b"abc").await.unwrap_err();
    assert_eq!((error.kind(), &room), (ErrorKind::WriteZero, b"ab"));
    let mut room = [0; 2];
    let error = io::copy(&mut &b"abc"[..], &mut Cursor::new(&mut room[..])).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WriteZero);
}

#[freewheel::test]
async fn a_buffered_writer_gathers_and_passes_large_pieces_by() {
    let mut writer = BufWriter::with_capacity(4, Vec::new());
    writer.write_all(b"ab").await.unwrap();
    writer.write_all(b"c").await.unwrap();
    assert_eq!((writer.buffer(), writer.get_ref().len()), (&b"abc"[..], 0));
    writer.write_all(b"de").await.unwrap();
    assert_eq!((writer.buffer(), &writer.get_ref()[..]), (&b"de"[..], &b"abc"[..]));
    writer.write_all(b"large enough").await.unwrap();
    assert_eq!(&writer.get_ref()[..], b"abcdelarge enough");
    let slices = [IoSlice::new(b"1"), IoSlice::new(b""), IoSlice::new(b"23")];
    assert_eq!(writer.write_vectored(&slices).await.unwrap(), 3);
    writer.shutdown().await.unwrap();
    assert_eq!(writer.into_inner(), b"abcdelarge enough123");

    let mut writer = BufWriter::with_capacity(3, Trickle::new(b""));
    writer.write_all(b"abcdefgh").await.unwrap();
    let amount = writer.write_vectored(&[IoSlice::new(b"ij"), IoSlice::new(b"klm")]).await.unwrap();
    assert_eq!(amount, 3);
    writer.flush().await.unwrap();
    assert_eq!((&writer.get_ref().output[..], writer.get_ref().flushed), (&b"abcdefghijk"[..], 11));
}

#[freewheel::test]
async fn positions_move_through_buffers() {
    let mut reader = BufReader::with_capacity(4, Cursor::new(b"0123456789"));
    assert_eq!(reader.read_u8().await.unwrap(), b'0');
    assert_eq!(reader.stream_position().await.unwrap(), 1);
    assert_eq!(reader.seek(SeekFrom::Current(4)).await.unwrap(), 5);
    assert_eq!(reader.read_u8().await.unwrap(), b'5');
    assert_eq!(reader.seek(SeekFrom::End(-1)).await.unwrap(), 9);
    assert_eq!(reader.read_u8().await.unwrap(), b'9');
    reader.rewind().await.unwrap();
    assert_eq!(reader.read_u8().await.unwrap(), b'0');
    assert!(reader.seek(SeekFrom::Current(-5)).await.is_err());

    let mut stream = BufStream::with_capacity(4, 4, Cursor::new(b"0123456789".to_vec()));
    assert_eq!(stream.read_u8().await.unwrap(), b'0');
    stream.seek(SeekFrom::Start(2)).await.unwrap();
    stream.write_all(b"xy").await.unwrap();
    stream.seek(SeekFrom::Start(8)).await.unwrap();
    stream.write_all(b"z").await.unwrap();
    stream.flush().await.unwrap();
    assert_eq!(stream.into_inner().into_inner(), b"01xy4567z9");
}

#[freewheel::test]
async fn copies_flush_while_the_reader_rests() {
    let (mut far, near) = io::duplex(64);
    let copy = freewheel::spawn(async move {
        let mut writer = BufWriter::new(Vec::new());
        let mut near = near;
        let total = io::copy(&mut near, &mut writer).await.unwrap();
        (total, writer.into_inner())
    });
    far.write_all(b"part").await.unwrap();
    freewheel::task::yield_now().await;
    drop(far);
    assert_eq!(copy.await.unwrap(), (4, b"part".to_vec()));

    let mut trickle = Trickle::new(b"drop by drop");
    let mut sink = Trickle::new(b"");
    assert_eq!(io::copy(&mut trickle, &mut sink).await.unwrap(), 12);
    assert_eq!((&sink.output[..], sink.flushed), (&b"drop by drop"[..], 12));
    let mut reader = BufReader::with_capacity(5, &b"through its buffer"[..]);
    let mut sink = Vec::new();
    assert_eq!(io::copy_buf(&mut reader, &mut sink).await.unwrap(), 18);
    assert_eq!(sink, b"through its buffer");
}

#[freewheel::test]
async fn both_directions_end_each_in_its_time() {
    let (mut client, mut left) = io::duplex(8);
    let (mut right, mut server) = io::duplex(8);
    let proxy = freewheel::spawn(async move { io::copy_bidirectional(&mut left, &mut right).await });
    client.write_all(b"request").await.unwrap();
    client.shutdown().await.unwrap();
    let mut text = String::new();
    server.read_to_string(&mut text).await.unwrap();
    assert_eq!(text, "request", "the end came through, and the way back is still open");
    server.write_all(b"a longer response").await.ok();
    let mut server_done = server;
    let back = freewheel::spawn(async move { server_done.shutdown().await });
    let mut text = String::new();
    client.read_to_string(&mut text).await.unwrap();
    back.await.unwrap().unwrap();
    assert_eq!(text, "a longer response");
    assert_eq!(proxy.await.unwrap().unwrap(), (7, 17));
}

#[freewheel::test]
async fn a_pipe_in_memory_is_bounded_and_ends() {
    let (mut here, mut there) = io::duplex(4);
    assert_eq!(here.write(b"abcdef").await.unwrap(), 4);
    assert!(support::poll_once(std::pin::pin!(here.write(b"e"))).is_pending());
    assert_eq!(there.read_u8().await.unwrap(), b'a');
    assert_eq!(here.write(b"ef").await.unwrap(), 1);
    drop(here);
    let mut rest = String::new();
    there.read_to_string(&mut rest).await.unwrap();
    assert_eq!(rest, "bcde");
    assert_eq!(there.write(b"x").await.unwrap_err().kind(), ErrorKind::BrokenPipe);

    let (here, mut there) = io::duplex(1);
    let waits = freewheel::spawn(async move { there.write_all(b"more than fits").await.unwrap_err().kind() });
    freewheel::task::yield_now().await;
    drop(here);
    assert_eq!(waits.await.unwrap(), ErrorKind::BrokenPipe);
}

#[freewheel::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pipe_between_two_threads_keeps_every_byte() {
    let (mut reader, mut writer) = io::simplex(7);
    let data: Vec<u8> = (0..100_000u32).map(|index| (index % 253) as u8).collect();
    let sent = data.clone();
    let writes = freewheel::spawn(async move {
        for chunk in sent.chunks(11) {
            writer.write_all(chunk).await.unwrap();
        }
        writer.shutdown().await.unwrap();
    });
    let reads = freewheel::spawn(async move {
        let mut got = Vec::new();
        reader.read_to_end(&mut got).await.unwrap();
        got
    });
    writes.await.unwrap();
    assert!(reads.await.unwrap() == data);
}

#[freewheel::test]
async fn halves_find_together_again() {
    let (near, _far) = io::duplex(8);
    let (other, _) = io::duplex(8);
    let (reader, writer) = io::split(near);
    let (other_reader, _other_writer) = io::split(other);
    assert!(reader.is_pair_of(&writer) && !other_reader.is_pair_of(&writer));
    let _stream = reader.unsplit(writer);
    let joined = io::join(&b"in"[..], Vec::<u8>::new());
    let (mut reader, mut writer) = io::split(joined);
    io::copy(&mut reader, &mut writer).await.unwrap();
    assert_eq!(reader.unsplit(writer).into_inner().1, b"in");
}

#[test]
fn halves_of_different_streams_are_refused() {
    let ((first, _far), (second, _far_too)) = (io::duplex(1), io::duplex(1));
    let ((reader, _), (_, writer)) = (io::split(first), io::split(second));
    let text = support::must_panic(|| reader.unsplit(writer));
    assert!(text.contains("another stream"), "{text}");
}

#[freewheel::test]
async fn fault_06_a_loop_over_what_is_always_ready_lets_others_run() {
    let flag = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let set = flag.clone();
    let endless = freewheel::spawn(async { io::copy(&mut io::repeat(0), &mut io::sink()).await });
    freewheel::spawn(async move { set.store(true, std::sync::atomic::Ordering::Relaxed) }).await.unwrap();
    assert!(flag.load(std::sync::atomic::Ordering::Relaxed));
    endless.abort();
    assert!(endless.await.unwrap_err().is_cancelled());
}

#[freewheel::test]
async fn boxed_pinned_and_borrowed_streams_are_streams() {
    let mut boxed: Box<dyn AsyncRead + Unpin + Send> = Box::new(&b"abc"[..]);
    assert_eq!(boxed.read_u8().await.unwrap(), b'a');
    let mut pinned: Pin<Box<dyn AsyncRead>> = Box::pin(&b"abc"[..]);
    assert_eq!(pinned.read_u8().await.unwrap(), b'a');
    let mut sink = Vec::new();
    let mut writer: Pin<Box<dyn AsyncWrite + '_>> = Box::pin(&mut sink);
    assert!(writer.is_write_vectored());
    writer.write_all(b"x").await.unwrap();
    drop(writer);
    assert_eq!(sink, b"x");
}

#[test]
fn futures_of_send_streams_are_send() {
    fn is_send<T: Send>(_: T) {}
    async fn generic<S: AsyncRead + AsyncWrite + Unpin + Send>(mut stream: S) {
        let mut buf = [0; 8];
        let _ = stream.read(&mut buf).await;
        let _ = stream.write_all(&buf).await;
        let _ = stream.read_u32().await;
        let mut vec = Vec::new();
        let _ = stream.read_to_end(&mut vec).await;
    }
    is_send(generic(io::duplex(1).0));
    async fn lines<R: freewheel::io::AsyncBufRead + Unpin + Send>(reader: R) {
        let _ = reader.lines().next_line().await;
    }
    is_send(lines(&b""[..]));
}
