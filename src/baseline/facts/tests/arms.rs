//! Two arms of one report, and checks that recovered.

use serde_json::json;

use super::{check, report, with, words};
use crate::baseline::facts::{Rules, arms, compare};
use crate::model::reduced::Report;

#[test]
fn both_arms_of_one_report() {
    let base = json!({"target": "192.0.2.9:443", "verdict": "passed", "reason": null,
                      "facts": {"version": "TLS1.3", "address": "192.0.2.9"}});
    let head = with(check("a", "tls", &json!({"version": "TLS1.2", "address": "192.0.2.1"})), &json!({"base": base}));
    let lost = json!({"target": "x", "verdict": "errored", "reason": "no route", "facts": {}});
    let other = with(check("b", "tls", &json!({"version": "TLS1.2"})), &json!({"base": lost}));
    let record = report(vec![head, other, check("c", "tls", &json!({}))]);
    let changes = arms(&record, &Rules::default());
    assert_eq!(words(&changes), ["version shrank not allowed"]);
    assert_eq!((changes.checks.len(), changes.checks[0].reason_before.as_deref()), (1, Some("no route")));
    assert_eq!(changes.compared, 1);
}

/// What either arm saw in part is named, and not compared; what lies beside it is.
#[test]
fn what_an_arm_saw_in_part_is_not_compared() {
    let of = |base: serde_json::Value, head: serde_json::Value| {
        let facts = |answers: &[&str]| json!({"answers": answers, "rcode": if answers.len() > 1 { "NOERROR" } else { "SERVFAIL" }});
        let arm = json!({"target": "t", "verdict": "passed", "reason": null, "facts": facts(&["192.0.2.1"]), "partial": base});
        let head = json!({"base": arm, "partial": head});
        let check = with(check("a", "dns", &facts(&["192.0.2.1", "192.0.2.2"])), &head);
        let changes = arms(&report(vec![check]), &Rules::default());
        (words(&changes).len(), changes.partial.len())
    };
    let cut = || json!({"answers": "the reply was truncated"});
    assert_eq!(of(json!({}), json!({})), (2, 0));
    for (base, head) in [(cut(), json!({})), (json!({}), cut()), (cut(), cut())] {
        assert_eq!(of(base, head), (1, 1));
    }
}

#[test]
fn what_was_mended_may_differ() {
    let report_of = |outcome: &str, verdict: &str| {
        let check = check("a", "tcp", &json!({"outcome": outcome}));
        report(vec![with(check, &json!({"verdict": verdict}))])
    };
    let allowed = |before: &Report, after: &Report| {
        let changes = compare(before, after, &Rules::default());
        changes.facts.iter().map(|row| (row.fact.clone(), row.allowed)).collect::<Vec<_>>()
    };
    let (dead, alive) = (report_of("refused", "failed"), report_of("connected", "passed"));
    assert_eq!(allowed(&dead, &alive), [("outcome".to_owned(), true)]);
    assert_eq!(allowed(&alive, &dead), [("outcome".to_owned(), false)]);
    assert_eq!(allowed(&alive, &report_of("closed", "passed")), [("outcome".to_owned(), false)]);
}

#[test]
fn that_the_arms_have_two_targets_is_no_change() {
    let facts = |url: &str| json!({"url": url, "status": 200});
    let arm = |url: &str| json!({"target": "http://a:1/", "verdict": "passed", "reason": null, "facts": facts(url)});
    let at = |base: &str, head: &str| {
        let check = with(check("a", "http", &facts(head)), &json!({"target": "http://b:2/", "base": arm(base)}));
        words(&arms(&report(vec![check]), &Rules::default()))
    };
    assert!(at("http://a:1/", "http://b:2/").is_empty());
    assert_eq!(at("http://a:1/", "http://elsewhere/"), ["url changed not allowed"]);
}
