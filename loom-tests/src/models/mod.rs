//! The models, one file per subject.

mod blocking;
mod blocking_tasks;
mod one_place;
mod parker;
mod readiness;
mod task_end;
mod task_join;
mod task_wake;
mod timers;

use crate::explore::Models;

/// All models.
pub const ALL: &[Models] = &[
    blocking::MODELS,
    blocking_tasks::MODELS,
    parker::MODELS,
    readiness::MODELS,
    task_end::MODELS,
    task_join::MODELS,
    task_wake::MODELS,
    timers::MODELS,
];
