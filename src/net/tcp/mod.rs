//! TCP: streams, their halves, listeners, and sockets to set up before.

mod listener;
mod owned_halves;
mod socket;
mod split;
mod stream;

pub use listener::TcpListener;
pub use owned_halves::{OwnedReadHalf, OwnedWriteHalf, ReuniteError};
pub use socket::TcpSocket;
pub use split::{ReadHalf, WriteHalf};
pub use stream::TcpStream;
