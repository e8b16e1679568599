//! The task's state word: its transitions, in the orders in which a task makes them.

use divan::{Bencher, black_box};

use crate::state::{EndPoll, StartPoll, State, Wake};

/// Woken, polled, idle again: what each turn of a task costs in read-modify-writes.
#[divan::bench]
fn wake_poll_idle(bencher: Bencher<'_, '_>) {
    let state = State::new();
    assert!(state.start_poll() == StartPoll::Poll && state.end_poll() == EndPoll::Idle);
    bencher.bench_local(|| {
        let state = black_box(&state);
        assert!(state.wake_by_ref() == Wake::Schedule);
        assert!(state.start_poll() == StartPoll::Poll);
        assert!(state.end_poll() == EndPoll::Idle);
    });
}

/// Woken while it runs: a yield.
#[divan::bench]
fn poll_yield(bencher: Bencher<'_, '_>) {
    let state = State::new();
    bencher.bench_local(|| {
        let state = black_box(&state);
        assert!(state.start_poll() == StartPoll::Poll);
        assert!(state.wake_by_ref() == Wake::Nothing);
        assert!(state.end_poll() == EndPoll::Again);
    });
}

/// From the first poll to the last reference, the handle dropped beforehand.
#[divan::bench]
fn poll_complete_unread(bencher: Bencher<'_, '_>) {
    bencher.with_inputs(State::new).bench_local_refs(|state| {
        let state = black_box(state);
        let _ = (state.start_poll(), state.leave());
        let _ = (state.complete(2), state.complete_unread(2));
    });
}

/// A wake of a task that was woken already.
#[divan::bench]
fn wake_again(bencher: Bencher<'_, '_>) {
    let state = State::new();
    bencher.bench_local(|| assert!(black_box(&state).wake_by_ref() == Wake::Nothing));
}

#[divan::bench]
fn add_and_drop_a_reference(bencher: Bencher<'_, '_>) {
    let state = State::new();
    bencher.bench_local(|| {
        let state = black_box(&state);
        state.add_reference();
        state.drop_references(1)
    });
}
