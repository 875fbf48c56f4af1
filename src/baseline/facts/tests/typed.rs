//! Facts in two spellings are no change.

use serde_json::json;

use super::words;
use crate::model::Value;

/// Family, facts, the same in another spelling, others.
type Row = (&'static str, Value, Value, Value);

fn records() -> Vec<Row> {
    let answers = |kind: &str, one: &str| json!({"type": kind, "answers": [one]});
    vec![
        ("dns", answers("MX", "10 Mail.Example."), answers("MX", "10 mail.example."), answers("MX", "10 mx.example.")),
        ("dns", answers("NS", "NS1.example."), answers("NS", "ns1.Example."), answers("NS", "ns2.example.")),
        ("dns", answers("AAAA", "2001:DB8:0::1"), answers("AAAA", "2001:db8::1"), answers("AAAA", "2001:db8::2")),
        (
            "dns",
            answers("CAA", "0 ISSUE \"ca.example\""),
            answers("CAA", "0 issue \"ca.example\""),
            answers("CAA", "0 issue \"CA.example\""),
        ),
        ("dns", answers("DS", "1 13 2 abcd"), answers("DS", "1 13 2 AB CD"), answers("DS", "1 13 2 ABCE")),
        ("dns", answers("TXT", "\"a\""), answers("TXT", "\"\\097\""), answers("TXT", "\"A\"")),
        (
            "dns",
            json!({"cname": ["WWW.example."]}),
            json!({"cname": ["www.Example."]}),
            json!({"cname": ["web.example."]}),
        ),
    ]
}

fn others() -> Vec<Row> {
    vec![
        (
            "tls",
            json!({"fingerprint.sha256": "AB:CD"}),
            json!({"fingerprint.sha256": "abcd"}),
            json!({"fingerprint.sha256": "abce"}),
        ),
        ("tls", json!({"serial": "00ab"}), json!({"serial": "AB"}), json!({"serial": "ac"})),
        (
            "tls",
            json!({"san": ["WWW.example", "2001:DB8::1"]}),
            json!({"san": ["2001:db8:0::1", "www.example"]}),
            json!({"san": ["www.example"]}),
        ),
        (
            "http",
            json!({"headers": {"x-limit": "100"}}),
            json!({"headers": {"x-limit": "100.0"}}),
            json!({"headers": {"x-limit": "101"}}),
        ),
        (
            "http",
            json!({"headers": {"x-version": "v1.10"}}),
            json!({"headers": {"x-version": "1.10.0"}}),
            json!({"headers": {"x-version": "1.1"}}),
        ),
        (
            "tcp",
            json!({"addresses": ["::FFFF:192.0.2.1"]}),
            json!({"addresses": ["192.0.2.1"]}),
            json!({"addresses": ["192.0.2.2"]}),
        ),
    ]
}

#[test]
fn facts_are_compared_as_what_they_are() {
    for (family, one, same, other) in [records(), others()].concat() {
        assert_eq!(words(&super::one(family, &one, &same, &[])), Vec::<String>::new(), "{one} {same}");
        assert_eq!(words(&super::one(family, &same, &one, &[])), Vec::<String>::new(), "{same} {one}");
        assert_eq!(words(&super::one(family, &one, &other, &[])).len(), 1, "{one} {other}");
    }
}

#[test]
fn numbers_and_versions_are_compared_by_value() {
    let big = |text: &str| serde_json::from_str::<Value>(&format!("{{\"body.json\": {{\"n\": {text}}}}}")).unwrap();
    let changes = |one: &str, other: &str| words(&super::one("http", &big(one), &big(other), &["a:body.json.n=same"]));
    assert_eq!(changes("18446744073709551616", "18446744073709551617"), ["body.json.n grew not allowed"]);
    assert_eq!(changes("1e401", "1e400"), ["body.json.n shrank not allowed"]);
    assert_eq!(changes("18446744073709551616", "18446744073709551616.0"), Vec::<String>::new());
    let version = |text: &str| json!({"headers": {"server": text}});
    let grown = super::one("http", &version("nginx/1.9.15"), &version("nginx/1.10.0"), &["a:headers.server=may_grow"]);
    assert_eq!(words(&grown), ["headers.server grew allowed"], "1.10 comes after 1.9");
}
