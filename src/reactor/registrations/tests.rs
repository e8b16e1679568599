//! Places, generations, and what becomes of events under way.

use super::*;
use crate::reactor::readiness::Direction;

const READ: Ready = Ready::READABLE;

#[test]
fn fault_55_an_event_under_way_never_reaches_the_next_source_of_its_place() {
    let registrations = Registrations::default();
    let first = registrations.insert(Ready::NOTHING).unwrap();
    registrations.remove(&first);
    let second = registrations.insert(Ready::NOTHING).unwrap();
    assert_eq!(second.token % (1 << PLACE_BITS), first.token % (1 << PLACE_BITS), "the place is used again");
    let mut wakers = Vec::new();
    registrations.batch().dispatch(first.token, READ, &mut wakers);
    assert_eq!(second.ready_now(READ).unwrap(), None);
    assert_eq!(first.ready_now(READ).unwrap(), None);
    registrations.batch().dispatch(second.token, READ, &mut wakers);
    assert!(second.ready_now(READ).unwrap().is_some());
    registrations.batch().dispatch(usize::MAX >> 3, READ, &mut wakers);
}

#[test]
fn removing_twice_gives_up_one_place() {
    let registrations = Registrations::default();
    let first = registrations.insert(Ready::NOTHING).unwrap();
    registrations.remove(&first);
    registrations.remove(&first);
    let (a, b) = (registrations.insert(Ready::NOTHING).unwrap(), registrations.insert(Ready::NOTHING).unwrap());
    assert_ne!(a.token, b.token);
    assert_eq!(registrations.len(), 2);
}

#[test]
fn after_a_shutdown_nothing_registers_and_the_rest_errs() {
    let registrations = Registrations::default();
    let io = registrations.insert(Ready::READABLE).unwrap();
    registrations.shut_down(&mut Vec::new());
    assert!(io.ready_now(READ).unwrap_err().to_string().contains("the runtime was shut down"));
    assert!(registrations.insert(Ready::NOTHING).is_err());
    registrations.remove(&io);
    assert_eq!(registrations.len(), 0);
}

#[test]
fn fault_45_a_broken_queue_gives_everyone_its_error() {
    let registrations = Registrations::default();
    let io = registrations.insert(Ready::NOTHING).unwrap();
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(io.poll_ready(&mut cx, Direction::Read).is_pending());
    let mut wakers = Vec::new();
    registrations.fail_all(9, &mut wakers);
    assert_eq!(wakers.len(), 1);
    assert_eq!(io.ready_now(READ).unwrap_err().raw_os_error(), Some(9));
}
