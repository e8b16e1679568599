//! The registry: what lives, what is shut down, and what comes too late.

use super::*;

#[test]
fn the_registry_lists_what_lives() {
    let (list, alive) = (List::new(), Alive::new());
    let (future, _waker) = stuck(alive.token());
    let idle = list.spawn(future);
    list.run();
    let name: Option<std::sync::Arc<str>> = Some("named".into());
    let (queued, notified) =
        list.registry.bind(Some(1), ready(()), Async(list.clone()), Id::next(), Location::caller(), name);
    let mut seen = Vec::new();
    list.registry.for_each(|task| seen.push((task.id, task.state, task.name.map(|name| name.to_string()))));
    seen.sort_by_key(|(id, ..)| *id);
    assert_eq!(
        seen,
        [(idle.id(), TaskState::Idle, None), (queued.id(), TaskState::Scheduled, Some("named".to_owned()))]
    );
    assert_eq!(list.registry.len(), 2);
    notified.unwrap().run();
    list.shutdown();
    assert!(list.registry.len() == 0 && list.registry.is_closed());
}

#[test]
fn fault_24_25_a_spawn_into_a_closed_registry_is_cancelled_also_from_a_drop() {
    struct SpawnsOnDrop(Arc<List>, Arc<Mutex<Option<JoinHandle<()>>>>);
    impl Drop for SpawnsOnDrop {
        fn drop(&mut self) {
            let handle = self.0.spawn(ready(()));
            *self.1.lock() = Some(handle);
        }
    }
    let (list, alive, slot) = (List::new(), Alive::new(), Arc::new(Mutex::new(None)));
    let spawns = SpawnsOnDrop(list.clone(), slot.clone());
    let mut outer = list.spawn(async move {
        let _spawns = spawns;
        pending::<()>().await;
    });
    list.run();
    list.shutdown();
    assert!(outcome(&mut outer).unwrap_err().is_cancelled());
    let mut handle = slot.lock().take().unwrap();
    assert!(outcome(&mut handle).unwrap_err().is_cancelled());
    let token = alive.token();
    let mut late = list.spawn(async move { drop(token) });
    assert_eq!(alive.count(), 0);
    assert!(outcome(&mut late).unwrap_err().is_cancelled());
    drop((outer, handle, late));
    assert_eq!(Arc::strong_count(&list), 1);
}

#[test]
fn many_tasks_come_and_go_through_all_shards() {
    let (list, alive) = (List::new(), Alive::new());
    for round in 0..3 {
        let handles: Vec<_> = (0..5000)
            .map(|n| {
                let (token, scheduler) = (alive.token(), Async(list.clone()));
                let future = async move { drop(token) };
                let (handle, task) = list.registry.bind(
                    Some((n + round) % 2).filter(|_| n % 3 > 0),
                    future,
                    scheduler,
                    Id::next(),
                    Location::caller(),
                    None,
                );
                list.queue.lock().extend(task);
                handle
            })
            .collect();
        assert_eq!(list.registry.len(), 5000);
        assert_eq!(list.run(), 5000);
        assert_eq!((list.registry.len(), alive.count()), (0, 0));
        drop(handles);
    }
}
