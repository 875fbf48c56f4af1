//! What was not seen whole decides nothing it could undo; what was not measured is not told as not applicable.

use serde_json::json;

use super::{BRIEF, PATIENT, Pair, Quirk, observe, zone};

/// Truncated over UDP, and nothing over TCP: a whole answer is nowhere.
const CUT: &[Quirk] = &[Quirk::AlwaysTc, Quirk::MuteTcp];

#[tokio::test]
async fn a_truncated_reply_shows_what_it_has_and_hides_the_rest() {
    let pair = Pair::with(CUT).await;
    let fields = format!("{}, {BRIEF}, name: www.z.test", pair.list());
    observe(&fields, None).await.failed("truncated");
    for expect in [
        "{truncated: true}",
        "{truncated: true, answers: {excludes: [192.0.2.99]}, consistent: {present: true}}",
        "{truncated: true, answers: {len: 0}}",
        "{truncated: true, consistent: {present: true}, servers.differing: {present: false}}",
    ] {
        observe(&fields, Some(expect)).await.errored("the reply is truncated (TC)");
    }
}

#[tokio::test]
async fn two_replies_cut_alike_do_not_agree() {
    let pair = Pair::new(&zone(7), &zone(7), CUT).await;
    pair.scripts[0].behave(CUT);
    let round = observe(&format!("{}, {BRIEF}, name: www.z.test", pair.list()), Some("{truncated: true}")).await;
    round.errored("truncated (TC)");
    assert!(round.absent("consistent") && round.absent("servers.differing"));
    // That nothing is left cannot be seen in what is cut.
    let gone = format!("{}, {BRIEF}, name: www.z.test, type: AAAA, wanted: {{answers: [\"::1\"]}}", pair.list());
    observe(&gone, Some("{truncated: true, answers: {len: 0}, propagation.pending: {len: 0}}"))
        .await
        .errored("truncated (TC)");
}

#[tokio::test]
async fn glue_is_checked_on_servers_without_edns() {
    let sound = Pair::with(&[Quirk::Formerr]).await;
    let round = sound.observe(PATIENT).await;
    round.passed();
    round.is("glue.agree", true);
    let other = zone(7).replace("ns2.z.test. 300 A 127.0.0.1", "ns2.z.test. 300 A 127.0.0.9");
    let pair = Pair::new(&other, &other, &[Quirk::Formerr]).await;
    pair.scripts[0].behave(&[Quirk::Formerr]);
    let round = pair.observe(PATIENT).await;
    round.failed("glue.agree");
}

#[tokio::test]
async fn a_known_mismatch_is_not_hidden_by_a_question_that_fails() {
    let other = zone(7).replace("ns2.z.test. 300 A 127.0.0.1", "ns2.z.test. 300 A 127.0.0.9");
    let pair = Pair::new(&other, &other, &[Quirk::FailsAaaa]).await;
    pair.scripts[0].behave(&[Quirk::FailsAaaa]);
    pair.observe(PATIENT).await.failed("glue.agree");
    // Without a mismatch, the rest is not known.
    let pair = Pair::with(&[Quirk::FailsAaaa]).await;
    let round = pair.observe(PATIENT).await;
    round.errored("not all addresses of servers came from");
    assert!(round.absent("glue.agree"));
}

#[tokio::test]
async fn more_names_of_servers_than_are_asked_for_are_told() {
    let more = |count: usize| -> String {
        let names = (3..3 + count).map(|at| format!("\nz.test. 300 NS ns{at}.z.test.\nns{at}.z.test. 300 A 127.0.0.1"));
        names.collect::<Vec<_>>().concat()
    };
    let many = zone(7) + &more(14);
    let pair = Pair::new(&many, &many, &[]).await;
    let ns = (3..17).map(|at| format!(", ns{at}.z.test: [\"{}\"]", pair.sockets[0])).collect::<Vec<_>>().concat();
    let fields = pair.zone().replace("}}", &format!("{ns}}}}}"));
    let round = observe(&format!("{fields}, {PATIENT}"), None).await;
    round.errored("not all addresses of servers came from");
    round.noted("the addresses of 3 more server names were not asked for");
}

#[tokio::test]
async fn names_of_servers_that_differ_are_known_beside_a_server_that_is_silent() {
    let other = zone(7).replace("NS ns2.z.test.", "NS ns3.z.test.");
    let pair = Pair::new(&other, &other, &[Quirk::Silent]).await;
    let round = pair.observe(BRIEF).await;
    round.is("ns.agree", false);
}

#[tokio::test]
async fn a_zone_with_two_soa_records_fails() {
    let two = format!("{}\nz.test. 300 SOA ns1.z.test. host.z.test. 8 3600 600 604800 60", zone(7));
    let pair = Pair::new(&two, &two, &[]).await;
    let round = pair.observe(PATIENT).await;
    round.failed("soa.several");
    round.is("soa.several", json!([pair.label(0), pair.label(1)]));
    round.noted("2 SOA records, where a zone has one");
    Pair::with(&[]).await.observe(PATIENT).await.is("soa.several", json!([]));
}

#[tokio::test]
async fn an_empty_server_is_the_one_that_differs() {
    for empty in [0, 1] {
        let pair = Pair::with(&[]).await;
        pair.scripts[empty].behave(&[Quirk::Empty]);
        let fields = format!("{}, {PATIENT}, name: www.z.test", pair.list());
        let round = observe(&fields, None).await;
        round.failed("consistent");
        round.is("servers.differing", json!([pair.sockets[empty].to_string()]));
    }
}

#[tokio::test]
async fn probes_judge_what_they_find() {
    for (probe, quirk, fact) in [
        ("tcp", Quirk::MuteTcp, "reachable.tcp"),
        ("edns", Quirk::NoOpt, "edns.supported"),
        ("edns", Quirk::AnyVersion, "edns.version_ok"),
        ("edns", Quirk::EchoesOption, "edns.unknown_option_ok"),
        ("edns", Quirk::EchoesFlag, "edns.unknown_flag_ok"),
        ("axfr", Quirk::Axfr, "axfr.open"),
        ("recursion", Quirk::Open, "recursion.open"),
        ("recursion", Quirk::Upward, "referral.upward"),
        ("case", Quirk::LowerCase, "qname.case"),
        ("case", Quirk::CaseSensitive, "qname.caseless"),
        ("version", Quirk::Version, "version.hidden"),
        ("negative", Quirk::BareDenial, "negative.soa"),
        ("negative", Quirk::NoEmptyNames, "empty_non_terminal"),
        ("truncation", Quirk::AlwaysTc, "truncation.512"),
    ] {
        let patience = if quirk == Quirk::MuteTcp { BRIEF } else { PATIENT };
        let pair = Pair::with(&[quirk]).await;
        let fields = format!("{patience}, name: deep.er.z.test, probes: [{probe}]");
        pair.observe(&fields).await.failed(fact);
    }
}

#[tokio::test]
async fn a_probe_that_saw_nothing_is_no_finding() {
    // It takes the request for a transfer, and may be at work.
    let pair = Pair::with(&[Quirk::AxfrMute]).await;
    let round = pair.observe(&format!("{BRIEF}, probes: [axfr]")).await;
    round.errored("probe axfr: not seen of");
}
