//! What a thread is doing, asked of Linux through `/proc/self/task`.
//!
//! The files stay open, one pair per watched thread, so that a look is one or two reads into a buffer on the stack. A
//! thread that ended reads as an error: unknown.

use std::fs::File;
use std::os::unix::fs::FileExt;

use super::super::stall::SystemCall;

/// What the system says about a thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Activity {
    /// It sleeps in a system call or waits for the disk: its core is free.
    Blocked,
    /// It runs.
    Running,
    /// It could run, but others have the cores.
    Starved,
    /// The system does not say.
    Unknown,
}

/// Looks at one thread.
#[derive(Debug)]
pub(crate) struct Probe {
    thread: u32,
    stat: Option<File>,
    schedstat: Option<File>,
    /// Nanoseconds on a core, and nanoseconds of waiting for one, at the last look.
    last: Option<(u64, u64)>,
    /// Nanoseconds on a core at the first look that found it running.
    first: Option<u64>,
}

impl Probe {
    /// A probe of the thread with this number of the system's; zero is no thread.
    pub(crate) fn new(thread: u32) -> Self {
        let open = |file: &str| File::open(format!("/proc/self/task/{thread}/{file}")).ok();
        Self { thread, stat: open("stat"), schedstat: open("schedstat"), last: None, first: None }
    }

    /// The thread it looks at.
    pub(crate) fn thread(&self) -> u32 {
        self.thread
    }

    /// Another poll of the same thread: nothing seen so far counts.
    pub(crate) fn begin_again(&mut self) {
        (self.last, self.first) = (None, None);
    }

    /// Looks once. Whether a runnable thread is starved shows from the second look on.
    pub(crate) fn look(&mut self) -> Activity {
        match self.stat.as_ref().and_then(state) {
            Some(b'S' | b'D') => Activity::Blocked,
            Some(b'R') => self.running_or_starved(),
            _ => Activity::Unknown,
        }
    }

    /// How long the thread was on a core between the first look that found it running and the last, in nanoseconds.
    pub(crate) fn on_core(&self) -> Option<u64> {
        Some(self.last?.0.saturating_sub(self.first?))
    }

    fn running_or_starved(&mut self) -> Activity {
        let now = self.schedstat.as_ref().and_then(times);
        self.first = self.first.or(now.map(|(runs, _)| runs));
        match (std::mem::replace(&mut self.last, now), now) {
            (Some((ran, waited)), Some((runs, waits))) if waits.saturating_sub(waited) > runs.saturating_sub(ran) => {
                Activity::Starved
            }
            _ => Activity::Running,
        }
    }
}

/// The state letter, behind the command in parentheses, which may itself hold any character.
fn state(stat: &File) -> Option<u8> {
    let mut buffer = [0; 128];
    let length = stat.read_at(&mut buffer, 0).ok()?;
    let text = &buffer[..length];
    let end = text.iter().rposition(|&byte| byte == b')')?;
    text.get(end + 2).copied()
}

/// Time on a core, and time spent waiting for one.
fn times(schedstat: &File) -> Option<(u64, u64)> {
    let mut buffer = [0; 64];
    let length = schedstat.read_at(&mut buffer, 0).ok()?;
    let mut numbers = std::str::from_utf8(&buffer[..length]).ok()?.split_whitespace().map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

/// The system call a thread is in, if it is in one.
pub(crate) fn system_call(thread: u32) -> Option<SystemCall> {
    let text = std::fs::read_to_string(format!("/proc/self/task/{thread}/syscall")).ok()?;
    let mut words = text.split_whitespace();
    let number = words.next()?.parse().ok()?;
    let mut arguments = [0; 6];
    for (argument, word) in arguments.iter_mut().zip(words) {
        *argument = u64::from_str_radix(word.trim_start_matches("0x"), 16).ok()?;
    }
    Some(SystemCall { number, arguments })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::primitives::thread::native_id;
    use std::sync::mpsc;

    #[test]
    fn a_thread_that_waits_is_blocked_and_one_that_looks_at_itself_runs() {
        let (ids, id) = mpsc::channel();
        let (done, wait) = mpsc::channel::<()>();
        let sleeper = std::thread::spawn(move || {
            ids.send(native_id()).unwrap();
            let _ = wait.recv();
        });
        let mut probe = Probe::new(id.recv().unwrap());
        while probe.look() != Activity::Blocked {
            std::thread::yield_now();
        }
        assert!(system_call(probe.thread()).is_some());
        drop(done);
        sleeper.join().unwrap();
        assert!(matches!(Probe::new(native_id()).look(), Activity::Running));
        assert_eq!(Probe::new(0).look(), Activity::Unknown);
    }
}
