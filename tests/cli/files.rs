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
    symlink("circle", sandbox.path("circle")).unwrap();
    std::fs::create_dir(sandbox.path("exported")).unwrap();
    symlink("../r.json", sandbox.path("exported/otava.yaml")).unwrap();
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
        (vec!["report", "r.json", "--timeline", "report-link"], ["--timeline", "the report"]),
        (vec!["report", "r.json", "--json", "x", "--junit", "./x"], ["--json", "--junit"]),
        (vec!["compare", "r.json", "r.json", "--json", "report-link"], ["--json", "a report"]),
        (vec!["compare", held, "r.json", "--json", held], ["--json", "a report"]),
        (vec!["history", ".", "--json", "r.json"], ["--json", "a report"]),
        (vec!["history", "r.json", "--gobench", "report-link"], ["--gobench", "a report"]),
        (vec!["history", ".", "--index", "r.json"], ["--index", "a report"]),
        (vec!["history", ".", "--json", "x", "--bencher", "./x"], ["--json", "--bencher"]),
        (vec!["history", ".", "--index", "new", "--openmetrics", "dangling"], ["--openmetrics", "--index"]),
        (vec!["history", "r.json", "--otava", "exported"], ["--otava", "a report"]),
        (vec!["history", "r.json", "--otava", "new-folder", "--json", "new-folder/otava.yaml"], ["--json", "--otava"]),
        (run(&["--json", "."]), ["--json", "it is a folder"]),
        (run(&["--events", "store", "--json", "new"]), ["--events", "it is a folder"]),
        (run(&["--junit", "circle"]), ["--junit", "form a loop"]),
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

/// Whatever a check reads: certificates, keys, queries, profiles, anchors, scripts.
#[test]
fn what_a_check_reads_is_never_overwritten() {
    let sandbox = CliSandbox::new("");
    let failover = |command: &str, run: &str| {
        let others = ["inject", "restore", "verify"].iter().filter(|other| **other != command);
        let others = others.map(|other| format!("{other}: {{run: [\"true\"]}}")).collect::<Vec<_>>().join(", ");
        format!("failover: {{probe: {{tcp: {{host: 127.0.0.1, port: 9}}}}, {command}: {{run: {run}}}, {others}}}")
    };
    let kept = ". DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D\n";
    let load = "load: {rate: 10 /s, duration: 1s, queries: in/read}";
    for check in [
        "tls: {host: 127.0.0.1, ca_file: in/read}".to_owned(),
        "tls: {host: 127.0.0.1, client_cert: in/read, client_key: in/other}".to_owned(),
        "http: {url: https://127.0.0.1/, client_cert: in/other, client_key: in/read}".to_owned(),
        format!("dns: {{server: 127.0.0.1, {load}}}"),
        "dns: {server: 127.0.0.1, name: x.test, dnssec: validate, trust_anchor: [in/read]}".to_owned(),
        failover("inject", "[./in/read]"),
        failover("restore", "[sh, in/read]"),
        failover("verify", "[sh, in/read, x]"),
    ] {
        for (folder, file) in [("in", "read"), ("in", "other")] {
            std::fs::create_dir_all(sandbox.path(folder)).unwrap();
            sandbox.write(&format!("{folder}/{file}"), kept);
        }
        sandbox.write("suite.yaml", &format!("version: 1\nsuite: s\nchecks:\n  - id: a\n    {check}\n"));
        let _ = std::fs::remove_file(sandbox.path("link"));
        symlink("in/read", sandbox.path("link")).unwrap();
        let ended = sandbox.run(&["run", "suite.yaml", "--allow-disruptive", "--json", "link"]);
        assert_eq!(ended.code, 2, "{check}: {}{}", ended.out, ended.err);
        assert!(ended.err.contains("would overwrite link, which is read"), "{check}: {}", ended.err);
        assert_eq!(read(&sandbox.path("in/read")), kept, "{check}");
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

/// Runs a script of `sh` in the sandbox; `$S` is the program.
fn script(sandbox: &CliSandbox, text: &str) -> super::Ended {
    let mut command = std::process::Command::new("bash");
    command.args(["-c", text]).current_dir(sandbox.folder.path()).env("S", env!("CARGO_BIN_EXE_shakedown"));
    super::Ended::of(command.output().unwrap())
}

#[test]
fn reports_go_to_descriptors_and_pipes() {
    let (sandbox, _keep) = filled();
    for (name, text) in [
        ("a pipe by its number", "$S run suite.yaml -q --json /dev/fd/3 3> >(cat >got) && wait $!"),
        ("events to a pipe", "$S run suite.yaml -q --events /dev/fd/3 3> >(cat >got) && wait $!"),
        ("standard output by its path", "$S run suite.yaml -q --json /dev/stdout | cat >got"),
        ("a file by its number", "exec 3<>held; $S run suite.yaml -q --junit /dev/fd/3 && cat <&3 >got"),
        (
            "a file that has no name any more",
            "exec 3<>held; rm held; $S run suite.yaml -q --json /dev/fd/3 && cat <&3 >got",
        ),
        ("a named pipe", "mkfifo pipe; cat pipe >got & $S run suite.yaml -q --json pipe && wait $!"),
    ] {
        let ended = script(&sandbox, text);
        assert_eq!(ended.code, 0, "{name}: {}{}", ended.out, ended.err);
        let got = read(&sandbox.path("got"));
        assert!(got.contains("shakedown.") && got.starts_with(['{', '<']), "{name}: {got}");
        assert!(!sandbox.path("held (deleted)").exists(), "{name}");
    }
}

/// Text for people never gets between the lines of a report, whatever standard output is called.
#[test]
fn one_stream_takes_one_document() {
    let (sandbox, _keep) = filled();
    for text in [
        "ln -s /dev/stdout out; $S run suite.yaml --json out | cat >got",
        "ln -s /proc/self/fd/1 out; $S run suite.yaml --json out | cat >got",
        "$S run suite.yaml --json /dev/./stdout >got",
        "$S run suite.yaml --json /proc/thread-self/fd/1 >got",
    ] {
        let ended = script(&sandbox, &format!("rm -f out; {text}; exit ${{PIPESTATUS[0]}}"));
        assert_eq!(ended.code, 0, "{text}: {}{}", ended.out, ended.err);
        let got = read(&sandbox.path("got"));
        assert!(serde_json::from_str::<serde_json::Value>(&got).is_ok(), "{text}: {got}");
        assert!(ended.err.contains("passed"), "{text}: {}", ended.err);
    }
    for text in [
        "$S run suite.yaml --json /dev/fd/3 3>&1 | cat; exit ${PIPESTATUS[0]}",
        "$S run suite.yaml --json /dev/fd/3 --junit /dev/fd/4 3> >(cat >got) 4>&3",
        "mkfifo pipe; $S run suite.yaml --json pipe --events ./pipe",
    ] {
        let ended = script(&sandbox, text);
        assert_eq!(ended.code, 2, "{text}: {}{}", ended.out, ended.err);
        assert!(ended.err.contains("would write one pipe"), "{text}: {}", ended.err);
    }
}

/// The limit on the size of files is one more way in which a report is lost, and ends nothing else.
#[test]
fn a_file_that_may_not_grow_is_a_lost_report() {
    let (sandbox, _keep) = filled();
    for flags in ["--json new", "--events new", "--json - >new"] {
        let ended = script(&sandbox, &format!("ulimit -f 1; exec $S run suite.yaml {flags}"));
        assert_eq!(ended.code, 3, "{flags}: {}{}", ended.out, ended.err);
        assert!(ended.err.contains("File too large"), "{flags}: {}", ended.err);
    }
    let ended = script(&sandbox, "ulimit -f 1; exec $S report r.json --json new");
    assert_eq!(ended.code, 3, "{}{}", ended.out, ended.err);
}

#[test]
fn a_pipe_without_a_reader_is_told_and_holds_nothing_up() {
    let (sandbox, _keep) = filled();
    let ended = script(&sandbox, "mkfifo pipe; exec timeout 60 $S run suite.yaml --json pipe");
    assert_eq!(ended.code, 3, "{}", ended.err);
    assert!(ended.err.contains("nobody reads from this pipe"), "{}", ended.err);
}

/// Mounts need a namespace of one's own, and what root may write tells nothing of what others may.
fn as_root() -> bool {
    std::process::Command::new("unshare").args(["-m", "true"]).status().is_ok_and(|status| status.success())
}

#[test]
fn what_is_mounted_twice_is_one_file_and_can_be_written() {
    if !as_root() {
        return;
    }
    let (sandbox, _keep) = filled();
    let mounted = |text: &str| {
        script(
            &sandbox,
            &format!(
                "exec unshare -m sh -c 'mkdir -p A B; mount --bind A B; echo old >real; touch place copy; mount --bind real place; \
                 mount --bind suite.yaml copy; {text}'"
            ),
        )
    };
    for text in ["$S run suite.yaml --json A/new --junit B/new", "$S run suite.yaml --json copy"] {
        let ended = mounted(text);
        assert_eq!(ended.code, 2, "{text}: {}{}", ended.out, ended.err);
    }
    let ended = mounted("$S run suite.yaml --json place");
    assert_eq!(ended.code, 0, "{}", ended.err);
    assert!(read(&sandbox.path("real")).contains("shakedown.report/1"));
    let left = contents(sandbox.folder.path());
    let stray = |name: &str| Path::new(name).extension().is_some_and(|extension| extension == "tmp");
    assert!(!left.iter().any(|(name, _)| stray(name)), "{left:?}");
}

/// As somebody who may not write everywhere.
#[test]
fn a_file_is_written_where_it_may_be_and_left_where_it_is_read_only() {
    let may = std::process::Command::new("setpriv").args(["--reuid=65534", "--clear-groups", "true"]).status();
    if !may.is_ok_and(|status| status.success()) {
        return;
    }
    let (sandbox, _keep) = filled();
    let ended = script(
        &sandbox,
        "chmod 755 . && cp $S shakedown && echo kept >kept && chmod 444 kept && mkdir open && echo kept >open/kept && \
         chmod 444 open/kept && chown -R 65534 open && echo old >mine && chown 65534 mine",
    );
    assert_eq!(ended.code, 0, "{}", ended.err);
    let run = |json: &str| {
        let program = "setpriv --reuid=65534 --clear-groups ./shakedown run suite.yaml --json";
        script(&sandbox, &format!("exec {program} {json}"))
    };
    let ended = run("mine");
    assert_eq!(ended.code, 0, "the folder takes no new file: {}", ended.err);
    assert!(read(&sandbox.path("mine")).contains("shakedown.report/1"));
    let ended = run("open/kept");
    assert_eq!((ended.code, read(&sandbox.path("open/kept")).as_str()), (3, "kept\n"), "{}", ended.err);
}

#[test]
fn what_a_full_disk_did_not_take_is_no_success() {
    let (sandbox, keep) = filled();
    let open = keep.local_addr().unwrap().to_string();
    assert_eq!(sandbox.run(&["run", "suite.yaml", "--json", "r2.json"]).code, 0);
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
        &["compare", "r.json", "r2.json"],
        &["baseline", "show", "s", "--dir", "store"],
        &["calibrate", "suite.yaml", "--runs", "3", "--pause", "0s", "--dir", "store"],
        &["probe", "tcp", &open],
        &["run", "suite.yaml", "--json", "-"],
        &["run", "suite.yaml", "--junit", "-"],
        &["run", "suite.yaml", "--events", "-"],
        &["report", "r.json", "--json", "-"],
        &["compare", "r.json", "r2.json", "--json", "-"],
        &["history", "r.json", "--openmetrics", "-"],
    ] {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let ended = super::Ended::of(sandbox.command(args).stdout(full).output().unwrap());
        assert_eq!(ended.code, 3, "{args:?}: {}", ended.err);
    }
}
