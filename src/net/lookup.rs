//! `lookup_host`: names to addresses, by the system's resolver on a thread for blocking calls.

use super::addresses::{self, ToSocketAddrs};
use std::io;
use std::net::{SocketAddr, ToSocketAddrs as _};

/// Looks up the addresses of a name.
///
/// The order is the resolver's. Addresses that need no looking up are given as they are.
///
/// # Errors
/// The name is unknown, the resolver does not answer, or the text is no `host:port`; the message names it.
///
/// # Cancel safety
/// Cancel safe; the resolver's call itself goes on to its end, unheard.
///
/// # Examples
/// ```
/// use freewheel::net;
///
/// # #[freewheel::main]
/// # async fn main() -> std::io::Result<()> {
/// for address in net::lookup_host("localhost:3000").await? {
///     assert!(address.ip().is_loopback());
/// }
/// # Ok(())
/// # }
/// ```
pub async fn lookup_host<T: ToSocketAddrs>(host: T) -> io::Result<impl Iterator<Item = SocketAddr>> {
    Ok(addresses::resolve(host).await?.into_iter())
}

/// Asks the system's resolver.
pub(super) async fn host(host: String, port: u16) -> io::Result<Vec<SocketAddr>> {
    let name = host.clone();
    let job = crate::spawn::spawn_blocking(move || (name.as_str(), port).to_socket_addrs().map(Vec::from_iter));
    let answer = job.await.map_err(|error| io::Error::other(format!("`{host}` was not looked up: {error}")))?;
    answer.map_err(|error| io::Error::new(error.kind(), format!("cannot find the address of `{host}`: {error}")))
}
