//! Names for the system calls that a task is likely to block in, and what they are on.
//!
//! The thread may have left the call meanwhile, and its descriptor may be another's by now: what is found out here is for a
//! person to read, and nothing else is done with it.

use libc as c;

use super::descriptors;
use crate::runtime::own_memory;
use crate::scheduler::stall::SystemCall;

/// What a call is on.
#[derive(Clone, Copy)]
enum On {
    /// Nothing that has a name.
    Nothing,
    /// The descriptor that is the first argument.
    Descriptor,
    /// That descriptor, and the address that the second and third argument give.
    Address,
    /// The path that this argument points to.
    Path(usize),
    /// The list of descriptors that the first two arguments give.
    List,
    /// Whatever it is, it is this in the end.
    Always(&'static str),
}

/// What threads wait for in a futex, as far as anyone but themselves can know.
const LOCK: On = On::Always("a lock, a condition variable, a channel or a join");

/// How many descriptors of a `poll` are named.
const LISTED: u64 = 3;

/// The name of a system call, and what it is on.
pub(in crate::runtime) fn describe(call: &SystemCall) -> (Option<String>, Option<String>) {
    let known = CALLS.iter().find(|(number, ..)| u64::try_from(*number) == Ok(call.number));
    let Some((_, name, on)) = known else { return (Some(format!("system call {}", call.number)), None) };
    let [first, second, third, ..] = call.arguments;
    let subject = match *on {
        On::Nothing => None,
        On::Descriptor => descriptors::describe(first),
        On::Address => descriptors::describe_connecting(first, second, third),
        On::Path(at) => own_memory::read_text(call.arguments[at]),
        On::List => list(first, second),
        On::Always(what) => Some(what.to_owned()),
    };
    (Some((*name).to_owned()), subject)
}

/// What a `poll` waits for.
fn list(address: u64, count: u64) -> Option<String> {
    let entry = |at| own_memory::read_value::<c::pollfd>(address.checked_add(at * size_of::<c::pollfd>() as u64)?);
    let named = (0..count.min(LISTED)).filter_map(entry);
    let named: Vec<String> = named.filter_map(|entry| descriptors::describe(u64::try_from(entry.fd).ok()?)).collect();
    let more = if count > LISTED { ", …" } else { "" };
    (!named.is_empty()).then(|| named.join(", ") + more)
}

/// Number, name, what it is on. Only calls that every Linux port of Rust has; of those that work on the file system also what is
/// quick but for a network in between.
const CALLS: &[(c::c_long, &str, On)] = &[
    (c::SYS_accept, "accept", On::Descriptor),
    (c::SYS_accept4, "accept4", On::Descriptor),
    (c::SYS_clock_nanosleep, "clock_nanosleep", On::Nothing),
    // Its number is free, and may be another's, before it blocks.
    (c::SYS_close, "close", On::Nothing),
    (c::SYS_connect, "connect", On::Address),
    (c::SYS_copy_file_range, "copy_file_range", On::Descriptor),
    (c::SYS_epoll_pwait, "epoll_pwait", On::Descriptor),
    (c::SYS_execve, "execve", On::Path(0)),
    (c::SYS_faccessat, "faccessat", On::Path(1)),
    (c::SYS_faccessat2, "faccessat2", On::Path(1)),
    (c::SYS_fallocate, "fallocate", On::Descriptor),
    (c::SYS_fchmodat, "fchmodat", On::Path(1)),
    (c::SYS_fchownat, "fchownat", On::Path(1)),
    (c::SYS_fcntl, "fcntl", On::Descriptor),
    (c::SYS_fdatasync, "fdatasync", On::Descriptor),
    (c::SYS_flock, "flock", On::Descriptor),
    (c::SYS_fsync, "fsync", On::Descriptor),
    (c::SYS_ftruncate, "ftruncate", On::Descriptor),
    (c::SYS_futex, "futex", LOCK),
    (c::SYS_getdents64, "getdents64", On::Descriptor),
    (c::SYS_getrandom, "getrandom", On::Nothing),
    (c::SYS_ioctl, "ioctl", On::Descriptor),
    (c::SYS_linkat, "linkat", On::Path(1)),
    (c::SYS_madvise, "madvise", On::Nothing),
    (c::SYS_mkdirat, "mkdirat", On::Path(1)),
    (c::SYS_mmap, "mmap", On::Nothing),
    (c::SYS_mremap, "mremap", On::Nothing),
    (c::SYS_msync, "msync", On::Nothing),
    (c::SYS_munmap, "munmap", On::Nothing),
    (c::SYS_nanosleep, "nanosleep", On::Nothing),
    (c::SYS_openat, "openat", On::Path(1)),
    (c::SYS_ppoll, "ppoll", On::List),
    (c::SYS_pread64, "pread64", On::Descriptor),
    (c::SYS_preadv, "preadv", On::Descriptor),
    (c::SYS_pselect6, "pselect6", On::Nothing),
    (c::SYS_pwrite64, "pwrite64", On::Descriptor),
    (c::SYS_pwritev, "pwritev", On::Descriptor),
    (c::SYS_read, "read", On::Descriptor),
    (c::SYS_readlinkat, "readlinkat", On::Path(1)),
    (c::SYS_readv, "readv", On::Descriptor),
    (c::SYS_recvfrom, "recvfrom", On::Descriptor),
    (c::SYS_recvmmsg, "recvmmsg", On::Descriptor),
    (c::SYS_recvmsg, "recvmsg", On::Descriptor),
    (c::SYS_renameat2, "renameat2", On::Path(1)),
    // The first is where to, the second where from.
    (c::SYS_sendfile, "sendfile", On::Descriptor),
    (c::SYS_sendmmsg, "sendmmsg", On::Descriptor),
    (c::SYS_sendmsg, "sendmsg", On::Descriptor),
    (c::SYS_sendto, "sendto", On::Descriptor),
    (c::SYS_splice, "splice", On::Descriptor),
    (c::SYS_statx, "statx", On::Path(1)),
    (c::SYS_symlinkat, "symlinkat", On::Path(2)),
    (c::SYS_sync, "sync", On::Nothing),
    (c::SYS_syncfs, "syncfs", On::Descriptor),
    (c::SYS_truncate, "truncate", On::Path(0)),
    (c::SYS_unlinkat, "unlinkat", On::Path(1)),
    (c::SYS_utimensat, "utimensat", On::Path(1)),
    (c::SYS_wait4, "wait4", On::Always("a child process")),
    (c::SYS_waitid, "waitid", On::Always("a child process")),
    (c::SYS_write, "write", On::Descriptor),
    (c::SYS_writev, "writev", On::Descriptor),
    // What the C library's `stat` is.
    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
    (c::SYS_newfstatat, "newfstatat", On::Path(1)),
    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
    (c::SYS_renameat, "renameat", On::Path(1)),
    #[cfg(target_arch = "x86_64")]
    (c::SYS_access, "access", On::Path(0)),
    #[cfg(target_arch = "x86_64")]
    (c::SYS_chmod, "chmod", On::Path(0)),
    #[cfg(target_arch = "x86_64")]
    (c::SYS_epoll_wait, "epoll_wait", On::Descriptor),
    #[cfg(target_arch = "x86_64")]
    (c::SYS_lstat, "lstat", On::Path(0)),
    #[cfg(target_arch = "x86_64")]
    (c::SYS_mkdir, "mkdir", On::Path(0)),
    #[cfg(target_arch = "x86_64")]
    (c::SYS_open, "open", On::Path(0)),
    #[cfg(target_arch = "x86_64")]
    (c::SYS_pause, "pause", On::Always("a signal")),
    #[cfg(target_arch = "x86_64")]
    (c::SYS_poll, "poll", On::List),
    #[cfg(target_arch = "x86_64")]
    (c::SYS_readlink, "readlink", On::Path(0)),
    #[cfg(target_arch = "x86_64")]
    (c::SYS_rename, "rename", On::Path(0)),
    #[cfg(target_arch = "x86_64")]
    (c::SYS_rmdir, "rmdir", On::Path(0)),
    #[cfg(target_arch = "x86_64")]
    (c::SYS_select, "select", On::Nothing),
    #[cfg(target_arch = "x86_64")]
    (c::SYS_stat, "stat", On::Path(0)),
    #[cfg(target_arch = "x86_64")]
    (c::SYS_unlink, "unlink", On::Path(0)),
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsRawFd;

    fn described(number: c::c_long, arguments: &[u64]) -> (String, String) {
        let mut call = SystemCall { number: number as u64, arguments: [0; 6] };
        call.arguments[..arguments.len()].copy_from_slice(arguments);
        let (name, subject) = describe(&call);
        (name.unwrap(), subject.unwrap_or_default())
    }

    #[test]
    fn a_call_on_a_descriptor_names_its_file_and_an_unknown_one_its_number() {
        let file = std::fs::File::open("/proc/self/stat").unwrap();
        let (name, path) = described(c::SYS_read, &[file.as_raw_fd() as u64]);
        assert_eq!(name, "read");
        assert!(path.ends_with("/stat"));
        assert_eq!(described(999_999, &[]), ("system call 999999".to_owned(), String::new()));
        assert_eq!(described(c::SYS_read, &[u64::MAX]).1, "");
    }

    #[test]
    fn a_path_is_read_from_where_the_call_points_to() {
        let path = c"/tmp/a-pipe-without-a-writer";
        assert_eq!(described(c::SYS_openat, &[0, path.as_ptr() as u64]).1, path.to_str().unwrap());
        assert_eq!(described(c::SYS_openat, &[0, 1]).1, "");
        #[cfg(target_arch = "x86_64")]
        for call in [c::SYS_newfstatat, c::SYS_faccessat2, c::SYS_renameat, c::SYS_utimensat, c::SYS_fchmodat] {
            assert_eq!(described(call, &[0, path.as_ptr() as u64]).1, path.to_str().unwrap());
        }
    }

    #[test]
    fn a_poll_names_what_it_waits_for() {
        let (first, second) = std::os::unix::net::UnixStream::pair().unwrap();
        let polled = [first.as_raw_fd(), second.as_raw_fd()].map(|fd| c::pollfd { fd, events: 0, revents: 0 });
        assert_eq!(described(c::SYS_ppoll, &[polled.as_ptr() as u64, 2]).1, "unix (unnamed), unix (unnamed)");
        assert_eq!(described(c::SYS_futex, &[]).1, "a lock, a condition variable, a channel or a join");
    }
}
