//! A gate that tasks wait at until it is opened, from any thread: what these tests have in place of a channel.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

/// Closed at first; opened once and for good.
#[derive(Debug, Clone, Default)]
pub(crate) struct Gate(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    open: bool,
    /// How often a waiting future was polled in vain.
    waits: usize,
    waiters: Vec<Waker>,
}

impl Gate {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Ready once the gate is open.
    pub(crate) fn wait(&self) -> Wait {
        Wait(self.clone())
    }

    /// Lets everybody through, now and later.
    pub(crate) fn open(&self) {
        let waiters = {
            let mut state = self.0.lock().unwrap();
            state.open = true;
            std::mem::take(&mut state.waiters)
        };
        waiters.into_iter().for_each(Waker::wake);
    }

    pub(crate) fn is_open(&self) -> bool {
        self.0.lock().unwrap().open
    }

    /// How often somebody was made to wait here.
    pub(crate) fn waits(&self) -> usize {
        self.0.lock().unwrap().waits
    }

    /// Wakes who waits, for nothing.
    pub(crate) fn shake(&self) {
        let waiters = std::mem::take(&mut self.0.lock().unwrap().waiters);
        waiters.into_iter().for_each(Waker::wake);
    }

    /// A waker of somebody who waits here, kept as a foreign library would.
    pub(crate) fn steal_waker(&self) -> Waker {
        self.0.lock().unwrap().waiters.last().expect("somebody waits").clone()
    }
}

/// See [`Gate::wait`].
#[derive(Debug)]
pub(crate) struct Wait(Gate);

impl Future for Wait {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let waker = cx.waker().clone();
        let mut state = self.0.0.lock().unwrap();
        if state.open {
            drop(state);
            return Poll::Ready(());
        }
        state.waits += 1;
        state.waiters.push(waker);
        Poll::Pending
    }
}
