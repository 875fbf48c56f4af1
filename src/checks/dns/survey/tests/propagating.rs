//! Since when which server has what is wanted.

use serde_json::json;

use super::{BRIEF, PATIENT, Pair, Quirk, check, observe, observe_round, zone};

#[tokio::test]
async fn seconds_are_those_of_the_first_query_that_found_it() {
    let pair = Pair::new(&zone(u32::MAX), &zone(u32::MAX), &[]).await;
    let check = check(&format!("{}, {PATIENT}, wanted: {{serial: 1}}", pair.zone()), None).unwrap();
    let both = json!([pair.label(0), pair.label(1)]);
    let round = observe_round(&check).await;
    round.failed("propagation.pending");
    round.is("propagation.pending", both);
    round.is("propagated", json!({}));
    assert!(round.absent("propagation.slowest") && round.absent("propagation.resolution"));

    pair.scripts[0].load(&zone(1));
    let round = observe_round(&check).await;
    round.is("propagation.pending", json!([pair.label(1)]));
    let first = round.fact("propagated")[pair.label(0)].as_f64().unwrap();
    assert!(first > 0.0 && round.absent("propagation.slowest"));

    // A serial beyond the wanted one is as good.
    pair.scripts[1].load(&zone(2));
    pair.scripts[0].load(&zone(2));
    let round = observe_round(&check).await;
    round.passed();
    round.is("propagation.pending", json!([]));
    assert_eq!(round.fact("propagated")[pair.label(0)], json!(first), "first seen stays first seen");
    let second = round.fact("propagated")[pair.label(1)].as_f64().unwrap();
    assert!(second > first);
    round.is("propagation.slowest", second);
    let resolution = round.fact("propagation.resolution").as_f64().unwrap();
    assert!(resolution > 0.0 && resolution <= second);

    // What was there and is gone is pending again, and says so.
    pair.scripts[0].load(&zone(u32::MAX));
    let round = observe_round(&check).await;
    round.failed("propagation.pending");
    round.is("propagation.pending", json!([pair.label(0)]));
    assert!(round.absent("propagation.slowest"));
    round.noted("does not have it now");
}

/// Nothing at all can be waited for as well, and who fails has not got it.
#[tokio::test]
async fn records_can_be_waited_for_until_they_are_gone() {
    let pair = Pair::with(&[]).await;
    let fields = |name: &str| format!("{}, {PATIENT}, name: {name}.z.test, wanted: {{answers: []}}", pair.zone());
    let round = observe(&fields("www"), None).await;
    round.failed("answers");
    round.is("propagation.pending", json!([pair.label(0), pair.label(1)]));
    for name in ["gone", "deep"] {
        let round = observe(&fields(name), None).await;
        round.passed();
        round.is("propagation.pending", json!([]));
    }
    pair.scripts[1].behave(&[Quirk::Refuses]);
    let list = format!("{}, {PATIENT}, name: gone.z.test, wanted: {{answers: []}}", pair.list());
    observe(&list, None).await.is("propagation.pending", json!([pair.sockets[1].to_string()]));
    let both = check(&format!("{}, {PATIENT}, wanted: {{serial: 1, answers: []}}", pair.zone()), None);
    assert!(both.err().unwrap().contains("`wanted` is one of"));
}

/// What an alias leads to outside the zone, its servers do not say.
#[tokio::test]
async fn aliases_out_of_the_zone_leave_the_records_open() {
    let zone = zone(7) + "\nout.z.test. 300 CNAME www.other.test.";
    let pair = Pair::new(&zone, &zone, &[]).await;
    let fields = |more: &str| format!("{}, {PATIENT}, name: out.z.test{more}", pair.zone());
    observe(&fields(""), None).await.errored("lead out of the zone to www.other.test.");
    for expect in ["{answers: {len: 0}}", "{answers: {excludes: [192.0.2.1]}}"] {
        observe(&fields(""), Some(expect)).await.errored("lead out of the zone");
    }
    let round = observe(&fields(", wanted: {answers: [192.0.2.1]}"), Some("{answers: {present: true}}")).await;
    round.errored("propagation.pending");
    let round = observe(&fields(", type: CNAME"), Some("{answers: {exactly: [www.other.test]}}")).await;
    round.passed();
}

#[tokio::test]
async fn records_can_be_waited_for_and_silence_is_no_record() {
    let pair = Pair::with(&[Quirk::Silent]).await;
    let wanted = "wanted: {answers: [192.0.2.11, 192.0.2.10]}";
    let check = check(&format!("{}, {BRIEF}, name: www.z.test, {wanted}", pair.zone()), None).unwrap();
    let round = observe_round(&check).await;
    round.is("propagation.pending", json!([pair.label(1)]));
    assert!(round.fact("propagated").get(pair.label(0)).is_some());
    pair.scripts[1].behave(&[]);
    observe_round(&check).await.passed();
    // One record more is another set.
    pair.scripts[1].load(&(zone(7) + "\nwww.z.test. 300 A 192.0.2.12"));
    observe_round(&check).await.is("propagation.pending", json!([pair.label(1)]));
}

#[tokio::test]
async fn what_is_waited_for_is_known_whatever_its_spelling() {
    let pair = Pair::new(&zone(7), &zone(7), &[]).await;
    for (fields, last) in [
        ("name: z.test, type: NS, wanted: {answers: [NS2.z.TEST, ns1.z.test]}", true),
        ("name: z.test, type: NS, wanted: {answers: [ns1.z.test]}", false),
    ] {
        let check = check(&format!("{}, {PATIENT}, {fields}", pair.zone()), None).unwrap();
        let round = observe_round(&check).await;
        let pending = round.fact("propagation.pending").as_array().unwrap().len();
        assert_eq!(pending == 0, last, "{fields}: {pending}");
    }
}

#[tokio::test]
async fn servers_agree_whatever_the_case_of_their_names() {
    let other = zone(7).replace("ns2.z.test.\n", "NS2.Z.test.\n");
    let pair = Pair::new(&zone(7), &other, &[]).await;
    let round = pair.observe(&format!("{PATIENT}, name: z.test, type: NS")).await;
    round.is("consistent", true);
    round.is("servers.differing", json!([]));
    assert_eq!(round.fact("answers").as_array().unwrap().len(), 2, "all have the same answer");
    let text = format!("{}\nt.z.test. 300 TXT \"a\"", zone(7));
    let pair = Pair::new(&text, &text.replace("\"a\"", "\"A\""), &[]).await;
    let round = pair.observe(&format!("{PATIENT}, name: t.z.test, type: TXT")).await;
    round.is("consistent", false);
}
