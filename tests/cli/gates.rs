//! Ways a gate could be green although nothing was shown: each was possible once.

use std::io::{Read as _, Write as _};

use super::{CliSandbox, closed_port, listener, read, tcp_suite};

fn plan_error(suite: &str) -> String {
    let ended = CliSandbox::new(suite).run(&["plan", "suite.yaml"]);
    assert_eq!(ended.code, 2, "{}", ended.out);
    ended.err
}

#[test]
fn what_is_absent_from_a_dead_target_is_no_pass() {
    let sandbox = CliSandbox::new(
        "version: 1\nsuite: s\nchecks:\n  - id: a\n    http: {url: \"http://127.0.0.1:1/\"}\n    expect: {headers.server: {present: false}}\n",
    );
    let ended = sandbox.run(&["run", "suite.yaml"]);
    assert_eq!(ended.code, 1, "{}", ended.out);
    assert!(ended.out.contains("outcome: expected answered; not checked: status, headers.server"), "{}", ended.out);
    let sandbox = CliSandbox::new(
        "version: 1\nsuite: s\nchecks:\n  - id: a\n    http: {url: \"http://127.0.0.1:1/\"}\n    expect: {headers.server: {present: false}, outcome: refused}\n",
    );
    let ended = sandbox.run(&["run", "suite.yaml"]);
    assert_eq!(ended.code, 1, "a header cannot be absent from an answer that never came: {}", ended.out);
    assert!(ended.out.contains("there is no `headers`"), "{}", ended.out);
}

#[test]
fn a_dead_site_hides_no_other_one() {
    let (_keep, address) = listener();
    let (_held, closed) = closed_port();
    let sandbox = CliSandbox::new(&format!(
        "version: 1\nsuite: s\nchecks:\n\
         \x20 - id: alive\n    matrix: {{site: [127.0.0.1, 127.0.0.9]}}\n    tcp: {{host: \"${{matrix.site}}\", port: {}}}\n\
         \x20 - id: shut\n    matrix: {{site: [127.0.0.1, 127.0.0.9]}}\n    needs: [\"alive[site=${{matrix.site}}]\"]\n    \
         tcp: {{host: \"${{matrix.site}}\", port: {closed}}}\n    expect: {{outcome: {{in: [refused, timeout]}}}}\n",
        address.port()
    ));
    let ended = sandbox.run(&["run", "suite.yaml", "--json", "r.json"]);
    assert_eq!(ended.code, 1, "{}", ended.out);
    let report = sandbox.json("r.json");
    let verdicts = report["checks"].as_array().unwrap().iter();
    let verdicts = verdicts.map(|check| (check["id"].as_str().unwrap(), check["verdict"].as_str().unwrap()));
    let (mut all, wanted): (Vec<_>, _) = (
        verdicts.collect(),
        [
            ("alive[site=127.0.0.1]", "passed"),
            ("alive[site=127.0.0.9]", "failed"),
            ("shut[site=127.0.0.1]", "passed"),
            ("shut[site=127.0.0.9]", "skipped"),
        ],
    );
    all.sort_unstable();
    assert_eq!(all, wanted, "{}", ended.out);
}

/// Cookies by their parts under every operator, and names of a document by their case.
#[test]
fn parts_of_cookies_and_names_of_documents_are_what_they_are() {
    const ANSWER: &[u8] =
        b"HTTP/1.1 200 OK\r\nset-cookie: session=1; path=/; secure; httponly\r\ncontent-length: 16\r\n\
        connection: close\r\n\r\n{\"Status\": \"up\"}";
    let rows = [
        ("headers.set-cookie: {all: {contains: Secure}}", "passed"),
        ("headers.set-cookie: {none: {contains: Secure}}", "failed"),
        ("headers.set-cookie.0: {excludes: Secure}", "failed"),
        ("headers.set-cookie: {contains: [session, lang]}", "failed"),
        ("body.json.status: {present: false}", "passed"),
        ("body.json.status: up", "failed"),
    ];
    let (listener, address) = listener();
    let server = std::thread::spawn(move || {
        for _ in rows {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.read(&mut [0; 4096]).unwrap();
            stream.write_all(ANSWER).unwrap();
        }
    });
    let checks = rows.iter().enumerate().map(|(number, (expect, _))| {
        format!("  - {{id: c{number}, http: {{url: \"http://{address}/\"}}, expect: {{{expect}}}}}\n")
    });
    let suite = format!("version: 1\nsuite: s\nchecks:\n{}", checks.collect::<String>());
    let sandbox = CliSandbox::new(&suite);
    let ended = sandbox.run(&["run", "suite.yaml", "--json", "r.json"]);
    server.join().unwrap();
    let report = sandbox.json("r.json");
    for (number, (expect, want)) in rows.iter().enumerate() {
        assert_eq!(report["checks"][number]["verdict"], *want, "{expect}: {}", ended.out);
    }
    assert!(ended.out.contains("(missing: lang)"), "{}", ended.out);
}

/// Three checks that say nothing of the status: a redirect is no answer to them. A fourth one does.
#[test]
fn a_redirect_that_is_not_followed_is_no_pass() {
    const ANSWER: &[u8] = b"HTTP/1.1 302 Found\r\nlocation: /\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok";
    let (listener, address) = listener();
    let server = std::thread::spawn(move || {
        for _ in 0..5 {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.read(&mut [0; 4096]).unwrap();
            stream.write_all(ANSWER).unwrap();
        }
    });
    let url = format!("url: \"http://{address}/\"");
    let sandbox = CliSandbox::new(&format!(
        "version: 1\nsuite: s\nchecks:\n\
         \x20 - {{id: plain, http: {{{url}}}}}\n\
         \x20 - {{id: body, http: {{{url}}}, expect: {{body: {{contains: ok}}}}}}\n\
         \x20 - {{id: loop, http: {{{url}, follow: 1}}}}\n\
         \x20 - {{id: meant, http: {{{url}}}, expect: {{status: 302}}}}\n"
    ));
    let ended = sandbox.run(&["run", "suite.yaml", "--json", "r.json"]);
    server.join().unwrap();
    assert_eq!(ended.code, 1, "{}", ended.out);
    let report = sandbox.json("r.json");
    let verdict = |id: usize| report["checks"][id]["verdict"].as_str().unwrap().to_owned();
    assert_eq!([0, 1, 2, 3].map(verdict), ["failed", "failed", "failed", "passed"], "{}", ended.out);
    assert_eq!(report["checks"][2]["facts"]["outcome"], "too_many_redirects", "{report}");
}

#[test]
fn rounds_that_saw_nothing_are_not_outvoted() {
    // The listener closes after the warm-up round and one more.
    let (listener, address) = listener();
    let closer = std::thread::spawn(move || {
        for _ in 0..2 {
            drop(listener.accept().unwrap());
        }
    });
    let suite = tcp_suite(address.port(), "    rounds: 9\n    expect: {connect_time.p95: {lt: 10s}}\n")
        .replace("port: ", "banner: true, timeout: 2s, port: ");
    let ended = CliSandbox::new(&suite).run(&["run", "suite.yaml"]);
    closer.join().unwrap();
    assert_eq!(ended.code, 1, "{}", ended.out);
    assert!(ended.out.contains("of 9 rounds"), "{}", ended.out);
}

#[test]
fn a_check_left_out_because_of_a_warning_is_a_gap() {
    let (_held, port) = closed_port();
    let (_keep, address) = listener();
    let rest = format!(
        "    severity: warn\n  - id: critical\n    needs: [a]\n    tcp: {{host: 127.0.0.1, port: {port}}}\n  - id: fine\n    tcp: {{host: 127.0.0.1, port: {}}}\n",
        address.port()
    );
    let sandbox = CliSandbox::new(&tcp_suite(port, &rest));
    let ended = sandbox.run(&["run", "suite.yaml", "--json", "r.json", "--junit", "r.xml"]);
    assert_eq!(ended.code, 3, "{}", ended.out);
    assert_eq!(sandbox.json("r.json")["summary"]["unmet"], 1);
    let xml = read(&sandbox.path("r.xml"));
    let error = "<error message=\"needs a, which failed\" type=\"not_run\"";
    assert!(xml.contains(error) && xml.contains("errors=\"1\" skipped=\"0\""), "a pipeline sees it too: {xml}");
}

#[test]
fn a_run_of_skips_alone_is_no_green_junit() {
    let (_keep, address) = listener();
    let suite = tcp_suite(address.port(), "    when: {site: [b]}\n").replace("checks:", "vars: {site: a}\nchecks:");
    let sandbox = CliSandbox::new(&suite);
    let ended = sandbox.run(&["run", "suite.yaml", "--junit", "r.xml"]);
    assert_eq!(ended.code, 3, "{}{}", ended.out, ended.err);
    let xml = read(&sandbox.path("r.xml"));
    assert!(xml.contains("errors=\"1\" skipped=\"0\"") && xml.contains("type=\"not_run\""), "{xml}");
}

#[test]
fn a_mistyped_name_does_not_shrink_the_gate() {
    let (_keep, address) = listener();
    let sandbox = CliSandbox::new(&tcp_suite(address.port(), "    tags: [smoke]\n"));
    for args in [["--only", "a", "--only", "critcal"], ["--tag", "smoke", "--tag", "smoek"]] {
        let ended = sandbox.run(&["run", "suite.yaml", args[0], args[1], args[2], args[3]]);
        assert_eq!(ended.code, 2, "{}", ended.out);
        assert!(ended.err.contains(&format!("{} {} matches no check", args[2], args[3])), "{}", ended.err);
    }
}

#[test]
fn a_skipped_tag_is_never_pulled_in_again() {
    let (_keep, address) = listener();
    let port = address.port();
    let rest = format!(
        "    tags: [danger]\n  - id: b\n    needs: [a]\n    tcp: {{host: 127.0.0.1, port: {port}}}\n  - id: c\n    tcp: {{host: 127.0.0.1, port: {port}}}\n"
    );
    let ended = CliSandbox::new(&tcp_suite(port, &rest)).run(&["run", "suite.yaml", "--skip-tag", "danger"]);
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
    assert!(ended.out.contains("left out, because they need a check that --skip-tag leaves out: b"), "{}", ended.out);
    assert!(ended.out.contains("s  1 passed"), "{}", ended.out);
}

#[test]
fn holding_too_late_is_not_holding() {
    // The server answers only after `within`.
    let (listener, address) = listener();
    let server = std::thread::spawn(move || {
        use std::io::Write as _;
        let (mut stream, _) = listener.accept().unwrap();
        // A timed read is the wait: the client says nothing.
        stream.set_read_timeout(Some(std::time::Duration::from_millis(600))).unwrap();
        let _ = std::io::Read::read(&mut stream, &mut [0; 1]);
        let _ = stream.write_all(b"late\n");
    });
    let suite = tcp_suite(address.port(), "    eventually: {within: 200ms, every: 100ms}\n")
        .replace("port: ", "expect: late, port: ");
    let ended = CliSandbox::new(&suite).run(&["run", "suite.yaml"]);
    server.join().unwrap();
    assert_eq!(ended.code, 1, "{}", ended.out);
    assert!(ended.out.contains("settled_in: expected at most 200 ms"), "{}", ended.out);
}

#[test]
fn a_budget_that_ends_does_not_hide_what_was_proven() {
    let (_held, port) = closed_port();
    let rest = "    budget: 700ms\n    eventually: {within: 1h, every: 500ms}\n";
    let suite = tcp_suite(port, rest).replace("port: ", "timeout: 200ms, port: ");
    let ended = CliSandbox::new(&suite).run(&["run", "suite.yaml"]);
    assert_eq!(ended.code, 1, "refused is proven: {}", ended.out);
}

#[test]
fn default_timeouts_do_not_reach_commands_and_streams() {
    let (_keep, address) = listener();
    let suite = format!(
        "version: 1\nsuite: s\ndefaults: {{timeout: 300ms}}\nchecks:\n  - id: f\n    failover:\n\
         \x20     probe: {{tcp: {{host: 127.0.0.1, port: {}}}, interval: 20ms}}\n\
         \x20     inject: {{run: [sleep, \"0.7\"]}}\n      restore: {{run: [sleep, \"0.7\"]}}\n      steady: 100ms\n      observe: 200ms\n      settle: 100ms\n",
        address.port()
    );
    let ended = CliSandbox::new(&suite).run(&["run", "suite.yaml", "--allow-disruptive"]);
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
}

#[test]
fn a_run_stops_breaking_things_once_it_could_not_restore() {
    let (_keep, address) = listener();
    let failover = |id: &str, restore: &str| {
        format!(
            "  - id: {id}\n    failover:\n      probe: {{tcp: {{host: 127.0.0.1, port: {}}}, interval: 20ms}}\n\
             \x20     inject: {{run: [touch, injected-{id}]}}\n      restore: {{run: [{restore}]}}\n      steady: 100ms\n      observe: 100ms\n      settle: 100ms\n",
            address.port()
        )
    };
    let suite =
        format!("version: 1\nsuite: s\nchecks:\n{}{}", failover("one", "\"false\""), failover("two", "\"true\""));
    let sandbox = CliSandbox::new(&suite);
    let ended = sandbox.run(&["run", "suite.yaml", "--allow-disruptive"]);
    assert_eq!(ended.code, 3, "{}", ended.out);
    assert!(sandbox.path("injected-one").exists());
    assert!(!sandbox.path("injected-two").exists(), "{}", ended.out);
    assert!(ended.out.contains("not run: what one changed could not be put back"), "{}", ended.out);
}

#[test]
fn a_failover_is_made_once() {
    let suite = |extra: &str| {
        format!(
            "version: 1\nsuite: s\nchecks:\n  - id: f\n    failover:\n      probe: {{tcp: {{host: 127.0.0.1, port: 1}}}}\n\
             \x20     inject: {{run: [\"true\"]}}\n      restore: {{run: [\"true\"]}}\n{extra}"
        )
    };
    assert!(plan_error(&suite("    retries: 2\n")).contains("is made once"));
    let ended = CliSandbox::new(&suite("    rounds: 2\n")).run(&["plan", "suite.yaml"]);
    assert!(ended.out.contains("2 rounds after 0 to warm up"), "{}", ended.out);
}

#[test]
fn a_report_that_stdout_did_not_take_is_lost() {
    let (_keep, address) = listener();
    let sandbox = CliSandbox::new(&tcp_suite(address.port(), ""));
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let ended = sandbox.command(&["run", "suite.yaml", "--json", "-"]).stdout(full).output().unwrap();
    assert_eq!(ended.status.code(), Some(3));
    let ended = sandbox.run(&["run", "suite.yaml", "--json", "same", "--junit", "same"]);
    assert_eq!(ended.code, 2);
    assert!(ended.err.contains("--json and --junit would write one file, same"), "{}", ended.err);
}

#[test]
fn a_report_that_had_no_stdout_is_lost() {
    let (_keep, address) = listener();
    let sandbox = CliSandbox::new(&tcp_suite(address.port(), ""));
    let program = env!("CARGO_BIN_EXE_shakedown");
    for (arguments, want) in [
        ("--json - >&-", 3),
        ("--junit - >&-", 3),
        ("--events - >&-", 3),
        // Text for people that nobody wanted, and a report lost on purpose.
        (">&-", 0),
        ("--json - >/dev/null", 0),
        ("--json r.json >&- 2>&- <&-", 0),
    ] {
        let mut shell = std::process::Command::new("sh");
        shell.args(["-c", &format!("{program} run suite.yaml {arguments}")]).current_dir(sandbox.path("."));
        let ended = shell.output().unwrap();
        let told = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert_eq!(
            (ended.status.code(), told.contains("it is closed")),
            (Some(want), want == 3),
            "{arguments}: {told}"
        );
    }
}

#[test]
fn an_edited_summary_does_not_turn_a_report_green() {
    let (_held, port) = closed_port();
    let sandbox = CliSandbox::new(&tcp_suite(port, ""));
    sandbox.run(&["run", "suite.yaml", "--json", "r.json"]);
    let text = super::read(&sandbox.path("r.json"))
        .replace("\"failed\": 1", "\"failed\": 0")
        .replace("\"passed\": 0", "\"passed\": 1");
    sandbox.write("edited.json", &text);
    assert_eq!(sandbox.run(&["report", "edited.json"]).code, 1);
}

/// A matrix of addresses and versions has cells that mean nothing; the others run.
#[test]
fn a_cell_of_two_ip_versions_is_skipped_with_the_reason() {
    let (_keep, address) = listener();
    let suite = format!(
        "version: 1\nsuite: s\nchecks:\n  - id: a\n    matrix: {{host: [127.0.0.1, \"::1\"], ip_version: [ipv4, ipv6]}}\n    \
         tcp: {{host: \"${{matrix.host}}\", ip_version: \"${{matrix.ip_version}}\", port: {}}}\n    expect: {{outcome: {{in: [connected, refused]}}}}\n",
        address.port()
    );
    let sandbox = CliSandbox::new(&suite);
    let ended = sandbox.run(&["run", "suite.yaml", "--json", "r.json"]);
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
    let report = sandbox.json("r.json");
    let of = |id: &str| report["checks"].as_array().unwrap().iter().find(|check| check["id"] == id).unwrap().clone();
    let skipped = of("a[host=127.0.0.1,ip_version=ipv6]");
    assert_eq!((&skipped["verdict"], &skipped["unmet"]), (&"skipped".into(), &false.into()));
    assert!(skipped["reason"].as_str().unwrap().contains("`ip_version: ipv6` and 127.0.0.1 are of two IP versions"));
    assert_eq!(of("a[host=127.0.0.1,ip_version=ipv4]")["verdict"], "passed");
    assert_eq!(of("a[host=::1,ip_version=ipv6]")["verdict"], "passed");
}

/// A folder is all that is below it; what is hidden is not meant, and what ran is named.
#[test]
fn a_folder_is_run_with_all_that_is_below_it() {
    let (_keep, address) = listener();
    let sandbox = CliSandbox::new("");
    let suite = |name: &str| tcp_suite(address.port(), "").replace("suite: s", &format!("suite: {name}"));
    for folder in ["all/deep/er", "all/.hidden", "all/empty"] {
        std::fs::create_dir_all(sandbox.path(folder)).unwrap();
    }
    for (file, name) in [
        ("all/a.yaml", "a"),
        ("all/b.YML", "b"),
        ("all/deep/er/c.Yaml", "c"),
        ("all/.d.yaml", "d"),
        ("all/.hidden/e.yaml", "e"),
    ] {
        sandbox.write(file, &suite(name));
    }
    sandbox.write("all/deep/notes.txt", "not a suite");
    let ended = sandbox.run(&["run", "all", "--json", "r.json"]);
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
    let suites: Vec<String> = sandbox.json("r.json")["suites"]
        .as_array()
        .unwrap()
        .iter()
        .map(|suite| suite["file"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(suites, ["all/a.yaml", "all/b.YML", "all/deep/er/c.Yaml"]);
    assert!(ended.out.starts_with("suites: all/a.yaml, all/b.YML, all/deep/er/c.Yaml\n"), "{}", ended.out);
    assert!(!sandbox.run(&["run", "all/a.yaml"]).out.contains("suites:"), "whoever wrote the name knows it");
    // A link to a folder may lead anywhere, and what is left out is told.
    std::os::unix::fs::symlink(sandbox.path("all/deep"), sandbox.path("all/linked")).unwrap();
    let ended = sandbox.run(&["run", "all"]);
    assert!(
        ended.code == 0 && ended.err.contains("not followed, as it is a link to a folder: all/linked"),
        "{}",
        ended.err
    );
    assert_eq!(sandbox.run(&["run", "all/.d.yaml"]).code, 0, "a file that is named is meant");
    let empty = sandbox.run(&["run", "all/empty"]);
    assert!(empty.code == 2 && empty.err.contains("holds no suite"), "{}", empty.err);
}

/// Without descriptors nothing is known of any target: glibc says "no such name" then, and a socket cannot be opened.
#[test]
fn without_descriptors_nothing_is_known_of_a_target() {
    let (_held, port) = closed_port();
    let suite = format!(
        "version: 1\nsuite: s\ndefaults: {{timeout: 2s}}\nchecks:\n\
         \x20 - {{id: address, tcp: {{host: 127.0.0.1, port: {port}}}, expect: {{outcome: refused}}}}\n\
         \x20 - {{id: held, tls: {{host: 127.0.0.1, port: {port}, transport: quic}}, expect: {{outcome: refused}}}}\n\
         \x20 - {{id: name, tcp: {{host: localhost, port: {port}}}, expect: {{outcome: refused}}}}\n\
         \x20 - {{id: udp, udp: {{host: 127.0.0.1, port: {port}, send: x}}, expect: {{outcome: refused}}}}\n\
         \x20 - {{id: page, http: {{url: \"http://localhost:{port}/\"}}, expect: {{outcome: refused}}}}\n"
    );
    let sandbox = CliSandbox::new(&suite);
    let program = sandbox.command(&["run", "suite.yaml", "--jobs", "1"]);
    let mut errored = 0;
    // Where exactly they run out differs from host to host: from none left for a suite to enough for all.
    for limit in 8..24 {
        let mut command = std::process::Command::new("sh");
        let limited = format!("ulimit -n {limit}; exec \"$0\" \"$@\"");
        command.arg("-c").arg(limited).arg(program.get_program()).args(program.get_args());
        let ended = super::Ended::of(command.current_dir(sandbox.path(".")).output().unwrap());
        let failed = ended.out.lines().any(|line| line.starts_with("FAIL"));
        assert!(!failed && !ended.out.contains("unresolved"), "{limit} descriptors: {}", ended.out);
        errored += usize::from(ended.out.contains("Too many open files"));
    }
    assert!(errored > 0, "no limit was low enough");
}
