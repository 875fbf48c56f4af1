//! Chains made by hand to be odd in other ways than those of the lists.

use super::super::draft::{
    ANY, BASIC, CONSTRAINTS, Draft, EKU, KEY_USAGE, NAME, SAN, SERVER, Trusted, all, ca, constraints, directory, dns,
    integer, ip, mail, name, purposes, seq, tlv, uri, usage,
};
use super::Says::{Accepts, Refuses};
use super::{Case, Says, case};

/// The intermediate is what is trusted.
fn anchored(id: &'static str, says: Says, change: impl FnOnce(&mut Draft)) -> Case {
    case(id, says, |d| {
        d.trusted = Trusted::Intermediate;
        change(d);
    })
}

pub(super) fn anchors() -> Vec<Case> {
    vec![
        anchored("intermediate_trusted", Accepts, |_| {}),
        anchored("intermediate_trusted_not_sent", Accepts, |d| d.sent = Some(vec![])),
        anchored("intermediate_trusted_root_sent", Accepts, |d| d.root_sent = true),
        anchored("intermediate_trusted_expired", Refuses, |d| d.intermediate().days(-30, -1)),
        anchored("intermediate_trusted_without_certsign", Refuses, |d| {
            d.intermediate().with(KEY_USAGE, true, usage(0x02));
        }),
        anchored("intermediate_trusted_root_expired", Accepts, |d| {
            d.root.days(-30, -1);
            d.root_sent = true;
        }),
        anchored("intermediate_trusted_length_0", Accepts, |d| {
            d.intermediate().with(BASIC, true, ca(Some(0)));
        }),
        anchored("intermediate_trusted_constrains", Refuses, |d| {
            d.intermediate().with(CONSTRAINTS, true, constraints(&[dns("other.test")], &[]));
        }),
    ]
}

pub(super) fn leaves() -> Vec<Case> {
    vec![
        case("usage_not_critical_in_leaf", Accepts, |d| {
            d.leaf.with(KEY_USAGE, false, usage(0x80));
        }),
        case("usage_without_bits", Refuses, |d| {
            d.leaf.with(KEY_USAGE, true, vec![3, 1, 0]);
        }),
        case("purposes_with_an_unknown_one", Accepts, |d| {
            d.leaf.with(EKU, false, purposes(&["1.3.6.1.4.1.99999.7", SERVER]));
        }),
        case("purposes_any_in_both", Refuses, |d| {
            d.leaf.with(EKU, false, purposes(&[ANY]));
            d.intermediate().with(EKU, false, purposes(&[ANY]));
        }),
        case("purposes_empty", Refuses, |d| {
            d.leaf.with(EKU, false, seq(&[]));
        }),
        case("leaf_with_path_length", Accepts, |d| {
            d.leaf.with(BASIC, true, seq(&[&integer(&[0])]));
        }),
        case("leaf_basic_false_written", Accepts, |d| {
            d.leaf.with(BASIC, true, seq(&[&[1, 1, 0]]));
        }),
        case("leaf_basic_and_certsign", Accepts, |d| {
            d.leaf.with(BASIC, true, seq(&[])).with(KEY_USAGE, true, usage(0x84));
        }),
        case("junk_in_an_unknown_extension", Accepts, |d| {
            d.leaf.with("1.3.6.1.4.1.99999.8", false, vec![0xff, 0xff]);
        }),
        case("without_any_extension", Refuses, |d| d.leaf.extensions.clear()),
        case("version_2", Refuses, |d| d.leaf.version = 1),
        case("serial_negative", Accepts, |d| d.leaf.serial = vec![0x80, 1]),
        case("valid_from_now", Accepts, |d| d.leaf.dates = (-60, 3600)),
        case("san_critical", Accepts, |d| {
            d.leaf.with(SAN, true, all(&[dns(NAME)]));
        }),
        case("many_names", Accepts, |d| {
            let mut many: Vec<Vec<u8>> = (0..1500).map(|at| dns(&format!("n{at}.chain.test"))).collect();
            many.push(dns(NAME));
            d.leaf.san(&many);
        }),
        case("names_of_every_kind", Accepts, |d| {
            let other = tlv(0xa0, &[&super::super::draft::oid("1.2.3.4"), &tlv(0xa0, &[&tlv(0x0c, &[b"x"])])]);
            d.leaf.san(&[other, mail("a@b.test"), uri("urn:x"), directory("x"), ip(&[127, 0, 0, 1]), dns(NAME)]);
        }),
    ]
}

fn named(id: &'static str, says: Says, san: &[Vec<u8>], wanted: &str) -> Case {
    case(id, says, |d| {
        d.leaf.san(san);
        wanted.clone_into(&mut d.wanted);
    })
}

pub(super) fn names() -> Vec<Case> {
    vec![
        named("wildcard_in_capitals", Accepts, &[dns("*.CHAIN.test")], NAME),
        named("wildcard_over_idn", Accepts, &[dns("*.chain.test")], "xn--bcher-kva.chain.test"),
        named("wildcard_in_idn", Refuses, &[dns("xn--*.chain.test")], "xn--bcher-kva.chain.test"),
        named("wildcard_below_idn", Accepts, &[dns("*.xn--bcher-kva.test")], "www.xn--bcher-kva.test"),
        named("name_with_leading_dot", Refuses, &[dns(".chain.test")], "chain.test"),
        named("name_with_blank", Refuses, &[dns("www.chain.test ")], NAME),
        named("empty_name_and_another", Accepts, &[dns(NAME), dns("x.chain.test")], NAME),
        named("address_of_6_for_4", Refuses, &[ip(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 127, 0, 0, 9])], "127.0.0.9"),
        named("address_and_name", Accepts, &[dns(NAME), ip(&[127, 0, 0, 9])], "127.0.0.9"),
        named("uri_with_the_name", Refuses, &[uri("https://www.chain.test/")], NAME),
    ]
}

fn held(id: &'static str, says: Says, more: &[Vec<u8>], permitted: &[Vec<u8>], excluded: &[Vec<u8>]) -> Case {
    case(id, says, |d| {
        d.leaf.san(&[&[dns(NAME)], more].concat());
        d.intermediate().with(CONSTRAINTS, true, constraints(permitted, excluded));
    })
}

pub(super) fn subtrees() -> Vec<Case> {
    let v6 = |last: u8| {
        let mut address = [0; 16];
        (address[0], address[1], address[15]) = (0x20, 0x01, last);
        address.to_vec()
    };
    let prefix = [v6(0), [&[0xff_u8; 2][..], &[0; 14]].concat()].concat();
    vec![
        held("address_6_permitted", Accepts, &[ip(&v6(9))], &[ip(&prefix)], &[]),
        held("address_6_excluded", Refuses, &[ip(&v6(9))], &[], &[ip(&prefix)]),
        held("address_4_under_6_only", Refuses, &[ip(&[127, 1, 2, 3])], &[ip(&prefix)], &[]),
        held("every_address_permitted", Accepts, &[ip(&[127, 1, 2, 3])], &[ip(&[0; 8])], &[]),
        held(
            "single_address_permitted",
            Accepts,
            &[ip(&[127, 1, 2, 3])],
            &[ip(&[127, 1, 2, 3, 255, 255, 255, 255])],
            &[],
        ),
        held("empty_directory_permits_all", Accepts, &[], &[tlv(0xa4, &[&name("")])], &[]),
        held("excluded_within_permitted", Accepts, &[], &[dns("chain.test")], &[dns("x.chain.test")]),
        held("mail_with_capitals", Accepts, &[mail("a@CHAIN.test")], &[mail("chain.test")], &[]),
        held("kinds_beside_each_other", Accepts, &[mail("a@b.test")], &[dns("chain.test"), mail("b.test")], &[]),
        case("upper_constrains_lower_names", Refuses, |d| {
            d.depth(2);
            d.between[0].san(&[dns("outside.test")]);
            d.between[1].with(CONSTRAINTS, true, constraints(&[dns("chain.test")], &[]));
        }),
        case("constraints_narrowed_step_by_step", Accepts, |d| {
            d.depth(2);
            d.between[1].with(CONSTRAINTS, true, constraints(&[dns("test")], &[]));
            d.between[0].with(CONSTRAINTS, true, constraints(&[dns("chain.test")], &[dns("secret.chain.test")]));
        }),
        case("excluded_above_permitted_below", Refuses, |d| {
            d.depth(2);
            d.between[1].with(CONSTRAINTS, true, constraints(&[], &[dns("chain.test")]));
            d.between[0].with(CONSTRAINTS, true, constraints(&[dns("chain.test")], &[]));
        }),
    ]
}
