//! DS at the parent and keys in the zone, of every server; and what each server by itself gives a validating resolver.

use serde_json::json;

use super::delegated::{PARENT, ZONE, alike, parent};
use super::{PATIENT, Quirk, Round, Script, Tasks, observe, start};
use crate::checks::dns::dnssec::tests::authority::{DAY, Records, Reply, Signer, World, name, now, records};
use crate::net::bytes::hex;
use crate::proto::dns::types;

/// A line of the parent's zone.
pub(super) fn ds(key: &Signer) -> String {
    format!("\nz.test. 300 TYPE43 {}", hex(&key.ds()))
}

/// A line of the zone.
pub(super) fn dnskey(key: &Signer) -> String {
    format!("\nz.test. 300 TYPE48 {}", hex(&key.dnskey()))
}

/// Two servers of the zone behind two of the parent.
pub(super) struct Delegated {
    fields: String,
    zones: [Script; 2],
    parents: [Script; 2],
    labels: [String; 2],
    _tasks: Vec<Tasks>,
}

impl Delegated {
    pub(super) async fn new(zones: [&str; 2], parents: [&str; 2]) -> Self {
        let zones = zones.map(|more| Script::new(&(ZONE.to_owned() + more), &[]));
        let (port, mut tasks) = alike(&["127.0.0.2", "127.0.0.3"], &zones).await;
        let (one, first, a) = parent(&(PARENT.to_owned() + parents[0])).await;
        let (two, second, b) = parent(&(PARENT.to_owned() + parents[1])).await;
        tasks.extend([first, second]);
        let fields =
            format!("authoritative: {{zone: z.test, parent: [\"{one}\", \"{two}\"], port: {port}}}, {PATIENT}");
        Self { fields, zones, parents: [a, b], labels: [one.to_string(), two.to_string()], _tasks: tasks }
    }

    pub(super) async fn observe(&self) -> Round {
        observe(&self.fields, None).await
    }
}

#[tokio::test]
async fn a_zone_that_is_signed_for_one_parent_and_not_for_the_other_fails() {
    let key = Signer::new("z.test.", 257);
    let (ds, own) = (ds(&key), dnskey(&key));
    let lab = Delegated::new([&own, &own], [&ds, &ds]).await;
    let round = lab.observe().await;
    round.passed();
    round.is("ds.agree", true);
    round.is("dnskey.unmatched", json!([]));
    let shown = format!("{} 13 2 {}", key.tag(), hex(&key.ds()[4..]).to_ascii_uppercase());
    round.is("ds.parent", json!([shown]));
    lab.parents[1].load(PARENT);
    let round = lab.observe().await;
    round.failed("ds.agree");
    round.noted(&format!("none of {}", lab.labels[1]));
    assert!(round.absent("ds.parent"));
    // Another key is another view too.
    let other = Signer::new("z.test.", 257);
    lab.parents[1].load(&(PARENT.to_owned() + &self::ds(&other)));
    lab.observe().await.failed("ds.agree");
}

#[tokio::test]
async fn a_server_without_the_key_that_the_parent_names_fails() {
    let (key, other) = (Signer::new("z.test.", 257), Signer::new("z.test.", 257));
    let (ds, own) = (ds(&key), dnskey(&key));
    for (keys, why) in [
        (String::new(), "ns2.z.test./127.0.0.3: no DNSKEY, although the parent has DS"),
        (dnskey(&other), "and the parent's DS name"),
    ] {
        let round = Delegated::new([&own, &keys], [&ds, &ds]).await.observe().await;
        round.failed("dnskey.unmatched");
        round.is("dnskey.unmatched", json!(["ns2.z.test./127.0.0.3"]));
        round.noted(why);
    }
    // Two keys of which one is named, in a rollover, are sound; so is a DS more.
    let two = own.clone() + &dnskey(&other);
    let more = ds.clone() + &self::ds(&other);
    Delegated::new([&two, &two], [&ds, &ds]).await.observe().await.passed();
    Delegated::new([&own, &own], [&more, &more]).await.observe().await.passed();
}

#[tokio::test]
async fn a_zone_without_ds_is_unsigned_and_sound() {
    let key = Signer::new("z.test.", 257);
    let own = dnskey(&key);
    for zone in ["", &own] {
        let round = Delegated::new([zone, zone], ["", ""]).await.observe().await;
        round.passed();
        round.is("ds.agree", true);
        round.is("ds.parent", json!([]));
        assert!(round.absent("dnskey.unmatched") && round.observation.partial("dnskey.unmatched").is_none());
    }
    // DS of an algorithm nobody can check leave the zone unsigned as well.
    let strange = format!("\nz.test. 300 TYPE43 0001c802{}", "ab".repeat(32));
    let round = Delegated::new(["", ""], [&strange, &strange]).await.observe().await;
    round.passed();
    assert!(round.absent("dnskey.unmatched"));
}

#[tokio::test]
async fn ds_or_keys_that_could_not_be_seen_are_never_sound() {
    let key = Signer::new("z.test.", 257);
    let (ds, own) = (ds(&key), dnskey(&key));
    let lab = Delegated::new([&own, &own], [&ds, &ds]).await;
    lab.parents[1].behave(&[Quirk::Parent, Quirk::FailsDs]);
    let round = lab.observe().await;
    round.errored("no word about DS came from");
    round.noted("SERVFAIL to DS");
    // What is known to be wrong is wrong.
    lab.zones[0].load(ZONE);
    lab.observe().await.failed("dnskey.unmatched");
    lab.zones[0].load(&(ZONE.to_owned() + &own));
    lab.parents[1].behave(&[Quirk::Parent]);
    lab.zones[1].behave(&[Quirk::FailsDnskey]);
    let round = lab.observe().await;
    round.errored("no DNSKEY records came from ns2.z.test./127.0.0.3");
    // Both parents silent about DS.
    for parent in &lab.parents {
        parent.behave(&[Quirk::Parent, Quirk::FailsDs]);
    }
    lab.observe().await.errored("no word about DS came from");
}

/// A server with zone z.test, signed, and keys for what a test changes.
pub(super) struct Signed {
    pub(super) key: Signer,
    pub(super) world: World,
}

pub(super) fn soa(key: &Signer) -> Records {
    let mut data = [name("ns1.z.test."), name("host.z.test.")].concat();
    for count in [7_u32, 3600, 600, 604_800, 60] {
        data.extend(count.to_be_bytes());
    }
    key.signed(records("z.test.", types::SOA, &[data]))
}

/// One NSEC record that goes around the whole zone.
fn nsec(key: &Signer) -> Records {
    let map = [0, 7, 0x22, 0, 0, 0, 0, 3, 0x80];
    key.signed(records("z.test.", types::NSEC, &[[name("z.test."), map.to_vec()].concat()]))
}

impl Signed {
    pub(super) fn new() -> Self {
        Self::by(Signer::new("z.test.", 257))
    }

    fn by(key: Signer) -> Self {
        let mut world = World::default();
        world.answer(soa(&key));
        world.answer(key.signed(records("z.test.", types::NS, &[name("ns1.z.test."), name("ns2.z.test.")])));
        world.answer(key.signed(records("z.test.", types::DNSKEY, &[key.dnskey()])));
        for server in ["ns1.z.test.", "ns2.z.test."] {
            world.answer(key.signed(records(server, types::A, &[vec![127, 0, 0, 1]])));
            world.put(server, types::AAAA, denied(&key, 0));
        }
        world.otherwise = Some(denied(&key, 3));
        Self { key, world }
    }

    /// With a key of another algorithm.
    pub(super) fn with_a_key_that_signs_nothing(&self) -> World {
        let mut ed25519 = Signer::new("z.test.", 256).dnskey();
        ed25519[3] = 15;
        ed25519.truncate(36);
        let keys = records("z.test.", types::DNSKEY, &[self.key.dnskey(), ed25519]);
        let mut world = self.world.clone();
        world.answer(self.key.signed(keys));
        world
    }

    /// With this denial of a random name, beside the SOA.
    pub(super) fn denying(&self, denial: Vec<Records>) -> World {
        let authority = [vec![soa(&self.key)], denial].concat();
        let mut world = self.world.clone();
        world.otherwise = Some(Reply { rcode: 3, authority, large: true, ..Reply::default() });
        world
    }
}

/// Nothing there, with the proof of it.
fn denied(key: &Signer, rcode: u8) -> Reply {
    Reply { rcode, authority: vec![soa(key), nsec(key)], ..Reply::default() }
}

/// The probe at two servers, of which the second is `other`.
pub(super) async fn probed(one: World, other: World) -> Round {
    let (first, _one) = one.serve().await;
    let (second, _two) = other.serve().await;
    let fields = format!(
        "authoritative: {{zone: z.test, ns: {{ns1.z.test: [\"{first}\"], ns2.z.test: [\"{second}\"]}}}}, {PATIENT}, \
         probes: [dnssec]"
    );
    let mut round = observe(&fields, None).await;
    round.second = format!("ns2.z.test./{second}");
    round
}

#[tokio::test]
async fn every_server_must_give_what_validation_needs() {
    let sound = Signed::new();
    let round = probed(sound.world.clone(), sound.world.clone()).await;
    round.passed();
    for fact in ["rrsig.unsound", "rrsig.algorithm_missing", "denial.unproven"] {
        round.is(fact, json!([]));
    }
    let (key, good) = (&sound.key, &sound.world);
    let second = |change: &dyn Fn(&mut World)| {
        let mut world = good.clone();
        change(&mut world);
        world
    };
    // Signatures that are stripped, by nobody's key, and out of date.
    let bare = second(&|world| world.answer(records("z.test.", types::SOA, &soa(key).data)));
    let strange = Signer::new("z.test.", 257);
    let foreign = second(&|world| world.answer(soa(&strange)));
    for (world, note) in [(bare, "SOA: no signature came with it"), (foreign, "is by no key of the zone")] {
        let round = probed(good.clone(), world).await;
        round.failed("rrsig.unsound");
        round.is("rrsig.unsound", json!([round.second]));
        round.noted(note);
    }
    let mut old = Signer::new("z.test.", 257);
    old.window = (now() - 3 * DAY, now() - DAY);
    let old = Signed::by(old).world;
    let round = probed(old.clone(), old).await;
    round.failed("rrsig.unsound");
    round.noted("expired");
    // Absence without proof.
    let round = probed(good.clone(), sound.denying(Vec::new())).await;
    round.failed("denial.unproven");
    round.is("denial.unproven", json!([round.second]));
    round.noted("it does not prove that a random name does not exist");
    let round = probed(good.clone(), sound.with_a_key_that_signs_nothing()).await;
    round.failed("rrsig.algorithm_missing");
    round.is("rrsig.algorithm_missing", json!([round.second]));
    round.is("rrsig.unsound", json!([]));
    round.noted("SOA: no signature by ED25519, which has a DNSKEY");
}

/// What is beyond the limit may prove what the first records do not: nobody is blamed for what was not looked at.
#[tokio::test]
async fn denial_records_beyond_the_limit_are_told() {
    let sound = Signed::new();
    let key = &sound.key;
    let beside = |at: usize| {
        let data = [name(&format!("a{at}a.z.test.")), vec![0, 6, 0x40, 0, 0, 0, 0, 3]].concat();
        key.signed(records(&format!("a{at}.z.test."), types::NSEC, &[data]))
    };
    let many: Vec<Records> = (0..16).map(beside).collect();
    // The one that proves it is the last of 17.
    let round = probed(sound.world.clone(), sound.denying([many.clone(), vec![nsec(key)]].concat())).await;
    round.errored("of 17 denial records the first 16 are looked at");
    round.noted("whether it proves that a random name does not exist is not known: of 17 denial records");
    assert!(round.absent("denial.unproven"), "it is not known");
    // Among the first 16 it is seen, whatever follows.
    let round = probed(sound.world.clone(), sound.denying([vec![nsec(key)], many.clone()].concat())).await;
    round.passed();
    // That all of them prove nothing is a defect.
    let round = probed(sound.world.clone(), sound.denying(many)).await;
    round.failed("denial.unproven");
    // So is another server's, beside one of which it is not known.
    let open = sound.denying([(0..16).map(beside).collect(), vec![nsec(key)]].concat());
    probed(open, sound.denying(Vec::new())).await.failed("denial.unproven");
}

#[tokio::test]
async fn a_server_with_the_zone_unsigned_is_found_among_signed_ones() {
    let sound = Signed::new();
    let mut bare = sound.world.clone();
    bare.answer(records("z.test.", types::SOA, &soa(&sound.key).data));
    bare.put("z.test.", types::DNSKEY, Reply { authority: vec![soa(&sound.key)], ..Reply::default() });
    let round = probed(sound.world.clone(), bare.clone()).await;
    round.failed("rrsig.unsound");
    round.is("rrsig.unsound", json!([round.second]));
    round.noted("no DNSKEY, although other servers have some");
    // Unsigned everywhere: nothing to prove.
    let round = probed(bare.clone(), bare).await;
    round.passed();
    assert!(round.absent("rrsig.unsound") && round.absent("denial.unproven"));
    // A server that fails at DNSKEY says nothing of it.
    let mut failing = sound.world.clone();
    failing.put("z.test.", types::DNSKEY, Reply { rcode: 2, ..Reply::default() });
    probed(sound.world.clone(), failing.clone()).await.errored("not all that validation needs could be judged at");
    probed(failing.clone(), failing).await.errored("not all that validation needs could be judged at");
    // Nor does one that fails at a random name.
    let mut failing = sound.world.clone();
    failing.otherwise = Some(Reply { rcode: 2, ..Reply::default() });
    probed(sound.world, failing).await.errored("not all that validation needs could be judged at");
}

#[tokio::test]
async fn a_server_that_drops_edns_is_called_that() {
    let script = Script::new(&super::zone(7), &[Quirk::DropsEdns]);
    let (socket, _tasks) = start(&script).await;
    let fields =
        format!("authoritative: {{zone: z.test, ns: {{ns1.z.test: [\"{socket}\"]}}}}, timeout: 1s, attempts: 1");
    let round = observe(&fields, None).await;
    round.failed("outcome: expected answered, saw timeout");
    round.noted("it is silent to a query with EDNS, and answers the same without");
    script.behave(&[Quirk::Silent]);
    let round = observe(&fields, None).await;
    assert!(!round.observation.notes().iter().any(|note| note.contains("EDNS")), "{:?}", round.observation.notes());
}
