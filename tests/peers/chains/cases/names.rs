//! Names, and the constraints on them.

use super::super::draft::{
    CONSTRAINTS, NAME, SAN, constraints, directory, dns, ip, mail, name, name_in, registered, tlv, uri,
};
use super::Says::{Accepts, Open, Refuses};
use super::{Case, Says, case, lengths};

fn named(id: &'static str, says: Says, san: &[Vec<u8>], wanted: &str) -> Case {
    case(id, says, |d| {
        d.leaf.san(san);
        wanted.clone_into(&mut d.wanted);
    })
}

pub(super) fn names() -> Vec<Case> {
    vec![
        named("name_in_capitals", Accepts, &[dns("WWW.Chain.Test")], NAME),
        named("name_among_others", Accepts, &[mail("a@chain.test"), dns("a.chain.test"), dns(NAME)], NAME),
        named("other_name", Refuses, &[dns("a.chain.test")], NAME),
        named("wildcard", Accepts, &[dns("*.chain.test")], NAME),
        named("wildcard_and_apex", Refuses, &[dns("*.chain.test")], "chain.test"),
        named("wildcard_and_two_labels", Refuses, &[dns("*.chain.test")], "a.www.chain.test"),
        named("wildcard_below_top", Refuses, &[dns("*.test")], "chain.test"),
        named("wildcard_alone", Refuses, &[dns("*")], NAME),
        named("wildcard_in_part", Refuses, &[dns("w*.chain.test")], NAME),
        named("wildcard_inside", Refuses, &[dns("www.*.test")], NAME),
        named("wildcard_twice", Refuses, &[dns("*.*.test")], NAME),
        named("name_with_final_dot", Refuses, &[dns("www.chain.test.")], NAME),
        named("name_with_zero", Refuses, &[dns("www.chain.test\0.evil.test")], NAME),
        named("idn", Accepts, &[dns("xn--bcher-kva.test")], "xn--bcher-kva.test"),
        named("underscore", Accepts, &[dns("_a.chain.test")], "_a.chain.test"),
        named("mail_only", Refuses, &[mail("www.chain.test@chain.test")], NAME),
        case("common_name_only", Refuses, |d| {
            d.leaf.without(SAN);
            d.leaf.subject = name(NAME);
        }),
        case("common_name_and_other_san", Refuses, |d| {
            d.leaf.san(&[dns("a.chain.test")]);
            d.leaf.subject = name(NAME);
        }),
    ]
}

pub(super) fn address_names() -> Vec<Case> {
    let v6 = "2001:db8::5".parse::<std::net::Ipv6Addr>().unwrap().octets();
    vec![
        named("address", Accepts, &[ip(&[127, 1, 2, 3])], "127.1.2.3"),
        named("other_address", Refuses, &[ip(&[127, 1, 2, 4])], "127.1.2.3"),
        named("address_6", Accepts, &[ip(&v6)], "2001:db8::5"),
        named("address_as_dns_name", Refuses, &[dns("127.1.2.3")], "127.1.2.3"),
        named("address_in_common_name", Refuses, &[dns("a.chain.test")], "127.1.2.3"),
        named("address_of_three_bytes", Accepts, &[ip(&[127, 1, 2]), dns(NAME)], NAME),
        named("mapped_address", Refuses, &[ip(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, 1, 2, 3])], "127.1.2.3"),
    ]
}

/// The leaf has one more name, and the intermediate these constraints.
fn held(id: &'static str, says: Says, more: &[Vec<u8>], permitted: &[Vec<u8>], excluded: &[Vec<u8>]) -> Case {
    case(id, says, |d| {
        d.leaf.san(&[&[dns(NAME)], more].concat());
        d.intermediate().with(CONSTRAINTS, true, constraints(permitted, excluded));
    })
}

pub(super) fn subtrees() -> Vec<Case> {
    let loopback = || ip(&[127, 0, 0, 0, 255, 0, 0, 0]);
    let eleven = || ip(&[11, 0, 0, 0, 255, 0, 0, 0]);
    let address = || ip(&[127, 1, 2, 3]);
    vec![
        held("dns_permitted", Accepts, &[], &[dns("chain.test")], &[]),
        held("dns_permitted_itself", Accepts, &[], &[dns(NAME)], &[]),
        held("dns_not_permitted", Refuses, &[], &[dns("other.test")], &[]),
        held("dns_one_of_two_permitted", Refuses, &[dns("a.other.test")], &[dns("chain.test")], &[]),
        held("dns_two_permitted", Accepts, &[dns("a.other.test")], &[dns("chain.test"), dns("other.test")], &[]),
        held("dns_suffix_is_no_label", Refuses, &[], &[dns("ain.test")], &[]),
        held("dns_excluded", Refuses, &[], &[], &[dns("chain.test")]),
        held("dns_other_excluded", Accepts, &[], &[], &[dns("other.test")]),
        held("dns_permitted_and_excluded", Refuses, &[], &[dns("chain.test")], &[dns("www.chain.test")]),
        held("dns_leading_dot", Accepts, &[], &[dns(".chain.test")], &[]),
        held("dns_leading_dot_itself", Refuses, &[], &[dns(".www.chain.test")], &[]),
        held("dns_empty_excludes_all", Refuses, &[], &[], &[dns("")]),
        held("dns_in_capitals", Accepts, &[], &[dns("CHAIN.Test")], &[]),
        held("wildcard_permitted", Accepts, &[dns("*.chain.test")], &[dns("chain.test")], &[]),
        held("wildcard_over_excluded", Refuses, &[dns("*.chain.test")], &[], &[dns("a.chain.test")]),
        held("address_permitted", Accepts, &[address()], &[loopback()], &[]),
        held("address_not_permitted", Refuses, &[address()], &[eleven()], &[]),
        held("address_excluded", Refuses, &[address()], &[], &[loopback()]),
        held("address_other_excluded", Accepts, &[address()], &[], &[eleven()]),
        held("address_mask_with_gaps", Refuses, &[address()], &[ip(&[127, 0, 2, 0, 255, 0, 255, 0])], &[]),
        held("address_constraint_without_address", Accepts, &[], &[loopback()], &[]),
        held("no_address_allowed", Refuses, &[address()], &[], &[ip(&[0; 8])]),
    ]
}

pub(super) fn more_subtrees() -> Vec<Case> {
    let mut out = vec![
        held("directory_permitted", Accepts, &[], &[directory("leaf")], &[]),
        held("directory_not_permitted", Refuses, &[], &[directory("other")], &[]),
        held("directory_excluded", Refuses, &[], &[], &[directory("leaf")]),
        held("directory_other_excluded", Accepts, &[], &[], &[directory("other")]),
        held("directory_in_another_string", Accepts, &[], &[tlv(0xa4, &[&name_in(0x13, "LEAF")])], &[]),
        held("directory_in_san", Refuses, &[directory("x")], &[directory("leaf")], &[]),
        held("mail_permitted", Accepts, &[mail("a@chain.test")], &[mail("chain.test")], &[]),
        held("mailbox_permitted", Accepts, &[mail("a@chain.test")], &[mail("a@chain.test")], &[]),
        held("mail_not_permitted", Refuses, &[mail("a@chain.test")], &[mail("other.test")], &[]),
        held("mail_of_a_host_below", Refuses, &[mail("a@x.chain.test")], &[mail("chain.test")], &[]),
        held("mail_of_a_domain", Accepts, &[mail("a@x.chain.test")], &[mail(".chain.test")], &[]),
        held("mail_excluded", Refuses, &[mail("a@chain.test")], &[], &[mail("chain.test")]),
        held("mail_constraint_without_mail", Accepts, &[], &[mail("other.test")], &[]),
        held("uri_permitted", Accepts, &[uri("https://x.chain.test/p")], &[uri("x.chain.test")], &[]),
        held("uri_of_a_domain", Accepts, &[uri("https://x.chain.test/p")], &[uri(".chain.test")], &[]),
        held("uri_not_permitted", Refuses, &[uri("https://x.chain.test/p")], &[uri("other.test")], &[]),
        held("uri_excluded", Refuses, &[uri("https://x.chain.test/p")], &[], &[uri("x.chain.test")]),
        held("uri_with_address", Refuses, &[uri("https://127.1.2.3/p")], &[uri("chain.test")], &[]),
        held("registered_constraint_without_name", Accepts, &[], &[registered("1.2.3.4")], &[]),
        held("registered_constraint", Open, &[registered("1.2.3.4")], &[registered("1.2.3.4")], &[]),
    ];
    out.extend([
        case("root_constrains", Refuses, |d| {
            d.root.with(CONSTRAINTS, true, constraints(&[dns("other.test")], &[]));
        }),
        case("root_permits", Accepts, |d| {
            d.root.with(CONSTRAINTS, true, constraints(&[dns("chain.test")], &[]));
        }),
        case("root_excludes_intermediate", Refuses, |d| {
            d.root.with(CONSTRAINTS, true, constraints(&[], &[directory("intermediate")]));
        }),
        case("both_must_permit", Refuses, |d| {
            d.root.with(CONSTRAINTS, true, constraints(&[dns("chain.test")], &[]));
            d.intermediate().with(CONSTRAINTS, true, constraints(&[dns("other.test")], &[]));
        }),
        case("constraints_not_critical", Refuses, |d| {
            d.intermediate().with(CONSTRAINTS, false, constraints(&[dns("other.test")], &[]));
        }),
        case("constraints_of_the_leaf", Accepts, |d| {
            d.leaf.with(CONSTRAINTS, true, constraints(&[dns("other.test")], &[]));
        }),
        case("self_issued_is_exempt", Accepts, |d| {
            lengths(d, 9, "upper");
            d.leaf.subject = name("");
            d.between[1].with(CONSTRAINTS, true, constraints(&[dns("chain.test"), directory("elsewhere")], &[]));
        }),
        case("self_issued_leaf_is_bound", Refuses, |d| {
            d.leaf.subject = name("intermediate");
            d.intermediate().with(CONSTRAINTS, true, constraints(&[dns("other.test")], &[]));
        }),
    ]);
    out
}
