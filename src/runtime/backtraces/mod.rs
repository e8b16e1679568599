//! Backtraces of stuck threads, taken while they are stuck; the system they are taken on is chosen here.

#[cfg(all(feature = "backtrace", target_os = "linux", target_arch = "x86_64", target_pointer_width = "64"))]
#[allow(unsafe_code, reason = "another thread is looked at, and interrupted")]
mod linux;
#[cfg(not(all(feature = "backtrace", target_os = "linux", target_arch = "x86_64", target_pointer_width = "64")))]
mod portable;

use std::fmt;

#[cfg(all(feature = "backtrace", target_os = "linux", target_arch = "x86_64", target_pointer_width = "64"))]
pub(super) use linux::{Collector, Snapshot};
#[cfg(not(all(feature = "backtrace", target_os = "linux", target_arch = "x86_64", target_pointer_width = "64")))]
pub(super) use portable::{Collector, Snapshot};

/// Whether the program was built with backtraces at all.
pub(super) const BUILT_IN: bool = cfg!(feature = "backtrace");

/// Where a stuck thread was; part of a [`StallReport`](super::StallReport).
///
/// Printed with `{}` it has a line per function, the innermost first, with a line of its own for the place if that is known.
/// What leads from the thread's start to the task is left out, and so is the inside of the system's libraries.
#[derive(Debug, Clone)]
pub struct StallBacktrace {
    frames: Vec<StallFrame>,
}

impl StallBacktrace {
    /// The functions the thread was in, the innermost first; inlined ones too, where the debug information tells.
    #[must_use]
    pub fn frames(&self) -> &[StallFrame] {
        &self.frames
    }
}

/// One function of a [`StallBacktrace`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StallFrame {
    /// The instruction, as it lay in memory.
    pub address: usize,
    /// The function's name, if the program's symbols were not stripped.
    pub symbol: Option<String>,
    /// The file of the call, if there is debug information.
    pub file: Option<String>,
    /// The line in that file.
    pub line: Option<u32>,
    /// The program or library it belongs to.
    pub module: Option<String>,
}

impl fmt::Display for StallBacktrace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, frame) in self.frames.iter().enumerate() {
            let end = if number == 0 { "" } else { "\n" };
            write!(f, "{end}{number:4}: {frame}")?;
        }
        Ok(())
    }
}

impl fmt::Display for StallFrame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.symbol, &self.module) {
            (Some(symbol), _) => f.write_str(symbol)?,
            (None, Some(module)) => write!(f, "{:#x} in {module}", self.address)?,
            (None, None) => write!(f, "{:#x}", self.address)?,
        }
        match (&self.file, self.line) {
            (Some(file), Some(line)) => write!(f, "\n             at {file}:{line}"),
            (Some(file), None) => write!(f, "\n             at {file}"),
            (None, _) => Ok(()),
        }
    }
}
