//! `runtime::Builder`: what each knob does, and what it refuses.

mod support;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex, mpsc};
use std::time::Duration;

use freewheel::runtime::{Builder, Handle, Runtime};
use freewheel::time::sleep;
use support::{Gate, eventually, must_panic, must_panic_at, panic_text};

/// The refusal of a value, whether it panics at the call or fails the build.
#[track_caller]
fn refused(build: impl FnOnce() -> std::io::Result<Runtime>) -> String {
    match std::panic::catch_unwind(std::panic::AssertUnwindSafe(build)) {
        Ok(Ok(_)) => panic!("this should have been refused"),
        Ok(Err(error)) => error.to_string(),
        Err(payload) => panic_text(&*payload),
    }
}

#[test]
fn the_default_has_a_worker_per_core() {
    support::test(|| {
        let (runtime, cores) = (Runtime::new().unwrap(), num_cpus::get());
        let meeting = Arc::new(Barrier::new(cores));
        let arrive = |_| {
            let meeting = meeting.clone();
            // All must be there at once, or none passes.
            runtime.spawn(async move { meeting.wait().is_leader() })
        };
        let tasks: Vec<_> = (0..cores).map(arrive).collect();
        for task in tasks {
            runtime.block_on(task).unwrap();
        }
    });
}

#[test]
fn as_many_tasks_run_at_once_as_there_are_workers() {
    support::test(|| {
        let runtime = support::multi_thread(3);
        let meeting = Arc::new(Barrier::new(3));
        let tasks: Vec<_> = (0..3)
            .map(|_| {
                let meeting = meeting.clone();
                // All three must be there at once, or none passes.
                runtime.spawn(async move { meeting.wait().is_leader() })
            })
            .collect();
        let leaders = tasks.into_iter().map(|task| runtime.block_on(task).unwrap()).filter(|leader| *leader).count();
        assert_eq!(leaders, 1);
    });
}

#[test]
fn fault_34_zero_and_absurd_values_are_refused_by_name() {
    support::test(|| {
        for tick in [Duration::ZERO, Duration::from_micros(99), Duration::from_millis(11), Duration::MAX] {
            let error = Builder::new_multi_thread().watch_tick(tick).build().unwrap_err();
            assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
            assert!(error.to_string().contains("give 100µs to 10ms"), "{error}");
        }
        for mut builder in [Builder::new_multi_thread(), Builder::new_current_thread()] {
            let error = builder.stall_threshold(Duration::ZERO).build().unwrap_err();
            assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
            assert!(error.to_string().contains("stall_threshold is 0") && error.to_string().contains("1ms"), "{error}");
        }
        let zero = must_panic(|| drop(Builder::new_multi_thread().worker_threads(0).build()));
        assert!(zero.contains("Worker threads cannot be set to 0"), "{zero}");
        assert!(zero.len() > "Worker threads cannot be set to 0".len() + 10, "names no cure: {zero}");
        let zero = must_panic(|| drop(Builder::new_multi_thread().max_blocking_threads(0).build()));
        assert!(zero.contains("Max blocking threads cannot be set to 0"), "{zero}");
        let zero = must_panic(|| drop(Builder::new_multi_thread().event_interval(0).build()));
        assert!(zero.contains("event_interval"), "{zero}");
        let zero = must_panic(|| drop(Builder::new_multi_thread().global_queue_interval(0).build()));
        assert!(zero.contains("global_queue_interval must be greater than 0"), "{zero}");
        let zero = must_panic(|| drop(Builder::new_multi_thread().thread_stack_size(0).build()));
        assert!(zero.contains("thread_stack_size cannot be set to 0"), "{zero}");

        let huge = refused(|| Builder::new_multi_thread().worker_threads(usize::MAX).build());
        assert!(huge.to_lowercase().contains("worker") && huge.contains(&usize::MAX.to_string()), "{huge}");
        let huge = refused(|| Builder::new_multi_thread().worker_threads(10_000_000).build());
        assert!(huge.to_lowercase().contains("worker") && huge.contains("10000000"), "{huge}");
    });
}

#[test]
fn a_refusal_names_the_callers_line() {
    let line = line!() + 1;
    let (_, place) = must_panic_at(|| drop(Builder::new_multi_thread().worker_threads(0).build()));
    assert_eq!(place, format!("tests/runtime_builder.rs:{line}"));
    let line = line!() + 1;
    let (_, place) = must_panic_at(|| drop(Builder::new_multi_thread().global_queue_interval(0).build()));
    assert_eq!(place, format!("tests/runtime_builder.rs:{line}"));
}

#[test]
fn a_cap_without_bound_is_no_harm() {
    support::test(|| {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .max_blocking_threads(usize::MAX)
            .thread_keep_alive(Duration::MAX)
            .build()
            .unwrap();
        assert_eq!(runtime.block_on(runtime.spawn_blocking(|| 7)).unwrap(), 7);
        runtime.shutdown_timeout(Duration::from_secs(60));
    });
}

#[test]
fn a_stack_size_the_system_cannot_give_is_an_error_and_not_a_crash() {
    support::test(|| {
        let text = refused(|| Builder::new_multi_thread().worker_threads(1).thread_stack_size(usize::MAX / 2).build());
        assert!(!text.is_empty());
    });
}

#[test]
fn thread_names_are_as_asked_for() {
    support::test(|| {
        let name = |runtime: &Runtime| {
            let task = runtime.spawn(async { std::thread::current().name().map(str::to_owned) });
            runtime.block_on(task).unwrap().expect("workers have names")
        };
        let blocking = |runtime: &Runtime| {
            let job = runtime.spawn_blocking(|| std::thread::current().name().map(str::to_owned));
            runtime.block_on(job).unwrap().expect("blocking threads have names")
        };
        let plain = support::multi_thread(1);
        assert!(name(&plain).starts_with("freewheel-worker-"), "{}", name(&plain));
        assert!(blocking(&plain).starts_with("freewheel-blocking-"), "{}", blocking(&plain));

        let named = Builder::new_multi_thread().worker_threads(1).thread_name("mill").build().unwrap();
        assert_eq!((name(&named).as_str(), blocking(&named).as_str()), ("mill", "mill"));

        let count = Arc::new(AtomicUsize::new(0));
        let numbered = Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name_fn(move || format!("mill-{}", count.fetch_add(1, Ordering::Relaxed)))
            .build()
            .unwrap();
        let (worker, blocking) = (name(&numbered), blocking(&numbered));
        assert!(worker.starts_with("mill-") && blocking.starts_with("mill-") && worker != blocking);
    });
}

#[test]
fn the_stack_is_as_large_as_asked_for() {
    /// Uses about `kilobytes` of stack.
    fn dig(kilobytes: usize) -> usize {
        let page = std::hint::black_box([kilobytes as u8; 1024]);
        if kilobytes == 0 { 0 } else { dig(kilobytes - 1) + usize::from(page[kilobytes % 1024] == kilobytes as u8) }
    }
    support::test(|| {
        let runtime =
            Builder::new_multi_thread().worker_threads(1).thread_stack_size(64 << 20).enable_all().build().unwrap();
        // Far more than the two megabytes that threads have by default.
        assert_eq!(runtime.block_on(runtime.spawn(async { dig(12 << 10) })).unwrap(), 12 << 10);
        assert_eq!(runtime.block_on(runtime.spawn_blocking(|| dig(12 << 10))).unwrap(), 12 << 10);
    });
}

#[test]
fn threads_that_start_and_stop_call_their_hooks_on_themselves() {
    support::test(|| {
        let started = Arc::new(Mutex::new(Vec::new()));
        let stopped = Arc::new(Mutex::new(Vec::new()));
        let note = |list: &Arc<Mutex<Vec<_>>>| {
            let list = list.clone();
            move || list.lock().unwrap().push(std::thread::current().id())
        };
        let runtime = Builder::new_multi_thread()
            .worker_threads(2)
            .on_thread_start(note(&started))
            .on_thread_stop(note(&stopped))
            .build()
            .unwrap();
        let worker = runtime.block_on(runtime.spawn(async { std::thread::current().id() })).unwrap();
        let blocking = runtime.block_on(runtime.spawn_blocking(|| std::thread::current().id())).unwrap();
        let seen = |list: &Arc<Mutex<Vec<_>>>, thread| list.lock().unwrap().contains(&thread);
        assert!(seen(&started, worker) && seen(&started, blocking));
        assert!(!seen(&stopped, worker));
        drop(runtime);
        eventually(|| seen(&stopped, worker) && seen(&stopped, blocking));
        assert_eq!(started.lock().unwrap().len(), stopped.lock().unwrap().len());
    });
}

#[test]
fn a_worker_that_parks_calls_its_hooks_in_turns() {
    support::test(|| {
        let (parks, unparks) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let count = |counter: &Arc<AtomicUsize>| {
            let counter = counter.clone();
            move || {
                counter.fetch_add(1, Ordering::Relaxed);
            }
        };
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .on_thread_park(count(&parks))
            .on_thread_unpark(count(&unparks))
            .build()
            .unwrap();
        eventually(|| parks.load(Ordering::Relaxed) > 0);
        let before = unparks.load(Ordering::Relaxed);
        runtime.block_on(runtime.spawn(async {})).unwrap();
        eventually(|| unparks.load(Ordering::Relaxed) > before && parks.load(Ordering::Relaxed) > before);
        drop(runtime);
    });
}

#[test]
fn the_park_hook_of_current_thread_is_called_too() {
    support::test(|| {
        let parks = Arc::new(AtomicUsize::new(0));
        let count = parks.clone();
        let runtime = Builder::new_current_thread()
            .on_thread_park(move || {
                count.fetch_add(1, Ordering::Relaxed);
            })
            .enable_all()
            .build()
            .unwrap();
        let gate = support::Gate::new();
        let opener = gate.clone();
        let seen = parks.clone();
        let thread = std::thread::spawn(move || {
            eventually(|| opener.waits() > 0 && seen.load(Ordering::Relaxed) > 0);
            opener.open();
        });
        runtime.block_on(gate.wait());
        thread.join().unwrap();
    });
}

/// Tests runtimes of both flavours whose one worker calls `hook` before it sleeps, then such as call it after that.
fn with_park_hook(hook: impl Fn() + Clone + Send + Sync + 'static, test: impl Fn(Runtime, bool)) {
    let builders = || [Builder::new_current_thread(), Builder::new_multi_thread()];
    support::test(|| {
        for mut builder in builders() {
            test(builder.worker_threads(1).on_thread_park(hook.clone()).build().unwrap(), true);
        }
        for mut builder in builders() {
            test(builder.worker_threads(1).on_thread_unpark(hook.clone()).build().unwrap(), false);
        }
    });
}

#[test]
fn a_task_that_a_park_hook_spawns_runs_though_nothing_else_comes() {
    let to_spawn: Arc<Mutex<Option<Gate>>> = Arc::default();
    let taken = to_spawn.clone();
    let hook = move || {
        if let Some(gate) = taken.lock().unwrap().take() {
            freewheel::spawn(async move { gate.open() });
        }
    };
    with_park_hook(hook, |runtime, before_sleep| {
        let to_spawn = to_spawn.clone();
        let task = runtime.spawn(async move {
            let gate = Gate::new();
            let next_hook_spawns = || *to_spawn.lock().unwrap() = Some(gate.clone());
            if before_sleep {
                sleep(Duration::from_millis(1)).await;
                next_hook_spawns();
            } else {
                next_hook_spawns();
                sleep(Duration::from_millis(1)).await;
            }
            gate.wait().await;
        });
        runtime.block_on(task).unwrap();
    });
}

#[test]
fn fault_27_block_on_in_a_park_hook_is_refused_and_says_why() {
    let refusals: Arc<Mutex<Vec<String>>> = Arc::default();
    let seen = refusals.clone();
    let hook = move || {
        let handle = Handle::current();
        let text = must_panic(|| handle.block_on(async { freewheel::spawn(async {}).await }));
        // Another runtime is nothing to this one; but within that it is refused just the same.
        let other = support::current_thread();
        let further_within = other.block_on(async { must_panic(|| handle.block_on(async {})) });
        seen.lock().unwrap().extend([text, further_within]);
    };
    with_park_hook(hook, |runtime, _| {
        runtime.block_on(async { sleep(Duration::from_millis(1)).await });
        runtime.block_on(runtime.spawn(async { sleep(Duration::from_millis(1)).await })).unwrap();
        drop(runtime);
        let refusals = std::mem::take(&mut *refusals.lock().unwrap());
        assert!(refusals.len() >= 2);
        for text in refusals {
            assert!(text.contains("block_on in a hook of on_thread_park") && text.contains("spawn a task"), "{text}");
        }
    });
}

#[test]
fn a_hook_that_panics_costs_no_task() {
    support::test(|| {
        let runtime = Builder::new_multi_thread()
            .worker_threads(2)
            .on_thread_stop(|| panic!("a stop hook, on purpose"))
            .build()
            .unwrap();
        assert_eq!(runtime.block_on(runtime.spawn(async { 1 })).unwrap(), 1);
        drop(runtime);
    });
}

#[test]
fn a_builder_builds_more_than_once() {
    support::test(|| {
        let mut builder = Builder::new_multi_thread();
        builder.worker_threads(1).thread_name("twice").enable_io().enable_time();
        let (first, second) = (builder.build().unwrap(), builder.build().unwrap());
        let task = second.spawn(async { 2 });
        assert_eq!(first.block_on(task).unwrap(), 2);
    });
}

#[test]
fn the_public_types_can_be_shared_and_shown() {
    fn shared<T: Send + Sync + Unpin + std::panic::UnwindSafe + std::fmt::Debug>() {}
    shared::<Handle>();
    shared::<Runtime>();
    fn sent<T: Send + Sync>() {}
    sent::<freewheel::task::JoinHandle<u8>>();
    sent::<freewheel::task::AbortHandle>();
    sent::<freewheel::task::JoinError>();
    sent::<freewheel::runtime::CallHandle>();
    assert!(format!("{:?}", Builder::new_multi_thread()).contains("worker_threads"));
}

/// A runtime with two workers whose naming function does `fail` from the fifth name on.
fn badly_named(fail: impl Fn() -> String + Send + Sync + 'static) -> Runtime {
    let count = AtomicUsize::new(0);
    let name = move || match count.fetch_add(1, Ordering::Relaxed) {
        number @ 0..4 => format!("good-{number}"),
        _ => fail(),
    };
    Builder::new_multi_thread().worker_threads(2).thread_name_fn(name).build().unwrap()
}

/// Ten tasks block their threads at once, and all goes on: more tasks, timers, the pool, the end.
fn block_and_go_on(runtime: Runtime) {
    let blocked = Arc::new(AtomicUsize::new(0));
    let (held, tasks): (Vec<_>, Vec<_>) = (0..10)
        .map(|_| {
            let ((hold, released), blocked) = (mpsc::channel::<()>(), blocked.clone());
            let task = runtime.spawn(async move {
                blocked.fetch_add(1, Ordering::Relaxed);
                released.recv().unwrap_err();
            });
            (hold, task)
        })
        .unzip();
    eventually(|| blocked.load(Ordering::Relaxed) == 10);
    runtime.block_on(async {
        freewheel::spawn(sleep(Duration::from_millis(2))).await.unwrap();
        assert_eq!(freewheel::task::spawn_blocking(|| 7).await.unwrap(), 7);
    });
    drop(held);
    tasks.into_iter().for_each(|task| runtime.block_on(task).unwrap());
}

#[test]
fn a_naming_function_that_panics_costs_a_thread_its_name_and_nothing_else() {
    support::test(|| block_and_go_on(badly_named(|| panic!("no name comes to mind"))));
}

#[test]
fn a_name_with_a_nul_costs_a_thread_its_name_and_nothing_else() {
    support::test(|| block_and_go_on(badly_named(|| "a\0b".to_owned())));
}

#[test]
fn the_reactor_thread_never_calls_the_naming_function() {
    support::test(|| {
        let callers = Arc::new(Mutex::new(Vec::new()));
        let seen = callers.clone();
        let name = move || {
            seen.lock().unwrap().push(std::thread::current().name().map(str::to_owned));
            "named".to_owned()
        };
        let runtime = Builder::new_multi_thread().worker_threads(2).thread_name_fn(name).build().unwrap();
        block_and_go_on(runtime);
        let callers = callers.lock().unwrap();
        assert!(callers.len() >= 10, "{callers:?}");
        assert!(callers.iter().all(|name| name.as_deref() != Some("freewheel-reactor")), "{callers:?}");
    });
}

#[test]
fn a_name_that_no_thread_can_have_fails_the_build_and_says_what_to_do() {
    for mut builder in [Builder::new_multi_thread(), Builder::new_current_thread()] {
        let error = builder.worker_threads(1).thread_name("a\0b").build().unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
        assert!(error.to_string().contains("without NUL"), "{error}");
        let error = builder.thread_name_fn(|| panic!("no name comes to mind")).build().unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
        assert!(error.to_string().contains("thread_name_fn panicked"), "{error}");
    }
}
