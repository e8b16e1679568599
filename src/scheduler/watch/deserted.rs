//! Nobody polls the reactor though a worker is idle: whose polls of tasks are to blame for it.
//!
//! Asked twice, a moment apart, at a tick that finds it so. Only who has a permit can have left the poll to run tasks, so there are as
//! many suspects as permits at most, however many threads are stuck without one: each costs a look at what the system says.

use super::super::progress::{Control, is_in_poll};
use super::super::slots::Slots;
use super::super::thread_state::State;
use super::Watch;
use super::view::View;
use crate::primitives::clock::Nanos;
use crate::primitives::thread::cpu_time;

/// A poll that keeps its worker from the reactor's, perhaps for long.
#[derive(Debug)]
pub(super) struct Suspect {
    index: usize,
    epoch: u64,
    /// For how long the thread had been on a core.
    ran: Nanos,
}

impl Watch {
    /// Nobody sleeps in the reactor's poll though a worker is idle. Whoever is in a poll of a task may be to blame for it.
    pub(crate) fn suspect(&mut self) {
        self.suspects.clear();
        self.suspects.extend(suspects(&self.shared.slots, &self.views.slots).take(self.shared.config.permits));
    }

    /// It is still so, after `moment`: those suspects are to blame that have computed all that time, or sleep; not those that the
    /// system gave no core.
    pub(crate) fn blame(&mut self, moment: Nanos) {
        for suspect in std::mem::take(&mut self.suspects) {
            let slot = self.shared.slots.get(suspect.index);
            let probe = self.reserve.probe(slot.thread());
            let guilty = probe.look().is_some_and(|sight| {
                sight.state == State::Asleep || sight.ran.saturating_sub(suspect.ran) >= moment / 2
            });
            self.reserve.keep(probe);
            if guilty && slot.epoch() == suspect.epoch {
                self.note_slow(slot);
            }
        }
    }
}

/// The polls in progress of those who have a permit, as far as the watch has seen them.
fn suspects(slots: &Slots, views: &[View]) -> impl Iterator<Item = Suspect> {
    let in_poll = slots.iter().zip(views).filter(|(_, view)| is_in_poll(view.epoch));
    let with_permit = in_poll.filter(|((_, slot), _)| matches!(slot.control(), Control::Active | Control::Blocking));
    with_permit.filter_map(|((index, slot), view)| {
        let ran = cpu_time(slot.thread())?;
        Some(Suspect { index, epoch: view.epoch, ran })
    })
}

#[cfg(test)]
mod tests {
    use std::panic::Location;

    use super::*;
    use crate::primitives::thread::native_id;

    #[test]
    #[cfg(target_os = "linux")]
    fn who_polls_without_a_permit_is_no_suspect() {
        let slots = Slots::new(5);
        let controls = [Control::Revoked, Control::Active, Control::Idle, Control::Blocking, Control::Revoked];
        let seats = controls.map(|control| {
            let seat = slots.sit_down().unwrap();
            let slot = slots.get(seat.index);
            slot.set_thread(native_id());
            slot.set_control(control);
            slot.begin_poll_of(1, Location::caller());
            seat
        });
        let view =
            |seat: &super::super::super::slots::Seat| View { epoch: slots.get(seat.index).epoch(), ..View::new() };
        let views: Vec<View> = seats.iter().map(view).collect();
        let found: Vec<usize> = suspects(&slots, &views).map(|suspect| suspect.index).collect();
        assert_eq!(found, [1, 3]);
        slots.get(1).end_poll();
        let views: Vec<View> = seats.iter().map(view).collect();
        assert_eq!(suspects(&slots, &views).count(), 1);
        seats.into_iter().for_each(|seat| slots.stand_up(seat));
    }
}
