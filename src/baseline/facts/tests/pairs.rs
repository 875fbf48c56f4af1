//! Which checks are compared with which, and what of them.

use serde_json::json;

use super::{check, one, report, with, words};
use crate::baseline::facts::{Rules, compare};
use crate::model::{Changes, CheckShift, Value};

/// What a new name must not hide.
#[test]
fn facts_of_a_renamed_check_are_compared() {
    let side = |id: &str, text: &str| {
        report(vec![with(check(id, "dns", &json!({"answers": [text]})), &json!({"digest": "d7"}))])
    };
    let changes = compare(&side("spf", "v=spf1 -all"), &side("spf-record", "v=spf1 +all"), &Rules::default());
    assert_eq!(words(&changes), ["answers changed not allowed"]);
    assert_eq!((changes.checks[0].change, changes.compared), (CheckShift::Renamed, 1));
    let twins = |id: [&str; 2]| {
        report(id.map(|id| with(check(id, "dns", &json!({"answers": [id]})), &json!({"digest": "d7"}))).to_vec())
    };
    let changes = compare(&twins(["a", "b"]), &twins(["c", "d"]), &Rules::default());
    assert_eq!((changes.worse, changes.compared), (2, 0), "two vanished: nobody knows which is which");
}

#[test]
fn where_a_check_looks_is_no_fact_of_what_it_saw() {
    let side = |url: &str, server: &str| {
        let facts = json!({"url": url, "headers": {"x-from": server}});
        report(vec![with(check("a", "http", &facts), &json!({"target": url}))])
    };
    let changes = compare(&side("http://old/x", "one"), &side("http://new/x", "one"), &Rules::default());
    assert_eq!(words(&changes), Vec::<String>::new());
    assert_eq!(changes.checks[0].change, CheckShift::Target);
    let changes = compare(
        &side("http://old/x", "one"),
        &side("http://new/x", "two"),
        &Rules::parse(&["a:headers.x-from=same"]).unwrap(),
    );
    assert_eq!(words(&changes), ["headers.x-from changed not allowed"]);
}

#[test]
fn a_header_or_an_attribute_of_a_cookie_that_is_gone_is_a_change() {
    let headers = |value: &Value| json!({"headers": value});
    let cookies = |text: &str| json!({"set-cookie": [text], "date": "x"});
    let full = "sid=1; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=5";
    let rows = [
        (json!({"etag": "a", "date": "x"}), json!({"etag": "b", "date": "y"}), ""),
        (
            json!({"etag": "a", "content-security-policy": "x"}),
            json!({"etag": "a"}),
            "headers.content-security-policy vanished not allowed",
        ),
        (json!({"etag": "a"}), json!({}), "headers.etag vanished not allowed"),
        (json!({}), json!({"etag": "a"}), ""),
        // There by the answer, not by the service.
        (json!({"age": "5", "retry-after": "1", "traceparent": "00-1", "x-b3-sampled": "1"}), json!({}), ""),
        (json!({"x-cache": "HIT"}), json!({}), "headers.x-cache vanished not allowed"),
        (json!({"via": "1.1 a"}), json!({}), "headers.via vanished not allowed"),
        (json!({"content-length": "5"}), json!({}), "headers.content-length vanished not allowed"),
        (json!({"x-ratelimit-limit": "5"}), json!({}), "headers.x-ratelimit-limit vanished not allowed"),
        (cookies(full), cookies("sid=2; path=/; secure; httponly; samesite=lax; max-age=9"), ""),
        (
            cookies(full),
            cookies("sid=2; Path=/; HttpOnly; SameSite=Lax; Max-Age=5"),
            "headers.set-cookie vanished not allowed",
        ),
        (
            cookies(full),
            cookies("sid=2; Path=/; Secure; HttpOnly; SameSite=None; Max-Age=5"),
            "headers.set-cookie vanished not allowed",
        ),
        (cookies(full), cookies("other=2; Path=/"), "headers.set-cookie vanished not allowed"),
        (cookies("sid=1"), cookies(full), ""),
        (cookies(full), json!({"date": "x"}), "headers.set-cookie vanished not allowed"),
    ];
    for (before, after, want) in rows {
        let changes = one("http", &headers(&before), &headers(&after), &[]);
        assert_eq!(words(&changes).join(", "), want, "{before} -> {after}");
        let ignored = one("http", &headers(&before), &headers(&after), &["a:headers=ignore"]);
        assert_eq!(words(&ignored), Vec::<String>::new());
    }
}

#[test]
fn what_was_seen_in_part_is_named_and_not_compared() {
    let side = |body: &str, partial: &Value| {
        let facts = json!({"version": body, "group": body});
        report(vec![with(check("a", "tls", &facts), &json!({"partial": partial}))])
    };
    let (whole, part) = (json!({}), json!({"version": "cut at 64 KiB"}));
    for (before, after) in [(&whole, &part), (&part, &whole), (&part, &part)] {
        let changes = compare(&side("x", before), &side("y", after), &Rules::parse(&["a:group=same"]).unwrap());
        assert_eq!(words(&changes), ["group changed not allowed"]);
        let partial: Vec<_> = changes.partial.iter().map(|one| (&*one.check, &*one.fact, &*one.why)).collect();
        assert_eq!(partial, [("a", "version", "cut at 64 KiB")]);
    }
}

/// What describes one thing, and what another outcome took with it, says so: it has one reason.
#[test]
fn what_changes_for_one_reason_is_marked() {
    let part_of = |changes: &Changes| -> Vec<(String, Option<String>)> {
        changes.facts.iter().map(|one| (one.fact.clone(), one.part_of.as_deref().map(str::to_owned))).collect()
    };
    let shown = |serial: &str| json!({"outcome": "completed", "version": serial, "serial": serial, "subject": serial});
    let swapped = one("tls", &shown("01"), &shown("02"), &[]);
    let certificate = Some("certificate".to_owned());
    assert_eq!(
        part_of(&swapped),
        [("serial", &certificate), ("subject", &certificate), ("version", &None)]
            .map(|(name, of)| (name.to_owned(), of.clone()))
    );
    let gone = one("tls", &shown("01"), &json!({"outcome": "refused", "version": "02"}), &[]);
    let outcome = Some("outcome".to_owned());
    let of = |name: &str| part_of(&gone).into_iter().find(|(fact, _)| fact == name).unwrap().1;
    assert_eq!((of("outcome"), of("serial"), of("version")), (outcome.clone(), outcome, None));
}

#[test]
fn a_zone_that_went_on_is_no_change_and_one_that_went_back_is() {
    let soa = |serial: u32, mname: &str| json!({"type": "SOA", "answers": [format!("{mname} host.z. {serial} 3600 600 604800 60")]});
    for (before, after, want) in [
        (7, 8, "answers grew allowed"),
        (u32::MAX, 3, "answers grew allowed"),
        (8, 7, "answers shrank not allowed"),
        (3, u32::MAX, "answers shrank not allowed"),
        (0, 1 << 31, "answers changed not allowed"),
        (7, 7, ""),
    ] {
        let changes = one("dns", &soa(before, "ns1.z."), &soa(after, "NS1.z."), &[]);
        assert_eq!(words(&changes).join(", "), want, "{before} {after}");
        let alone = |serial: u32| json!({"serial": serial});
        let changes = one("dns", &alone(before), &alone(after), &[]);
        assert_eq!(words(&changes).join(", "), want.replace("answers", "serial"), "{before} {after}");
    }
    assert_eq!(words(&one("dns", &soa(7, "ns1.z."), &soa(8, "ns2.z."), &[])), ["answers changed not allowed"]);
    assert_eq!(
        words(&one("dns", &soa(7, "ns1.z."), &soa(8, "ns1.z."), &["a:answers=same"])),
        ["answers grew not allowed"]
    );
}

#[test]
fn the_ttl_of_an_authority_is_compared_and_that_of_a_cache_is_not() {
    let side = |aa: bool, low: f64, high: f64| {
        let ttl = json!({"unit": "s", "count": 2, "min": low, "mean": low, "p50": low, "p90": high, "p95": high, "p99": high,
                         "max": high, "stddev": 0.0});
        json!({"flags": if aa { json!(["qr", "aa"]) } else { json!(["qr", "ra"]) }, "ttl": ttl})
    };
    let changes = |before: &Value, after: &Value| words(&one("dns", before, after, &["a:flags=ignore"]));
    let (none, changed) = (Vec::<String>::new(), ["ttl.p50 shrank not allowed"]);
    assert_eq!(changes(&side(true, 300.0, 300.0), &side(true, 60.0, 300.0)), changed);
    assert_eq!(changes(&side(true, 300.0, 300.0), &side(true, 300.0, 301.0)), ["ttl.max grew not allowed"]);
    assert_eq!(changes(&side(true, 300.0, 300.0), &side(true, 300.0, 300.0)), none);
    assert_eq!(changes(&side(false, 300.0, 300.0), &side(false, 17.0, 300.0)), none, "a cache counts down");
    assert_eq!(changes(&side(true, 300.0, 300.0), &side(false, 17.0, 300.0)), none, "one side is a cache");
}
