//! How the servers are spread and named, how large their referral is, and whether the timers of the SOA fit each other.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use hickory_proto::op::{Message, Query};
use hickory_proto::rr::rdata::{A, AAAA, NS};
use hickory_proto::rr::{Name, RData, Record, RecordType};

use super::facts;
use crate::checks::dns::survey::consensus::{common, set_known};
use crate::checks::dns::survey::delegation::Delegation;
use crate::checks::dns::survey::names;
use crate::checks::dns::survey::records::Soa;
use crate::checks::dns::survey::server_report::ServerReport;
use crate::checks::dns::survey::settings::Settings;
use crate::checks::dns::survey::zone::Zone;
use crate::net::IpVersion;
use crate::probe::Cx;

/// Longest name on the wire (RFC 1035 section 2.3.4), and longest label.
const LONGEST: usize = 255;
const LABEL: usize = 63;

pub(super) fn record(cx: &mut Cx<'_>, settings: &Settings, zone: &Zone, known: &Delegation, reports: &[ServerReport]) {
    spread(cx, settings, reports);
    if let Some(names) = known.names.as_ref().filter(|names| !names.is_empty()) {
        let none = BTreeMap::new();
        let size = referral_size(&zone.name, names, known.glue.as_ref().unwrap_or(&none));
        set_known(cx, &facts::REFERRAL_SIZE, size.and_then(|size| i64::try_from(size).ok()));
    } else if known.split || !known.failed.is_empty() {
        cx.partial(&facts::REFERRAL_SIZE, "the servers of the parent give no common delegation");
    }
    invalid_names(cx, known, reports);
    let ordered = |report: &ServerReport| report.soa().map(ordered);
    match common(reports.iter().map(ordered)) {
        Some(ordered) => cx.set(&facts::TIMERS_ORDERED, ordered),
        // One that is wrong decides.
        None if reports.iter().any(|report| ordered(report) == Some(false)) => cx.set(&facts::TIMERS_ORDERED, false),
        None => cx.partial(&facts::TIMERS_ORDERED, "not every server gave its SOA"),
    }
}

fn ordered(soa: &Soa) -> bool {
    soa.retry < soa.refresh && soa.refresh < soa.expire
}

fn spread(cx: &mut Cx<'_>, settings: &Settings, reports: &[ServerReport]) {
    let addresses: BTreeSet<IpAddr> =
        reports.iter().filter_map(|report| report.server.address).map(|address| address.ip()).collect();
    let count = |test: fn(&IpAddr) -> bool| {
        i64::try_from(addresses.iter().filter(|address| test(address)).count()).unwrap_or(i64::MAX)
    };
    let networks: BTreeSet<(bool, u128)> = addresses.iter().map(network).collect();
    cx.set(&facts::IPV4, count(IpAddr::is_ipv4));
    cx.set(&facts::IPV6, count(IpAddr::is_ipv6));
    cx.set(&facts::NETWORKS, i64::try_from(networks.len()).unwrap_or(i64::MAX));
    let left_out = match settings.policy.version {
        IpVersion::Any => &[][..],
        IpVersion::V4 => &[facts::IPV6.info, facts::NETWORKS.info],
        IpVersion::V6 => &[facts::IPV4.info, facts::NETWORKS.info],
    };
    cx.partial_all(left_out, "addresses of the other IP version are left out (`ip_version`)");
    let lost: Vec<&str> =
        reports.iter().filter(|report| report.server.address.is_none()).map(ServerReport::label).collect();
    if !lost.is_empty() {
        let why = format!("no address was found of {}", lost.join(", "));
        cx.partial_all(&[facts::IPV4.info, facts::IPV6.info, facts::NETWORKS.info], &why);
    }
}

/// /24 of IPv4, /48 of IPv6: what is usually announced as one.
fn network(address: &IpAddr) -> (bool, u128) {
    match address {
        IpAddr::V4(v4) => (true, u128::from(v4.to_bits() >> 8)),
        IpAddr::V6(v6) => (false, v6.to_bits() >> 80),
    }
}

/// A referral for the longest name in the zone, with names compressed.
fn referral_size(zone: &Name, servers: &BTreeSet<String>, glue: &BTreeMap<String, BTreeSet<IpAddr>>) -> Option<usize> {
    let mut message = Message::query();
    message.add_query(Query::query(longest(zone)?, RecordType::A));
    let parsed: Option<Vec<Name>> = servers.iter().map(|text| names::parse(text)).collect();
    let parsed = parsed?;
    for name in &parsed {
        message.add_authority(Record::from_rdata(zone.clone(), 0, RData::NS(NS(name.clone()))));
    }
    // Without one address nobody finds servers that are all inside.
    if parsed.iter().all(|name| zone.zone_of(name)) {
        let of = |v4: bool| {
            let addresses = servers.iter().zip(&parsed).flat_map(|(text, name)| {
                glue.get(text).into_iter().flatten().map(move |address| (name.clone(), *address))
            });
            addresses.into_iter().find(|(_, address)| address.is_ipv4() == v4)
        };
        for (name, address) in of(true).into_iter().chain(of(false)) {
            let data = match address {
                IpAddr::V4(v4) => RData::A(A(v4)),
                IpAddr::V6(v6) => RData::AAAA(AAAA(v6)),
            };
            message.add_additional(Record::from_rdata(name, 0, data));
        }
    }
    message.to_vec().ok().map(|bytes| bytes.len())
}

/// The longest name below `zone`.
fn longest(zone: &Name) -> Option<Name> {
    let mut name = zone.clone();
    loop {
        let wire: usize = 1 + name.iter().map(|label| 1 + label.len()).sum::<usize>();
        let room = LONGEST.saturating_sub(wire + 1).min(LABEL);
        if room == 0 {
            return Some(name);
        }
        name = name.prepend_label("x".repeat(room).as_str()).ok()?;
    }
}

fn invalid_names(cx: &mut Cx<'_>, known: &Delegation, reports: &[ServerReport]) {
    let servers = known.names.iter().flatten();
    let own = reports.iter().filter_map(|report| report.ns.as_ref()).flat_map(|(_, names)| names);
    let mut bad: BTreeSet<String> =
        servers.chain(own).filter(|name| !host_name(name)).map(|name| format!("NS {name}")).collect();
    for soa in reports.iter().filter_map(ServerReport::soa) {
        if soa.mname != "." && !host_name(&soa.mname) {
            bad.insert(format!("MNAME {}", soa.mname));
        }
        if soa.rname.contains('@') {
            bad.insert(format!("RNAME {}", soa.rname));
        }
    }
    if reports.iter().all(|report| report.soa().is_some() && report.ns.is_some()) || !bad.is_empty() {
        cx.set(&facts::NAMES_INVALID, Vec::from_iter(bad));
    } else {
        cx.partial(&facts::NAMES_INVALID, "not every server gave its SOA and NS");
    }
}

/// RFC 952 and RFC 1123 section 2.1: letters, digits and hyphens, no hyphen at either end; a last label of digits would be an
/// address.
fn host_name(text: &str) -> bool {
    let labels: Vec<&str> = text.trim_end_matches('.').split('.').collect();
    let sound = |label: &&str| {
        let inner = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        !label.is_empty() && inner && !label.starts_with('-') && !label.ends_with('-')
    };
    labels.iter().all(sound) && labels.last().is_some_and(|last| !last.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::{host_name, longest, network, referral_size};

    #[test]
    fn host_names_are_letters_digits_and_hyphens() {
        for good in ["ns1.example.", "a.b-c.example.", "1.example.", "xn--bcher-kva.example.", "ns.example.x1."] {
            assert!(host_name(good), "{good}");
        }
        for bad in
            ["ns_1.example.", "-a.example.", "a-.example.", "ns1.123.", "a\\.b.example.", ".", "b\\252cher.test."]
        {
            assert!(!host_name(bad), "{bad}");
        }
    }

    #[test]
    fn the_smallest_referral_is_measured_for_the_longest_name() {
        let zone: hickory_proto::rr::Name = "z.test.".parse().unwrap();
        let name = longest(&zone).unwrap();
        assert_eq!(name.iter().map(|label| label.len() + 1).sum::<usize>() + 1, 255);
        let servers: BTreeSet<String> = ["ns1.z.test.", "ns2.z.test."].map(str::to_owned).into();
        // Header; question; two NS of owner pointer, fixed part, label and pointer.
        let bare = 12 + 255 + 4 + 2 * (2 + 10 + 4 + 2);
        assert_eq!(referral_size(&zone, &servers, &BTreeMap::new()), Some(bare));
        let glue: BTreeSet<std::net::IpAddr> =
            ["192.0.2.1", "192.0.2.2", "2001:db8::1"].map(|text| text.parse().unwrap()).into();
        let glue: BTreeMap<_, _> = [("ns2.z.test.".to_owned(), glue)].into();
        assert_eq!(referral_size(&zone, &servers, &glue), Some(bare + (2 + 10 + 4) + (2 + 10 + 16)));
        let outside: BTreeSet<String> = ["ns1.z.test.", "ns.other.test."].map(str::to_owned).into();
        assert!(referral_size(&zone, &outside, &glue).unwrap() < bare + 16);
    }

    #[test]
    fn networks_are_what_is_announced_as_one() {
        let of = |text: &str| network(&text.parse().unwrap());
        assert_eq!(of("192.0.2.1"), of("192.0.2.254"));
        assert_ne!(of("192.0.2.1"), of("192.0.3.1"));
        assert_eq!(of("2001:db8:1::1"), of("2001:db8:1:ffff::2"));
        assert_ne!(of("2001:db8:1::1"), of("2001:db8:2::1"));
    }
}
