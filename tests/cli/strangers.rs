//! Suites come from others' changes: what they make this program read, hold and print is bounded.

use std::fmt::Write as _;
use std::os::unix::fs::symlink;

use super::{CliSandbox, Ended, read};

const HEAD: &str = "version: 1\nsuite: s\n";
const CHECK: &str = "checks:\n  - id: a\n    tcp: {host: 127.0.0.1, port: 1}\n";

/// Plans in two gigabytes of address space and a minute of processor time.
fn bounded(sandbox: &CliSandbox) -> Ended {
    let program = env!("CARGO_BIN_EXE_shakedown");
    let script = format!("ulimit -v 2000000; ulimit -t 60; exec {program} plan suite.yaml");
    Ended::of(
        std::process::Command::new("sh").args(["-c", &script]).current_dir(sandbox.folder.path()).output().unwrap(),
    )
}

/// Eleven levels, each nine times the one before.
fn nested(first: &str, item: impl Fn(usize) -> String, list: impl Fn(usize, &str) -> String) -> String {
    let mut out = format!("{HEAD}vars:\n  {first}\n");
    for level in 1..11 {
        let items = vec![item(level - 1); 9];
        let _ = writeln!(out, "  {}", list(level, &items.join(",")));
    }
    out + CHECK
}

fn words(of: impl Iterator<Item = String>) -> String {
    of.collect::<Vec<_>>().join(", ")
}

#[test]
fn what_expands_is_bounded_by_what_comes_out() {
    let letters = "[a, a, a, a, a, a, a, a, a]";
    let million = "x".repeat(1_000_000);
    for (name, suite, says) in [
        (
            "lists",
            nested(&format!("v0: {letters}"), |n| format!("\"${{v{n}}}\""), |n, items| format!("v{n}: [{items}]")),
            "expand to more than",
        ),
        ("text", nested("v0: aaaaaaaaaa", |n| format!("${{v{n}}}"), |n, items| format!("v{n}: \"{items}\"")), "expand"),
        (
            "aliases",
            nested(&format!("v0: &a0 {letters}"), |n| format!("*a{n}"), |n, items| format!("v{n}: &a{n} [{items}]")),
            "expand to more than",
        ),
        (
            "one alias",
            format!("{HEAD}vars:\n  a: &a {million}\n  b: [{}]\n{CHECK}", words((0..5000).map(|_| "*a".into()))),
            "expand to more than",
        ),
        (
            "checks",
            format!(
                "{HEAD}vars: {{big: {million}}}\nchecks:\n  - id: a\n    matrix: {{i: [{}]}}\n    tcp: {{host: h, port: 1, send: \"${{big}}${{matrix.i}}\"}}\n",
                words((0..20_000).map(|i| i.to_string()))
            ),
            "expand to more than",
        ),
        (
            "cells",
            format!(
                "{HEAD}checks:\n  - id: a\n    matrix: {{i: [{}], {}}}\n    tcp: {{host: h, port: 1}}\n",
                words((0..20_000).map(|i| i.to_string())),
                words((0..1000).map(|i| format!("k{i}: [x]")))
            ),
            "`matrix` expands to more than",
        ),
        ("a key", format!("{HEAD}{}: 1\n{CHECK}", "k".repeat(3_000_000)), "error"),
    ] {
        let ended = bounded(&CliSandbox::new(&suite));
        assert_eq!(ended.code, 2, "{name}: {}", ended.err.chars().take(500).collect::<String>());
        assert!(ended.err.contains(says), "{name}: {}", ended.err.chars().take(500).collect::<String>());
    }
}

#[test]
fn includes_that_include_are_bounded() {
    let sandbox = CliSandbox::new(&format!("{HEAD}include: [{}]\n{CHECK}", words((0..50).map(|_| "i1.yaml".into()))));
    for level in 1..7 {
        let next = words((0..50).map(|_| format!("i{}.yaml", level + 1)));
        sandbox.write(&format!("i{level}.yaml"), &format!("version: 1\ninclude: [{next}]\n"));
    }
    sandbox.write("i7.yaml", "version: 1\n");
    let ended = bounded(&sandbox);
    assert!(ended.code == 2 && ended.err.contains("includes more than 1000 files"), "{}", ended.err);
}

#[test]
fn ordinary_expansion_stays_possible() {
    let chain = words((1000..3000).map(|n| format!("v{n}: \"${{v{}}}\"", n + 1)));
    let cells = words((0..20_000).map(|i| i.to_string()));
    let suite = format!(
        "{HEAD}vars: {{v3000: 127.0.0.1, {chain}}}\nchecks:\n  - id: a\n    matrix: {{i: [{cells}]}}\n    tcp: {{host: \"${{v1000}}\", port: 1, send: \"${{matrix.i}}\"}}\n"
    );
    let ended = bounded(&CliSandbox::new(&suite));
    assert_eq!(ended.code, 0, "{}", ended.err);
    assert!(ended.out.contains("a[i=19999]"));
}

/// Seconds of the processor that a plan takes, beside how it ended.
fn measured(sandbox: &CliSandbox) -> (Ended, f64) {
    let program = env!("CARGO_BIN_EXE_shakedown");
    let script =
        format!("ulimit -v 2000000; ulimit -t 60; {program} plan suite.yaml; code=$?; times >times; exit $code");
    let ended = Ended::of(
        std::process::Command::new("sh").args(["-c", &script]).current_dir(sandbox.folder.path()).output().unwrap(),
    );
    let times = read(&sandbox.path("times"));
    // The second line is that of what the shell started: `0m1.23s 0m0.45s`.
    let seconds = times.lines().nth(1).unwrap().split(' ').map(|time| {
        let (minutes, seconds) = time.trim_end_matches('s').split_once('m').unwrap();
        minutes.parse::<f64>().unwrap() * 60.0 + seconds.parse::<f64>().unwrap()
    });
    (ended, seconds.sum())
}

/// Four times as many take four times as long, and not sixteen times.
#[test]
fn many_errors_take_no_longer_each_and_are_counted() {
    const FEW: usize = 2_000;
    const TIMES: usize = 4;
    type Check = fn(usize) -> String;
    type Count = fn(usize) -> usize;
    let kinds: [(&str, Check, Count); 5] = [
        ("keys", |i| format!("  - id: a{i}\n    tcp: {{hst: x}}\n"), |many| 2 * many),
        ("needs", |i| format!("  - id: a{i}\n    needs: [b{i}]\n    tcp: {{host: x, port: 1}}\n"), |many| many),
        ("ids", |_| "  - id: a\n    tcp: {host: x, port: 1}\n".into(), |many| many - 1),
        ("twice", |i| format!("  - id: a{i}\n    id: b\n    tcp: {{host: x, port: 1}}\n"), |many| many),
        ("variables", |i| format!("  - id: a{i}\n    tcp: {{host: \"${{w{i}}}\", port: 1}}\n"), |many| many),
    ];
    for (name, check, count) in kinds {
        let took = [FEW, FEW * TIMES].map(|many| {
            let checks: String = (0..many).map(check).collect();
            let (ended, took) = measured(&CliSandbox::new(&format!("{HEAD}checks:\n{checks}")));
            assert_eq!(ended.code, 2, "{name}");
            let count = count(many);
            let rest = format!("... and {} more errors\n{count} errors; nothing was sent\n", count - 60);
            assert!(ended.err.ends_with(&rest), "{name}: {}", &ended.err[ended.err.len().saturating_sub(200)..]);
            assert!(ended.err.len() < 60_000, "{name}: {} bytes", ended.err.len());
            took
        });
        // Thrice is for a busy machine, which counts what it steals; sixteen times as long is more. The clock is one of hundredths.
        let most = (took[0] + 0.05) * (TIMES * 3) as f64;
        assert!(took[1] < most, "{name}: {FEW} took {} s, and {TIMES} times as many {} s", took[0], took[1]);
    }
}

/// Long lists and long values, each in time that grows as they do, and told in a few lines.
#[test]
fn long_lists_are_read_and_long_values_are_told_in_short() {
    let many = |count: usize| words((0..count).map(|i| format!("w{i}")));
    let check =
        |rest: &str| format!("{HEAD}checks:\n  - id: a\n    tcp: {{host: 127.0.0.1, port: 1, banner: true}}\n{rest}");
    let cells = words((0..20_000).map(|i| i.to_string()));
    for (name, suite, code) in [
        ("in", check(&format!("    expect: {{banner: {{in: [{}]}}}}\n", many(20_000))), 0),
        ("contains", check(&format!("    expect: {{received: {{contains: [{}]}}}}\n", many(20_000))), 0),
        (
            "exactly",
            check(&format!("    expect: {{addresses: {{exactly: [{}]}}}}\n", many(20_000)))
                .replace("addresses", "answers")
                .replace(
                    "tcp: {host: 127.0.0.1, port: 1, banner: true}",
                    "dns: {server: 127.0.0.1, name: x.test, type: TXT}",
                ),
            0,
        ),
        (
            "cells that need cells",
            format!(
                "{HEAD}checks:\n  - id: a\n    matrix: {{i: [{cells}]}}\n    tcp: {{host: h, port: 1, send: \"${{matrix.i}}\"}}\n  - id: b\n    \
                 matrix: {{i: [{cells}]}}\n    needs: [\"a[i=${{matrix.i}}]\"]\n    tcp: {{host: h, port: 1}}\n"
            ),
            0,
        ),
        ("a number", format!("{HEAD}{}", CHECK.replace("port: 1", &format!("port: {}", "9".repeat(3_000_000)))), 2),
        (
            "a host",
            format!("{HEAD}vars: {{v: {}}}\n{}", "y".repeat(3_000_000), CHECK.replace("127.0.0.1", "\"${v}\"")),
            2,
        ),
        ("secrets", format!("{HEAD}secrets: [{}]\n{CHECK}", many(20_000)), 2),
    ] {
        let ended = bounded(&CliSandbox::new(&suite));
        assert_eq!(ended.code, code, "{name}: {}", ended.err.chars().take(500).collect::<String>());
        assert!(ended.err.len() < 60_000, "{name}: {} bytes", ended.err.len());
    }
}

#[test]
fn a_suite_that_includes_itself_on_a_detour_is_told() {
    let sandbox = CliSandbox::new(&format!("{HEAD}include: [sub/more.yaml]\n{CHECK}"));
    std::fs::create_dir(sandbox.path("sub")).unwrap();
    sandbox.write("sub/more.yaml", "version: 1\ninclude: [../sub/../suite.yaml]\n");
    let ended = sandbox.run(&["plan", "suite.yaml"]);
    assert!(ended.code == 2 && ended.err.contains("suite.yaml includes itself"), "{}", ended.err);
    assert_eq!(ended.err.matches("error:").count(), 1, "{}", ended.err);
}

#[test]
fn an_include_that_is_no_suite_shows_nothing_of_it() {
    let secret = "hunter2swordfish";
    for (text, says) in [
        (format!("root:{secret}: [\n"), "it is not valid YAML, at line"),
        (format!("{secret}\n"), "it is a single value, and a suite is a map"),
        (format!("- {secret}\n"), "it is a list"),
        (format!("password: {secret}\n"), "it does not say version: 1"),
        (format!("version: 2\n{secret}: 1\n"), "it does not say version: 1"),
        (format!("version: 1\n{secret}: {secret}\n"), "the key at line 2 does not belong to a suite"),
        (format!("version: 1\na: !vault {secret}\n"), "the key at line 2"),
        (format!("version: 1\na: *{secret}\n"), "the key at line 2"),
    ] {
        let sandbox = CliSandbox::new(&format!("{HEAD}include: [other]\n{CHECK}"));
        sandbox.write("other", &text);
        let ended = sandbox.run(&["plan", "suite.yaml"]);
        assert_eq!(ended.code, 2, "{text}");
        assert!(ended.err.contains(says) && ended.err.contains("suite.yaml:3"), "{text}: {}", ended.err);
        assert!(!ended.err.contains(secret), "{text}: {}", ended.err);
    }
    // A suite that is included is told as any other.
    let sandbox = CliSandbox::new(&format!("{HEAD}include: [other.yaml]\n{CHECK}"));
    sandbox.write("other.yaml", "version: 1\nchecks:\n  - id: b\n    tcp: {hst: x}\n");
    let ended = sandbox.run(&["plan", "suite.yaml"]);
    assert!(ended.err.contains("other.yaml:4") && ended.err.contains("{hst: x}"), "{}", ended.err);
}

#[test]
fn includes_stay_within_the_project_unless_asked() {
    let sandbox = CliSandbox::new("");
    let common = "version: 1\nvars: {common: 127.0.0.1}\n";
    std::fs::create_dir_all(sandbox.path("repo/suites/edge")).unwrap();
    sandbox.write("common.inc", common);
    sandbox.write("repo/common.inc", common);
    symlink(sandbox.path("common.inc"), sandbox.path("repo/suites/link.yml.txt")).unwrap();
    let suite = |include: &str| {
        let check = CHECK.replace("127.0.0.1", "\"${common}\"");
        sandbox.write("repo/suites/edge/a.yaml", &format!("{HEAD}include: [\"{include}\"]\n{check}"));
    };
    let code = |args: &[&str]| {
        let ended = sandbox.run(&[&["plan"], args].concat());
        let refused = ended.err.contains("--include-outside");
        assert_eq!(refused, ended.code == 2, "{}", ended.err);
        ended.code
    };
    suite("../../common.inc");
    assert_eq!(code(&["repo/suites/edge/a.yaml"]), 2);
    assert_eq!(code(&["repo/suites"]), 2);
    assert_eq!(code(&["repo"]), 0, "the folder given");
    assert_eq!(code(&["repo/suites", "--include-outside"]), 0);
    std::fs::create_dir(sandbox.path("repo/.git")).unwrap();
    assert_eq!(code(&["repo/suites/edge/a.yaml"]), 0, "the repository");
    for outside in
        ["../../../common.inc", "../link.yml.txt", &sandbox.path("common.inc").display().to_string(), "/etc/passwd"]
    {
        suite(outside);
        assert_eq!(code(&["repo/suites"]), 2, "{outside}");
    }
    std::fs::remove_dir(sandbox.path("repo/.git")).unwrap();
    sandbox.write("repo/shakedown.toml", "");
    suite("../../common.inc");
    assert_eq!(code(&["repo/suites/edge/a.yaml"]), 0, "the settings");
    // A link in a folder may lead anywhere too.
    symlink("/etc/passwd", sandbox.path("repo/suites/users.yaml")).unwrap();
    assert_eq!(code(&["repo/suites"]), 2);
}

#[test]
fn devices_and_pipes_are_refused_or_read_to_the_limit() {
    let sandbox = CliSandbox::new(&format!("{HEAD}include: [pipe]\n{CHECK}"));
    assert!(std::process::Command::new("mkfifo").arg(sandbox.path("pipe")).status().unwrap().success());
    let ended = bounded(&sandbox);
    assert!(ended.code == 2 && ended.err.contains("it is no file"), "{}", ended.err);
    for args in [&["plan", "/dev/zero"][..], &["plan", "suite.yaml", "--vars", "/dev/zero"]] {
        sandbox.write("suite.yaml", &format!("{HEAD}{CHECK}"));
        let ended = sandbox.run(args);
        assert!(ended.code == 2 && ended.err.contains("more than 67108864 bytes"), "{}", ended.err);
    }
    symlink("/dev/zero", sandbox.path("shakedown.toml")).unwrap();
    let ended = sandbox.run(&["plan", "suite.yaml"]);
    assert!(ended.code == 2 && ended.err.contains("it is no file"), "{}", ended.err);
}
