//! Against the RFCs' own examples, and against noise.

use base64::Engine as _;
use proptest::prelude::{Just, any, prop_oneof, proptest};

use super::denial::has;
use super::{
    Anchor, DelegationProof, Denial, Digest, Key, Name, Proof, Reason, RrSet, Signature, SignatureOutcome, WorkBudget,
    check_rrset, dotted, labels, later, read, redirected, suffix, wildcard,
};
use crate::proto::dns::types;

fn name(text: &str) -> Name {
    Name::vec_from_str(text).unwrap()
}

fn base64(text: &str) -> Vec<u8> {
    base64::engine::general_purpose::STANDARD.decode(text.replace(' ', "")).unwrap()
}

fn bits(types: &[u16]) -> Vec<u8> {
    let mut map = [0_u8; 8];
    for code in types {
        map[usize::from(code / 8)] |= 0x80 >> (code % 8);
    }
    [&[0, 8][..], &map].concat()
}

fn set(owner: &str, kind: u16, data: Vec<u8>) -> RrSet {
    RrSet { owner: name(owner), kind, ttl: 300, data: vec![data], signatures: Vec::new() }
}

fn nsec(owner: &str, next: &str, types: &[u16]) -> RrSet {
    set(owner, types::NSEC, [name(next).as_slice(), &bits(types)].concat())
}

fn proof(sets: &[RrSet]) -> Proof {
    Proof::new(&name("example."), &sets.iter().collect::<Vec<_>>())
}

/// Keys that IANA publishes in full, so the digests above can be computed again.
const ROOT_KEYS: [&str; 2] = [
    "AwEAAaz/tAm8yTn4Mfeh5eyI96WSVexTBAvkMgJzkKTOiW1vkIbzxeF3+/4RgWOq7HrxRixHlFlExOLAJr5emLvN7SWXgnLh4+B5xQlNVz8Og8kvArMtNROxVQuCaSnIDdD5LKyWbRd2n9WGe2R8PzgCmr3EgVLrjyBxWezF0jLHwVN8efS3rCj/EWgvIWgb9tarpVUDK/b58Da+sqqls3eNbuv7pr+eoZG+SrDK6nWeL3c6H5Apxz7LjVc1uTIdsIXxuOLYA4/ilBmSVIzuDWfdRUfhHdY6+cn8HFRm+2hM8AnXGXws9555KrUB5qihylGa8subX2Nn6UwNR1AkUTV74bU=",
    "AwEAAa96jeuknZlaeSrvyAJj6ZHv28hhOKkx3rLGXVaC6rXTsDc449/cidltpkyGwCJNnOAlFNKF2jBosZBU5eeHspaQWOmOElZsjICMQMC3aeHbGiShvZsx4wMYSjH8e7Vrhbu6irwCzVBApESjbUdpWWmEnhathWu1jo+siFUiRAAxm9qyJNg/wOZqqzL/dL/q8PkcRU5oUKEpUge71M3ej2/7CPqpdVwuMoTvoB+ZOT4YeGyxMvHmbrxlFzGOHOijtzN+u1TQNatX2XBuzZNQ1K+s2CXkPIZo7s6JgZyvaBevYtxPvYLw4z9mR7K2vaF18UYH9Z9GNUUeayffKC73PYc=",
];

#[test]
fn the_roots_anchors_are_the_roots_keys() {
    let anchors = Anchor::root();
    assert_eq!(anchors.iter().map(Anchor::title).collect::<Vec<_>>(), ["DS 20326 RSASHA256", "DS 38696 RSASHA256"]);
    for (anchor, public) in anchors.iter().zip(ROOT_KEYS) {
        let data = [&[1, 1, 3, 8][..], &base64(public)].concat();
        let key = Key::read(&data).unwrap();
        assert!(anchor.trusts(&key), "{}", key.tag);
        assert_eq!(Anchor::read(&anchor.line()).unwrap(), std::slice::from_ref(anchor));
        let own = Anchor::Key(name("."), key);
        assert_eq!(Anchor::read(&own.line()).unwrap(), [own]);
    }
}

/// The example of a document: key, DS and signature of one MX set.
struct Example {
    key: &'static str,
    algorithm: u8,
    tag: u16,
    ds: &'static str,
    owner: &'static str,
    kind: u16,
    data: Vec<u8>,
    /// Expiration, inception, TTL, labels.
    times: (u32, u32, u32, u8),
    signature: &'static str,
}

fn examples() -> Vec<Example> {
    let mx = [&[0, 10][..], name("mail.example.com.").as_slice()].concat();
    vec![
        // RFC 6605 section 6.1.
        Example {
            key: "GojIhhXUN/u4v54ZQqGSnyhWJwaubCvTmeexv7bR6edbkrSqQpF64cYbcB7wNcP+e+MAnLr+Wi9xMWyQLc8NAA==",
            algorithm: 13,
            tag: 55648,
            ds: "b4c8c1fe2e7477127b27115656ad6256f424625bf5c1e2770ce6d6e37df61d17",
            owner: "www.example.net.",
            kind: 1,
            data: vec![192, 0, 2, 1],
            times: (1_284_026_679, 1_281_607_479, 3600, 3),
            signature: "qx6wLYqmh+l9oCKTN6qIc+bw6ya+KJ8oMz0YP107epXAyGmt+3SNruPFKG7tZoLBLlUzGGus7ZwmwWep666VCw==",
        },
        // RFC 8080 section 6.1.
        Example {
            key: "l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4=",
            algorithm: 15,
            tag: 3613,
            ds: "3aa5ab37efce57f737fc1627013fee07bdf241bd10f3b1964ab55c78e79a304b",
            owner: "example.com.",
            kind: 15,
            data: mx,
            times: (1_440_021_600, 1_438_207_200, 3600, 2),
            signature: "oL9krJun7xfBOIWcGHi7mag5/hdZrKWw15jPGrHpjQeRAvTdszaPD+QLs3fx8A4M3e23mRZ9VrbpMngwcrqNAg==",
        },
    ]
}

impl Example {
    fn zone(&self) -> Name {
        suffix(&name(self.owner), 2)
    }

    fn key(&self) -> Key {
        Key::read(&[&[1, 1, 3, self.algorithm][..], &base64(self.key)].concat()).unwrap()
    }

    fn set(&self) -> RrSet {
        let (expiration, inception, original_ttl, count) = self.times;
        let mut data = self.kind.to_be_bytes().to_vec();
        data.extend([self.algorithm, count]);
        for number in [original_ttl, expiration, inception] {
            data.extend(number.to_be_bytes());
        }
        data.extend(self.tag.to_be_bytes());
        data.extend(self.zone().as_slice());
        let split = data.len();
        data.extend(base64(self.signature));
        let signature = Signature {
            algorithm: self.algorithm,
            labels: count,
            original_ttl,
            expiration,
            inception,
            tag: self.tag,
            signer: self.zone(),
            data,
            split,
        };
        RrSet { signatures: vec![signature], ..set(self.owner, self.kind, self.data.clone()) }
    }
}

#[test]
fn signatures_of_the_documents_hold() {
    for example in examples() {
        let (key, zone, set) = (example.key(), example.zone(), example.set());
        assert_eq!(key.tag, example.tag);
        let line = format!("{} DS {} {} 2 {}", dotted(&zone), example.tag, example.algorithm, example.ds);
        assert!(Anchor::read(&line).unwrap()[0].trusts(&key), "{line}");
        let (last, first, ..) = example.times;
        let keys = std::slice::from_ref(&key);
        let mut work = WorkBudget::default();
        let good = check_rrset(&set, &zone, keys, first, &mut work);
        assert!(good.problem.is_none() && good.expanded.is_none(), "{good:?}");
        assert_eq!(good.signatures[0].outcome, SignatureOutcome::Good(0));
        assert_eq!((good.signatures[0].age, good.signatures[0].left), (0, later(last, first)));
        for (at, reason) in [(first - 1, Reason::NotYetValid), (last + 1, Reason::Expired)] {
            assert_eq!(check_rrset(&set, &zone, keys, at, &mut work).problem.unwrap().0, reason);
        }
        let mut altered = set.clone();
        *altered.data[0].last_mut().unwrap() ^= 1;
        assert_eq!(check_rrset(&altered, &zone, keys, first, &mut work).problem.unwrap().0, Reason::BadSignature);
        let mut bare = set.clone();
        bare.signatures.clear();
        assert_eq!(check_rrset(&bare, &zone, keys, first, &mut work).problem.unwrap().0, Reason::MissingRrsig);
        let none = check_rrset(&set, &zone, keys, first, &mut WorkBudget { signatures: 0, hashes: 0 });
        assert_eq!(none.problem.unwrap().0, Reason::TooMuchWork);
    }
}

#[test]
fn time_goes_around_once_in_136_years() {
    assert_eq!(later(5, 3), 2);
    assert_eq!(later(3, 5), -2);
    // RFC 1982: 2106 is followed by 1970.
    assert_eq!(later(10, u32::MAX), 11);
    assert_eq!(later(u32::MAX, 10), -11);
}

#[test]
fn names_are_cut_and_joined() {
    let deep = name("a.b.example.");
    assert_eq!(labels(&deep), 3);
    assert_eq!(suffix(&deep, 1), name("example."));
    assert_eq!(suffix(&deep, 0), name("."));
    assert_eq!(suffix(&deep, 9), deep);
    assert_eq!(wildcard(&name("example.")), Some(name("*.example.")));
    assert_eq!(redirected(&deep, &name("example."), &name("test.")), Some(name("a.b.test.")));
    assert_eq!(redirected(&name("example."), &name("example."), &name("test.")), None);
    let long = name(&format!("{0}.{0}.{0}.test.", "x".repeat(63)));
    assert_eq!(redirected(&deep, &name("example."), &long).map(|name| name.len()), Some(4 + long.len()));
    let longest = name(&format!("{0}.{0}.{0}.{1}.", "x".repeat(63), "y".repeat(58)));
    assert_eq!(redirected(&deep, &name("example."), &longest), None);
    assert_eq!(wildcard(&name(&format!("{0}.{0}.{0}.{1}.", "x".repeat(63), "y".repeat(61)))), None);
}

/// The zone of RFC 4035 appendix A, as far as its answers in appendix B need it.
#[test]
fn nsec_proves_what_rfc_4035_says() {
    let work = &mut WorkBudget::default();
    // B.2 NXDOMAIN.
    let records = [nsec("b.example.", "ns1.example.", &[2]), nsec("example.", "a.example.", &[2, 6])];
    assert_eq!(proof(&records).nxdomain(&name("ml.example."), work), Denial::Proven);
    // Without the record that denies *.example.
    assert!(matches!(proof(&records[..1]).nxdomain(&name("ml.example."), work), Denial::Unproven(_)));
    // b.example is delegated, so its record hides what is below.
    assert!(matches!(proof(&records).nxdomain(&name("x.b.example."), work), Denial::Unproven(_)));
    // B.3 NODATA.
    let records = [nsec("ns1.example.", "ns2.example.", &[1])];
    assert_eq!(proof(&records).nodata(&name("ns1.example."), 15, work), Denial::Proven);
    assert!(matches!(proof(&records).nodata(&name("ns1.example."), 1, work), Denial::Unproven(_)));
    // B.5 delegation without DS.
    let records = [nsec("b.example.", "ns1.example.", &[2])];
    assert_eq!(proof(&records).cut(&name("b.example."), work), DelegationProof::Unsigned);
    // B.6 wildcard: x.y.w.example and *.w.example.
    let records = [nsec("x.y.w.example.", "xx.example.", &[15])];
    assert_eq!(proof(&records).expansion(&name("a.z.w.example."), &name("w.example."), work), Denial::Proven);
    assert!(matches!(
        proof(&records).expansion(&name("a.z.w.example."), &name("z.w.example."), work),
        Denial::Unproven(_)
    ));
    // B.7 wildcard without the type.
    let records = [records[0].clone(), nsec("*.w.example.", "x.w.example.", &[15])];
    assert_eq!(proof(&records).nodata(&name("a.z.w.example."), 28, work), Denial::Proven);
    assert!(matches!(proof(&records).nodata(&name("a.z.w.example."), 15, work), Denial::Unproven(_)));
    // B.8 DS at the zone's own apex: the child's side says nothing of it.
    let records = [nsec("example.", "a.example.", &[2, 6])];
    assert!(matches!(proof(&records).nodata(&name("example."), types::DS, work), Denial::Unproven(_)));
    assert!(matches!(proof(&records).cut(&name("example."), work), DelegationProof::Unproven(_)));
    // An empty non-terminal: y.w.example between w.example and x.y.w.example.
    let records = [nsec("x.w.example.", "x.y.w.example.", &[15])];
    assert_eq!(proof(&records).nodata(&name("y.w.example."), 1, work), Denial::Proven);
    assert!(matches!(proof(&records).nxdomain(&name("y.w.example."), work), Denial::Unproven(_)));
    assert_eq!(proof(&records).cut(&name("y.w.example."), work), DelegationProof::Inside);
}

fn nsec3(owner: &str, flags: u8, next: &str, types: &[u16]) -> RrSet {
    let next: Vec<u8> = domain::utils::base32::decode_hex(next).unwrap();
    // Parameters of the zone in RFC 5155 appendix A: 12 iterations, salt aabbccdd.
    let mut data = vec![1, flags, 0, 12, 4, 0xaa, 0xbb, 0xcc, 0xdd, 20];
    data.extend(next);
    data.extend(bits(types));
    set(owner, types::NSEC3, data)
}

/// The answers of RFC 5155 appendix B, with the hashes printed there.
#[test]
fn nsec3_proves_what_rfc_5155_says() {
    let work = &mut WorkBudget::default();
    let apex =
        || nsec3("0p9mhaveqvm6t7vbl5lop2u3t2rp3tom.example.", 1, "2t7b4g4vsa5smi47k61mv5bv1a22bojr", &[15, 2, 6]);
    let gap = || nsec3("b4um86eghhds6nea196smvmlo4ors995.example.", 1, "gjeqe526plbf1g8mklp59enfd789njgi", &[15]);
    let star = || nsec3("35mthgpgcu1qg68fab165klnsnk3dpvl.example.", 1, "b4um86eghhds6nea196smvmlo4ors995", &[2]);
    // B.1: a.c.x.w.example does not exist; its encloser is x.w.example. All records of that zone have opt-out.
    let records = [apex(), gap(), star()];
    assert_eq!(proof(&records).nxdomain(&name("a.c.x.w.example."), work), Denial::OptOut);
    assert!(matches!(proof(&[apex(), star()]).nxdomain(&name("a.c.x.w.example."), work), Denial::Unproven(_)));
    // B.2: ns1.example has no MX.
    let exact = nsec3("2t7b4g4vsa5smi47k61mv5bv1a22bojr.example.", 1, "2vptu5timamqttgl4luu9kg21e0aor3s", &[1]);
    let records = [exact];
    assert_eq!(proof(&records).nodata(&name("ns1.example."), 15, work), Denial::Proven);
    assert!(matches!(proof(&records).nodata(&name("ns1.example."), 1, work), Denial::Unproven(_)));
    // B.3: c.example may be delegated unsigned: opt-out.
    let records = [star(), apex()];
    assert_eq!(proof(&records).cut(&name("c.example."), work), DelegationProof::OptOut);
    let (iterations, salt, opt_out) = proof(&records).nsec3().map(|(i, s, o)| (i, s.to_vec(), o)).unwrap();
    assert_eq!((iterations, salt.as_slice(), opt_out), (12, &[0xaa, 0xbb, 0xcc, 0xdd][..], true));
}

#[test]
fn work_is_bounded_whatever_comes() {
    // A name of 126 labels against one record: a hash for each ancestor, and no more than are paid for.
    let deep = name(&format!("{}example.", "a.".repeat(120)));
    let records = [nsec3("00000000000000000000000000000000.example.", 0, "00000000000000000000000000000001", &[1])];
    let mut work = WorkBudget { signatures: 10, hashes: 50 };
    assert!(matches!(proof(&records).nxdomain(&deep, &mut work), Denial::Unproven(_)));
    assert_eq!(work.hashes, 0);
    assert!(work.spent());
    // Sixty signatures that fit the key and hold for nothing.
    let example = &examples()[0];
    let mut flood = example.set();
    let one = flood.signatures[0].clone();
    flood.signatures = (0..60_u8)
        .map(|number| {
            let mut other = one.clone();
            *other.data.last_mut().unwrap() = number;
            other
        })
        .collect();
    let mut work = WorkBudget::default();
    let before = work.signatures;
    let checked = check_rrset(&flood, &example.zone(), &vec![example.key(); 20], example.times.1, &mut work);
    assert_eq!(checked.problem.unwrap().0, Reason::TooMuchWork);
    assert_eq!(before - work.signatures, 8);
}

#[test]
fn bit_maps_are_read_as_far_as_they_go() {
    // RFC 4034 section 4.3: A MX RRSIG NSEC TYPE1234.
    let mut map = vec![0, 6, 0x40, 1, 0, 0, 0, 3, 4, 27];
    map.extend([0; 26]);
    map.push(0x20);
    for code in [1, 15, 46, 47, 1234] {
        assert!(has(&map, code), "{code}");
    }
    for code in [2, 16, 45, 48, 1233, 1235, 300] {
        assert!(!has(&map, code), "{code}");
    }
    assert!(!has(&[0], 1) && !has(&[0, 9, 0xff], 1) && !has(&[], 1));
}

proptest! {
    #[test]
    fn noise_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        let _ = read(&bytes);
        let _ = (Key::read(&bytes), Digest::read(&bytes), has(&bytes, 47));
        let _ = Anchor::read(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn noise_in_records_never_panics(
        kind in prop_oneof![Just(types::NSEC), Just(types::NSEC3), Just(types::RRSIG), Just(types::DNSKEY), any::<u16>()],
        data in proptest::collection::vec(any::<u8>(), 0..80),
        count in 1_u16..4,
    ) {
        let mut message = vec![0, 1, 0x84, 0, 0, 0];
        message.extend(count.to_be_bytes());
        message.extend([0, 0, 0, 0]);
        for _ in 0..count {
            message.extend(name("a.example.").as_slice());
            message.extend(kind.to_be_bytes());
            message.extend([0, 1, 0, 0, 0, 1]);
            message.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
            message.extend(&data);
        }
        let mut work = WorkBudget::default();
        if let Some(sections) = read(&message) {
            let sets: Vec<&RrSet> = sections.answers.iter().collect();
            let keys: Vec<Key> = Key::read(&data).into_iter().collect();
            let proof = Proof::new(&name("example."), &sets);
            let _ = proof.nxdomain(&name("b.a.example."), &mut work);
            let _ = proof.nodata(&name("a.example."), 1, &mut work);
            for set in sets {
                let _ = check_rrset(set, &name("example."), &keys, 7, &mut work);
            }
        }
    }
}
