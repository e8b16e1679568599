//! The models, one file per subject.

mod baton;
mod blocking;
mod blocking_tasks;
mod driven;
mod due;
mod engine;
mod guests;
mod handoff;
mod idle;
mod lifo;
mod offenders;
mod one_place;
mod parker;
mod readiness;
mod registry;
mod revoke;
mod shutdown;
mod sleep;
mod slow_lifo;
mod stop;
mod supply;
mod task_end;
mod task_join;
mod task_wake;
mod timers;
mod visitors;

use crate::explore::Models;

/// All models.
pub const ALL: &[Models] = &[
    baton::MODELS,
    blocking::MODELS,
    blocking_tasks::MODELS,
    driven::MODELS,
    due::MODELS,
    guests::MODELS,
    handoff::MODELS,
    idle::MODELS,
    lifo::MODELS,
    offenders::MODELS,
    parker::MODELS,
    readiness::MODELS,
    registry::MODELS,
    revoke::MODELS,
    shutdown::MODELS,
    sleep::MODELS,
    slow_lifo::MODELS,
    stop::MODELS,
    supply::MODELS,
    task_end::MODELS,
    task_join::MODELS,
    task_wake::MODELS,
    timers::MODELS,
    visitors::MODELS,
];
