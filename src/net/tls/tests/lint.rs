//! Each word of lint once, by a chain that is spoiled in one way and clean before.

use rustls::pki_types::CertificateDer;

use super::super::lint::{Finding, RULES, View, lint, words};
use super::super::path::{Path, Root};
use super::forge::{
    AKI, BASIC, CONSTRAINTS, DAY, EKU, FEATURE, KEY_USAGE, MD5_RSA, NOW, SAN, SERVER_AUTH, SHA1_RSA, SKI, Spec,
    algorithm, ca, dns, dsa_key, ec_key, explicit_key, integer, key_id, name, octets, purposes, rsa_key, seq, tlv,
    usage,
};

/// A chain and what is known beside it.
struct Case {
    chain: Vec<Spec>,
    raw: Vec<(usize, Vec<u8>)>,
    trusted: Vec<u8>,
    path: Option<Path>,
    stapled: bool,
}

impl Case {
    /// Leaf and intermediate, of a root that is trusted and not sent.
    fn clean() -> Self {
        Self {
            chain: vec![Spec::leaf(), Spec::intermediate()],
            raw: Vec::new(),
            trusted: name("root"),
            path: None,
            stapled: false,
        }
    }

    fn leaf(&mut self) -> &mut Spec {
        &mut self.chain[0]
    }

    fn issuer(&mut self) -> &mut Spec {
        &mut self.chain[1]
    }

    fn found(&self) -> Vec<Finding> {
        let mut chain: Vec<CertificateDer<'static>> = self.chain.iter().map(Spec::der).collect();
        for (at, bytes) in &self.raw {
            chain[*at] = CertificateDer::from(bytes.clone());
        }
        let trusted = |name: &[u8]| name == self.trusted;
        lint(&chain, &View { now: NOW, path: self.path.as_ref(), trusted: &trusted, stapled: Some(self.stapled) })
    }
}

fn path(used: &[usize], root_until: i64) -> Path {
    Path {
        used: used.to_vec(),
        subjects: Vec::new(),
        root: Root {
            subject: "CN=root".to_owned(),
            name: name("root"),
            spki: Vec::new(),
            dates: Some((NOW - 9000 * DAY, root_until)),
        },
        dates: vec![(NOW - DAY, NOW + DAY)],
    }
}

/// An elder sibling of the intermediate: same name, another key.
fn sibling() -> Spec {
    Spec::authority("intermediate", 9, "root", 1)
}

type Row = (&'static str, fn(&mut Case), &'static [&'static str]);

const SERVED: &[Row] = &[
    ("nothing is wrong", |_| {}, &[]),
    (
        "the leaf is junk",
        |case| case.raw.push((0, b"junk".to_vec())),
        &["unreadable_certificate", "unused_certificate"],
    ),
    (
        "bytes follow a certificate",
        |case| {
            let der = [case.chain[1].der().as_ref(), b"more"].concat();
            case.raw.push((1, der));
        },
        &["unreadable_certificate", "missing_intermediate"],
    ),
    (
        "out of order",
        |case| {
            case.chain[1] = Spec::authority("upper", 4, "root", 1);
            case.chain.push(Spec::authority("intermediate", 2, "upper", 4));
        },
        &["chain_out_of_order"],
    ),
    (
        "in order",
        |case| {
            case.chain[1] = Spec::authority("intermediate", 2, "upper", 4);
            case.chain.push(Spec::authority("upper", 4, "root", 1));
        },
        &[],
    ),
    (
        "a root in the middle",
        |case| {
            case.chain[1] = Spec::root();
            case.chain.push(Spec::intermediate());
        },
        &["chain_out_of_order", "root_sent"],
    ),
    (
        "the intermediate is missing",
        |case| {
            case.chain.pop();
        },
        &["missing_intermediate"],
    ),
    (
        "its issuer is the trusted root",
        |case| {
            case.chain.pop();
            case.leaf().issuer = name("root");
            case.leaf().with(AKI, false, key_id(1));
        },
        &[],
    ),
    (
        "a path needs no intermediate",
        |case| {
            case.chain.pop();
            case.path = Some(path(&[0], NOW + DAY));
        },
        &[],
    ),
    ("the root is sent", |case| case.chain.push(Spec::root()), &["root_sent"]),
    ("one too many", |case| case.chain.push(Spec::authority("stranger", 5, "root", 1)), &["unused_certificate"]),
    (
        "the path goes another way",
        |case| {
            case.chain.push(Spec::authority("upper", 1, "elder", 6));
            case.path = Some(path(&[0, 1], NOW + DAY));
        },
        &["unused_certificate"],
    ),
    ("twice the same", |case| case.chain.push(Spec::intermediate()), &["duplicate_certificate"]),
    ("a sibling with another key", |case| case.chain.insert(1, sibling()), &["unused_certificate"]),
    (
        "no staple although demanded",
        |case| {
            case.leaf().with(FEATURE, false, seq(&[&integer(&[5])]));
        },
        &["staple_missing"],
    ),
    (
        "a staple as demanded",
        |case| {
            case.leaf().with(FEATURE, true, seq(&[&integer(&[5])]));
            case.stapled = true;
        },
        &[],
    ),
    (
        "another feature is demanded",
        |case| {
            case.leaf().with(FEATURE, false, seq(&[&integer(&[17])]));
        },
        &[],
    ),
];

const EACH: &[Row] = &[
    ("the leaf is expired", |case| case.leaf().until = NOW - 1, &["expired_certificate"]),
    ("it ends this very second", |case| case.leaf().until = NOW, &[]),
    ("the intermediate is expired", |case| case.issuer().until = NOW - DAY, &["expired_certificate"]),
    ("not yet", |case| case.leaf().from = NOW + 1, &["not_yet_valid"]),
    (
        "backwards",
        |case| {
            case.leaf().from = NOW - DAY;
            case.leaf().until = NOW - 2 * DAY;
        },
        &["expired_certificate", "negative_validity"],
    ),
    (
        "version 1",
        |case| case.leaf().version = 0,
        &["not_version_3", "missing_aki", "no_san", "missing_server_auth_eku"],
    ),
    ("RSA 1024", |case| case.leaf().key = rsa_key(1024, &[1, 0, 1]), &["weak_rsa_key"]),
    ("RSA 2040", |case| case.issuer().key = rsa_key(2040, &[1, 0, 1]), &["weak_rsa_key"]),
    ("RSA 2048", |case| case.leaf().key = rsa_key(2048, &[1, 0, 1]), &[]),
    ("RSA with exponent 1", |case| case.leaf().key = rsa_key(2048, &[1]), &["bad_rsa_exponent"]),
    ("RSA with an even exponent", |case| case.leaf().key = rsa_key(2048, &[1, 0, 0]), &["bad_rsa_exponent"]),
    ("RSA with exponent 3", |case| case.leaf().key = rsa_key(2048, &[3]), &[]),
    ("P-192", |case| case.leaf().key = ec_key("1.2.840.10045.3.1.1"), &["weak_curve"]),
    ("P-384", |case| case.leaf().key = ec_key("1.3.132.0.34"), &[]),
    ("a curve written out", |case| case.leaf().key = explicit_key(), &["explicit_curve"]),
    ("DSA", |case| case.leaf().key = dsa_key(), &["dsa_key"]),
    (
        "SHA-1",
        |case| {
            case.leaf().inner = algorithm(SHA1_RSA);
            case.leaf().outer = algorithm(SHA1_RSA);
        },
        &["weak_signature"],
    ),
    (
        "MD5 above the leaf",
        |case| {
            case.issuer().inner = algorithm(MD5_RSA);
            case.issuer().outer = algorithm(MD5_RSA);
        },
        &["weak_signature"],
    ),
    (
        "SHA-1 by a root on itself",
        |case| {
            let mut root = Spec::root();
            root.inner = algorithm(SHA1_RSA);
            root.outer = algorithm(SHA1_RSA);
            case.chain.push(root);
        },
        &["root_sent"],
    ),
    ("two signature algorithms", |case| case.leaf().inner = algorithm("1.2.840.10045.4.3.3"), &["signature_mismatch"]),
    ("a negative serial", |case| case.leaf().serial = vec![0x80, 1], &["negative_serial"]),
    ("serial 0", |case| case.leaf().serial = vec![0], &["zero_serial"]),
    ("21 octets", |case| case.leaf().serial = vec![1; 21], &["serial_too_long"]),
    ("20 octets", |case| case.leaf().serial = vec![1; 20], &[]),
    (
        "no AKI",
        |case| {
            case.leaf().without(AKI);
        },
        &["missing_aki"],
    ),
    (
        "an AKI of names only",
        |case| {
            case.leaf().with(AKI, false, seq(&[]));
        },
        &["missing_aki"],
    ),
    (
        "a critical stranger",
        |case| {
            case.leaf().with("1.2.3.4", true, vec![5, 0]);
        },
        &["unknown_critical_extension"],
    ),
    (
        "a stranger",
        |case| {
            case.leaf().with("1.2.3.4", false, vec![5, 0]);
        },
        &[],
    ),
    (
        "an extension twice",
        |case| case.leaf().extensions.push((EKU, false, purposes(&[SERVER_AUTH]))),
        &["duplicate_extension"],
    ),
    (
        "a broken extension",
        |case| {
            case.issuer().with(CONSTRAINTS, true, vec![0xff]);
        },
        &["broken_extension"],
    ),
];

const AUTHORITIES: &[Row] = &[
    (
        "no CA",
        |case| {
            case.issuer().with(BASIC, true, seq(&[]));
        },
        &["issuer_not_ca"],
    ),
    (
        "no basic constraints",
        |case| {
            case.issuer().without(BASIC);
        },
        &["issuer_not_ca"],
    ),
    (
        "may not sign",
        |case| {
            case.issuer().with(KEY_USAGE, true, usage(0x02));
        },
        &["missing_key_cert_sign"],
    ),
    (
        "no key usage",
        |case| {
            case.issuer().without(KEY_USAGE);
        },
        &[],
    ),
    (
        "not critical",
        |case| {
            case.issuer().with(BASIC, false, ca(None));
        },
        &["basic_constraints_not_critical"],
    ),
    (
        "no SKI",
        |case| {
            case.issuer().without(SKI);
        },
        &["missing_ski"],
    ),
    (
        "no room below",
        |case| {
            case.chain[1] = Spec::authority("intermediate", 2, "upper", 4);
            let mut upper = Spec::authority("upper", 4, "root", 1);
            upper.with(BASIC, true, ca(Some(0)));
            case.chain.push(upper);
        },
        &["path_length_exceeded"],
    ),
    (
        "room for the leaf",
        |case| {
            case.issuer().with(BASIC, true, ca(Some(0)));
        },
        &[],
    ),
    ("the root is past its day", |case| case.path = Some(path(&[0, 1], NOW - DAY)), &["expired_root"]),
    ("the root is fine", |case| case.path = Some(path(&[0, 1], NOW + DAY)), &[]),
    (
        "a path joined by signatures, not by identifiers",
        |case| {
            case.leaf().with(AKI, false, key_id(7));
            case.path = Some(path(&[0, 1], NOW + DAY));
        },
        &["aki_mismatch"],
    ),
    (
        "not for this name",
        |case| {
            case.issuer().with(CONSTRAINTS, true, permitted("else.test"));
        },
        &["name_constraint"],
    ),
    (
        "excluded",
        |case| {
            case.issuer().with(CONSTRAINTS, true, excluded("forge.test"));
        },
        &["name_constraint"],
    ),
    (
        "for this name",
        |case| {
            case.issuer().with(CONSTRAINTS, true, permitted("forge.test"));
        },
        &[],
    ),
    (
        "constraints one may overlook",
        |case| {
            case.issuer().with(CONSTRAINTS, false, permitted("forge.test"));
        },
        &["name_constraints_not_critical"],
    ),
];

const LEAF: &[Row] = &[
    (
        "self-signed",
        |case| {
            case.chain.pop();
            case.leaf().issuer = name("www.forge.test");
            case.leaf().without(AKI);
        },
        &["self_signed"],
    ),
    (
        "an authority's own",
        |case| {
            case.leaf().with(BASIC, true, ca(None));
        },
        &["ca_as_leaf"],
    ),
    (
        "may sign certificates",
        |case| {
            case.leaf().with(KEY_USAGE, true, usage(0x84));
        },
        &["ca_as_leaf"],
    ),
    ("201 days", |case| case.leaf().until = case.chain[0].from + 200 * DAY, &["validity_too_long"]),
    ("200 days", |case| case.leaf().until = case.chain[0].from + 200 * DAY - 1, &[]),
    (
        "398 days in the old days",
        |case| {
            case.leaf().from = 1_773_532_800 - 1;
            case.leaf().until = 1_773_532_799 + 398 * DAY - 1;
        },
        &[],
    ),
    (
        "399 days in the old days",
        |case| {
            case.leaf().from = 1_773_532_800 - 1;
            case.leaf().until = 1_773_532_799 + 398 * DAY;
        },
        &["validity_too_long"],
    ),
    (
        "no alternative name",
        |case| {
            case.leaf().without(SAN);
        },
        &["no_san"],
    ),
    (
        "only a mail address",
        |case| {
            case.leaf().with(SAN, false, seq(&[&tlv(0x81, &[b"a@forge.test"])]));
        },
        &["no_san"],
    ),
    (
        "an underscore",
        |case| {
            case.leaf().with(SAN, false, dns(&["www.forge.test", "a_b.forge.test"]));
        },
        &["malformed_san"],
    ),
    (
        "an address of three bytes",
        |case| {
            case.leaf().with(SAN, false, seq(&[&tlv(0x82, &[b"www.forge.test"]), &tlv(0x87, &[&[1, 2, 3]])]));
        },
        &["malformed_san"],
    ),
    (
        "an address",
        |case| {
            case.leaf().with(SAN, false, seq(&[&tlv(0x82, &[b"www.forge.test"]), &tlv(0x87, &[&[127, 0, 0, 1]])]));
        },
        &[],
    ),
    (
        "a wildcard of everything",
        |case| {
            case.leaf().with(SAN, false, dns(&["www.forge.test", "*.test"]));
        },
        &["bad_wildcard"],
    ),
    (
        "a wildcard",
        |case| {
            case.leaf().with(SAN, false, dns(&["www.forge.test", "*.forge.test"]));
        },
        &[],
    ),
    ("nameless", |case| case.leaf().subject = name(""), &["san_not_critical"]),
    (
        "nameless, and says so",
        |case| {
            case.leaf().subject = name("");
            case.leaf().with(SAN, true, dns(&["www.forge.test"]));
        },
        &[],
    ),
    ("another common name", |case| case.leaf().subject = name("forge.test"), &["cn_not_in_san"]),
    (
        "no extended key usage",
        |case| {
            case.leaf().without(EKU);
        },
        &["missing_server_auth_eku"],
    ),
    (
        "for clients",
        |case| {
            case.leaf().with(EKU, false, purposes(&["1.3.6.1.5.5.7.3.2"]));
        },
        &["missing_server_auth_eku"],
    ),
    (
        "for everything",
        |case| {
            case.leaf().with(EKU, false, purposes(&[SERVER_AUTH, "2.5.29.37.0"]));
        },
        &["any_eku"],
    ),
    (
        "for encryption only",
        |case| {
            case.leaf().with(KEY_USAGE, true, usage(0x20));
        },
        &["missing_digital_signature"],
    ),
    (
        "no key usage",
        |case| {
            case.leaf().without(KEY_USAGE);
        },
        &[],
    ),
];

fn permitted(base: &str) -> Vec<u8> {
    seq(&[&tlv(0xa0, &[&seq(&[&tlv(0x82, &[base.as_bytes()])])])])
}

fn excluded(base: &str) -> Vec<u8> {
    seq(&[&tlv(0xa1, &[&seq(&[&tlv(0x82, &[base.as_bytes()])])])])
}

#[test]
fn a_chain_spoiled_in_one_way_breaks_one_rule() {
    let mut covered = Vec::new();
    for (what, spoil, want) in [SERVED, EACH, AUTHORITIES, LEAF].into_iter().flatten() {
        let mut case = Case::clean();
        spoil(&mut case);
        let found = case.found();
        assert_eq!(words(&found), *want, "{what}: {found:#?}");
        covered.extend(want.iter().copied());
    }
    let never: Vec<&str> = RULES.iter().map(|rule| rule.word).filter(|word| !covered.contains(word)).collect();
    assert_eq!(never, Vec::<&str>::new(), "rules without a chain that breaks them");
}

#[test]
fn findings_say_what_was_seen_and_where_it_is_written() {
    let mut case = Case::clean();
    case.issuer().key = rsa_key(1024, &[1, 0, 1]);
    let found = case.found();
    assert_eq!(
        found[0].told(),
        "lint weak_rsa_key: certificate 2 (RSA 1024): RSA with fewer than 2048 bits [BR 6.1.5, RFC 9325 4.5]"
    );
}

#[test]
fn a_chain_without_end_is_looked_at_to_a_limit() {
    let ring = |n: usize| {
        let id = u8::try_from(n % 200).unwrap();
        Spec::authority(&format!("ca {n}"), id, &format!("ca {}", n + 1), u8::try_from((n + 1) % 200).unwrap())
    };
    let mut chain = vec![Spec::leaf()];
    chain[0].issuer = name("ca 0");
    chain[0].with(AKI, false, key_id(0));
    chain.extend((0..300).map(ring));
    let case = Case { chain, ..Case::clean() };
    let found = case.found();
    assert_eq!(words(&found), ["missing_intermediate"]);
    assert!(found.iter().all(|finding| finding.at < super::super::lint::MOST), "{found:?}");
    // A hundred of the same.
    let case = Case { chain: vec![Spec::intermediate(); 100], ..Case::clean() };
    assert_eq!(case.found().iter().filter(|finding| finding.rule.word == "duplicate_certificate").count(), 99);
}

#[test]
fn octets_of_an_identifier_are_read() {
    // The forge itself: what it writes is what the parser of the field reads.
    let der = Spec::root().der();
    let (_, certificate) = x509_parser::parse_x509_certificate(&der).unwrap();
    assert_eq!(certificate.subject().to_string(), "CN=root");
    let ski = certificate.extensions().iter().find(|extension| extension.oid.to_id_string() == SKI).unwrap();
    assert_eq!(ski.value, octets(&[1; 20]));
}
