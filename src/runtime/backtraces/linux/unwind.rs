//! From a snapshot to return addresses.
//!
//! The rules are framehop's, from the unwind tables. What it lacks, for a thread that was not interrupted, is the frame
//! pointer: `/proc` does not tell it. A C library's system calls need none, and many functions restore their caller's, but
//! the first one that finds its own frame by it (the standard library is built that way) needs it. Then it is sought: it
//! points, on a 16-byte boundary further out, to the caller's, and next to it lies a return address. That is taken for the
//! frame if the address follows a call, best of all of that very function, and if all that follows unwinds to the end.

use std::mem;
use std::ops::ControlFlow;

use framehop::x86_64::UnwindRegsX86_64;
use framehop::{FrameAddress, Unwinder};

use super::modules::Modules;
use super::snapshot::Snapshot;
use crate::runtime::own_memory;

/// The most frames of a backtrace.
const MOST: usize = 256;

/// A frame pointer that is not known. No address: whatever needs it fails, and can be told.
const UNKNOWN: u64 = 0x7ead_0000_0000_0000;

/// Where the registers lie in what the system leaves on the stack for a signal handler.
const REGISTERS: usize = mem::offset_of!(libc::ucontext_t, uc_mcontext) + mem::offset_of!(libc::mcontext_t, gregs);

/// `mov rax, 15; syscall`: the call `rt_sigreturn`.
const RETURN_FROM_SIGNAL: [u8; 9] = [0x48, 0xc7, 0xc0, 0x0f, 0, 0, 0, 0x0f, 0x05];

/// How far out a function's own frame pointer is sought, in bytes.
const FAR: u64 = 64 * 1024;

/// The thread's instruction pointer and return addresses, the innermost first.
pub(super) fn addresses(modules: &mut Modules, snapshot: &Snapshot) -> Vec<FrameAddress> {
    let bp = snapshot.frame_pointer.unwrap_or(UNKNOWN);
    let mut walk = Walk {
        registers: UnwindRegsX86_64::new(snapshot.instruction, snapshot.stack_pointer, bp),
        found: vec![FrameAddress::from_instruction_pointer(snapshot.instruction)],
    };
    walk.go(modules, snapshot);
    // A handler on a stack of its own: where that ends nothing lies further out, least of all a frame.
    let at_signal = walk.found.last().is_some_and(|at| returns_from_signal(modules, at.address()));
    if walk.registers.bp() == UNKNOWN && !at_signal {
        let found = [Call::ThisFunction, Call::Any].iter().find_map(|call| walk.seek(modules, snapshot, *call));
        walk = found.unwrap_or(walk);
    }
    walk.found
}

#[derive(Clone)]
struct Walk {
    registers: UnwindRegsX86_64,
    found: Vec<FrameAddress>,
}

/// How a walk ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// At the thread's first function, or where the copy of the stack ends.
    Whole,
    /// At something that cannot be.
    Broken,
}

/// Which call a return address must follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Call {
    ThisFunction,
    Any,
}

impl Walk {
    fn go(&mut self, modules: &mut Modules, snapshot: &Snapshot) -> End {
        loop {
            if let ControlFlow::Break(end) = self.step(modules, snapshot) {
                return end;
            }
        }
    }

    /// Finds one return address more.
    fn step(&mut self, modules: &mut Modules, snapshot: &Snapshot) -> ControlFlow<End> {
        let Some(at) = self.found.last().copied().filter(|_| self.found.len() < MOST) else {
            return ControlFlow::Break(End::Whole);
        };
        if returns_from_signal(modules, at.address()) {
            return self.step_out_of_signal(modules, snapshot);
        }
        modules.load(at.address_for_lookup());
        let mut next = self.registers;
        let mut beyond = false;
        let mut read = |address: u64| {
            beyond |= address >= snapshot.end() && address - snapshot.end() < super::snapshot::MOST as u64;
            snapshot.word(address).ok_or(())
        };
        match modules.unwinder.unwind_frame(at, &mut next, &mut modules.cache, &mut read) {
            Ok(Some(address)) => match FrameAddress::from_return_address(address) {
                // Each frame lies further out than the one before.
                Some(found) if next.sp() > self.registers.sp() && may_return_to(modules, address) => {
                    self.registers = next;
                    self.found.push(found);
                    ControlFlow::Continue(())
                }
                _ => ControlFlow::Break(End::Broken),
            },
            Ok(None) => ControlFlow::Break(End::Whole),
            Err(_) if beyond => ControlFlow::Break(End::Whole),
            Err(_) => ControlFlow::Break(End::Broken),
        }
    }

    /// From what a signal handler returns to, goes on where the signal came. The unwinder cannot, even where there is a rule: that
    /// reads the memory at the stack pointer, which is the `ucontext_t` that the system made for the handler.
    fn step_out_of_signal(&mut self, modules: &Modules, snapshot: &Snapshot) -> ControlFlow<End> {
        let interrupted = || {
            let place = self.registers.sp().checked_add(REGISTERS as u64)?;
            let register = |number: libc::c_int| snapshot.word(place.checked_add(8 * number as u64)?);
            let (ip, sp, bp) = (register(libc::REG_RIP)?, register(libc::REG_RSP)?, register(libc::REG_RBP)?);
            // Further out, as any frame. What a handler on a stack of its own interrupted is shown only if its stack lies above that
            // one, and then alone: it was not copied.
            (modules.is_code(ip) && sp > self.registers.sp()).then(|| UnwindRegsX86_64::new(ip, sp, bp))
        };
        let Some(registers) = interrupted() else { return ControlFlow::Break(End::Broken) };
        self.found.push(FrameAddress::from_instruction_pointer(registers.ip()));
        self.registers = registers;
        ControlFlow::Continue(())
    }

    /// The walk went as far as one comes without the frame pointer: seeks it.
    fn seek(&self, modules: &mut Modules, snapshot: &Snapshot, wanted: Call) -> Option<Self> {
        let function = modules.function(self.found.last()?.address_for_lookup());
        let start = self.registers.sp().checked_next_multiple_of(16)?;
        let end = snapshot.end().min(start.saturating_add(FAR));
        (start..end).step_by(16).find_map(|candidate| {
            let address = snapshot.word(candidate + 8)?;
            let fits = match wanted {
                Call::ThisFunction => function.is_some_and(|function| calls(modules, address, function)),
                Call::Any => may_return_to(modules, address),
            };
            let mut walk = self.clone();
            walk.registers.set_bp(candidate);
            let more = self.found.len() + 1;
            (fits && walk.go(modules, snapshot) == End::Whole && walk.found.len() > more).then_some(walk)
        })
    }
}

/// The bytes before a return address, if it lies in code: the longest call has seven.
fn before(modules: &Modules, address: u64) -> Option<[u8; 7]> {
    let mut bytes = [0; 7];
    let start = address.checked_sub(7)?;
    let whole = modules.is_code(start) && modules.is_code(address - 1) && own_memory::read(start, &mut bytes) == 7;
    whole.then_some(bytes)
}

/// Whether the instruction before `address` calls `function`, directly or through the table of a library's functions.
fn calls(modules: &Modules, address: u64, function: u64) -> bool {
    let Some(bytes) = before(modules, address) else { return false };
    let displaced =
        address.wrapping_add_signed(i64::from(i32::from_le_bytes([bytes[3], bytes[4], bytes[5], bytes[6]])));
    match bytes {
        [_, _, 0xe8, ..] => displaced == function,
        [_, 0xff, 0x15, ..] => {
            let mut target = [0; 8];
            own_memory::read(displaced, &mut target) == 8 && u64::from_le_bytes(target) == function
        }
        _ => false,
    }
}

/// Whether a function may return to `address`: because it was called there, or as the handler of a signal. Asked of any word on
/// a stack, so by the code alone: the unwind tables of its library may not have been copied, nor ever be needed.
fn may_return_to(modules: &Modules, address: u64) -> bool {
    follows_call(modules, address) || returns_from_signal(modules, address)
}

/// Whether the code at `address` is what the C library lets a handler return to. Unwinders have known it by its bytes for so long
/// that it cannot change; glibc's unwind table says it too, musl's has no entry.
fn returns_from_signal(modules: &Modules, address: u64) -> bool {
    let mut bytes = [0; RETURN_FROM_SIGNAL.len()];
    modules.is_code(address) && own_memory::read(address, &mut bytes) == bytes.len() && bytes == RETURN_FROM_SIGNAL
}

/// Whether `address` is one that a call may return to: in code, behind an instruction of one of the forms of a call.
fn follows_call(modules: &Modules, address: u64) -> bool {
    before(modules, address).is_some_and(|bytes| {
        bytes[2] == 0xe8
            // call r/m: the opcode 0xff with /2 in the byte behind it, then what its addressing mode needs.
            || (2..=7).any(|length| {
                let [opcode, mode] = [bytes[7 - length], bytes[8 - length]];
                opcode == 0xff && mode & 0b0011_1000 == 0b0001_0000 && length == call_length(mode)
            })
    })
}

/// The length of `call r/m` with this addressing byte, without a prefix.
fn call_length(mode: u8) -> usize {
    let index = usize::from(mode & 0b111 == 0b100);
    match mode >> 6 {
        0 if mode & 0b111 == 0b101 => 6,
        0 => 2 + index,
        1 => 3 + index,
        2 => 6 + index,
        _ => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    extern "C" fn do_nothing(_: libc::c_int) {}

    #[test]
    fn what_a_signal_handler_returns_to_is_known_by_its_code_alone() {
        let mut action = mem::MaybeUninit::<libc::sigaction>::zeroed();
        // SAFETY: a handler that does nothing, for a signal that is ignored otherwise; then asks what was made of that, with a place
        // for the answer, of which zeroes are a value; then undoes it.
        let action = unsafe {
            libc::signal(libc::SIGWINCH, do_nothing as *const () as libc::sighandler_t);
            assert_eq!(libc::sigaction(libc::SIGWINCH, std::ptr::null(), action.as_mut_ptr()), 0);
            libc::signal(libc::SIGWINCH, libc::SIG_DFL);
            action.assume_init()
        };
        let Some(restorer) = action.sa_restorer else { return };
        let (mut modules, restorer) = (Modules::new(), restorer as usize as u64);
        modules.refresh();
        assert!(returns_from_signal(&modules, restorer) && may_return_to(&modules, restorer));
        assert!(!returns_from_signal(&modules, restorer + 1) && !returns_from_signal(&modules, 8));
        // No table was read for that.
        assert_eq!(modules.function(restorer), None);
    }

    #[test]
    fn a_call_is_as_long_as_its_addressing_mode_says() {
        // call rax; call [rax]; call [rax+8]; call [rax+0x100]; call [rsp+8]; call [rip+x]
        for (mode, length) in [(0xd0, 2), (0x10, 2), (0x50, 3), (0x90, 6), (0x54, 4), (0x15, 6)] {
            assert_eq!(call_length(mode), length, "{mode:#x}");
        }
    }
}
