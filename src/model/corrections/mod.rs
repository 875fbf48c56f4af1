//! Values as other tools and people write them, and what a suite writes instead.

#[cfg(test)]
mod tests;
mod units;

pub use units::quantity;

use super::fact::TimeOf;
use super::suggest::{distance, suggest};
use super::unit::Unit;
use super::{FieldKind, host_name};

/// Ports that are known by a name.
#[rustfmt::skip]
const PORTS: &[(&str, &str)] = &[
    ("http", "80"), ("https", "443"), ("ssh", "22"), ("sftp", "22"), ("ftp", "21"), ("telnet", "23"), ("smtp", "25"),
    ("submission", "587"), ("smtps", "465"), ("dns", "53"), ("domain", "53"), ("dot", "853"), ("ntp", "123"),
    ("snmp", "161"), ("pop3", "110"), ("pop3s", "995"), ("imap", "143"), ("imaps", "993"), ("ldap", "389"),
    ("ldaps", "636"), ("mysql", "3306"), ("postgres", "5432"), ("postgresql", "5432"), ("redis", "6379"),
    ("rdp", "3389"), ("mqtt", "1883"), ("amqp", "5672"), ("kafka", "9092"), ("mongodb", "27017"),
    ("elasticsearch", "9200"), ("prometheus", "9090"), ("syslog", "514"),
];

/// Words of choices, as others have them.
#[rustfmt::skip]
const SAME: &[(&str, &str)] = &[
    ("4", "ipv4"), ("v4", "ipv4"), ("ip4", "ipv4"), ("inet", "ipv4"), ("6", "ipv6"), ("v6", "ipv6"), ("ip6", "ipv6"),
    ("inet6", "ipv6"), ("both", "any"), ("auto", "any"), ("dual", "any"), ("warning", "warn"), ("info", "warn"),
    ("error", "fail"), ("critical", "fail"), ("failure", "fail"), ("every", "all"), ("each", "all"),
    ("open", "connected"), ("opened", "connected"), ("listening", "connected"), ("established", "connected"),
    ("success", "answered"), ("success", "connected"), ("success", "completed"), ("success", "replied"), ("success", "transferred"), ("ok", "answered"),
    ("ok", "connected"), ("ok", "completed"), ("ok", "replied"), ("ok", "transferred"), ("answered", "replied"), ("up", "replied"), ("reachable", "replied"), ("alive", "replied"), ("open", "replied"), ("finished", "transferred"), ("up", "answered"), ("up", "connected"), ("reachable", "answered"),
    ("reachable", "connected"), ("alive", "answered"), ("alive", "connected"), ("connected", "answered"),
    ("reply", "answered"), ("closed", "refused"), ("rst", "refused"), ("reject", "refused"), ("rejected", "refused"),
    ("denied", "refused"), ("filtered", "timeout"), ("dropped", "timeout"), ("drop", "timeout"), ("blocked", "timeout"),
    ("timedout", "timeout"), ("timed_out", "timeout"), ("noanswer", "timeout"), ("silent", "timeout"),
    ("timeout", "silent"), ("nxdomain", "unresolved"), ("down", "timeout"), ("dead", "timeout"),
    ("no_error", "NOERROR"), ("success", "NOERROR"), ("ok", "NOERROR"), ("name_error", "NXDOMAIN"),
    ("server_failure", "SERVFAIL"), ("same", "same"), ("equal", "same"), ("ignored", "ignore"),
];

/// `true` or `false` for a word of YAML 1.1 or of people.
#[must_use]
pub fn flag(text: &str) -> Option<&'static str> {
    match text.trim().to_lowercase().as_str() {
        "true" | "yes" | "y" | "on" | "1" | "enabled" | "enable" | "t" | "always" => Some("true"),
        "false" | "no" | "n" | "off" | "0" | "disabled" | "disable" | "f" | "never" | "none" => Some("false"),
        _ => None,
    }
}

/// A whole number.
#[must_use]
pub fn whole(text: &str) -> Option<String> {
    units::count(text).filter(|found| found.parse::<i64>().is_ok())
}

/// One of `words`, where one is meant without doubt.
#[must_use]
pub fn word(text: &str, words: &'static [&'static str]) -> Option<&'static str> {
    let text = text.trim();
    let plain = |text: &str| text.to_lowercase().replace(['-', ' ', '.'], "_");
    let written = plain(text);
    let exact = words.iter().find(|word| plain(word) == written);
    let other = || {
        SAME.iter()
            .filter(|(known, _)| *known == written)
            .find_map(|(_, word)| words.iter().find(|known| *known == word))
    };
    let near = || {
        let nearest = words.iter().map(|word| (distance(text, word), *word)).min()?;
        let only = words.iter().filter(|word| distance(text, word) == nearest.0).count() == 1;
        (text.len() <= 64 && only && nearest.0 <= (text.chars().count() / 3).max(1)).then_some(nearest.1)
    };
    // `1.2` of `TLS1.2`.
    let numbered = || {
        let ends = |word: &&&str| text.contains('.') && word.ends_with(text) && text.parse::<f64>().is_ok();
        let mut found = words.iter().filter(ends);
        found.next().filter(|_| found.next().is_none())
    };
    exact.or_else(other).or_else(numbered).copied().or_else(near)
}

/// A value of a field, as the suite should have it; several where it is not certain which. Empty where nothing is known.
#[must_use]
pub fn value(text: &str, kind: &FieldKind) -> Vec<String> {
    let quantity = |unit: Unit| quantity(text, unit, TimeOf::Period);
    let one = |found: Option<String>| found.into_iter().collect::<Vec<_>>();
    match kind {
        FieldKind::Bool | FieldKind::Switch(_) => one(flag(text).map(str::to_owned)),
        FieldKind::Integer(low, high) => {
            let port = port_named(text).filter(|_| (*low, *high) == (1, 65535));
            let range = |found: &String| found.parse::<i64>().is_ok_and(|n| (*low..=*high).contains(&n));
            one(port.map(str::to_owned).or_else(|| whole(text)).filter(range))
        }
        FieldKind::Duration(..) => quantity(Unit::Seconds),
        FieldKind::Size(..) => quantity(Unit::Bytes),
        FieldKind::Ratio(..) => quantity(Unit::Ratio),
        FieldKind::BitRate => quantity(Unit::BitsPerSecond),
        FieldKind::Rate => quantity(Unit::PerSecond),
        FieldKind::DurationOr(.., words) => {
            one(word(text, words).map(str::to_owned)).into_iter().chain(quantity(Unit::Seconds)).collect()
        }
        FieldKind::RateOr(words) => {
            one(word(text, words).map(str::to_owned)).into_iter().chain(quantity(Unit::PerSecond)).collect()
        }
        FieldKind::BitRateOr(words) => {
            one(word(text, words).map(str::to_owned)).into_iter().chain(quantity(Unit::BitsPerSecond)).collect()
        }
        FieldKind::Choice(words) => one(word(text, words).map(str::to_owned)),
        FieldKind::Url if !text.contains("://") && !text.contains(char::is_whitespace) && !text.is_empty() => {
            urls(text.trim_start_matches("//"))
        }
        FieldKind::Host => one(host_of(text)),
        FieldKind::Endpoint => one(endpoint_of(text)),
        _ => Vec::new(),
    }
}

/// The port of a service, by its name.
#[must_use]
pub fn port_named(name: &str) -> Option<&'static str> {
    let name = name.trim().to_lowercase();
    PORTS.iter().find(|(known, _)| *known == name).map(|(_, number)| *number)
}

/// Ports of which TLS is expected.
const TLS_PORTS: [u16; 2] = [443, 8443];

/// URLs of what stands before a scheme, the one that is taken without a word first: TLS on the ports of TLS, none elsewhere, as
/// curl does it. Where no port tells, the one with TLS may be meant as well.
#[must_use]
pub fn urls(target: &str) -> Vec<String> {
    // The scheme is there, and what is behind it is not as it should be: `http:/host`, `https:host`.
    let scheme = ["http", "https"]
        .into_iter()
        .find_map(|scheme| Some((scheme, target.strip_prefix(scheme)?.strip_prefix(':')?)));
    if let Some((scheme, rest)) = scheme.filter(|(_, rest)| !rest.starts_with(|c: char| c.is_ascii_digit())) {
        return vec![format!("{scheme}://{}", rest.trim_start_matches('/'))];
    }
    let bare = target.parse::<std::net::Ipv6Addr>().is_ok();
    // An IPv6 address by itself is bracketed in a URL.
    let place = if bare { format!("[{target}]") } else { target.to_owned() };
    let authority = place.split(['/', '?', '#']).next().unwrap_or_default();
    let host = port_of(authority).map_or(authority, |(host, _)| host).trim_matches(['[', ']']);
    let port = port_of(authority).and_then(|(_, port)| port.parse::<u16>().ok());
    let loopback = host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    match port {
        Some(port) if TLS_PORTS.contains(&port) => vec![format!("https://{place}")],
        None if !loopback => vec![format!("http://{place}"), format!("https://{place}")],
        _ => vec![format!("http://{place}")],
    }
}

/// The host of something longer, such as a URL.
#[must_use]
pub fn host_of(text: &str) -> Option<String> {
    let endpoint = endpoint_of(text).unwrap_or_else(|| text.to_owned());
    let (host, _) = port_of(&endpoint).unwrap_or((&endpoint, ""));
    (host != text).then(|| host.to_owned()).filter(|host| host_name::host(host).is_ok())
}

/// Host and port of something longer, without what is no part of them.
#[must_use]
pub fn endpoint_of(text: &str) -> Option<String> {
    let bare = text.trim().trim_start_matches('@');
    let after = bare.split_once("://").map_or(bare, |(_, after)| after);
    let place = after.split(['/', '?']).next()?;
    (place != text).then(|| place.to_owned()).filter(|place| host_name::endpoint(place).is_ok())
}

/// Host and port of `host:port`, where it is that.
#[must_use]
pub fn port_of(text: &str) -> Option<(&str, &str)> {
    let (host, port) = text.rsplit_once(':')?;
    let number = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    (number && (!host.contains(':') || host.ends_with(']')))
        .then_some((host.trim_start_matches('[').trim_end_matches(']'), port))
}

/// "did you mean …" for the words of a choice, for messages; the words themselves where none is near.
#[must_use]
pub fn did_you_mean(text: &str, words: &'static [&'static str]) -> String {
    word(text, words).map_or_else(|| suggest(text, words.iter().copied()), |word| format!("did you mean `{word}`?"))
}
