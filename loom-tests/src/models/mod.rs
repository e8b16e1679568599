//! The models, one file per subject.

mod blocking;
mod parker;
mod readiness;
mod timers;

use crate::explore::Models;

/// All models.
pub const ALL: &[Models] = &[blocking::MODELS, parker::MODELS, readiness::MODELS, timers::MODELS];
