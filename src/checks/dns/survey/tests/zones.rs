//! Consistency of the servers of a zone, and detection of one that differs.

use serde_json::json;

use super::{BRIEF, PATIENT, Pair, Quirk, check, observe, zone};

#[tokio::test]
async fn two_sound_servers_agree_on_everything() {
    let pair = Pair::with(&[]).await;
    let round = pair.observe(PATIENT).await;
    round.passed();
    for (fact, want) in [
        ("outcome", json!("answered")),
        ("rcode", json!("NOERROR")),
        ("servers.count", json!(2)),
        ("servers.failed", json!([])),
        ("servers.differing", json!([])),
        ("consistent", json!(true)),
        ("authoritative", json!(true)),
        ("serial", json!(7)),
        ("serial.spread", json!(0)),
        ("serial.behind", json!([])),
        ("lame", json!([])),
        ("ns.parent", json!(["ns1.z.test.", "ns2.z.test."])),
        ("ns.child", json!(["ns1.z.test.", "ns2.z.test."])),
        ("ns.agree", json!(true)),
        ("ns.alias", json!([])),
        ("glue", json!(["ns1.z.test. 127.0.0.1", "ns2.z.test. 127.0.0.1"])),
        ("glue.agree", json!(true)),
        ("reachable.udp", json!(true)),
        ("source.mismatch", json!([])),
        ("soa.mname", json!("ns1.z.test.")),
        ("soa.rname", json!("host.z.test.")),
        ("soa.refresh", json!(3600.0)),
        ("soa.expire", json!(604_800.0)),
        ("negative_ttl", json!(60.0)),
        ("servers.special", json!([pair.label(0), pair.label(1)])),
        ("flags", json!(["qr", "aa"])),
        ("repeated", json!(0)),
        ("discarded", json!(0)),
    ] {
        round.is(fact, want);
    }
    // Only what was asked for was looked at.
    for fact in ["axfr", "edns.version_ok", "recursion.open", "nxdomain", "propagated", "parent.failed", "cname.loop"] {
        assert!(round.absent(fact), "{fact}");
    }
    assert_eq!(round.fact("servers")[pair.label(1)]["serial"], 7);
}

#[tokio::test]
async fn one_server_is_reached_by_its_name_in_expectations() {
    let pair = Pair::new(&zone(9), &zone(9), &[]).await;
    let fields = format!("{}, {PATIENT}", pair.zone());
    let expect =
        |serial: u32| format!("{{\"servers.row.{}.serial\": {serial}, servers.failed: {{len: 0}}}}", pair.label(1));
    observe(&fields, Some(&expect(9))).await.passed();
    observe(&fields, Some(&expect(7))).await.failed("serial");
}

#[tokio::test]
async fn a_silent_server_is_never_hidden() {
    let pair = Pair::with(&[Quirk::Silent]).await;
    let round = pair.observe(&format!("{BRIEF}, probes: [edns, recursion]")).await;
    round.failed("outcome: expected answered, saw timeout");
    round.is("servers.failed", json!([pair.label(1)]));
    round.is("unreachable.udp", json!([pair.label(1)]));
    round.is("reachable.udp", false);
    round.is("lame", json!([pair.label(1)]));
    round.is("repeated", 2);
    round.noted("(timeout)");
    // What is not known of one server is not said of all.
    for fact in [
        "serial",
        "serial.behind",
        "serial.spread",
        "rcode",
        "answers",
        "flags",
        "consistent",
        "servers.differing",
        "authoritative",
        "ns.agree",
        "glue.agree",
        "soa.mname",
        "source.mismatch",
        "edns.version_ok",
        "recursion.open",
    ] {
        assert!(round.absent(fact), "{fact}");
    }
    round.noted("probe edns: not seen of");
    let fields = format!("{}, {BRIEF}, probes: [recursion]", pair.zone());
    let expects = ["{serial: 7}", "{serial.behind: {len: 0}}", "{recursion.open: {len: 0}}", "{consistent: true}"];
    let rounds = expects.map(|expect| observe(&fields, Some(expect)));
    for round in futures_util::future::join_all(rounds).await {
        round.failed("outcome: expected answered, saw timeout");
    }
}

#[tokio::test]
async fn a_server_without_the_zone_is_lame() {
    for (quirk, note) in [(Quirk::Refuses, "is lame: REFUSED"), (Quirk::NoAuthority, "is lame: NOERROR without AA")] {
        let pair = Pair::with(&[quirk]).await;
        let round = pair.observe(PATIENT).await;
        assert_eq!(round.verdict, crate::model::Verdict::Failed);
        round.is("lame", json!([pair.label(1)]));
        round.is("authoritative", false);
        round.is("servers.failed", json!([]));
        round.is("consistent", false);
        round.noted(note);
        assert!(round.absent("ns.agree") && round.absent("glue.agree"));
        assert!(round.observation.partial("ns.agree").is_none(), "it has nothing to compare");
    }
}

/// Where all are the same, nothing but this stands between a zone that nobody has and a pass.
#[tokio::test]
async fn servers_that_are_all_lame_fail() {
    let pair = Pair::with(&[Quirk::NoAuthority]).await;
    pair.scripts[0].behave(&[Quirk::NoAuthority]);
    let round = pair.observe(PATIENT).await;
    round.is("consistent", true);
    assert_eq!(round.broken, ["authoritative", "lame"]);
    round.is("lame", json!([pair.label(0), pair.label(1)]));
    round.noted(&format!("{} is lame: NOERROR without AA, a SOA of z.test.", pair.label(1)));
    let pair = Pair::with(&[Quirk::Empty]).await;
    pair.scripts[0].behave(&[Quirk::Empty]);
    pair.observe(PATIENT).await.noted("is lame: NOERROR with AA, no SOA of z.test.");
}

#[tokio::test]
async fn serials_are_held_against_each_other_around_the_circle() {
    for (one, two, ahead, spread) in
        [(7, 5, 7, 2), (5, 7, 7, 2), (0, u32::MAX, 0, 1), (u32::MAX, 0, 0, 1), (u32::MAX - 1, 3, 3, 5)]
    {
        let pair = Pair::new(&zone(one), &zone(two), &[]).await;
        let round = pair.observe(PATIENT).await;
        round.failed("consistent");
        round.is("serial", ahead);
        round.is("serial.spread", spread);
        let behind = usize::from(one == ahead);
        round.is("serial.behind", json!([pair.label(behind)]));
        // Of two camps as large as each other the one with the newer serial counts.
        round.is("servers.differing", json!([pair.label(behind)]));
        round.noted("differs: NOERROR aa z.test. 300 SOA");
        assert!(round.absent("answers"), "the two answers are not one");
    }
    // Half the circle apart: neither is ahead.
    let pair = Pair::new(&zone(0), &zone(1 << 31), &[]).await;
    let round = pair.observe(PATIENT).await;
    assert!(round.absent("serial") && round.absent("serial.behind"));
    round.noted("no order (RFC 1982)");
}

#[tokio::test]
async fn records_that_differ_are_seen_whatever_their_order_and_case() {
    let other = zone(7).replace("192.0.2.11", "192.0.2.99");
    let pair = Pair::new(&zone(7), &other, &[]).await;
    let asked = format!("{}, {PATIENT}, name: www.z.test", pair.zone());
    let round = observe(&asked, None).await;
    round.failed("consistent");
    round.noted("192.0.2.99");
    assert!(round.absent("answers"));
    // The apex alone does not show it.
    pair.observe(PATIENT).await.passed();
    let turned: Vec<String> = zone(7).lines().rev().map(str::to_owned).collect();
    let turned = turned.join("\n").replace("ns2.z.test. 300 A", "NS2.z.TEST. 300 A").replace("NS ns2", "NS Ns2");
    pair.scripts[1].load(&turned);
    let round = observe(&asked, None).await;
    round.passed();
    round.is("answers", json!(["192.0.2.10", "192.0.2.11"]));
    // A TTL is a part of the zone.
    pair.scripts[1].load(&zone(7).replace("www.z.test. 300", "www.z.test. 301"));
    observe(&asked, None).await.failed("consistent");
}

#[tokio::test]
async fn names_of_servers_and_glue_are_held_against_the_zone() {
    let other = zone(7).replace("NS ns2.z.test.", "NS ns3.z.test.");
    let pair = Pair::new(&other, &other, &[]).await;
    let round = pair.observe(PATIENT).await;
    round.failed("ns.agree");
    round.is("ns.child", json!(["ns1.z.test.", "ns3.z.test."]));
    round.noted("NS at the parent: ns1.z.test. ns2.z.test.; in the zone: ns1.z.test. ns3.z.test.");
    round.is("servers.count", 2);

    let other = zone(7).replace("ns2.z.test. 300 A 127.0.0.1", "ns2.z.test. 300 A 127.0.0.9");
    let pair = Pair::new(&other, &other, &[]).await;
    let round = pair.observe(PATIENT).await;
    round.failed("glue.agree");
    round.noted("ns2.z.test. has glue [127.0.0.1], and in the zone [127.0.0.9]");

    // An address more than the glue is a difference too.
    let other = format!("{}\nns2.z.test. 300 AAAA ::1", zone(7));
    let pair = Pair::new(&other, &other, &[]).await;
    pair.observe(PATIENT).await.failed("glue.agree");

    let alias = zone(7).replace("ns2.z.test. 300 A 127.0.0.1", "ns2.z.test. 300 CNAME ns1.z.test.");
    let pair = Pair::new(&alias, &alias, &[]).await;
    let round = pair.observe(PATIENT).await;
    round.is("ns.alias", json!(["ns2.z.test."]));
    round.is("glue.agree", false);
}

#[tokio::test]
async fn a_list_of_servers_is_compared_by_its_question() {
    let pair = Pair::with(&[]).await;
    let fields = format!("{}, {PATIENT}, name: www.z.test", pair.list());
    let round = observe(&fields, None).await;
    round.passed();
    round.is("answers", json!(["192.0.2.10", "192.0.2.11"]));
    round.is("servers.count", 2);
    assert!(round.absent("lame") && round.absent("ns.child") && round.absent("serial"));
    let soa = format!("{}, {PATIENT}, name: z.test, type: SOA", pair.list());
    observe(&soa, None).await.is("serial", 7);
    pair.scripts[1].load(&zone(6).replace("192.0.2.11", "192.0.2.12"));
    let round = observe(&fields, None).await;
    round.failed("consistent: expected true, saw false");
    observe(&soa, None).await.is("serial.spread", 1);
    // Nothing found is no answer, however much all agree on it.
    let round = observe(&format!("{}, {PATIENT}, name: gone.z.test", pair.list()), None).await;
    round.failed("rcode: expected NOERROR, saw NXDOMAIN");
    // A name of a server without an address.
    let nowhere = pair.list().replace(']', ", nowhere.invalid]");
    let round = observe(&format!("{nowhere}, {PATIENT}, name: www.z.test"), None).await;
    round.failed("unresolved");
    round.is("servers.failed", json!(["nowhere.invalid:53"]));
}

#[tokio::test]
async fn identifiers_are_reported_when_asked_for() {
    let pair = Pair::with(&[Quirk::Nsid]).await;
    pair.scripts[0].behave(&[Quirk::Nsid]);
    let round = pair.observe(&format!("{PATIENT}, nsid: true")).await;
    round.is("nsid.distinct", json!(["lab"]));
    assert_eq!(round.fact("servers")[pair.label(0)]["nsid"], "lab");
    assert!(pair.observe(PATIENT).await.absent("nsid.distinct"));
}

#[tokio::test]
async fn aliases_are_followed_inside_the_zone() {
    let zone = format!(
        "{}\na.z.test. 300 CNAME b.z.test.\nb.z.test. 300 CNAME www.z.test.\nloop.z.test. 300 CNAME pool.z.test.
         pool.z.test. 300 CNAME loop.z.test.\nout.z.test. 300 CNAME www.elsewhere.test.
         dead.z.test. 300 CNAME gone.z.test.\nself.z.test. 300 CNAME self.z.test.\nempty.z.test. 300 CNAME ns1.z.test.",
        zone(7)
    );
    let pair = Pair::new(&zone, &zone, &[]).await;
    for (name, kind, length, looped, dangling) in [
        ("www", "A", 0, false, Some(false)),
        ("a", "A", 2, false, Some(false)),
        ("a", "CNAME", 0, false, Some(false)),
        ("loop", "A", 2, true, None),
        ("self", "A", 1, true, None),
        ("out", "A", 1, false, None),
        ("dead", "A", 1, false, Some(true)),
        ("empty", "AAAA", 1, false, Some(true)),
    ] {
        let round = pair.observe(&format!("{PATIENT}, name: {name}.z.test, type: {kind}")).await;
        round.is("cname.length", length);
        round.is("cname.loop", looped);
        match dangling {
            Some(dangling) => round.is("cname.dangling", dangling),
            None => assert!(round.absent("cname.dangling"), "{name}"),
        }
        if name == "out" {
            round.noted("lead out of the zone to www.elsewhere.test.");
        }
    }
    assert!(!pair.scripts[0].asked().iter().any(|name| name.contains("elsewhere")), "asked outside the zone");
}

#[test]
fn what_makes_no_sense_is_refused_before_anything_is_sent() {
    let ns = "ns: {ns1.z.test: [127.0.0.1]}";
    for (fields, why) in [
        ("server: [127.0.0.1, 127.0.0.2]", "needs `name`"),
        ("server: 127.0.0.1", "needs `name`"),
        ("server: 127.0.0.1, authoritative: {zone: z.test}", "`server` names them"),
        ("name: www.z.test, probes: [tcp]", "names 0 servers"),
        ("server: 127.0.0.1, name: z.test, probes: [axfr]", "needs to know the zone"),
        ("server: 127.0.0.1, name: z.test, wanted: {serial: 5}", "part of a SOA record"),
        ("server: 127.0.0.1, name: z.test, probes: [none]", "unknown"),
        ("authoritative: {zone: z..test}", "empty label"),
        ("authoritative: {}", "needs `zone`"),
        ("authoritative: {zone: z.test}, name: www.other.test", "not in the zone"),
        ("authoritative: {zone: z.test}, probes: [recursion], outside: www.z.test", "inside the zone"),
        ("authoritative: {zone: z.test}, wanted: {}", "one of `serial` and `answers`"),
        ("authoritative: {zone: z.test}, wanted: {serial: 1, answers: [a]}", "one of `serial` and `answers`"),
        ("authoritative: {zone: z.test}, wanted: {serial: 1, answers: []}", "one of `serial` and `answers`"),
        ("authoritative: {zone: z.test}, wanted: {answers: []}", "never without its SOA and NS"),
        (
            "authoritative: {zone: z.test}, name: Z.test, type: NS, wanted: {answers: []}",
            "never without its SOA and NS",
        ),
        ("authoritative: {zone: z.test, ns: {ns1.z.test: []}}", "has no address"),
        ("authoritative: {zone: z.test, ns: {ns1.z.test: [ns2.z.test]}}", "not an address"),
        ("authoritative: {zone: z.test, ns: {}}", "names no server"),
        ("authoritative: {zone: z.test, ns: {a.test: [127.0.0.1], A.test.: [127.0.0.2]}}", "twice"),
        ("authoritative: {zone: z.test}, class: CH", "class IN"),
    ] {
        let why_not = check(fields, None).err().unwrap_or_else(|| panic!("{fields} is taken"));
        assert!(why_not.contains(why), "{fields}: {why_not}");
    }
    let both = format!("authoritative: {{zone: z.test, {ns}, parent: [127.0.0.1]}}");
    assert!(check(&both, None).err().unwrap().contains("gives the delegation"));
    // A fact that these fields leave off is said to be so.
    let fields = format!("authoritative: {{zone: z.test, {ns}}}");
    for (fact, with) in [("axfr: refused", "probes: [axfr]"), ("propagation.pending: {len: 0}", "wanted: {")] {
        let why = check(&fields, Some(&format!("{{{fact}}}"))).err().unwrap();
        assert!(why.contains(with), "{why}");
    }
    let why = check("server: 127.0.0.1, name: z.test", Some("{consistent: true}")).err().unwrap();
    assert!(why.contains("authoritative"), "{why}");
    assert!(check(&format!("{fields}, probes: [all]"), Some("{axfr: refused, wildcard: false}")).is_ok());
}

/// Who names a type asks for it, whatever the name.
#[tokio::test]
async fn a_type_of_the_zone_itself_is_expected_to_be_there() {
    let pair = Pair::with(&[]).await;
    pair.observe(&format!("{PATIENT}, type: MX")).await.failed("answers");
    pair.observe(&format!("{PATIENT}, type: NS")).await.passed();
    pair.observe(PATIENT).await.passed();
}
