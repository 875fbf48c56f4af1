//! Expectations of the families' own facts hold of values, whatever their spelling.

use serde_json::{Value, json};

use crate::checks::FAMILIES;
use crate::judge::judge;
use crate::model::Observation;
use crate::plan::Settings;
use crate::testing::{load, planned};

/// Whether the one expectation written holds of these facts, and how it reads.
#[track_caller]
fn holds(check: &str, expect: &str, facts: &Value) -> (bool, String) {
    // What the answers can be follows from the type that is asked for.
    let asked = facts.get("type").and_then(Value::as_str).map(|kind| format!(", type: {kind}}}"));
    let check = asked.map_or_else(|| check.to_owned(), |asked| check.replace('}', &asked));
    let text = format!("checks:\n  - id: a\n    {check}\n    expect: {{{expect}}}\n");
    let plan = planned(load(FAMILIES, &text, &[]), None, &Settings::default());
    let plan = plan.unwrap_or_else(|errors| panic!("{expect}: {errors}"));
    let case = &plan.cases[0];
    let mut observation = Observation::default();
    for (name, value) in facts.as_object().unwrap() {
        let info = case.family.facts.iter().find(|info| info.name == name).unwrap_or_else(|| panic!("{name}"));
        observation.set(info.name, value.clone());
    }
    let judgement = judge(case, &observation, None);
    let own = judgement.expectations.iter().find(|outcome| outcome.at.is_some()).unwrap();
    (own.held, own.sentence())
}

const DNS: &str = "dns: {server: 127.0.0.1, name: www.example}";
const TLS: &str = "tls: {host: 127.0.0.1, scan: true}";
const HTTP: &str = "http: {url: \"http://127.0.0.1:1/\", follow: 5}";
const TCP: &str = "tcp: {host: 127.0.0.1, port: 1}";

fn answers(kind: &str, data: &str) -> Value {
    json!({"type": kind, "answers": [data]})
}

/// Check, expectation, facts it holds of, facts it does not hold of.
type Row = (&'static str, &'static str, Value, Value);

fn names_and_texts() -> Vec<Row> {
    vec![
        (DNS, "answers: {exactly: [NS1.example]}", answers("NS", "ns1.EXAMPLE."), answers("NS", "ns2.example.")),
        (
            DNS,
            "answers: {contains: 10 Mail.example}",
            answers("MX", "10 mail.example."),
            answers("MX", "20 mail.example."),
        ),
        (DNS, "answers: {any: {eq: web.example}}", answers("CNAME", "WEB.example."), answers("CNAME", "w.example.")),
        (DNS, "answers: {eq: [host.example]}", answers("PTR", "Host.Example."), answers("PTR", "host.example.org.")),
        (
            DNS,
            "answers: {all: {in: [\"1 2 443 srv.example\", \"1 2 80 srv.example\"]}}",
            answers("SRV", "1 2 443 SRV.example."),
            answers("SRV", "1 2 44 srv.example."),
        ),
        (DNS, "answers: {contains: \"2001:DB8:0::1\"}", answers("AAAA", "2001:db8::1"), answers("AAAA", "2001:db8::2")),
        (DNS, "answers: {contains: \"192.0.2.1\"}", answers("A", "192.0.2.1"), answers("A", "192.0.2.11")),
        (DNS, "answers: {contains: v=spf1 -all}", answers("TXT", "\"v=spf1 -all\""), answers("TXT", "\"v=spf1 ~all\"")),
        (DNS, "answers: {contains: '\"v=spf1\"'}", answers("TXT", "\"v=spf1\""), answers("TXT", "\"V=SPF1\"")),
    ]
}

fn bytes_and_lists() -> Vec<Row> {
    vec![
        (
            DNS,
            "answers: {contains: 0 Issue ca.example}",
            answers("CAA", "0 issue \"ca.example\""),
            answers("CAA", "0 issue \"CA.example\""),
        ),
        (
            DNS,
            "answers: {contains: \"1 13 2 ab:cd ef\"}",
            answers("DS", "1 13 2 ABCDEF"),
            answers("DS", "1 13 2 ABCDE0"),
        ),
        (DNS, "answers: {contains: 3 1 1 0d6f ce}", answers("TLSA", "3 1 1 0D6FCE"), answers("TLSA", "3 1 1 0D6FC0")),
        (DNS, "answers: {contains: 4 2 abcd}", answers("SSHFP", "4 2 ABCD"), answers("SSHFP", "4 1 ABCD")),
        (DNS, "answers: {excludes: [ns9.example]}", answers("NS", "ns1.example."), answers("NS", "NS9.example.")),
        (DNS, "answers: {none: {eq: ns9.example}}", answers("NS", "ns1.example."), answers("NS", "NS9.Example.")),
        (
            DNS,
            "cname: {exactly: [bücher.example]}",
            json!({"cname": ["XN--bcher-kva.example."]}),
            json!({"cname": ["bucher.example."]}),
        ),
        (
            DNS,
            "cname: {eq: ['a\\ b.example']}",
            json!({"cname": ["a\\032b.example."]}),
            json!({"cname": ["a.b.example."]}),
        ),
        (
            DNS,
            "answers.records: {contains: WWW.example 300 IN A 192.0.2.1}",
            json!({"answers.records": ["www.example. 300 IN A 192.0.2.1"]}),
            json!({"answers.records": ["www.example. 60 IN A 192.0.2.1"]}),
        ),
        (DNS, "rcode: {in: [noerror]}", json!({"rcode": "NOERROR"}), json!({"rcode": "SERVFAIL"})),
    ]
}

const DIGEST: &str = "0d6fce3a1e2b3c4d5e6f708192a3b4c5d6e7f8090a1b2c3d4e5f60718293a4b5";

fn scans() -> Vec<Row> {
    let tls = |name: &str, value: &str| json!({name: value});
    vec![
        (
            TLS,
            "scan.ciphers: {excludes: [DES-CBC3-SHA]}",
            json!({"scan.ciphers": ["TLS_RSA_WITH_AES_128_CBC_SHA"]}),
            json!({"scan.ciphers": ["TLS_RSA_WITH_3DES_EDE_CBC_SHA"]}),
        ),
        (
            TLS,
            "scan.ciphers: {none: {contains: DES-CBC3}}",
            json!({"scan.ciphers": ["TLS_RSA_WITH_AES_128_CBC_SHA"]}),
            json!({"scan.ciphers": ["TLS_RSA_WITH_3DES_EDE_CBC_SHA"]}),
        ),
        (
            TLS,
            "scan.groups: {excludes: P-256}",
            json!({"scan.groups": ["x25519"]}),
            json!({"scan.groups": ["secp256r1"]}),
        ),
        (
            TLS,
            "scan.versions: {exactly: [TLSv1.2, tls1.3]}",
            json!({"scan.versions": ["TLS1.2", "TLS1.3"]}),
            json!({"scan.versions": ["TLS1.3"]}),
        ),
        (
            "dns: {server: 127.0.0.1, name: www.example, dnssec: validate}",
            "dnssec.algorithms: {contains: NSEC3RSASHA1}",
            json!({"dnssec.algorithms": ["RSASHA1-NSEC3-SHA1"]}),
            json!({"dnssec.algorithms": ["RSASHA1"]}),
        ),
        (TLS, "key: {ne: RSA-1024}", tls("key", "RSA 2048"), tls("key", "RSA 1024")),
        (
            TLS,
            "signature: {ne: sha1WithRSA}",
            tls("signature", "sha256WithRSAEncryption"),
            tls("signature", "sha1WithRSAEncryption"),
        ),
    ]
}

fn certificates() -> Vec<Row> {
    let tls = |name: &str, value: &str| json!({name: value});
    vec![
        (
            TLS,
            "fingerprint.sha256: \"0D:6F:CE:3A:1E:2B:3C:4D:5E:6F:70:81:92:A3:B4:C5:D6:E7:F8:09:0A:1B:2C:3D:4E:5F:60:71:82:93:A4:B5\"",
            tls("fingerprint.sha256", DIGEST),
            tls("fingerprint.sha256", &DIGEST.replace('0', "1")),
        ),
        (
            TLS,
            "spki.sha256: {in: [sha256//DW/OOh4rPE1eb3CBkqO0xdbn+AkKGyw9Tl9gcYKTpLU=]}",
            tls("spki.sha256", DIGEST),
            tls("spki.sha256", &DIGEST.replace('0', "1")),
        ),
        (
            TLS,
            "chain.spki: {contains: '0D:6F:CE:3A:1E:2B:3C:4D:5E:6F:70:81:92:A3:B4:C5:D6:E7:F8:09:0A:1B:2C:3D:4E:5F:60:71:82:93:A4:B5'}",
            json!({"chain.spki": ["DW/OOh4rPE1eb3CBkqO0xdbn+AkKGyw9Tl9gcYKTpLU="]}),
            json!({"chain.spki": ["AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="]}),
        ),
        (
            TLS,
            "issuer: \"CN=R3,O=Let's Encrypt,C=US\"",
            tls("issuer", "C=US, O=Let's Encrypt, CN=R3"),
            tls("issuer", "C=US, O=Let's Encrypt, CN=R4"),
        ),
        (
            TLS,
            "chain.subjects: {contains: 'O = \"Example, Inc.\", CN = ca'}",
            json!({"chain.subjects": ["O=Example\\, Inc., CN=ca"]}),
            json!({"chain.subjects": ["O=Example, CN=ca"]}),
        ),
        (TLS, "serial: \"00:AB\"", tls("serial", "ab"), tls("serial", "ac")),
        (TLS, "san: {contains: [WWW.Example]}", json!({"san": ["www.example"]}), json!({"san": ["www.example.org"]})),
        (TLS, "san: {contains: \"2001:DB8:0::1\"}", json!({"san": ["2001:db8::1"]}), json!({"san": ["2001:db8::2"]})),
        (TLS, "version: {ge: TLSv1.2}", tls("version", "TLS1.3"), tls("version", "TLS1.1")),
        (TLS, "version: TLSv1.2", tls("version", "TLS1.2"), tls("version", "TLS1.3")),
        (
            TLS,
            "cipher: tls_aes_128_gcm_sha256",
            tls("cipher", "TLS_AES_128_GCM_SHA256"),
            tls("cipher", "TLS_AES_256_GCM_SHA384"),
        ),
        (TLS, "address: \"0:0::1\"", tls("address", "::1"), tls("address", "::2")),
        (TCP, "address: \"::ffff:127.0.0.1\"", tls("address", "127.0.0.1"), tls("address", "127.0.0.2")),
    ]
}

fn headers_and_documents() -> Vec<Row> {
    let header = |name: &str, value: &str| json!({"headers": {name: value}});
    let tls = |name: &str, value: &str| json!({name: value});
    vec![
        (
            HTTP,
            "headers.content-type: text/html;charset=utf-8",
            header("content-type", "text/html; charset=UTF-8"),
            header("content-type", "text/html; charset=latin1"),
        ),
        (
            HTTP,
            "headers.location: https://WWW.example:443",
            header("location", "https://www.example/"),
            header("location", "http://www.example/"),
        ),
        (
            HTTP,
            "headers.strict-transport-security: {contains: includesubdomains}",
            header("strict-transport-security", "max-age=1; includeSubDomains"),
            header("strict-transport-security", "max-age=1"),
        ),
        (
            HTTP,
            "redirects: {contains: \"HTTP://www.example:80\"}",
            json!({"redirects": ["http://www.example/"]}),
            json!({"redirects": ["http://www.example/a"]}),
        ),
        (HTTP, "version: HTTP/2.0", tls("version", "HTTP/2"), tls("version", "HTTP/1.1")),
        (HTTP, "headers.content-length: {ge: 100}", header("content-length", "1024"), header("content-length", "99")),
        (
            HTTP,
            "headers.set-cookie: {excludes: HttpOnly}",
            json!({"headers": {"set-cookie": ["a=1; Secure"]}}),
            json!({"headers": {"set-cookie": ["a=1; Secure", "b=2; httponly"]}}),
        ),
        (
            HTTP,
            "headers.set-cookie: {contains: [a, \"b; Secure\"]}",
            json!({"headers": {"set-cookie": ["a=1; Path=/", "b=2; Secure"]}}),
            json!({"headers": {"set-cookie": ["a=1; Secure", "b=2"]}}),
        ),
        (HTTP, "headers.x-limit: 100", header("x-limit", "100"), header("x-limit", "1000")),
        (HTTP, "headers.x-limit: {between: [9, 100]}", header("x-limit", "10"), header("x-limit", "101")),
        (HTTP, "headers.server: {ge: nginx/1.9}", header("server", "nginx/1.10.0"), header("server", "nginx/1.8")),
        (HTTP, "headers.x-version: {gt: 1.9}", header("x-version", "1.10"), header("x-version", "1.9")),
        (HTTP, "headers.x-version: 1.10", header("x-version", "v1.10"), header("x-version", "1.1")),
        (
            HTTP,
            "body.json.version: {ge: \"1.9.0\"}",
            json!({"body.json": {"version": "1.10.0"}}),
            json!({"body.json": {"version": "1.8.9"}}),
        ),
    ]
}

#[test]
fn what_is_one_value_holds_and_what_is_another_does_not() {
    for (check, expect, good, bad) in
        [names_and_texts(), bytes_and_lists(), certificates(), scans(), headers_and_documents()].concat()
    {
        let (held, text) = holds(check, expect, &good);
        assert!(held, "{expect} of {good}: {text}");
        let (held, text) = holds(check, expect, &bad);
        assert!(!held, "{expect} of {bad}: {text}");
    }
}

#[test]
fn what_is_wrong_with_what_was_seen_is_named() {
    let texts = json!({"answers.text": ["a", "b"]});
    let spf = answers("TXT", "\"v=spf1\"");
    for (check, expect, facts, why) in [
        (DNS, "answers.text: {all: {matches: \"^a\"}}", &texts, "(not so: b)"),
        (DNS, "answers.text: {none: {matches: \"^b\"}}", &texts, "(found: b)"),
        (DNS, "answers.text: {contains: [a, c, d]}", &texts, "(missing: c, d)"),
        (DNS, "answers: {any: {matches: \"^v=spf1$\"}}", &spf, "the quotation marks are part of the text"),
        (TLS, "issuer: \"CN=a, C=US\"", &json!({"issuer": "C=US, CN=a"}), "the same but for the order of its parts"),
    ] {
        let (held, text) = holds(check, expect, facts);
        assert!(!held && text.contains(why), "{expect}: {text}");
    }
}

#[test]
fn numbers_beyond_any_machine_word_are_exact() {
    for (want, other) in [
        ("18446744073709551616", "18446744073709551617"),
        ("-9223372036854775809", "-9223372036854775808"),
        ("-9223372036854775808", "-9223372036854775807"),
        ("1e400", "1e401"),
        ("9007199254740993", "9007199254740992"),
        ("0.1", "0.10000000000000000000001"),
        ("123456789012345678901234567890.5", "123456789012345678901234567890.25"),
    ] {
        let body = |number: &str| serde_json::from_str(&format!("{{\"body.json\": {{\"n\": {number}}}}}")).unwrap();
        for expect in [format!("body.json.n: {want}"), format!("body.json.n: {{in: [{want}]}}")] {
            assert!(holds(HTTP, &expect, &body(want)).0, "{expect}");
            let (held, text) = holds(HTTP, &expect, &body(other));
            let seen = text.replace("e+", "e");
            assert!(!held && seen.ends_with(&format!("saw {other}")), "{expect}: {text}");
        }
        let list = |number: &str| serde_json::from_str(&format!("{{\"body.json\": {{\"n\": [{number}]}}}}")).unwrap();
        let contains = format!("body.json.n: {{contains: {want}}}");
        assert!(holds(HTTP, &contains, &list(want)).0 && !holds(HTTP, &contains, &list(other)).0, "{contains}");
    }
    let length = |count: u64| json!({"chain.length": count});
    assert!(!holds(TLS, "chain.length: 9007199254740993", &length(9_007_199_254_740_992)).0);
    assert!(holds(TLS, "chain.length: 9007199254740993", &length(9_007_199_254_740_993)).0);
}
