//! What hyper 1 asks of a runtime: bytes ([`HyperIo`]), tasks ([`Exec`]) and time ([`Timer`]).

mod exec;
mod io;
mod timer;

pub use exec::Exec;
pub use io::HyperIo;
pub use timer::{Sleep, Timer};
