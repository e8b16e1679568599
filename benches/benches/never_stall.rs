//! The bench target `never_stall`: everything is in the library, so that it is checked and formatted like any other code.

use std::process::ExitCode;

fn main() -> ExitCode {
    freewheel_benches::never_stall()
}
