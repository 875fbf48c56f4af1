//! No message says "expected 5, saw 5": what looks alike is told apart, whatever the operator.

use serde_json::{Value, json};

use super::{expecting, judged, with};

/// What a reader overlooks is taken away.
fn as_read(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric() || *c == '.').flat_map(char::to_lowercase).collect()
}

/// Operands as a suite writes them, many of which read alike.
const WANTS: [&str; 14] = [
    "5",
    "\"5\"",
    "\"5 \"",
    "true",
    "\"true\"",
    "\"ok\"",
    "\"OK\"",
    "\"o k\"",
    "\"a\\r\\nb\"",
    "\"a\\nb\"",
    "\"caf\u{e9}\"",
    "1.10",
    "18446744073709551617",
    "\"'ok'\"",
];

fn values() -> Vec<Value> {
    let scalars = [
        json!(5),
        json!("5"),
        json!(5.5),
        json!(true),
        json!("true"),
        json!("ok"),
        json!("OK"),
        json!("ok "),
        json!("o\u{200b}k"),
        json!("a\nb"),
        json!("a\r\nb"),
        json!("cafe\u{301}"),
        json!("1.10"),
        json!("18446744073709551617"),
        serde_json::from_str("18446744073709551616").unwrap(),
    ];
    let lists = scalars.clone().map(|value| json!([value])).into_iter();
    scalars.into_iter().chain(lists).chain([json!(["ok", "ok"]), json!(["ok, ok"])]).collect()
}

#[test]
fn what_looks_alike_is_told_apart_by_every_operator() {
    let (mut failed, mut alike) = (0, 0);
    for operator in ["eq: W", "in: [W]", "contains: [W]", "exactly: [W]", "any: {eq: W}", "all: {eq: W}", "eq: [W]"] {
        for want in WANTS {
            let case = expecting(&format!("ok: true, body.x: {{{}}}", operator.replace('W', want)));
            for value in values() {
                let judgement = judged(&case, [with("body", &json!({"x": value}))]);
                let Some(outcome) = judgement.expectations.iter().find(|outcome| !outcome.held) else { continue };
                failed += 1;
                let got = outcome.got.clone().unwrap();
                let text = outcome.sentence();
                let (bare, seen) = (outcome.want.trim_start_matches("{eq: "), got.split(" (").next().unwrap());
                if as_read(bare) == as_read(seen) {
                    alike += 1;
                    assert_ne!(seen, got, "{operator} {want} of {value}: {text}");
                }
            }
        }
    }
    assert!(failed > 1000 && alike > 100, "{failed} {alike}");
}

#[test]
fn the_difference_is_named() {
    for (expect, seen, told) in [
        ("body.x: 5", json!("5"), "saw 5 (a text, not a number)"),
        ("body.x: \"5\"", json!(5), "saw 5 (a number, not a text)"),
        ("body.x: {ne: 5}", json!("5"), "expected anything but 5, saw 5 (a text, not a number)"),
        ("body.x: {le: 5}", json!("5"), "expected at most 5, saw 5 (a text, not a number)"),
        ("body.x: {between: [4, 5]}", json!("5"), "saw 5 (a text, not a number)"),
        ("body.x: {contains: [5]}", json!(["5"]), "saw [5] (5: a text, not a number)"),
        ("body.x: {excludes: [5]}", json!(["5"]), "saw [5] (5: a text, not a number)"),
        ("body.x: {exactly: [5]}", json!(["5"]), "saw [5] (5: a text, not a number)"),
        ("body.x: {any: {eq: 5}}", json!(["5"]), "saw [5] (5: a text, not a number)"),
        ("body.x: ok", json!("OK"), "saw OK (the same but for upper and lower case)"),
        ("body.x: {in: [ok, good]}", json!("ok "), "saw ok  (the same but for blanks)"),
        ("body.x: \"caf\u{e9}\"", json!("cafe\u{301}"), "(the same but for the Unicode form (NFC or NFD))"),
        ("body.x: \"a\\nb\"", json!("a\r\nb"), "(the same but for line ends)"),
        ("body.x: {exactly: [\"a, b\"]}", json!(["a", "b"]), "(2 elements, not 1)"),
        ("age: {le: 20ms}", json!(0.020_000_1), "at most 20ms, saw 20 ms (exactly 0.0200001s, where 0.02s is wanted)"),
        ("banner: {eq: \"220 ready\"}", json!("220 READY"), "(the same but for upper and lower case)"),
    ] {
        let fact = expect.split([':', '.']).next().unwrap();
        let value = if fact == "body" { json!({"x": seen}) } else { seen };
        let reason = judged(&expecting(&format!("ok: true, {expect}")), [with(fact, &value)]).reason.unwrap();
        assert!(reason.contains(told), "{expect} of {value}: {reason}");
    }
}
