//! The faults of a process: limits, signals, forks, exits, one core; rows 32, 34, 35 and 81 to 86.

mod support;

use std::io::{ErrorKind, Write};
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use freewheel::io::{AsyncReadExt, AsyncWriteExt};
use freewheel::net::{TcpListener, TcpStream};
use freewheel::runtime::{Builder, Runtime};
use freewheel::task::{spawn_blocking, yield_now};
use freewheel::time::sleep;
use support::{Gate, current_thread, eventually, in_child, multi_thread};

/// A bit of everything: tasks, timers, the pool, sockets.
fn work(runtime: &Runtime) {
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = freewheel::spawn(async move {
            for _ in 0..10 {
                let (mut stream, _) = listener.accept().await.unwrap();
                freewheel::spawn(async move {
                    let mut bytes = [0; 1024];
                    loop {
                        match stream.read(&mut bytes).await.unwrap() {
                            0 => break,
                            read => stream.write_all(&bytes[..read]).await.unwrap(),
                        }
                    }
                });
            }
        });
        let client = |number: u8| async move {
            let mut stream = TcpStream::connect(address).await.unwrap();
            for _ in 0..20 {
                stream.write_all(&[number; 100]).await.unwrap();
                let mut bytes = [0; 100];
                stream.read_exact(&mut bytes).await.unwrap();
                assert_eq!(bytes, [number; 100]);
                sleep(Duration::from_micros(300)).await;
                assert_eq!(spawn_blocking(move || number).await.unwrap(), number);
                yield_now().await;
            }
        };
        let clients: Vec<_> = (0..10).map(|number| freewheel::spawn(client(number))).collect();
        for client in clients {
            client.await.unwrap();
        }
        server.await.unwrap();
    });
}

#[test]
fn fault_34_a_bad_number_in_the_environment_is_told_by_name_and_value() {
    // SAFETY: in the child no other thread touches the environment meanwhile.
    let ended = in_child("fault_34_a_bad_number_in_the_environment_is_told_by_name_and_value", || unsafe {
        for value in ["0", "-1", "many", "", "99999999999999999999"] {
            std::env::set_var("FREEWHEEL_WORKER_THREADS", value);
            let error = Builder::new_multi_thread().build().map(drop).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            let text = error.to_string();
            assert!(text.contains("FREEWHEEL_WORKER_THREADS") && text.contains(value), "{text}");
        }
        std::env::set_var("FREEWHEEL_WORKER_THREADS", "70000000");
        assert!(Builder::new_multi_thread().build().is_err());
        std::env::set_var("FREEWHEEL_WORKER_THREADS", " 2 ");
        work(&Builder::new_multi_thread().build().unwrap());
        // What the program says comes first.
        std::env::set_var("FREEWHEEL_WORKER_THREADS", "many");
        work(&multi_thread(1));
    });
    ended.assert_ok();
}

#[test]
fn fault_35_when_the_user_may_have_no_more_threads_build_is_an_error_and_leaves_nothing() {
    in_child("fault_35_when_the_user_may_have_no_more_threads_build_is_an_error_and_leaves_nothing", || {
        drop(multi_thread(2));
        support::drop_to_other_user();
        let (threads, descriptors) = support::settled();
        let mut refusals = 0;
        for more in 0..20 {
            let before = support::set_limit(libc::RLIMIT_NPROC, (threads + more) as u64);
            let built = Builder::new_multi_thread().worker_threads(4).build();
            let full = match built {
                Ok(runtime) => {
                    work_without_new_threads(&runtime);
                    true
                }
                Err(error) => {
                    assert!(!error.to_string().is_empty());
                    refusals += 1;
                    false
                }
            };
            eventually(|| support::threads() == threads);
            assert_eq!(support::file_descriptors(), descriptors, "after {more} threads were granted");
            support::set_limit(libc::RLIMIT_NPROC, before);
            if full {
                break;
            }
        }
        assert!(refusals >= 4, "only {refusals} builds were refused");
        work(&multi_thread(4));
    })
    .assert_ok();
}

fn work_without_new_threads(runtime: &Runtime) {
    let sum = runtime.block_on(async {
        let tasks: Vec<_> = (0..100usize).map(|number| freewheel::spawn(async move { number })).collect();
        let mut sum = 0;
        for task in tasks {
            sum += task.await.unwrap();
        }
        sleep(Duration::from_millis(1)).await;
        sum
    });
    assert_eq!(sum, 4950);
}

#[test]
fn fault_65_when_the_user_may_have_no_more_threads_jobs_wait_and_run() {
    in_child("fault_65_when_the_user_may_have_no_more_threads_jobs_wait_and_run", || {
        support::drop_to_other_user();
        let runtime = multi_thread(1);
        // One thread of the pool is there.
        runtime.block_on(async { spawn_blocking(|| {}).await.unwrap() });
        let before = support::set_limit(libc::RLIMIT_NPROC, 1);
        let jobs: Vec<_> = (0..100).map(|number| runtime.spawn_blocking(move || number)).collect();
        let sum: i32 = jobs.into_iter().map(|job| runtime.block_on(job).unwrap()).sum();
        assert_eq!(sum, 4950);
        support::set_limit(libc::RLIMIT_NPROC, before);
        work(&runtime);
    })
    .assert_ok();
}

#[test]
fn a_blocked_worker_without_any_more_threads_only_delays() {
    in_child("a_blocked_worker_without_any_more_threads_only_delays", || {
        support::drop_to_other_user();
        let runtime = multi_thread(2);
        work_without_new_threads(&runtime);
        support::set_limit(libc::RLIMIT_NPROC, 1);
        let (release, released) = mpsc::channel::<()>();
        let (started, begun) = mpsc::channel();
        runtime.spawn(async move {
            started.send(()).unwrap();
            let _ = released.recv();
        });
        begun.recv().unwrap();
        work_without_new_threads(&runtime);
        drop(release);
    })
    .assert_ok();
}

#[test]
fn fault_46_without_descriptors_build_is_an_error_and_leaves_nothing() {
    in_child("fault_46_without_descriptors_build_is_an_error_and_leaves_nothing", || {
        drop(multi_thread(2));
        drop(current_thread());
        let (threads, descriptors) = support::settled();
        for make in [Builder::new_multi_thread as fn() -> Builder, Builder::new_current_thread] {
            let mut refusals = 0;
            for more in 0..20 {
                let before = support::set_limit(libc::RLIMIT_NOFILE, (descriptors + more) as u64);
                let built = make().worker_threads(2).build();
                support::set_limit(libc::RLIMIT_NOFILE, before);
                let full = match built {
                    Ok(runtime) => {
                        work(&runtime);
                        true
                    }
                    Err(error) => {
                        assert_eq!(error.raw_os_error(), Some(libc::EMFILE), "{error}");
                        refusals += 1;
                        false
                    }
                };
                eventually(|| support::threads() == threads);
                assert_eq!(support::file_descriptors(), descriptors, "after {more} descriptors were granted");
                if full {
                    break;
                }
            }
            assert!(refusals >= 2, "only {refusals} builds were refused");
        }
    })
    .assert_ok();
}

#[test]
fn a_runtime_has_all_its_descriptors_once_it_is_built() {
    in_child("a_runtime_has_all_its_descriptors_once_it_is_built", || {
        let count = || std::fs::read_dir("/proc/self/fd").unwrap().count();
        let (told, hear) = mpsc::channel();
        let report = move |_: &_| told.send(()).unwrap_or_default();
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().on_stall(report).build().unwrap();
        let descriptors = count();
        let (release, released) = mpsc::channel::<()>();
        let stuck = runtime.spawn(async move { released.recv().unwrap_or_default() });
        hear.recv().unwrap();
        // A look at what else runs opens some more for a moment.
        eventually(|| count() == descriptors);
        release.send(()).unwrap();
        runtime.block_on(stuck).unwrap();
        eventually(|| count() == descriptors);
    })
    .assert_ok();
}

#[test]
fn fault_81_out_of_descriptors_under_load_there_are_errors_and_then_all_is_well() {
    in_child("fault_81_out_of_descriptors_under_load_there_are_errors_and_then_all_is_well", || {
        let runtime = multi_thread(2);
        let descriptors = support::file_descriptors();
        let refused = Arc::new(AtomicUsize::new(0));
        let stop = Arc::new(AtomicBool::new(false));
        let (listener, address) = runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            (listener, address)
        });
        let (count, end) = (refused.clone(), stop.clone());
        let server = runtime.spawn(async move {
            while !end.load(Ordering::Relaxed) {
                match listener.accept().await {
                    Ok((mut stream, _)) => drop(freewheel::spawn(async move {
                        let mut byte = [0];
                        if stream.read(&mut byte).await.is_ok_and(|read| read == 1) {
                            let _ = stream.write_all(&byte).await;
                        }
                    })),
                    Err(error) => {
                        assert_eq!(error.raw_os_error(), Some(libc::EMFILE), "{error}");
                        count.fetch_add(1, Ordering::Relaxed);
                        sleep(Duration::from_millis(1)).await;
                    }
                }
            }
        });
        // A load of clients that hold what they get for a while, under a limit of sixteen more.
        let before = support::set_limit(libc::RLIMIT_NOFILE, descriptors as u64 + 1 + 16);
        let failed = Arc::new(AtomicUsize::new(0));
        let hold = Gate::new();
        let clients: Vec<_> = (0..64)
            .map(|_| {
                let (failed, wait) = (failed.clone(), hold.wait());
                runtime.spawn(async move {
                    let stream = TcpStream::connect(address).await;
                    if stream.is_err() {
                        failed.fetch_add(1, Ordering::Relaxed);
                    }
                    wait.await;
                })
            })
            .collect();
        eventually(|| failed.load(Ordering::Relaxed) > 0 && refused.load(Ordering::Relaxed) > 0);
        support::set_limit(libc::RLIMIT_NOFILE, before);
        hold.open();
        for client in clients {
            runtime.block_on(client).unwrap();
        }
        // Everything works again, on the very same listener and without a new event for those already queued.
        runtime.block_on(async {
            for _ in 0..50 {
                let mut stream = TcpStream::connect(address).await.unwrap();
                stream.write_all(b"x").await.unwrap();
                let mut byte = [0];
                stream.read_exact(&mut byte).await.unwrap();
            }
            stop.store(true, Ordering::Relaxed);
            drop(TcpStream::connect(address).await.unwrap());
        });
        runtime.block_on(server).unwrap();
        eventually(|| support::file_descriptors() == descriptors);
    })
    .assert_ok();
}

#[test]
fn fault_82_on_one_core_everything_goes_on() {
    in_child("fault_82_on_one_core_everything_goes_on", || {
        // SAFETY: an empty set is a valid one; the call reads it.
        unsafe {
            let mut cores = std::mem::zeroed::<libc::cpu_set_t>();
            libc::CPU_SET(0, &mut cores);
            // Threads started later inherit it.
            assert_eq!(libc::sched_setaffinity(0, size_of_val(&cores), &cores), 0);
        }
        for runtime in [current_thread(), multi_thread(1), multi_thread(4)] {
            work(&runtime);
            // Nor does anybody spin for what another must have the core to do.
            runtime.spawn(std::future::pending::<()>());
            support::comes_to_rest();
        }
    })
    .assert_ok();
}

#[test]
fn fault_82_with_a_tenth_of_the_time_everything_goes_on() {
    in_child("fault_82_with_a_tenth_of_the_time_everything_goes_on", || {
        // What a quota of a tenth of a core does to a process, without the rights that one needs.
        let script = "while kill -STOP $0; do sleep 0.09; kill -CONT $0; sleep 0.01; done";
        let own = std::process::id().to_string();
        let mut quota = std::process::Command::new("sh").args(["-c", script, &own]).spawn().unwrap();
        for _ in 0..5 {
            for runtime in [current_thread(), multi_thread(4)] {
                work(&runtime);
            }
        }
        // Stopped itself, or between two orders: it goes on with what it was told last.
        quota.kill().unwrap();
        quota.wait().unwrap();
        let _idle = [multi_thread(4), multi_thread(4)];
        support::comes_to_rest();
    })
    .assert_ok();
}

#[test]
fn fault_83_a_storm_of_signals_is_only_interruptions() {
    extern "C" fn nothing(_: libc::c_int) {}
    in_child("fault_83_a_storm_of_signals_is_only_interruptions", || {
        // SAFETY: the handler does nothing; without SA_RESTART each call it interrupts says EINTR.
        unsafe {
            let mut action = std::mem::zeroed::<libc::sigaction>();
            action.sa_sigaction = nothing as extern "C" fn(libc::c_int) as usize;
            assert_eq!(libc::sigaction(libc::SIGUSR1, &action, std::ptr::null_mut()), 0);
        }
        let stop = Arc::new(AtomicBool::new(false));
        let (end, sent) = (stop.clone(), Arc::new(AtomicUsize::new(0)));
        let count = sent.clone();
        let storm = std::thread::spawn(move || {
            // SAFETY: takes nothing.
            let own = unsafe { libc::gettid() };
            while !end.load(Ordering::Relaxed) {
                for task in std::fs::read_dir("/proc/self/task").unwrap().flatten() {
                    let thread: libc::pid_t = task.file_name().to_str().unwrap().parse().unwrap();
                    if thread != own {
                        // SAFETY: takes no pointers; a thread that has ended is an error that does not matter.
                        unsafe { libc::syscall(libc::SYS_tgkill, libc::getpid(), thread, libc::SIGUSR1) };
                        count.fetch_add(1, Ordering::Relaxed);
                    }
                }
                // Not to wait for anything: this is the storm's pace, up to 10 kHz for each thread.
                std::thread::sleep(Duration::from_micros(100));
            }
        });
        for _ in 0..3 {
            for runtime in [current_thread(), multi_thread(3)] {
                work(&runtime);
                let start = Instant::now();
                runtime.block_on(async { sleep(Duration::from_millis(20)).await });
                assert!(start.elapsed() >= Duration::from_millis(20), "a signal ended a sleep");
            }
        }
        eventually(|| sent.load(Ordering::Relaxed) > 1000);
        stop.store(true, Ordering::Relaxed);
        storm.join().unwrap();
    })
    .assert_ok();
}

#[test]
fn fault_84_with_the_standard_streams_closed_everything_goes_on() {
    in_child("fault_84_with_the_standard_streams_closed_everything_goes_on", || {
        // The runtime's own descriptors then get the numbers 0, 1 and 2.
        // SAFETY: takes no pointers; nobody reads or prints from here on.
        unsafe {
            libc::close(0);
            libc::close(1);
            libc::close(2);
        }
        for runtime in [current_thread(), multi_thread(2)] {
            work(&runtime);
        }
    })
    .assert_ok();
}

#[test]
fn fault_84_a_full_pipe_that_nobody_reads_takes_the_reports_and_harms_nothing() {
    in_child("fault_84_a_full_pipe_that_nobody_reads_takes_the_reports_and_harms_nothing", || {
        let (_reader, writer) = std::io::pipe().unwrap();
        let filler = writer.try_clone().unwrap();
        // SAFETY: takes no pointers; fills the pipe, then lets it take the place of standard error.
        unsafe {
            let flags = libc::fcntl(filler.as_raw_fd(), libc::F_GETFL);
            libc::fcntl(filler.as_raw_fd(), libc::F_SETFL, flags | libc::O_NONBLOCK);
            while (&filler).write(&[0; 4096]).is_ok() {}
            libc::fcntl(filler.as_raw_fd(), libc::F_SETFL, flags);
            assert!(libc::dup2(writer.as_raw_fd(), 2) >= 0);
        }
        let runtime = multi_thread(2);
        let (release, released) = mpsc::channel::<()>();
        let stuck = runtime.spawn(async move { released.recv().is_err() });
        // Somebody has begun to write what is the matter, and does not come to an end.
        eventually(|| support::thread_names().iter().any(|name| name.starts_with("freewheel-repor")));
        for _ in 0..3 {
            work(&runtime);
        }
        drop(release);
        assert!(runtime.block_on(stuck).unwrap());
        drop(runtime);
    })
    .assert_ok();
}

#[test]
fn fault_84_an_end_whose_words_cannot_be_written_goes_on_to_the_end() {
    in_child("fault_84_an_end_whose_words_cannot_be_written_goes_on_to_the_end", || {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        // SAFETY: takes no pointers; nobody relies on standard error from here on.
        assert!(unsafe { libc::dup2(full.as_raw_fd(), 2) } >= 0);
        let runtime = multi_thread(1);
        let ((hold, released), (about_to, begun)) = (mpsc::channel::<()>(), mpsc::channel());
        let (about_to_too, (hold_too, released_too)) = (about_to.clone(), mpsc::channel::<()>());
        runtime.spawn(async move {
            about_to.send(()).unwrap();
            released.recv().unwrap_err();
        });
        runtime.spawn_blocking(move || {
            about_to_too.send(()).unwrap();
            released_too.recv().unwrap_err();
        });
        (0..2).for_each(|_| begun.recv().unwrap());
        runtime.shutdown_timeout(Duration::from_millis(1));
        drop((hold, hold_too));
    })
    .assert_ok();
}

#[test]
fn fault_85_exit_from_a_task_exits() {
    in_child("fault_85_exit_from_a_task_exits", || {
        let runtime = multi_thread(2);
        runtime.spawn(async { std::process::exit(3) });
        runtime.run_forever();
    })
    .assert_code(3);
}

#[test]
fn fault_85_exit_from_a_blocking_job_exits() {
    in_child("fault_85_exit_from_a_blocking_job_exits", || {
        let runtime = multi_thread(2);
        let (_keep, wait) = mpsc::channel::<()>();
        runtime.spawn(async move {
            let _ = wait.recv();
        });
        runtime.spawn_blocking(|| std::process::exit(4));
        runtime.run_forever();
    })
    .assert_code(4);
}

#[test]
fn fault_85_exit_from_block_on_exits() {
    in_child("fault_85_exit_from_block_on_exits", || {
        let runtime = current_thread();
        runtime.spawn(std::future::pending::<()>());
        runtime.block_on(async { std::process::exit(5) });
    })
    .assert_code(5);
}

#[test]
fn fault_86_of_two_runtimes_the_right_one_polls() {
    support::test(|| {
        let make =
            |name: &str| Builder::new_multi_thread().worker_threads(2).thread_name(name).enable_all().build().unwrap();
        let (left, right) = (make("left"), make("right"));
        // A relay between them: each hop wakes a task of the other runtime.
        let gates: Vec<_> = (0..=2_000).map(|_| Gate::new()).collect();
        let tasks: Vec<_> = (0..2_000)
            .map(|hop| {
                let (wait, next) = (gates[hop].wait(), gates[hop + 1].clone());
                let (runtime, name) = if hop % 2 == 0 { (&left, "left") } else { (&right, "right") };
                runtime.spawn(async move {
                    wait.await;
                    assert_eq!(std::thread::current().name(), Some(name), "polled by the other runtime");
                    next.open();
                })
            })
            .collect();
        gates[0].open();
        left.block_on(gates[2_000].wait());
        for task in tasks {
            right.block_on(task).unwrap();
        }
        // One may go, the other stays.
        drop(left);
        work(&right);
    });
}

#[test]
fn fault_32_a_runtime_from_before_a_fork_is_refused_clearly_after_it() {
    let ended = in_child("fault_32_a_runtime_from_before_a_fork_is_refused_clearly_after_it", || {
        let runtime = multi_thread(2);
        work_without_new_threads(&runtime);
        // SAFETY: the forked child runs only what is below, and leaves by _exit.
        let child = unsafe { libc::fork() };
        if child == 0 {
            let attempt = std::panic::AssertUnwindSafe(|| runtime.block_on(runtime.spawn(async {})));
            let refused = std::panic::catch_unwind(attempt);
            let clear = refused.is_err_and(|payload| support::panic_text(&*payload).contains("fork"));
            // SAFETY: ends this process without running anything of the parent's.
            unsafe { libc::_exit(i32::from(!clear)) };
        }
        let mut status = 0;
        eventually(|| {
            // SAFETY: the pointer is to a live integer.
            let reaped = unsafe { libc::waitpid(child, &mut status, libc::WNOHANG) };
            reaped == child
        });
        assert_eq!(status, 0, "the forked child did not refuse clearly");
        // The parent goes on.
        work(&runtime);
    });
    ended.assert_ok();
}
