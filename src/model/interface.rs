//! Names of network interfaces, and the zones of IPv6 addresses that they name (RFC 4007).

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use url::Url;

/// Longest name of an interface: `IFNAMSIZ` of Linux without its final zero.
const LONGEST: usize = 15;

/// The name of an interface of this host, or its number. Whether there is one is known only where it is used: each network
/// namespace has its own.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Interface {
    bytes: [u8; LONGEST],
    length: u8,
}

impl Interface {
    /// An interface of this name; `Err` says why none can have it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = |what: &str| Err(format!("`{text}` {what}"));
        if text.is_empty() {
            return Err("the interface is empty".into());
        }
        if text.len() > LONGEST {
            return wrong("is longer than the name of an interface, which has at most 15 bytes");
        }
        let foreign = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '/' | ':' | '%' | '[' | ']');
        if matches!(text, "." | "..") || text.contains(foreign) {
            return wrong("is not the name of an interface");
        }
        let mut bytes = [0; LONGEST];
        for (place, byte) in bytes.iter_mut().zip(text.bytes()) {
            *place = byte;
        }
        Ok(Self { bytes, length: u8::try_from(text.len()).unwrap_or(0) })
    }

    /// As it is written.
    #[must_use]
    pub fn name(&self) -> &str {
        let bytes = self.bytes.get(..usize::from(self.length)).unwrap_or_default();
        std::str::from_utf8(bytes).unwrap_or_default()
    }

    /// Its number, where it is written as one.
    #[must_use]
    pub fn index(&self) -> Option<u32> {
        self.name().parse().ok().filter(|index| *index > 0 && self.name().bytes().all(|byte| byte.is_ascii_digit()))
    }
}

impl fmt::Display for Interface {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Debug for Interface {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Whether an address means a host of one link, and another host on every other link.
#[must_use]
pub const fn is_link_local(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(six) if six.is_unicast_link_local())
}

/// The address of `host`, in brackets or without, and its zone where it has one; `None` for a name, and for a zone that none can
/// have.
#[must_use]
pub fn address_and_zone(host: &str) -> Option<(IpAddr, Option<Interface>)> {
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    match bare.split_once('%') {
        None => Some((bare.parse().ok()?, None)),
        Some((address, zone)) => {
            Some((IpAddr::V6(address.parse::<Ipv6Addr>().ok()?), Some(Interface::parse(zone).ok()?)))
        }
    }
}

/// Host without its zone, which is of this machine alone and never sent (RFC 4007, 11.2), and the zone.
#[must_use]
pub fn without_zone(host: &str) -> (String, Option<Interface>) {
    match (host.split_once('%'), address_and_zone(host)) {
        (Some((address, _)), Some((_, zone @ Some(_)))) => {
            (format!("{address}{}", if host.ends_with(']') { "]" } else { "" }), zone)
        }
        _ => (host.to_owned(), None),
    }
}

/// A URL without the zone of its host, which stands behind `%25` (RFC 6874) or `%`, and the zone; `Err` says what is wrong with it.
pub fn url_without_zone(url: &str) -> Result<(String, Option<Interface>), String> {
    let start = url.find("://").map_or(0, |at| at + 3);
    let (scheme, rest) = url.split_at_checked(start).unwrap_or(("", url));
    let end = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(end).unwrap_or((rest, ""));
    let inner = authority.split_once('[').and_then(|(before, rest)| {
        let (inner, after) = rest.split_once(']')?;
        Some((before, inner.split_once('%')?, after))
    });
    let Some((before, (address, zone), after)) = inner else { return Ok((url.to_owned(), None)) };
    let zone = zone_of(address, zone.strip_prefix("25").filter(|zone| !zone.is_empty()).unwrap_or(zone))?;
    Ok((format!("{scheme}{before}[{address}]{after}{path}"), Some(zone)))
}

/// A URL that is asked, without the zone of its host.
#[must_use]
pub fn parse_url_without_zone(url: &str) -> Option<Url> {
    Url::parse(&url_without_zone(url).ok()?.0).ok()
}

/// The zone of an address; `Err` says why it has none.
pub fn zone_of(address: &str, zone: &str) -> Result<Interface, String> {
    let six = address.parse::<Ipv6Addr>().map_err(|_| format!("`{address}%{zone}` is no IPv6 address with a zone"))?;
    let interface = Interface::parse(zone).map_err(|why| format!("the zone of {address}: {why}"))?;
    if six.is_unicast_link_local() {
        return Ok(interface);
    }
    Err(format!("{address} is the same host on every link and has no zone: write `interface: {interface}` beside it"))
}

#[cfg(test)]
mod tests {
    use super::{Interface, address_and_zone, url_without_zone, without_zone, zone_of};

    #[test]
    fn names_are_those_of_interfaces() {
        for good in ["eth0", "veth-a", "br0.17", "2", "wlp0s20f3", "ünter", "eth0@if"] {
            assert_eq!(Interface::parse(good).unwrap().name(), good);
        }
        for bad in ["", ".", "..", "a/b", "a b", "a\n", "eth0:1", "a%b", "an-overlong-name", "[a]"] {
            assert!(Interface::parse(bad).is_err(), "{bad}");
        }
        assert_eq!(Interface::parse("17").unwrap().index(), Some(17));
        assert_eq!(Interface::parse("0").unwrap().index(), None);
        assert_eq!(Interface::parse("+1").unwrap().index(), None);
    }

    #[test]
    fn zones_stand_behind_link_local_addresses_alone() {
        assert_eq!(zone_of("fe80::1", "eth0").unwrap().name(), "eth0");
        assert!(zone_of("2001:db8::1", "eth0").unwrap_err().contains("write `interface: eth0`"));
        assert!(zone_of("192.0.2.1", "eth0").unwrap_err().contains("no IPv6 address"));
        assert!(zone_of("fe80::1", "").unwrap_err().contains("is empty"));
        assert!(zone_of("fe80::1", "a/b").is_err());
    }

    #[test]
    fn a_zone_comes_apart_from_its_address() {
        for host in ["fe80::1%eth0", "[fe80::1%eth0]"] {
            let (address, zone) = address_and_zone(host).unwrap();
            assert_eq!((address.to_string().as_str(), zone.unwrap().name()), ("fe80::1", "eth0"));
        }
        assert_eq!(address_and_zone("[::1]").unwrap().1, None);
        assert_eq!(address_and_zone("router.example"), None);
        assert_eq!(without_zone("[fe80::1%2]").0, "[fe80::1]");
        assert_eq!(without_zone("fe80::1%2").0, "fe80::1");
        assert_eq!(without_zone("a%2").0, "a%2");
    }

    #[test]
    fn urls_lose_their_zone() {
        for url in ["http://[fe80::1%25eth0]:80/a?b#c", "http://[fe80::1%eth0]:80/a?b#c"] {
            let (bare, zone) = url_without_zone(url).unwrap();
            assert_eq!((bare.as_str(), zone.unwrap().name()), ("http://[fe80::1]:80/a?b#c", "eth0"), "{url}");
        }
        // `%25` alone is the interface with the number 25.
        assert_eq!(url_without_zone("http://[fe80::1%25]/").unwrap().1.unwrap().name(), "25");
        for same in [
            "http://x/[a%25b]",
            "http://x?[fe80::1%25b]",
            "http://x#[fe80::1%25b]",
            "https://www.example/%41",
            "x",
            "http://[::1]/",
        ] {
            assert_eq!(url_without_zone(same), Ok((same.to_owned(), None)));
        }
        assert!(url_without_zone("http://[fe80::1%25a%2fb]/").is_err());
        assert!(url_without_zone("http://[2001:db8::1%25eth0]/").unwrap_err().contains("write `interface: eth0`"));
    }
}
