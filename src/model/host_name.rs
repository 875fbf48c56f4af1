//! Hosts as suites write them: one set of rules for every family. Names beyond ASCII become what resolvers know (RFC 5891).

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::interface::zone_of;

/// Longest name, with a final dot (RFC 1035, 2.3.4).
const LONGEST: usize = 254;

/// A host name or address without a port, as it is asked for: `bücher.test` is `xn--bcher-kva.test`.
pub fn host(text: &str) -> Result<String, String> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    if let Ok(address) = bare.parse::<IpAddr>() {
        return address_of(address).map(|()| text.to_owned());
    }
    let wrong = |what: &str| Err(format!("`{text}` {what}"));
    if text.is_empty() {
        return Err("the host is empty".into());
    }
    if let Some(what) = several(bare) {
        return wrong(what);
    }
    if text.contains("://") || text.contains('/') {
        return wrong("is a URL, not a host");
    }
    if let Some((address, zone)) = bare.split_once('%') {
        return zone_of(address, zone).map(|_| text.to_owned());
    }
    if text.matches(':').count() > 1 || text.contains(['[', ']']) {
        return wrong("is no IPv6 address");
    }
    if text.contains(':') {
        return wrong("holds a port; it has a field of its own");
    }
    if ends_in_number(text) {
        return wrong("is no IPv4 address, which is four decimal numbers from 0 to 255 without leading zeros");
    }
    if text.contains(|c: char| matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')) {
        return Err(format!("`{}` holds a character that cannot be seen", text.escape_unicode()));
    }
    if let Some(quote) =
        text.chars().find(|c| matches!(c, '\u{2018}'..='\u{201f}' | '\u{ab}' | '\u{bb}' | '\u{2039}' | '\u{203a}'))
    {
        return Err(format!("`{text}` holds the typographic quote {quote}, which is no quote in YAML"));
    }
    let name = if text.is_ascii() { text.to_owned() } else { to_ascii(text)? };
    let label = |label: &str| {
        (1..=63).contains(&label.len()) && label.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
    };
    let labels = name.strip_suffix('.').unwrap_or(&name);
    if name.len() <= LONGEST && labels.split('.').all(label) { Ok(name) } else { wrong("is not a host name") }
}

/// What a text is that stands for several hosts, if it does.
#[must_use]
pub fn several(text: &str) -> Option<&'static str> {
    let is_address = |text: &str| text.parse::<IpAddr>().is_ok();
    let is_byte = |text: &str| text.parse::<u8>().is_ok();
    let network = text.split_once('/').is_some_and(|(base, length)| is_address(base) && is_byte(length));
    let range =
        text.split_once('-').is_some_and(|(first, last)| is_address(first) && (is_byte(last) || is_address(last)));
    match (network, range) {
        (true, _) => Some("is a network, not one host"),
        (_, true) => Some("is a range of addresses, not one host"),
        _ => None,
    }
}

/// Whether an address is what it looks like, and that of one host: sockets send IPv4 for one that only stands in the form of
/// IPv6, and lead to this host itself for the unspecified one.
pub fn address_of(address: IpAddr) -> Result<(), String> {
    let everybody = address.is_multicast() || address == IpAddr::V4(Ipv4Addr::BROADCAST);
    if address.is_unspecified() || everybody {
        let whose = if everybody { "several hosts" } else { "no host" };
        return Err(format!("`{address}` is the address of {whose}, and a check looks at one"));
    }
    match address {
        IpAddr::V6(six) => match six.to_ipv4_mapped() {
            Some(four) => Err(format!("`{six}` is an IPv4 address in the form of IPv6: write {four}")),
            None => Ok(()),
        },
        IpAddr::V4(_) => Ok(()),
    }
}

/// A host, and a port behind a colon where there is one.
pub(super) fn endpoint(text: &str) -> Result<String, String> {
    // A zone is looked at below: what the library reads as one is a number alone.
    let plain = Some(text).filter(|text| !text.contains('%'));
    let socket = plain.and_then(|text| text.parse::<SocketAddr>().ok()).filter(|socket| socket.port() != 0);
    if let Some(address) = socket.map(|socket| socket.ip()).or_else(|| text.parse().ok()) {
        return address_of(address).map(|()| text.to_owned());
    }
    let bracketed = text.starts_with('[') && text.ends_with(']');
    match text.rsplit_once(':') {
        Some((name, port)) if !bracketed && (name.starts_with('[') || !name.contains(':')) => {
            let name = host(name)?;
            match port.parse::<u16>() {
                Ok(1..) if port.bytes().all(|b| b.is_ascii_digit()) => Ok(format!("{name}:{port}")),
                _ => Err(format!("`{port}` is not a port")),
            }
        }
        _ => host(text),
    }
}

/// The host of an absolute URL as it is written; `Err` says what is odd about it: libraries would mend it, and ask another
/// host than people read there.
pub(super) fn url_host(text: &str) -> Result<&str, String> {
    let wrong = |what: &str| Err(format!("`{text}` {what}"));
    if text.trim() != text {
        return wrong("begins or ends with a blank");
    }
    let Some((_, after)) = text.split_once("://") else { return wrong("has no `//` behind its scheme") };
    let authority = after.split(['/', '?', '#', '\\']).next().unwrap_or_default();
    let place = authority.rsplit_once('@').map_or(authority, |(_, place)| place);
    let bracketed = place.strip_prefix('[').and_then(|rest| rest.find(']')).map(|at| at + 2);
    let end = bracketed.or_else(|| place.find(':')).unwrap_or(place.len());
    let (host, port) = place.split_at_checked(end).unwrap_or((place, ""));
    if host.is_empty() {
        return wrong("names no host");
    }
    if host.contains('%') {
        return Err(format!("the host `{host}` is percent-encoded: write it as it is"));
    }
    match port.strip_prefix(':') {
        Some(digits) if !digits.is_empty() && digits.bytes().all(|byte| byte == b'0') => {
            Err("port 0 is no port".into())
        }
        _ => Ok(host),
    }
}

/// Whether the last label is a number, so that resolvers and libraries may take all of it for an address (WHATWG URL,
/// "ends in a number").
fn ends_in_number(text: &str) -> bool {
    let text = text.strip_suffix('.').unwrap_or(text);
    let last = text.rsplit('.').next().unwrap_or_default();
    let hexadecimal = last.strip_prefix("0x").or_else(|| last.strip_prefix("0X"));
    let digits = !last.is_empty() && last.bytes().all(|b| b.is_ascii_digit());
    digits || hexadecimal.is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))
}

fn to_ascii(text: &str) -> Result<String, String> {
    match url::Host::parse(text) {
        Ok(url::Host::Domain(name)) => Ok(name),
        Ok(url::Host::Ipv4(address)) => Err(format!("`{text}` would be read as {address}: write that")),
        Ok(url::Host::Ipv6(_)) => Err(format!("`{text}` is not a host name")),
        // Letters that are no part of names, or a label that is too long once it is written in ASCII.
        Err(_) => Err(format!("`{text}` is no name that the DNS can have (IDNA)")),
    }
}

#[cfg(test)]
mod tests {
    use super::{endpoint, host, url_host};

    #[test]
    fn addresses_have_one_form() {
        for odd in
            ["010.0.2.2", "10.77", "1234567", "0x7f000001", "127.0.0.1.", "1.2.3.4.5", "256.1.1.1", "1.2.3.08", "web.1"]
        {
            let error = host(odd).unwrap_err();
            assert!(error.contains("four decimal numbers") && error.contains(odd), "{odd}: {error}");
            assert!(endpoint(&format!("{odd}:53")).is_err(), "{odd}");
        }
        for good in ["10.0.2.2", "::1", "[::1]", "2001:db8::0:1"] {
            assert_eq!(host(good).as_deref(), Ok(good));
        }
        for odd in ["::g", "1:2:3", "[::1", "12345::"] {
            assert!(host(odd).unwrap_err().contains("no IPv6 address"), "{odd}");
        }
    }

    #[test]
    fn several_hosts_are_not_one() {
        for (many, what) in [
            ("192.0.2.0/28", "network"),
            ("2001:db8::/64", "network"),
            ("192.0.2.1-9", "range"),
            ("192.0.2.1-192.0.2.9", "range"),
            ("2001:db8::1-2001:db8::9", "range"),
        ] {
            assert!(host(many).unwrap_err().contains(what), "{many}");
        }
        for one in ["192-0-2-1.test", "web-1", "10.0.0.1-rack.test"] {
            assert_eq!(host(one).as_deref(), Ok(one));
        }
    }

    #[test]
    fn names_become_what_resolvers_know() {
        assert_eq!(host("bücher.test").as_deref(), Ok("xn--bcher-kva.test"));
        assert_eq!(host("WWW.Example.").as_deref(), Ok("WWW.Example."));
        assert_eq!(endpoint("bücher.test:53").as_deref(), Ok("xn--bcher-kva.test:53"));
        assert_eq!(host("_sip._tcp.example").as_deref(), Ok("_sip._tcp.example"));
        for bad in ["a..b", ".a", "a b", "-", &"x".repeat(64), &"x.".repeat(130), "１２７.0.0.1", "a\u{200b}b.test"]
        {
            let found = host(bad);
            assert!(bad == "-" || found.is_err(), "{bad}: {found:?}");
        }
    }

    #[test]
    fn ports_follow_a_colon() {
        for good in ["web.example:53", "[::1]:53", "::1", "10.0.0.1:53", "ns1", "[::1]"] {
            assert_eq!(endpoint(good).as_deref(), Ok(good));
        }
        for bad in ["web:0", "10.0.0.1:0", "web:+53", "web:", "web:99999", "[::1]:x", "a:b:53"] {
            assert!(endpoint(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn ipv4_in_the_form_of_ipv6_is_refused() {
        for odd in ["::ffff:127.0.0.1", "[::ffff:7f00:1]", "::ffff:010.0.0.1"] {
            assert!(host(odd).is_err() && endpoint(odd).is_err(), "{odd}");
        }
        assert!(host("::ffff:127.0.0.1").unwrap_err().contains("write 127.0.0.1"));
        assert!(endpoint("[::ffff:127.0.0.1]:53").unwrap_err().contains("write 127.0.0.1"));
        assert_eq!(host("64:ff9b::127.0.0.1").as_deref(), Ok("64:ff9b::127.0.0.1"), "NAT64 is IPv6");
    }

    /// Linux connects to itself for `0.0.0.0`, and its answer would be taken for the target's.
    #[test]
    fn an_address_is_that_of_one_host() {
        for odd in ["0.0.0.0", "::", "[::]", "224.0.0.1", "255.255.255.255", "ff02::1"] {
            assert!(host(odd).unwrap_err().contains("is the address of"), "{odd}");
        }
        for odd in ["0.0.0.0:53", "[::]:53", "[ff02::fb]:5353"] {
            assert!(endpoint(odd).unwrap_err().contains("is the address of"), "{odd}");
        }
        assert_eq!(host("0.0.0.1").as_deref(), Ok("0.0.0.1"));
    }

    #[test]
    fn a_link_local_address_may_have_a_zone() {
        for good in ["fe80::1%eth0", "[fe80::1%eth0]", "fe80::1%2"] {
            assert_eq!(host(good).as_deref(), Ok(good));
            assert_eq!(endpoint(good).as_deref(), Ok(good));
        }
        assert_eq!(endpoint("[fe80::1%eth0]:53").as_deref(), Ok("[fe80::1%eth0]:53"));
        assert_eq!(endpoint("[fe80::1%2]:53").as_deref(), Ok("[fe80::1%2]:53"));
        for bad in
            ["fe80::1%", "fe80::1%an-overlong-name", "fe80::1%a/b", "fe80::1%a b", "fe80::1%a%b", "www%eth0", "::1%2"]
        {
            assert!(host(bad).is_err() && endpoint(bad).is_err(), "{bad}");
        }
        assert!(endpoint("[::1%2]:53").is_err() && endpoint("[fe80::1%eth0]:0").is_err());
        assert!(host("2001:db8::1%eth0").unwrap_err().contains("write `interface: eth0`"));
    }

    #[test]
    fn a_url_has_a_host_where_it_is_written() {
        for (url, want) in [
            ("http://010.0.2.2/a", "010.0.2.2"),
            ("https://user@x.example:443?q", "x.example"),
            ("http://[::1]:80/", "[::1]"),
            ("http://x#f", "x"),
            ("http://x:/", "x"),
        ] {
            assert_eq!(url_host(url), Ok(want), "{url}");
        }
        for (url, why) in [
            ("http:///health", "names no host"),
            ("http://:80/", "names no host"),
            ("http:x/", "no `//`"),
            ("http:/x/", "no `//`"),
            (" http://x/", "blank"),
            ("http://x/\n", "blank"),
            ("http://%31%30.77/", "percent-encoded"),
            ("http://x:0/", "port 0"),
            ("http://[::1]:00/", "port 0"),
        ] {
            let error = url_host(url).unwrap_err();
            assert!(error.contains(why), "{url}: {error}");
        }
    }
}
