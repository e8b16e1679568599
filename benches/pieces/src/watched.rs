//! What the watch costs each poll while nobody blocks: what a worker does for it before a poll and after, without the poll.

use std::panic::Location;

use divan::{Bencher, black_box};

use crate::offenders::{Offenders, Record};
use crate::primitives::parker::Parker;
use crate::progress::Control;
use crate::queue::Local;
use crate::slot::Slot;

/// As `Worker::run_task` does it. `Active` is what the control word says on end.
fn poll_nothing(bencher: Bencher<'_, '_>, offenders: &Offenders) {
    let (local, parker) = (Local::new_lifo(), Parker::new());
    let slot = Slot::new(local.stealer(), parker.unparker());
    slot.set_control(Control::Active);
    let location = Location::caller();
    bencher.bench_local(|| {
        let (slot, offenders) = (black_box(&slot), black_box(offenders));
        slot.begin_poll_of(1, location);
        let clean = offenders.record(location) == Record::Clean;
        let slow = slot.is_slow();
        slot.end_poll();
        (clean, slow, slot.control())
    });
}

#[divan::bench]
fn poll_while_nobody_is_known(bencher: Bencher<'_, '_>) {
    poll_nothing(bencher, &Offenders::new());
}

/// Some other location is known to block, so that each poll's own is looked up.
#[divan::bench]
fn poll_while_another_is_known(bencher: Bencher<'_, '_>) {
    let offenders = Offenders::new();
    offenders.note(Location::caller());
    poll_nothing(bencher, &offenders);
}
