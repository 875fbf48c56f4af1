//! Since when which server has what is wanted.

use serde_json::json;

use super::{BRIEF, PATIENT, Pair, Quirk, check, observe, observe_round, zone};
use crate::model::Verdict;

#[tokio::test]
async fn seconds_are_those_of_the_first_query_that_found_it() {
    let pair = Pair::new(&zone(u32::MAX), &zone(u32::MAX), &[]).await;
    let check = check(&format!("{}, {PATIENT}, wanted: {{serial: 1}}", pair.zone()), None).unwrap();
    let both = json!([pair.label(0), pair.label(1)]);
    let round = observe_round(&check).await;
    round.failed("propagation.pending");
    round.is("propagation.pending", both);
    assert_eq!(round.fact("propagated"), json!({}));
    assert!(round.absent("propagation.slowest") && round.absent("propagation.resolution"));

    pair.scripts[0].load(&zone(1));
    let round = observe_round(&check).await;
    round.is("propagation.pending", json!([pair.label(1)]));
    let first = round.fact("propagated")[pair.label(0)]["after"].as_f64().unwrap();
    assert!(first > 0.0 && round.absent("propagation.slowest"));

    // A serial beyond the wanted one is as good.
    pair.scripts[1].load(&zone(2));
    pair.scripts[0].load(&zone(2));
    let round = observe_round(&check).await;
    round.passed();
    round.is("propagation.pending", json!([]));
    assert_eq!(round.fact("propagated")[pair.label(0)]["after"], json!(first), "first seen stays first seen");
    let second = round.fact("propagated")[pair.label(1)]["after"].as_f64().unwrap();
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
    let records = [
        "s.z.test. 300 AAAA 2001:db8::1",
        "s.z.test. 300 A 192.0.2.1",
        "s.z.test. 300 MX 10 mail.z.test.",
        "s.z.test. 300 TXT \"v=spf1 -all\"",
        "s.z.test. 300 CAA 0 issue \"ca.test\"",
        "s.z.test. 300 TYPE52 030101abcdef",
    ];
    let zone = format!("{}\n{}", zone(7), records.join("\n"));
    let pair = Pair::new(&zone, &zone, &[]).await;
    for (name, kind, answers, there) in [
        ("z", "NS", "NS2.z.TEST, ns1.z.test", true),
        ("z", "NS", "ns1.z.test", false),
        ("s.z", "AAAA", "'2001:DB8:0:0::0001'", true),
        ("s.z", "AAAA", "'2001:db8::2'", false),
        ("s.z", "A", "'\\# 4 C0000201'", true),
        ("s.z", "MX", "10 MAIL.z.test", true),
        ("s.z", "MX", "20 mail.z.test", false),
        ("s.z", "TXT", "v=spf1 -all", true),
        ("s.z", "TXT", "'\"v=spf1 -all\"'", true),
        ("s.z", "TXT", "V=spf1 -all", false),
        ("s.z", "CAA", "'0 ISSUE ca.test'", true),
        ("s.z", "CAA", "'0 issue \"CA.test\"'", false),
        ("s.z", "TLSA", "3 1 1 AB cd EF", true),
        ("s.z", "TLSA", "3 1 1 ABCDE0", false),
    ] {
        let fields = format!("name: {name}.test, type: {kind}, wanted: {{answers: [{answers}]}}");
        let check = check(&format!("{}, {PATIENT}, {fields}", pair.zone()), None).unwrap();
        let round = observe_round(&check).await;
        let pending = round.fact("propagation.pending").as_array().unwrap().len();
        assert_eq!(pending == 0, there, "{fields}: {pending} of {:?}", round.observation.last("answers"));
    }
}

/// What is to be gone is gone once every server says so.
#[tokio::test]
async fn a_removal_can_be_waited_for() {
    let pair = Pair::with(&[]).await;
    let gone = zone(7).replace("         www.z.test. 300 A 192.0.2.10\n         www.z.test. 300 A 192.0.2.11\n", "");
    let only = |text: &str| format!("{gone}\n{text}");
    for fields in [pair.zone(), pair.list(), format!("server: \"{}\"", pair.sockets[1])] {
        let fields = format!("{fields}, {PATIENT}, name: www.z.test, wanted: {{answers: []}}");
        pair.scripts[0].load(&zone(7));
        pair.scripts[1].load(&zone(7));
        let check = check(&fields, None).unwrap();
        let round = observe_round(&check).await;
        round.failed("answers: expected none");
        assert_eq!(round.broken, ["answers", "propagation.pending"], "{fields}");
        assert!(round.absent("propagation.slowest"));
        pair.scripts[0].load(&gone);
        let last = pair.sockets[1].to_string();
        let round = observe_round(&check).await;
        let pending = round.fact("propagation.pending");
        let pending = pending.as_array().unwrap();
        assert!(pending.len() == 1 && pending[0].as_str().unwrap().ends_with(&last), "{pending:?}");
        pair.scripts[1].load(&gone);
        let round = observe_round(&check).await;
        round.passed();
        round.is("rcode", "NXDOMAIN");
        assert!(round.fact("propagation.slowest").as_f64().unwrap() > 0.0, "{fields}");
        // Another type of the name may stay.
        for script in &pair.scripts {
            script.load(&only("www.z.test. 300 TXT \"still here\""));
        }
        let round = observe_round(&check).await;
        round.passed();
        round.is("rcode", "NOERROR");
    }
}

/// Neither silence nor a failure shows that something is gone, nor does a server that has no say.
#[tokio::test]
async fn only_a_server_that_speaks_for_the_name_says_that_it_is_gone() {
    let wanted = "wanted: {answers: []}";
    let pair = Pair::with(&[]).await;
    let of = async |fields: &str, quirks: &[Quirk], name: &str| {
        pair.scripts[1].behave(quirks);
        let round = observe(&format!("{fields}, {BRIEF}, name: {name}, {wanted}"), None).await;
        pair.scripts[1].behave(&[]);
        round
    };
    of(&pair.zone(), &[], "gone.z.test").await.passed();
    for quirk in [Quirk::Silent, Quirk::Failing, Quirk::Refuses, Quirk::NoAuthority] {
        let round = of(&pair.zone(), &[quirk], "gone.z.test").await;
        assert_eq!(round.verdict, Verdict::Failed, "{quirk:?}: {}", round.reason);
        round.is("propagation.pending", json!([pair.label(1)]));
    }
    // A resolver may say it; a server that refers elsewhere, or says so of another's name, has not looked.
    let one = format!("server: \"{}\"", pair.sockets[1]);
    of(&one, &[Quirk::Resolver], "gone.z.test").await.passed();
    for quirks in [&[Quirk::Parent][..], &[Quirk::Silent], &[Quirk::Failing], &[Quirk::NoAuthority]] {
        let round = of(&one, quirks, "gone.z.test").await;
        assert_eq!(round.verdict, Verdict::Failed, "{quirks:?}: {}", round.reason);
        round.is("propagation.pending", json!([pair.sockets[1].to_string()]));
    }
    // An alias that leads where this server has no say; one to a name of the zone that is not there.
    let aliases = format!("{}\nout.z.test. 300 CNAME a.elsewhere.test.\ndead.z.test. 300 CNAME no.z.test.", zone(7));
    for script in &pair.scripts {
        script.load(&aliases);
    }
    of(&pair.zone(), &[], "out.z.test").await.errored("the aliases lead out of the zone");
    of(&pair.list(), &[], "out.z.test").await.errored("the name is an alias");
    of(&pair.zone(), &[], "dead.z.test").await.passed();
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
