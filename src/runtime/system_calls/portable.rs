//! Names for system calls, where the system does not tell which one a thread is in.

use crate::scheduler::stall::SystemCall;

/// Nothing is known.
pub(in crate::runtime) fn describe(_call: &SystemCall) -> (Option<String>, Option<String>) {
    (None, None)
}
