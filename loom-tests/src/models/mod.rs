//! The models, one file per subject.

mod parker;
mod readiness;
mod timers;

use crate::explore::Models;

/// All models.
pub const ALL: &[Models] = &[parker::MODELS, readiness::MODELS, timers::MODELS];
