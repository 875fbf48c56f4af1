//! What IPv4 and IPv6 show, as rounds that no network made, and what is said of it.

use serde_json::{Value, json};

use crate::assess::Assessor;
use crate::checks::FAMILIES;
use crate::engine::Assess as _;
use crate::judge;
use crate::model::observation::KEPT_OF_EACH;
use crate::model::record::Timing;
use crate::model::{Arm, CheckRecord, Fault, Observation, Round, Verdict};
use crate::plan::{Case, Plan, Settings};
use crate::testing::{load, planned};

fn plan(more: &str) -> Plan {
    let check = format!("checks:\n  - {{id: a, parity: true, http: {{url: \"http://www.example/\"}}{more}}}\n");
    planned(load(FAMILIES, &check, &[]), None, &Settings::default()).unwrap()
}

/// Answers by IP version, in turn: each is a pair, IPv4 first.
fn seen(case: &Case, pairs: &[[Value; 2]]) -> Observation {
    seen_in_turn(case, &pairs.concat())
}

fn seen_in_turn(case: &Case, answers: &[Value]) -> Observation {
    let mut observation = Observation::default();
    for (slot, answer) in (0..).zip(answers) {
        let arm = [Some(Arm::Base), Some(Arm::Head)][slot as usize % 2];
        let mut round = Round::new(slot, std::time::Duration::ZERO);
        (round.arm, round.label) = (case.mark(arm), case.label(arm));
        observation.begin_round(round);
        let address = if arm == Some(Arm::Base) { "192.0.2.1" } else { "2001:db8::1" };
        observation.set("address", Value::from(address));
        for (name, value) in answer.as_object().unwrap() {
            if let Some(name) = name.strip_prefix("part of ") {
                let info = case.family.facts.iter().find(|info| info.name == name).unwrap();
                observation.set(info.name, value.clone());
                observation.set_partial(info.name, "a test cut it");
                continue;
            }
            let info = case.family.facts.iter().find(|info| info.name == name).unwrap();
            match value.as_f64().filter(|_| info.has_statistics()) {
                Some(sample) => observation.samples_mut(info).record(sample),
                None => observation.set(info.name, value.clone()),
            }
        }
        judge::tally(case, &mut observation);
    }
    observation
}

fn answer(more: &Value) -> Value {
    let mut answer =
        json!({"outcome": "answered", "status": 200, "headers": {"server": "a"}, "body.sha256": "aa", "redirects": []});
    answer.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    answer
}

/// The record of such answers, and whether more of them were asked for.
fn record(more: &str, pairs: &[[Value; 2]]) -> (CheckRecord, bool) {
    let plan = plan(more);
    let observation = seen(&plan.cases[0], pairs);
    judged(&plan, &observation, None)
}

fn judged(plan: &Plan, observation: &Observation, fault: Option<Fault>) -> (CheckRecord, bool) {
    let (assessor, case) = (Assessor::new(plan, None), &plan.cases[0]);
    let (.., assessment) = assessor.assess(case, observation, fault);
    let again = assessor.needs_confirmation(case, observation, &assessment);
    (assessor.record(case, observation, assessment, Timing::default()), again)
}

fn fact(record: &CheckRecord, name: &str) -> Value {
    record.facts.get(name).map(|value| serde_json::to_value(value).unwrap()).unwrap_or_default()
}

/// As many answers of each as tell what differs.
fn often(ipv4: &Value, ipv6: &Value) -> Vec<[Value; 2]> {
    vec![[answer(ipv4), answer(ipv6)]; KEPT_OF_EACH]
}

#[test]
fn the_same_over_both_passes_and_shows_both() {
    let (record, again) = record("", &[[answer(&json!({})), answer(&json!({}))]]);
    assert_eq!((record.verdict, again), (Verdict::Passed, false), "{:?}", record.reason);
    assert_eq!((fact(&record, "parity.same"), fact(&record, "parity.differences")), (json!(true), json!([])));
    let over_ipv4 = record.over_ipv4.unwrap();
    let address = |facts: &crate::model::record::Facts| serde_json::to_value(facts.get("address")).unwrap();
    assert_eq!((address(&over_ipv4.facts), over_ipv4.verdict), (json!("192.0.2.1"), Verdict::Passed));
    assert_eq!(address(&record.facts), json!("2001:db8::1"), "addresses differ by nature");
    assert!(record.base.is_none(), "nothing of it is an old target");
}

/// All of them, and those alone, are of the IP version.
#[test]
fn lists_of_addresses_are_not_compared() {
    let check = "checks:\n  - {id: a, parity: true, tcp: {host: www.example, port: 1, addresses: all}}\n";
    let plan = planned(load(FAMILIES, check, &[]), None, &Settings::default()).unwrap();
    let answer = |address: &str, banner: &str| json!({"outcome": "connected", "addresses": [address], "addresses.failed": [], "banner": banner});
    let verdict = |banner: &str| {
        let pair = || [answer("192.0.2.1", "a"), answer("2001:db8::1", banner)];
        judged(&plan, &seen(&plan.cases[0], &[pair(), pair(), pair(), pair()]), None).0.verdict
    };
    assert_eq!((verdict("a"), verdict("b")), (Verdict::Passed, Verdict::Failed));
}

#[test]
fn ports_are_told_as_a_whole() {
    let check = "checks:\n  - {id: a, parity: true, ports: {host: www.example, ports: 20-90}, expect: {open: {contains: 22}}}\n";
    let plan = planned(load(FAMILIES, check, &[]), None, &Settings::default()).unwrap();
    let answer = |open: &str| json!({"outcome": "answered", "open": ["22", open], "closed": [], "filtered": []});
    let pair = || [answer("80-81"), answer("90")];
    let (record, _) = judged(&plan, &seen(&plan.cases[0], &[pair(), pair(), pair(), pair()]), None);
    assert_eq!(record.reason.unwrap(), "IPv4 and IPv6 differ: open: 22, 80-81 over IPv4, 22, 90 over IPv6");
}

#[test]
fn what_differs_is_told_once_it_was_seen_often() {
    for (other, told) in [
        (json!({"headers": {"server": "b"}}), "IPv4 and IPv6 differ: headers.server: a over IPv4, b over IPv6"),
        (json!({"body.sha256": "bb"}), "IPv4 and IPv6 differ: body.sha256: aa over IPv4, bb over IPv6"),
        (
            json!({"redirects": ["http://b.example/"]}),
            "IPv4 and IPv6 differ: redirects: http://b.example/ over IPv6 only",
        ),
        (json!({"status": 204}), "IPv4 and IPv6 differ: status: 200 over IPv4, 204 over IPv6"),
        (
            json!({"url": "http://www.example/x"}),
            "IPv4 and IPv6 differ: url: nothing over IPv4, http://www.example/x over IPv6",
        ),
    ] {
        let (once, again) = record("", &[[answer(&json!({})), answer(&other)]]);
        assert_eq!((once.verdict, again), (Verdict::Failed, true), "{other}");
        let (often, again) = record("", &often(&json!({}), &other));
        assert_eq!((often.verdict, again, often.reason.as_deref()), (Verdict::Failed, false, Some(told)));
        assert!(often.next.as_deref().unwrap().contains("behind 192.0.2.1 and behind 2001:db8::1"));
        assert_eq!(fact(&often, "parity.same"), json!(false));
    }
}

#[test]
fn what_a_suite_leaves_out_may_differ() {
    let other = json!({"headers": {"server": "b"}});
    let verdict = |more: &str| record(more, &often(&json!({}), &other)).0.verdict;
    assert_eq!(verdict(", baseline: {headers: {change: ignore}}"), Verdict::Passed);
    assert_eq!(
        verdict(", expect: {parity.differences: {len: 1}}"),
        Verdict::Passed,
        "it says the same in another form"
    );
    assert_eq!(verdict(", expect: {parity.same: false}"), Verdict::Passed);
    let content = often(&json!({"body.sha256": "1"}), &json!({"body.sha256": "2"}));
    assert_eq!(record(", baseline: {body.sha256: {change: ignore}}", &content).0.verdict, Verdict::Passed);
    assert_eq!(verdict(", expect: {status: 200}"), Verdict::Failed, "of another fact it says nothing");
    let grown = record("", &often(&json!({"version": "HTTP/1.1"}), &json!({"version": "HTTP/2"}))).0;
    assert_eq!(grown.verdict, Verdict::Failed, "neither is the newer one");
}

/// A header by backend: which one answered has nothing to do with the IP version, and shows nothing of it.
#[test]
fn what_is_another_with_each_answer_is_not_told_as_a_difference() {
    let header = |word: &str| answer(&json!({"headers": {"backend": word}}));
    let (wavers, _) = record("", &[[header("1"), header("2")], [header("2"), header("2")], [header("2"), header("1")]]);
    assert_eq!(wavers.verdict, Verdict::Errored, "{:?}", wavers.reason);
    let (reason, remedy) = (wavers.reason.unwrap(), wavers.fault.unwrap().remedy);
    assert!(reason.contains("`headers.backend` is another with each answer") && remedy.contains("leave"), "{reason}");
    let advice = reason.split("leave it out with `").nth(1).unwrap().split('`').next().unwrap().to_owned();
    assert!(plan(&format!(", {advice}")).cases[0].baseline.ignores("headers"), "{advice}");
    let clock = |at: &str| answer(&json!({"body.sha256": at}));
    let pairs = [[clock("1"), clock("2")], [clock("3"), clock("4")]];
    let (content, _) = record("", &pairs);
    assert_eq!(content.verdict, Verdict::Passed, "{:?}", content.reason);
    assert!(content.notes.iter().any(|note| note.contains("`body.sha256` is another with each answer")));
    let (asked, _) = record(", baseline: {body.sha256: {change: same}}", &pairs);
    assert_eq!(asked.verdict, Verdict::Errored, "who asks for it is told that it cannot be judged");
    let (both, _) =
        record("", &[[clock("1"), answer(&json!({"status": 201}))], [clock("3"), answer(&json!({"status": 201}))]]);
    assert_eq!(both.verdict, Verdict::Failed, "what differs is told whatever else wavers");
}

#[test]
fn what_was_seen_in_part_is_not_called_the_same() {
    let plan = plan("");
    let mut observation = seen(&plan.cases[0], &[[answer(&json!({})), answer(&json!({}))]]);
    observation.set_partial("headers", "a test cut them");
    let (record, _) = judged(&plan, &observation, None);
    assert_eq!(record.verdict, Verdict::Errored, "{:?}", record.reason);
    assert!(record.reason.unwrap().contains("`headers` was seen in part: a test cut them"));
}

#[test]
fn what_is_expected_must_hold_over_both() {
    let (good, bad) = (json!({}), json!({"status": 503}));
    let failed = |ipv4: &Value, ipv6: &Value| {
        let (record, again) = record("", &[[answer(ipv4), answer(ipv6)]]);
        assert_eq!((record.verdict, again), (Verdict::Failed, false), "it is no matter of chance");
        let unmet = record.expectations.iter().find(|one| &*one.fact == "status").unwrap();
        assert!(!unmet.held && record.next.is_some(), "{:?}", record.reason);
        assert!(record.expectations.iter().any(|one| &*one.fact == "parity.same"), "it is told too");
        (record.reason.unwrap(), unmet.got.clone().unwrap())
    };
    let (reason, got) = failed(&good, &bad);
    assert!(reason.starts_with("holds over IPv4, not over IPv6: [2001:db8::1]:80 answers 503"), "{reason}");
    assert_eq!(got, "503 over IPv6");
    let (reason, got) = failed(&bad, &good);
    assert!(reason.starts_with("holds over IPv6, not over IPv4: 192.0.2.1:80 answers 503"), "{reason}");
    assert_eq!(got, "503 over IPv4");
    let (reason, got) = failed(&bad, &bad);
    assert!(reason.starts_with("over both IP versions: 192.0.2.1:80 answers 503"), "{reason}");
    assert_eq!(got, "503 over IPv4, 503 over IPv6");
    // What only one of them shows, beside what the other does not even come to.
    let (refused, _) = record("", &[[answer(&bad), json!({"outcome": "refused"})]]);
    let unmet = refused.expectations.iter().find(|one| &*one.fact == "status").unwrap();
    assert_eq!((unmet.held, unmet.got.as_deref()), (false, Some("503 over IPv4")));
    let (reason, _) = failed(&json!({"status": 500}), &bad);
    assert!(
        reason.contains("over IPv4: 192.0.2.1:80 answers 500")
            && reason.contains("; over IPv6: [2001:db8::1]:80 answers 503")
    );
}

/// A statistic is of each IP version by itself: a fast one does not make up for a slow one.
#[test]
fn a_slow_version_is_not_hidden_by_a_fast_one() {
    let time = |seconds: f64| answer(&json!({"total_time": seconds}));
    let pairs: Vec<[Value; 2]> = (0..9).map(|_| [time(0.01), time(2.0)]).collect();
    let (record, _) = record(", rounds: 9, expect: {total_time.p50: {lt: 1s}, total_time.min: {lt: 1s}}", &pairs);
    assert_eq!(record.verdict, Verdict::Failed);
    assert!(record.reason.unwrap().starts_with("holds over IPv4, not over IPv6"));
    let (_, metric) = record.metrics.0.iter().find(|(name, _)| name == "total_time").unwrap();
    assert!(metric.rounds.len() == 9 && metric.rounds.iter().all(|round| round.p50 > 1.0), "the record is of IPv6");
}

#[test]
fn a_ratio_is_judged_where_its_interval_agrees() {
    let pairs = |ratio: f64| -> Vec<[Value; 2]> {
        let wobble = [1.0, 1.1, 0.95, 1.05, 0.9, 1.0, 1.08, 0.97];
        let time = |seconds: f64| answer(&json!({"total_time": seconds}));
        wobble
            .iter()
            .zip(wobble.iter().rev())
            .map(|(one, other)| [time(0.1 * one), time(0.1 * ratio * other)])
            .collect()
    };
    let judged = |more: &str, ratio: f64| {
        let (record, _) = record(&format!(", rounds: 8, expect: {{parity.ratio.total_time: {more}}}"), &pairs(ratio));
        let shown = fact(&record, "parity.ratio");
        (record.verdict, record.reason.unwrap_or_default(), shown["total_time"].as_f64())
    };
    let (verdict, reason, shown) = judged("{lt: 1.5}", 1.0);
    assert_eq!((verdict, reason.as_str()), (Verdict::Passed, ""));
    assert!((shown.unwrap() - 1.0).abs() < 0.1, "{shown:?}");
    let (verdict, reason, _) = judged("{lt: 1.5}", 3.0);
    assert_eq!(verdict, Verdict::Failed);
    assert!(reason.starts_with("total_time over IPv6 is ") && reason.contains("expected less than 1.5"), "{reason}");
    let (verdict, reason, shown) = judged("{lt: 1.5}", 1.48);
    assert_eq!(verdict, Verdict::Errored, "{shown:?} {reason}");
    assert!(reason.contains("too wide to judge"), "{reason}");
    let (verdict, reason, _) = judged("{gt: 1.46}", 1.48);
    assert_eq!(verdict, Verdict::Errored, "the lower end counts as well: {reason}");
    for inside in ["{between: [1.495, 1.496]}", "{not: {between: [1.495, 1.496]}}"] {
        assert_eq!(judged(inside, 1.48).0, Verdict::Errored, "what lies between its ends may be the truth: {inside}");
    }
    assert_eq!(judged("{between: [1.4, 1.6]}", 3.0).0, Verdict::Failed);
    // That they differ, no ratio undoes.
    let other: Vec<[Value; 2]> = pairs(1.48)
        .into_iter()
        .map(|[ipv4, mut ipv6]| {
            ipv6["headers"] = json!({"server": "b"});
            [ipv4, ipv6]
        })
        .collect();
    let (both, _) = record(", rounds: 8, expect: {parity.ratio.total_time: {lt: 1.5}}", &other);
    assert_eq!(both.verdict, Verdict::Failed, "{:?}", both.reason);
}

#[test]
fn a_ratio_of_too_few_pairs_is_none() {
    let time = |seconds: f64| answer(&json!({"total_time": seconds}));
    let pairs: Vec<[Value; 2]> = (0..5).map(|at| [time(0.1 + 0.001 * f64::from(at)), time(0.1)]).collect();
    let (few, _) = record(", rounds: 6, expect: {parity.ratio.total_time: {lt: 9}}", &pairs);
    assert_eq!(
        (few.verdict, fact(&few, "parity.ratio")),
        (Verdict::Failed, Value::Null),
        "nothing shows that it holds"
    );
    let (unasked, _) = record("", &pairs);
    assert_eq!(unasked.verdict, Verdict::Passed, "times are judged where somebody asks");
}

/// This host has no way there: nothing is known of the target.
#[test]
fn a_fault_over_one_version_is_no_difference() {
    let plan = plan("");
    let observation = seen(&plan.cases[0], &[[answer(&json!({})), json!({})]]);
    let fault = Fault::local("connect", "2001:db8::1", "this host has no route there", "see `ip route`");
    let (record, again) = judged(&plan, &observation, Some(fault));
    assert_eq!((record.verdict, again), (Verdict::Errored, false));
    assert!(record.reason.as_deref().unwrap().contains("no route"));
    assert_eq!(fact(&record, "parity.same"), Value::Null);
}

/// What the other version would show, nothing more undoes it.
#[test]
fn what_is_broken_over_one_fails_whatever_is_not_known_of_the_other() {
    let plan = plan(", expect: {body: {contains: ready}}");
    let answers = [answer(&json!({"status": 503, "body": "ready"})), answer(&json!({"part of body": "a"}))];
    let (record, _) = judged(&plan, &seen(&plan.cases[0], &[answers]), None);
    assert_eq!(record.verdict, Verdict::Failed, "{:?}", record.reason);
    let reason = record.reason.unwrap();
    assert!(reason.starts_with("over IPv4: 192.0.2.1:80 answers 503"), "of IPv6 nothing holds yet: {reason}");
    assert!(!reason.contains("over IPv6"), "{reason}");
}

#[test]
fn of_a_version_that_was_not_asked_nothing_is_the_same() {
    let plan = plan("");
    let observation = seen_in_turn(&plan.cases[0], &[answer(&json!({"status": 503}))]);
    let (record, _) = judged(&plan, &observation, None);
    assert_eq!((record.verdict, fact(&record, "parity.same")), (Verdict::Failed, Value::Null), "{:?}", record.reason);
}

#[test]
fn of_many_differences_a_few_are_named_and_the_others_counted() {
    let headers = |word: &str| json!({"headers": {"a": word, "b": word, "c": word, "d": word, "e": word}});
    let (record, _) = record("", &often(&headers("1"), &headers("2")));
    let reason = record.reason.unwrap();
    assert!(reason.ends_with("; and 2 more") && reason.matches("over IPv4").count() == 3, "{reason}");
    let long = |word: &str| json!({"headers": {"a": word.repeat(61)}});
    let (record, _) = self::record("", &often(&long("x"), &long("y")));
    assert!(record.reason.unwrap().contains("x… over IPv4, y"), "a long value is cut");
}
