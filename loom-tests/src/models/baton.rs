//! The baton: whoever wants it gets it in the end, and has it alone.

use loom::thread;

use crate::explore::{bounded, model, models};
use crate::primitives::Arc;
use crate::primitives::parker::Parker;
use crate::runtime::baton::{Baton, Listed};

/// Takes the baton as soon as it can, and puts it back.
fn run(baton: &Baton<u32>) {
    let (parker, mut listed) = (Parker::new(), Listed::default());
    loop {
        if let Some(round) = baton.take() {
            return baton.put_back(round + 1);
        }
        baton.wait(&parker, &mut listed);
    }
}

models! { "baton";
    /// Mutations: `baton_sleeps_without_a_second_look`, `baton_tells_nobody`.
    fn two_who_want_it_both_get_it() {
        bounded(3, || {
            let baton = Arc::new(Baton::new(0));
            let theirs = baton.clone();
            let other = thread::spawn(move || run(&theirs));
            run(&baton);
            other.join().unwrap();
            assert_eq!(baton.take(), Some(2));
        });
    }

    /// One that waited once waits again. Mutations: `baton_begins_no_round`, `baton_tells_one`.
    fn three_who_want_it_all_get_it() {
        model(|| {
            let baton = Arc::new(Baton::new(0));
            let others = [0, 1].map(|_| {
                let baton = baton.clone();
                thread::spawn(move || run(&baton))
            });
            run(&baton);
            others.into_iter().for_each(|other| other.join().unwrap());
            assert_eq!(baton.take(), Some(3));
        });
    }
}
