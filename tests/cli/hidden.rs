//! Characters that cannot be seen, or turn what is read around, are shown as escapes wherever people read.

use std::fmt::Write as _;

use super::{CliSandbox, listener, read, tcp_suite};

/// Turns writing around, has no width, clears the screen, ends a line for some readers.
const HIDDEN: [&str; 5] = ["\u{202e}", "\u{2066}", "\u{200b}", "\u{9b}2J", "\u{2028}"];

fn assert_visible(place: &str, text: &str) {
    for hidden in HIDDEN.iter().map(|text| text.chars().next().unwrap()).chain(['\u{1b}', '\r', '\u{7f}']) {
        assert!(!text.contains(hidden), "{place} holds {}:\n{}", hidden.escape_unicode(), text.escape_debug());
    }
}

/// Everything that prints or writes what suites and peers say.
const COMMANDS: &[(&str, &[&str])] = &[
    ("plan", &["plan", "suite.yaml"]),
    (
        "console",
        &[
            "run",
            "suite.yaml",
            "--json",
            "r.json",
            "--junit",
            "r.xml",
            "--events",
            "e.jsonl",
            "--label",
            "k=v\u{202e}x\u{9b}",
        ],
    ),
    ("report", &["report", "r.json"]),
    ("rich", &["report", "r.json", "--junit", "rich.xml", "--junit-dialect", "rich"]),
    ("again", &["run", "suite.yaml", "--json", "r2.json"]),
    ("compare", &["compare", "r.json", "r2.json", "--json", "c.json"]),
    (
        "history",
        &[
            "history",
            "r.json",
            "--json",
            "h.json",
            "--bencher",
            "b.json",
            "--openmetrics",
            "h.prom",
            "--gobench",
            "h.txt",
            "--otava",
            "otava",
        ],
    ),
    ("selection", &["run", "suite.yaml", "--only", "none\u{202e}"]),
];

#[test]
fn every_output_shows_what_cannot_be_seen() {
    let (_keep, address) = listener();
    let odd = HIDDEN.concat();
    let cells: Vec<String> = HIDDEN.iter().map(|hidden| format!("\"a{}\"", hidden.escape_default())).collect();
    let escaped = odd.escape_default();
    let suite = tcp_suite(
        address.port(),
        &format!(
            "    tags: [\"{escaped}\"]\n    matrix: {{m: [{cells}]}}\n    when: {{matrix.m: [{cells}]}}\n    expect: {{outcome: refused, banner: \"x{escaped}\"}}\n",
            cells = cells.join(", ")
        ),
    );
    let suite =
        suite.replace("tcp: {", "tcp: {banner: true, ").replace("checks:", "defaults: {timeout: 100ms}\nchecks:");
    let sandbox = CliSandbox::new(&yaml_escapes(&suite));
    for (name, args) in COMMANDS {
        let ended = sandbox.run(args);
        assert_visible(name, &ended.out);
        assert_visible(name, &ended.err);
    }
    for file in ["r.json", "e.jsonl", "c.json", "h.json", "b.json", "h.prom", "h.txt", "otava/otava.yaml"] {
        assert_visible(file, &read(&sandbox.path(file)));
    }
    for file in ["r.xml", "rich.xml"] {
        let text = read(&sandbox.path(file));
        assert_visible(file, &text);
        let names: std::collections::BTreeSet<&str> = text
            .split("<testcase")
            .skip(1)
            .filter_map(|case| case.split(" name=\"").nth(1)?.split('"').next())
            .collect();
        assert_eq!(names.len(), HIDDEN.len(), "{file}: {names:?}");
    }
    sandbox.write("suite.yaml", &yaml_escapes(&suite).replace("tcp:", "\"t\\u202ecp\":"));
    let ended = sandbox.run(&["plan", "suite.yaml"]);
    assert_eq!(ended.code, 2);
    assert_visible("an error", &ended.err);
    sandbox.write("suite.yaml", &format!("version: 1\nsuite: s\nch\u{202e}ecks\u{200b}: {odd}\n"));
    assert_visible("an error that quotes a line", &sandbox.run(&["plan", "suite.yaml"]).err);
}

/// Escapes of Rust as those of YAML.
fn yaml_escapes(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\\u{") {
        let (digits, after) = after.split_once('}').unwrap();
        out += before;
        let _ = write!(out, "\\u{digits:0>4}");
        rest = after;
    }
    out + rest
}
