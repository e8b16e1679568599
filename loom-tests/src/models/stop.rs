//! The stop: whoever waits for it is told, and sees what was done before.

use std::future::poll_fn;

use loom::thread;

use super::idle::Touched;
use super::one_place::{Alive, block_on};
use crate::explore::{bounded, models};
use crate::primitives::Arc;
use crate::runtime::stop::Stop;

models! { "stop";
    /// Mutations: `stop_wakes_nobody`, `stop_without_a_second_look`, `stop_asks_relaxed`, `stop_takes_relaxed`.
    fn a_stop_racing_a_wait_is_never_lost() {
        bounded(3, || {
            let (stop, done) = (Arc::new(Stop::default()), Arc::new(Touched::new()));
            let (theirs, before) = (stop.clone(), done.clone());
            let asker = thread::spawn(move || {
                before.touch();
                theirs.ask();
            });
            let alive = Alive::new();
            block_on(&mut poll_fn(|context| stop.poll_take(context)), &alive);
            done.touch();
            asker.join().unwrap();
            assert!(!stop.take(), "taken once");
            drop(stop);
            assert_eq!(alive.count(), 0);
        });
    }
}
