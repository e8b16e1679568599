//! What the process has: threads, descriptors, CPU time, limits.
//!
//! Tests of one binary share a process, so whoever counts threads or descriptors, or sets a limit, does it
//! [`in_child`](super::in_child).

use std::fs;
use std::time::Duration;

/// How many threads this process has.
pub(crate) fn threads() -> usize {
    fs::read_dir("/proc/self/task").expect("/proc").count()
}

/// The names of this process's threads (the kernel keeps 15 bytes of each).
pub(crate) fn thread_names() -> Vec<String> {
    let tasks = fs::read_dir("/proc/self/task").expect("/proc").flatten();
    // A thread may end between being listed and being read.
    tasks
        .filter_map(|task| fs::read_to_string(task.path().join("comm")).ok())
        .map(|name| name.trim().to_owned())
        .collect()
}

/// How many descriptors this process has open.
pub(crate) fn file_descriptors() -> usize {
    let open = fs::read_dir("/proc/self/fd").expect("/proc");
    // Neither the listing's own, nor those through which the watch looks at threads: more than it has set aside come and go.
    let counts = |path: std::path::PathBuf| {
        let path = path.display().to_string();
        let of_the_watch = path == "/proc" || path.starts_with("/proc/") && path.contains("/task/");
        !of_the_watch && !path.ends_with("/fd")
    };
    open.filter(|entry| entry.as_ref().is_ok_and(|entry| fs::read_link(entry.path()).is_ok_and(counts))).count()
}

/// How many threads and descriptors there are once no thread of a runtime is left: a joined thread leaves `/proc` a moment
/// after its join.
pub(crate) fn settled() -> (usize, usize) {
    super::eventually(|| thread_names().iter().all(|name| !name.starts_with("freewheel")));
    (threads(), file_descriptors())
}

/// The CPU time this process has used, user and system.
pub(crate) fn cpu_time() -> Duration {
    // SAFETY: `usage` is a plain C struct for which all zeroes is valid; the call fills it.
    let usage = unsafe {
        let mut usage = std::mem::zeroed::<libc::rusage>();
        assert_eq!(libc::getrusage(libc::RUSAGE_SELF, &mut usage), 0);
        usage
    };
    let time = |t: libc::timeval| Duration::new(t.tv_sec as u64, t.tv_usec as u32 * 1000);
    time(usage.ru_utime) + time(usage.ru_stime)
}

/// Waits until this process uses next to no CPU time: whoever is at work comes to rest in their own time, and one that
/// spins never does.
#[track_caller]
pub(crate) fn comes_to_rest() {
    super::eventually(|| {
        let before = cpu_time();
        // Not to wait for anything: this is the time that is measured.
        std::thread::sleep(Duration::from_millis(500));
        cpu_time() - before < Duration::from_millis(20)
    });
}

/// How much memory this process has in use, in units of 1,024 bytes.
pub(crate) fn resident_kilobytes() -> usize {
    let status = fs::read_to_string("/proc/self/status").expect("/proc");
    let line = status.lines().find(|line| line.starts_with("VmRSS")).expect("VmRSS");
    line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).expect("a number")
}

/// Sets the soft limit of `resource` (`libc::RLIMIT_…`) to `value`, and gives the one before.
pub(crate) fn set_limit(resource: libc::__rlimit_resource_t, value: u64) -> u64 {
    // SAFETY: both calls get a pointer to a live rlimit.
    unsafe {
        let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        assert_eq!(libc::getrlimit(resource, &mut limit), 0);
        let before = limit.rlim_cur;
        limit.rlim_cur = value.min(limit.rlim_max);
        assert_eq!(libc::setrlimit(resource, &limit), 0);
        before
    }
}

/// Becomes another, unprivileged user if this is root, for whom `RLIMIT_NPROC` does not count.
///
/// The number is unlikely to be anybody's, so that no thread but ours counts against the limit. For the whole process:
/// only [`in_child`](super::in_child).
pub(crate) fn drop_to_other_user() {
    // SAFETY: takes no pointers but the empty group list.
    unsafe {
        if libc::geteuid() == 0 {
            let user = 1_900_000_000 + std::process::id() % 1_000_000;
            assert_eq!(libc::setgroups(0, std::ptr::null()), 0);
            assert_eq!(libc::setgid(user), 0);
            assert_eq!(libc::setuid(user), 0);
        }
    }
}
