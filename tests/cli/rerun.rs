//! A deadline for the whole run, and runs of what was not well in an earlier one.

use std::time::Duration;

use super::pipe::Pipe;
use super::{CliSandbox, Running, closed_port, listener, read};

/// A suite of a check that goes on for an hour, and one that waits for it.
fn endless(port: u16) -> String {
    format!(
        "version: 1\nsuite: s\nchecks:\n  - id: a\n    eventually: {{within: 1h, every: 10ms}}\n    tcp: {{host: 127.0.0.1, port: {port}}}\n\
         \x20 - id: b\n    needs: [a]\n    tcp: {{host: 127.0.0.1, port: {port}}}\n"
    )
}

#[test]
fn a_deadline_errs_what_it_did_not_reach_and_the_reports_say_so() {
    let (_held, port) = closed_port();
    let sandbox = CliSandbox::new(&endless(port));
    let args = ["run", "suite.yaml", "--deadline", "300ms", "--json", "r.json", "--junit", "r.xml"];
    let ended = Running::start(&mut sandbox.command(&args)).end();
    assert_eq!(ended.code, 3, "{}{}", ended.out, ended.err);
    assert!(ended.out.contains("DEADLINE REACHED"), "{}", ended.out);
    let report = sandbox.json("r.json");
    assert_eq!((&report["run"]["deadline_reached"], &report["run"]["interrupted"]), (&true.into(), &false.into()));
    assert_eq!(report["run"]["deadline_s"], 0.3);
    let checks = report["checks"].as_array().unwrap();
    assert_eq!(checks.len(), 2, "every planned check is in the report");
    for check in checks {
        assert_eq!(
            (&check["verdict"], &check["fault"]["kind"]),
            (&"errored".into(), &"run_deadline".into()),
            "{check}"
        );
    }
    assert!(
        checks[0]["reason"].as_str().unwrap().contains("the deadline of the run (300 ms) cut it short after "),
        "{checks:?}"
    );
    assert!(checks[1]["reason"].as_str().unwrap().contains("not reached"), "{checks:?}");
    let xml = read(&sandbox.path("r.xml"));
    for part in ["errors=\"2\"", "fault.run_deadline", "name=\"shakedown.deadline_reached\" value=\"true\""] {
        assert!(xml.contains(part), "{part}: {xml}");
    }
    // A report is rendered again with the same end, and saved as no baseline.
    assert_eq!(sandbox.run(&["report", "r.json"]).code, 3);
    let ended = sandbox.run(&["baseline", "accept", "r.json", "--dir", "store"]);
    assert_ne!(ended.code, 0, "{}{}", ended.out, ended.err);
}

#[test]
fn a_failure_before_the_deadline_is_the_stronger_word_and_a_run_in_time_is_green() {
    let (_keep, address) = listener();
    let (_held, port) = closed_port();
    let failing = format!("{}  - id: c\n    tcp: {{host: 127.0.0.1, port: {port}}}\n", endless(port));
    let sandbox = CliSandbox::new(&failing);
    let ended = Running::start(&mut sandbox.command(&["run", "suite.yaml", "--deadline", "500ms"])).end();
    assert_eq!(ended.code, 1, "{}{}", ended.out, ended.err);
    sandbox.write("suite.yaml", &super::tcp_suite(address.port(), ""));
    let ended = sandbox.run(&["run", "suite.yaml", "--deadline", "1h", "--json", "r.json"]);
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
    let run = &sandbox.json("r.json")["run"];
    assert_eq!((&run["deadline_s"], run.get("deadline_reached")), (&3600.0.into(), None));
}

#[test]
fn a_deadline_comes_from_the_environment_and_the_settings_and_mistakes_are_told() {
    let (_held, port) = closed_port();
    let sandbox = CliSandbox::new(&endless(port));
    let mut command = sandbox.command(&["run", "suite.yaml"]);
    let ended = Running::start(command.env("SHAKEDOWN_DEADLINE", "200ms")).end();
    assert_eq!(ended.code, 3, "{}{}", ended.out, ended.err);
    sandbox.write("shakedown.toml", "deadline = \"200ms\"\n");
    assert_eq!(Running::start(&mut sandbox.command(&["run", "suite.yaml"])).end().code, 3);
    for (wrong, told) in [
        ("10", "`10` has no unit; write a length of time such as 10m"),
        ("soon", "`soon` does not begin with a number"),
        ("0s", "nothing could be measured in no time"),
        ("-5s", "nothing could be measured in no time"),
        ("10 fortnights", "`fortnights` is no unit here"),
        ("9000d", "longer than 30d"),
    ] {
        let ended = sandbox.run(&["run", "suite.yaml", &format!("--deadline={wrong}")]);
        assert!(ended.code == 2 && ended.err.contains(told), "{wrong}: {} {}", ended.code, ended.err);
    }
}

/// A failover that runs is stopped, and what it broke is put back before anything is reported.
#[test]
fn a_deadline_ends_a_failover_after_its_restore() {
    let (_keep, address) = listener();
    let suite = format!(
        "version: 1\nsuite: s\nchecks:\n  - id: f\n    failover:\n\
         \x20     probe: {{tcp: {{host: 127.0.0.1, port: {}}}, interval: 20ms}}\n\
         \x20     inject: {{run: [sh, -c, \"touch injected; echo injected >bell\"]}}\n      restore: {{run: [sh, -c, \"sleep 0.5; touch restored\"]}}\n      steady: 50ms\n      observe: 1h\n",
        address.port()
    );
    let sandbox = CliSandbox::new(&suite);
    let bell = Pipe::new(&sandbox.path("bell"));
    let args = ["run", "suite.yaml", "--allow-disruptive", "--deadline", "8s", "--json", "r.json"];
    let running = Running::start(&mut sandbox.command(&args));
    bell.hear("injected");
    let ended = running.end();
    assert_eq!(ended.code, 3, "{}{}", ended.out, ended.err);
    assert!(sandbox.path("restored").exists());
    let report = sandbox.json("r.json");
    assert_eq!(report["checks"][0]["fault"]["kind"], "run_deadline");
    assert!(report["checks"][0]["reason"].as_str().unwrap().ends_with("what it had changed was put back"), "{report}");
    assert!(report["run"]["duration_s"].as_f64() >= Some(Duration::from_secs(8).as_secs_f64()));
}

/// A check that holds, one that fails, one that needs the latter, one that warns.
fn mixed(good: u16, bad: u16) -> String {
    format!(
        "version: 1\nsuite: s\nchecks:\n  - id: holds\n    tcp: {{host: 127.0.0.1, port: {good}}}\n\
         \x20 - id: fails\n    needs: [holds]\n    tcp: {{host: 127.0.0.1, port: {bad}}}\n\
         \x20 - id: unmet\n    needs: [fails]\n    tcp: {{host: 127.0.0.1, port: {good}, timeout: 3s}}\n\
         \x20 - id: warns\n    severity: warn\n    tcp: {{host: 127.0.0.1, port: {bad}, timeout: 4s}}\n\
         \x20 - id: other\n    tcp: {{host: 127.0.0.1, port: {good}, timeout: 5s}}\n"
    )
}

fn ids(report: &serde_json::Value) -> Vec<&str> {
    report["checks"].as_array().unwrap().iter().map(|check| check["id"].as_str().unwrap()).collect()
}

#[test]
fn only_what_was_not_well_runs_again_with_what_it_needs() {
    let (_keep, address) = listener();
    let (_held, port) = closed_port();
    let sandbox = CliSandbox::new(&mixed(address.port(), port));
    assert_eq!(sandbox.run(&["run", "suite.yaml", "--json", "r.json"]).code, 1);
    let ended = sandbox.run(&["run", "suite.yaml", "--failed-from", "r.json", "--json", "again.json"]);
    assert_eq!(ended.code, 1, "{}{}", ended.out, ended.err);
    let again = sandbox.json("again.json");
    assert_eq!(ids(&again), ["holds", "fails", "unmet", "warns"], "all that was not well, and what that needs");
    assert_eq!(again["run"]["rerun_of"], sandbox.json("r.json")["run"]["id"]);
    assert!(ended.out.contains("included, because a selected check needs them: holds"), "{}", ended.out);
    // Mended, it is green, with what was never run among it.
    sandbox.write("suite.yaml", &mixed(address.port(), address.port()));
    let ended = sandbox.run(&["run", "suite.yaml", "--failed-from", "r.json", "--json", "well.json"]);
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
    assert_eq!(ids(&sandbox.json("well.json")).len(), 4);
    // It narrows what is chosen otherwise, and `plan` shows it.
    let plan = sandbox.run(&["plan", "suite.yaml", "--failed-from", "r.json", "--only", "warns"]).out;
    assert!(plan.starts_with("1 case from suite.yaml\n") && plan.contains("s/warns"), "{plan}");
    let ended = sandbox.run(&["run", "suite.yaml", "--failed-from", "r.json", "--only", "other"]);
    assert!(
        ended.code == 2 && ended.err.contains("nothing is selected: --only other --failed-from r.json"),
        "{}",
        ended.err
    );
    // The report is read, and stays.
    let ended = sandbox.run(&["run", "suite.yaml", "--failed-from", "r.json", "--json", "r.json"]);
    assert_eq!(ended.code, 2, "{}{}", ended.out, ended.err);
}

#[test]
fn a_report_in_which_nothing_failed_is_no_pass() {
    let (_keep, address) = listener();
    let sandbox = CliSandbox::new(&super::tcp_suite(address.port(), ""));
    assert_eq!(sandbox.run(&["run", "suite.yaml", "--json", "r.json"]).code, 0);
    let ended = sandbox.run(&["run", "suite.yaml", "--failed-from", "r.json"]);
    assert_eq!((ended.code, ended.out.as_str()), (2, ""), "{}", ended.err);
    assert!(ended.err.contains("nothing failed in r.json"), "{}", ended.err);
    assert!(ended.err.contains("nothing was sent"), "{}", ended.err);
    for (report, told) in [("no.json", "cannot be read"), ("suite.yaml", "--failed-from suite.yaml")] {
        let ended = sandbox.run(&["run", "suite.yaml", "--failed-from", report]);
        assert!(ended.code == 2 && ended.err.contains(told), "{report}: {} {}", ended.code, ended.err);
    }
}

#[test]
fn checks_that_are_called_otherwise_or_gone_are_told() {
    let (_keep, address) = listener();
    let (_held, port) = closed_port();
    let suite = mixed(address.port(), port);
    let sandbox = CliSandbox::new(&suite);
    assert_eq!(sandbox.run(&["run", "suite.yaml", "--json", "r.json"]).code, 1);
    // Renamed, and found by its definition.
    sandbox.write("suite.yaml", &suite.replace("id: warns", "id: warned"));
    let ended = sandbox.run(&["run", "suite.yaml", "--failed-from", "r.json", "--json", "again.json"]);
    assert!(ended.out.contains("s/warns of the report is called s/warned now\n"), "{}{}", ended.out, ended.err);
    assert_eq!(ids(&sandbox.json("again.json")), ["holds", "fails", "unmet", "warned"]);
    // Renamed and changed, or removed: what failed would silently be left out.
    sandbox.write("suite.yaml", &suite.replace("id: warns", "id: warned").replace("timeout: 4s", "timeout: 9s"));
    let ended = sandbox.run(&["run", "suite.yaml", "--failed-from", "r.json"]);
    assert_eq!(ended.code, 2, "{}{}", ended.out, ended.err);
    assert!(ended.err.contains("no suite given has it: s/warns; nothing was sent"), "{}", ended.err);
    // A report of another suite.
    sandbox.write("suite.yaml", &suite.replace("suite: s\n", "suite: another\n").replace("127.0.0.1", "127.0.0.2"));
    let ended = sandbox.run(&["run", "suite.yaml", "--failed-from", "r.json"]);
    assert_eq!(ended.code, 2, "{}{}", ended.out, ended.err);
    assert!(ended.err.contains("suite `s` is no part of this run: give its file too"), "{}", ended.err);
}

/// A variable given on the command line chose the target: the run again has it too, or is none.
#[test]
fn what_is_run_again_looks_at_the_same_target() {
    let (_keep, address) = listener();
    let (_held, port) = closed_port();
    let sandbox = CliSandbox::new(&format!(
        "version: 1\nsuite: s\nvars: {{port: {}}}\nchecks:\n  - id: a\n    tcp: {{host: 127.0.0.1, port: \"${{port}}\"}}\n",
        address.port()
    ));
    let variable = format!("port={port}");
    let ended = sandbox.run(&["run", "suite.yaml", "--var", &variable, "--timeout", "5s", "--json", "r.json"]);
    assert_eq!(ended.code, 1, "{}{}", ended.out, ended.err);
    let again = format!("again: shakedown run suite.yaml --var {variable} --timeout 5s --only a");
    assert!(ended.out.contains(&again), "{}", ended.out);
    let words: Vec<&str> = again.split(' ').skip(2).collect();
    assert_eq!(sandbox.run(&words).code, 1, "the command that is printed fails as the run did");
    // Without the variable the target is well: that would be green.
    let ended = sandbox.run(&["run", "suite.yaml", "--failed-from", "r.json"]);
    assert_eq!(ended.code, 2, "{}{}", ended.out, ended.err);
    assert!(ended.err.contains(&format!("add --var {variable}, or choose the checks with --only")), "{}", ended.err);
    let ended = sandbox.run(&["run", "suite.yaml", "--var", &variable, "--failed-from", "r.json"]);
    assert_eq!(ended.code, 1, "{}{}", ended.out, ended.err);
}
