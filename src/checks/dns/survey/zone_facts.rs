//! Facts of a zone: who serves it, how it is delegated, and what its SOA says.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::consensus::{common, labels_where, set_known, set_list};
use super::delegation::Delegation;
use super::records::Soa;
use super::server_report::ServerReport;
use super::settings::Settings;
use super::zone::Zone;
use super::{delegation_facts, facts, names, rules};
use crate::probe::Cx;

pub(super) fn record(cx: &mut Cx<'_>, settings: &Settings, zone: &Zone, known: &Delegation, reports: &[ServerReport]) {
    for note in &known.notes {
        cx.note(note.clone());
    }
    set_known(cx, &facts::LAME, labels_where(reports, ServerReport::lame));
    for report in reports.iter().filter(|report| report.answered() && report.lame() == Some(true)) {
        let Some((apex, code)) = report.apex.as_ref().and_then(|apex| Some((apex, apex.code()?))) else { continue };
        let aa = if apex.has("aa") { "with" } else { "without" };
        let soa = if apex.soa.is_some() { "a SOA" } else { "no SOA" };
        cx.note(format!("{} is lame: {code} {aa} AA, {soa} of {}", report.label(), names::text(&zone.name)));
    }
    several_soa(cx, reports);
    delegation_facts::ns_names(cx, zone, known, reports);
    delegation_facts::glue(cx, zone, known, reports);
    let aliases =
        reports.iter().flat_map(|report| &report.addresses).filter(|(_, found)| found.alias).map(|(name, _)| name);
    let aliases: BTreeSet<String> = known.aliases.iter().chain(aliases).cloned().collect();
    cx.set(&facts::NS_ALIAS, Vec::from_iter(aliases));
    cx.set(&facts::NS_UNRESOLVED, Vec::from_iter(known.unresolved.clone()));
    if zone.ns.is_empty() {
        cx.set(&facts::PARENT_FAILED, known.failed.clone());
    }
    cx.set(&facts::SHARED, known.shared.clone());
    let special = |report: &ServerReport| Some(report.server.address.is_some_and(|address| special(address.ip())));
    set_known(cx, &facts::SPECIAL, labels_where(reports, special));
    soa(cx, reports);
    rules::record(cx, settings, zone, known, reports);
}

fn several_soa(cx: &mut Cx<'_>, reports: &[ServerReport]) {
    let count = |report: &ServerReport| report.apex.as_ref().filter(|apex| apex.whole()).map(|apex| apex.soa_count);
    for report in reports {
        if let Some(count) = count(report).filter(|count| *count > 1) {
            cx.note(format!("{}: {count} SOA records, where a zone has one", report.label()));
        }
    }
    let several = |report: &ServerReport| count(report).map(|count| count > 1);
    set_list(cx, &facts::SEVERAL_SOA, reports, several, "no whole answer about SOA came from");
}

/// Fields of the SOA that every server gives alike.
fn soa(cx: &mut Cx<'_>, reports: &[ServerReport]) {
    fn part<T: PartialEq>(reports: &[ServerReport], what: fn(&Soa) -> T) -> Option<T> {
        common(reports.iter().map(|report| report.soa().map(what)))
    }
    set_known(cx, &facts::MNAME, part(reports, |soa| soa.mname.clone()));
    set_known(cx, &facts::RNAME, part(reports, |soa| soa.rname.clone()));
    for (fact, what) in [
        (&facts::REFRESH, (|soa| soa.refresh) as fn(&Soa) -> u32),
        (&facts::RETRY, |soa| soa.retry),
        (&facts::EXPIRE, |soa| soa.expire),
        (&facts::MINIMUM, |soa| soa.minimum),
        (&facts::NEGATIVE_TTL, Soa::negative_ttl),
    ] {
        set_known(cx, fact, part(reports, what).map(f64::from));
    }
}

/// Not for the public Internet, by IANA's registries of special-purpose addresses.
fn special(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => special_v4(v4),
        IpAddr::V6(v6) => special_v6(v6),
    }
}

fn special_v4(address: Ipv4Addr) -> bool {
    let [first, second, third, _] = address.octets();
    let named = address.is_private() || address.is_link_local() || address.is_documentation() || address.is_multicast();
    named
        || matches!(first, 0 | 127 | 240..)
        || (first == 100 && (64..128).contains(&second))
        || (first == 198 && (18..20).contains(&second))
        || (first, second, third) == (192, 0, 0)
}

fn special_v6(address: Ipv6Addr) -> bool {
    let [first, second, ..] = address.segments();
    let local = address.is_unique_local() || address.is_unicast_link_local() || address.is_multicast();
    local
        || address.to_ipv4_mapped().is_some()
        // ::, ::1 and the block they stand in; 100::/64; 2001:db8::/32; 3fff::/20.
        || (first == 0 && second == 0)
        || first == 0x0100
        || (first == 0x2001 && second == 0x0db8)
        || (first == 0x3fff && second < 0x1000)
}

#[cfg(test)]
mod tests {
    use super::special;

    #[test]
    fn addresses_that_are_not_for_the_public_are_known() {
        for text in [
            "127.0.0.1",
            "10.1.2.3",
            "192.0.2.1",
            "100.64.0.1",
            "198.18.0.1",
            "169.254.1.1",
            "240.0.0.1",
            "0.0.0.0",
            "192.0.0.8",
            "172.16.0.1",
            "::1",
            "::",
            "fe80::1",
            "fd00::1",
            "2001:db8::1",
            "::ffff:8.8.8.8",
            "3fff::1",
        ] {
            assert!(special(text.parse().unwrap()), "{text}");
        }
        for text in ["8.8.8.8", "100.128.0.1", "198.20.0.1", "192.0.1.1", "172.32.0.1", "2001:4860::1", "2620:fe::9"] {
            assert!(!special(text.parse().unwrap()), "{text}");
        }
    }
}
