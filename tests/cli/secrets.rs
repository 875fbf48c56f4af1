//! A secret never leaves the process, whatever goes wrong.

use super::{Desk, closed_port, read};

const SECRET: &str = "tr0ub4dor&3 \"q\"";

#[test]
fn no_output_holds_the_secret() {
    let (_held, port) = closed_port();
    let suite = format!(
        "version: 1\nsuite: s\nsecrets: [MY_TOKEN]\nvars: {{t: \"x ${{MY_TOKEN}}\"}}\nchecks:\n\
         \x20 - id: a\n    tcp: {{host: 127.0.0.1, port: {port}, send: \"${{MY_TOKEN}}\", expect: \"${{t}}\"}}\n    expect: {{banner: \"${{t}}\", outcome: connected}}\n\
         \x20 - id: b\n    tags: [\"${{MY_TOKEN}}\"]\n    tcp: {{host: 127.0.0.1, port: {port}}}\n    expect: {{received: {{contains: [\"${{MY_TOKEN}}\"]}}}}\n"
    );
    let desk = Desk::new(&suite);
    let mut all = String::new();
    for args in [
        vec!["run", "suite.yaml", "-vvv", "--json", "r.json", "--junit", "r.xml", "--events", "e.jsonl"],
        vec!["plan", "suite.yaml"],
        vec!["run", "suite.yaml", "--json", "-", "--label", "k=tr0ub4dor&3 \"q\""],
    ] {
        let ended = super::Ended::of(desk.command(&args).env("MY_TOKEN", SECRET).output().unwrap());
        assert!(ended.code <= 1, "{}{}", ended.out, ended.err);
        all += &ended.out;
        all += &ended.err;
    }
    for file in ["r.json", "r.xml", "e.jsonl"] {
        all += &read(&desk.path(file));
    }
    assert!(!all.contains("tr0ub4dor"), "{all}");
    assert!(all.contains("***"), "the place of the secret shows");
}

#[test]
fn an_error_in_the_suite_does_not_show_it_either() {
    let suite =
        "version: 1\nsuite: s\nsecrets: [MY_TOKEN]\nchecks:\n  - id: a\n    tcp: {host: \"${MY_TOKEN}\", port: 1}\n";
    let desk = Desk::new(suite);
    let ended = super::Ended::of(desk.command(&["plan", "suite.yaml"]).env("MY_TOKEN", SECRET).output().unwrap());
    assert_eq!(ended.code, 2);
    assert!(!ended.err.contains("tr0ub4dor"), "{}", ended.err);
    assert!(ended.err.contains("is not a host name"), "{}", ended.err);
}

#[test]
fn a_secret_too_short_to_hide_is_refused() {
    let suite = "version: 1\nsuite: s\nsecrets: [MY_TOKEN]\nchecks:\n  - id: a\n    tcp: {host: x, port: 1}\n";
    let desk = Desk::new(suite);
    let ended = super::Ended::of(desk.command(&["plan", "suite.yaml"]).env("MY_TOKEN", "abc").output().unwrap());
    assert_eq!(ended.code, 2);
    assert!(ended.err.contains("shorter than 4 characters"), "{}", ended.err);
}
