//! What a descriptor of this process is, in words: a path, a pipe, a socket with both its addresses.
//!
//! Only asked of the system by number, and nothing is done to what it stands for: the descriptor may be closed, or another
//! by now, and then the words are about that.

use std::io;
use std::mem;

use libc::{c_int, socklen_t};
use socket2::SockAddr;

use crate::runtime::own_memory;

/// `tcp 127.0.0.1:4000 → 127.0.0.1:9000`, `unix /run/socket`, `a pipe`, `/tmp/file`.
pub(super) fn describe(descriptor: u64) -> Option<String> {
    let number = c_int::try_from(descriptor).ok()?;
    socket(number, address(number, libc::getpeername)).or_else(|| file(number))
}

/// The same for a socket that is being connected: the system tells its peer only afterwards, so the call's argument is read.
pub(super) fn describe_connecting(descriptor: u64, target: u64, length: u64) -> Option<String> {
    let number = c_int::try_from(descriptor).ok()?;
    let mut bytes = [0; mem::size_of::<libc::sockaddr_storage>()];
    let wanted = usize::try_from(length).ok().filter(|length| (2..=bytes.len()).contains(length))?;
    let whole = own_memory::read(target, &mut bytes[..wanted]) == wanted;
    let known = told_length(&bytes, wanted).filter(|_| whole);
    let init = |storage: *mut socket2::SockAddrStorage, size: *mut socklen_t| {
        let known = known.ok_or(io::ErrorKind::InvalidInput)?;
        // SAFETY: `storage` is as large as `bytes` by type, and is the callee's own; `size` is a place to write to.
        unsafe {
            storage.cast::<u8>().copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
            *size = known as socklen_t;
        }
        Ok(())
    };
    // SAFETY: the whole storage is filled, and `told_length` refused a length that its family cannot have: the text of a
    // unix address lies within its `sun_path`. Any bytes are a value of the integers that the other families are made of.
    let target = unsafe { SockAddr::try_init(init) }.ok().map(|((), target)| target);
    socket(number, target)
}

/// The length of an address as the system would tell it: that of a unix path ends with the path's first zero byte, which the
/// caller may have left out. None if no address of its family is that long.
fn told_length(bytes: &[u8], length: usize) -> Option<usize> {
    const PATH: usize = mem::offset_of!(libc::sockaddr_un, sun_path);
    if c_int::from(u16::from_ne_bytes([bytes[0], bytes[1]])) != libc::AF_UNIX {
        return Some(length);
    }
    let text = bytes[..length].get(PATH..).filter(|_| length <= mem::size_of::<libc::sockaddr_un>())?;
    match text.first() {
        // No name, or one that is hidden: begins with a zero byte, and may hold more.
        None | Some(0) => Some(length),
        Some(_) => Some(PATH + text.iter().position(|&byte| byte == 0).unwrap_or(text.len()) + 1),
    }
}

/// A socket by its family, kind and addresses; None if it is none.
fn socket(number: c_int, peer: Option<SockAddr>) -> Option<String> {
    let own = address(number, libc::getsockname)?;
    let kind = match (c_int::from(own.family()), kind(number)?) {
        (libc::AF_UNIX, _) => "unix",
        (libc::AF_INET | libc::AF_INET6, libc::SOCK_STREAM) => "tcp",
        (libc::AF_INET | libc::AF_INET6, libc::SOCK_DGRAM) => "udp",
        (libc::AF_INET | libc::AF_INET6, _) => "ip",
        (family, _) => return Some(format!("a socket of address family {family}")),
    };
    let peer = peer.as_ref().and_then(name);
    Some(match (name(&own), peer) {
        // The accepted end of a unix socket bears the listener's path as its own, the other one as its peer's.
        (own, peer) if kind == "unix" => format!("unix {}", own.or(peer).as_deref().unwrap_or("(unnamed)")),
        (Some(own), Some(peer)) => format!("{kind} {own} → {peer}"),
        (own, peer) => format!("{kind} {}", own.or(peer).as_deref().unwrap_or("(no address)")),
    })
}

/// An address in words, if it has any.
fn name(address: &SockAddr) -> Option<String> {
    let unix = || {
        let hidden = || Some(format!("@{}", String::from_utf8_lossy(address.as_abstract_namespace()?)));
        address.as_pathname().map(|path| path.display().to_string()).or_else(hidden)
    };
    address.as_socket().map(|address| address.to_string()).or_else(unix)
}

type Ask = unsafe extern "C" fn(c_int, *mut libc::sockaddr, *mut socklen_t) -> c_int;

/// The own or the peer's address of a socket.
fn address(number: c_int, ask: Ask) -> Option<SockAddr> {
    let init = |storage: *mut socket2::SockAddrStorage, size: *mut socklen_t| {
        // SAFETY: both are places to write to, and `size` says how large the storage is. The number may be no socket's, or
        // no descriptor's: then the call fails, and nothing else happens.
        match unsafe { ask(number, storage.cast(), size) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    };
    // SAFETY: where `init` succeeds the system has filled the storage with an address and its length.
    unsafe { SockAddr::try_init(init) }.ok().map(|((), address)| address)
}

/// `SOCK_STREAM` and so on.
fn kind(number: c_int) -> Option<c_int> {
    let mut kind: c_int = 0;
    let mut size = mem::size_of::<c_int>() as socklen_t;
    let place = (&raw mut kind).cast();
    // SAFETY: `place` and `size` are places to write to, and `size` says how large the first is; the number as above.
    let asked = unsafe { libc::getsockopt(number, libc::SOL_SOCKET, libc::SO_TYPE, place, &raw mut size) };
    (asked == 0).then_some(kind)
}

fn file(number: c_int) -> Option<String> {
    let target = std::fs::read_link(format!("/proc/self/fd/{number}")).ok()?.display().to_string();
    Some(match target.split_once(':') {
        Some(("pipe", _)) => "a pipe".to_owned(),
        Some(("anon_inode", "[eventpoll]")) => "an epoll".to_owned(),
        Some(("anon_inode", what)) => what.trim_matches(['[', ']']).to_owned(),
        _ => target,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{TcpListener, TcpStream, UdpSocket};
    use std::os::fd::AsRawFd;

    fn described(descriptor: &impl AsRawFd) -> String {
        describe(descriptor.as_raw_fd() as u64).unwrap()
    }

    #[test]
    fn a_socket_is_named_by_kind_and_both_addresses() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let here = listener.local_addr().unwrap();
        let stream = TcpStream::connect(here).unwrap();
        assert_eq!(described(&listener), format!("tcp {here}"));
        assert_eq!(described(&stream), format!("tcp {} → {here}", stream.local_addr().unwrap()));
        let udp = UdpSocket::bind("[::1]:0").or_else(|_| UdpSocket::bind("127.0.0.1:0")).unwrap();
        assert_eq!(described(&udp), format!("udp {}", udp.local_addr().unwrap()));
    }

    #[test]
    fn both_ends_of_a_unix_socket_are_named_by_its_path() {
        let path = std::env::temp_dir().join(format!("freewheel-descriptors-{}", std::process::id()));
        let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
        let stream = std::os::unix::net::UnixStream::connect(&path).unwrap();
        let accepted = listener.accept().unwrap().0;
        std::fs::remove_file(&path).unwrap();
        for end in [described(&listener), described(&stream), described(&accepted)] {
            assert_eq!(end, format!("unix {}", path.display()));
        }
    }

    #[test]
    fn what_is_no_socket_is_named_too_and_what_is_nothing_is_not() {
        let mut child = std::process::Command::new("cat").stdin(std::process::Stdio::piped()).spawn().unwrap();
        assert_eq!(described(child.stdin.as_ref().unwrap()), "a pipe");
        drop(child.stdin.take());
        child.wait().unwrap();
        assert_eq!(describe(u64::from(u32::MAX)), None);
        assert_eq!(describe(1 << 30), None);
    }

    #[test]
    fn the_target_of_a_connect_is_read_from_its_argument() {
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        let target = SockAddr::from("127.0.0.1:9".parse::<std::net::SocketAddr>().unwrap());
        let described = |at: u64, length| describe_connecting(socket.as_raw_fd() as u64, at, length);
        let told = described(target.as_ptr() as u64, u64::from(target.len()));
        assert_eq!(told.as_deref(), Some("tcp 0.0.0.0:0 → 127.0.0.1:9"));
        assert_eq!(described(16, u64::from(target.len())).as_deref(), Some("tcp 0.0.0.0:0"));
    }

    #[test]
    fn the_path_of_a_connect_ends_at_its_first_zero_byte_and_within_its_structure() {
        let socket = std::os::unix::net::UnixDatagram::unbound().unwrap();
        let mut bytes = [0; mem::size_of::<libc::sockaddr_storage>()];
        bytes[..2].copy_from_slice(&(libc::AF_UNIX as u16).to_ne_bytes());
        bytes[2..8].copy_from_slice(b"/a/way");
        let described = |bytes: &[u8], length| {
            describe_connecting(socket.as_raw_fd() as u64, bytes.as_ptr() as u64, length).unwrap()
        };
        for length in [8, 9, 50, 110] {
            assert_eq!(described(&bytes, length), "unix /a/way");
        }
        for length in [2, 111, 128] {
            assert_eq!(described(&bytes, length), "unix (unnamed)");
        }
        bytes[2..].fill(b'x');
        assert_eq!(described(&bytes, 110), format!("unix {}", "x".repeat(108)));
        bytes[2] = 0;
        assert_eq!(described(&bytes, 6), "unix @xxx");
    }
}
