//! TCP, UDP and Unix sockets, and names looked up without blocking.
//!
//! Names and behaviour are tokio's. Making a socket needs a runtime: in a task, in `block_on`, or within
//! [`Handle::enter`](crate::runtime::Handle::enter); elsewhere it panics.
//!
//! # Examples
//! ```
//! use freewheel::io::{AsyncReadExt, AsyncWriteExt};
//! use freewheel::net::{TcpListener, TcpStream};
//!
//! # #[freewheel::main]
//! # async fn main() -> std::io::Result<()> {
//! let listener = TcpListener::bind("127.0.0.1:0").await?;
//! let address = listener.local_addr()?;
//! freewheel::spawn(async move {
//!     let (mut stream, _) = listener.accept().await?;
//!     stream.write_all(b"welcome").await
//! });
//! let mut text = String::new();
//! TcpStream::connect(address).await?.read_to_string(&mut text).await?;
//! assert_eq!(text, "welcome");
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

mod addresses;
mod lookup;
mod sockets;
mod streams;
pub mod tcp;
mod udp;
#[cfg(unix)]
pub mod unix;

pub use addresses::ToSocketAddrs;
pub use lookup::lookup_host;
pub use tcp::{TcpListener, TcpSocket, TcpStream};
pub use udp::UdpSocket;
#[cfg(unix)]
pub use unix::{UnixListener, UnixStream};
