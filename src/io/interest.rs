//! `Interest` and `Ready`: what one waits for, and what one then knows.

use crate::reactor;
use std::fmt;
use std::ops::{BitAnd, BitAndAssign, BitOr, BitOrAssign};

/// What to wait for on a source of events: to read, to write, or both.
///
/// # Examples
/// ```
/// use freewheel::io::Interest;
///
/// let both = Interest::READABLE | Interest::WRITABLE;
/// assert!(both.is_readable() && both.is_writable());
/// assert_eq!(both.remove(Interest::READABLE), Some(Interest::WRITABLE));
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Interest(reactor::Interest);

impl Interest {
    /// To read: also the end of what can be read, and errors.
    pub const READABLE: Self = Self(reactor::Interest::READABLE);
    /// To write: also the end of what can be written, and errors.
    pub const WRITABLE: Self = Self(reactor::Interest::WRITABLE);
    /// Out-of-band data.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub const PRIORITY: Self = Self(reactor::Interest::PRIORITY);

    /// Whether it holds the interest to read.
    pub const fn is_readable(self) -> bool {
        self.0.is_readable()
    }

    /// Whether it holds the interest to write.
    pub const fn is_writable(self) -> bool {
        self.0.is_writable()
    }

    /// Whether it holds the interest in out-of-band data.
    pub const fn is_priority(self) -> bool {
        self.0.is_priority()
    }

    /// Both interests.
    #[must_use]
    pub const fn add(self, other: Self) -> Self {
        Self(self.0.add(other.0))
    }

    /// This interest without the other; `None` if nothing is left.
    #[must_use]
    pub fn remove(self, other: Self) -> Option<Self> {
        self.0.remove(other.0).map(Self)
    }

    pub(crate) fn to_reactor(self) -> reactor::Interest {
        self.0
    }
}

impl BitOr for Interest {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        self.add(other)
    }
}

impl BitOrAssign for Interest {
    fn bitor_assign(&mut self, other: Self) {
        *self = self.add(other);
    }
}

impl fmt::Debug for Interest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a source is ready for. An operation may still say `WouldBlock`: readiness is a hint, and may be stale.
///
/// # Examples
/// ```
/// use freewheel::io::Ready;
///
/// let ready = Ready::READABLE | Ready::READ_CLOSED;
/// assert!(ready.is_readable() && ready.is_read_closed() && !ready.is_writable());
/// assert_eq!(ready & Ready::READ_CLOSED, Ready::READ_CLOSED);
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Ready(reactor::Ready);

impl Ready {
    /// Nothing.
    pub const EMPTY: Self = Self(reactor::Ready::NOTHING);
    /// There is something to read.
    pub const READABLE: Self = Self(reactor::Ready::READABLE);
    /// There is room to write.
    pub const WRITABLE: Self = Self(reactor::Ready::WRITABLE);
    /// Nothing more will come after what there is to read.
    pub const READ_CLOSED: Self = Self(reactor::Ready::READ_CLOSED);
    /// Nothing more can be written.
    pub const WRITE_CLOSED: Self = Self(reactor::Ready::WRITE_CLOSED);
    /// The next operation will report an error.
    pub const ERROR: Self = Self(reactor::Ready::ERROR);
    /// There is out-of-band data.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub const PRIORITY: Self = Self(reactor::Ready::PRIORITY);

    /// Whether it is ready for nothing.
    pub fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// Whether it is worth trying to read: there is something, or the end.
    pub fn is_readable(self) -> bool {
        !self.0.and(reactor::Ready::READABLE | reactor::Ready::READ_CLOSED).is_empty()
    }

    /// Whether it is worth trying to write: there is room, or an error to be told.
    pub fn is_writable(self) -> bool {
        !self.0.and(reactor::Ready::WRITABLE | reactor::Ready::WRITE_CLOSED).is_empty()
    }

    /// Whether nothing more will come.
    pub fn is_read_closed(self) -> bool {
        self.0.contains(reactor::Ready::READ_CLOSED)
    }

    /// Whether nothing more can be written.
    pub fn is_write_closed(self) -> bool {
        self.0.contains(reactor::Ready::WRITE_CLOSED)
    }

    /// Whether the next operation will report an error.
    pub fn is_error(self) -> bool {
        self.0.contains(reactor::Ready::ERROR)
    }

    /// Whether there is out-of-band data.
    pub fn is_priority(self) -> bool {
        self.0.contains(reactor::Ready::PRIORITY)
    }

    pub(crate) fn from_reactor(ready: reactor::Ready) -> Self {
        Self(ready)
    }
}

impl BitOr for Ready {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOrAssign for Ready {
    fn bitor_assign(&mut self, other: Self) {
        *self = *self | other;
    }
}

impl BitAnd for Ready {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        Self(self.0.and(other.0))
    }
}

impl BitAndAssign for Ready {
    fn bitand_assign(&mut self, other: Self) {
        *self = *self & other;
    }
}

impl fmt::Debug for Ready {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
