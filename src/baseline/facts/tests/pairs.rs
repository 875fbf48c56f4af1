//! Which checks are compared with which, and what of them.

use serde_json::json;

use super::{check, one, report, with, words};
use crate::baseline::facts::{Rules, compare};
use crate::model::{CheckShift, Value};

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
        (json!({"age": "5", "x-cache": "HIT", "retry-after": "1"}), json!({}), ""),
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
        assert_eq!(changes.partial, ["s/a version"]);
    }
}
