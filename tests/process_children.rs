//! Children: exit codes, pipes, signals, and that none is left behind.
#![cfg(unix)]

mod support;

use std::io::ErrorKind;
use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;
use std::time::Duration;

use freewheel::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use freewheel::process::{Child, Command};
use freewheel::runtime::{Builder, Runtime};

use support::{eventually, file_descriptors, in_child, must_panic, poll_once, test};

fn both_flavors(body: impl AsyncFn()) {
    test(|| {
        Builder::new_current_thread().enable_all().build().unwrap().block_on(body());
        Runtime::new().unwrap().block_on(body());
    });
}

/// Whether a process with this number is there, running or zombie.
fn exists(pid: u32) -> bool {
    std::path::Path::new(&format!("/proc/{pid}")).exists()
}

fn cat() -> Child {
    Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap()
}

#[test]
fn exit_codes_and_signals_are_told() {
    both_flavors(async || {
        for code in [0, 1, 42, 255] {
            let status = Command::shell(format!("exit {code}")).status().await.unwrap();
            assert_eq!(status.code(), Some(code));
        }
        let status = Command::shell("kill -9 $$").status().await.unwrap();
        assert_eq!((status.code(), status.signal()), (None, Some(9)));
    });
}

#[test]
fn wait_says_the_same_again_and_the_number_is_gone() {
    both_flavors(async || {
        let mut child = Command::shell("exit 7").spawn().unwrap();
        assert!(child.id().is_some_and(exists));
        assert_eq!(child.wait().await.unwrap().code(), Some(7));
        assert_eq!(child.wait().await.unwrap().code(), Some(7));
        assert_eq!(child.try_wait().unwrap().unwrap().code(), Some(7));
        assert_eq!(child.id(), None);
    });
}

#[test]
fn try_wait_does_not_wait() {
    both_flavors(async || {
        let mut child = cat();
        assert_eq!(child.try_wait().unwrap(), None);
        drop(child.stdin.take());
        let mut ended = None;
        while ended.is_none() {
            freewheel::time::sleep(Duration::from_millis(1)).await;
            ended = child.try_wait().unwrap();
        }
        assert!(ended.unwrap().success());
    });
}

#[test]
fn a_dropped_wait_can_be_taken_up_again() {
    both_flavors(async || {
        let mut child = cat();
        let stdin = child.stdin.take();
        for _ in 0..3 {
            assert!(poll_once(std::pin::pin!(child.wait())).is_pending());
        }
        drop(stdin);
        assert!(child.wait().await.unwrap().success());
    });
}

#[test]
fn lines_come_as_they_are_written() {
    both_flavors(async || {
        let mut child = cat();
        let mut stdin = child.stdin.take().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        for number in 0..100 {
            stdin.write_all(format!("line {number}\n").as_bytes()).await.unwrap();
            assert_eq!(lines.next_line().await.unwrap(), Some(format!("line {number}")));
        }
        stdin.shutdown().await.unwrap();
        assert_eq!(stdin.write(b"more").await.unwrap_err().kind(), ErrorKind::BrokenPipe);
        assert_eq!(lines.next_line().await.unwrap(), None);
        assert!(child.wait().await.unwrap().success());
    });
}

#[test]
fn communicate_feeds_and_reads_more_than_the_pipes_hold_both_ways() {
    both_flavors(async || {
        let input: Vec<u8> = (0..2_000_000u32).map(|n| n as u8).collect();
        let output = cat().communicate(&input).await.unwrap();
        assert!(output.status.success());
        assert!(output.stdout == input);

        let mut tee = Command::shell("tee /dev/stderr");
        let child = tee.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let output = child.communicate(&input).await.unwrap();
        assert!(output.stdout == input && output.stderr == input);
    });
}

#[test]
fn communicate_with_a_child_that_does_not_read_all_is_no_error() {
    both_flavors(async || {
        let input = vec![b'x'; 1 << 20];
        let mut head = Command::new("head");
        let child = head.args(["-c", "3"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        assert_eq!(child.communicate(&input).await.unwrap().stdout, b"xxx");
        let child = Command::new("true").stdin(Stdio::piped()).spawn().unwrap();
        assert!(child.communicate(&input).await.unwrap().status.success());
        // Nowhere to put it.
        let child = Command::new("true").stdin(Stdio::null()).spawn().unwrap();
        let error = child.communicate("input").await.unwrap_err();
        assert!(error.to_string().contains("stdin(Stdio::piped())"), "{error}");
        let child = Command::new("true").stdin(Stdio::null()).spawn().unwrap();
        assert!(child.communicate("").await.unwrap().status.success());
    });
}

#[test]
fn output_takes_both_streams() {
    both_flavors(async || {
        let output = Command::shell("echo out; echo err >&2; exit 2").stdin(Stdio::null()).output().await.unwrap();
        assert_eq!((output.stdout, output.stderr), (b"out\n".to_vec(), b"err\n".to_vec()));
        assert_eq!(output.status.code(), Some(2));
    });
}

#[test]
fn the_builder_reaches_the_child() {
    both_flavors(async || {
        let mut command = Command::new("sh");
        command.args(["-c", "echo $0 $1 $WORD $(pwd) ${GONE-none}", "zero"]).arg("one");
        command.env_clear().env("WORD", "two").envs([("GONE", "x")]).env_remove("GONE").current_dir("/");
        command.env("PATH", std::env::var_os("PATH").unwrap());
        let output = command.output().await.unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap(), "zero one two / none\n");

        let mut command = Command::new("sh");
        command.args(["-c", "ps -o pgid= -p $$ 2>/dev/null || cut -d' ' -f5 /proc/$$/stat"]).process_group(0);
        let child = command.stdout(Stdio::piped()).spawn().unwrap();
        let pid = child.id().unwrap();
        let output = child.wait_with_output().await.unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap().trim(), pid.to_string());
    });
}

#[test]
fn a_child_is_killed_terminated_and_signalled() {
    both_flavors(async || {
        let sleep = || Command::new("sleep").arg("3600").spawn().unwrap();
        let mut child = sleep();
        child.kill().await.unwrap();
        assert_eq!(child.wait().await.unwrap().signal(), Some(libc::SIGKILL));
        let mut child = sleep();
        child.terminate().unwrap();
        assert_eq!(child.wait().await.unwrap().signal(), Some(libc::SIGTERM));
        let mut child = sleep();
        child.send_signal(libc::SIGUSR1).unwrap();
        assert_eq!(child.wait().await.unwrap().signal(), Some(libc::SIGUSR1));
        // The number may be another's now: nothing is sent.
        for refused in [child.start_kill(), child.terminate(), child.send_signal(0), child.kill().await] {
            assert_eq!(refused.unwrap_err().kind(), ErrorKind::InvalidInput);
        }
        let mut child = sleep();
        assert!(child.send_signal(4_000).is_err());
        child.start_kill().unwrap();
    });
}

#[test]
fn a_dropped_child_is_reaped_and_killed_only_if_wished() {
    both_flavors(async || {
        let mut sleep = Command::new("sleep");
        let child = sleep.arg("3600").kill_on_drop(true).spawn().unwrap();
        let pid = child.id().unwrap();
        drop(child);
        while exists(pid) {
            freewheel::time::sleep(Duration::from_millis(1)).await;
        }

        let mut child = cat();
        let (pid, stdin, mut stdout) = (child.id().unwrap(), child.stdin.take(), child.stdout.take().unwrap());
        drop(child);
        let mut stdin = stdin.unwrap();
        stdin.write_all(b"still there").await.unwrap();
        let mut buffer = [0; 11];
        stdout.read_exact(&mut buffer).await.unwrap();
        drop(stdin);
        while exists(pid) {
            freewheel::time::sleep(Duration::from_millis(1)).await;
        }
    });
}

#[test]
fn a_child_that_outlives_its_runtime_is_reaped_by_the_next() {
    test(|| {
        let runtime = Runtime::new().unwrap();
        let mut child = {
            let _entered = runtime.enter();
            cat()
        };
        let (pid, stdin) = (child.id().unwrap(), child.stdin.take());
        drop(child);
        drop(runtime);
        assert!(exists(pid));
        drop(stdin);
        let next = Builder::new_current_thread().enable_all().build().unwrap();
        eventually(|| {
            next.block_on(async { Command::new("true").status().await.unwrap() });
            !exists(pid)
        });
    });
}

#[test]
fn fault_29_a_wait_whose_runtime_goes_ends_with_an_error() {
    test(|| {
        let runtime = Runtime::new().unwrap();
        let mut child = {
            let _entered = runtime.enter();
            cat()
        };
        let stdin = child.stdin.take();
        drop(runtime);
        let other = Builder::new_current_thread().enable_all().build().unwrap();
        assert!(other.block_on(child.wait()).is_err());
        // Its end can still be asked for.
        drop(stdin);
        eventually(|| child.try_wait().unwrap().is_some());
    });
}

#[test]
fn what_cannot_be_started_is_named() {
    both_flavors(async || {
        let error = Command::new("no-such-program").arg("x").spawn().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert_eq!(error.to_string(), "cannot start \"no-such-program\": No such file or directory (os error 2)");
        let error = Command::new("true").current_dir("/no/such/place").status().await.unwrap_err();
        assert!(error.to_string().contains("in the directory \"/no/such/place\""), "{error}");
        let error = Command::new("/etc/passwd").output().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PermissionDenied);
        let text = std::thread::spawn(|| must_panic(|| Command::new("true").spawn())).join().unwrap();
        assert!(text.contains("there is no reactor running"), "{text}");
    });
}

#[test]
fn pre_exec_runs_in_the_child() {
    both_flavors(async || {
        let mut command = Command::new("true");
        // SAFETY: the closure makes an error of a number; it allocates nothing and takes no lock.
        unsafe { command.pre_exec(|| Err(std::io::Error::from_raw_os_error(libc::EACCES))) };
        assert_eq!(command.spawn().unwrap_err().kind(), ErrorKind::PermissionDenied);
    });
}

#[test]
fn a_hundred_children_at_once() {
    both_flavors(async || {
        let children: Vec<_> = (0..100)
            .map(|number| {
                freewheel::spawn(async move {
                    let mut shell = Command::shell(format!("read line; echo $line {number}; exit {}", number % 7));
                    let child = shell.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
                    let output = child.communicate("hello\n").await.unwrap();
                    assert_eq!(output.stdout, format!("hello {number}\n").as_bytes());
                    assert_eq!(output.status.code(), Some(number % 7));
                })
            })
            .collect();
        for child in children {
            child.await.unwrap();
        }
    });
}

#[test]
fn fault_59_children_inherit_no_descriptor_and_none_leaks() {
    let ended = in_child("fault_59_children_inherit_no_descriptor_and_none_leaks", || {
        // What this process was itself given: before there is a runtime.
        let mut list = std::process::Command::new("ls");
        list.arg("/proc/self/fd").stdin(Stdio::null());
        let inherited = list.output().unwrap().stdout;
        let runtime = Runtime::new().unwrap();
        let round = || {
            runtime.block_on(async {
                let _listener = freewheel::signal::unix::signal(freewheel::signal::unix::SignalKind::hangup()).unwrap();
                let sleeper =
                    Command::new("sleep").arg("3600").kill_on_drop(true).stdin(Stdio::piped()).spawn().unwrap();
                let mut list = Command::new("ls");
                let output = list.arg("/proc/self/fd").stdin(Stdio::null()).output().await.unwrap();
                assert_eq!(String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&inherited));
                let pid = sleeper.id().unwrap();
                drop(sleeper);
                while exists(pid) {
                    freewheel::time::sleep(Duration::from_millis(1)).await;
                }
            });
            // The orphan's task may be a moment from closing its descriptor.
            file_descriptors()
        };
        let base = round();
        for _ in 0..20 {
            round();
        }
        eventually(|| file_descriptors() <= base);
        let children = std::fs::read_to_string(format!("/proc/{0}/task/{0}/children", std::process::id()));
        assert_eq!(children.unwrap_or_default(), "");
    });
    ended.assert_ok();
}

#[test]
fn fault_81_without_descriptors_a_child_fails_cleanly_and_later_works() {
    let ended = in_child("fault_81_without_descriptors_a_child_fails_cleanly_and_later_works", || {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            Command::new("true").status().await.unwrap();
            let base = file_descriptors();
            // Each number of free descriptors, from none to enough: an error at every step of the way, no child left.
            for free in 0..16 {
                let before = support::set_limit(libc::RLIMIT_NOFILE, (base + free) as u64);
                let started = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
                support::set_limit(libc::RLIMIT_NOFILE, before);
                if let Ok(child) = started {
                    assert_eq!(child.communicate("x").await.unwrap().stdout, b"x");
                }
                eventually(|| file_descriptors() <= base);
            }
            assert!(Command::new("true").status().await.unwrap().success());
        });
        let children = std::fs::read_to_string(format!("/proc/{0}/task/{0}/children", std::process::id()));
        assert_eq!(children.unwrap_or_default(), "");
    });
    ended.assert_ok();
}
