//! From what was seen, or could not be seen, to a verdict.

use std::time::Duration;

use serde_json::json;

use super::{case, expecting, fault, judge, judged, observed};
use crate::model::{FaultKind, Observation, Verdict};

#[test]
fn a_fault_beats_expectations_that_hold_and_those_that_do_not() {
    let case = expecting("ok: true");
    for ok in [true, false] {
        let judgement = judge(&case, &observed([json!({"ok": ok})]), Some(fault()));
        assert_eq!(judgement.verdict, Verdict::Errored);
        assert_eq!(judgement.reason.as_deref(), Some("could not open a socket (192.0.2.1:443): too many open files"));
        assert_eq!(judgement.fault, Some(fault()));
        assert!(judgement.expectations.is_empty(), "what was seen before is not held against the target");
    }
}

#[test]
fn an_observation_of_nothing_is_errored_never_passed() {
    let case = expecting("ok: true");
    for nothing in [Observation::default(), observed([json!({})]), observed([json!({"warm_up": true, "ok": true})])] {
        let judgement = judge(&case, &nothing, None);
        assert_eq!(judgement.verdict, Verdict::Errored);
        let fault = judgement.fault.unwrap();
        assert_eq!((fault.kind, fault.detail.as_str()), (FaultKind::Local, "nothing was observed"));
    }
    // Samples alone are something.
    assert_eq!(judged(&case, [json!({"latency": [0.1]})]).verdict, Verdict::Failed);
}

#[test]
fn a_check_that_expects_nothing_is_errored() {
    let mut case = expecting("ok: true");
    case.base.expectations = [].into();
    let judgement = judged(&case, [json!({"ok": true})]);
    assert_eq!(judgement.verdict, Verdict::Errored);
    assert_eq!(judgement.fault.unwrap().detail, "the check expects nothing");
}

#[test]
fn without_expect_the_family_decides() {
    let case = case("tags: []");
    assert_eq!(judged(&case, [json!({"ok": true})]).verdict, Verdict::Passed);
    let judgement = judged(&case, [json!({"ok": false, "hops": 1})]);
    assert_eq!(judgement.reason.as_deref(), Some("ok: expected true, saw false"));
    assert_eq!(judgement.expectations[0].at, None);
}

#[test]
fn an_expectation_knows_where_it_is_written() {
    let judgement = judged(&expecting("ok: true"), [json!({"ok": true})]);
    let place = judgement.expectations[0].at.as_ref().map(ToString::to_string);
    assert_eq!(place.as_deref(), Some("t.yaml:4:40"));
}

/// A pass after `within` came too late; a breach says so first.
#[test]
fn convergence_must_come_in_time() {
    let case = case("eventually: {within: 5s, every: 1s}, expect: {ok: true}");
    for (ok, seconds, want) in [
        (true, 5.0, None),
        (true, 5.1, Some("settled_in: expected at most 5 s, saw 5.1 s")),
        (false, 5.1, Some("ok: expected true, saw false")),
    ] {
        let mut observation = observed([json!({"ok": ok})]);
        observation.settled_in = Some(Duration::from_secs_f64(seconds));
        assert_eq!(judge(&case, &observation, None).reason.as_deref(), want, "{ok} {seconds}");
    }
    let strict = super::case("eventually: {within: 9s, every: 1s}, expect: {ok: true, settled_in: {lt: 2s}}");
    let mut observation = observed([json!({"ok": true})]);
    observation.settled_in = Some(Duration::from_secs(3));
    let judgement = judge(&strict, &observation, None);
    assert_eq!(judgement.reason.as_deref(), Some("settled_in: expected less than 2s, saw 3 s"));
}

#[test]
fn long_values_are_cut_with_a_mark() {
    let judgement = judged(&expecting("ok: true, banner: x"), [json!({"ok": true, "banner": "y".repeat(500)})]);
    let reason = judgement.reason.unwrap();
    assert!(reason.ends_with("yyy… (500 characters)"), "{reason}");
}

/// Of something that goes on, only what more of it cannot undo is judged.
#[test]
fn what_was_seen_in_part_is_judged_as_far_as_that_goes() {
    let cut =
        |names: serde_json::Value| json!({"ok": true, "names": names, "partial": {"names": "64 of more servers"}});
    for (expect, verdict) in [
        ("names: {contains: [a]}", Verdict::Passed),
        ("names: {any: {matches: a}}", Verdict::Passed),
        ("names: {len: {ge: 2}}", Verdict::Passed),
        ("names: {contains: [z]}", Verdict::Errored),
        ("names: {excludes: [z]}", Verdict::Errored),
        ("names: {none: {eq: z}}", Verdict::Errored),
        ("names: {all: {matches: \"[ab]\"}}", Verdict::Errored),
        ("names: {exactly: [a, b]}", Verdict::Errored),
        ("names: {len: 2}", Verdict::Errored),
        ("names: {len: {le: 2}}", Verdict::Errored),
        ("names: {excludes: [a]}", Verdict::Failed),
        ("names: {len: {le: 1}}", Verdict::Failed),
        ("names: {all: {eq: a}}", Verdict::Failed),
    ] {
        let judgement = judged(&expecting(expect), [cut(json!(["a", "b"]))]);
        assert_eq!(judgement.verdict, verdict, "{expect}: {:?}", judgement.reason);
        if verdict == Verdict::Errored {
            let fault = judgement.fault.unwrap();
            assert_eq!(fault.detail, "`names` is partial: 64 of more servers");
            assert!(fault.operation.starts_with("judge `names: "), "{}", fault.operation);
        }
    }
    // What is broken for certain fails, also beside something that stays open.
    let both = judged(
        &expecting("names: {excludes: [z]}, hops: 3"),
        [json!({"ok": true, "hops": 4, "names": ["a"], "partial": {"names": "cut"}})],
    );
    assert_eq!(both.reason.as_deref(), Some("hops: expected 3, saw 4"));
    // Nothing of it was seen, although it is there.
    let nothing = json!({"ok": true, "partial": {"body": "the body was cut"}});
    for expect in ["body.x: 1", "body.x: {present: false}", "body: {present: true}"] {
        let judgement = judged(&expecting(expect), [nothing.clone()]);
        assert_eq!(judgement.verdict, Verdict::Errored, "{expect}");
        assert_eq!(judgement.fault.unwrap().detail, "`body` is not known: the body was cut", "{expect}");
    }
    // One round that was seen whole does not speak for one that was not.
    let rounds = [json!({"ok": true, "names": ["a"]}), cut(json!(["a"]))];
    assert_eq!(judged(&expecting("names: {excludes: [z]}"), rounds).verdict, Verdict::Errored);
    // The share of samples that was seen counts, and says nothing of quantiles.
    let samples = json!({"ok": true, "latency": [0.1, 0.2], "partial": {"latency": "cut"}});
    for (expect, verdict) in [("latency.count: {ge: 2}", Verdict::Passed), ("latency.p50: {le: 1s}", Verdict::Errored)]
    {
        assert_eq!(judged(&expecting(expect), [samples.clone()]).verdict, verdict, "{expect}");
    }
}

/// Of a count that may be less, only what less of it cannot undo is judged: a loss that is partly the receiver's own neither
/// fails nor passes.
#[test]
fn what_may_be_less_is_judged_as_far_as_that_goes() {
    let seen = json!({"ok": true, "loss": 0.149, "at_most": {"loss": "its own drops count as lost"}});
    for (expect, verdict) in [
        ("loss: {le: 20%}", Verdict::Passed),
        ("loss: {lt: 15%}", Verdict::Passed),
        ("loss: {present: true}", Verdict::Passed),
        ("loss: {le: 0.1%}", Verdict::Errored),
        ("loss: 0%", Verdict::Errored),
        ("loss: {ge: 10%}", Verdict::Errored),
        ("loss: {between: [0%, 20%]}", Verdict::Passed),
        ("loss: {between: [10%, 20%]}", Verdict::Errored),
        ("loss: {ge: 20%}", Verdict::Failed),
        ("loss: {present: false}", Verdict::Failed),
        ("loss: {le: 0.1%}, hops: 3", Verdict::Failed),
    ] {
        let judgement = judged(&expecting(expect), [seen.clone()]);
        assert_eq!(judgement.verdict, verdict, "{expect}: {:?}", judgement.reason);
        if verdict == Verdict::Errored {
            let fault = judgement.fault.unwrap();
            assert_eq!(fault.detail, "`loss` may be less than was counted: its own drops count as lost");
        }
    }
    // A round that is certain speaks for itself.
    let rounds = [seen.clone(), json!({"ok": true, "loss": 0.05})];
    assert_eq!(judged(&expecting("loss: {le: 1%}"), rounds).verdict, Verdict::Failed);
    // A metric that may be less is not compared: the rounds that are left would look better than it was.
    let case = expecting("ok: true");
    let metric = |rounds: [serde_json::Value; 2]| {
        crate::judge::metrics(&case, &observed(rounds)).0.iter().any(|(name, _)| name == "loss")
    };
    assert!(!metric([seen, json!({"ok": true, "loss": 0})]));
    assert!(metric([json!({"ok": true, "loss": 0.1}), json!({"ok": true, "loss": 0})]));
}

/// What could not be measured from here neither holds nor fails, whichever way its absence would decide.
#[test]
fn facts_that_are_unavailable_are_errored_unless_something_else_failed() {
    let seen = |facts: serde_json::Value| {
        let mut observation = observed([facts]);
        observation.set_unavailable(vec!["hops", "body"], &fault());
        observation
    };
    for (expect, want) in [
        ("banner: x", Verdict::Passed),
        ("hops: 3, banner: x", Verdict::Errored),
        ("hops: {present: false}, banner: x", Verdict::Errored),
        ("body.status: 3, banner: x", Verdict::Errored),
        ("hops: 3, banner: y", Verdict::Failed),
    ] {
        let judgement = judge(&expecting(expect), &seen(json!({"ok": true, "banner": "x"})), None);
        assert_eq!(judgement.verdict, want, "{expect}: {:?}", judgement.reason);
        assert_eq!(judgement.fault.is_some(), want == Verdict::Errored, "{expect}");
    }
    // The default of `ok` is lifted by its absence, and by nothing else.
    let mut without = observed([json!({"banner": "x", "reply": "alive"})]);
    without.set_unavailable(vec!["ok"], &fault());
    for (expect, want) in
        [("ok: {present: false}, reply: alive, banner: x", Verdict::Passed), ("ok: true", Verdict::Errored)]
    {
        assert_eq!(judge(&expecting(expect), &without, None).verdict, want, "{expect}");
    }
}
