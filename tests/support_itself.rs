//! The tests' own tools are tested first: a watchdog that cannot bark guards nothing.

mod support;

use std::process::Command;
use std::sync::mpsc;
use std::time::Duration;

use support::{DropCounter, Watchdog, eventually, in_child, must_panic, must_panic_at};

#[test]
fn a_hung_test_is_ended_with_a_report_of_its_threads() {
    let ended = in_child("a_hung_test_is_ended_with_a_report_of_its_threads", || {
        let _dog = Watchdog::with_limit("the hung one", Duration::from_millis(50));
        let (_sender, never) = mpsc::channel::<()>();
        let _ = never.recv();
    });
    ended.assert_aborted("watchdog: `the hung one` still runs after 50ms");
    ended.assert_aborted("`watchdog` State:");
    if Command::new("gdb").arg("--version").output().is_ok_and(|gdb| gdb.status.success()) {
        ended.assert_aborted("a_hung_test_is_ended");
    }
}

#[test]
fn a_watchdog_is_called_off_by_its_drop() {
    in_child("a_watchdog_is_called_off_by_its_drop", || {
        let before = support::threads();
        drop(Watchdog::with_limit("a quick one", Duration::from_secs(1)));
        eventually(|| support::threads() == before);
    })
    .assert_ok();
}

#[test]
fn a_child_tells_how_it_ended() {
    in_child("a_child_tells_how_it_ended", || std::process::exit(7)).assert_code(7);
}

#[test]
fn a_child_that_panics_does_not_pass() {
    let ended = in_child("a_child_that_panics_does_not_pass", || panic!("on purpose"));
    ended.assert_code(101);
    must_panic(|| ended.assert_ok());
}

#[test]
fn a_drop_is_counted_once_per_token() {
    let drops = DropCounter::new();
    let token = drops.token();
    let second = token.clone();
    drop(token);
    assert_eq!((drops.dropped(), drops.alive()), (1, 1));
    drop(second);
    drops.assert_all_dropped(2);
}

#[test]
fn a_panic_is_told_with_its_place() {
    let (text, place) = must_panic_at(|| panic!("number {}", 5));
    assert_eq!(text, "number 5");
    assert!(place.starts_with("tests/support_itself.rs:"), "{place}");
}

#[test]
fn what_never_comes_true_panics_with_the_threads() {
    // SAFETY: in the child no other thread reads the environment meanwhile.
    let ended = in_child("what_never_comes_true_panics_with_the_threads", || unsafe {
        std::env::set_var("FREEWHEEL_TEST_LIMIT_S", "0");
        eventually(|| false);
    });
    ended.assert_code(101);
    assert!(ended.output.contains("this never came true") && ended.output.contains("State:"), "{}", ended.output);
}

mod injected {
    use super::support::interpose::{self, Plan};
    use std::ffi::c_int;

    static DUP: Plan = Plan::new();
    interpose::interpose! {
        fn getppid() -> c_int = DUP, fails (-1);
    }

    #[test]
    fn the_nth_call_fails_and_the_others_go_through() {
        // SAFETY: takes nothing.
        let call = || unsafe { libc::getppid() };
        DUP.arm(2, 1, libc::EMFILE);
        let (first, second, third) = (call(), call(), call());
        assert!(first > 0 && second == -1 && third == first, "{first} {second} {third}");
        assert_eq!(DUP.disarm(), 1);

        let struck = interpose::sweep(&DUP, 1, libc::EMFILE, |n| {
            let failed: Vec<usize> = (1..=3).filter(|_| call() == -1).collect();
            assert_eq!(failed, if n <= 3 { vec![n] } else { vec![] });
        });
        assert_eq!(struck, 3);
    }
}
