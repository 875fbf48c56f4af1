//! Names in certificates.

use std::fmt;
use std::net::IpAddr;

use x509_parser::extensions::{GeneralName, GeneralSubtree, NameConstraints};

use super::parsed::ParsedCertificate;

/// A name a certificate is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Name {
    Dns(String),
    /// 4 or 16 bytes, or something else that is no address.
    Address(Vec<u8>),
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(name) => f.write_str(name),
            Self::Address(bytes) => match address(bytes) {
                Some(address) => write!(f, "{address}"),
                None => write!(f, "an address of {} bytes", bytes.len()),
            },
        }
    }
}

/// DNS names and addresses among the alternative names.
pub(super) fn of(parsed: &ParsedCertificate<'_>) -> Vec<Name> {
    let names = parsed.alternative_names().map(|(names, _)| names).unwrap_or_default();
    let known = names.into_iter().filter_map(|name| match name {
        GeneralName::DNSName(name) => Some(Name::Dns(name.to_owned())),
        GeneralName::IPAddress(bytes) => Some(Name::Address(bytes.to_vec())),
        _ => None,
    });
    known.collect()
}

pub(super) fn address(bytes: &[u8]) -> Option<IpAddr> {
    match bytes.len() {
        4 => <[u8; 4]>::try_from(bytes).ok().map(IpAddr::from),
        16 => <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from),
        _ => None,
    }
}

/// Why a DNS name of a certificate is none: letters, digits and hyphens in labels of 1 to 63, no dot at the end, no
/// address; underscores are not allowed either (BR 7.1.2.7.12). A wildcard at its place is fine.
pub(super) fn malformed(name: &str) -> bool {
    let host = name.strip_prefix("*.").unwrap_or(name);
    let label = |label: &str| {
        let letters = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'*');
        (1..=63).contains(&label.len()) && letters && !label.starts_with('-') && !label.ends_with('-')
    };
    host.len() > 253 || host.parse::<IpAddr>().is_ok() || !host.split('.').all(label)
}

/// Whether a wildcard stands where it must not: it is the whole of the first label and at least two labels follow.
pub(super) fn bad_wildcard(name: &str) -> bool {
    match name.split_once('.') {
        Some(("*", rest)) => rest.contains('*') || !rest.contains('.'),
        _ => name.contains('*'),
    }
}

/// Whether name constraints let an authority certify `name` (RFC 5280, 4.2.1.10).
pub(super) fn allowed(name: &Name, constraints: &NameConstraints<'_>) -> bool {
    let matching = |subtrees: &Option<Vec<GeneralSubtree<'_>>>| {
        let mut of_kind = false;
        let hit =
            subtrees.iter().flatten().filter_map(|subtree| covers(&subtree.base, name)).fold(false, |hit, covered| {
                of_kind = true;
                hit || covered
            });
        (of_kind, hit)
    };
    let (limited, permitted) = matching(&constraints.permitted_subtrees);
    let (_, excluded) = matching(&constraints.excluded_subtrees);
    !excluded && (!limited || permitted)
}

/// Whether `name` is below `base`; `None` when they are of different kinds.
fn covers(base: &GeneralName<'_>, name: &Name) -> Option<bool> {
    match (base, name) {
        (GeneralName::DNSName(base), Name::Dns(name)) => {
            Some(below(&base.to_ascii_lowercase(), &name.to_ascii_lowercase()))
        }
        (GeneralName::IPAddress(range), Name::Address(bytes)) => Some(in_range(range, bytes)),
        _ => None,
    }
}

fn below(base: &str, name: &str) -> bool {
    let base = base.trim_start_matches('.');
    base.is_empty() || name == base || name.strip_suffix(base).is_some_and(|rest| rest.ends_with('.'))
}

/// `range` is an address and a mask of the same length.
fn in_range(range: &[u8], bytes: &[u8]) -> bool {
    if range.len() != bytes.len() * 2 {
        return false;
    }
    let (network, mask) = range.split_at(bytes.len());
    bytes.iter().zip(network).zip(mask).all(|((byte, network), mask)| byte & mask == network & mask)
}

#[cfg(test)]
mod tests {
    use super::{bad_wildcard, below, in_range, malformed};

    #[test]
    fn names_are_checked_as_the_rules_say() {
        for good in ["a.example", "*.a.example", "xn--bcher-kva.example", "localhost", "a-b.c1.example"] {
            assert!(!malformed(good) && !bad_wildcard(good), "{good}");
        }
        for bad in
            ["a_b.example", "a.example.", "", "a..example", "-a.example", "127.0.0.1", "a b.example", "bücher.example"]
        {
            assert!(malformed(bad), "{bad}");
        }
        for bad in ["*", "*.example", "a.*.example", "w*.a.example", "*.*.a.example"] {
            assert!(bad_wildcard(bad), "{bad}");
        }
    }

    #[test]
    fn constraints_cover_what_is_below() {
        assert!(below("a.test", "a.test") && below("a.test", "b.a.test") && below(".a.test", "b.a.test"));
        assert!(!below("a.test", "ba.test") && !below("a.test", "test"));
        assert!(below("", "anything.test"));
        assert!(in_range(&[10, 0, 0, 0, 255, 0, 0, 0], &[10, 1, 2, 3]));
        assert!(!in_range(&[10, 0, 0, 0, 255, 0, 0, 0], &[11, 1, 2, 3]));
        assert!(!in_range(&[10, 0], &[10, 1, 2, 3]));
    }
}
