//! Where there are no process descriptors: opening one fails, and SIGCHLD serves instead.

use std::convert::Infallible;
use std::io;
use std::task::{Context, Poll};

/// There is none.
#[derive(Debug)]
pub(super) enum Pidfd {}

pub(super) fn open(_: u32) -> io::Result<Infallible> {
    Err(io::ErrorKind::Unsupported.into())
}

impl Pidfd {
    pub(super) fn register(fd: Infallible) -> io::Result<Self> {
        match fd {}
    }

    pub(super) fn poll<R>(&self, _: &mut Context<'_>, _: impl FnMut() -> io::Result<R>) -> Poll<io::Result<R>> {
        match *self {}
    }

    pub(super) fn send_signal(&self, _: i32) -> io::Result<()> {
        match *self {}
    }
}
