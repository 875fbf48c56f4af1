//! What a person reads of a failure: commands that can be pasted, each thing once, and nothing that nobody asked for.

use serde_json::json;

use super::report_fixture::{Builder, CLASS};
use super::{CliSandbox, closed_port, listener, tcp_suite};

/// What `report` prints of a failed tls check with these expectations, 80 columns wide.
fn shown(expected: &str, flags: &[&str]) -> String {
    let mut report = Builder::new(1, CLASS).check("edge", "a", "d", json!({}));
    let check = &mut report.0["checks"][0];
    check["family"] = "tls".into();
    check["verdict"] = "failed".into();
    check["reason"] = "the certificate of 192.0.2.10:443 (CN=old) does not verify: expired since 2020-01-01".into();
    let command =
        "openssl s_client -connect 192.0.2.10:443 -servername www.example </dev/null | openssl x509 -noout -dates";
    check["next"] = format!("renew it and reload; what it shows now: `{command}`; then look at `ca_file`").into();
    check["notes"] =
        json!(["lint self_signed: the leaf (CN=old): the server vouches for itself", "192.0.2.10 answers ping"]);
    check["expectations"] = json!([{"fact": expected, "operator": "eq", "want": "x", "got": "y", "held": false,
        "origin": "suite", "at": {"file": "edge.yaml", "line": 3, "column": 5}}]);
    let sandbox = CliSandbox::new("");
    sandbox.write("r.json", &report.text());
    let mut command = sandbox.command(&[&["report", "r.json"], flags].concat());
    String::from_utf8(command.env("COLUMNS", "80").output().unwrap().stdout).unwrap()
}

#[test]
fn a_command_has_a_line_of_its_own_and_is_not_broken_by_the_terminal() {
    let text = shown("verified", &[]);
    let lines: Vec<&str> = text.lines().skip_while(|line| !line.starts_with("  next ")).take(3).collect();
    assert_eq!(
        lines,
        [
            "  next   renew it and reload; what it shows now:",
            "           openssl s_client -connect 192.0.2.10:443 -servername www.example </dev/null | openssl x509 -noout -dates",
            "         then look at `ca_file`"
        ],
        "{text}"
    );
    assert!(text.lines().filter(|line| line.chars().count() > 80 && !line.starts_with("again")).count() == 1, "{text}");
}

#[test]
fn lint_is_shown_to_whoever_expects_something_of_it() {
    for (expected, flags, is_shown) in [
        ("verified", &[][..], false),
        ("verified", &["-v"], true),
        ("lint", &[], true),
        ("certificates.lint", &[], true),
    ] {
        let text = shown(expected, flags);
        assert_eq!(text.contains("lint self_signed"), is_shown, "{expected} {flags:?}: {text}");
        assert!(text.contains("seen   192.0.2.10 answers ping"), "other evidence is: {text}");
    }
}

#[test]
fn a_line_of_a_suite_is_shown_once_however_much_of_it_did_not_hold() {
    let (_held, port) = closed_port();
    let expect = "    expect: {outcome: connected, connect_time.p95: {lt: 20ms}}\n";
    let ended = CliSandbox::new(&tcp_suite(port, expect)).run(&["run", "suite.yaml", "-v"]);
    assert_eq!(ended.out.matches("6 |     expect:").count(), 1, "{}", ended.out);
}

/// The code in the summary is the one the program ends with.
#[test]
fn the_summary_knows_of_a_report_that_could_not_be_written() {
    let (_keep, address) = listener();
    let sandbox = CliSandbox::new(&tcp_suite(address.port(), ""));
    let ended = sandbox.run(&["run", "suite.yaml", "--json", "typo/reports/r.json"]);
    assert_eq!(ended.code, 3, "{}{}", ended.out, ended.err);
    assert!(ended.out.contains("(exit 3)") && !ended.out.contains("(exit 0)"), "{}", ended.out);
    assert!(ended.err.contains("there is no folder typo"), "{}", ended.err);
    assert!(!sandbox.path("typo").exists());
    assert_eq!(sandbox.run(&["run", "suite.yaml", "--json", "reports/r.json"]).code, 0, "one folder is made");
}

/// What a selection left out has not gone, and its numbers are not missing.
#[test]
fn what_was_not_selected_is_no_change() {
    let (_keep, address) = listener();
    let suite = |ids: &[&str]| {
        let check = |id: &&str| format!("  - {{id: {id}, tcp: {{host: 127.0.0.1, port: {}}}}}\n", address.port());
        format!("version: 1\nsuite: s\nchecks:\n{}", ids.iter().map(check).collect::<String>())
    };
    let sandbox = CliSandbox::new(&suite(&["a", "b", "c"]));
    sandbox.run(&["run", "suite.yaml", "--json", "all.json"]);
    let run = sandbox.run(&["run", "suite.yaml", "--only", "a", "--json", "one.json"]);
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    assert_eq!(sandbox.json("one.json")["run"]["deselected"], json!(["s/b", "s/c"]));
    for (before, after) in [("all.json", "one.json"), ("one.json", "all.json")] {
        let ended = sandbox.run(&["compare", before, after, "--json", "c.json"]);
        assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
        assert!(ended.out.contains("2 checks not selected in one of the runs"), "{}", ended.out);
        assert!(!ended.out.contains("GONE") && !ended.out.contains("NEW"), "{}", ended.out);
        let compared = sandbox.json("c.json");
        assert_eq!(compared["summary"]["checks_not_selected"], 2);
        let lost = compared["metrics"].to_string().contains("only the reference has it");
        assert!(!lost, "{before} {after}: {}", compared["metrics"]);
    }
    // What the suite no longer has is gone, whatever was selected of the rest.
    sandbox.write("suite.yaml", &suite(&["a", "b"]));
    sandbox.run(&["run", "suite.yaml", "--only", "a", "--json", "less.json"]);
    let ended = sandbox.run(&["compare", "all.json", "less.json"]);
    assert!(ended.code == 1 && ended.out.contains("GONE          s/c"), "{}{}", ended.out, ended.err);
}
