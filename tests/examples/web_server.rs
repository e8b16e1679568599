//! The web server: its pages, the clients it must survive, a lack of descriptors, and both ways to end it.

use std::fs;
use std::io;
use std::net::SocketAddr;

use crate::client::{Client, get};
use crate::program::Program;
use crate::support;

/// Starts a server on a free port.
fn server() -> (Program, SocketAddr) {
    let program = Program::start("web_server", &["--addr", "127.0.0.1:0"]);
    program.wait_for("(Ctrl-C closes)");
    let output = program.output();
    let addr = output.split_once("http://").and_then(|(_, rest)| rest.split(' ').next()).expect("it names its address");
    let addr = addr.parse().expect("an address");
    (program, addr)
}

/// A client whose request for `target` the server is already working on.
///
/// Both requests go out in one piece, and the server begins on the second when it has answered the first.
fn client_waiting_for(target: &str, addr: SocketAddr) -> Client {
    let mut client = Client::connect(addr);
    client.ask_for(&["/hello/first", target]);
    assert_eq!(client.answer().status, 200);
    client
}

#[test]
fn each_page_is_answered_by_its_function() {
    support::test(|| {
        let (_server, addr) = server();
        for (target, status, text) in [
            ("/", 200, "Pages matched to functions"),
            ("/hello/reader", 200, "Hello, reader!"),
            ("/hello/", 200, "Hello, world!"),
            ("/hello/J%C3%B6rg%20%26%20%3Cb%3E%zz%FF", 200, "Hello, Jörg &amp; &lt;b&gt;%zz\u{fffd}!"),
            ("/sleep?ms=1", 200, "slept for 1ms"),
            ("/block?ms=1", 200, "blocked its thread for 1ms"),
            ("/offload?ms=1", 200, "blocked for 1ms"),
            ("/cpu?ms=1", 200, "computed for 1ms"),
            ("/cpu?other=7&ms=0", 200, "computed for 0ns"),
            ("/sleep?ms=10001", 400, "from 0 to 10000"),
            ("/block?ms=%3Cscript%3E", 400, "not &quot;%3Cscript%3E&quot;"),
            ("/cpu?ms=-1", 400, "from 0 to 10000"),
            ("/nowhere", 404, "There is no page /nowhere here."),
            ("/panic", 500, "The handler panicked. The server did not."),
        ] {
            let answer = get(addr, target);
            assert_eq!(answer.status, status, "{target}: {answer:?}");
            assert!(answer.body.contains(text), "{target}: {answer:?}");
            assert!(answer.head.contains("content-type: text/html; charset=utf-8"), "{target}: {answer:?}");
        }
        let style = get(addr, "/style.css");
        assert_eq!(style.status, 200);
        assert!(style.head.contains("content-type: text/css; charset=utf-8"), "{style:?}");
    });
}

#[test]
fn only_get_and_head_are_known() {
    support::test(|| {
        let (_server, addr) = server();
        let mut client = Client::connect(addr);
        client.send("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n");
        let answer = client.answer();
        assert_eq!(answer.status, 405);
        assert!(answer.head.contains("allow: get, head"), "{answer:?}");

        let mut client = Client::connect(addr);
        client.send("HEAD / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        assert!(client.hears_only_a_head());
    });
}

#[test]
fn a_connection_is_kept_for_many_requests_and_each_is_logged() {
    support::test(|| {
        let (server, addr) = server();
        let mut client = Client::connect(addr);
        for number in 0..100 {
            assert!(client.get(&format!("/hello/{number}")).body.contains(&format!("Hello, {number}!")));
        }
        assert_eq!(client.get("/nowhere").status, 404);
        server.wait_for("GET /nowhere 404");
        let output = server.output();
        assert_eq!(output.lines().filter(|line| line.contains(" GET /hello/")).count(), 100);
        assert!(output.contains("GET /hello/99 200"), "{output}");
    });
}

#[test]
fn clients_that_hang_up_or_speak_no_http_do_no_harm() {
    support::test(|| {
        let (server, addr) = server();
        let mut steady = Client::connect(addr);
        assert_eq!(steady.get("/").status, 200);

        drop(Client::connect(addr)); // says nothing at all
        let mut half = Client::connect(addr);
        half.send("GET /hello/nobody HTTP/1.1\r\nHost: loc");
        drop(half);
        for _ in 0..50 {
            let mut impatient = Client::connect(addr);
            impatient.ask_for(&["/sleep?ms=10000"]);
            drop(impatient);
        }
        drop(client_waiting_for("/sleep?ms=10000", addr));
        server.wait_for("connection closed before message completed");

        for nonsense in [
            "\u{16}\u{3}\u{1} TLS?\r\n\r\n",
            "GET\r\n\r\n",
            "GET / HTTP/9.9\r\n\r\n",
            "GET / HTTP/1.1\r\nA B: c\r\n\r\n",
        ] {
            let mut confused = Client::connect(addr);
            confused.send(nonsense);
            assert_eq!(confused.answer().status, 400, "{nonsense:?}");
            assert!(confused.is_hung_up_on());
        }

        assert_eq!(steady.get("/hello/again").status, 200);
        assert_eq!(get(addr, "/").status, 200);
    });
}

#[test]
fn more_blocked_handlers_than_workers_hold_nobody_up() {
    support::test(|| {
        let (server, addr) = server();
        let mut steady = Client::connect(addr);
        let crowd: Vec<_> = (0..20).map(|_| client_waiting_for("/block?ms=10000", addr)).collect();
        server.wait_for("has blocked its thread");
        for _ in 0..100 {
            assert_eq!(steady.get("/hello/meanwhile").status, 200);
        }
        assert_eq!(get(addr, "/offload?ms=1").status, 200);
        let output = server.output();
        assert!(!output.contains("GET /block"), "the blocked handlers were waited for: {output}");
        drop(crowd);
    });
}

#[test]
fn a_taken_port_is_said_plainly() {
    support::test(|| {
        let (_server, addr) = server();
        let ended = Program::start("web_server", &["--addr", &addr.to_string()]).end();
        ended.assert_code(1);
        assert!(ended.output.contains(&format!("{addr} is taken")), "{ended:?}");
        assert!(ended.output.contains("--addr"), "{ended:?}");
        assert!(!ended.output.contains("panicked"), "{ended:?}");
    });
}

#[test]
fn arguments_that_make_no_sense_are_refused() {
    support::test(|| {
        for (arguments, message) in [
            (&["--adr"][..], "what is --adr? usage:"),
            (&["--addr"], "--addr needs an address"),
            (&["--addr", "nonsense"], "cannot listen on nonsense"),
        ] {
            let ended = Program::start("web_server", arguments).end();
            ended.assert_code(1);
            assert!(ended.output.contains(message), "{ended:?}");
        }
    });
}

#[test]
fn fault_81_a_lack_of_descriptors_passes_as_clients_leave() {
    support::test(|| {
        let (server, addr) = server();
        let mut steady = Client::connect(addr);
        assert_eq!(steady.get("/").status, 200);

        let open = fs::read_dir(format!("/proc/{}/fd", server.id())).expect("its descriptors").count();
        let before = limit_descriptors(server.id(), open as u64 + 2);
        let crowd: Vec<_> = (0..8).map(|_| Client::connect(addr)).collect();

        // It waits longer each time, so this many failures and no more come before it waits a second; counted from the last that
        // followed a success, for a descriptor may have come free meanwhile.
        server.wait_for("trying again in 1s");
        let output = server.output();
        let until_then = output.split("trying again in 1s").next().unwrap();
        let failures = until_then.rsplit("trying again in 5ms").next().unwrap().matches("cannot accept").count();
        assert!(failures <= 8, "{failures} failures between the first pause and that of a second");
        assert_eq!(steady.get("/hello/meanwhile").status, 200);

        drop(crowd);
        assert_eq!(get(addr, "/hello/afterwards").status, 200);
        limit_descriptors(server.id(), before);
        assert_eq!(steady.get("/").status, 200);
    });
}

/// Sets another process's soft limit of open descriptors, and gives the one before.
fn limit_descriptors(process: libc::pid_t, limit: u64) -> u64 {
    let mut before = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: a null new limit only asks; the old one goes into a live rlimit.
    assert_eq!(unsafe { libc::prlimit(process, libc::RLIMIT_NOFILE, std::ptr::null(), &mut before) }, 0);
    let new = libc::rlimit { rlim_cur: limit, ..before };
    // SAFETY: the new limit is a live rlimit; a null old one is not written.
    assert_eq!(unsafe { libc::prlimit(process, libc::RLIMIT_NOFILE, &new, std::ptr::null_mut()) }, 0);
    before.rlim_cur
}

#[test]
fn ctrl_c_lets_nobody_in_and_finishes_what_runs() {
    support::test(|| {
        let (server, addr) = server();
        let mut idle = Client::connect(addr);
        assert_eq!(idle.get("/").status, 200);
        let mut busy = client_waiting_for("/sleep?ms=1000", addr);
        let mut offloaded = client_waiting_for("/offload?ms=1000", addr);

        server.interrupt();
        server.wait_for("Closing: ");
        let refusal = Client::try_connect(addr).err().map(|error| error.kind());
        assert_eq!(refusal, Some(io::ErrorKind::ConnectionRefused));
        assert!(idle.is_hung_up_on());
        for (client, text) in [(&mut busy, "slept for 1s"), (&mut offloaded, "blocked for 1s")] {
            let answer = client.answer();
            assert!(answer.status == 200 && answer.body.contains(text), "{answer:?}");
            assert!(client.is_hung_up_on());
        }
        let ended = server.end();
        ended.assert_code(0);
        assert!(ended.output.ends_with("\nClosed\n"), "{ended:?}");
    });
}

#[test]
fn a_second_ctrl_c_ends_it_at_once() {
    support::test(|| {
        let (server, addr) = server();
        let mut busy = client_waiting_for("/sleep?ms=10000", addr);
        server.interrupt();
        server.wait_for("Closing: ");
        server.interrupt();
        let ended = server.end();
        ended.assert_code(130);
        assert!(ended.output.ends_with("\nEnded at once\n"), "{ended:?}");
        assert!(busy.is_hung_up_on());
    });
}
