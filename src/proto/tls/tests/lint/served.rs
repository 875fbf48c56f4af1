//! The served list, and the rules for each certificate.

use super::super::forge::{
    AKI, CONSTRAINTS, DAY, EKU, FEATURE, MD5_RSA, NOW, SERVER_AUTH, SHA1_RSA, Spec, algorithm, dsa_key, ec_key,
    explicit_key, integer, key_id, name, purposes, rsa_key, seq,
};
use super::{Row, path, sibling};

pub(super) const SERVED: &[Row] = &[
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

pub(super) const EACH: &[Row] = &[
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
