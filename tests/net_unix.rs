//! Unix sockets as a program sees them.
#![cfg(unix)]

mod support;

use freewheel::io::{AsyncReadExt, AsyncWriteExt};
use freewheel::net::{UnixListener, UnixStream};
use std::io::ErrorKind;
use std::path::PathBuf;

/// A path for a socket, removed at the end.
struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Self {
        Self(std::env::temp_dir().join(format!("freewheel-{}-{name}", std::process::id())))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[freewheel::test]
async fn a_server_and_its_client() {
    let place = Place::new("echo");
    let listener = UnixListener::bind(&place.0).unwrap();
    assert_eq!(listener.local_addr().unwrap().as_pathname(), Some(&*place.0));
    let mut client = UnixStream::connect(&place.0).await.unwrap();
    let (mut server, _) = listener.accept().await.unwrap();
    client.write_all(b"ping").await.unwrap();
    client.shutdown().await.unwrap();
    let mut text = String::new();
    server.read_to_string(&mut text).await.unwrap();
    server.write_all(b"pong").await.unwrap();
    drop(server);
    client.read_to_string(&mut text).await.unwrap();
    assert_eq!(text, "pingpong");
}

#[freewheel::test]
async fn errors_name_the_path() {
    let place = Place::new("nobody");
    let error = UnixStream::connect(&place.0).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains("nobody"), "{error}");
    let _listener = UnixListener::bind(&place.0).unwrap();
    let error = UnixListener::bind(&place.0).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AddrInUse);
    assert!(error.to_string().contains("nobody"), "{error}");
    let long = "x".repeat(4096);
    assert_eq!(UnixStream::connect(&long).await.unwrap_err().kind(), ErrorKind::InvalidInput);
}

#[freewheel::test(flavor = "multi_thread", worker_threads = 2)]
async fn halves_in_two_tasks() {
    let (here, there) = UnixStream::pair().unwrap();
    let (mut reader, mut writer) = here.into_split();
    let (mut far_reader, mut far_writer) = there.into_split();
    let data = vec![3; 4 << 20];
    let writes = freewheel::spawn(async move { writer.write_all(&data).await.map(|()| writer) });
    let echo = freewheel::spawn(async move { freewheel::io::copy(&mut far_reader, &mut far_writer).await });
    let mut got = vec![0; 4 << 20];
    reader.read_exact(&mut got).await.unwrap();
    let writer = writes.await.unwrap().unwrap();
    assert!(reader.reunite(writer).is_ok());
    assert_eq!(echo.await.unwrap().unwrap(), 4 << 20);
}

#[freewheel::test]
async fn fault_56_a_peer_that_goes_wakes_a_writer_that_waits() {
    let (mut here, there) = UnixStream::pair().unwrap();
    let writes = freewheel::spawn(async move { here.write_all(&vec![0; 16 << 20]).await });
    freewheel::task::yield_now().await;
    drop(there);
    assert_eq!(writes.await.unwrap().unwrap_err().kind(), ErrorKind::BrokenPipe);
}
