//! `allowed_targets`: what checks that break something may touch.

use std::net::IpAddr;

use super::diagnostic::{Diagnostics, Span};
use super::tree::{Kind, Node};
use crate::model::glob::Glob;

/// Lists, each of which must allow what is touched: a suite that is included cannot widen the list of the one that includes it.
#[derive(Clone, Debug, Default)]
pub struct AllowedTargets(Vec<Vec<Pattern>>);

#[derive(Clone, Debug)]
enum Pattern {
    /// Addresses, by the length of their common prefix.
    Network(IpAddr, u8),
    /// Names in small letters.
    Name(Glob),
}

impl AllowedTargets {
    /// From the lists as they are written, variables resolved; `None` where there is none.
    pub(super) fn read(lists: &[Node], errors: &mut Diagnostics) -> Option<Self> {
        let lists: Vec<Vec<Pattern>> = lists.iter().map(|list| patterns(list, errors)).collect();
        (!lists.is_empty()).then_some(Self(lists))
    }

    /// Whether each list allows something by one of its names.
    #[must_use]
    pub fn allows(&self, names: &[String]) -> bool {
        self.0.iter().all(|list| names.iter().any(|name| list.iter().any(|pattern| pattern.covers(name))))
    }
}

fn patterns(list: &Node, errors: &mut Diagnostics) -> Vec<Pattern> {
    let items = match &list.kind {
        Kind::List(items) => items.as_slice(),
        Kind::Scalar(..) => std::slice::from_ref(list),
        Kind::Map(_) | Kind::Null => {
            errors.add(list.span, format!("`allowed_targets` is {}, not a list", list.sort()), HELP);
            &[]
        }
    };
    items.iter().filter_map(|item| pattern(item.text(), item.shown(), item.span, errors)).collect()
}

const HELP: &str = "write hosts, networks, devices and processes: `allowed_targets: [192.0.2.0/24, \"*.lab.example\", eth1, haproxy.service]`";

fn pattern(text: Option<&str>, shown: Option<&str>, span: Span, errors: &mut Diagnostics) -> Option<Pattern> {
    let text = text.map(str::trim).filter(|text| !text.is_empty());
    let Some(text) = text else {
        errors.add(span, "`allowed_targets` holds what is no name", HELP);
        return None;
    };
    match network(text) {
        Ok(Some((address, length))) => Some(Pattern::Network(address, length)),
        Ok(None) => text.to_lowercase().parse().ok().map(Pattern::Name),
        Err(most) => {
            let message = format!("`{}` is no network: its prefix has at most {most} bits", shown.unwrap_or("***"));
            errors.add(span, message, "write it such as 192.0.2.0/24 or 2001:db8::/32");
            None
        }
    }
}

/// An address with the length of its prefix, all of it where none is written; `None` of a name. `Err` is the longest prefix.
fn network(text: &str) -> Result<Option<(IpAddr, u8)>, u8> {
    let (address, length) = text.split_once('/').map_or((text, None), |(address, length)| (address, Some(length)));
    let bare = address.trim_start_matches('[').trim_end_matches(']').split('%').next().unwrap_or_default();
    let Ok(address) = bare.parse::<IpAddr>() else { return Ok(None) };
    let most = if address.is_ipv4() { 32 } else { 128 };
    match length.map_or(Some(most), |length| length.parse().ok()) {
        Some(length) if length <= most => Ok(Some((address, length))),
        _ => Err(most),
    }
}

impl Pattern {
    fn covers(&self, name: &str) -> bool {
        match self {
            Self::Name(glob) => glob.matches(&name.to_lowercase()),
            Self::Network(network_address, length) => network(name).is_ok_and(|found| {
                found.is_some_and(|(address, own)| {
                    own >= *length && prefix(address, *length) == prefix(*network_address, *length)
                })
            }),
        }
    }
}

/// The version of an address and its first bits.
fn prefix(address: IpAddr, length: u8) -> (bool, u128) {
    let (bits, all) = match address {
        IpAddr::V4(address) => (u128::from(address.to_bits()), 32),
        IpAddr::V6(address) => (address.to_bits(), 128),
    };
    (address.is_ipv4(), bits.checked_shr(all - u32::from(length)).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::{AllowedTargets, pattern};
    use crate::suite::diagnostic::{Diagnostics, Span};

    fn list(entries: &[&str]) -> Vec<super::Pattern> {
        let (span, mut errors) = (Span { source: 0, start: 0, end: 0 }, Diagnostics::default());
        let read = entries.iter().map(|entry| pattern(Some(entry), Some(entry), span, &mut errors).unwrap()).collect();
        assert!(errors.is_empty());
        read
    }

    #[test]
    fn addresses_are_covered_by_networks_and_names_by_patterns() {
        for (entry, name, covered) in [
            ("192.0.2.0/24", "192.0.2.7", true),
            ("192.0.2.0/24", "192.0.3.7", false),
            ("192.0.2.0/24", "192.0.2.0/25", true),
            ("192.0.2.0/24", "192.0.2.0/23", false),
            ("192.0.2.7", "192.0.2.7", true),
            ("192.0.2.7", "192.0.2.7/32", true),
            ("0.0.0.0/0", "203.0.113.9", true),
            ("0.0.0.0/0", "2001:db8::1", false),
            ("::/0", "192.0.2.7", false),
            ("2001:db8::/32", "2001:DB8:0::7", true),
            ("2001:db8::/32", "fe80::1%eth0", false),
            ("192.0.2.0/24", "web.example", false),
            ("*.lab.example", "web.lab.example", true),
            ("*.lab.example", "WEB.lab.example", true),
            ("*.lab.example", "lab.example", false),
            ("*.lab.example", "web.lab.example.org", false),
            ("eth1", "eth1", true),
            ("eth1", "eth10", false),
            ("eth1", "lb1/eth1", false),
            ("lb1/*", "lb1/eth1", true),
            ("haproxy.service", "haproxy.service", true),
            ("/run/haproxy*.pid", "/run/haproxy-1.pid", true),
            ("*", "192.0.2.7", true),
        ] {
            assert_eq!(AllowedTargets(vec![list(&[entry])]).allows(&[name.to_owned()]), covered, "{entry} {name}");
        }
    }

    #[test]
    fn every_list_must_allow_it_by_one_of_its_names() {
        let both = AllowedTargets(vec![list(&["eth1", "192.0.2.0/24"]), list(&["192.0.2.7"])]);
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        assert!(both.allows(&names(&["192.0.2.7"])) && both.allows(&names(&["other", "192.0.2.7"])));
        assert!(!both.allows(&names(&["eth1"])) && !both.allows(&names(&["192.0.2.8"])));
        assert!(
            !both.allows(&[]) && !AllowedTargets(vec![Vec::new()]).allows(&names(&["x"])),
            "an empty list allows nothing"
        );
        assert!(AllowedTargets::read(&[], &mut Diagnostics::default()).is_none());
    }
}
