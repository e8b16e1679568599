//! A closure in a process of its own: for limits, exits, aborts, and whoever counts threads or descriptors.
//!
//! The test's binary is started again with only this test selected, and a variable that says it is the child.

use std::io::{Read, Write};
use std::process::{Command, ExitStatus, Stdio};
use std::thread;

use super::{Watchdog, limit};

const VARIABLE: &str = "FREEWHEEL_TEST_CHILD";
/// What a child that ran to its end exits with; not 0, so that a test nobody selected does not pass for one that ran.
const RAN_TO_THE_END: i32 = 86;

/// How a child ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    /// Standard output and standard error, one after the other.
    pub(crate) output: String,
}

impl Ended {
    /// The closure returned.
    #[track_caller]
    pub(crate) fn assert_ok(&self) {
        assert_eq!(self.status.code(), Some(RAN_TO_THE_END), "the child ended with {}:\n{}", self.status, self.output);
    }

    /// The child exited with `code` by itself.
    #[track_caller]
    pub(crate) fn assert_code(&self, code: i32) {
        assert_eq!(self.status.code(), Some(code), "the child ended with {}:\n{}", self.status, self.output);
    }

    /// The child aborted, and said `text`.
    #[track_caller]
    pub(crate) fn assert_aborted(&self, text: &str) {
        use std::os::unix::process::ExitStatusExt;
        assert_eq!(self.status.signal(), Some(libc::SIGABRT), "the child ended with {}:\n{}", self.status, self.output);
        assert!(self.output.contains(text), "the child did not say {text:?}:\n{}", self.output);
    }
}

/// Runs `body` in a child process and tells how it ended; in the child, runs it and exits.
///
/// `test` is the calling test's path within its binary, as `cargo test` prints it.
#[track_caller]
pub(crate) fn in_child(test: &str, body: impl FnOnce()) -> Ended {
    if std::env::var(VARIABLE).as_deref() == Ok(test) {
        let _dog = Watchdog::with_limit(test, limit().mul_f32(0.7));
        body();
        let _ = std::io::stdout().flush();
        // SAFETY: takes a number. Not std's exit: that unmaps the main thread's signal stack, where that thread may still be on
        // its way out of the handler by which `setuid` reached it.
        unsafe { libc::_exit(RAN_TO_THE_END) }
    }
    let _dog = Watchdog::new(test);
    let mut child = Command::new(std::env::current_exe().expect("this binary's path"))
        .args([test, "--exact", "--nocapture", "--test-threads=1"])
        .env(VARIABLE, test)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("this binary starts again");
    let mut stderr = child.stderr.take().expect("piped");
    let errors = thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = stderr.read_to_end(&mut bytes);
        bytes
    });
    let mut bytes = Vec::new();
    let _ = child.stdout.take().expect("piped").read_to_end(&mut bytes);
    bytes.extend(errors.join().expect("the reader of standard error"));
    let status = child.wait().expect("the child's status");
    let output = String::from_utf8_lossy(&bytes).into_owned();
    assert!(!output.contains("running 0 tests"), "there is no test called {test:?} in this binary");
    Ended { status, output }
}
