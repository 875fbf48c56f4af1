//! The text of `compare`, as somebody reads it who has never seen it: each cause once, words written out, what to do next.

use serde_json::{Value, json};

use super::report_fixture::{Builder, CLASS, metric, round};
use super::{CliSandbox, Ended};

/// A check with these facts.
fn with(report: Builder, id: &str, family: &str, facts: &Value) -> Builder {
    let mut report = report.check("edge", id, &format!("d-{id}"), json!({}));
    let check = report.0["checks"].as_array_mut().unwrap().last_mut().unwrap();
    check["family"] = family.into();
    check["target"] = format!("{id}.example.test:443").into();
    check["facts"] = facts.clone();
    report
}

fn compare(before: &Builder, after: &Builder, args: &[&str], columns: usize) -> Ended {
    let sandbox = CliSandbox::new("");
    sandbox.write("before.json", &before.text());
    sandbox.write("after.json", &after.text());
    let mut command = sandbox.command(&[&["compare", "before.json", "after.json"], args].concat());
    if columns > 0 {
        command.env("COLUMNS", columns.to_string());
    }
    Ended::of(command.output().unwrap())
}

fn lines<'t>(ended: &'t Ended, word: &str) -> Vec<&'t str> {
    ended.out.lines().filter(|line| line.starts_with(word)).collect()
}

/// A certificate as the checks of two families see it.
fn certificate(serial: &str, month: u32) -> [(&'static str, Value); 6] {
    [
        ("subject", json!("CN=www.example.test")),
        ("issuer", json!("CN=Example CA")),
        ("not_before", json!(format!("2026-{month:02}-01T00:00:00Z"))),
        ("not_after", json!(format!("2027-{month:02}-01T00:00:00Z"))),
        ("serial", json!(serial)),
        ("fingerprint.sha256", json!(serial.repeat(8))),
    ]
}

fn shown_by_ten(number: u32, serial: &str, month: u32) -> Builder {
    (0..10).fold(Builder::new(number, CLASS), |report, check| {
        let (family, prefix) = if check < 8 { ("tls", "") } else { ("dns", "tls.") };
        let facts: serde_json::Map<String, Value> =
            certificate(serial, month).into_iter().map(|(name, value)| (format!("{prefix}{name}"), value)).collect();
        with(report, &format!("c{check}"), family, &Value::Object(facts))
    })
}

/// One certificate swap is one line, whoever sees it; `-v` has every fact of it.
#[test]
fn one_certificate_swap_is_one_line() {
    let (before, after) = (shown_by_ten(1, "5c0ffee1", 1), shown_by_ten(2, "5deadbe3", 3));
    let ended = compare(&before, &after, &[], 0);
    assert_eq!(ended.code, 1, "{}{}", ended.out, ended.err);
    let changed = lines(&ended, "CHANGED");
    let [line] = changed.as_slice() else { panic!("one cause is one line:\n{}", ended.out) };
    for words in [
        "certificate of 10 checks (edge/c0, edge/c1, edge/c2 and 7 more): ",
        "fingerprint.sha256 5c0ffee15c0f… -> 5deadbe35dea…",
        "not_before 2026-01-01T00:00:00Z -> 2026-03-01T00:00:00Z",
        "and 2 more facts",
    ] {
        assert!(line.contains(words), "`{words}` is not in\n{line}");
    }
    assert!(ended.out.lines().count() < 10, "{}", ended.out);
    for columns in [80, 140] {
        let narrow = compare(&before, &after, &[], columns);
        assert!(narrow.out.lines().all(|line| line.chars().count() <= columns), "{columns}:\n{}", narrow.out);
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(words(&narrow.out), words(&ended.out), "lines are broken between words alone");
    }
    let all = compare(&before, &after, &["-v"], 0);
    for words in ["edge/c9", "fingerprint.sha256:", &"5c0ffee1".repeat(8), &"5deadbe3".repeat(8)] {
        assert!(all.out.contains(words), "`{words}` is not in\n{}", all.out);
    }
}

/// The same old and new value in many checks is one line, and another change is another one.
#[test]
fn one_address_that_changed_is_one_line() {
    let side = |number: u32, address: &str, version: &str| {
        let dns = |report, id: &str| with(report, id, "dns", &json!({"outcome": "answered", "answers": [address]}));
        let report = ["a", "b", "c", "d", "e"].into_iter().fold(Builder::new(number, CLASS), dns);
        with(report, "web", "http", &json!({"outcome": "answered", "version": version}))
    };
    let ended = compare(&side(1, "192.0.2.1", "HTTP/2"), &side(2, "192.0.2.7", "HTTP/1.1"), &[], 0);
    assert_eq!(
        lines(&ended, "CHANGED"),
        [
            "CHANGED       answers of 5 checks (edge/a, edge/b, edge/c and 2 more): 192.0.2.1 -> 192.0.2.7",
            "CHANGED       version of edge/web: HTTP/2 -> HTTP/1.1",
        ],
        "{}",
        ended.out
    );
}

/// Words of a choice have an order, which says nothing to people: old and new do. What went with the outcome is its consequence.
#[test]
fn another_outcome_explains_what_is_absent_with_it() {
    let side = |number: u32, facts: Value, verdict: &str| {
        let mut report = with(Builder::new(number, CLASS), "a", "tls", &facts);
        report.0["checks"][0]["verdict"] = verdict.into();
        report.0["checks"][0]["reason"] =
            if verdict == "passed" { Value::Null } else { "the name has no address".into() };
        report
    };
    let well =
        json!({"outcome": "completed", "version": "TLS1.3", "cipher": "TLS_AES_128_GCM_SHA256", "san": ["a.test"]});
    let ended = compare(&side(1, well, "passed"), &side(2, json!({"outcome": "unresolved"}), "failed"), &[], 0);
    assert_eq!(
        (lines(&ended, "WORSE"), lines(&ended, "CHANGED")),
        (
            vec!["WORSE         edge/a: passed -> failed: the name has no address"],
            vec!["CHANGED       outcome of edge/a: completed -> unresolved (and 3 facts are absent with it)"],
        ),
        "{}",
        ended.out
    );
    assert!(!ended.out.contains("grew"), "{}", ended.out);
}

/// Checks of one kind and reason are one line; a target is told by the host that took the place of another.
#[test]
fn checks_that_vanished_or_moved_are_told_together() {
    let mut before = Builder::new(1, CLASS);
    let mut after = Builder::new(2, CLASS);
    for check in 0..6 {
        before = with(before, &format!("gone{check}"), "tcp", &json!({}));
    }
    for (check, port) in [("m0", 443), ("m1", 80), ("m2", 25)] {
        before = with(before, check, "tcp", &json!({}));
        after = with(after, check, "tcp", &json!({}));
        let at = |report: &mut Builder, host: &str| {
            report.0["checks"].as_array_mut().unwrap().last_mut().unwrap()["target"] = format!("{host}:{port}").into();
        };
        at(&mut before, "192.0.2.1");
        at(&mut after, "192.0.2.9");
    }
    for (old, new) in [("old-a", "new-a"), ("old-b", "new-b")] {
        before = with(before, old, "tcp", &json!({}));
        after = with(after, new, "tcp", &json!({}));
        let digest = format!("same-{old}");
        for report in [&mut before, &mut after] {
            report.0["checks"].as_array_mut().unwrap().last_mut().unwrap()["digest"] = digest.clone().into();
        }
    }
    let ended = compare(&before, &after, &[], 0);
    assert_eq!(ended.code, 1);
    for line in [
        "GONE          6 checks (edge/gone0, edge/gone1, edge/gone2 and 3 more): only the first report has it; passed there",
        "NOTE          3 checks (edge/m0, edge/m1, edge/m2): another target, 192.0.2.1 -> 192.0.2.9",
        "NOTE          2 checks renamed: edge/old-a -> edge/new-a, edge/old-b -> edge/new-b",
    ] {
        assert!(ended.out.lines().any(|shown| shown == line), "`{line}` is not a line of\n{}", ended.out);
    }
}

/// Every line says what it is about.
#[test]
fn what_was_seen_in_part_is_explained() {
    let side = |number: u32| {
        let mut report =
            with(Builder::new(number, CLASS), "smtp", "tcp", &json!({"outcome": "connected", "banner": "220"}));
        report.0["checks"][0]["partial"] = json!({"banner": "cut by `limit`"});
        report
    };
    let ended = compare(&side(1), &side(2), &[], 0);
    assert_eq!(
        lines(&ended, "NOTE"),
        ["NOTE          banner of edge/smtp: seen only in part, and not compared: cut by `limit`"],
        "{}",
        ended.out
    );
}

fn latency(p50: f64) -> Value {
    let rounds: Vec<Value> = (0..3).map(|slot| round(slot, p50, &json!({}))).collect();
    metric("ratio", 0.05, &rounds)
}

/// Eight reports about these medians, and one with others, of checks `c0`, `c1` ….
fn slower(factors: &[f64], gated: bool) -> (CliSandbox, Vec<String>) {
    let sandbox = CliSandbox::new("");
    let mut args = vec!["compare".to_owned()];
    let report = |number: u32, factor: &dyn Fn(usize) -> f64| {
        let mut report = Builder::new(number, CLASS);
        for check in 0..factors.len() {
            let spread = if number.is_multiple_of(2) { 1.005 } else { 0.995 };
            let of = |level: f64| latency(level * spread * factor(check));
            report = report.check(
                "edge",
                &format!("c{check}"),
                "d",
                json!({"total_time": of(0.020), "tls_time": of(0.005)}),
            );
            if gated {
                report.0["checks"].as_array_mut().unwrap().last_mut().unwrap()["gated"] = json!(["total_time"]);
            }
        }
        report.text()
    };
    for run in 0..8 {
        sandbox.write(&format!("b{run}.json"), &report(run, &|_| 1.0));
        args.extend(["--base".to_owned(), format!("b{run}.json")]);
    }
    sandbox.write("now.json", &report(20, &|check| factors[check]));
    args.push("now.json".to_owned());
    (sandbox, args)
}

fn run(sandbox: &CliSandbox, args: &[String], more: &[&str]) -> Ended {
    let args: Vec<&str> = args.iter().map(String::as_str).chain(more.iter().copied()).collect();
    sandbox.run(&args)
}

#[test]
fn the_largest_movement_stands_first_and_names_what_moved_with_it() {
    let (sandbox, args) = slower(&[1.2, 2.0, 4.0, 1.0], false);
    let ended = run(&sandbox, &args, &[]);
    assert_eq!(ended.code, 4, "{}{}", ended.out, ended.err);
    let regressed = lines(&ended, "REGRESSED");
    let places: Vec<&str> = regressed.iter().filter_map(|line| line.split_whitespace().nth(1)).collect();
    assert_eq!(places, ["edge/c2", "edge/c1", "edge/c0"], "{}", ended.out);
    assert!(regressed[0].contains("-> ") && regressed[0].contains("x4.0"), "{}", ended.out);
    assert_eq!(ended.out.matches("              tls_time moved most (").count(), 3, "{}", ended.out);
    assert_eq!(ended.out.matches("next: the TLS handshake is slow").count(), 1, "{}", ended.out);
    assert!(ended.out.contains("UNCHANGED     2 metrics: shown to lie within"), "{}", ended.out);
}

/// Nobody can accept runs from before a change once it has been made.
#[test]
fn what_would_decide_is_possible_where_it_is_said() {
    let (sandbox, args) = slower(&[1.2, 2.0, 4.0, 1.0, 1.1, 1.3, 1.4], true);
    let two = ["compare".to_owned(), "b7.json".to_owned(), "now.json".to_owned()];
    let ended = run(&sandbox, &two, &[]);
    assert_eq!(ended.code, 0);
    // The five largest have lines of their own, then the reason stands once.
    let own: Vec<&str> = lines(&ended, "INCONCLUSIVE");
    let places: Vec<&str> = own.iter().filter_map(|line| line.split_whitespace().nth(1)).collect();
    assert_eq!(places, ["edge/c2", "edge/c1", "edge/c6", "edge/c5", "edge/c0", "14"], "{}", ended.out);
    assert!(own[..5].iter().all(|line| line.contains("  total_time  ")), "what the suites ask for: {}", ended.out);
    assert!(
        own[5].contains("14 metrics, of which the suites ask for 7 (edge/c2 total_time, edge/c1 total_time"),
        "{}",
        ended.out
    );
    assert_eq!(
        ended.out.matches("how much runs of an unchanged target differ is not known").count(),
        1,
        "{}",
        ended.out
    );
    for words in [
        "to decide: if both targets can be reached, measure them in one run (`shakedown run SUITE --against VARIABLE=VALUE`)",
        "Runs from before the change cannot be made up for",
        "14 metrics are inconclusive, which is no pass: neither a change nor its absence was shown; it fails only with --strict",
    ] {
        let text = ended.out.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(text.contains(words), "`{words}` is not in\n{}", ended.out);
    }
    assert!(!ended.out.contains("accept 7 more"), "{}", ended.out);
    // What nobody asks for is a count; `-v` shows each.
    assert!(!ended.out.contains("tls_time"), "{}", ended.out);
    let all = run(&sandbox, &two, &["-v"]);
    assert_eq!(all.out.matches("  tls_time    ").count(), 7, "{}", all.out);
    let strict = run(&sandbox, &two, &["--strict"]);
    assert_eq!(strict.code, 3);
    assert!(strict.out.contains("which is no pass: neither a change nor its absence was shown; --strict fails on it"));
    // With a history nothing is inconclusive, and nothing is said of it.
    let decided = run(&sandbox, &args, &[]);
    assert!(!decided.out.contains("no pass"), "{}", decided.out);
}

/// A metric that is left out by rule is in no count, on the command line as in the suite.
#[test]
fn metrics_are_ignored_by_rule() {
    let (sandbox, args) = slower(&[1.0, 2.0], false);
    assert_eq!(run(&sandbox, &args, &[]).code, 4);
    let json = |name: &str| sandbox.json(name);
    let ended = run(&sandbox, &args, &["--rule", "c1:*_time=ignore", "--json", "c.json"]);
    assert_eq!((ended.code, &json("c.json")["summary"]["metrics"]), (0, &2.into()), "{}", ended.out);
    let ended = run(&sandbox, &args, &["--rule", "c1:total_time=ignore", "--json", "c.json"]);
    assert_eq!((ended.code, &json("c.json")["summary"]["metrics"]), (4, &3.into()), "{}", ended.out);
    let mut now = json("now.json");
    now["checks"][1]["rules"] = json!({"total_time": "ignore", "tls_time": "ignore"});
    sandbox.write("now.json", &now.to_string());
    assert_eq!(run(&sandbox, &args, &[]).code, 0, "the suite of the head says so");
    assert_eq!(run(&sandbox, &args, &["--rule", "c1:total_time=same"]).code, 4, "the command line is stronger");
}
