//! `ToSocketAddrs`: what can stand for addresses, and trying each of them in turn.

use super::lookup;
use std::error::Error;
use std::fmt;
use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

/// What stands for one or more socket addresses: an address, an IP and a port, several addresses, or a name with a port
/// such as `"localhost:8080"`, which is looked up on a thread for blocking calls.
///
/// It cannot be implemented outside of this crate.
///
/// # Examples
/// ```
/// use freewheel::net::ToSocketAddrs;
///
/// fn takes(_: impl ToSocketAddrs) {}
///
/// takes("localhost:8080");
/// takes(("localhost", 8080));
/// takes((std::net::Ipv6Addr::LOCALHOST, 8080));
/// takes(std::net::SocketAddr::from(([127, 0, 0, 1], 8080)));
/// ```
pub trait ToSocketAddrs: sealed::Target {}

pub(super) mod sealed {
    use std::io;
    use std::net::SocketAddr;

    /// What has to be done for the addresses.
    #[derive(Debug)]
    pub enum Addresses {
        Known(Vec<SocketAddr>),
        Name(String, u16),
    }

    pub trait Target {
        /// # Errors
        /// A text that is neither an address nor a name with a port.
        #[doc(hidden)]
        fn addresses(&self) -> io::Result<Addresses>;
    }
}

use sealed::{Addresses, Target};

/// The addresses, looked up if need be; never none.
pub(super) async fn resolve(target: impl ToSocketAddrs) -> io::Result<Vec<SocketAddr>> {
    let addresses = match target.addresses()? {
        Addresses::Known(addresses) => addresses,
        Addresses::Name(host, port) => lookup::host(host, port).await?,
    };
    if addresses.is_empty() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "there is no address to use"));
    }
    Ok(addresses)
}

/// Tries one address after the other until one works.
///
/// # Errors
/// Of the last kind, naming each address with what was wrong with it.
pub(super) async fn first<T, F>(
    action: &'static str,
    target: impl ToSocketAddrs,
    attempt: impl Fn(SocketAddr) -> F,
) -> io::Result<T>
where
    F: Future<Output = io::Result<T>>,
{
    let mut failures = Vec::new();
    for address in resolve(target).await? {
        match attempt(address).await {
            Ok(value) => return Ok(value),
            Err(error) => failures.push((address, error)),
        }
    }
    let kind = failures.last().map_or(io::ErrorKind::InvalidInput, |(_, error)| error.kind());
    Err(io::Error::new(kind, Failures { action, failures }))
}

/// What was wrong with each address.
#[derive(Debug)]
struct Failures {
    action: &'static str,
    failures: Vec<(SocketAddr, io::Error)>,
}

impl fmt::Display for Failures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot {} ", self.action)?;
        for (index, (address, error)) in self.failures.iter().enumerate() {
            let between = if index > 0 { ", nor " } else { "" };
            write!(f, "{between}{address}: {error}")?;
        }
        Ok(())
    }
}

impl Error for Failures {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.failures.last().map(|(_, error)| error as _)
    }
}

macro_rules! known {
    ($($type:ty, |$this:ident| $address:expr;)*) => {$(
        impl ToSocketAddrs for $type {}

        impl Target for $type {
            fn addresses(&self) -> io::Result<Addresses> {
                let $this = self;
                Ok(Addresses::Known(vec![$address]))
            }
        }
    )*};
}

known! {
    SocketAddr, |this| *this;
    SocketAddrV4, |this| SocketAddr::V4(*this);
    SocketAddrV6, |this| SocketAddr::V6(*this);
    (IpAddr, u16), |this| SocketAddr::new(this.0, this.1);
    (Ipv4Addr, u16), |this| SocketAddr::new(IpAddr::V4(this.0), this.1);
    (Ipv6Addr, u16), |this| SocketAddr::new(IpAddr::V6(this.0), this.1);
}

impl ToSocketAddrs for [SocketAddr] {}

impl Target for [SocketAddr] {
    fn addresses(&self) -> io::Result<Addresses> {
        Ok(Addresses::Known(self.to_vec()))
    }
}

impl ToSocketAddrs for Vec<SocketAddr> {}

impl Target for Vec<SocketAddr> {
    fn addresses(&self) -> io::Result<Addresses> {
        self.as_slice().addresses()
    }
}

impl ToSocketAddrs for (&str, u16) {}

impl Target for (&str, u16) {
    fn addresses(&self) -> io::Result<Addresses> {
        let (host, port) = *self;
        Ok(match host.parse::<IpAddr>() {
            Ok(ip) => Addresses::Known(vec![SocketAddr::new(ip, port)]),
            Err(_) => Addresses::Name(host.to_owned(), port),
        })
    }
}

impl ToSocketAddrs for (String, u16) {}

impl Target for (String, u16) {
    fn addresses(&self) -> io::Result<Addresses> {
        (self.0.as_str(), self.1).addresses()
    }
}

impl ToSocketAddrs for str {}

impl Target for str {
    fn addresses(&self) -> io::Result<Addresses> {
        if let Ok(address) = self.parse() {
            return Ok(Addresses::Known(vec![address]));
        }
        let invalid = |what: &str| {
            let text = format!("{what} in the socket address `{self}`; write it as `host:port`");
            io::Error::new(io::ErrorKind::InvalidInput, text)
        };
        let (host, port) = self.rsplit_once(':').ok_or_else(|| invalid("no port"))?;
        let port = port.parse().map_err(|_| invalid("invalid port"))?;
        Ok(Addresses::Name(host.to_owned(), port))
    }
}

impl ToSocketAddrs for String {}

impl Target for String {
    fn addresses(&self) -> io::Result<Addresses> {
        self.as_str().addresses()
    }
}

impl<T: ToSocketAddrs + ?Sized> ToSocketAddrs for &T {}

impl<T: ToSocketAddrs + ?Sized> Target for &T {
    fn addresses(&self) -> io::Result<Addresses> {
        (**self).addresses()
    }
}
