//! What a thread is doing: one file per kind of system, chosen here.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(not(target_os = "linux"))]
mod portable;

#[cfg(target_os = "linux")]
pub(crate) use linux::{Activity, Probe, system_call};
#[cfg(not(target_os = "linux"))]
pub(crate) use portable::{Activity, Probe, system_call};
