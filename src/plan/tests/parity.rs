//! Checks that are made over IPv4 and IPv6 in turn.

use super::{Plan, Settings, case, planned};
use crate::checks::FAMILIES;
use crate::model::Arm;
use crate::net::{IpVersion, Origin};
use crate::plan::{OVER_IPV4, OVER_IPV6};
use crate::probe::{Footprint, Host};
use crate::testing::load;

/// A check of one host by name, of every family that has `parity`.
const ROWS: &[(&str, &str)] = &[
    ("dns", "{server: x.example, name: y.example}"),
    ("http", "{url: \"https://x.example/\"}"),
    ("icmp", "{host: x.example}"),
    ("ports", "{host: x.example, ports: [80]}, expect: {open: {exactly: [80]}}"),
    ("tcp", "{host: x.example, port: 80}"),
    ("tls", "{host: x.example}"),
    ("udp", "{host: x.example, port: 53, send: x}"),
];

fn plan(checks: &str) -> Plan {
    let settings = Settings { seed: 1, pairs: 20, ..Settings::default() };
    planned(load(FAMILIES, &format!("checks:\n{checks}"), &[]), None, &settings)
        .unwrap_or_else(|errors| panic!("{errors}"))
}

#[test]
fn every_family_that_can_is_one_case_over_both() {
    for family in FAMILIES.iter().filter(|family| family.no_parity.is_none()) {
        let (name, fields) = ROWS.iter().find(|(name, _)| *name == family.name).expect("a row for the family");
        let both = plan(&format!("  - {{id: a, parity: true, {name}: {fields}}}\n"));
        let a = case(&both, "a");
        let hosts = [Some(Arm::Base), Some(Arm::Head)].map(|arm| a.arm(arm).hosts.to_vec());
        let host = |version| vec![Host::new("x.example", version, Origin::default())];
        assert_eq!(hosts, [host(IpVersion::V4), host(IpVersion::V6)], "{name}");
        assert!(
            a.subject().hosts == a.arm(Some(Arm::Head)).hosts && a.head.is_none(),
            "it is no comparison of targets"
        );
        let paths: Vec<String> = a.base.expectations.iter().map(ToString::to_string).collect();
        assert!(paths.iter().any(|path| path.starts_with("parity.same")), "{name}: {paths:?}");
        let one = plan(&format!("  - {{id: a, {name}: {fields}}}\n"));
        let one = case(&one, "a");
        assert!(one.over_ipv4.is_none() && one.layout.pairs.is_none());
        assert_ne!(one.base.digest, a.base.digest, "its numbers are not those of either version");
    }
}

#[test]
fn rounds_are_pairs_and_only_those_of_ipv4_are_marked() {
    let plan = plan(
        "  - {id: a, parity: true, rounds: 7, tcp: {host: x.example, port: 1}}\n  - {id: b, parity: true, tcp: {host: x.example, port: 1}}\n",
    );
    let a = case(&plan, "a");
    assert_eq!((a.layout.warm_up, a.layout.rounds, a.layout.turns().count()), (1, 7, 16), "whatever --pairs says");
    assert_eq!((case(&plan, "b").layout.turns().count(), case(&plan, "b").layout.again().count()), (2, 6));
    assert!(a.layout.turns().any(|turn| turn.slot % 2 == 0 && turn.arm == Some(Arm::Head)), "the order varies");
    assert_eq!([Some(Arm::Base), Some(Arm::Head)].map(|arm| a.mark(arm)), [Some(Arm::Base), None]);
    assert_eq!([Some(Arm::Base), Some(Arm::Head)].map(|arm| a.label(arm)), [OVER_IPV4, OVER_IPV6]);
    assert_eq!(plan.paired(), 0);
    assert!(a.attempt >= a.base.probe.longest() * 16, "the budget has room for all of them");
}

/// Neighbours would add their noise to what is timed, and to nothing else.
#[test]
fn it_runs_alone_where_a_ratio_is_expected() {
    let of = |expect: &str| {
        let plan =
            plan(&format!("  - {{id: a, parity: true, rounds: 6, tcp: {{host: x.example, port: 1}}{expect}}}\n"));
        case(&plan, "a").footprint
    };
    assert_eq!(of(""), Footprint::Quiet);
    assert_eq!(of(", expect: {parity.ratio.connect_time: {lt: 2}}"), Footprint::Noisy);
}

#[test]
fn two_targets_are_not_compared_as_well() {
    let suite = "vars: {where: x.example}\nchecks:\n  - {id: a, parity: true, tcp: {host: \"${where}\", port: 1}}\n";
    let against = |head: &str| {
        let heads = load(FAMILIES, suite, &[("where", head)]);
        planned(load(FAMILIES, suite, &[]), Some(heads), &Settings::default())
    };
    let told = against("y.example").err().unwrap();
    assert!(told.contains("`a` compares IPv4 with IPv6"), "{told}");
}
