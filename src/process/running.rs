//! A child from its start to the moment it is reaped: reaped once, and never signalled after that.

use std::io;
use std::panic::Location;
use std::process::ExitStatus;
use std::task::{Context, Poll, ready};

use super::exit::Exit;
use super::orphans;
use crate::runtime::Handle;

/// A child of this process.
#[derive(Debug)]
pub(super) struct Process {
    state: State,
    kill_on_drop: bool,
    /// Who waits for it when its owner does not.
    runtime: Handle,
    location: &'static Location<'static>,
}

#[derive(Debug)]
enum State {
    Running(Running),
    Reaped(ExitStatus),
    /// While it is dropped.
    GivenAway,
}

/// A child that was not reaped.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) child: std::process::Child,
    pub(super) exit: Exit,
}

impl Process {
    /// Takes charge of a child that was just started.
    ///
    /// # Errors
    /// If its end cannot be listened for. It is killed then: nobody could ever learn of it.
    pub(super) fn new(
        mut child: std::process::Child,
        kill_on_drop: bool,
        runtime: Handle,
        location: &'static Location<'static>,
    ) -> io::Result<Self> {
        match Exit::of(&child) {
            Ok(exit) => {
                let state = State::Running(Running { child, exit });
                Ok(Self { state, kill_on_drop, runtime, location })
            }
            Err(error) => {
                // Killed, it ends within moments, so this wait is short; there is nothing to wait with otherwise.
                if child.kill().is_ok() {
                    let _ = child.wait();
                }
                Err(error)
            }
        }
    }

    pub(super) fn kill_on_drop(&mut self, kill: bool) {
        self.kill_on_drop = kill;
    }

    /// Its number, until it was reaped.
    pub(super) fn id(&self) -> Option<u32> {
        match &self.state {
            State::Running(running) => Some(running.child.id()),
            State::Reaped(_) | State::GivenAway => None,
        }
    }

    pub(super) fn poll_wait(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<ExitStatus>> {
        let status = match &mut self.state {
            State::Running(running) => ready!(running.exit.poll(cx, &mut running.child))?,
            State::Reaped(status) => *status,
            State::GivenAway => unreachable!("it is given away by its drop alone"),
        };
        self.state = State::Reaped(status);
        Poll::Ready(Ok(status))
    }

    pub(super) fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        match &mut self.state {
            State::Running(running) => {
                let status = running.child.try_wait()?;
                if let Some(status) = status {
                    self.state = State::Reaped(status);
                }
                Ok(status)
            }
            State::Reaped(status) => Ok(Some(*status)),
            State::GivenAway => Ok(None),
        }
    }

    pub(super) fn send_signal(&mut self, signal: i32) -> io::Result<()> {
        match &self.state {
            State::Running(running) => running.exit.send_signal(&running.child, signal),
            State::Reaped(_) | State::GivenAway => {
                let message = "the process has ended and was waited for: there is nothing to send a signal to";
                Err(io::Error::new(io::ErrorKind::InvalidInput, message))
            }
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let State::Running(running) = std::mem::replace(&mut self.state, State::GivenAway) else { return };
        if self.kill_on_drop {
            // It may have ended already.
            let _ = running.exit.send_signal(&running.child, libc::SIGKILL);
        }
        orphans::adopt(running, &self.runtime, self.location);
    }
}
