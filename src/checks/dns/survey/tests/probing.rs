//! The probes, each against a sound server and against one that is not.

use serde_json::{Value, json};

use super::{BRIEF, PATIENT, Pair, Quirk, observe, zone};

/// Patience where something stays silent over TCP, which has one attempt.
const ONCE: &str = "timeout: 3s";

/// The pair with these quirks of its second server, looked at by `probe`.
async fn with(quirks: &[Quirk], fields: &str) -> (Pair, super::Round) {
    let pair = Pair::with(quirks).await;
    let round = pair.observe(fields).await;
    (pair, round)
}

/// Records of big.z.test that no datagram of a resolver holds.
pub(super) fn big() -> String {
    let lines: Vec<String> = (0..8).map(|n| format!("\nbig.z.test. 300 TXT \"{n}{}\"", "x".repeat(240))).collect();
    lines.concat()
}

/// Records of mid.z.test that a datagram of most resolvers holds, and no smaller one.
pub(super) fn medium_records() -> String {
    ["a", "b", "c"].map(|letter| format!("\nmid.z.test. 300 TXT \"{}\"", letter.repeat(200))).concat()
}

#[tokio::test]
async fn sound_servers_have_nothing_to_hide() {
    let zone = format!("{}\nbig.z.test. 300 TXT \"{}\"", zone(7), "x".repeat(250)).replace("\n         ", "\n");
    let big = big();
    let pair = Pair::new(&(zone.clone() + &big), &(zone + &big), &[]).await;
    let round = pair.observe(&format!("{PATIENT}, name: big.z.test, type: TXT, probes: [all]")).await;
    round.passed();
    for (fact, want) in [
        ("reachable.tcp", json!(true)),
        ("unreachable.tcp", json!([])),
        ("edns.supported", json!(true)),
        ("edns.version_ok", json!(true)),
        ("edns.unknown_option_ok", json!(true)),
        ("edns.unknown_flag_ok", json!(true)),
        ("truncation.512", json!("truncated")),
        ("truncation.1232", json!("truncated")),
        ("axfr", json!("refused")),
        ("axfr.open", json!([])),
        ("recursion.open", json!([])),
        ("referral.upward", json!([])),
        ("qname.case", json!(true)),
        ("qname.caseless", json!(true)),
        ("version.hidden", json!(true)),
        ("version.texts", json!([])),
        ("nxdomain", json!("nxdomain")),
        ("nodata", json!("nodata")),
        ("wildcard", json!(false)),
        ("negative.soa", json!(true)),
    ] {
        round.is(fact, want);
    }
    assert!(round.absent("empty_non_terminal") && round.absent("axfr.records"));
    let outside = pair.scripts[0]
        .asked()
        .into_iter()
        .filter(|name| !name.to_lowercase().ends_with("z.test."))
        .collect::<Vec<_>>();
    assert_eq!(outside, ["version.bind.", "example.com."], "nothing else is asked outside");
}

#[tokio::test]
async fn tcp_is_distinguished_from_udp() {
    let (pair, round) = with(&[Quirk::MuteTcp], &format!("{ONCE}, probes: [tcp]")).await;
    round.is("reachable.tcp", false);
    round.is("reachable.udp", true);
    round.is("unreachable.tcp", json!([pair.label(1)]));
    assert!(round.absent("tcp.same"), "nothing to compare of one server");
    let (_, round) = with(&[], &format!("{PATIENT}, probes: [tcp]")).await;
    round.is("tcp.same", true);
}

#[tokio::test]
async fn edns_is_probed_from_every_side() {
    const FACTS: [&str; 4] = ["edns.supported", "edns.version_ok", "edns.unknown_option_ok", "edns.unknown_flag_ok"];
    for (quirk, want) in [
        (Quirk::Formerr, [false, false, false, false]),
        (Quirk::FormerrWithOpt, [false, false, false, false]),
        (Quirk::NoOpt, [false, false, false, false]),
        (Quirk::AnyVersion, [true, false, true, true]),
        (Quirk::DropsOption, [true, true, false, true]),
        (Quirk::EchoesOption, [true, true, false, true]),
        (Quirk::EchoesFlag, [true, true, true, false]),
    ] {
        let (pair, round) = with(&[quirk], &format!("{BRIEF}, probes: [edns]")).await;
        // None of these keeps the zone from being served, but the probe was asked for.
        round.failed("edns.");
        let got = FACTS.map(|fact| round.fact(fact));
        assert_eq!(got, want.map(Value::from), "{quirk:?} {:#?}", round.observation.notes());
        let label = pair.label(1);
        assert!(round.observation.notes().iter().any(|note| note.starts_with(&label)), "{quirk:?} has no evidence");
        assert_eq!(round.fact("servers")[pair.label(0)]["edns_version_ok"], true);
    }
}

#[tokio::test]
async fn answers_that_do_not_fit_are_cut_the_right_way() {
    let zone = zone(7) + &big() + &medium_records();
    let pair = Pair::new(&zone, &zone, &[]).await;
    let fields = |name: &str| format!("{ONCE}, name: {name}.z.test, type: TXT, probes: [truncation]");
    let round = pair.observe(&fields("mid")).await;
    round.is("truncation.512", "truncated");
    round.is("truncation.1232", "fits");
    for (quirks, name, small, large) in [
        (&[Quirk::Oversized][..], "big", "oversized", "oversized"),
        (&[Quirk::CutsSilently], "big", "incomplete", "incomplete"),
        (&[Quirk::CutsSilently], "mid", "incomplete", "fits"),
        (&[Quirk::AlwaysTc], "mid", "truncated", "needless"),
        (&[Quirk::MuteTcp], "big", "whole_nowhere", "whole_nowhere"),
    ] {
        pair.scripts[1].behave(quirks);
        let round = pair.observe(&fields(name)).await;
        round.is("truncation.512", small);
        round.is("truncation.1232", large);
    }
    // An answer that is whole over UDP says nothing of TCP when that is mute.
    let round = pair.observe(&fields("www").replace("type: TXT", "type: A")).await;
    assert!(round.absent("truncation.512"), "{:?}", round.observation.last("truncation.512"));
}

/// A question that failed is like the next one that failed, and shows nothing of what was to be seen.
#[tokio::test]
async fn a_failure_is_never_held_against_another() {
    for quirk in [Quirk::FailsDnskey, Quirk::FailsLargeUdp, Quirk::FailsLargeTcp] {
        let (_, round) = with(&[quirk], &format!("{PATIENT}, probes: [truncation]")).await;
        assert!(round.absent("truncation.512") && round.absent("truncation.1232"), "{quirk:?}");
        round.errored("truncation");
        round.noted("answered by SERVFAIL, so nothing is known of it");
    }
    for quirk in [Quirk::RefusesDnskey, Quirk::NotimpDnskey] {
        let (_, round) = with(&[quirk], &format!("{PATIENT}, probes: [truncation]")).await;
        assert!(round.absent("truncation.512") && round.absent("truncation.1232"), "{quirk:?}");
        round.errored("truncation");
    }
    for quirk in [Quirk::FailsPlain, Quirk::RefusesPlain, Quirk::NotimpPlain] {
        let (_, round) = with(&[quirk], &format!("{PATIENT}, probes: [header]")).await;
        for fact in ["header.z_ok", "header.ad_ok", "header.cd_ok"] {
            assert!(round.absent(fact), "{quirk:?} {fact}");
        }
        round.errored("header");
        round.noted("so nothing is known of it");
    }
}

#[tokio::test]
async fn letters_keep_their_case() {
    let (_, round) = with(&[Quirk::LowerCase], &format!("{PATIENT}, probes: [case]")).await;
    round.is("qname.case", false);
    round.is("qname.caseless", true);
    round.noted("asked for Z.tEsT., sent back as z.test.");
    let (_, round) = with(&[Quirk::CaseSensitive], &format!("{PATIENT}, probes: [case]")).await;
    round.is("qname.case", true);
    round.is("qname.caseless", false);
}

#[tokio::test]
async fn a_transfer_is_refused_or_whole_or_neither() {
    for (quirk, timeout, word, open) in [
        (Quirk::AxfrCloses, ONCE, "closed", false),
        (Quirk::Axfr, ONCE, "complete", true),
        (Quirk::AxfrPieces, ONCE, "complete", true),
        // It is read for all of twice this.
        (Quirk::AxfrEndless, "timeout: 500ms", "partial", true),
        (Quirk::AxfrCut, ONCE, "partial", true),
    ] {
        let (pair, round) = with(&[quirk], &format!("{timeout}, probes: [axfr]")).await;
        assert!(round.absent("axfr"), "{quirk:?}: the two differ");
        assert_eq!(round.fact("servers")[pair.label(1)]["axfr"], word, "{quirk:?} {:#?}", round.observation.notes());
        assert_eq!(round.fact("servers")[pair.label(0)]["axfr"], "refused");
        round.is("axfr.open", if open { json!([pair.label(1)]) } else { json!([]) });
        if word == "complete" {
            round.is("axfr.records", 9);
        }
        pair.scripts[0].behave(&[quirk]);
        pair.observe(&format!("{timeout}, probes: [axfr]")).await.is("axfr", word);
    }
}

#[tokio::test]
async fn a_transfer_that_does_not_begin_in_time_is_not_known() {
    // A server that takes the request and is silent, or is that slow, may be at work.
    for quirk in [Quirk::AxfrMute, Quirk::AxfrDrips] {
        let (_, round) = with(&[quirk], &format!("{ONCE}, probes: [axfr]")).await;
        assert!(round.absent("axfr") && round.absent("axfr.open"), "{quirk:?}");
        round.noted("probe axfr: not seen of");
    }
}

#[tokio::test]
async fn open_recursion_and_upward_referrals_are_found() {
    let fields = format!("{PATIENT}, probes: [recursion], outside: www.outside.test");
    for (quirk, open, upward) in
        [(Quirk::Open, true, false), (Quirk::OpenFailing, true, false), (Quirk::Upward, false, true)]
    {
        let (pair, round) = with(&[quirk], &fields).await;
        let list = |there: bool| if there { json!([pair.label(1)]) } else { json!([]) };
        round.is("recursion.open", list(open));
        round.is("referral.upward", list(upward));
        assert!(pair.scripts[0].asked().contains(&"www.outside.test.".to_owned()));
    }
}

/// One that gives the zone away is one, whoever else was not seen.
#[tokio::test]
async fn a_server_that_is_seen_to_be_open_fails_whoever_is_silent() {
    let pair = Pair::with(&[Quirk::Axfr]).await;
    pair.scripts[0].behave(&[Quirk::AxfrMute]);
    let round = pair.observe(&format!("{BRIEF}, probes: [axfr]")).await;
    round.is("axfr.open", json!([pair.label(1)]));
    round.failed("axfr.open");
    let seen = round.observation.counted().next().unwrap();
    assert_eq!(seen.partial("axfr.open"), Some(format!("probe axfr: not seen of {}", pair.label(0)).as_str()));
}

/// Data of the class asked for.
#[tokio::test]
async fn several_servers_are_asked_in_any_class() {
    let pair = Pair::with(&[Quirk::Version]).await;
    pair.scripts[0].behave(&[Quirk::Version]);
    let fields = format!("{}, {PATIENT}, name: version.bind, type: TXT, class: CH", pair.list());
    let round = observe(&fields, None).await;
    round.passed();
    round.is("answers", json!(["\"Lab 1.0\""]));
    observe(&fields, Some("{answers: {len: 0}}")).await.failed("answers");
}

#[tokio::test]
async fn a_version_is_seen() {
    let (_, round) = with(&[Quirk::Version], &format!("{PATIENT}, probes: [version]")).await;
    round.is("version.hidden", false);
    round.is("version.texts", json!(["Lab 1.0"]));
}

#[tokio::test]
async fn absence_has_its_forms() {
    let fields = format!("{PATIENT}, name: deep.er.z.test, probes: [negative]");
    let (_, round) = with(&[], &fields).await;
    round.is("empty_non_terminal", "nodata");
    round.is("nxdomain", "nxdomain");
    let (pair, round) = with(&[Quirk::NoEmptyNames], &fields).await;
    round.failed("empty_non_terminal");
    round.is("empty_non_terminal", "nxdomain");
    assert_eq!(round.fact("servers")[pair.label(1)]["empty_non_terminal"], "nxdomain");
    round.noted("er.z.test. is NXDOMAIN, although there is a name below it");
    let (_, round) = with(&[Quirk::BareDenial], &fields).await;
    round.is("negative.soa", false);
    round.noted("denied without the SOA of the zone");
    let (_, round) = with(&[Quirk::LongDenial], &fields).await;
    round.failed("negative.soa");
    round.noted("denied with a SOA of TTL 300, not 60");
    let wild = format!("{}\n*.z.test. 300 A 192.0.2.99", zone(7));
    let pair = Pair::new(&wild, &wild, &[]).await;
    let round = pair.observe(&fields).await;
    round.is("wildcard", true);
    round.is("nxdomain", "answer");
    observe(&format!("{}, {fields}", pair.zone()), Some("{wildcard: false}")).await.failed("wildcard");
}
