//! The supply of threads: a hot spare always, one more where one is wanted, and none that nobody has needed for long.
//!
//! Part of the reactor thread's tick, as the watch is.

use super::shared::Shared;
use super::slot::Control;
use crate::primitives::Arc;
use crate::primitives::clock::{NEVER, Nanos};

pub(crate) struct Supply {
    shared: Arc<Shared>,
    /// Since when more threads have been idle than needed.
    surplus_since: Option<Nanos>,
}

impl Supply {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, surplus_since: None }
    }

    /// Starts the thread that is missing. Refused by the system: it is tried again at the next tick.
    pub(crate) fn tick(&mut self, now: Nanos) {
        let wanted = self.shared.lifecycle.take_want();
        let missing = wanted || self.shared.idle.no_spare();
        let refused = missing && Shared::start_thread(&self.shared).is_err();
        if refused && wanted {
            self.shared.lifecycle.want_thread();
        }
        self.let_go(now);
    }

    /// Lets threads go that have been too many for the whole keep-alive. Needed are one for each idle permit, and a spare.
    fn let_go(&mut self, now: Nanos) {
        let idle = self.shared.slots.iter().filter(|(_, slot)| slot.control() == Control::Idle).count();
        let needed = self.shared.idle.look().0 + 1;
        if idle <= needed {
            self.surplus_since = None;
            return;
        }
        let since = *self.surplus_since.get_or_insert(now);
        if now.saturating_sub(since) < self.shared.config.keep_alive {
            return;
        }
        for _ in needed..idle {
            // Off the stack nobody can claim it; it reads its word when it wakes.
            let Some(index) = self.shared.idle.pop() else { return };
            let slot = self.shared.slots.get(index);
            slot.set_control(Control::Empty);
            slot.unparker.unpark();
        }
        self.surplus_since = None;
    }

    /// When a surplus thread is to go, if nothing changes: the reactor thread sleeps no longer.
    pub(crate) fn next(&self) -> Nanos {
        self.surplus_since.map_or(NEVER, |since| since.saturating_add(self.shared.config.keep_alive))
    }
}
