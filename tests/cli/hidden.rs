//! Characters that cannot be seen, or turn what is read around, are shown as escapes wherever people read.

use std::fmt::Write as _;
use std::io::Write as _;

use super::{CliSandbox, Ended, listener, read, tcp_suite};

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

/// Commands of a store, of one look, and those that repeat what they were asked for. `PORT` greets with what cannot be seen,
/// and the check that looks at it holds; `ODD` is everything that cannot be seen.
const OF_A_STORE: &[(&str, &[&str])] = &[
    ("calibrate", &["calibrate", "well.yaml", "--runs", "3", "--dir", "b"]),
    ("well", &["run", "well.yaml", "--json", "w.json"]),
    ("accept", &["baseline", "accept", "w.json", "--dir", "b"]),
    ("accept nothing", &["baseline", "accept", "wODD.json", "--dir", "b"]),
    ("list", &["baseline", "list", "--dir", "b"]),
    ("list as JSON", &["baseline", "list", "--dir", "b", "--json", "-"]),
    ("list elsewhere", &["baseline", "list", "--dir", "bODD"]),
    ("show", &["baseline", "show", "s", "--dir", "b"]),
    ("show as JSON", &["baseline", "show", "s", "--dir", "b", "--json", "-"]),
    ("show nothing", &["baseline", "show", "sODD", "--dir", "b"]),
    ("show no check", &["baseline", "show", "s", "--check", "ODD", "--dir", "b"]),
    ("pin", &["baseline", "pin", "s", "runODD", "--dir", "b"]),
    ("remove", &["baseline", "rm", "s", "--run", "runODD", "--dir", "b"]),
    ("restore", &["restore", "--journal", "jODD"]),
    ("probe", &["probe", "tcp", "127.0.0.1:PORT", "banner=true"]),
    ("probe no family", &["probe", "tcODD", "127.0.0.1:PORT"]),
    ("probe no field", &["probe", "tcp", "127.0.0.1:PORT", "baODD=true"]),
    ("probe no value", &["probe", "tcp", "127.0.0.1:PORT", "banner=tODD"]),
    ("probe no namespace", &["probe", "tcp", "127.0.0.1:PORT", "--netns", "nODD"]),
    ("probe nobody", &["probe", "tcp", "ODD.test:9"]),
    ("explain", &["explain", "tcp.ODD"]),
    ("explain no family", &["explain", "ODD"]),
    ("man no command", &["man", "ODD"]),
    ("man of all", &["man", "--dir", "mODD"]),
    ("no command", &["ODD"]),
    ("no flag", &["run", "--ODD"]),
    ("no word", &["schema", "ODD"]),
];
/// Commands that are in neither table, and why.
const APART: &[(&str, &str)] = &[
    ("serve", "its clients choose no words of what it prints"),
    ("demo", "its suite and its peers are its own"),
    ("completions", "it prints what was built"),
];

#[test]
fn every_command_has_a_row() {
    fn walk(command: &clap::Command, path: &[String], out: &mut Vec<Vec<String>>) {
        let below: Vec<_> = command.get_subcommands().filter(|command| !command.is_hide_set()).collect();
        if below.is_empty() {
            out.push(path.to_vec());
        }
        for one in below {
            walk(one, &[path, &[one.get_name().to_owned()]].concat(), out);
        }
    }
    let mut commands = Vec::new();
    walk(&shakedown::cli::command(), &[], &mut commands);
    assert!(commands.len() > 12, "{commands:?}");
    for command in commands {
        let fits =
            |args: &[&str]| args.len() >= command.len() && args.iter().zip(&command).all(|(own, word)| own == word);
        let rows = COMMANDS.iter().chain(OF_A_STORE).filter(|(_, args)| fits(args)).count();
        let apart = APART.iter().any(|(name, _)| *name == command.join(" "));
        assert!((rows > 0) != apart, "`{}` belongs into one of the tables: {rows} rows", command.join(" "));
    }
}

#[test]
fn what_is_kept_and_what_is_asked_for_shows_what_cannot_be_seen() {
    let (listener, address) = listener();
    let odd = HIDDEN.concat();
    let greeting = format!("220 {odd}\r\n");
    std::thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            let _ = stream.write_all(greeting.as_bytes());
        }
    });
    let cells: Vec<String> = HIDDEN.iter().map(|hidden| format!("\"a{}\"", hidden.escape_default())).collect();
    let suite = tcp_suite(
        address.port(),
        &format!(
            "    rounds: 3\n    matrix: {{m: [{cells}]}}\n    when: {{matrix.m: [{cells}]}}\n",
            cells = cells.join(", ")
        ),
    );
    let sandbox = CliSandbox::new("");
    sandbox.write("well.yaml", &yaml_escapes(&suite.replace("tcp: {", "tcp: {banner: true, ")));
    let mut codes = Vec::new();
    for (name, args) in OF_A_STORE {
        let args: Vec<String> =
            args.iter().map(|arg| arg.replace("PORT", &address.port().to_string()).replace("ODD", &odd)).collect();
        let Ended { code, out, err, .. } = sandbox.run(&args.iter().map(String::as_str).collect::<Vec<_>>());
        assert_visible(name, &out);
        assert_visible(name, &err);
        codes.push((*name, code));
    }
    for settings in [format!("\"k{odd}\" = 1\n"), format!("jobs = \"{odd}\"\n"), format!("jobs = {odd}\n")] {
        sandbox.write("shakedown.toml", &settings);
        let ended = sandbox.run(&["run", "well.yaml"]);
        assert_eq!(ended.code, 2, "{settings:?}");
        assert_visible("settings", &ended.err);
    }
    let well = ["calibrate", "well", "accept", "list", "show", "probe"];
    for (name, code) in codes.iter().filter(|(name, _)| well.contains(name)) {
        assert_eq!(*code, 0, "{name}: it shows what is there");
    }
}

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
