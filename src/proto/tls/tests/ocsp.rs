//! OCSP responses, right and wrong in one way each.

use aws_lc_rs::digest;
use rcgen::{ExtendedKeyUsagePurpose, KeyPair, SigningKey, date_time_ymd};
use rustls::pki_types::CertificateDer;

use super::super::ocsp::{Status, read};
use super::super::path::Issuer;
use super::super::signed::key_bits;
use super::chains::{Ca, NOW, root};
use super::forge::{DAY, ECDSA_SHA256, algorithm, bit_string, integer, octets, oid, seq, time, tlv};

/// A response in the making.
pub struct Draft {
    pub outer: u8,
    pub kind: &'static str,
    pub hash: &'static str,
    pub serial: Vec<u8>,
    pub status: Vec<u8>,
    pub this_update: i64,
    pub next_update: Option<i64>,
    pub certificates: Vec<CertificateDer<'static>>,
    pub issuer: Issuer,
    pub spoil: bool,
    /// Answers about other certificates before it.
    pub others: u16,
}

impl Draft {
    pub fn about(leaf: &CertificateDer<'_>, ca: &Ca) -> Self {
        let (_, parsed) = x509_parser::parse_x509_certificate(leaf).unwrap();
        Self {
            outer: 0,
            kind: "1.3.6.1.5.5.7.48.1.1",
            hash: "1.3.14.3.2.26",
            serial: parsed.raw_serial().to_vec(),
            status: vec![0x80, 0],
            this_update: NOW - DAY,
            next_update: Some(NOW + 3 * DAY),
            certificates: Vec::new(),
            issuer: Issuer::of(&ca.der()).unwrap(),
            spoil: false,
            others: 0,
        }
    }

    pub fn signed(&self, key: &KeyPair) -> Vec<u8> {
        let algorithm_of = match self.hash {
            "1.3.14.3.2.26" => &digest::SHA1_FOR_LEGACY_USE_ONLY,
            _ => &digest::SHA256,
        };
        let hash = |bytes: &[u8]| octets(digest::digest(algorithm_of, bytes).as_ref());
        let next = self.next_update.map(|next| tlv(0xa0, &[&time(next)])).unwrap_or_default();
        let about = |serial: &[u8]| {
            let id = seq(&[
                &seq(&[&oid(self.hash), &[5, 0]]),
                &hash(&self.issuer.name),
                &hash(key_bits(&self.issuer.spki).unwrap()),
                &integer(serial),
            ]);
            seq(&[&id, &self.status, &time(self.this_update), &next])
        };
        let mut single: Vec<u8> =
            (0..self.others).flat_map(|at| about(&[&[1], &at.to_be_bytes()[..]].concat())).collect();
        single.extend(about(&self.serial));
        let body = seq(&[&tlv(0xa2, &[&octets(&[9; 20])]), &time(NOW - DAY), &seq(&[&single])]);
        let mut signature = key.sign(&body).unwrap();
        if self.spoil {
            *signature.last_mut().unwrap() ^= 1;
        }
        let list: Vec<u8> = self.certificates.iter().flat_map(|der| der.to_vec()).collect();
        let certificates = if list.is_empty() { Vec::new() } else { tlv(0xa0, &[&seq(&[&list])]) };
        let basic = seq(&[&body, &algorithm(ECDSA_SHA256), &bit_string(&signature), &certificates]);
        let bytes = seq(&[&oid(self.kind), &octets(&basic)]);
        let bytes = if self.outer == 0 { tlv(0xa0, &[&bytes]) } else { Vec::new() };
        seq(&[&tlv(0x0a, &[&[self.outer]]), &bytes])
    }
}

struct World {
    ca: Ca,
    leaf: CertificateDer<'static>,
}

impl World {
    fn new() -> Self {
        let ca = root("top", (2020, 2040));
        let leaf = ca.leaf(|_| {});
        Self { ca, leaf }
    }

    fn read(&self, response: &[u8]) -> Result<super::super::ocsp::VerifiedAnswer, String> {
        read(response, &self.leaf, &Issuer::of(&self.ca.der()).unwrap(), NOW)
    }

    fn judged(&self, change: impl FnOnce(&mut Draft)) -> Result<Status, String> {
        let mut draft = Draft::about(&self.leaf, &self.ca);
        change(&mut draft);
        self.read(&draft.signed(self.ca.issuer.key())).map(|answer| answer.status)
    }
}

#[test]
fn what_the_issuer_says_is_read() {
    let world = World::new();
    let answer = world.read(&Draft::about(&world.leaf, &world.ca).signed(world.ca.issuer.key())).unwrap();
    assert_eq!((answer.status, answer.this_update, answer.next_update), (Status::Good, NOW - DAY, Some(NOW + 3 * DAY)));
    assert_eq!(world.judged(|draft| draft.status = vec![0x82, 0]), Ok(Status::Unknown));
    assert_eq!(world.judged(|draft| draft.hash = "2.16.840.1.101.3.4.2.1"), Ok(Status::Good));
    assert_eq!(world.judged(|draft| draft.next_update = None), Ok(Status::Good));

    let mut draft = Draft::about(&world.leaf, &world.ca);
    draft.status = tlv(0xa1, &[&time(NOW - 2 * DAY), &tlv(0xa0, &[&[0x0a, 1, 1]])]);
    let answer = world.read(&draft.signed(world.ca.issuer.key())).unwrap();
    assert_eq!(answer.status, Status::Revoked);
    assert_eq!(answer.revoked.unwrap(), "since 2026-06-29T12:00:00Z, key compromise");
}

#[test]
fn what_proves_nothing_is_refused_with_the_reason() {
    let world = World::new();
    let other = root("top", (2020, 2040));
    let cases: Vec<(&str, Result<Status, String>)> = vec![
        ("could not answer: it asks to try later", world.judged(|draft| draft.outer = 3)),
        ("unknown type", world.judged(|draft| draft.kind = "1.3.6.1.5.5.7.48.1.2")),
        ("about another certificate", world.judged(|draft| draft.serial = vec![5])),
        ("about another certificate", world.judged(|draft| draft.issuer = Issuer::of(&other.der()).unwrap())),
        ("does not match", world.judged(|draft| draft.spoil = true)),
        ("holds only from", world.judged(|draft| draft.this_update = NOW + 2 * DAY)),
        ("no OCSP response", world.read(b"junk").map(|answer| answer.status)),
        ("no OCSP response", world.read(b"").map(|answer| answer.status)),
    ];
    for (want, got) in cases {
        let why = got.unwrap_err();
        assert!(why.contains(want), "{why}, not {want}");
    }
}

#[test]
fn an_answer_is_found_among_many() {
    let world = World::new();
    assert_eq!(world.judged(|draft| draft.others = 300), Ok(Status::Good));
}

#[test]
fn a_responder_speaks_for_the_issuer_only_by_its_leave() {
    let world = World::new();
    let signing = |params: &mut rcgen::CertificateParams| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::OcspSigning];
    };
    let by = |(certificate, key): (CertificateDer<'static>, KeyPair)| {
        let mut draft = Draft::about(&world.leaf, &world.ca);
        draft.certificates = vec![certificate];
        world.read(&draft.signed(&key)).map(|answer| answer.status)
    };
    assert_eq!(by(world.ca.leaf_with_key(signing)), Ok(Status::Good));
    let why = by(world.ca.leaf_with_key(|_| {})).unwrap_err();
    assert!(why.contains("not for OCSP signing"), "{why}");
    let expired = |params: &mut rcgen::CertificateParams| {
        signing(params);
        params.not_after = date_time_ymd(2026, 6, 15);
    };
    let why = by(world.ca.leaf_with_key(expired)).unwrap_err();
    assert!(why.contains("outside its dates"), "{why}");
    // A stranger of the same name.
    let why = by(root("top", (2020, 2040)).leaf_with_key(signing)).unwrap_err();
    assert!(why.contains("does not match"), "{why}");
    let why = by(root("else", (2020, 2040)).leaf_with_key(signing)).unwrap_err();
    assert!(why.contains("another issuer"), "{why}");
    // The right certificate, and the signature of somebody else.
    let (certificate, _) = world.ca.leaf_with_key(signing);
    let why = by((certificate, KeyPair::generate().unwrap())).unwrap_err();
    assert!(why.contains("does not match"), "{why}");
}
