//! Every operator against a value that holds, one that does not, none at all, and several rounds of them.

use serde_json::{Value, json};

use super::{expecting, judged, with};
use crate::model::Verdict;

/// Fact, expectation, a value that holds, one that does not, and what the breach says.
type Row = (&'static str, &'static str, Value, Value, &'static str);

fn numbers() -> Vec<Row> {
    vec![
        ("hops", "hops: 3", json!(3), json!(4), "hops: expected 3, saw 4"),
        ("hops", "hops: {eq: 3}", json!(3), json!(4), "hops: expected 3, saw 4"),
        ("hops", "hops: {ne: 3}", json!(4), json!(3), "hops: expected anything but 3, saw 3"),
        ("hops", "hops: {lt: 3}", json!(2), json!(3), "hops: expected less than 3, saw 3"),
        ("hops", "hops: {le: 3}", json!(3), json!(4), "hops: expected at most 3, saw 4"),
        ("hops", "hops: {gt: 3}", json!(4), json!(3), "hops: expected more than 3, saw 3"),
        ("hops", "hops: {ge: 3}", json!(3), json!(2), "hops: expected at least 3, saw 2"),
        ("hops", "hops: {between: [2, 3]}", json!(3), json!(4), "hops: expected between 2 and 3, saw 4"),
        ("hops", "hops: {in: [2, 3]}", json!(2), json!(4), "hops: expected one of [2, 3], saw 4"),
        ("hops", "hops: {not_in: [2, 3]}", json!(4), json!(2), "hops: expected none of [2, 3], saw 2"),
        ("age", "age: {le: 20ms}", json!(0.02), json!(0.021), "age: expected at most 20ms, saw 21 ms"),
        ("loss", "loss: {lt: 1%}", json!(0.009), json!(0.01), "loss: expected less than 1%, saw 1%"),
    ]
}

fn texts_and_lists() -> Vec<Row> {
    vec![
        ("level", "level: {ge: middle}", json!("high"), json!("low"), "level: expected at least middle, saw low"),
        ("level", "level: {matches: h.*}", json!("high"), json!("low"), "level: expected a match of h.*, saw low"),
        (
            "banner",
            "banner: {matches: ^220}",
            json!("220 x"),
            json!("x 220"),
            "banner: expected a match of ^220, saw x 220",
        ),
        (
            "banner",
            "banner: {not_matches: ^220}",
            json!("x 220"),
            json!("220 x"),
            "banner: expected no match of ^220, saw 220 x",
        ),
        ("banner", "banner: {contains: b}", json!("abc"), json!("ac"), "banner: expected to contain b, saw ac"),
        ("banner", "banner: {excludes: b}", json!("ac"), json!("abc"), "banner: expected not to contain b, saw abc"),
        (
            "banner",
            "banner: {len: {le: 2}}",
            json!("ac"),
            json!("abc"),
            "banner: expected a length of at most 2, saw abc",
        ),
        ("names", "names: {contains: [a]}", json!(["a", "b"]), json!(["b"]), "names: expected to contain [a], saw [b]"),
        ("names", "names: {excludes: [a]}", json!(["b"]), json!(["a"]), "names: expected not to contain [a], saw [a]"),
        (
            "names",
            "names: {exactly: [a, b]}",
            json!(["b", "a"]),
            json!(["a"]),
            "names: expected exactly [a, b], saw [a] (missing: b)",
        ),
        (
            "since",
            "since: {ge: \"2026-01-01T00:00:00Z\"}",
            json!("2026-01-01T01:00:00+01:00"),
            json!("2025-12-31T23:59:59Z"),
            "",
        ),
        ("banner", "banner: {present: true}", json!("x"), json!(null), ""),
        ("body", "body.status.code: {lt: 500}", json!({"status": {"code": 200}}), json!({"status": {"code": 500}}), ""),
        ("body", "body.list: {any: {eq: b}}", json!({"list": ["a", "b"]}), json!({"list": ["a"]}), ""),
        ("names", "names: {any: {eq: b}}", json!(["a", "b"]), json!(["a"]), ""),
        ("names", "names: {all: {matches: \"^a\"}}", json!(["a", "ab"]), json!(["a", "b"]), ""),
        ("names", "names: {none: {eq: b}}", json!(["a"]), json!(["a", "b"]), ""),
        ("hops", "hops: {all_of: [{gt: 1}, {lt: 5}]}", json!(3), json!(5), ""),
        ("hops", "hops: {any_of: [{lt: 1}, {gt: 5}]}", json!(6), json!(5), ""),
        ("hops", "hops: {not: {in: [1, 2]}}", json!(3), json!(2), ""),
        (
            "latency",
            "latency.p50: {le: 2ms}",
            json!([0.001, 0.002, 0.009]),
            json!([0.003]),
            "latency.p50: expected at most 2ms, saw 3 ms",
        ),
        ("latency", "latency.count: {ge: 2}", json!([0.1, 0.2]), json!([0.1]), ""),
    ]
}

fn table() -> Vec<Row> {
    [numbers(), texts_and_lists()].concat()
}

#[test]
fn a_value_holds_or_says_why_not() {
    for (fact, expect, good, bad, reason) in table() {
        let case = expecting(&format!("ok: true, {expect}"));
        let held = judged(&case, [with(fact, &good)]);
        assert_eq!((held.verdict, held.reason), (Verdict::Passed, None), "{expect} of {good}");
        assert!(held.expectations.iter().all(|outcome| outcome.held), "{expect} of {good}");
        if bad.is_null() {
            continue;
        }
        let broken = judged(&case, [with(fact, &bad)]);
        assert_eq!(broken.verdict, Verdict::Failed, "{expect} of {bad}");
        if !reason.is_empty() {
            assert_eq!(broken.reason.as_deref(), Some(reason));
        }
    }
}

/// Who misses a key reads which ones are there; of a null and of another kind, why a negation does not hold either.
#[test]
fn what_is_there_in_place_of_a_key_is_told() {
    let body = json!({"ok": true, "body": {"db": {"up": true, "n": null}, "list": [1], "word": "five"}});
    let many: serde_json::Map<_, _> = (0..50).map(|n| (format!("{n:02}{}", "k".repeat(90)), json!(n))).collect();
    for (expect, want) in [
        ("body.version: x", "body.version: expected x, saw no `version`; there are db, list, word"),
        ("body.db.size: 5", "body.db.size: expected 5, saw no `size` in `db`; there are n, up"),
        ("body.db.up.x: 5", "body.db.up.x: expected 5, saw no `x` in `db.up`, which is true or false"),
        ("body.list.3: 5", "body.list.3: expected 5, saw no element 3 in `list`; there are 1"),
        (
            "body.version: {ne: 5}",
            "body.version: expected anything but 5, saw no `version`; there are db, list, word (what is not there satisfies \
             `present: false` alone)",
        ),
        ("body.db.n: {ne: 5}", "body.db.n: expected anything but 5, saw null (not compared with a number)"),
        ("body.word: {ne: 5}", "body.word: expected anything but 5, saw five (a text, not compared with a number)"),
    ] {
        assert_eq!(judged(&expecting(expect), [body.clone()]).reason.as_deref(), Some(want));
    }
    let told = judged(&expecting("body.x: 5"), [json!({"ok": true, "body": many})]).reason.unwrap();
    assert!(told.ends_with("42 more") && told.len() < 500, "{told}");
}

/// Neither an operator nor its negation holds of a fact that is not there.
#[test]
fn an_absent_fact_never_holds() {
    for (fact, expect, ..) in table() {
        let broken = judged(&expecting(&format!("ok: true, {expect}")), [with(fact, &Value::Null)]);
        assert_eq!(broken.verdict, Verdict::Failed, "{expect}");
        let reason = broken.reason.unwrap();
        assert!(reason.contains("saw nothing"), "{expect}: {reason}");
    }
    let null = judged(&expecting("ok: true, names: {excludes: [a]}"), [json!({"ok": true, "names": null})]);
    assert_eq!(null.verdict, Verdict::Failed, "null is absent");
}

#[test]
fn only_present_false_holds_of_what_is_absent() {
    for fact in ["hops", "banner", "names", "body"] {
        let case = expecting(&format!("ok: true, {fact}: {{present: false}}"));
        assert_eq!(judged(&case, [json!({"ok": true})]).verdict, Verdict::Passed, "{fact}");
        let there = judged(&case, [with(fact, &json!("x"))]);
        assert_eq!(there.reason.unwrap(), format!("{fact}: expected present: false, saw x"));
    }
    // Nothing can be absent from a document that never came.
    let case = expecting("ok: true, body.error: {present: false}");
    assert_eq!(judged(&case, [with("body", &json!({"status": 1}))]).verdict, Verdict::Passed);
    assert_eq!(judged(&case, [with("body", &json!({"error": 1}))]).verdict, Verdict::Failed);
    // Nor from one of which more follows.
    let cut = json!({"ok": true, "body": {"status": 1}, "partial": {"body": "the body was cut"}});
    assert_eq!(judged(&case, [cut]).verdict, Verdict::Errored);
    let none = judged(&case, [json!({"ok": true})]);
    assert_eq!(none.reason.unwrap(), "body.error: expected present: false, saw nothing: there is no `body`");
}

/// One to three rounds, each of which holds, does not, or has nothing: all of them must hold.
#[test]
fn every_round_must_hold() {
    for (fact, expect, good, bad, _) in table() {
        if bad.is_null() || fact == "latency" {
            continue;
        }
        let case = expecting(&format!("ok: true, {expect}"));
        let round = |index: usize| with(fact, [&good, &bad, &Value::Null][index]);
        for code in 0..27_usize {
            let kinds = [code % 3, code / 3 % 3, code / 9];
            let want = if kinds == [0, 0, 0] { Verdict::Passed } else { Verdict::Failed };
            let judgement = judged(&case, kinds.map(round));
            assert_eq!(judgement.verdict, want, "{expect}: {kinds:?}");
            let first = kinds.iter().position(|kind| *kind != 0);
            if let Some(first) = first.filter(|first| kinds[*first] == 1) {
                let place = format!(" in round {} of 3", first + 1);
                let reason = judgement.reason.unwrap();
                assert!(reason.ends_with(&place), "{expect}: {kinds:?}: {reason}");
            }
        }
    }
}
