//! Authorities, and the server's own certificate.

use super::super::forge::{
    AKI, BASIC, CONSTRAINTS, DAY, EKU, KEY_USAGE, NOW, SAN, SERVER_AUTH, SKI, Spec, ca, dns, key_id, name, odd_rsa_key,
    purposes, rsa_key, seq, tlv, usage,
};
use super::{Row, path, path_to};

pub(super) const AUTHORITIES: &[Row] = &[
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
    ("a sound root", |case| case.path = Some(path_to(&Spec::root())), &[]),
    (
        "a root without basic constraints",
        |case| case.path = Some(path_to(Spec::root().without(BASIC))),
        &["flawed_root"],
    ),
    (
        "a root with RSA 1024",
        |case| {
            let mut root = Spec::root();
            root.key = rsa_key(1024, &[1, 0, 1]);
            case.path = Some(path_to(&root));
        },
        &["flawed_root"],
    ),
    (
        "a root for servers only",
        |case| {
            case.path = Some(path_to(Spec::root().with(EKU, false, purposes(&[SERVER_AUTH]))));
        },
        &["flawed_root"],
    ),
    (
        "a root with the identifier of another",
        |case| {
            case.path = Some(path_to(Spec::root().with(AKI, false, key_id(7))));
        },
        &["flawed_root"],
    ),
    (
        "an intermediate that is trusted itself",
        |case| case.path = Some(path_to(&Spec::authority("root", 1, "above", 8))),
        &[],
    ),
    (
        "a self-issued one is no step",
        |case| {
            case.leaf().with(AKI, false, key_id(3));
            case.chain[1] = Spec::authority("intermediate", 3, "intermediate", 2);
            let mut upper = Spec::intermediate();
            upper.with(BASIC, true, ca(Some(0)));
            case.chain.push(upper);
        },
        &[],
    ),
];

pub(super) const LEAF: &[Row] = &[
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
    (
        "constraints in a leaf",
        |case| {
            case.leaf().with(CONSTRAINTS, true, permitted("forge.test"));
        },
        &["name_constraints_in_leaf"],
    ),
    (
        "constraints that constrain nothing",
        |case| {
            case.issuer().with(CONSTRAINTS, true, seq(&[]));
        },
        &["broken_extension"],
    ),
    (
        "a critical AKI",
        |case| {
            case.leaf().with(AKI, true, key_id(2));
        },
        &["wrong_criticality"],
    ),
    (
        "critical names beside a subject",
        |case| {
            case.leaf().with(SAN, true, dns(&["www.forge.test"]));
        },
        &["wrong_criticality"],
    ),
    (
        "a critical extended key usage",
        |case| {
            case.leaf().with(EKU, true, purposes(&[SERVER_AUTH]));
        },
        &["wrong_criticality"],
    ),
    (
        "policy constraints one may overlook",
        |case| {
            case.issuer().with("2.5.29.36", false, seq(&[&tlv(0x80, &[&[0]])]));
        },
        &["wrong_criticality"],
    ),
    (
        "policy constraints",
        |case| {
            case.issuer().with("2.5.29.36", true, seq(&[&tlv(0x80, &[&[0]])]));
        },
        &[],
    ),
    ("a common name in other letters", |case| case.leaf().subject = name("WWW.forge.test"), &["cn_not_in_san"]),
    (
        "issued by nobody",
        |case| {
            case.leaf().issuer = name("");
            case.issuer().subject = name("");
        },
        &["empty_issuer"],
    ),
    ("RSA 2049", |case| case.leaf().key = odd_rsa_key(), &["odd_rsa_key"]),
];

fn permitted(base: &str) -> Vec<u8> {
    seq(&[&tlv(0xa0, &[&seq(&[&tlv(0x82, &[base.as_bytes()])])])])
}

fn excluded(base: &str) -> Vec<u8> {
    seq(&[&tlv(0xa1, &[&seq(&[&tlv(0x82, &[base.as_bytes()])])])])
}
