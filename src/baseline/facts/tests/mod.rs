mod arms;
mod pairs;
mod tables;
mod typed;

use proptest::prelude::*;
use serde_json::json;

use super::{LISTED, PER_CHECK, Rules, compare};
use crate::model::reduced::Report;
use crate::model::{Changes, CheckShift, Record, Rule, Shift, Value};

fn check(id: &str, family: &str, facts: &Value) -> Value {
    json!({
        "suite": "s", "id": id, "check": id.split('[').next().unwrap(), "family": family, "target": "192.0.2.1:443",
        "tags": [], "verdict": "passed", "flaky": false, "unmet": false, "reason": null, "fault": null,
        "severity": "fail", "at": {"file": "s.yaml", "line": 3, "column": 5}, "started": null, "duration_s": 0.1, "attempts": 1, "earlier": [],
        "settled_in_s": null, "digest": "d1", "facts": facts, "expectations": [], "metrics": {}, "notes": [],
        "baseline": null
    })
}

fn with(mut check: Value, more: &Value) -> Value {
    for (key, value) in more.as_object().unwrap() {
        check[key] = value.clone();
    }
    check
}

fn report(checks: impl Into<Value>) -> Report {
    let checks: Value = checks.into();
    let counts = ["total", "passed", "failed", "errored", "skipped", "unmet", "flaky", "warned", "regressed"];
    let counts: serde_json::Map<String, Value> = counts.iter().map(|key| ((*key).to_owned(), json!(0))).collect();
    let value = json!({
        "schema": "shakedown.report/1", "tool": {"name": "shakedown", "version": "0"},
        "run": {"id": "1-1", "started": "2026-01-01T00:00:00Z", "duration_s": 1.0, "interrupted": false, "signal": null,
                "labels": {}},
        "host": {"name": "h", "os": "", "kernel": "", "cpu": "", "cores": 1, "memory_bytes": 1, "interfaces": [],
                 "tcp_congestion": null, "clock": null, "virtualization": null, "class": "c"},
        "design": {"kind": "single", "seed": 1, "rounds": 1, "warm_up": 0}, "suites": [], "summary": counts,
        "checks": checks
    });
    Report::from(&serde_json::from_value::<Record>(value).unwrap())
}

fn one(family: &str, before: &Value, after: &Value, rules: &[&str]) -> Changes {
    let side = |facts| report(vec![check("a", family, facts)]);
    compare(&side(before), &side(after), &Rules::parse(rules).unwrap())
}

/// `fact shift allowed` of each change.
fn words(changes: &Changes) -> Vec<String> {
    let word = |allowed| if allowed { "allowed" } else { "not allowed" };
    changes.facts.iter().map(|row| format!("{} {} {}", row.fact, row.change.word(), word(row.allowed))).collect()
}

#[test]
fn every_kind_of_change_under_every_rule() {
    type Row = (Value, Value, [&'static str; 3]);
    // Under same, may_grow, may_shrink; an empty word is no change.
    let rows: Vec<Row> = vec![
        (json!(1), json!(1), ["", "", ""]),
        (json!(1), json!(1.0), ["", "", ""]),
        (json!(1), json!(2), ["grew no", "grew yes", "grew no"]),
        (json!(2.5), json!(2), ["shrank no", "shrank no", "shrank yes"]),
        (json!(9_007_199_254_740_993_i64), json!(9_007_199_254_740_992_i64), ["shrank no", "shrank no", "shrank yes"]),
        (json!(u64::MAX), json!(1), ["shrank no", "shrank no", "shrank yes"]),
        (json!("x"), json!("y"), ["changed no", "changed no", "changed no"]),
        (json!(true), json!(false), ["changed no", "changed no", "changed no"]),
        (json!(["a", "b"]), json!(["b", "a"]), ["", "", ""]),
        (json!(["a"]), json!(["b", "a"]), ["grew no", "grew yes", "grew no"]),
        (json!(["a"]), json!(["a", "a"]), ["grew no", "grew yes", "grew no"]),
        (json!(["a", "b"]), json!(["b"]), ["shrank no", "shrank no", "shrank yes"]),
        (json!(["a"]), json!(["b"]), ["changed no", "changed no", "changed no"]),
        (json!([1, {"k": [2]}]), json!([{"k": [2]}, 1]), ["", "", ""]),
        (json!(null), json!("x"), ["appeared no", "appeared yes", "appeared no"]),
        (json!("x"), json!(null), ["vanished no", "vanished no", "vanished yes"]),
        (json!(null), json!(null), ["", "", ""]),
        (json!("x"), json!(["x"]), ["changed no", "changed no", "changed no"]),
        (json!({"k": 1}), json!({"k": 1}), ["", "", ""]),
        (json!({"k": 1}), json!({"k": 2}), ["grew no", "grew yes", "grew no"]),
        (json!({}), json!({"k": 2}), ["appeared no", "appeared yes", "appeared no"]),
        (json!({"k": 2}), json!({}), ["vanished no", "vanished no", "vanished yes"]),
        (json!({"k": 2}), json!(3), ["changed no", "changed no", "changed no"]),
    ];
    for (before, after, wanted) in rows {
        for (rule, want) in ["same", "may_grow", "may_shrink"].iter().zip(wanted) {
            let own = json!({"rules": {"f": rule}});
            let side = |value: &Value| report(vec![with(check("a", "nobody's", &json!({"f": value})), &own)]);
            let changes = compare(&side(&before), &side(&after), &Rules::default());
            let yes = |allowed| if allowed { "yes" } else { "no" };
            let found: Vec<String> =
                changes.facts.iter().map(|row| format!("{} {}", row.change.word(), yes(row.allowed))).collect();
            assert_eq!(found.join(","), want, "{before} -> {after} under {rule}");
            assert_eq!(changes.not_allowed, u64::from(want.ends_with("no")), "{before} -> {after} under {rule}");
        }
        let ignored = one("nobody's", &json!({"f": before}), &json!({"f": after}), &["*:f=ignore"]);
        assert_eq!(words(&ignored), Vec::<String>::new(), "{before} -> {after}");
    }
}

#[test]
fn a_list_says_what_came_and_what_went() {
    let changes = one("dns", &json!({"answers": ["a", "b"]}), &json!({"answers": ["b", "c", "d"]}), &[]);
    let [row] = changes.facts.as_slice() else { panic!("{changes:?}") };
    assert_eq!(
        (row.change, &row.added, &row.removed),
        (Shift::Changed, &vec![json!("c"), json!("d")], &vec![json!("a")])
    );
    let many: Vec<String> = (0..150).map(|n| n.to_string()).collect();
    let changes = one("dns", &json!({"answers": []}), &json!({"answers": many}), &[]);
    assert_eq!(changes.facts[0].added.len(), 101);
    assert_eq!(changes.facts[0].added[100], "… and 50 more");
}

#[test]
fn the_tables_tell_a_change_of_the_thing_from_one_of_the_moment() {
    let certificate = |serial: &str, expires: f64, version: &str| {
        json!({"serial": serial, "expires_in": expires, "version": version, "address": "192.0.2.1",
               "not_after": "2027-01-01T00:00:00Z", "chain.length": 2})
    };
    let quiet = one("tls", &certificate("01", 9.0, "TLS1.2"), &certificate("01", 1.0, "TLS1.2"), &[]);
    assert_eq!(words(&quiet), Vec::<String>::new());
    let loud = one("tls", &certificate("01", 9.0, "TLS1.2"), &certificate("02", 9.0, "TLS1.3"), &[]);
    assert_eq!(words(&loud), ["serial changed not allowed", "version grew not allowed"]);
    let allowed =
        one("tls", &certificate("01", 9.0, "TLS1.2"), &certificate("01", 9.0, "TLS1.3"), &["a:version=may_grow"]);
    assert_eq!(words(&allowed), ["version grew allowed"]);
    let back =
        one("tls", &certificate("01", 9.0, "TLS1.3"), &certificate("01", 9.0, "TLS1.2"), &["a:version=may_grow"]);
    assert_eq!(words(&back), ["version shrank not allowed"]);
}

#[test]
fn headers_are_compared_one_by_one_without_those_that_never_stay() {
    let before =
        json!({"status": 200, "body": "1", "headers": {"date": "Mon", "server": "nginx/1.24", "x-request-id": "1"}});
    let after = json!({"status": 200, "body": "2", "headers": {"date": "Tue", "server": "nginx/1.25", "x-frame-options": "DENY"}});
    assert_eq!(
        words(&one("http", &before, &after, &[])),
        [
            "headers.server grew not allowed",
            "headers.x-frame-options appeared not allowed",
            "headers.x-request-id vanished not allowed"
        ]
    );
    // A rule for the whole, or for one of them; the very header beats the whole, and the last of two rules the first.
    let whole = one("http", &before, &after, &["a:headers=may_grow"]);
    assert_eq!(
        words(&whole),
        [
            "headers.server grew allowed",
            "headers.x-frame-options appeared allowed",
            "headers.x-request-id vanished not allowed"
        ],
        "a rule for the whole does not wake the date"
    );
    let one_header = one("http", &before, &after, &["a:headers.date=same", "a:headers=ignore"]);
    assert_eq!(words(&one_header), ["headers.date changed not allowed"]);
    let last = one("http", &before, &after, &["a:headers.server=same", "a:headers.s*=ignore"]);
    assert_eq!(
        words(&last),
        ["headers.x-frame-options appeared not allowed", "headers.x-request-id vanished not allowed"]
    );
    let document = one(
        "http",
        &json!({"body.json": {"v": 1, "t": 1}}),
        &json!({"body.json": {"v": 2, "t": 2}}),
        &["*:body.json.v=same"],
    );
    assert_eq!(words(&document), ["body.json.v grew not allowed"], "a key below an ignored document");
}

#[test]
fn the_command_line_beats_the_suite_and_the_suite_the_table() {
    let side = |address: &str, version: &str| {
        let facts = json!({"address": address, "version": version});
        report(vec![with(check("a", "tls", &facts), &json!({"rules": {"address": "same", "version": "ignore"}}))])
    };
    let (before, after) = (side("192.0.2.1", "TLS1.2"), side("192.0.2.2", "TLS1.3"));
    let changes = |rules: &[&str]| words(&compare(&before, &after, &Rules::parse(rules).unwrap()));
    assert_eq!(changes(&[]), ["address changed not allowed"]);
    assert_eq!(changes(&["*:*=ignore"]), Vec::<String>::new());
    assert_eq!(changes(&["s/a:version=same"]), ["address changed not allowed", "version grew not allowed"]);
    assert_eq!(changes(&["b:*=ignore"]), ["address changed not allowed"], "a rule of another check");
}

#[test]
fn rules_that_cannot_mean_anything_are_refused_with_a_suggestion() {
    let rows = [
        ("a:version", "there is no `=`"),
        ("version=same", "there is no `:`"),
        (":version=same", "the check is missing"),
        ("a:=same", "the fact is missing"),
        ("a:version=may_gorw", "did you mean `may_grow`?"),
        ("a:version=", "is no rule"),
    ];
    for (text, want) in rows {
        let why = Rules::parse(&[text]).unwrap_err();
        assert!(why.contains(want) && why.contains(text), "{text}: {why}");
    }
    let side = report(vec![check("vip[addr=::1]", "tls", &json!({"version": "TLS1.2"}))]);
    let unmatched = |text: &str| Rules::parse(&[text]).unwrap().unmatched(&side, &side).join("\n");
    for fits in ["vip[addr=::1]:version=same", "vip:cipher=ignore", "*:v*=ignore", "s/vip*:version=may_grow"] {
        assert_eq!(unmatched(fits), "", "{fits}");
    }
    assert!(unmatched("vpi:version=same").contains("no check of the reports is called `vpi`; did you mean `vip`?"));
    assert!(unmatched("vip:verison=same").contains("have no fact `verison`; did you mean `version`?"));
}

#[test]
fn distributions_and_metrics_are_no_facts_until_a_rule_says_so() {
    let ttl = |p50: f64| {
        json!({"unit": "1", "count": 5, "min": p50, "mean": p50, "p50": p50, "p90": p50, "p95": p50, "p99": p50,
               "max": p50, "stddev": 0.0})
    };
    let side = |p50: f64| json!({"ttl": ttl(p50), "mtu": 1500, "loss": p50 / 100.0});
    assert_eq!(words(&one("icmp", &side(57.0), &side(58.0), &[])), Vec::<String>::new());
    assert_eq!(words(&one("icmp", &side(57.0), &side(58.0), &["a:ttl=same"])), ["ttl.p50 grew not allowed"]);
    assert_eq!(words(&one("nobody's", &side(57.0), &side(58.0), &[])), ["loss grew not allowed"]);
}

#[test]
fn what_could_not_be_measured_is_reported_by_its_verdict_alone() {
    let good = report(vec![check("a", "tls", &json!({"version": "TLS1.3"}))]);
    for (verdict, reason) in [("errored", "no route"), ("skipped", "needs b")] {
        let lost = report(vec![with(check("a", "tls", &json!({})), &json!({"verdict": verdict, "reason": reason}))]);
        let changes = compare(&good, &lost, &Rules::default());
        assert_eq!((changes.facts.len(), changes.compared), (0, 0));
        let [row] = changes.checks.as_slice() else { panic!("{changes:?}") };
        assert_eq!((row.change, row.worse), (CheckShift::Verdict, true));
        assert_eq!((row.after.as_deref(), row.reason_after.as_deref()), (Some(verdict), Some(reason)));
        let back = compare(&lost, &good, &Rules::default());
        assert_eq!((back.checks[0].worse, back.checks[0].reason_before.as_deref()), (false, Some(reason)));
    }
    let failed = report(vec![with(check("a", "tls", &json!({})), &json!({"verdict": "failed"}))]);
    let changes = compare(&good, &failed, &Rules::default());
    assert_eq!(words(&changes), ["version vanished not allowed"], "a failed check did measure");
}

#[test]
fn new_vanished_and_renamed_checks() {
    let row = |id: &str, target: &str, digest: &str| {
        with(check(id, "tcp", &json!({})), &json!({"target": target, "digest": digest}))
    };
    let before = report(vec![
        row("stays", "h:1", "1"),
        row("old-name", "h:2", "2"),
        row("moved", "h:3", "3"),
        row("gone", "h:4", "4"),
        row("twin-1", "h:5", "51"),
        row("twin-2", "h:5", "52"),
        row("redefined", "h:6", "6"),
        row("vip[port=7]", "h:7", "7"),
        row("old-broken", "h:8", "8"),
    ]);
    let after = report(vec![
        row("stays", "h:1", "1"),
        row("new-name", "h:2", "2"),
        row("moved", "h:33", "33"),
        row("twin-3", "h:5", "53"),
        row("redefined", "h:6", "66"),
        row("vip[p=7]", "h:7", "77"),
        with(row("fresh", "h:9", "9"), &json!({"verdict": "failed", "reason": "refused"})),
        with(row("broken", "h:8", "8"), &json!({"verdict": "failed", "reason": "it broke"})),
    ]);
    let changes = compare(&before, &after, &Rules::default());
    let rows: Vec<String> = changes
        .checks
        .iter()
        .map(|row| {
            let side = |side: &Option<String>| side.clone().unwrap_or("-".into());
            format!("{} {} {} {} {}", row.check, row.change.word(), side(&row.before), side(&row.after), row.worse)
        })
        .collect();
    assert_eq!(
        rows,
        [
            "moved target h:3 h:33 false",
            "redefined definition 6 66 false",
            "new-name renamed s/old-name s/new-name false",
            "broken renamed s/old-broken s/broken false",
            "broken verdict passed failed true",
            "twin-3 new - passed false",
            "vip[p=7] new - passed false",
            "fresh new - failed true",
            "gone vanished passed - true",
            "twin-1 vanished passed - true",
            "twin-2 vanished passed - true",
            "vip[port=7] vanished passed - true",
        ],
        "another definition is another check, and of twins nobody guesses"
    );
    assert_eq!(changes.worse, 6);
    let reasons: Vec<Option<&str>> = changes.checks.iter().map(|row| row.reason_after.as_deref()).collect();
    assert_eq!(reasons.iter().filter(|reason| **reason == Some("it broke")).count(), 1, "why is told, and once");
}

#[test]
fn hostile_documents_are_bounded() {
    // As deep as a reader of JSON lets through.
    let nested = |leaf: u32| {
        let text = format!("{}{leaf}{}", "{\"k\":".repeat(110), "}".repeat(110));
        serde_json::from_str::<Value>(&text).unwrap()
    };
    let deep = one("http", &json!({"headers": nested(1)}), &json!({"headers": nested(2)}), &[]);
    let [row] = deep.facts.as_slice() else { panic!("{deep:?}") };
    assert_eq!(row.fact.matches(".k").count(), 16, "what lies deeper is one change");
    let wide = |value: u32| {
        let map: serde_json::Map<String, Value> = (0..5000).map(|n| (format!("h{n}"), json!(value))).collect();
        json!({"headers": map})
    };
    let changes = one("http", &wide(1), &wide(2), &[]);
    assert_eq!((changes.facts.len(), changes.left_out, changes.not_allowed), (PER_CHECK, 4000, 5000));
    let long = one("tcp", &json!({"banner": "x"}), &json!({"banner": "ä".repeat(5000)}), &[]);
    let shown = long.facts[0].after.as_ref().unwrap().as_str().unwrap();
    assert!(shown.len() < 4100 && shown.ends_with("(5000 characters)"), "{}", shown.len());
    let ids = report(vec![check("a", "tls", &json!({"version": "1"})); 3]);
    assert_eq!(compare(&ids, &ids, &Rules::default()).checks, [], "an id thrice is its own");
}

#[test]
fn many_checks_take_no_square_of_time_and_bury_nothing() {
    let side = |version: &str, name: &str| {
        let rows = (0..12_000).map(|n| check(&format!("{name}{n}"), "tls", &json!({"version": version, "group": "x"})));
        report(rows.collect::<Vec<_>>())
    };
    let (before, after) = (side("TLS1.2", "a"), side("TLS1.3", "a"));
    let changes = compare(&before, &after, &Rules::parse(&["*:group=same"]).unwrap());
    assert_eq!((changes.facts.len(), changes.left_out, changes.compared), (LISTED, 2000, 12_000));
    // All of one target: every one could be every other's new name.
    let renamed = compare(&before, &side("TLS1.2", "b"), &Rules::default());
    assert_eq!((renamed.checks.len(), renamed.left_out, renamed.worse), (LISTED, 14_000, 12_000));
    // What is not allowed is listed even behind ten thousand allowed changes.
    let mut mixed = after.clone();
    mixed.checks[11_999].facts = serde_json::from_value(json!({"version": "TLS1.2", "group": "y"})).unwrap();
    let rules = Rules::parse(&["*:version=may_grow"]).unwrap();
    let last = compare(&before, &mixed, &rules);
    assert_eq!(last.not_allowed, 1);
    assert!(last.facts.iter().any(|row| row.fact == "group" && !row.allowed));
}

#[test]
fn the_families_rules() {
    use Rule::{Ignore, Same};
    let rows: &[(&str, Rule, &[&str])] = &[
        ("tcp", Same, &["outcome", "addresses", "addresses.failed", "banner"]),
        ("tcp", Ignore, &["address", "received"]),
        ("udp", Same, &["outcome"]),
        ("udp", Ignore, &["address", "response", "response.size"]),
        ("icmp", Same, &["outcome", "mtu"]),
        ("icmp", Ignore, &["address", "sent", "ttl", "errors", "rtt_source", "host_limited", "lateness"]),
        ("http", Same, &["outcome", "status", "version", "headers", "redirects", "url"]),
        ("http", Ignore, &["body", "body.json", "body.size", "body.truncated", "address", "certificate.expires_in"]),
        ("dns", Same, &["outcome", "rcode", "answers", "cname", "flags", "truncated", "edns.version", "edns.size"]),
        ("dns", Ignore, &["address", "answers.records", "authority", "additional", "type", "nsid", "size"]),
        ("dns", Rule::MayGrow, &["serial"]),
        ("tls", Same, &["outcome", "verified", "version", "cipher", "group", "alpn", "san", "subject", "issuer"]),
        ("tls", Same, &["not_before", "not_after", "chain.length", "chain.subjects", "key", "serial"]),
        ("tls", Same, &["fingerprint.sha256", "spki.sha256"]),
        ("tls", Ignore, &["expires_in", "chain.expires_in", "address"]),
        ("throughput", Same, &["outcome", "peer", "congestion"]),
        ("throughput", Ignore, &["address", "transferred", "cpu.local"]),
        ("failover", Same, &["recovered", "restored", "steady.before", "steady.after", "inject.exit", "restore.exit"]),
        ("failover", Ignore, &["outage.lo", "detected_after", "lateness", "sent"]),
    ];
    for (family, rule, names) in rows {
        let facts = crate::checks::family(family).unwrap().facts;
        for name in *names {
            let fact = facts.iter().find(|fact| fact.name == *name).unwrap_or_else(|| panic!("{family}.{name}"));
            assert!(fact.rule == *rule && fact.better.is_none(), "{family}.{name}: {:?}", fact.rule);
        }
    }
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1e300..1e300_f64).prop_map(Value::from),
        "[a-z.]{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map("[a-z.]{0,4}", inner, 0..6).prop_map(|map| map.into_iter().collect()),
        ]
    })
}

fn any_report() -> impl Strategy<Value = Report> {
    let families = prop::sample::select(vec!["tls", "http", "dns", "nobody's"]);
    let facts = prop::collection::btree_map("version|headers|answers|body.json|[a-z.]{1,8}", any_value(), 0..6);
    let rows = prop::collection::vec(("[a-c]{1,2}", families, facts), 0..6);
    rows.prop_map(|rows| {
        report(rows.into_iter().map(|(id, family, facts)| check(&id, family, &json!(facts))).collect::<Vec<_>>())
    })
}

proptest! {
    #[test]
    fn a_report_does_not_differ_from_itself(record in any_report()) {
        let changes = compare(&record, &record, &Rules::parse(&["*:*=same"]).unwrap());
        prop_assert_eq!((changes.facts, changes.checks, changes.left_out), (vec![], vec![], 0));
    }

    #[test]
    fn what_grew_one_way_shrank_the_other(before in any_value(), after in any_value()) {
        let there = one("nobody's", &json!({"f": before}), &json!({"f": after}), &[]);
        let back = one("nobody's", &json!({"f": after}), &json!({"f": before}), &[]);
        prop_assert_eq!(there.facts.len(), back.facts.len());
        for (one, other) in there.facts.iter().zip(&back.facts) {
            let mirrored = match one.change {
                Shift::Changed => Shift::Changed,
                Shift::Grew => Shift::Shrank,
                Shift::Shrank => Shift::Grew,
                Shift::Appeared => Shift::Vanished,
                Shift::Vanished => Shift::Appeared,
            };
            prop_assert_eq!((&one.fact, &one.before, mirrored), (&other.fact, &other.after, other.change));
        }
    }
}
