//! Linux: a thread of the policy `SCHED_BATCH` preempts nobody when it wakes up, and is in all else like any other.
//!
//! It gets the next core that falls free, or its turn at the system's own tick (`sched(7)`). No privilege is asked for, either way.
//! A thread of another policy, which the program must have chosen, is left as it is.

use super::IS_RENOUNCED;

/// The calling thread's wakeup preemption.
#[derive(Debug)]
pub(crate) struct Preemption {
    may_change: bool,
}

impl Preemption {
    pub(crate) fn of_this_thread() -> Self {
        // SAFETY: takes no pointer; zero is the calling thread.
        let policy = unsafe { libc::sched_getscheduler(0) };
        Self { may_change: policy == libc::SCHED_OTHER }
    }

    /// From now on this thread wakes up without preempting anybody, or does again. Where the system refuses, all stays as it was.
    pub(crate) fn renounce(&mut self, renounced: bool) {
        if self.may_change && IS_RENOUNCED.get() != renounced {
            self.may_change = set(if renounced { libc::SCHED_BATCH } else { libc::SCHED_OTHER });
            IS_RENOUNCED.set(renounced && self.may_change);
        }
    }

    /// A thread begins whose parent had renounced it.
    pub(super) fn disown() {
        // What allowed the parent to renounce it allows this one to have it back.
        let _ = set(libc::SCHED_OTHER);
    }
}

/// True if the calling thread has this policy now.
fn set(policy: libc::c_int) -> bool {
    // SAFETY: all zeroes is a valid `sched_param`, with the one priority that these policies have.
    let priority: libc::sched_param = unsafe { std::mem::zeroed() };
    // SAFETY: the pointer is to a live `sched_param`, which the call reads; zero is the calling thread.
    unsafe { libc::sched_setscheduler(0, policy, &priority) == 0 }
}

// musl has the calls, and refuses them.
#[cfg(all(test, target_env = "gnu"))]
mod tests {
    use super::super::heritage;
    use super::*;
    use std::thread;

    fn policy() -> libc::c_int {
        // SAFETY: takes no pointer.
        unsafe { libc::sched_getscheduler(0) }
    }

    #[test]
    fn it_is_renounced_and_taken_back_and_not_passed_on() {
        thread::spawn(|| {
            let mut preemption = Preemption::of_this_thread();
            preemption.renounce(true);
            assert_eq!(policy(), libc::SCHED_BATCH);
            let disown = heritage();
            let inherited = thread::spawn(move || (policy(), disown(), policy())).join().unwrap();
            assert_eq!(inherited, (libc::SCHED_BATCH, (), libc::SCHED_OTHER));
            preemption.renounce(false);
            assert_eq!(policy(), libc::SCHED_OTHER);
        })
        .join()
        .unwrap();
    }

    #[test]
    fn a_policy_that_the_program_chose_stays() {
        thread::spawn(|| {
            assert!(set(libc::SCHED_IDLE));
            let mut preemption = Preemption::of_this_thread();
            preemption.renounce(true);
            assert_eq!(policy(), libc::SCHED_IDLE);
        })
        .join()
        .unwrap();
    }
}
