//! Each verdict with its reason.

use super::authority::{DAY, Records, Reply, Signer, World, now, records};
use super::{A, MX, Zone, address, is, name, observed};
use crate::checks::dns::dnssec::disagreement;
use crate::checks::dns::dnssec::second_validator::SecondOpinion;
use crate::checks::dns::dnssec::verdict::{Validation, Verdict};
use crate::model::{Arg, Value};
use crate::proto::dns::types;
use crate::proto::dnssec::Reason;
use crate::testing::{noted, table, text};

#[tokio::test]
async fn an_anchor_that_is_only_the_ksk_is_enough() {
    let zone = Zone::new();
    let key = format!("test. DNSKEY 257 3 13 {}", {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD.encode(&zone.ksk.dnskey()[4..])
    });
    for anchor in [zone.ksk.anchor(), key] {
        let observation = observed(zone.world.clone(), &anchor, "WWW.Test", &[]).await;
        is(&observation, "secure", "");
        assert_eq!(observation.text("dnssec.second_opinion"), Some("agrees"));
        assert_eq!(observation.last("ds.match"), Some(&Value::Bool(true)));
        assert_eq!(observation.last("ds.unmatched"), Some(&Value::Array(Vec::new())));
        let left = observation.last("rrsig.expires_in").and_then(Value::as_f64).unwrap();
        assert!((f64::from(6 * DAY)..=f64::from(7 * DAY)).contains(&left), "{left}");
        // DNSKEY; SOA, CDS and CDNSKEY are refused here, which no verdict depends on.
        assert_eq!(observation.last("dnssec.queries"), Some(&Value::from(4)));
        assert!(observation.last("cds.match").is_none() && observation.last("soa.expire_margin").is_none());
    }
}

#[tokio::test]
async fn the_chain_begins_at_the_root_and_goes_down_by_ds() {
    let (root, test) = (Signer::new(".", 257), Signer::new("test.", 257));
    let mut world = World::default();
    world.answer(root.signed(records(".", types::DNSKEY, &[root.dnskey()])));
    world.answer(root.signed(records("test.", types::DS, &[test.ds(), Signer::new("test.", 257).ds()])));
    world.answer(test.signed(records("test.", types::DNSKEY, &[test.dnskey()])));
    world.answer(test.signed(address("www.test.")));
    // The zone asks its parent to keep the DS it has, and another one that is of no key.
    world.answer(test.signed(records("test.", types::CDS, &[test.ds()])));
    let observation = observed(world, &root.anchor(), "www.test", &[]).await;
    is(&observation, "secure", "");
    assert_eq!(observation.text("dnssec.second_opinion"), Some("agrees"));
    let Some(Value::Array(unmatched)) = observation.last("ds.unmatched") else { panic!("{observation:?}") };
    assert_eq!(unmatched.len(), 1);
    assert_eq!(observation.last("cds.match"), Some(&Value::Bool(true)));
    assert_eq!(observation.last("cds.pending"), Some(&Value::Bool(true)));
    let sets = table(&observation, "rrsig.sets");
    let names: Vec<&String> = sets.as_object().unwrap().keys().collect();
    assert_eq!(names, [". DNSKEY", "test. DNSKEY", "test. DS", "www.test. A"]);
}

#[tokio::test]
async fn cds_must_name_a_key_of_the_zone() {
    let mut zone = Zone::new();
    zone.world.answer(zone.zsk.signed(records("test.", types::CDS, &[Signer::new("test.", 257).ds()])));
    let observation = zone.observed("www.test", &[]).await;
    is(&observation, "secure", "");
    assert_eq!(observation.last("cds.match"), Some(&Value::Bool(false)));
    // Without a parent in the chain there is nothing to be pending.
    assert!(observation.last("cds.pending").is_none());
}

#[tokio::test]
async fn a_key_that_is_not_the_anchors_matches_nothing() {
    let zone = Zone::new();
    let other = Signer::new("test.", 257).anchor();
    let observation = observed(zone.world, &other, "www.test", &[]).await;
    is(&observation, "bogus", "ds_mismatch");
    assert_eq!(observation.last("ds.match"), Some(&Value::Bool(false)));
}

#[tokio::test]
async fn sha1_counts_only_where_nothing_better_is_there() {
    use domain::base::iana::{DigestAlgorithm, SecurityAlgorithm};
    use domain::dnssec::validator::base::DnskeyExt as _;
    let test = Signer::new("test.", 257);
    let public = test.dnskey().split_off(4);
    let key = domain::rdata::Dnskey::new(257, 3, SecurityAlgorithm::from_int(13), public).unwrap();
    let zone = domain::base::Name::vec_from_str("test.").unwrap();
    let digest = key.digest(&zone, DigestAlgorithm::SHA1).unwrap();
    let old = [&test.tag().to_be_bytes()[..], &[13, 1], digest.as_ref()].concat();
    let mut wrong = test.ds();
    *wrong.last_mut().unwrap() ^= 1;
    for (ds, word, reason) in [(vec![old.clone()], "secure", ""), (vec![old, wrong], "bogus", "ds_mismatch")] {
        let root = Signer::new(".", 257);
        let mut world = World::default();
        world.answer(root.signed(records(".", types::DNSKEY, &[root.dnskey()])));
        world.answer(root.signed(records("test.", types::DS, &ds)));
        world.answer(test.signed(records("test.", types::DNSKEY, &[test.dnskey()])));
        world.answer(test.signed(address("www.test.")));
        // RFC 4509 section 3, which the second validator does not follow: without it, by `at`.
        let at = [("at", text(&jiff::Timestamp::now().to_string()))];
        is(&observed(world, &root.anchor(), "www.test", &at).await, word, reason);
    }
}

#[tokio::test]
async fn only_the_ksk_must_sign_the_keys() {
    let mut zone = Zone::new();
    let keys = records("test.", types::DNSKEY, &[zone.ksk.dnskey(), zone.zsk.dnskey()]);
    zone.world.answer(zone.zsk.signed(keys));
    is(&zone.observed("www.test", &[]).await, "bogus", "missing_rrsig");
}

#[tokio::test]
async fn a_signature_that_ends_before_it_begins_is_never_valid() {
    for window in [(now() + DAY, now() - DAY), (now() - DAY, now() - 2 * DAY), (now() + 2 * DAY, now() + DAY)] {
        let observation = windowed(window).observed("www.test", &[]).await;
        is(&observation, "bogus", "never_valid");
        noted(&observation, "is never valid: its inception is after its expiration");
    }
    // One second is a window.
    let observation = windowed((now() - DAY, now() - DAY)).observed("www.test", &[]).await;
    is(&observation, "bogus", "expired");
}

#[tokio::test]
async fn a_server_that_drops_edns_is_called_that() {
    let mut zone = Zone::new();
    zone.world.reply("www.test.", A).drops_edns = true;
    let observation = zone.observed("www.test", &[("timeout", Arg::Number(1.0))]).await;
    is(&observation, "indeterminate", "no_answer");
    noted(&observation, "it answers the question without EDNS and is silent with it");
    // Silence about everything is something else.
    let mut zone = Zone::new();
    zone.world.reply("www.test.", A).silent = true;
    let observation = zone.observed("www.test", &[("timeout", Arg::Number(1.0))]).await;
    noted(&observation, "the question itself was not answered");
    // Signatures are gone with the OPT record that asked for them.
    let mut zone = Zone::new();
    zone.world.answer(address("www.test."));
    zone.world.put("www.test.", types::DS, Reply::default());
    let observation = zone.observed("www.test", &[]).await;
    is(&observation, "bogus", "missing_denial");
    noted(&observation, "the answer has no EDNS (OPT record)");
}

/// A zone whose `www A` is signed in this window.
fn windowed(window: (u32, u32)) -> Zone {
    let mut zone = Zone::new();
    zone.zsk.window = window;
    zone.world.answer(zone.zsk.signed(address("www.test.")));
    zone
}

#[tokio::test]
async fn signatures_have_their_time_to_the_second() {
    let observation = windowed((now() - 3 * DAY, now() - DAY)).observed("www.test", &[]).await;
    is(&observation, "bogus", "expired");
    assert!(observation.last("rrsig.expires_in").and_then(Value::as_f64).unwrap() <= -f64::from(DAY));
    let observation = windowed((now() + DAY, now() + 3 * DAY)).observed("www.test", &[]).await;
    is(&observation, "bogus", "not_yet_valid");
    assert!(observation.last("rrsig.inception_age").and_then(Value::as_f64).unwrap() <= -f64::from(DAY) + 60.0);
    // The first and the last second belong to it; no skew is allowed.
    let window = (now() - DAY, now() - DAY / 2);
    for (at, word, reason) in [
        (window.0 - 1, "bogus", "not_yet_valid"),
        (window.0, "secure", ""),
        (window.1, "secure", ""),
        (window.1 + 1, "bogus", "expired"),
    ] {
        let mut zone = windowed(window);
        zone.ksk.window = (window.0 - DAY, window.1 + DAY);
        let keys = records("test.", types::DNSKEY, &[zone.ksk.dnskey(), zone.zsk.dnskey()]);
        zone.world.answer(zone.ksk.signed(keys));
        let at = jiff::Timestamp::from_second(i64::from(at)).unwrap().to_string();
        let observation = zone.observed("www.test", &[("at", text(&at))]).await;
        is(&observation, word, reason);
        // The second validator has no clock but the wall's.
        assert_eq!(observation.text("dnssec.second_opinion"), Some("none"));
    }
}

#[tokio::test]
async fn one_signature_that_holds_is_enough_and_decides_the_margin() {
    let mut zone = Zone::new();
    let good = zone.zsk.signed(address("www.test."));
    zone.zsk.window = (now() - 3 * DAY, now() - DAY);
    zone.world.answer(zone.zsk.signed(good));
    let observation = zone.observed("www.test", &[]).await;
    is(&observation, "secure", "");
    assert!(observation.last("rrsig.expires_in").and_then(Value::as_f64).unwrap() > 0.0);
}

/// A key roll: the set is signed by the old key and by the new one, whose signatures end at other times. As long as one holds
/// the set does, so the margin is that of the later; it moves neither when the second comes nor when the first goes.
#[tokio::test]
async fn the_margin_is_steady_through_a_key_roll() {
    let left =
        |observation: &crate::model::Observation| observation.last("rrsig.expires_in").and_then(Value::as_f64).unwrap();
    for (first, second) in [(2, 6), (6, 2), (6, 6)] {
        let (old, mut new) = (Zone::new(), Signer::new("test.", 256));
        let Zone { ksk, mut zsk, mut world } = old;
        let keys = records("test.", types::DNSKEY, &[ksk.dnskey(), zsk.dnskey(), new.dnskey()]);
        world.answer(ksk.signed(keys));
        zsk.window = (now() - DAY, now() + first * DAY);
        new.window = (now() - DAY, now() + second * DAY);
        world.answer(new.signed(zsk.signed(address("www.test."))));
        let observation = observed(world, &ksk.anchor(), "www.test", &[]).await;
        is(&observation, "secure", "");
        let left = left(&observation);
        assert!((f64::from(5 * DAY)..=f64::from(6 * DAY)).contains(&left), "{first} {second}: {left}");
    }
}

/// Of several sets, the one that is first without a signature.
#[tokio::test]
async fn the_margin_is_that_of_the_set_that_ends_first() {
    for (keys, data) in [(2, 6), (6, 2)] {
        let Zone { mut ksk, mut zsk, mut world } = Zone::new();
        ksk.window = (now() - DAY, now() + keys * DAY);
        zsk.window = (now() - DAY, now() + data * DAY);
        world.answer(ksk.signed(records("test.", types::DNSKEY, &[ksk.dnskey(), zsk.dnskey()])));
        world.answer(zsk.signed(address("www.test.")));
        let observation = observed(world, &ksk.anchor(), "www.test", &[]).await;
        is(&observation, "secure", "");
        let sets = table(&observation, "rrsig.sets");
        let within = |seconds: Option<f64>, days: u32| {
            let seconds = seconds.unwrap();
            assert!((f64::from((days - 1) * DAY)..=f64::from(days * DAY)).contains(&seconds), "{days}: {seconds}");
        };
        within(sets["test. DNSKEY"]["expires_in"].as_f64(), keys);
        within(sets["www.test. A"]["expires_in"].as_f64(), data);
        within(observation.last("rrsig.expires_in").and_then(Value::as_f64), 2);
    }
}

/// RFC 9276 section 3.2: up to 150 iterations are computed, and one more leaves the zone unsigned.
#[tokio::test]
async fn iterations_of_nsec3_have_a_bound() {
    use domain::dnssec::common::nsec3_hash;
    use domain::rdata::nsec3::Nsec3Salt;
    for (iterations, word, reason) in [
        (0, "secure", ""),
        (150, "secure", ""),
        (151, "insecure", "nsec3_iterations"),
        (150 << 8, "insecure", "nsec3_iterations"),
    ] {
        let mut zone = Zone::new();
        let www = domain::base::Name::vec_from_str("www.test.").unwrap();
        let (algorithm, salt) =
            (domain::base::iana::Nsec3HashAlgorithm::SHA1, Nsec3Salt::from_octets(&b""[..]).unwrap());
        let hash = nsec3_hash::<_, _, Vec<u8>>(&www, algorithm, iterations, &salt).unwrap();
        let owner = format!("{}.test.", domain::utils::base32::encode_string_hex(hash.as_slice()).to_lowercase());
        let mut data = vec![1, 0];
        data.extend(u16::to_be_bytes(iterations));
        data.extend([0, 20]);
        data.extend([0xff; 20]);
        data.extend(super::bits(&[A]));
        let nsec3 = zone.zsk.signed(records(&owner, types::NSEC3, &[data]));
        zone.absent("www.test.", MX, 0, vec![nsec3]);
        let observation = zone.observed("www.test", &[("type", text("MX"))]).await;
        is(&observation, word, reason);
        assert_eq!(observation.last("nsec3.iterations"), Some(&Value::from(iterations)));
    }
}

#[tokio::test]
async fn data_and_signatures_must_belong_together() {
    let mut zone = Zone::new();
    zone.world.reply("www.test.", A).answers[0].data[0][3] = 66;
    is(&zone.observed("www.test", &[]).await, "bogus", "bad_signature");

    let mut zone = Zone::new();
    let stranger = Signer::new("test.", 256);
    zone.world.answer(stranger.signed(address("www.test.")));
    is(&zone.observed("www.test", &[]).await, "bogus", "bad_signature");

    // Without signature: within the zone, as its NSEC proves.
    let mut zone = Zone::new();
    zone.world.reply("www.test.", A).answers[0].signatures.clear();
    let nsec = zone.nsec("www.test.", "test.", &[A]);
    zone.absent("www.test.", types::DS, 0, vec![nsec]);
    is(&zone.observed("www.test", &[]).await, "bogus", "missing_rrsig");
}

#[tokio::test]
async fn a_ds_of_an_unknown_algorithm_leaves_a_zone_unsigned() {
    let mut zone = Zone::new();
    let mut child = Signer::new("sub.test.", 257);
    child.algorithm = 200;
    zone.world.answer(zone.zsk.signed(records("sub.test.", types::DS, &[child.ds()])));
    zone.world.answer(child.signed(records("www.sub.test.", A, &[vec![192, 0, 2, 1]])));
    is(&zone.observed("www.sub.test", &[]).await, "insecure", "unsupported_algorithm");

    // In a zone that can be checked, a signature that cannot be is none.
    let mut zone = Zone::new();
    zone.zsk.algorithm = 200;
    zone.world.answer(zone.zsk.signed(address("www.test.")));
    is(&zone.observed("www.test", &[]).await, "bogus", "unsupported_algorithm");
}

#[tokio::test]
async fn absence_must_be_proven() {
    for (what, denial, word, reason) in [
        ("covered, and so is the wildcard", vec![("a.test.", "www.test."), ("test.", "a.test.")], "secure", ""),
        ("the wildcard is not denied", vec![("a.test.", "www.test.")], "bogus", "missing_denial"),
        ("another gap", vec![("test.", "a.test."), ("www.test.", "test.")], "bogus", "missing_denial"),
        ("nothing", vec![], "bogus", "missing_denial"),
    ] {
        let mut zone = Zone::new();
        let denial = denial.iter().map(|(owner, next)| zone.nsec(owner, next, &[A])).collect();
        zone.absent("nowhere.test.", A, 3, denial);
        let (found, observation) = (what, zone.observed("nowhere.test", &[]).await);
        assert_eq!(
            super::verdict(&observation),
            (word, Some(reason).filter(|r| !r.is_empty())),
            "{found}: {:?}",
            observation.notes()
        );
    }
    // Its signature has expired: that is the reason, not that it is missing.
    let mut zone = Zone::new();
    let soa = zone.soa();
    zone.zsk.window = (now() - 3 * DAY, now() - DAY);
    let denial = [("a.test.", "www.test."), ("test.", "a.test.")].map(|(owner, next)| zone.nsec(owner, next, &[A]));
    let authority = [vec![soa], denial.to_vec()].concat();
    zone.world.put("nowhere.test.", A, Reply { rcode: 3, authority, ..Reply::default() });
    is(&zone.observed("nowhere.test", &[]).await, "bogus", "expired");
}

#[tokio::test]
async fn a_type_is_denied_by_the_bit_map_of_its_name() {
    for (types, word, reason) in [(&[A][..], "secure", ""), (&[A, MX], "bogus", "missing_denial")] {
        let mut zone = Zone::new();
        let nsec = zone.nsec("www.test.", "test.", types);
        zone.absent("www.test.", MX, 0, vec![nsec]);
        is(&zone.observed("www.test", &[("type", text("MX"))]).await, word, reason);
    }
}

/// `owner A` made of `*.wild.test.`.
fn expanded(zone: &Zone, owner: &str) -> Records {
    zone.zsk.signed_as(address(owner), "*.wild.test.", 2)
}

#[tokio::test]
async fn a_wildcard_may_answer_directly_below_its_encloser() {
    for (owner, denial, word, reason) in [
        ("x.wild.test.", vec![("*.wild.test.", "www.test.")], "secure", ""),
        ("x.y.wild.test.", vec![("*.wild.test.", "www.test.")], "secure", ""),
        ("x.wild.test.", vec![], "bogus", "missing_denial"),
        // The records put the tree's end at y.wild.test, whose own wildcard would have to answer.
        ("x.y.wild.test.", vec![("a.y.wild.test.", "z.y.wild.test.")], "bogus", "missing_denial"),
    ] {
        let mut zone = Zone::new();
        let authority = denial.iter().map(|(from, to)| zone.nsec(from, to, &[A])).collect();
        let reply = Reply { answers: vec![expanded(&zone, owner)], authority, ..Reply::default() };
        zone.world.put(owner, A, reply);
        is(&zone.observed(owner, &[]).await, word, reason);
    }
}

#[tokio::test]
async fn without_an_answer_nothing_is_decided() {
    let brief = [("timeout", crate::model::Arg::Number(2.0))];
    let mut zone = Zone::new();
    zone.world.reply("test.", types::DNSKEY).silent = true;
    let observation = zone.observed("www.test", &brief).await;
    is(&observation, "indeterminate", "no_answer");
    assert_eq!(observation.text("rcode"), Some("NOERROR"));

    let mut zone = Zone::new();
    zone.world.reply("www.test.", A).silent = true;
    is(&zone.observed("www.test", &brief).await, "indeterminate", "no_answer");

    let mut zone = Zone::new();
    zone.world.reply("test.", types::DNSKEY).rcode = 2;
    is(&zone.observed("www.test", &[]).await, "indeterminate", "no_answer");

    let zone = Zone::new();
    let observation = zone.observed("elsewhere.test", &[]).await;
    is(&observation, "indeterminate", "no_answer");
    assert!(observation.notes().iter().any(|note| note.contains("REFUSED")), "{:?}", observation.notes());
}

#[tokio::test]
async fn a_server_of_the_child_alone_cannot_vouch_for_the_delegation() {
    let mut zone = Zone::new();
    let child = Signer::new("sub.test.", 257);
    zone.world.answer(child.signed(records("www.sub.test.", A, &[vec![192, 0, 2, 1]])));
    let apex = [name("sub.test."), super::bits(&[A])].concat();
    let nsec = child.signed(records("sub.test.", types::NSEC, &[apex]));
    let soa = child.signed(records("sub.test.", types::SOA, &[zone.soa().data[0].clone()]));
    zone.world.put("sub.test.", types::DS, Reply { authority: vec![soa, nsec], ..Reply::default() });
    let observation = zone.observed("www.sub.test", &[]).await;
    is(&observation, "indeterminate", "no_answer");
    assert!(
        observation.notes().iter().any(|note| note.contains("trust an anchor of sub.test.")),
        "{:?}",
        observation.notes()
    );

    let mut zone = Zone::new();
    let cut = records("sub.test.", types::NS, &[name("ns.elsewhere.")]);
    let reply = Reply { authority: vec![cut], referred: true, ..Reply::default() };
    zone.world.put("www.sub.test.", A, reply.clone());
    is(&zone.observed("www.sub.test", &[]).await, "indeterminate", "no_answer");

    // The parent's server knows DS, and refers to the child for its keys: that is no zone without keys.
    let mut zone = Zone::new();
    let child = Signer::new("sub.test.", 257);
    zone.world.answer(zone.zsk.signed(records("sub.test.", types::DS, &[child.ds()])));
    zone.world.answer(child.signed(address("www.sub.test.")));
    zone.world.put("sub.test.", types::DNSKEY, reply);
    let observation = zone.observed("www.sub.test", &[]).await;
    is(&observation, "indeterminate", "no_answer");
    assert!(observation.last("ds.match") == Some(&Value::Bool(true)), "{observation:?}");
}

#[tokio::test]
async fn what_does_not_fit_is_asked_for_over_tcp() {
    let mut zone = Zone::new();
    zone.world.reply("test.", types::DNSKEY).large = true;
    zone.world.reply("www.test.", A).large = true;
    let observation = zone.observed("www.test", &[]).await;
    is(&observation, "secure", "");
    // The ordinary answer was cut short, and is told so.
    assert_eq!(observation.last("truncated"), Some(&Value::Bool(true)));
    // A and DNSKEY twice each; SOA, CDS, CDNSKEY.
    assert_eq!(observation.last("dnssec.queries"), Some(&Value::from(7)));
}

#[test]
fn of_two_that_differ_the_first_keeps_its_reason() {
    let second = SecondOpinion { word: "differs", text: "secure".to_owned() };
    let first = Validation {
        verdict: Verdict::Bogus,
        reason: Some(Reason::Expired),
        why: "www.test. A: its only signature does not hold".to_owned(),
    };
    let both = disagreement(&first, &second);
    assert_eq!((both.verdict, both.reason), (Verdict::Indeterminate, Some(Reason::OpinionsDiffer)));
    assert_eq!(
        both.why,
        "first says bogus, expired (www.test. A: its only signature does not hold), second says secure"
    );
    let first = Validation { verdict: Verdict::Secure, reason: None, why: String::new() };
    assert_eq!(disagreement(&first, &second).why, "first says secure, second says secure");
}
