//! Waiting for time to pass: sleeps, intervals, timeouts.
//!
//! Deadlines are kept by the runtime that the future was made in, to the nanosecond; a sleep never ends early, and on Linux
//! ends well within a millisecond of its deadline when a thread is free. The clock is monotonic: setting the system's
//! time changes nothing, and time during which the machine is suspended does not count.
//!
//! Names and behaviour are those of `tokio::time`. What differs is said at the item.
//!
//! # Examples
//!
//! ```
//! use freewheel::time::{self, Duration};
//!
//! # freewheel::runtime::Runtime::new().unwrap().block_on(async {
//! time::sleep(Duration::from_millis(5)).await;
//!
//! let answer = time::timeout(Duration::from_secs(5), async { 42 }).await;
//! assert_eq!(answer, Ok(42));
//!
//! let mut interval = time::interval(Duration::from_millis(1));
//! for _ in 0..3 {
//!     interval.tick().await;
//! }
//! # });
//! ```
#![forbid(unsafe_code)]

pub mod error;
mod instant;
mod interval;
mod sleep;
mod timeout;

pub use instant::Instant;
pub use interval::{Interval, MissedTickBehavior, interval, interval_at};
pub use sleep::{Sleep, sleep, sleep_until};
pub use std::time::Duration;
pub use timeout::{Timeout, timeout, timeout_at};
