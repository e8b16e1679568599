//! Where there are no Unix signals, Ctrl-C cannot be waited for yet.

use std::io;

/// Waits until the process is told to stop by Ctrl-C; not supported on this system.
///
/// # Errors
/// Always, with [`Unsupported`](io::ErrorKind::Unsupported).
pub async fn ctrl_c() -> io::Result<()> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "waiting for Ctrl-C is not supported on this system"))
}
