//! The slots of all threads, and the seats of those that left, which the next ones take.

use super::progress::Control;
use super::slot::Slot;
use super::table::Table;
use crate::primitives::Mutex;
use crate::primitives::parker::Parker;
use crate::queue::Local;
use crate::tasks::Notified;

pub(crate) struct Slots {
    table: Table<Slot>,
    left: Mutex<Vec<Seat>>,
}

/// A thread's own half of its slot.
pub(crate) struct Seat {
    pub(crate) index: usize,
    pub(crate) queue: Local<Notified>,
    pub(crate) parker: Parker,
}

impl Slots {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { table: Table::new(capacity), left: Mutex::new(Vec::new()) }
    }

    /// A seat for a new thread; None when all are taken.
    pub(crate) fn sit_down(&self) -> Option<Seat> {
        let mut left = self.left.lock();
        let seat = match left.pop() {
            Some(seat) => seat,
            None => self.append()?,
        };
        self.get(seat.index).set_control(Control::Idle);
        Some(seat)
    }

    /// The thread leaves; its queue must be empty.
    pub(crate) fn stand_up(&self, seat: Seat) {
        debug_assert!(seat.queue.is_empty(), "a thread left its queue behind");
        self.get(seat.index).set_control(Control::Empty);
        self.left.lock().push(seat);
    }

    /// Called under the lock of `left`.
    fn append(&self) -> Option<Seat> {
        if self.table.is_full() {
            return None;
        }
        let (queue, parker) = (Local::new_fifo(), Parker::new());
        let index = self.table.append(Slot::new(queue.stealer(), parker.unparker()));
        Some(Seat { index, queue, parker })
    }

    pub(crate) fn len(&self) -> usize {
        self.table.len()
    }

    pub(crate) fn get(&self, index: usize) -> &Slot {
        self.table.get(index)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (usize, &Slot)> {
        self.table.iter()
    }
}
