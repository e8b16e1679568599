//! Names for the system calls that a task is likely to block in, and what they are on.

use libc as c;

/// The name of a system call, and the file of its first argument where that is a descriptor.
pub(in crate::runtime) fn describe(number: u64, first: u64) -> (Option<String>, Option<String>) {
    let Ok(number) = c::c_long::try_from(number) else { return (None, None) };
    match CALLS.iter().find(|(known, ..)| *known == number) {
        Some((_, name, takes_descriptor)) => {
            let path = || std::fs::read_link(format!("/proc/self/fd/{first}")).ok();
            let file = takes_descriptor.then(path).flatten().map(|path| path.display().to_string());
            (Some((*name).to_owned()), file)
        }
        None => (Some(format!("system call {number}")), None),
    }
}

/// Number, name, whether the first argument is a descriptor. Only calls that every Linux port of Rust has.
const CALLS: &[(c::c_long, &str, bool)] = &[
    (c::SYS_accept, "accept", true),
    (c::SYS_accept4, "accept4", true),
    (c::SYS_clock_nanosleep, "clock_nanosleep", false),
    (c::SYS_close, "close", true),
    (c::SYS_connect, "connect", true),
    (c::SYS_epoll_pwait, "epoll_pwait", true),
    (c::SYS_fallocate, "fallocate", true),
    (c::SYS_fcntl, "fcntl", true),
    (c::SYS_fdatasync, "fdatasync", true),
    (c::SYS_flock, "flock", true),
    (c::SYS_fsync, "fsync", true),
    (c::SYS_ftruncate, "ftruncate", true),
    (c::SYS_futex, "futex (a lock, a condition variable, a channel or a join)", false),
    (c::SYS_getdents64, "getdents64", true),
    (c::SYS_ioctl, "ioctl", true),
    (c::SYS_madvise, "madvise", false),
    (c::SYS_mmap, "mmap", false),
    (c::SYS_msync, "msync", false),
    (c::SYS_munmap, "munmap", false),
    (c::SYS_nanosleep, "nanosleep", false),
    (c::SYS_openat, "openat", false),
    (c::SYS_ppoll, "ppoll", false),
    (c::SYS_pread64, "pread64", true),
    (c::SYS_pselect6, "pselect6", false),
    (c::SYS_pwrite64, "pwrite64", true),
    (c::SYS_read, "read", true),
    (c::SYS_readv, "readv", true),
    (c::SYS_recvfrom, "recvfrom", true),
    (c::SYS_recvmsg, "recvmsg", true),
    (c::SYS_sendmsg, "sendmsg", true),
    (c::SYS_sendto, "sendto", true),
    (c::SYS_splice, "splice", true),
    (c::SYS_sync, "sync", false),
    (c::SYS_unlinkat, "unlinkat", false),
    (c::SYS_wait4, "wait4", false),
    (c::SYS_waitid, "waitid", false),
    (c::SYS_write, "write", true),
    (c::SYS_writev, "writev", true),
    #[cfg(target_arch = "x86_64")]
    (c::SYS_epoll_wait, "epoll_wait", true),
    #[cfg(target_arch = "x86_64")]
    (c::SYS_open, "open", false),
    #[cfg(target_arch = "x86_64")]
    (c::SYS_poll, "poll", false),
    #[cfg(target_arch = "x86_64")]
    (c::SYS_select, "select", false),
];

#[cfg(test)]
mod tests {
    #[test]
    fn a_call_on_a_descriptor_names_its_file_and_an_unknown_one_its_number() {
        use std::os::fd::AsRawFd;
        let file = std::fs::File::open("/proc/self/stat").unwrap();
        let (name, path) = super::describe(libc::SYS_read as u64, file.as_raw_fd() as u64);
        assert_eq!(name.as_deref(), Some("read"));
        assert!(path.unwrap().ends_with("/stat"));
        assert_eq!(super::describe(999_999, 0).0.as_deref(), Some("system call 999999"));
    }
}
