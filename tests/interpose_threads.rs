//! The system refuses threads, one after the other: `pthread_create` fails by plan.

mod support;

use std::ffi::{c_int, c_void};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, mpsc};
use std::time::Duration;

use freewheel::runtime::{Builder, StallClass};
use freewheel::time::sleep;
use support::interpose::{Plan, interpose, sweep};
use support::{eventually, in_child};

static CREATE: Plan = Plan::new();

interpose! {
    fn pthread_create(
        thread: *mut libc::pthread_t,
        attributes: *const libc::pthread_attr_t,
        start: extern "C" fn(*mut c_void) -> *mut c_void,
        argument: *mut c_void,
    ) -> c_int = CREATE, fails returns_errno;
}

fn build_and_work() -> std::io::Result<()> {
    let runtime = Builder::new_multi_thread().worker_threads(4).enable_all().build()?;
    // The spare may be what was refused, before the last worker on a slow machine: it is asked for again.
    eventually(|| runtime.handle().metrics().num_threads() >= 4);
    runtime.block_on(async {
        freewheel::spawn(sleep(Duration::from_millis(1))).await.unwrap();
    });
    Ok(())
}

#[test]
fn fault_35_the_nth_thread_refused_fails_the_build_and_leaves_nothing() {
    in_child("fault_35_the_nth_thread_refused_fails_the_build_and_leaves_nothing", || {
        build_and_work().unwrap();
        let before = support::settled();
        let (mut told, mut made_up_for) = (0, 0);
        sweep(&CREATE, 1, libc::EAGAIN, |n| {
            match build_and_work() {
                Err(error) => {
                    assert_eq!(error.raw_os_error(), Some(libc::EAGAIN), "the {n}th: {error}");
                    told += 1;
                }
                Ok(()) => made_up_for += CREATE.hits(),
            }
            assert_eq!(support::settled(), before, "after the {n}th thread was refused");
        });
        // The reactor thread and four workers at least.
        assert!(told >= 1 && told + made_up_for >= 5, "told {told} times, and {made_up_for} asked for again");
    })
    .assert_ok();
}

#[test]
fn fault_35_a_build_works_again_once_threads_are_granted() {
    in_child("fault_35_a_build_works_again_once_threads_are_granted", || {
        CREATE.arm(1, usize::MAX, libc::EAGAIN);
        assert!(build_and_work().is_err());
        CREATE.disarm();
        build_and_work().unwrap();
    })
    .assert_ok();
}

#[test]
fn fault_35_current_thread_needs_no_thread() {
    in_child("fault_35_current_thread_needs_no_thread", || {
        CREATE.arm(1, usize::MAX, libc::EAGAIN);
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            freewheel::spawn(sleep(Duration::from_millis(1))).await.unwrap();
        });
        drop(runtime);
        assert_eq!(CREATE.disarm(), 0);
    })
    .assert_ok();
}

#[test]
fn t12_threads_refused_in_the_midst_of_a_stall_are_reported_and_cost_no_task() {
    in_child("t12_threads_refused_in_the_midst_of_a_stall_are_reported_and_cost_no_task", || {
        let (sender, reports) = mpsc::channel();
        let mut builder = Builder::new_multi_thread();
        let runtime =
            builder.worker_threads(2).on_stall(move |report| drop(sender.send(report.clone()))).build().unwrap();
        let wall = Arc::new((Mutex::new(true), Condvar::new()));
        let blocked = Arc::new(AtomicUsize::new(0));
        let block = || {
            let (wall, blocked) = (wall.clone(), blocked.clone());
            runtime.spawn(async move {
                blocked.fetch_add(1, Ordering::Relaxed);
                drop(wall.1.wait_while(wall.0.lock().unwrap(), |up| *up).unwrap());
            })
        };
        let mut tasks = vec![block()];
        // The thread that reports exists from the first report on.
        assert_eq!(reports.recv().unwrap().class, StallClass::Blocked);
        CREATE.arm(1, usize::MAX, libc::EAGAIN);
        tasks.extend((0..20).map(|_| block()));
        while reports.recv().unwrap().class != StallClass::NoThread {}
        assert!(CREATE.hits() > 0 && blocked.load(Ordering::Relaxed) < 21);
        CREATE.disarm();
        // Threads come again: all block at once, and the rest goes on.
        eventually(|| blocked.load(Ordering::Relaxed) == 21);
        runtime.block_on(runtime.spawn(async { sleep(Duration::from_millis(2)).await })).unwrap();
        *wall.0.lock().unwrap() = false;
        wall.1.notify_all();
        for task in tasks {
            runtime.block_on(task).unwrap();
        }
    })
    .assert_ok();
}

#[test]
fn a_thread_refused_while_a_task_blocks_costs_no_task() {
    in_child("a_thread_refused_while_a_task_blocks_costs_no_task", || {
        let runtime = support::multi_thread(2);
        CREATE.arm(1, usize::MAX, libc::EAGAIN);
        let (release, released) = std::sync::mpsc::channel::<()>();
        let (started, begun) = std::sync::mpsc::channel();
        runtime.spawn(async move {
            started.send(()).unwrap();
            let _ = released.recv();
        });
        begun.recv().unwrap();
        for _ in 0..100 {
            runtime.block_on(runtime.spawn(freewheel::task::yield_now())).unwrap();
        }
        runtime.block_on(runtime.spawn(async { sleep(Duration::from_millis(2)).await })).unwrap();
        drop(release);
        CREATE.disarm();
    })
    .assert_ok();
}
