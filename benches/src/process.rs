//! The parent's end of a process that answers questions, one line each: `ok 1.5 2`, or `no` and a reason.

use crate::options::Options;
use crate::peers::{Name, smol};
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

/// A sample that takes longer than this is taken for a hang; the slowest takes a few seconds.
const PATIENCE: Duration = Duration::from_secs(60);

/// Name of the variable by which the reactor's rule reaches freewheel.
const REACTOR_RULE: &str = "FREEWHEEL_REACTOR_RULE";

/// A running process, killed on drop: nothing it could still do is of use.
pub(crate) struct Answering {
    process: std::process::Child,
    lines: Receiver<String>,
}

impl Answering {
    /// Executes this very program again with other arguments.
    pub(crate) fn start(arguments: &[&str], options: &Options) -> Result<Self, String> {
        let program = std::env::current_exe().map_err(|error| format!("the program's own path: {error}"))?;
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
        command.env(smol::THREADS, options.workers.to_string());
        if let Some(rule) = &options.reactor_rule {
            command.env(REACTOR_RULE, rule);
        }
        let mut process = command.spawn().map_err(|error| format!("starting a process: {error}"))?;
        let output = process.stdout.take().expect("stdout is piped");
        let (sender, lines) = channel();
        // A thread of its own, so that waiting for an answer can have an end. It ends with the process.
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Ok(Self { process, lines })
    }

    /// A process that measures `row` on `peer`.
    pub(crate) fn sampler(peer: Name, row: &str, options: &Options) -> Result<Self, String> {
        let workers = options.workers.to_string();
        Self::start(&[crate::sampler::COMMAND, peer.text(), row, options.scale.text(), &workers], options)
    }

    /// Its process number.
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Asks for one sample and waits for it.
    pub(crate) fn ask(&mut self) -> Result<Vec<f64>, String> {
        let stdin = self.process.stdin.as_mut().expect("stdin is piped");
        stdin.write_all(b"sample\n").map_err(|_| "crashed".to_owned())?;
        self.answer()
    }

    /// Waits for an answer that needs no question.
    pub(crate) fn answer(&mut self) -> Result<Vec<f64>, String> {
        let line = self.lines.recv_timeout(PATIENCE).map_err(|error| match error {
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

impl Drop for Answering {
    fn drop(&mut self) {
        // Errors mean that it is gone already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The other end: prints an answer.
pub(crate) fn tell(values: &[f64]) {
    let numbers: Vec<String> = values.iter().map(f64::to_string).collect();
    println!("ok {}", numbers.join(" "));
}
