//! The tutorial's programs, and the promise shown live.

use crate::program::Program;
use crate::support;

#[test]
fn hello_prints_its_line_and_ends() {
    support::test(|| {
        let ended = Program::start("tutorial_hello", &[]).end();
        ended.assert_code(0);
        assert_eq!(ended.output, "Simple Event Loop Example\n");
    });
}

#[test]
fn the_loop_goes_on_while_a_task_blocks_bare_and_through_the_pool() {
    support::test(|| {
        let ended = Program::start("tutorial_blocking_work", &["1"]).end();
        ended.assert_code(0);
        assert_eq!(ended.count("Processing Task"), 20);
        let beats: Vec<u32> = ended
            .output
            .lines()
            .filter_map(|line| line.split_once("heart beat ")?.1.split(' ').next()?.parse().ok())
            .collect();
        assert!(beats.len() == 2 && !beats.contains(&0), "{ended:?}");
    });
}

#[test]
fn blocking_work_refuses_what_is_no_time() {
    support::test(|| {
        for nonsense in ["soon", "-1", "NaN", "1e300"] {
            let ended = Program::start("tutorial_blocking_work", &[nonsense]).end();
            ended.assert_code(2);
            assert_eq!(ended.count("usage:"), 1);
        }
    });
}

#[test]
fn run_forever_runs_until_ctrl_c_and_closes_its_loop() {
    support::test(|| {
        let program = Program::start("tutorial_run_forever", &[]);
        program.wait_until(|output| output.lines().count() >= 2);
        program.interrupt();
        let ended = program.end();
        ended.assert_code(0);
        let (last, before) =
            ended.output.lines().collect::<Vec<_>>().split_last().map(|(l, b)| (*l, b.to_vec())).unwrap();
        assert_eq!(last, "Closing Loop");
        assert!(before.iter().all(|line| *line == "Task Executed"), "{ended:?}");
    });
}

#[test]
fn every_one_of_many_workers_executes() {
    support::test(|| {
        let ended = Program::start("tutorial_many_workers", &["2000"]).end();
        ended.assert_code(0);
        assert_eq!(ended.count("First Worker Executed"), 3);
        assert_eq!(ended.count("Second Worker Executed"), 3);
        assert_eq!(ended.count("2000 Workers Executed 6000 times"), 1);
    });
}

#[test]
fn subprocesses_are_heard_line_by_line_and_their_ends_told_apart() {
    support::test(|| {
        let ended = Program::start("tutorial_subprocess", &[]).end();
        ended.assert_code(0);
        let said_by = |child: &str| {
            let lines =
                ended.output.lines().filter_map(|line| line.trim_start().strip_prefix(child)?.strip_prefix(": "));
            lines.collect::<Vec<_>>()
        };
        assert_eq!(said_by("steady"), ["line 1", "line 2", "line 3", "line 4", "line 5"]);
        assert_eq!(said_by("hasty"), ["all", "at", "once"]);
        assert_eq!(said_by("failing"), ["this will not end well"]);
        assert_eq!(said_by("killed"), ["good-bye"]);
        for end in ["steady ended: exit status: 0", "hasty ended: exit status: 0", "failing ended: exit status: 3"] {
            assert_eq!(ended.count(end), 1, "{end} in {ended:?}");
        }
        assert_eq!(ended.count("killed ended: signal: 9"), 1, "{ended:?}");
    });
}

#[test]
fn the_ticker_ticks_beside_two_blocked_workers() {
    support::test(|| {
        let ended = Program::start("never_stall", &["--seconds", "3"]).end();
        ended.assert_code(0);
        let ticks = ended.output.lines().find_map(|line| line.split_once(" ticks in 3 s").map(|(ticks, _)| ticks));
        // Both workers are blocked all of the time; 300 ticks are due.
        assert!(ticks.is_some_and(|ticks| ticks.parse::<u32>().is_ok_and(|ticks| ticks > 10)), "{ended:?}");
    });
}
