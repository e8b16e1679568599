//! How a wait for events ends at a deadline: one file for Linux, one for everybody else, chosen here.

#[cfg(not(target_os = "linux"))]
mod portable;
#[cfg(target_os = "linux")]
mod timerfd;

#[cfg(not(target_os = "linux"))]
pub(super) use portable::Deadline;
#[cfg(target_os = "linux")]
pub(super) use timerfd::Deadline;
