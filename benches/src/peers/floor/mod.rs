//! The floor: what the least that could do a row's work costs, without a runtime, where there is such a thing.

use crate::rows::{Body, Service, lifecycle};

mod queues;
pub(crate) mod server;
mod threads;

/// What is measured as the floor of a row; its type parameter means nothing.
pub(crate) fn body(row: &str) -> Option<Body<()>> {
    Some(match row {
        "spawn from inside" => Body::Bare(queues::one_thread),
        "spawn from outside" => Body::Bare(queues::two_threads),
        "wake an idle runtime" => Body::Bare(threads::wake),
        "spawn_blocking, burst of 20,000" => Body::Bare(queues::burst),
        "spawn_blocking, one at a time" => Body::Bare(threads::round_trip),
        "sleep lateness" => Body::Bare(threads::sleep_lateness),
        "runtime build + drop" => Body::Bare(threads::start_and_join),
        "process start to first poll" => {
            Body::Bare(|scale, workers| lifecycle::launch(super::Name::Floor, scale, workers))
        }
        _ => Body::Serve(service(row)?, 0),
    })
}

fn service(row: &str) -> Option<Service> {
    match row.split(' ').next()? {
        "tcp" => Some(Service::Echo),
        "http" => Some(Service::Http),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peers::tokio::Tokio;
    use crate::rows::all;

    #[test]
    fn every_floor_is_one_of_a_row() {
        let with_floor = all::<Tokio>().iter().filter(|row| body(row.name).is_some()).count();
        assert_eq!(with_floor, 8 + 4 + 3);
    }
}
