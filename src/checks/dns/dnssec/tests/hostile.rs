//! Zones that were made to cost, to loop or to mislead.

use tokio::time::{Duration, Instant};

use super::authority::{DAY, Reply, Signer, World, now, records};
use super::{A, Zone, address, is, name, observed};
use crate::model::{Arg, Observation, Value};
use crate::proto::dns::types;
use crate::proto::dnssec::Key;
use crate::testing::{noted, text};

/// Nothing here may take this long, on any machine.
const BOUND: Duration = Duration::from_secs(20);

/// Another key that seems to be `signer`'s by its tag.
fn twin(signer: &Signer, seed: u8) -> Vec<u8> {
    let mut data = signer.dnskey();
    // The tag is a sum of 16-bit words: what one gains another must lose.
    let step = u16::from(seed) + 1;
    for (at, change) in [(8, step), (10, step.wrapping_neg())] {
        let word = u16::from_be_bytes([data[at], data[at + 1]]).wrapping_add(change);
        data[at..at + 2].copy_from_slice(&word.to_be_bytes());
    }
    data
}

#[tokio::test]
async fn a_flood_of_keys_with_one_tag_and_signatures_ends_early() {
    let mut zone = Zone::new();
    let twins: Vec<Vec<u8>> = (0..200).map(|seed| twin(&zone.zsk, seed)).collect();
    let same: Vec<&Vec<u8>> = twins.iter().filter(|key| Key::read(key).unwrap().tag == zone.zsk.tag()).collect();
    assert!(same.len() > 50, "{} of the keys collide", same.len());
    let mut keys = vec![zone.ksk.dnskey()];
    keys.extend(same.into_iter().take(60).cloned());
    zone.world.answer(zone.ksk.signed(records("test.", types::DNSKEY, &keys)));
    let mut www = zone.zsk.signed(address("www.test."));
    for count in 0..60 {
        let mut other = www.signatures[0].clone();
        *other.last_mut().unwrap() ^= count + 1;
        www.signatures.push(other);
    }
    zone.world.put("www.test.", A, Reply { answers: vec![www], large: true, ..Reply::default() });
    zone.world.reply("test.", types::DNSKEY).large = true;
    let began = Instant::now();
    is(&zone.observed("www.test", &[]).await, "indeterminate", "too_much_work");
    assert!(began.elapsed() < BOUND);
}

/// Now, which the second validator cannot be told: what it makes of a flood is its own matter.
fn at() -> [(&'static str, Arg); 1] {
    [("at", text(&jiff::Timestamp::now().to_string()))]
}

/// Why a fact is known to be seen in part.
#[track_caller]
fn in_part(observation: &Observation, facts: &[&str], why: &str) {
    for fact in facts {
        assert_eq!(observation.partial(fact), Some(why), "{fact}: {:?}", observation.notes());
    }
}

#[tokio::test]
async fn signatures_beyond_the_limit_are_told() {
    const OF_SIGNATURES: [&str; 4] = ["rrsig.expires_in", "rrsig.sets", "dnssec.algorithms", "rrsig.inception_age"];
    let signatures = |zone: &Zone, others: u16, first: bool| {
        let mut www = zone.zsk.signed(address("www.test."));
        let good = www.signatures.remove(0);
        www.signatures.extend((0..others).map(|count| {
            // By a key of another tag.
            let mut other = good.clone();
            other[16..18].copy_from_slice(&zone.zsk.tag().wrapping_add(count + 1).to_be_bytes());
            other
        }));
        www.signatures.insert(if first { 0 } else { www.signatures.len() }, good);
        Reply { answers: vec![www], large: true, ..Reply::default() }
    };
    for (others, first, word, reason) in
        [(63, false, "secure", ""), (64, true, "secure", ""), (64, false, "indeterminate", "too_much_work")]
    {
        let mut zone = Zone::new();
        let reply = signatures(&zone, others, first);
        zone.world.put("www.test.", A, reply);
        let observation = zone.observed("www.test", &at()).await;
        is(&observation, word, reason);
        if others == 63 {
            assert!(OF_SIGNATURES.iter().all(|fact| observation.partial(fact).is_none()), "all were looked at");
        } else {
            in_part(&observation, &OF_SIGNATURES, "of 65 signatures of www.test. A 64 are looked at");
        }
    }
}

/// A signature that was not tried may hold longer than those that were.
#[tokio::test]
async fn the_margin_of_signatures_that_were_not_all_tried_is_a_part() {
    let mut zone = Zone::new();
    let mut www = address("www.test.");
    for days in 1..=9 {
        zone.zsk.window = (now() - DAY, now() + days * DAY);
        www = zone.zsk.signed(www);
    }
    zone.world.put("www.test.", A, Reply { answers: vec![www], large: true, ..Reply::default() });
    let observation = zone.observed("www.test", &at()).await;
    is(&observation, "secure", "");
    in_part(&observation, &["rrsig.expires_in", "rrsig.sets"], "of 9 signatures of www.test. A 8 are looked at");
}

/// Zone `test.` below the root, with DS records beside its own that name no key: 24 of lower tags, or of higher ones.
async fn with_many_ds(lower: bool) -> Observation {
    let (root, test) = (Signer::new(".", 257), Signer::new("test.", 257));
    let mut all = vec![test.ds()];
    for count in 0..24_u16 {
        let mut ds = Signer::new("test.", 257).ds();
        ds[..2].copy_from_slice(&if lower { count } else { u16::MAX - count }.to_be_bytes());
        all.push(ds);
    }
    let mut world = World::default();
    world.answer(root.signed(records(".", types::DNSKEY, &[root.dnskey()])));
    let ds = root.signed(records("test.", types::DS, &all));
    world.put("test.", types::DS, Reply { answers: vec![ds], large: true, ..Reply::default() });
    world.answer(test.signed(records("test.", types::DNSKEY, &[test.dnskey()])));
    world.answer(test.signed(address("www.test.")));
    world.answer(test.signed(records("test.", types::CDS, &[test.ds()])));
    observed(world, &root.anchor(), "www.test", &at()).await
}

#[tokio::test]
async fn ds_beyond_the_limit_are_told() {
    const WHY: &str = "of 25 DS of test. the first 20 are looked at";
    // Sets are in the order of their data, so the lower tags come first.
    let observation = with_many_ds(true).await;
    is(&observation, "indeterminate", "too_much_work");
    noted(&observation, &format!("{WHY}, and none leads on"));
    let observation = with_many_ds(false).await;
    is(&observation, "secure", "");
    in_part(&observation, &["ds.unmatched", "cds.pending"], WHY);
    assert!(observation.partial("dnssec.verdict").is_none(), "one that leads on is enough");
}

#[tokio::test]
async fn denial_records_beyond_the_limit_are_told() {
    const WHY: &str = "of 18 denial records the first 16 are looked at";
    for (first, word, reason) in [(true, "secure", ""), (false, "indeterminate", "too_much_work")] {
        let mut zone = Zone::new();
        let mut denial = vec![zone.nsec("a.test.", "www.test.", &[A]), zone.nsec("test.", "a.test.", &[A])];
        let beside = (0..16).map(|at| zone.nsec(&format!("x{at}.test."), &format!("x{at}a.test."), &[A]));
        denial.extend(beside);
        if !first {
            denial.reverse();
        }
        zone.absent("nowhere.test.", A, 3, denial);
        zone.world.reply("nowhere.test.", A).large = true;
        let observation = zone.observed("nowhere.test", &at()).await;
        is(&observation, word, reason);
        in_part(&observation, &["nsec3.iterations", "nsec3.opt_out"], WHY);
        if !first {
            noted(&observation, WHY);
        }
    }
}

#[tokio::test]
async fn keys_beyond_the_limit_are_told() {
    for (others, left_out) in [(62_u8, None), (64, Some("not listed: 2 more keys"))] {
        let mut zone = Zone::new();
        let mut keys = vec![zone.ksk.dnskey(), zone.zsk.dnskey()];
        keys.extend((0..others).map(|count| {
            let mut key = zone.zsk.dnskey();
            key[20] ^= count + 1;
            key
        }));
        let set = zone.ksk.signed(records("test.", types::DNSKEY, &keys));
        zone.world.put("test.", types::DNSKEY, Reply { answers: vec![set], large: true, ..Reply::default() });
        let observation = zone.observed("www.test", &at()).await;
        is(&observation, "secure", "");
        assert_eq!(observation.partial("dnssec.keys"), left_out);
        assert_eq!(observation.last("dnssec.keys").and_then(Value::as_array).map(Vec::len), Some(64));
    }
}

#[tokio::test]
async fn two_keys_of_one_tag_are_no_attack() {
    let mut zone = Zone::new();
    let twin = (0..200).map(|seed| twin(&zone.zsk, seed)).find(|key| Key::read(key).unwrap().tag == zone.zsk.tag());
    let keys = [zone.ksk.dnskey(), twin.unwrap(), zone.zsk.dnskey()];
    zone.world.answer(zone.ksk.signed(records("test.", types::DNSKEY, &keys)));
    let observation = zone.observed("www.test", &[]).await;
    is(&observation, "secure", "");
}

#[tokio::test]
async fn a_flood_of_nsec3_iterations_is_not_computed() {
    let mut zone = Zone::new();
    let mut data = vec![1, 0, 0xff, 0xff, 0, 20];
    data.extend([0xff; 20]);
    let owner = "00000000000000000000000000000000.test.";
    let nsec3 = zone.zsk.signed(records(owner, types::NSEC3, &[data]));
    let deep = format!("{}test.", "a.".repeat(60));
    zone.absent(&deep, A, 3, vec![nsec3]);
    let began = Instant::now();
    let observation = zone.observed(&deep, &[]).await;
    is(&observation, "insecure", "nsec3_iterations");
    assert_eq!(observation.last("nsec3.iterations"), Some(&Value::from(65_535)));
    assert!(began.elapsed() < BOUND);
}

#[tokio::test]
async fn a_compression_loop_is_no_answer() {
    let mut zone = Zone::new();
    // An owner that points to itself: the question of `test. DNSKEY` ends at 12 + 6 + 4.
    zone.world.put("test.", types::DNSKEY, Reply { raw: Some(vec![0xc0, 22, 0, 48, 0, 1]), ..Reply::default() });
    let began = Instant::now();
    is(&zone.observed("www.test", &[]).await, "indeterminate", "no_answer");
    assert!(began.elapsed() < BOUND);
}

#[tokio::test]
async fn aliases_that_loop_end() {
    let mut zone = Zone::new();
    let to = |zone: &Zone, from: &str, to: &str| zone.zsk.signed(records(from, types::CNAME, &[name(to)]));
    let (ab, ba) = (to(&zone, "a.test.", "b.test."), to(&zone, "b.test.", "a.test."));
    zone.world.put("a.test.", A, Reply { answers: vec![ab, ba], ..Reply::default() });
    let observation = zone.observed("a.test", &[]).await;
    is(&observation, "indeterminate", "no_answer");
    assert!(observation.notes().iter().any(|note| note.contains("lead back to a.test.")), "{:?}", observation.notes());

    // One alias after the other, each in an answer of its own, without end.
    let mut zone = Zone::new();
    for count in 0..40 {
        let link = to(&zone, &format!("l{count}.test."), &format!("l{}.test.", count + 1));
        zone.world.put(&format!("l{count}.test."), A, Reply { answers: vec![link], ..Reply::default() });
    }
    let observation = zone.observed("l0.test", &[]).await;
    is(&observation, "indeterminate", "no_answer");
    assert!(observation.last("dnssec.queries").and_then(Value::as_i64).unwrap() < 20);
}

#[tokio::test]
async fn an_alias_out_of_every_anchor_is_not_judged() {
    let mut zone = Zone::new();
    let link = zone.zsk.signed(records("a.test.", types::CNAME, &[name("www.example.")]));
    let far = records("www.example.", A, &[vec![192, 0, 2, 1]]);
    zone.world.put("a.test.", A, Reply { answers: vec![link, far], ..Reply::default() });
    is(&zone.observed("a.test", &[]).await, "indeterminate", "no_anchor");
}

#[tokio::test]
async fn an_unsigned_alias_of_a_dname_is_its_consequence_and_no_other() {
    for (target, word, reason) in [("x.new.test.", "secure", ""), ("evil.test.", "bogus", "bad_signature")] {
        let mut zone = Zone::new();
        let dname = zone.zsk.signed(records("old.test.", types::DNAME, &[name("new.test.")]));
        let made = records("x.old.test.", types::CNAME, &[name(target)]);
        let end = zone.zsk.signed(address(target));
        zone.world.put("x.old.test.", A, Reply { answers: vec![dname, made, end], ..Reply::default() });
        is(&zone.observed("x.old.test", &[]).await, word, reason);
    }
}

#[tokio::test]
async fn records_smuggled_into_a_sound_answer_are_not_covered_by_its_verdict() {
    let mut zone = Zone::new();
    let good = zone.zsk.signed(address("www.test."));
    let smuggled = records("www.test.", types::CNAME, &[name("evil.test.")]);
    let end = records("evil.test.", A, &[vec![192, 0, 2, 66]]);
    zone.world.put("www.test.", A, Reply { answers: vec![good, smuggled, end], ..Reply::default() });
    for owner in ["www.test.", "evil.test."] {
        let nsec = zone.nsec(owner, "zzz.test.", &[A]);
        zone.absent(owner, types::DS, 0, vec![nsec]);
    }
    is(&zone.observed("www.test", &[]).await, "bogus", "missing_rrsig");
}

#[tokio::test]
async fn a_parent_cannot_deny_what_is_in_its_child() {
    // RFC 6840 section 4.1: the delegation's NSEC is genuine and says nothing of types in the child.
    let mut zone = Zone::new();
    let cut = zone.nsec("sub.test.", "www.test.", &[types::NS, types::DS]);
    zone.absent("sub.test.", A, 0, vec![cut]);
    is(&zone.observed("sub.test", &[]).await, "bogus", "missing_denial");
    let mut zone = Zone::new();
    let cut = zone.nsec("sub.test.", "www.test.", &[types::NS, types::DS]);
    let apex = zone.nsec("test.", "sub.test.", &[types::NS, types::SOA]);
    zone.absent("www.sub.test.", A, 3, vec![cut, apex]);
    is(&zone.observed("www.sub.test", &[]).await, "bogus", "missing_denial");
}

#[tokio::test]
async fn a_signer_below_or_beside_the_zone_is_not_believed() {
    // Signed by a "zone" www.test that no one delegated.
    let mut zone = Zone::new();
    let fake = Signer::new("www.test.", 257);
    zone.world.answer(fake.signed(address("www.test.")));
    zone.world.answer(fake.signed(records("www.test.", types::DNSKEY, &[fake.dnskey()])));
    let nsec = zone.nsec("www.test.", "test.", &[A]);
    zone.absent("www.test.", types::DS, 0, vec![nsec]);
    is(&zone.observed("www.test", &[]).await, "bogus", "bad_signature");
    // A DS set that the child made for itself.
    let mut zone = Zone::new();
    let fake = Signer::new("sub.test.", 257);
    zone.world.answer(fake.signed(records("sub.test.", types::DS, &[fake.ds()])));
    zone.world.answer(fake.signed(records("sub.test.", types::DNSKEY, &[fake.dnskey()])));
    zone.world.answer(fake.signed(records("www.sub.test.", A, &[vec![192, 0, 2, 1]])));
    is(&zone.observed("www.sub.test", &[]).await, "bogus", "bad_signature");
}

#[tokio::test]
async fn a_revoked_key_signs_nothing_and_two_validators_that_differ_prove_nothing() {
    // RFC 5011 section 2.1: the revoke bit takes a key out of use, also for data. The second validator does not look at it.
    for (more, word, reason, opinion) in [
        (vec![("at", text(&jiff::Timestamp::now().to_string()))], "bogus", "bad_signature", "none"),
        (vec![], "indeterminate", "opinions_differ", "differs"),
    ] {
        let mut zone = Zone::new();
        let revoked = Signer::new("test.", 256 | 128);
        let keys = records("test.", types::DNSKEY, &[zone.ksk.dnskey(), revoked.dnskey()]);
        zone.world.answer(zone.ksk.signed(keys));
        zone.world.answer(revoked.signed(address("www.test.")));
        let observation = zone.observed("www.test", &more).await;
        is(&observation, word, reason);
        assert_eq!(observation.text("dnssec.second_opinion"), Some(opinion));
        assert!(observation.notes().iter().any(|note| note.contains("is revoked")), "{:?}", observation.notes());
    }
}

#[tokio::test]
async fn a_slow_server_does_not_outlast_the_budget() {
    let mut zone = Zone::new();
    zone.world.reply("test.", types::DNSKEY).silent = true;
    let patience = [("timeout", crate::model::Arg::Number(1.0)), ("attempts", crate::model::Arg::Integer(3))];
    let observation = zone.observed("www.test", &patience).await;
    is(&observation, "indeterminate", "no_answer");
    assert_eq!(observation.last("dnssec.queries"), Some(&Value::from(3)));
}
