//! Files of the user: what is read stays what it is, no two outputs are one file, and a full disk is no success.

use std::os::unix::fs::symlink;
use std::path::Path;

use super::{CliSandbox, listener, read, tcp_suite};

/// A sandbox with a report, a store with a baseline, a file of variables, and links to all of them.
fn filled() -> (CliSandbox, std::net::TcpListener) {
    let (keep, address) = listener();
    let suite = tcp_suite(address.port(), "include: [more.yaml]\nvars: {name: x}\n");
    let sandbox = CliSandbox::new(&suite);
    sandbox.write("more.yaml", "version: 1\nvars: {other: y}\n");
    sandbox.write("vars.yaml", "name: z\n");
    sandbox.write("shakedown.toml", "jobs = 2\n");
    let ended = sandbox.run(&["run", "suite.yaml", "--json", "r.json", "--save-baseline", "store"]);
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
    for (to, link) in [("suite.yaml", "soft"), ("soft", "softer"), ("r.json", "report-link"), ("new", "dangling")] {
        symlink(to, sandbox.path(link)).unwrap();
    }
    std::fs::hard_link(sandbox.path("suite.yaml"), sandbox.path("hard")).unwrap();
    (sandbox, keep)
}

/// The file of the baseline in the store, relative to the sandbox.
fn baseline(sandbox: &CliSandbox) -> String {
    let found = std::fs::read_dir(sandbox.path("store/s")).unwrap().map(|entry| entry.unwrap().file_name());
    let name = found.map(|name| name.into_string().unwrap()).find(|name| !name.starts_with('.')).unwrap();
    format!("store/s/{name}")
}

/// Everything in the sandbox: path and content.
fn contents(folder: &Path) -> Vec<(String, String)> {
    let mut out = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            out.extend(contents(&path));
        } else {
            out.push((path.display().to_string(), std::fs::read_to_string(&path).unwrap_or_default()));
        }
    }
    out.sort();
    out
}

#[test]
fn no_command_overwrites_what_it_reads_and_no_two_outputs_are_one_file() {
    let (sandbox, _keep) = filled();
    let held = baseline(&sandbox);
    let held = held.as_str();
    let before = contents(sandbox.folder.path());
    let run = |rest: &[&'static str]| [&["run", "suite.yaml"], rest].concat();
    let cases: Vec<(Vec<&str>, [&str; 2])> = vec![
        (run(&["--json", "suite.yaml"]), ["--json", "suite.yaml"]),
        (run(&["--junit", "./suite.yaml"]), ["--junit", "suite.yaml"]),
        (run(&["--events", "softer"]), ["--events", "softer"]),
        (run(&["--json", "hard"]), ["--json", "hard"]),
        (run(&["--json", "more.yaml"]), ["--json", "more.yaml"]),
        (run(&["--vars", "vars.yaml", "--events", "vars.yaml"]), ["--events", "vars.yaml"]),
        (run(&["--json", "shakedown.toml"]), ["--json", "shakedown.toml"]),
        (run(&["--json", "same", "--junit", "./same"]), ["--json", "--junit"]),
        (run(&["--json", "new", "--events", "dangling"]), ["--json", "--events"]),
        (run(&["--junit", "a/../new", "--events", "new"]), ["--junit", "--events"]),
        (vec!["run", "suite.yaml", "--baseline", "store", "--json", held], ["--json", "--baseline"]),
        (vec!["run", "suite.yaml", "--save-baseline", "store", "--junit", held], ["--junit", "--save-baseline"]),
        (vec!["report", "r.json", "--junit", "r.json"], ["--junit", "the report"]),
        (vec!["report", "r.json", "--json", "report-link"], ["--json", "the report"]),
        (vec!["report", "r.json", "--json", "x", "--junit", "./x"], ["--json", "--junit"]),
        (vec!["compare", "r.json", "r.json", "--json", "report-link"], ["--json", "a report"]),
        (vec!["compare", held, "r.json", "--json", held], ["--json", "a report"]),
        (vec!["history", ".", "--json", "r.json"], ["--json", "a report"]),
        (vec!["history", "r.json", "--gobench", "report-link"], ["--gobench", "a report"]),
        (vec!["history", ".", "--index", "r.json"], ["--index", "a report"]),
        (vec!["history", ".", "--json", "x", "--bencher", "./x"], ["--json", "--bencher"]),
        (vec!["history", ".", "--index", "new", "--openmetrics", "dangling"], ["--openmetrics", "--index"]),
        (vec!["baseline", "list", "--dir", "store", "--json", held], ["--json", "store"]),
        (vec!["baseline", "show", "s", "--dir", "store", "--json", held], ["--json", "store"]),
    ];
    for (args, words) in cases {
        let ended = sandbox.run(&args);
        assert_eq!(ended.code, 2, "{args:?}: {}{}", ended.out, ended.err);
        for word in words {
            assert!(ended.err.contains(word), "{args:?} says nothing of {word}: {}", ended.err);
        }
        assert_eq!(contents(sandbox.folder.path()), before, "{args:?} changed a file");
    }
}

#[test]
fn ordinary_outputs_are_written_also_over_those_of_an_earlier_run() {
    let (sandbox, _keep) = filled();
    std::fs::create_dir(sandbox.path("runs")).unwrap();
    for _ in 0..2 {
        for args in [
            &["run", "suite.yaml", "--json", "runs/r.json", "--junit", "r.xml", "--events", "e.jsonl"][..],
            &[
                "run",
                "suite.yaml",
                "--baseline",
                "store",
                "--save-baseline",
                "store",
                "--json",
                "/dev/null",
                "--junit",
                "/dev/null",
            ],
            &["report", "runs/r.json", "--junit", "r.xml"],
            &["history", "runs", "--json", "runs/history.json", "--index", "index.json", "--gobench", "bench"],
            &["baseline", "list", "--dir", "store", "--json", "list.json"],
        ] {
            let ended = sandbox.run(args);
            assert_eq!(ended.code, 0, "{args:?}: {}{}", ended.out, ended.err);
        }
    }
}

#[test]
fn a_report_through_a_link_replaces_what_the_link_stands_for() {
    let (sandbox, _keep) = filled();
    symlink("real.json", sandbox.path("latest.json")).unwrap();
    assert_eq!(sandbox.run(&["run", "suite.yaml", "--json", "latest.json"]).code, 0);
    assert!(std::fs::symlink_metadata(sandbox.path("latest.json")).unwrap().is_symlink());
    assert!(read(&sandbox.path("real.json")).contains("shakedown.report/1"));
}

#[test]
fn what_a_full_disk_did_not_take_is_no_success() {
    let (sandbox, _keep) = filled();
    for args in [
        &["schema", "suite"][..],
        &["man"],
        &["explain"],
        &["explain", "tcp"],
        &["completions", "bash"],
        &["--help"],
        &["--version"],
        &["plan", "suite.yaml"],
        &["run", "suite.yaml"],
        &["report", "r.json"],
        &["history", "r.json"],
        &["baseline", "list", "--dir", "store"],
    ] {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let ended = super::Ended::of(sandbox.command(args).stdout(full).output().unwrap());
        assert_eq!(ended.code, 3, "{args:?}: {}", ended.err);
    }
}
