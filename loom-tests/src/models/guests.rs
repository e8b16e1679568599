//! A scope's guests and its host: the host stays until the last has gone, and then sees all that they did.

use loom::thread;

use super::idle::Touched;
use crate::explore::{bounded, models};
use crate::primitives::Arc;
use crate::spawn::guests::Host;

models! { "guests";
    /// Each guest touches something of the host's. Mutations: `guest_leaves_quietly`, `guest_leaves_relaxed`,
    /// `host_looks_relaxed`, `host_does_not_look_again`.
    fn the_host_outstays_its_guests() {
        bounded(3, || {
            let host = Host::new();
            let borrowed = [0, 1].map(|_| Arc::new(Touched::new()));
            for touched in &borrowed {
                let (guest, touched) = (host.guests().sign_in(), touched.clone());
                thread::spawn(move || {
                    touched.touch();
                    drop(guest);
                });
            }
            host.wait();
            borrowed.iter().for_each(|touched| touched.touch());
        });
    }

    /// A guest brings another before it goes. Mutation: `guest_is_not_counted`.
    fn a_guest_may_bring_another() {
        bounded(3, || {
            let host = Host::new();
            let borrowed = Arc::new(Touched::new());
            let (guests, touched) = (host.guests(), borrowed.clone());
            let first = guests.sign_in();
            thread::spawn(move || {
                let second = guests.sign_in();
                thread::spawn(move || {
                    touched.touch();
                    drop(second);
                });
                drop(first);
            });
            host.wait();
            borrowed.touch();
        });
    }
}
