//! Where the system knows no such thing as a thread without wakeup preemption, or we do not know how to ask.

/// The calling thread's wakeup preemption, which it keeps.
#[derive(Debug)]
pub(crate) struct Preemption;

impl Preemption {
    pub(crate) fn of_this_thread() -> Self {
        Self
    }

    /// Does nothing.
    pub(crate) fn renounce(&mut self, _renounced: bool) {}

    pub(super) fn disown() {}
}
