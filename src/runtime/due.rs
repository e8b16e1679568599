//! The queue of what is due: served in rounds, by a server that is there only while there is something, until it is closed.
//!
//! ```text
//!           push: the pusher starts a server
//!   Idle ------------------------------------> Served --- push, or a round that leaves something: stays
//!    ^                                         |   |
//!    +--- a round that leaves nothing ---------+   +--- close ---> Closed: a push has its item back
//! ```
//!
//! Nothing is left lying, since queue and stage stand under one lock: whoever pushes meets a server that has yet to look
//! there, is told to start one, or learns that it comes too late. A flag that is read before the lock could not tell that:
//! the queue may be closed and emptied in between. Model: `loom-tests/src/models/due.rs`.

use std::collections::VecDeque;

use crate::primitives::{Mutex, assert_none_held};

pub(crate) struct Due<T>(Mutex<State<T>>);

struct State<T> {
    queue: VecDeque<T>,
    stage: Stage,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Idle,
    Served,
    Closed,
}

/// What a push obliges to.
#[must_use]
pub(crate) enum Push<T> {
    /// A server is there and will come to it.
    Queued,
    /// Start a server: something that calls [`Due::serve`] until it returns false.
    Start,
    /// It is too late; here is the item.
    Closed(T),
}

impl<T> Default for Due<T> {
    fn default() -> Self {
        Self(Mutex::new(State { queue: VecDeque::new(), stage: Stage::Idle }))
    }
}

impl<T> Due<T> {
    pub(crate) fn push(&self, item: T) -> Push<T> {
        let mut state = self.0.lock();
        if state.stage == Stage::Closed {
            return Push::Closed(item);
        }
        state.queue.push_back(item);
        match std::mem::replace(&mut state.stage, Stage::Served) {
            Stage::Idle => Push::Start,
            _ => Push::Queued,
        }
    }

    /// One round: runs what is there now. True if there is more: what is pushed meanwhile comes after everybody else's turn.
    pub(crate) fn serve(&self, run: impl Fn(T)) -> bool {
        let round = self.0.lock().queue.len();
        for _ in 0..round {
            let next = self.0.lock().queue.pop_front();
            let Some(item) = next else { break };
            assert_none_held();
            run(item);
        }
        let mut state = self.0.lock();
        if state.stage == Stage::Served && state.queue.is_empty() {
            state.stage = Stage::Idle;
        }
        state.stage == Stage::Served
    }

    /// Nobody serves any more: what is there goes to `end`, and what comes later back to who brings it.
    pub(crate) fn close(&self, end: impl Fn(T)) {
        self.0.lock().stage = Stage::Closed;
        loop {
            let next = self.0.lock().queue.pop_front();
            let Some(item) = next else { return };
            assert_none_held();
            end(item);
        }
    }
}
