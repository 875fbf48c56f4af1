//! Exit codes, and never a false green.

use super::pipe::Pipe;
use super::{CliSandbox, Running, closed_port, listener, tcp_suite};

#[test]
fn all_held_is_0_and_a_breach_is_1() {
    let (_keep, address) = listener();
    let ended = CliSandbox::new(&tcp_suite(address.port(), "")).run(&["run", "suite.yaml"]);
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
    assert!(ended.out.contains("s  1 passed"), "{}", ended.out);
    let (_held, port) = closed_port();
    let ended = CliSandbox::new(&tcp_suite(port, "")).run(&["run", "suite.yaml"]);
    assert_eq!(ended.code, 1, "{}{}", ended.out, ended.err);
}

#[test]
fn a_failure_shows_cause_next_step_what_is_unmet_and_how_to_run_it_again() {
    let (_held, port) = closed_port();
    let sandbox = CliSandbox::new(&tcp_suite(port, "    expect: {outcome: connected, connect_time.p95: {lt: 20ms}}\n"));
    let ended = sandbox.run(&["run", "suite.yaml"]);
    for words in [
        &format!("cause  connection refused by 127.0.0.1:{port} (RST)\n  next   does the service run"),
        &format!("ss -ltnp 'sport = :{port}'"),
        "unmet  outcome: expected connected; not checked: connect_time.p95 (suite.yaml:6:23)",
        "s  0 passed  1 FAILED",
        "(exit 1)",
        "again: shakedown run suite.yaml --only a",
    ] {
        assert!(ended.out.contains(words), "`{words}` is not in\n{}", ended.out);
    }
}

/// The command under the summary works as it stands: with checks of an included file, which is no suite by itself, and with one
/// that needs a check of another suite.
#[test]
fn the_command_that_runs_failed_checks_again_works() {
    let (_held, port) = closed_port();
    let (_keep, address) = listener();
    let suite = format!(
        "version: 1\nsuite: main\nvars: {{port: {port}}}\ninclude: [part.yaml]\nchecks:\n  - {{id: up, tcp: {{host: 127.0.0.1, port: {}}}}}\n",
        address.port()
    );
    let sandbox = CliSandbox::new(&suite);
    sandbox.write(
        "part.yaml",
        "version: 1\nchecks:\n  - {id: down, matrix: {path: [a&b, it's]}, needs: [up], tcp: {host: 127.0.0.1, port: \"${port}\", send: \"${matrix.path}\"}}\n",
    );
    let other =
        "version: 1\nsuite: other\nchecks:\n  - {id: x, needs: [main/up], tcp: {host: 127.0.0.1, port: PORT}}\n";
    sandbox.write("other.yaml", &other.replace("PORT", &port.to_string()));
    let again = |out: &str| {
        let line = out.lines().find_map(|line| line.strip_prefix("again: shakedown ")).map(str::to_owned);
        let line = line.unwrap_or_else(|| panic!("{out}"));
        (shlex::split(&line).unwrap(), line)
    };
    for (files, want) in [(&["suite.yaml"][..], 2), (&["suite.yaml", "other.yaml"], 3)] {
        let first = sandbox.run(&[&["run"], files].concat());
        let (words, line) = again(&first.out);
        assert_eq!(first.out.matches("again: ").count(), 1, "{}", first.out);
        let second = sandbox.run(&words.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(second.code, 1, "{line}\n{}{}", second.out, second.err);
        assert!(second.out.contains(&format!("1 passed  {want} FAILED")), "{line}\n{}", second.out);
        assert_eq!(again(&second.out).0, words, "{}", second.out);
    }
}

#[test]
fn every_failure_says_what_to_try_next() {
    let (_keep, address) = listener();
    let slow = CliSandbox::new(&tcp_suite(address.port(), "    expect: {connect_time.p95: {lt: 1ns}}\n"))
        .run(&["run", "suite.yaml"]);
    assert!(slow.out.contains("next   the handshake is the path and the host's queue"), "{}", slow.out);
    let other =
        CliSandbox::new(&tcp_suite(address.port(), "    expect: {address: 192.0.2.1}\n")).run(&["run", "suite.yaml"]);
    assert!(other.out.contains("next   see every fact: add `--only a --json -` to the command"), "{}", other.out);
    let open =
        CliSandbox::new(&tcp_suite(address.port(), "    expect: {outcome: refused}\n")).run(&["run", "suite.yaml"]);
    assert!(
        open.out.contains("answers, where nothing should (expected: refused)\n  next   stop the service"),
        "{}",
        open.out
    );
    // Refused is what was expected here: advice about it would mislead.
    let (_held, port) = closed_port();
    let rest = "    expect: {outcome: refused, address: 192.0.2.1}\n";
    let held = CliSandbox::new(&tcp_suite(port, rest)).run(&["run", "suite.yaml"]);
    assert!(!held.out.contains("does the service run"), "{}", held.out);
}

#[test]
fn a_peer_cannot_steer_the_terminal() {
    let (listener, address) = listener();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let _ = std::io::Write::write_all(&mut stream, b"\x1b[2J\x1b[1;32mPASS everything\rfine\x1b[0m\n");
    });
    let rest = "    expect: {banner: hello, outcome: connected}\n";
    let suite = tcp_suite(address.port(), rest).replace("port: ", "banner: true, port: ");
    let ended = CliSandbox::new(&suite).run(&["run", "suite.yaml"]);
    server.join().unwrap();
    assert!(!ended.out.contains('\u{1b}') && !ended.out.contains('\r'), "{:?}", ended.out);
    assert!(ended.out.contains("\\u{1b}[2J"), "what it sent is shown: {}", ended.out);
}

#[test]
fn a_process_that_hangs_is_not_blamed_on_the_network() {
    // Accepted by the backlog, never answered.
    let (_keep, address) = listener();
    let suite = tcp_suite(address.port(), "").replace("port: ", "expect: hello, timeout: 200ms, port: ");
    let ended = CliSandbox::new(&suite).run(&["run", "suite.yaml"]);
    assert!(ended.out.contains("next   the connection is there and the service does not answer"), "{}", ended.out);
    assert!(ended.out.contains("accepted the connection, then kept silent for 200 ms"), "{}", ended.out);
}

#[test]
fn refused_unresolved_and_timeout_are_three_things() {
    let (_held, closed) = closed_port();
    // A full backlog drops further SYNs: silence, without a firewall.
    let full = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    full.bind(&std::net::SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    full.listen(0).unwrap();
    let address = full.local_addr().unwrap().as_socket().unwrap();
    let _fillers: Vec<_> = (0..4)
        .map(|_| {
            let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
            socket.set_nonblocking(true).unwrap();
            let _ = socket.connect(&address.into());
            socket
        })
        .collect();
    let suite = format!(
        "version: 1\nsuite: s\ndefaults: {{timeout: 300ms}}\nchecks:\n\
         \x20 - id: refused\n    tcp: {{host: 127.0.0.1, port: {closed}}}\n    expect: {{outcome: refused}}\n\
         \x20 - id: unresolved\n    tcp: {{host: nowhere.invalid, port: 1}}\n    expect: {{outcome: unresolved}}\n\
         \x20 - id: timeout\n    tcp: {{host: 127.0.0.1, port: {}}}\n    expect: {{outcome: timeout}}\n    control: refused\n\
         \x20 - id: unresolved-is-not-closed\n    tcp: {{host: nowhere.invalid, port: 1}}\n    expect: {{outcome: {{in: [refused, timeout]}}}}\n    control: refused\n",
        address.port()
    );
    let sandbox = CliSandbox::new(&suite);
    let ended = sandbox.run(&["run", "suite.yaml", "--json", "r.json"]);
    assert_eq!(ended.code, 1, "{}", ended.out);
    let report = sandbox.json("r.json");
    let verdicts: Vec<&str> =
        report["checks"].as_array().unwrap().iter().map(|c| c["verdict"].as_str().unwrap()).collect();
    assert_eq!(verdicts, ["passed", "passed", "passed", "failed"], "{}", ended.out);
}

#[test]
fn what_cannot_be_measured_is_errored_not_failed() {
    let (_keep, address) = listener();
    let suite = format!(
        "version: 1\nsuite: s\nchecks:\n  - id: a\n    tcp: {{host: 127.0.0.1, port: {}, source: 192.0.2.1}}\n    expect: {{outcome: refused}}\n",
        address.port()
    );
    let sandbox = CliSandbox::new(&suite);
    let ended = sandbox.run(&["run", "suite.yaml", "--json", "r.json", "--junit", "r.xml"]);
    assert_eq!(ended.code, 3, "{}", ended.out);
    assert_eq!(sandbox.json("r.json")["checks"][0]["verdict"], "errored");
    assert!(super::read(&sandbox.path("r.xml")).contains("type=\"fault.local\""));
    assert!(ended.out.contains("cause  could not bind to source 192.0.2.1"), "{}", ended.out);
    assert!(ended.out.contains("next   check that `source` is an address of this machine"), "{}", ended.out);
}

#[test]
fn selecting_nothing_is_an_error() {
    let sandbox = CliSandbox::new(&tcp_suite(1, "    tags: [smoke]\n"));
    let ended = sandbox.run(&["run", "suite.yaml", "--tag", "smoke", "--skip-tag", "smoke"]);
    assert_eq!(ended.code, 2);
    assert!(ended.err.contains("nothing is selected: --tag smoke --skip-tag smoke"), "{}", ended.err);
    assert_eq!(sandbox.run(&["run", "nowhere"]).code, 2);
    assert_eq!(sandbox.run(&["run"]).code, 2, "no ./suites");
}

#[test]
fn all_skipped_is_not_green() {
    let suite = "version: 1\nsuite: s\nvars: {site: fra}\nchecks:\n  - id: a\n    when: {site: [lon]}\n    tcp: {host: 127.0.0.1, port: 1}\n";
    let ended = CliSandbox::new(suite).run(&["run", "suite.yaml"]);
    assert_eq!(ended.code, 3, "{}", ended.out);
    assert!(ended.out.contains("when site is lon; it is fra"), "{}", ended.out);
    assert!(ended.out.contains("nothing was measured"), "{}", ended.out);
}

#[test]
fn an_invalid_suite_sends_nothing() {
    let (listener, address) = listener();
    listener.set_nonblocking(true).unwrap();
    let sandbox = CliSandbox::new(&tcp_suite(address.port(), "  - id: b\n    tcp: {host: x}\n"));
    let ended = sandbox.run(&["run", "suite.yaml"]);
    assert_eq!(ended.code, 2);
    assert!(ended.err.contains("nothing was sent"), "{}", ended.err);
    let plan = sandbox.run(&["plan", "suite.yaml"]);
    assert_eq!(plan.code, 2);
    let fine = CliSandbox::new(&tcp_suite(address.port(), ""));
    assert_eq!(fine.run(&["plan", "suite.yaml"]).code, 0);
    assert!(listener.accept().is_err(), "a plan or an invalid suite connected");
}

#[test]
fn a_lost_report_is_reported_and_does_not_hide_a_failure() {
    let (_held, port) = closed_port();
    let sandbox = CliSandbox::new(&tcp_suite(port, ""));
    let ended = sandbox.run(&["run", "suite.yaml", "--json", "/proc/nowhere/r.json"]);
    assert_eq!(ended.code, 1);
    assert!(ended.err.contains("cannot write json report to /proc/nowhere/r.json"), "{}", ended.err);
    let (_keep, address) = listener();
    let sandbox = CliSandbox::new(&tcp_suite(address.port(), ""));
    let ended = sandbox.run(&["run", "suite.yaml", "--junit", "/proc/nowhere/r.xml"]);
    assert_eq!(ended.code, 3, "{}", ended.err);
}

#[test]
fn a_failed_need_skips_with_the_reason() {
    let (_held, port) = closed_port();
    let sandbox = CliSandbox::new(&tcp_suite(port, "  - id: b\n    needs: [a]\n    tcp: {host: 127.0.0.1, port: 1}\n"));
    let ended = sandbox.run(&["run", "suite.yaml"]);
    assert!(ended.out.contains("needs a, which failed"), "{}", ended.out);
    // Selecting only `b` brings `a` along.
    let ended = sandbox.run(&["plan", "suite.yaml", "--only", "b"]);
    assert!(ended.out.contains("included, because a selected check needs them: a"), "{}", ended.out);
}

#[test]
fn a_warning_does_not_fail_the_run() {
    let (_held, port) = closed_port();
    let (_keep, address) = listener();
    let rest = format!("    severity: warn\n  - id: b\n    tcp: {{host: 127.0.0.1, port: {}}}\n", address.port());
    let ended = CliSandbox::new(&tcp_suite(port, &rest)).run(&["run", "suite.yaml"]);
    assert_eq!(ended.code, 0, "{}", ended.out);
    assert!(ended.out.contains("1 warned"), "{}", ended.out);
}

#[test]
fn retries_are_flaky_and_eventually_is_not() {
    // A server that refuses until it is started: the second attempt finds it.
    let (held, port) = closed_port();
    let suite = tcp_suite(
        port,
        "    eventually: {within: 20s, every: 50ms}\n    expect: {outcome: connected, settled_in: {lt: 20s}}\n",
    );
    let sandbox = CliSandbox::new(&suite);
    let events = Pipe::new(&sandbox.path("e.jsonl"));
    let running =
        Running::start(&mut sandbox.command(&["run", "suite.yaml", "--json", "r.json", "--events", "e.jsonl"]));
    // Wait for a first attempt that did not hold, then begin to listen.
    events.hear("attempt_ended");
    held.listen(16).unwrap();
    assert_eq!(running.end().code, 0);
    let check = &sandbox.json("r.json")["checks"][0];
    assert_eq!(check["flaky"], false);
    assert!(check["attempts"].as_u64().unwrap() >= 2);
    assert!(check["settled_in_s"].as_f64().unwrap() > 0.0);
    assert_eq!(check["facts"]["settled_in"], check["settled_in_s"]);
    assert!(check["earlier"][0].as_str().unwrap().contains("refused"));
}

#[test]
fn the_budget_bounds_a_check_and_errors_it() {
    let (_held, port) = closed_port();
    let suite = tcp_suite(port, "    budget: 9s\n    eventually: {within: 1h, every: 1s}\n")
        .replace("127.0.0.1, port", "127.0.0.1, timeout: 1s, port");
    let text = CliSandbox::new(&suite).run(&["plan", "suite.yaml"]);
    assert!(text.out.contains("budget 9 s"), "{}{}", text.out, text.err);
}

#[test]
fn fail_fast_skips_the_rest() {
    let (_held, port) = closed_port();
    let sandbox = CliSandbox::new(&tcp_suite(port, "  - id: b\n    tcp: {host: 127.0.0.1, port: 1}\n"));
    let ended = sandbox.run(&["run", "suite.yaml", "--fail-fast", "--jobs", "1"]);
    assert!(ended.out.contains("not run: --fail-fast after a"), "{}", ended.out);
    assert_eq!(ended.code, 1);
}
