//! The names of system calls: one file per kind of system, chosen here.

#[cfg(target_os = "linux")]
#[allow(unsafe_code, reason = "the system is asked about numbers that may stand for nothing")]
mod descriptors;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(not(target_os = "linux"))]
mod portable;

#[cfg(target_os = "linux")]
pub(super) use linux::describe;
#[cfg(not(target_os = "linux"))]
pub(super) use portable::describe;
