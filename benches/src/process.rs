//! Processes of this very program, executed again with other arguments, and what is said to them and by them.
//!
//! A sampler answers each question with one line: `ok 1.5 2`, or `no` and a reason.

use crate::options::Options;
use crate::peers::{Name, smol};
use std::fmt::Display;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

/// A sample that takes longer than this is taken for a hang; the slowest takes a few seconds.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running copy of this program that talks in lines. Killed on drop: nothing it could still do is of use.
pub(crate) struct Replica {
    process: Child,
    lines: Receiver<String>,
}

impl Replica {
    /// Starts one with these arguments, and smol's global executor sized by `workers`.
    pub(crate) fn start(arguments: &[&str], workers: usize, environment: &[(&str, &str)]) -> Result<Self, String> {
        let program = std::env::current_exe().map_err(|error| format!("the program's own path: {error}"))?;
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
        command.env(smol::THREADS, workers.to_string()).envs(environment.iter().copied());
        let mut process = command.spawn().map_err(|error| format!("starting a process: {error}"))?;
        let output = process.stdout.take().expect("stdout is piped");
        let (sender, lines) = channel();
        // A thread of its own, so that waiting for a line can have an end. It ends with the process.
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Ok(Self { process, lines })
    }

    /// Its process number.
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Says a line to it. One that has ended is found out when it is listened to.
    pub(crate) fn say(&mut self, line: &str) {
        let _ = writeln!(self.process.stdin.as_mut().expect("stdin is piped"), "{line}");
    }

    /// Waits for its next line.
    pub(crate) fn hear(&self, patience: Duration) -> Result<String, RecvTimeoutError> {
        self.lines.recv_timeout(patience)
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        // Errors mean that it is gone already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A replica does not outlive a run that is broken off. Called by the replica.
pub(crate) fn die_with_parent() {
    #[cfg(target_os = "linux")]
    // SAFETY: it takes a number and touches no memory of ours.
    unsafe {
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
    }
}

/// Says a line to the parent.
pub(crate) fn say(line: impl Display) {
    // A parent that is gone needs no answer.
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// A replica that answers with numbers.
pub(crate) struct Answering(Replica);

impl Answering {
    /// Starts one with these arguments.
    pub(crate) fn start(arguments: &[&str], options: &Options) -> Result<Self, String> {
        Replica::start(arguments, options.workers, &[]).map(Self)
    }

    /// A process that measures `row` on `peer`.
    pub(crate) fn sampler(peer: Name, row: &str, options: &Options) -> Result<Self, String> {
        let workers = options.workers.to_string();
        Self::start(&[crate::sampler::COMMAND, peer.text(), row, options.scale.text(), &workers], options)
    }

    /// Its process number.
    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }

    /// Asks for one sample and waits for it.
    pub(crate) fn ask(&mut self) -> Result<Vec<f64>, String> {
        self.0.say("sample");
        self.answer()
    }

    /// Waits for an answer that needs no question.
    pub(crate) fn answer(&mut self) -> Result<Vec<f64>, String> {
        let line = self.0.hear(PATIENCE).map_err(|error| match error {
            RecvTimeoutError::Timeout => "hangs".to_owned(),
            RecvTimeoutError::Disconnected => "crashed".to_owned(),
        })?;
        match line.split_once(' ') {
            Some(("ok", numbers)) => numbers
                .split(' ')
                .map(|number| number.parse().map_err(|_| format!("answered `{number}`, which is no number")))
                .collect(),
            Some(("no", reason)) => Err(reason.to_owned()),
            _ => Err(format!("answered `{line}`")),
        }
    }
}

/// The other end: gives an answer.
pub(crate) fn tell(values: &[f64]) {
    let numbers: Vec<String> = values.iter().map(f64::to_string).collect();
    say(format_args!("ok {}", numbers.join(" ")));
}
