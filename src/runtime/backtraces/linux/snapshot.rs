//! Where a thread is and what lies on its stack, copied.

use std::hint::black_box;

use crate::runtime::own_memory;

/// How much of a stack is copied at most, in bytes: from its inner end, where the task is. Where the
/// stack is shorter, and more memory lies directly behind it, the copy goes on into that.
pub(super) const MOST: usize = 256 * 1024;

/// How often a thread that moved while it was copied is tried again.
const ATTEMPTS: usize = 3;

/// A thread at one moment.
#[derive(Debug)]
pub(in crate::runtime) struct Snapshot {
    pub(super) instruction: u64,
    /// The stack pointer: the address of the first byte of `stack`.
    pub(super) stack_pointer: u64,
    /// The frame pointer, if it is known.
    pub(super) frame_pointer: Option<u64>,
    pub(super) stack: Vec<u8>,
}

impl Snapshot {
    /// The word at an address within the copied stack.
    pub(super) fn word(&self, address: u64) -> Option<u64> {
        let at = usize::try_from(address.checked_sub(self.stack_pointer)?).ok()?;
        let bytes = self.stack.get(at..at.checked_add(8)?)?;
        Some(u64::from_le_bytes(bytes.try_into().ok()?))
    }

    /// The address behind the copied stack.
    pub(super) fn end(&self) -> u64 {
        self.stack_pointer + self.stack.len() as u64
    }
}

impl Drop for Snapshot {
    /// A stack may hold secrets: they are not left to the next who allocates.
    fn drop(&mut self) {
        self.stack.fill(0);
        black_box(&mut self.stack);
    }
}

/// What a look at a thread from outside shows.
#[derive(Debug)]
pub(super) enum Look {
    /// It sleeps, and here it is.
    Asleep(Snapshot),
    /// It is on a core, or waits for one: only itself can tell where it is.
    Running,
    /// It has ended, did not hold still, or the system does not say.
    Unknown,
}

/// Looks at a thread, which disturbs it in no way.
pub(super) fn look(thread: u32) -> Look {
    asleep(thread).unwrap_or(Look::Unknown)
}

fn asleep(thread: u32) -> Option<Look> {
    let path = format!("/proc/self/task/{thread}/syscall");
    for _ in 0..ATTEMPTS {
        let before = std::fs::read_to_string(&path).ok()?;
        if before.trim_end() == "running" {
            return Some(Look::Running);
        }
        let (stack_pointer, instruction) = pointers(&before)?;
        let mut stack = vec![0; MOST];
        let length = own_memory::read(stack_pointer, &mut stack);
        stack.truncate(length);
        let snapshot = Snapshot { instruction, stack_pointer, frame_pointer: None, stack };
        // The same call at the same place, and nothing tells that it was left and entered again in between: then what a
        // frame further out holds may be of either time, but the frames themselves are the same.
        if std::fs::read_to_string(&path).is_ok_and(|after| after == before) {
            return Some(Look::Asleep(snapshot));
        }
    }
    None
}

/// The last two words of the line: stack pointer and instruction pointer.
fn pointers(line: &str) -> Option<(u64, u64)> {
    let mut words = line.split_whitespace().rev();
    let mut number = || u64::from_str_radix(words.next()?.strip_prefix("0x")?, 16).ok();
    let (instruction, stack_pointer) = (number()?, number()?);
    Some((stack_pointer, instruction))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::primitives::thread::native_id;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::{Arc, mpsc};

    #[test]
    fn a_thread_that_runs_is_told_from_one_that_sleeps_and_one_that_is_gone() {
        let (ids, id) = mpsc::channel();
        let (done, wait) = mpsc::channel::<()>();
        let over = Arc::new(AtomicBool::new(false));
        let (own_ids, own_over) = (ids.clone(), over.clone());
        let runner = std::thread::spawn(move || {
            own_ids.send(native_id()).unwrap();
            while !own_over.load(Ordering::Relaxed) {
                std::hint::spin_loop();
            }
        });
        let running = id.recv().unwrap();
        let sleeper = std::thread::spawn(move || {
            ids.send(native_id()).unwrap();
            wait.recv().unwrap_err();
        });
        let sleeping = id.recv().unwrap();
        let until = |thread, right: fn(&Look) -> bool| loop {
            match look(thread) {
                found if right(&found) => break found,
                _ => std::thread::yield_now(),
            }
        };
        until(running, |look| matches!(look, Look::Running));
        let Look::Asleep(asleep) = until(sleeping, |look| matches!(look, Look::Asleep(_))) else { unreachable!() };
        assert!(asleep.word(asleep.stack_pointer).is_some() && asleep.end() > asleep.stack_pointer);
        over.store(true, Ordering::Relaxed);
        drop(done);
        runner.join().unwrap();
        sleeper.join().unwrap();
        assert!(matches!(look(u32::MAX), Look::Unknown));
    }

    #[test]
    fn the_pointers_are_the_last_two_words() {
        assert_eq!(pointers("202 0x1 0x2 0x3 0x4 0x5 0x6 0x7ffd10 0x55e0\n"), Some((0x7ffd10, 0x55e0)));
        assert_eq!(pointers("-1 0x7ffd10 0x55e0\n"), Some((0x7ffd10, 0x55e0)));
        assert_eq!(pointers("0 running\n"), None);
    }

    #[test]
    fn a_word_is_found_by_its_address_and_beyond_the_copy_there_is_none() {
        let stack = [1u64, 2].map(u64::to_le_bytes).concat();
        let snapshot = Snapshot { instruction: 0, stack_pointer: 0x1000, frame_pointer: None, stack };
        assert_eq!((snapshot.word(0x1000), snapshot.word(0x1008)), (Some(1), Some(2)));
        assert_eq!((snapshot.word(0xfff), snapshot.word(0x1009), snapshot.word(u64::MAX)), (None, None, None));
    }
}
