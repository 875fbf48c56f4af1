//! What suites expect of JSON: the element of a list that has a value, and null beside what is not there.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use super::CliSandbox;

/// A server that answers everybody with this document; its port.
fn serving(document: &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    // It waits for clients until the tests end.
    std::thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            let _ = stream.read(&mut [0; 1024]);
            let length = document.len();
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
            );
            let _ = stream.write_all(format!("{head}{document}").as_bytes());
        }
    });
    port
}

const HEALTH: &str = r#"{"error": null, "version": "1.4.2", "services": [
    {"name": "db", "status": "ok", "port": 5432, "lag": 0.2, "tags": ["eu", null], "note": null},
    {"name": "cache", "status": "down", "port": 6379, "zone": "eu"},
    {"name": "queue", "status": "ok", "port": 5672, "zone": "eu"}]}"#;

/// Each expectation by itself as a check of one run: verdict and reason, in order.
fn judged(document: &'static str, expectations: &[&str], more: &str) -> Vec<(String, String)> {
    let port = serving(document);
    let mut suite = String::from("version: 1\nsuite: s\nchecks:\n");
    for (at, expect) in expectations.iter().enumerate() {
        let _ = write!(
            suite,
            "  - id: c{at}\n    http: {{url: \"http://127.0.0.1:{port}/\"{more}}}\n    expect:\n      {expect}\n"
        );
    }
    let sandbox = CliSandbox::new(&suite);
    let ended = sandbox.run(&["run", "suite.yaml", "--jobs", "1", "--json", "r.json"]);
    assert!(sandbox.path("r.json").exists(), "{}{}", ended.out, ended.err);
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let report = sandbox.json("r.json");
    let checks = report["checks"].as_array().unwrap();
    checks.iter().map(|check| (text(&check["verdict"]), text(&check["reason"]))).collect()
}

#[track_caller]
fn all(document: &'static str, rows: &[(&str, &str, &str)]) {
    let expectations: Vec<&str> = rows.iter().map(|(expect, ..)| *expect).collect();
    for ((expect, verdict, why), (seen, reason)) in rows.iter().zip(judged(document, &expectations, "")) {
        assert_eq!((&*seen, reason.contains(why)), (*verdict, true), "{expect}: {reason}");
    }
}

#[test]
fn an_element_is_chosen_by_a_value_it_has() {
    all(
        HEALTH,
        &[
            ("body.json.services[name=db].status: ok", "passed", ""),
            ("'body.json.services[name=\"db\"].status': ok", "passed", ""),
            ("{\"body.json.services[name=db].status\": ok}", "passed", ""),
            (
                "body.json.services[name=cache].status: ok",
                "failed",
                "body.json.services[name=cache].status: expected ok, saw down",
            ),
            ("body.json.services[zone=eu,status=ok].name: queue", "passed", ""),
            ("body.json.services[zone=eu][status=ok].name: queue", "passed", ""),
            ("body.json.services[port=5432].lag: {le: 0.5}", "passed", ""),
            ("body.json.services[name=db].lag: {gt: 0.5}", "failed", "saw 0.2"),
            ("body.json.services[name=db].tags: {contains: eu}", "passed", ""),
            ("body.json.services[name=db].tags: {len: 2}", "passed", ""),
            ("body.json.services[name=db].status: {in: [ok, degraded]}", "passed", ""),
            ("body.json.services[name=db].status: {not_matches: down}", "passed", ""),
            ("body.json.services[name=db]: {present: true}", "passed", ""),
            // None has it: it is absent.
            ("body.json.services[name=mail]: {present: false}", "passed", ""),
            (
                "body.json.services[name=mail].status: ok",
                "failed",
                "expected ok, saw no element in `services` that fits `[name=mail]`",
            ),
            (
                "body.json.services[name=mail].status: {ne: down}",
                "failed",
                "(what is not there satisfies `present: false` alone)",
            ),
            // Several have it: which one is meant cannot be told, and nothing holds.
            ("body.json.services[zone=eu].status: ok", "failed", "2 elements fit `[zone=eu]`, which must mean one"),
            ("body.json.services[zone=eu].status: {ne: lost}", "failed", "2 elements fit"),
            ("body.json.services[zone=eu]: {present: false}", "failed", "2 elements fit"),
            ("body.json.services[Name=db].status: ok", "failed", "the name there is `name`"),
            (
                "body.json.error[name=db]: {present: false}",
                "failed",
                "chooses from a list of objects, and there is null",
            ),
            ("body.json.version[name=db]: {present: false}", "failed", "and there is a text"),
        ],
    );
    all(
        r#"[{"id": 1, "up": true}, {"id": 2, "up": false}]"#,
        &[
            ("body.json[id=1].up: true", "passed", ""),
            ("body.json[id=2].up: true", "failed", "body.json[id=2].up: expected true, saw false"),
        ],
    );
}

#[test]
fn null_is_told_from_what_is_not_there() {
    all(
        HEALTH,
        &[
            ("body.json.error: null", "passed", ""),
            ("body.json.error: ~", "passed", ""),
            ("body.json.error: {eq: null}", "passed", ""),
            ("body.json.error: {in: [null, \"\"]}", "passed", ""),
            ("body.json.error: {any_of: [{eq: null}, {present: false}]}", "passed", ""),
            ("body.json.error: {present: true}", "passed", ""),
            ("body.json.error: {present: false}", "failed", "saw null"),
            ("body.json.error: {ne: null}", "failed", "body.json.error: expected anything but null, saw null"),
            ("body.json.error: none", "failed", "expected none, saw null"),
            ("body.json.error: \"null\"", "failed", "null (null, not a text)"),
            // What cannot be compared satisfies neither a test nor its negation.
            ("body.json.error: {ne: timeout}", "failed", "saw null"),
            ("body.json.error: {lt: 5}", "failed", "saw null"),
            ("body.json.error: {excludes: x}", "failed", "saw null"),
            ("body.json.error: {len: 0}", "failed", "saw null"),
            // Not there at all.
            ("body.json.errors: null", "failed", "body.json.errors: expected null, saw no `errors`; there are "),
            ("body.json.errors: {ne: null}", "failed", "saw no `errors`; there are "),
            ("body.json.errors: {present: false}", "passed", ""),
            ("body.json.errors: {any_of: [{eq: null}, {present: false}]}", "passed", ""),
            ("body.json.error.code: {present: false}", "passed", ""),
            ("body.json.version: null", "failed", "expected null, saw 1.4.2"),
            ("body.json.version: {ne: null}", "passed", ""),
            ("body.json.services[name=db].note: null", "passed", ""),
            ("body.json.services[name=cache].note: null", "failed", "saw no `note` in `services`; there are "),
            ("body.json.services[note=null].name: db", "passed", ""),
            ("body.json.services.0.tags: {contains: [null]}", "passed", ""),
            ("body.json.services.0.tags: {exactly: [eu, null]}", "passed", ""),
            ("body.json.services.0.tags: {eq: [eu, null]}", "passed", ""),
            ("body.json.services.0.tags: {any: {eq: null}}", "passed", ""),
            ("body.json.services.0.tags: {none: {eq: null}}", "failed", "null"),
        ],
    );
    all("null", &[("body.json: null", "passed", ""), ("body.json: {present: false}", "failed", "saw null")]);
}

/// A body that was cut is no document, and nothing of it is known.
#[test]
fn of_a_body_that_was_cut_no_element_is_known() {
    let expectations = [
        "body.json.services[name=db].status: ok",
        "body.json.services[name=mail]: {present: false}",
        "body.json.error: null",
    ];
    for (verdict, reason) in judged(HEALTH, &expectations, ", limit: 40 B") {
        assert_eq!(verdict, "errored", "{reason}");
    }
}

#[test]
fn explain_knows_paths() {
    let sandbox = CliSandbox::new("");
    for topic in ["http.body.json.services[name=db].status", "body.json.error", "http.body.json"] {
        let ended = sandbox.run(&["explain", topic]);
        assert_eq!(ended.code, 0, "{topic}: {}", ended.err);
        for part in ["http.body.json  object", "LIST[KEY=VALUE]", "null is a value"] {
            assert!(ended.out.contains(part), "{topic}: {}", ended.out);
        }
    }
    let headers = sandbox.run(&["explain", "http.headers.server"]).out;
    assert!(headers.contains("http.headers  object") && !headers.contains("LIST["), "{headers}");
    assert_eq!(sandbox.run(&["explain", "http.bodyx"]).code, 2);
}
