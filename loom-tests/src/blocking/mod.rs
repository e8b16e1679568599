//! The library's blocking pool, with a stand-in for the channel before it.

mod channel;
#[path = "../../../src/blocking/crew.rs"]
pub(crate) mod crew;
#[path = "../../../src/blocking/job.rs"]
mod job;
#[path = "../../../src/blocking/pool.rs"]
mod pool;
#[path = "../../../src/blocking/post.rs"]
mod post;
#[path = "../../../src/blocking/roster.rs"]
mod roster;

pub(crate) use pool::Pool;
