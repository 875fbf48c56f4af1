//! Rules beyond agreement: glue of servers outside the zone, the bits of the header, names, timers, and what is recommended.

use std::collections::BTreeSet;

use serde_json::json;

use super::delegated::{PARENT, ZONE, alike, parent};
use super::{BRIEF, PATIENT, Pair, Quirk, Round, Script, check, observe, start, zone};

/// The zone with its second server outside.
pub(super) fn outside() -> (String, String) {
    let zone = ZONE.replace("ns2.z.test. 300 A 127.0.0.3", "").replace("NS ns2.z.test.", "NS ns.other.test.");
    let parent =
        PARENT.replace("ns2.z.test. 300 A", "ns.other.test. 300 A").replace("NS ns2.z.test.", "NS ns.other.test.");
    (zone, parent)
}

#[tokio::test]
async fn glue_of_a_server_outside_the_zone_is_held_against_a_resolver() {
    let (zone, delegation) = outside();
    let scripts = [Script::new(&zone, &[]), Script::new(&zone, &[])];
    let (port, _tasks) = alike(&["127.0.0.2", "127.0.0.3"], &scripts).await;
    let known = |address: &str| {
        format!("other.test. 300 SOA a.test. host.test. 1 3600 600 604800 60\nns.other.test. 300 {address}")
    };
    let resolver = Script::new(&known("A 127.0.0.3"), &[Quirk::Resolver]);
    let (via, _resolver) = start(&resolver).await;
    let (socket, _parent, script) = parent(&delegation).await;
    let fields =
        format!("authoritative: {{zone: z.test, parent: \"{socket}\", port: {port}, via: \"{via}\"}}, {PATIENT}");
    let round = observe(&fields, None).await;
    round.passed();
    round.is("glue.sibling_agree", true);
    // An address more in the server's own zone is no contradiction; another one is, and so is none.
    resolver.load(&(known("A 127.0.0.3") + "\nns.other.test. 300 A 127.0.0.4"));
    observe(&fields, None).await.passed();
    for records in [known("A 127.0.0.4"), known("AAAA ::1")] {
        resolver.load(&records);
        let round = observe(&fields, None).await;
        round.failed("glue.sibling_agree");
        round.noted("ns.other.test.: the parent sends along [127.0.0.3], and a resolver finds [");
    }
    // A resolver that fails says nothing of it.
    resolver.behave(&[Quirk::Failing]);
    observe(&fields, None).await.errored("a resolver could not look up all addresses of ns.other.test.");
    resolver.behave(&[Quirk::Refuses]);
    observe(&fields, None).await.errored("REFUSED");
    // Glue of one IP version needs that one only.
    resolver.load(&known("A 127.0.0.3"));
    resolver.behave(&[Quirk::Resolver, Quirk::FailsAaaa]);
    observe(&fields, None).await.passed();
    // Nor is an address of a version that is left out looked up.
    script.load(&(delegation.clone() + "\nns.other.test. 300 AAAA ::1"));
    let v4 = fields.clone() + ", ip_version: ipv4";
    observe(&v4, None).await.passed();
    script.load(&delegation);
    // Without a resolver the suite cannot ask for it, and nothing is held against the zone.
    let fields = format!("authoritative: {{zone: z.test, parent: \"{socket}\", port: {port}}}, {PATIENT}");
    observe(&fields, None).await.passed();
    let why = check(&fields, Some("{glue.sibling_agree: true}")).err().unwrap();
    assert!(why.contains("via"), "{why}");
    // Where no glue is sent, there is nothing to hold against it.
    script.load(&delegation.replace("ns.other.test. 300 A 127.0.0.3", ""));
    resolver.behave(&[Quirk::Resolver]);
    let fields =
        format!("authoritative: {{zone: z.test, parent: \"{socket}\", port: {port}, via: \"{via}\"}}, {PATIENT}");
    let round = observe(&fields, None).await;
    round.passed();
    assert!(round.absent("glue.sibling_agree"));
}

#[tokio::test]
async fn addresses_of_which_a_resolver_finds_one_half_are_seen_in_part() {
    let (zone, delegation) = outside();
    let scripts = [Script::new(&zone, &[]), Script::new(&zone, &[])];
    let (port, _tasks) = alike(&["127.0.0.2", "127.0.0.3"], &scripts).await;
    let known = "other.test. 300 SOA a.test. host.test. 1 3600 600 604800 60\nns.other.test. 300 A 127.0.0.3";
    let resolver = Script::new(known, &[Quirk::Resolver, Quirk::FailsAaaa]);
    let (via, _resolver) = start(&resolver).await;
    let (socket, _parent, _) = parent(&delegation.replace("ns.other.test. 300 A 127.0.0.3", "")).await;
    let fields = |more: &str| {
        format!("authoritative: {{zone: z.test, parent: \"{socket}\", port: {port}, via: \"{via}\"}}, {PATIENT}{more}")
    };
    observe(&fields(""), None).await.errored("the AAAA records of ns.other.test. could not be looked up");
    // Who asks for IPv4 only is not concerned.
    observe(&fields(", ip_version: ipv4"), None).await.passed();
}

#[tokio::test]
async fn bits_of_the_header_that_are_new_to_a_server_are_ignored() {
    let pair = Pair::with(&[]).await;
    let round = pair.observe(&format!("{PATIENT}, probes: [header]")).await;
    round.passed();
    for fact in ["header.opcode_ok", "header.z_ok", "header.ad_ok", "header.cd_ok"] {
        round.is(fact, true);
    }
    for (quirk, fact, note) in [
        (Quirk::AnyOpcode, "header.opcode_ok", "opcode 15: answered by NOERROR"),
        (Quirk::EchoesZ, "header.z_ok", "the reserved bit (Z): answered by NOERROR"),
        (Quirk::RefusesAd, "header.ad_ok", "AD: answered by FORMERR"),
        (Quirk::DropsCd, "header.cd_ok", "no answer to a query with CD, but to others"),
    ] {
        let pair = Pair::with(&[quirk]).await;
        let patience = if quirk == Quirk::DropsCd { BRIEF } else { PATIENT };
        let round = pair.observe(&format!("{patience}, probes: [header]")).await;
        round.failed(fact);
        round.is(fact, false);
        round.noted(note);
    }
}

#[tokio::test]
async fn a_server_that_is_silent_is_not_one_without_several_soa() {
    let pair = Pair::with(&[Quirk::Silent]).await;
    let round = pair.observe(BRIEF).await;
    assert!(round.absent("soa.several"));
    assert!(round.observation.partial("soa.several").is_some_and(|why| why.contains(&pair.label(1))));
    // Two records of one server are known beside a silent one.
    let two = format!("{}\nz.test. 300 SOA ns1.z.test. host.z.test. 8 3600 600 604800 60", zone(7));
    let pair = Pair::new(&two, &zone(7), &[Quirk::Silent]).await;
    pair.observe(BRIEF).await.is("soa.several", json!([pair.label(0)]));
}

#[tokio::test]
async fn a_null_mx_beside_others_fails_everywhere() {
    let with = |records: &[&str]| {
        let lines = records.iter().map(|data| format!("\nz.test. 300 MX {data}"));
        zone(7) + &lines.collect::<Vec<_>>().concat()
    };
    let none = |round: &Round| round.absent("mx.null_alone") && round.observation.partial("mx.null_alone").is_none();
    let (null, both, mail) = (with(&["0 ."]), with(&["0 .", "10 mail.z.test."]), with(&["10 mail.z.test."]));
    for (one, two, alone) in [(&null, &null, Some(true)), (&both, &both, Some(false)), (&mail, &mail, None)] {
        let pair = Pair::new(one, two, &[]).await;
        for fields in [pair.zone(), pair.list(), format!("server: \"{}\"", pair.sockets[0])] {
            let round = observe(&format!("{fields}, {PATIENT}, name: z.test, type: mx"), None).await;
            match alone {
                Some(true) => round.passed(),
                Some(false) => {
                    round.failed("mx.null_alone");
                    round.noted("beside the null MX, which says that there is no mail, stand 10 mail.z.test.");
                }
                None => assert!(none(&round), "there is no null MX"),
            }
        }
        // Another type does not speak of it.
        assert!(check(&format!("{}, {PATIENT}", pair.zone()), Some("{mx.null_alone: true}")).is_err());
    }
    // One of two servers is enough; one that fails leaves it open.
    Pair::new(&null, &both, &[])
        .await
        .observe(&format!("{PATIENT}, name: z.test, type: MX"))
        .await
        .is("mx.null_alone", false);
    let pair = Pair::new(&null, &null, &[Quirk::Silent]).await;
    let round = pair.observe(&format!("{BRIEF}, name: z.test, type: MX")).await;
    assert!(round.absent("mx.null_alone") && round.observation.partial("mx.null_alone").is_some());
}

/// Servers of a zone, each with its addresses.
type Servers<'a> = &'a [(&'a str, &'a [&'a str])];

/// Servers of a zone with everything recommended, but for what is replaced.
async fn recommended(
    change: impl Fn(&str) -> String,
    resolver: impl Fn(&str) -> String,
    expect: Option<&str>,
) -> Round {
    let two: Servers<'_> = &[("ns1.z.test", &["127.0.2.1"]), ("ns2.z.test", &["127.0.3.1"])];
    recommended_of(two, change, resolver, expect).await
}

/// The same with other servers.
pub(super) async fn recommended_of(
    servers: Servers<'_>,
    change: impl Fn(&str) -> String,
    resolver: impl Fn(&str) -> String,
    expect: Option<&str>,
) -> Round {
    let zone = change(
        "z.test. 300 SOA ns1.z.test. host.z.test. 7 14400 3600 604800 3600
         z.test. 300 NS ns1.z.test.
         z.test. 300 NS ns2.z.test.
         ns1.z.test. 300 A 127.0.2.1
         ns2.z.test. 300 A 127.0.3.1
         ns9.z.test. 300 A 127.0.3.9",
    );
    let known = resolver(
        "in-addr.arpa. 300 SOA a.test. host.test. 1 3600 600 604800 60
         1.2.0.127.in-addr.arpa. 300 PTR ns1.z.test.
         1.3.0.127.in-addr.arpa. 300 PTR ns2.z.test.",
    );
    let addresses: BTreeSet<&str> = servers.iter().flat_map(|(_, addresses)| addresses.iter().copied()).collect();
    // Where one is left for the resolver to find, it is this.
    let addresses: Vec<&str> =
        addresses.into_iter().chain(servers.iter().any(|(_, own)| own.is_empty()).then_some("127.0.3.1")).collect();
    let scripts: Vec<Script> = addresses.iter().map(|_| Script::new(&zone, &[])).collect();
    let (port, _tasks) = alike(&addresses, &scripts).await;
    let quirks: &[Quirk] = if known.contains("fails") { &[Quirk::Failing] } else { &[Quirk::Resolver] };
    let (via, _resolver) = start(&Script::new(known.trim_end_matches("fails"), quirks)).await;
    let ns: Vec<String> = servers.iter().map(|(name, own)| format!("{name}: [{}]", own.join(", "))).collect();
    let fields = format!(
        "authoritative: {{zone: z.test, port: {port}, via: \"{via}\", best_practice: true, ns: {{{}}}}}, timeout: 5s",
        ns.join(", ")
    );
    let expect = expect.unwrap_or("{servers.special: {len: {ge: 1}}}");
    observe(&fields, Some(expect)).await
}

#[tokio::test]
async fn best_practice_asks_for_what_is_recommended() {
    let same = str::to_owned;
    let round = recommended(same, same, None).await;
    round.passed();
    for (fact, want) in [
        ("servers.networks", json!(2)),
        ("servers.ipv4", json!(2)),
        ("servers.ipv6", json!(0)),
        ("names.invalid", json!([])),
        ("soa.mname_server", json!("serves")),
        ("soa.timers_ordered", json!(true)),
        ("reverse.missing", json!([])),
        ("reverse.mismatch", json!([])),
    ] {
        round.is(fact, want);
    }
    assert!(round.fact("referral.size").as_i64().unwrap() > 300);
    // Loopback is not for the public.
    recommended(same, same, Some("{serial: 7}")).await.failed("servers.special");
    for (from, to, fact) in [
        (" 14400 ", " 1200 ", "soa.refresh"),
        (" 3600 604800", " 60 604800", "soa.retry"),
        (" 604800 ", " 86400 ", "soa.expire"),
        (" 604800 3600", " 604800 60", "soa.minimum"),
        (" 604800 3600", " 604800 172800", "soa.minimum"),
        (" 14400 3600 604800", " 14400 14400 604800", "soa.timers_ordered"),
        ("SOA ns1.z.test.", "SOA ns1.z.7.", "names.invalid"),
        ("SOA ns1.z.test.", "SOA ns8.z.test.", "soa.mname_server"),
        ("SOA ns1.z.test.", "SOA .", "soa.mname_server"),
    ] {
        let round = recommended(|zone| zone.replace(from, to), same, None).await;
        round.failed(fact);
    }
    let round = recommended(same, |known| known.replace("1.3.0.127", "2.3.0.127"), None).await;
    round.failed("reverse.missing");
    round.is("reverse.missing", json!(["127.0.3.1"]));
    let round = recommended(same, |known| known.replace("PTR ns2.z.test.", "PTR www.z.test."), None).await;
    round.passed();
    round.is("reverse.mismatch", json!(["127.0.3.1 www.z.test."]));
    recommended(same, |known| known.to_owned() + "fails", None).await.errored("no PTR could be looked up of");
    // What a check speaks of takes the place of a recommendation.
    let expect = "{servers.special: {len: 2}, soa.refresh: {ge: 20m}}";
    recommended(|zone| zone.replace(" 14400 3600", " 4000 3600"), same, Some(expect)).await.passed();
}

#[tokio::test]
async fn the_primary_that_mname_names_is_asked_itself() {
    // Nothing listens at ns9, as behind a hidden primary.
    let round = recommended(|zone| zone.replace("SOA ns1.z.test.", "SOA ns9.z.test."), str::to_owned, None).await;
    round.failed("soa.mname_server");
    round.is("soa.mname_server", "silent");
    round.noted("MNAME ns9.z.test./127.0.3.9: silent");
    // A name that only a resolver knows, at a server that has the zone.
    let elsewhere = |zone: &str| zone.replace("SOA ns1.z.test.", "SOA primary.test.");
    let known = |known: &str| known.to_owned() + "\nprimary.test. 300 A 127.0.3.1";
    recommended(elsewhere, known, None).await.is("soa.mname_server", "serves");
    let round = recommended(elsewhere, str::to_owned, None).await;
    round.is("soa.mname_server", "unresolved");
}

#[tokio::test]
async fn a_primary_that_is_behind_or_has_no_zone_is_told() {
    for (serial, quirks, word) in
        [(7, vec![], "serves"), (6, vec![], "behind"), (7, vec![Quirk::Refuses], "not_authoritative")]
    {
        let zone = |serial: u32| zone(serial).replace("SOA ns1.z.test.", "SOA ns2.z.test.");
        let pair = Pair::new(&zone(7), &zone(serial), &quirks).await;
        let fields = pair.zone().replace("zone: z.test", "zone: z.test, via: \"127.0.0.1:1\", best_practice: true");
        let round = observe(&format!("{fields}, timeout: 2s"), None).await;
        if quirks.is_empty() {
            round.is("soa.mname_server", word);
        } else {
            assert!(round.absent("soa.mname_server"), "its SOA was not seen everywhere");
        }
        // Without the mode it is not asked.
        assert!(check(&format!("{}, {PATIENT}", pair.zone()), Some("{soa.mname_server: serves}")).is_err());
    }
}

#[tokio::test]
async fn what_is_recommended_is_not_expected_unasked() {
    // One network, timers of a moment, a primary of no name: facts, and no failure.
    let bare = zone(7).replace("SOA ns1.z.test. host.z.test. 7 3600 600 604800 60", "SOA . host.z.test. 7 60 60 60 5");
    let pair = Pair::new(&bare, &bare, &[]).await;
    let round = pair.observe(PATIENT).await;
    round.passed();
    round.is("servers.networks", 1);
    round.is("soa.timers_ordered", false);
}
