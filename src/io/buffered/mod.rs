//! Buffers around readers and writers, so that many small reads and writes become few large ones.

mod reader;
mod stream;
mod writer;

pub use reader::BufReader;
pub use stream::BufStream;
pub use writer::BufWriter;

/// The size of a buffer unless asked for otherwise, in bytes.
pub(super) const DEFAULT_CAPACITY: usize = 8 * 1024;
