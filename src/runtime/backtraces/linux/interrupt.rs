//! A snapshot of a thread that runs: a signal interrupts it, and the handler copies its registers and its stack.
//!
//! The signal is SIGURG, which a program that does not expect it ignores: one that comes late, when nobody waits for it any
//! more, does no harm, not even after an `exec`. If the program has a handler for it, that one stays, and there are
//! no snapshots of running threads.
//!
//! One request at a time for the whole process. Its word says who may touch the buffer:
//!
//! ```text
//!            ask                handler               handler
//! FREE ───────────▶ thread id ───────────▶ COPYING ───────────▶ DONE
//!   ▲  withdraw         │                                         │ take
//!   └───────────────────┴─────────────────────────────────────────┘
//! ```
//!
//! The asker owns the buffer in FREE and DONE (in its turn), the handler in COPYING. A handler that finds another word
//! than its own thread's number returns. A process forked in the midst of it has no thread that would finish: its first asker
//! begins anew, told by the generation that turn and request bear.

use std::cell::UnsafeCell;
use std::ffi::{c_int, c_void};
use std::hint::black_box;
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::snapshot::{MOST, Snapshot};
use crate::primitives::fork;
use crate::runtime::own_memory;

const SIGNAL: c_int = libc::SIGURG;

/// How long a thread is waited for: it may have the signal blocked, or no core.
const PATIENCE: Duration = Duration::from_millis(100);

/// How long between two looks whether it has answered.
const PAUSE: Duration = Duration::from_micros(200);

// The request's word: free, or the number of the thread that is asked (which has 22 bits at most), or one of these.
const FREE: u32 = 0;
const COPYING: u32 = u32::MAX;
const DONE: u32 = u32::MAX - 1;

static REQUEST: Request = Request { word: AtomicU32::new(FREE), copy: UnsafeCell::new(Copied::NOTHING) };

/// Askers take turns: 0, or the mark of the process whose thread it is. One of a parent process is nobody's.
static TURN: AtomicU32 = AtomicU32::new(0);

/// The mark of the process that asked last; touched by whoever has the turn.
static ASKED_BY: AtomicU32 = AtomicU32::new(0);

/// The right to ask.
struct Turn;

impl Turn {
    /// Never waits: an asker that comes while another asks goes without.
    fn take() -> Option<Self> {
        let own = fork::generation().wrapping_add(1);
        // Relaxed: the exchange below decides.
        let before = TURN.load(Ordering::Relaxed);
        // ORDERING: Acquire on success, edge "turn-passed": pairs with the store in `drop`; the asker before is through with
        // the request and the buffer. From a parent process nothing can be concurrent.
        if before == own || TURN.compare_exchange(before, own, Ordering::Acquire, Ordering::Relaxed).is_err() {
            return None;
        }
        // Relaxed: only in turns.
        if ASKED_BY.swap(own, Ordering::Relaxed) != own {
            // Relaxed: of a request made before the fork no thread is left; of a process's first one nothing is there yet.
            REQUEST.word.store(FREE, Ordering::Relaxed);
        }
        Some(Self)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        // ORDERING: Release, edge "turn-passed": what this asker did comes before what the next one does.
        TURN.store(0, Ordering::Release);
    }
}

struct Request {
    word: AtomicU32,
    copy: UnsafeCell<Copied>,
}

// SAFETY: `copy` is touched by one thread at a time, as the word says (see above).
unsafe impl Sync for Request {}

struct Copied {
    instruction: u64,
    stack_pointer: u64,
    frame_pointer: u64,
    length: usize,
    // Zeroed memory of the program's image: it takes no room until the first request.
    stack: [u8; MOST],
}

impl Copied {
    const NOTHING: Self = Self { instruction: 0, stack_pointer: 0, frame_pointer: 0, length: 0, stack: [0; MOST] };

    /// The stack may hold secrets: they are not left lying about. The handler wrote no further than it said.
    fn wipe(&mut self) {
        self.stack[..self.length].fill(0);
        black_box(&mut self.stack);
    }
}

/// A snapshot of a thread that runs; None if it does not answer in time, or another one is being asked.
pub(super) fn of_running(thread: u32) -> Option<Snapshot> {
    let _turn = Turn::take()?;
    // ORDERING: Acquire, edge "stack-copied": a request that was given up while its thread was copying may be done by now.
    match REQUEST.word.load(Ordering::Acquire) {
        FREE => {}
        // SAFETY: DONE, and the turn is ours: the handler is through with the buffer, and nobody else asks.
        DONE => unsafe { &mut *REQUEST.copy.get() }.wipe(),
        _ => return None,
    }
    if thread == FREE || !handler_is_ours() {
        return None;
    }
    // ORDERING: Release, edge "stack-asked": what this thread read of the buffer comes before the handler's writes.
    REQUEST.word.store(thread, Ordering::Release);
    let number = libc::c_long::from(thread);
    // SAFETY: plain numbers. If the thread has ended the call fails, or reaches a thread of this process that was given its
    // number since. That one is the one asked, by its number, and copies its own stack; nothing but the caller's look
    // whether the poll still lasts tells that it is another, and the copy is thrown away then.
    let sent = unsafe {
        libc::syscall(libc::SYS_tgkill, libc::c_long::from(libc::getpid()), number, libc::c_long::from(SIGNAL))
    };
    let answered = sent == 0 && wait();
    if !answered && withdraw(thread) {
        return None;
    }
    // ORDERING: Acquire, edge "stack-copied": pairs with the handler's last store.
    if REQUEST.word.load(Ordering::Acquire) != DONE {
        // The thread lost its core in the midst of copying: the next asker finds the request done, or leaves it alone too.
        return None;
    }
    // SAFETY: DONE, and the turn is ours: the handler is through with the buffer, and nobody else asks.
    let copied = unsafe { &mut *REQUEST.copy.get() };
    let snapshot = Snapshot {
        instruction: copied.instruction,
        stack_pointer: copied.stack_pointer,
        frame_pointer: Some(copied.frame_pointer),
        stack: copied.stack[..copied.length].to_vec(),
    };
    copied.wipe();
    // Relaxed: the next request's store publishes it.
    REQUEST.word.store(FREE, Ordering::Relaxed);
    Some(snapshot)
}

/// Waits until the handler is done.
fn wait() -> bool {
    let until = Instant::now() + PATIENCE;
    // Relaxed: only to know when to look properly.
    while REQUEST.word.load(Ordering::Relaxed) != DONE {
        if Instant::now() >= until {
            return false;
        }
        thread::sleep(PAUSE);
    }
    true
}

/// Takes the request back; false if the handler has begun.
fn withdraw(thread: u32) -> bool {
    // Relaxed: if it succeeds nobody has written anything.
    REQUEST.word.compare_exchange(thread, FREE, Ordering::Relaxed, Ordering::Relaxed).is_ok()
}

/// Installs the handler unless the program has one for the signal. True if ours is there.
fn handler_is_ours() -> bool {
    let mut now = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: `now` is a place for the answer, which is a structure of numbers, valid as zeroes too.
    let now = unsafe {
        if libc::sigaction(SIGNAL, ptr::null(), now.as_mut_ptr()) != 0 {
            return false;
        }
        now.assume_init()
    };
    let ours = answer as *const () as usize;
    if now.sa_sigaction != libc::SIG_DFL {
        return now.sa_sigaction == ours;
    }
    // SAFETY: a structure of numbers, of which zero is one; what matters is set below.
    let mut wanted: libc::sigaction = unsafe { MaybeUninit::zeroed().assume_init() };
    wanted.sa_sigaction = ours;
    // On the alternative stack where a thread has one: the stuck thread's own may be nearly full.
    wanted.sa_flags = libc::SA_SIGINFO | libc::SA_RESTART | libc::SA_ONSTACK;
    let mut before = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: `wanted` is whole once its mask is filled (no other handler may run, and fork, within ours), `answer` does
    // only what a handler may, and `before` is a place for the answer, valid as zeroes too.
    let before = unsafe {
        libc::sigfillset(&raw mut wanted.sa_mask);
        if libc::sigaction(SIGNAL, &raw const wanted, before.as_mut_ptr()) != 0 {
            return false;
        }
        before.assume_init()
    };
    if before.sa_sigaction == libc::SIG_DFL || before.sa_sigaction == ours {
        return true;
    }
    // SAFETY: the program installed this one after we looked, so it is whole; it gets it back.
    unsafe { libc::sigaction(SIGNAL, &raw const before, ptr::null_mut()) };
    false
}

/// The handler. It makes system calls and touches its request, nothing else: no allocation, no lock, no panic.
extern "C" fn answer(_signal: c_int, _info: *mut libc::siginfo_t, context: *mut c_void) {
    // As after a `sigaction` by others without SA_SIGINFO that calls this one on.
    if context.is_null() {
        return;
    }
    // SAFETY: takes nothing and cannot fail.
    let own = unsafe { libc::gettid() } as u32;
    // ORDERING: Acquire on success, edge "stack-asked": the asker is through with the buffer.
    let asked = REQUEST.word.compare_exchange(own, COPYING, Ordering::Acquire, Ordering::Relaxed);
    if asked.is_err() {
        return;
    }
    // SAFETY: this thread's own `errno`, which the interrupted code must find as it left it.
    let errno = unsafe { libc::__errno_location() };
    // SAFETY: as above.
    let before = unsafe { *errno };
    // SAFETY: COPYING, set by this thread: the buffer is its own.
    let copy = unsafe { &mut *REQUEST.copy.get() };
    // SAFETY: a handler with SA_SIGINFO is passed a `ucontext_t`, valid until it returns; only integers are read.
    let registers = unsafe { &(*context.cast::<libc::ucontext_t>()).uc_mcontext.gregs };
    copy.instruction = registers[libc::REG_RIP as usize] as u64;
    copy.stack_pointer = registers[libc::REG_RSP as usize] as u64;
    copy.frame_pointer = registers[libc::REG_RBP as usize] as u64;
    copy.length = own_memory::read(copy.stack_pointer, &mut copy.stack);
    // SAFETY: as above.
    unsafe { *errno = before };
    // ORDERING: Release, edge "stack-copied": publishes the copy to the asker.
    REQUEST.word.store(DONE, Ordering::Release);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_parent_process_was_amid_is_begun_anew_and_an_askers_turn_is_its_own() {
        const PARENT: u32 = u32::MAX;
        TURN.store(PARENT, Ordering::Relaxed);
        ASKED_BY.store(PARENT, Ordering::Relaxed);
        REQUEST.word.store(COPYING, Ordering::Relaxed);
        let turn = Turn::take().unwrap();
        assert_eq!(REQUEST.word.load(Ordering::Relaxed), FREE);
        assert!(Turn::take().is_none());
        drop(turn);
        // Between the turns of one process the request stays as it is.
        REQUEST.word.store(COPYING, Ordering::Relaxed);
        assert!(Turn::take().is_some() && REQUEST.word.load(Ordering::Relaxed) == COPYING);
        REQUEST.word.store(FREE, Ordering::Relaxed);
    }
}
