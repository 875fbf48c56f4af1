//! Interrupted runs still write complete reports.

use nix::sys::signal::Signal;

use super::pipe::Pipe;
use super::{CliSandbox, Running, closed_port, read, tcp_suite};

/// Starts a run that would go on for an hour, with an option of `env` about signals, and waits until it is at work.
fn busy(sandbox: &CliSandbox, option: &str) -> (Running, Pipe) {
    let args = ["run", "suite.yaml", "--json", "r.json", "--junit", "r.xml", "--events", "e.jsonl"];
    let events = Pipe::new(&sandbox.path("e.jsonl"));
    let running = Running::start(&mut sandbox.command_by_env(option, &args));
    events.hear("attempt_ended");
    (running, events)
}

fn sandbox() -> (CliSandbox, socket2::Socket) {
    let (held, port) = closed_port();
    let rest = format!(
        "    eventually: {{within: 1h, every: 10ms}}\n  - id: b\n    needs: [a]\n    tcp: {{host: 127.0.0.1, port: {port}}}\n"
    );
    (CliSandbox::new(&tcp_suite(port, &rest)), held)
}

fn interrupted(signal: Signal, code: i32) {
    let (sandbox, _held) = sandbox();
    // Tests that a script starts in its background ignore some signals, and so would what they start.
    let (running, _events) = busy(&sandbox, "--default-signal");
    running.signal(signal);
    let ended = running.end();
    assert_eq!(ended.code, code, "{}{}", ended.out, ended.err);
    let report = sandbox.json("r.json");
    assert_eq!(report["run"]["interrupted"], true);
    assert_eq!(report["checks"].as_array().unwrap().len(), 2, "every planned check is in the report");
    assert_eq!(report["checks"][1]["reason"], "not run: interrupted");
    let xml = read(&sandbox.path("r.xml"));
    assert!(xml.contains("shakedown.interrupted") && xml.trim_end().ends_with("</testsuites>"), "{xml}");
    assert!(ended.out.contains("INTERRUPTED"), "{}", ended.out);
}

#[test]
fn ctrl_c_is_130_with_valid_reports() {
    interrupted(Signal::SIGINT, 130);
}

#[test]
fn sigterm_is_143_with_valid_reports() {
    interrupted(Signal::SIGTERM, 143);
}

#[test]
fn a_lost_session_is_143_with_valid_reports() {
    interrupted(Signal::SIGHUP, 143);
}

#[test]
fn under_nohup_a_lost_session_does_not_end_a_run() {
    let (sandbox, _held) = sandbox();
    let (running, events) = busy(&sandbox, "--ignore-signal=HUP");
    running.signal(Signal::SIGHUP);
    (0..5).for_each(|_| events.hear("attempt_ended"));
    // The first signal that is heard gives the code.
    running.signal(Signal::SIGINT);
    assert_eq!(running.end().code, 130);
}

/// A failover check that breaks nothing but leaves files and says so, against a listener that always answers.
fn failover_desk() -> (CliSandbox, Pipe, std::net::TcpListener) {
    let (keep, address) = super::listener();
    let suite = format!(
        "version: 1\nsuite: s\nchecks:\n  - id: f\n    failover:\n\
         \x20     probe: {{tcp: {{host: 127.0.0.1, port: {}}}, interval: 20ms}}\n\
         \x20     inject: {{run: [sh, -c, \"touch injected; echo injected >bell\"]}}\n      restore: {{run: [sh, -c, \"touch restored; echo restored >bell\"]}}\n      steady: 100ms\n      observe: 1h\n",
        address.port()
    );
    let sandbox = CliSandbox::new(&suite);
    let bell = Pipe::new(&sandbox.path("bell"));
    (sandbox, bell, keep)
}

fn in_the_middle(sandbox: &CliSandbox, bell: &Pipe) -> Running {
    let running =
        Running::start(&mut sandbox.command(&["run", "suite.yaml", "--allow-disruptive", "--json", "r.json"]));
    bell.hear("injected");
    assert!(!sandbox.path("restored").exists(), "restored before anything happened");
    running
}

#[test]
fn kill_9_in_the_middle_of_a_failover_restores() {
    let (sandbox, bell, _keep) = failover_desk();
    let running = in_the_middle(&sandbox, &bell);
    running.signal(Signal::SIGKILL);
    bell.hear("restored");
}

#[test]
fn ctrl_c_in_the_middle_of_a_failover_restores_before_the_end() {
    let (sandbox, bell, _keep) = failover_desk();
    let running = in_the_middle(&sandbox, &bell);
    running.signal(Signal::SIGINT);
    assert_eq!(running.end().code, 130);
    assert!(sandbox.path("restored").exists(), "the run ended before it restored");
    let report = sandbox.json("r.json");
    assert_eq!(report["run"]["interrupted"], true);
    assert_eq!(report["checks"][0]["verdict"], "errored");
    assert_eq!(report["checks"][0]["fault"]["kind"], "cancelled");
}

#[test]
fn a_disruptive_check_is_refused_without_permission() {
    let (sandbox, _bell, _keep) = failover_desk();
    let ended = sandbox.run(&["run", "suite.yaml"]);
    assert_eq!(ended.code, 2);
    assert!(
        ended.err.contains("breaks something on purpose") && ended.err.contains("--allow-disruptive"),
        "{}",
        ended.err
    );
    assert!(!sandbox.path("injected").exists());
}
