//! What a thread is doing, asked of Linux through `/proc/self/task` and the thread's CPU clock.
//!
//! The files stay open, one pair per watched thread, so that a look is two reads into a buffer on the stack and one call
//! for the clock. The clock is exact to the moment, where `schedstat` learns what a running thread uses only at the
//! kernel's own ticks.

use std::fs::File;
use std::os::unix::fs::FileExt;

use super::super::stall::SystemCall;
use super::{Delays, Sight, State};
use crate::primitives::thread::cpu_time;

/// Looks at one thread.
#[derive(Debug)]
pub(crate) struct Probe {
    thread: u32,
    stat: Option<File>,
    schedstat: Option<File>,
}

impl Probe {
    /// A probe of the thread with this number of the system's; zero is no thread.
    pub(crate) fn new(thread: u32) -> Self {
        let open = |file: &str| File::open(format!("/proc/self/task/{thread}/{file}")).ok();
        Self { thread, stat: open("stat"), schedstat: open("schedstat") }
    }

    /// The thread it looks at.
    pub(crate) fn thread(&self) -> u32 {
        self.thread
    }

    /// Looks once. None: the thread has ended, or the system does not say.
    ///
    /// The counts are read before the state, so a thread that is asleep and was not switched to since the last look
    /// has slept all the time.
    pub(crate) fn look(&self) -> Option<Sight> {
        let ran = cpu_time(self.thread)?;
        let delays = self.schedstat.as_ref().and_then(delays);
        let state = match self.stat.as_ref().and_then(state)? {
            b'S' | b'D' => State::Asleep,
            b'R' => State::Runnable,
            b'T' | b't' => State::Stopped,
            _ => return None,
        };
        Some(Sight { state, ran, delays })
    }
}

/// The threads of this process, by the system's numbers, the oldest first.
pub(crate) fn threads() -> impl Iterator<Item = u32> {
    let entries = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// The state letter, behind the command in parentheses, which may itself hold any character.
fn state(stat: &File) -> Option<u8> {
    let mut buffer = [0; 128];
    let length = stat.read_at(&mut buffer, 0).ok()?;
    let text = &buffer[..length];
    let end = text.iter().rposition(|&byte| byte == b')')?;
    text.get(end + 2).copied()
}

fn delays(schedstat: &File) -> Option<Delays> {
    let mut buffer = [0; 64];
    let length = schedstat.read_at(&mut buffer, 0).ok()?;
    parse_delays(std::str::from_utf8(&buffer[..length]).ok()?)
}

/// Time spent waiting for a core, and how often one was given: the second and the third number. A thread that has run was given one,
/// so none at all is what a system says that does not count them.
fn parse_delays(text: &str) -> Option<Delays> {
    let mut numbers = text.split_whitespace().skip(1);
    let (waited, switches) = (numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?);
    (switches > 0).then_some(Delays { waited, switches })
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
    fn a_system_that_does_not_count_waits_does_not_say_that_there_were_none() {
        assert_eq!(parse_delays("81632 4711 9\n"), Some(Delays { waited: 4711, switches: 9 }));
        assert_eq!(parse_delays("81632 0 9\n"), Some(Delays { waited: 0, switches: 9 }));
        for silent in ["0 0 0\n", "81632 0 0\n", "81632\n", ""] {
            assert_eq!(parse_delays(silent), None, "{silent}");
        }
        let other = Probe { thread: native_id(), schedstat: None, ..Probe::new(native_id()) };
        assert!(other.look().is_some_and(|sight| sight.ran > 0 && sight.delays.is_none()));
    }

    #[test]
    fn a_thread_that_waits_is_asleep_and_one_that_looks_at_itself_runs() {
        let (ids, id) = mpsc::channel();
        let (done, wait) = mpsc::channel::<()>();
        let sleeper = std::thread::spawn(move || {
            ids.send(native_id()).unwrap();
            let _ = wait.recv();
        });
        let probe = Probe::new(id.recv().unwrap());
        while probe.look().unwrap().state != State::Asleep {
            std::thread::yield_now();
        }
        let (before, after) = (probe.look().unwrap(), probe.look().unwrap());
        assert_eq!((before.ran, before.delays), (after.ran, after.delays));
        assert!(system_call(probe.thread()).is_some());
        drop(done);
        sleeper.join().unwrap();
        let this = Probe::new(native_id());
        let (before, after) = (this.look().unwrap(), this.look().unwrap());
        assert_eq!(before.state, State::Runnable);
        assert!(after.ran > before.ran);
        assert_eq!(Probe::new(0).look(), None);
    }
}
