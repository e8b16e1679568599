//! An example as a running process: its output as it comes, signals to it, its end.

use std::io::Read;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use crate::support::eventually;

/// A running example. Dropping it kills it.
pub(crate) struct Program {
    child: Child,
    output: Arc<Mutex<String>>,
    readers: Vec<JoinHandle<()>>,
}

/// How it ended, and all it said on standard output and standard error.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) output: String,
}

/// cargo builds the examples beside the tests: `target/PROFILE/deps/examples-…` and `target/PROFILE/examples/NAME`.
fn path_of(example: &str) -> PathBuf {
    let test = std::env::current_exe().expect("the path of this test");
    let path = test.ancestors().nth(2).expect("target/PROFILE").join("examples").join(example);
    assert!(path.exists(), "{} is not there: `cargo build --examples` builds it", path.display());
    path
}

impl Program {
    pub(crate) fn start(example: &str, arguments: &[&str]) -> Self {
        let mut child = Command::new(path_of(example))
            .args(arguments)
            .env("RUST_BACKTRACE", "0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the example starts");
        let output = Arc::default();
        let readers = vec![
            gather(child.stdout.take().expect("piped"), &output),
            gather(child.stderr.take().expect("piped"), &output),
        ];
        Self { child, output, readers }
    }

    pub(crate) fn id(&self) -> libc::pid_t {
        self.child.id().try_into().expect("a process id")
    }

    /// What it has said so far.
    pub(crate) fn output(&self) -> String {
        self.output.lock().unwrap().clone()
    }

    /// Waits until it has said `text`.
    #[track_caller]
    pub(crate) fn wait_for(&self, text: &str) {
        self.wait_until(|output| output.contains(text));
    }

    /// Waits until what it has said satisfies `condition`.
    #[track_caller]
    pub(crate) fn wait_until(&self, condition: impl Fn(&str) -> bool) {
        eventually(|| condition(&self.output.lock().unwrap()));
    }

    /// Ctrl-C.
    pub(crate) fn interrupt(&self) {
        // SAFETY: takes no pointers. The child has not been waited for, so its id is still its own.
        assert_eq!(unsafe { libc::kill(self.id(), libc::SIGINT) }, 0);
    }

    /// Waits for its end.
    #[track_caller]
    pub(crate) fn end(mut self) -> Ended {
        let mut ended = None;
        eventually(|| {
            ended = self.child.try_wait().expect("its status");
            ended.is_some()
        });
        let status = ended.expect("it has ended");
        for reader in self.readers.drain(..) {
            reader.join().expect("the reader of its output");
        }
        Ended { status, output: self.output() }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            eprintln!("what the example had said:\n{}", self.output());
        }
    }
}

impl Ended {
    #[track_caller]
    pub(crate) fn assert_code(&self, code: i32) {
        assert_eq!(self.status.code(), Some(code), "{self:?}");
    }

    /// How many lines contain `text`.
    pub(crate) fn count(&self, text: &str) -> usize {
        self.output.lines().filter(|line| line.contains(text)).count()
    }
}

fn gather(mut from: impl Read + Send + 'static, output: &Arc<Mutex<String>>) -> JoinHandle<()> {
    let output = output.clone();
    thread::spawn(move || {
        let mut piece = [0; 4096];
        while let Ok(length @ 1..) = from.read(&mut piece) {
            output.lock().unwrap().push_str(&String::from_utf8_lossy(&piece[..length]));
        }
    })
}
