//! The models, one file per subject.

mod parker;

use crate::explore::Models;

/// All models.
pub const ALL: &[Models] = &[parker::MODELS];
