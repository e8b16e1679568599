//! What can go wrong with time.

use std::error::Error;
use std::fmt;
use std::io;

/// The time was up first: the error of [`timeout`](crate::time::timeout) and [`timeout_at`](crate::time::timeout_at).
///
/// # Examples
///
/// ```
/// use freewheel::time::{Duration, timeout};
///
/// # freewheel::runtime::Runtime::new().unwrap().block_on(async {
/// let late = timeout(Duration::from_millis(1), std::future::pending::<()>()).await.unwrap_err();
/// assert_eq!(late.to_string(), "deadline has elapsed");
/// assert_eq!(std::io::Error::from(late).kind(), std::io::ErrorKind::TimedOut);
/// # });
/// ```
#[derive(Debug, PartialEq, Eq)]
pub struct Elapsed(());

impl Elapsed {
    pub(super) fn new() -> Self {
        Self(())
    }
}

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("deadline has elapsed")
    }
}

impl Error for Elapsed {}

impl From<Elapsed> for io::Error {
    fn from(elapsed: Elapsed) -> Self {
        Self::new(io::ErrorKind::TimedOut, elapsed)
    }
}
