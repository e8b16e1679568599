//! Unix sockets: streams between processes of one machine, by a path or an abstract name.

mod listener;
mod owned_halves;
mod split;
mod stream;

pub use listener::UnixListener;
pub use owned_halves::{OwnedReadHalf, OwnedWriteHalf, ReuniteError};
pub use split::{ReadHalf, WriteHalf};
pub use std::os::unix::net::SocketAddr;
pub use stream::UnixStream;
