//! Name constraints (RFC 5280, 4.2.1.10): whether an authority may certify the names of what is below it.

use x509_parser::der_parser::oid::Oid;
use x509_parser::extensions::{GeneralSubtree, NameConstraints};
use x509_parser::prelude::{FromDer, GeneralName};
use x509_parser::x509::{RelativeDistinguishedName, X509Name};

use super::ValidationError;
use super::path_certificate::PathCertificate;
use crate::proto::tls::name_text;

/// Pairs of a name and a subtree that are compared for one certificate and one authority.
const COMPARISONS: usize = 100_000;
const EMAIL_ADDRESS: &str = "1.2.840.113549.1.9.1";

/// Whether the constraints of the authority `who` let `member` be below it.
pub(super) fn allow(
    constraints: &NameConstraints<'_>,
    who: &str,
    member: &PathCertificate<'_>,
) -> Result<(), ValidationError> {
    let permitted = constraints.permitted_subtrees.as_deref().unwrap_or_default();
    let excluded = constraints.excluded_subtrees.as_deref().unwrap_or_default();
    let subject = member.x509.subject();
    let mut names: Vec<GeneralName<'_>> = member.names().to_vec();
    if subject.iter_rdn().next().is_some() {
        names.push(GeneralName::DirectoryName(subject.clone()));
    }
    // Addresses of mail in the subject count where there are none among the alternative names.
    if !names.iter().any(|name| matches!(name, GeneralName::RFC822Name(_))) {
        names.extend(emails(subject).into_iter().map(GeneralName::RFC822Name));
    }
    // A chain of 64 KiB has room for millions of pairs.
    if names.len().saturating_mul(permitted.len() + excluded.len()) > COMPARISONS {
        return Err(ValidationError::CannotJudge(format!(
            "{} has {} names, and the name constraints of {who} {} subtrees: more than this program compares",
            member.who(),
            names.len(),
            permitted.len() + excluded.len()
        )));
    }
    for name in &names {
        allow_name(permitted, excluded, name).map_err(|why| why.of(who, member))?;
    }
    Ok(())
}

/// Why a name is not allowed.
enum NameRefusal {
    Excluded(String),
    NotPermitted(String),
    Malformed(&'static str),
    Unsupported(&'static str),
}

impl NameRefusal {
    fn of(self, who: &str, member: &PathCertificate<'_>) -> ValidationError {
        let below = if matches!(member.place, super::path_certificate::CertificateSource::Leaf) {
            String::new()
        } else {
            format!(", which is in {}", member.who())
        };
        match self {
            Self::Excluded(name) => ValidationError::Wrong(format!(
                "for a name that {who} may not issue for: its name constraints exclude {name}{below}"
            )),
            Self::NotPermitted(name) => ValidationError::Wrong(format!(
                "for a name that {who} may not issue for: its name constraints do not permit {name}{below}"
            )),
            Self::Malformed(kind) => ValidationError::Wrong(format!(
                "the name constraints of {who} have a malformed {kind}, so nothing below it is trusted"
            )),
            Self::Unsupported(kind) => ValidationError::CannotJudge(format!(
                "{who} has name constraints on the kind {kind}, and {} has such a name: this program does not evaluate them",
                member.who()
            )),
        }
    }
}

fn allow_name(
    permitted: &[GeneralSubtree<'_>],
    excluded: &[GeneralSubtree<'_>],
    name: &GeneralName<'_>,
) -> Result<(), NameRefusal> {
    for subtree in excluded {
        if within(name, &subtree.base, true)? == Some(true) {
            return Err(NameRefusal::Excluded(text(name)));
        }
    }
    // Of the kinds that are constrained, one subtree must hold the name; other kinds are free.
    let mut constrained = false;
    for subtree in permitted {
        match within(name, &subtree.base, false)? {
            Some(true) => return Ok(()),
            Some(false) => constrained = true,
            None => {}
        }
    }
    if constrained { Err(NameRefusal::NotPermitted(text(name))) } else { Ok(()) }
}

/// Whether `name` is in the subtree `base`; `None` when they are of different kinds. What cannot be told is taken for the worse:
/// in an excluded subtree, and in no permitted one.
fn within(name: &GeneralName<'_>, base: &GeneralName<'_>, excluding: bool) -> Result<Option<bool>, NameRefusal> {
    Ok(Some(match (name, base) {
        (GeneralName::DNSName(name), GeneralName::DNSName(base)) => dns_within(name, base, excluding),
        (GeneralName::IPAddress(address), GeneralName::IPAddress(base)) => address_within(address, base)?,
        (GeneralName::RFC822Name(mailbox), GeneralName::RFC822Name(base)) => {
            mailbox_within(mailbox, base).unwrap_or(excluding)
        }
        (GeneralName::URI(uri), GeneralName::URI(base)) => uri_within(uri, base).unwrap_or(excluding),
        (GeneralName::DirectoryName(name), GeneralName::DirectoryName(base)) => directory_within(name, base),
        (GeneralName::OtherName(..), GeneralName::OtherName(..)) => return Err(NameRefusal::Unsupported("otherName")),
        (GeneralName::X400Address(_), GeneralName::X400Address(_)) => {
            return Err(NameRefusal::Unsupported("x400Address"));
        }
        (GeneralName::EDIPartyName(_), GeneralName::EDIPartyName(_)) => {
            return Err(NameRefusal::Unsupported("ediPartyName"));
        }
        (GeneralName::RegisteredID(_), GeneralName::RegisteredID(_)) => {
            return Err(NameRefusal::Unsupported("registeredID"));
        }
        (_, GeneralName::Invalid(..)) => return Err(NameRefusal::Malformed("name")),
        _ => return Ok(None),
    }))
}

/// Adding labels on the left stays within; a leading dot, which is common though not in the RFC, asks for at least one.
fn dns_within(name: &str, base: &str, excluding: bool) -> bool {
    let (name, base) = (name.to_ascii_lowercase(), base.to_ascii_lowercase());
    let below = |name: &str, base: &str| name.strip_suffix(base).is_some_and(|left| left.ends_with('.'));
    if base.is_empty() {
        return true;
    }
    if let Some(bare) = base.strip_prefix('.') {
        return below(&name, bare);
    }
    if name == base || below(&name, &base) {
        return true;
    }
    // A wildcard stands for the excluded name as well as for others.
    excluding
        && name.strip_prefix("*.").is_some_and(|rest| base.split_once('.').is_some_and(|(_, parent)| parent == rest))
}

/// A constraint is an address and a mask of its length.
fn address_within(address: &[u8], base: &[u8]) -> Result<bool, NameRefusal> {
    if !matches!(base.len(), 8 | 32) {
        return Err(NameRefusal::Malformed("iPAddress"));
    }
    let (network, mask) = base.split_at(base.len() / 2);
    let ones: u32 = mask.iter().map(|byte| byte.leading_ones()).sum();
    let contiguous = mask.iter().map(|byte| byte.count_ones()).sum::<u32>() == ones
        && mask.windows(2).all(|pair| matches!(pair, [first, second] if *first == 0xff || *second == 0));
    if !contiguous {
        return Err(NameRefusal::Malformed("iPAddress (its mask has gaps)"));
    }
    let same = |((address, network), mask): ((&u8, &u8), &u8)| address & mask == network & mask;
    Ok(address.len() == network.len() && address.iter().zip(network).zip(mask).all(same))
}

/// A mailbox, all mailboxes of a host, or, with a leading dot, of all hosts below a domain; `None` for what is no mailbox.
fn mailbox_within(mailbox: &str, base: &str) -> Option<bool> {
    let (local, host) = mailbox.rsplit_once('@')?;
    Some(match base.rsplit_once('@') {
        Some((base_local, base_host)) => local == base_local && host.eq_ignore_ascii_case(base_host),
        None => host_within(host, base),
    })
}

/// The host of a URI; `None` when it has none, or an address instead, which no constraint permits.
fn uri_within(uri: &str, base: &str) -> Option<bool> {
    let (_, rest) = uri.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let host = host.split_once(':').map_or(host, |(host, _)| host);
    let is_name = !host.is_empty() && !host.starts_with('[') && host.parse::<std::net::IpAddr>().is_err();
    is_name.then(|| host_within(host, base))
}

/// One host, or with a leading dot every host below a domain.
fn host_within(host: &str, base: &str) -> bool {
    let (host, base) = (host.to_ascii_lowercase(), base.to_ascii_lowercase());
    if base.starts_with('.') {
        host.len() > base.len() && host.ends_with(&base)
    } else {
        base.is_empty() || host == base
    }
}

/// The base is how the name begins.
fn directory_within(name: &X509Name<'_>, base: &X509Name<'_>) -> bool {
    let mut parts = name.iter_rdn();
    base.iter_rdn().all(|wanted| parts.next().is_some_and(|part| same_part(part, wanted)))
}

/// Whether two names in DER are the same (RFC 5280, 7.1).
pub(super) fn same_name(one: &[u8], other: &[u8]) -> bool {
    one == other || canonical_name(one) == canonical_name(other)
}

/// A name in DER so that names that are the same (RFC 5280, 7.1) are equal; what cannot be read stays as it is.
pub(in crate::proto::tls) fn canonical_name(name: &[u8]) -> Vec<u8> {
    let Ok((_, parsed)) = X509Name::from_der(name) else { return name.to_vec() };
    let mut out = Vec::with_capacity(name.len());
    let mut push = |bytes: &[u8]| {
        out.extend(bytes.len().to_be_bytes());
        out.extend(bytes);
    };
    for part in parsed.iter_rdn() {
        let values = values(part);
        push(&values.len().to_be_bytes());
        for (kind, value) in &values {
            push(kind.as_bytes());
            push(value);
        }
    }
    out
}

fn same_part(part: &RelativeDistinguishedName<'_>, wanted: &RelativeDistinguishedName<'_>) -> bool {
    values(part) == values(wanted)
}

/// Kinds and values of a part of a name, in an order of their own: it is a set.
fn values(part: &RelativeDistinguishedName<'_>) -> Vec<(String, Vec<u8>)> {
    let value = |one: &x509_parser::x509::AttributeTypeAndValue<'_>| {
        (one.attr_type().to_id_string(), comparable(one.attr_value().tag().0, one.attr_value().data))
    };
    let mut values: Vec<(String, Vec<u8>)> = part.iter().map(value).collect();
    values.sort();
    values
}

/// Text compares without case and outer or repeated blanks, whichever of the two usual strings holds it (RFC 5280, 7.1).
fn comparable(tag: u32, value: &[u8]) -> Vec<u8> {
    const UTF8: u32 = 12;
    const PRINTABLE: u32 = 19;
    match std::str::from_utf8(value) {
        Ok(text) if matches!(tag, UTF8 | PRINTABLE) => {
            text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase().into_bytes()
        }
        _ => [&tag.to_be_bytes()[..], value].concat(),
    }
}

fn emails<'a>(subject: &'a X509Name<'_>) -> Vec<&'a str> {
    let is_email = |oid: &Oid<'_>| oid.to_id_string() == EMAIL_ADDRESS;
    subject.iter_attributes().filter(|one| is_email(one.attr_type())).filter_map(|one| one.as_str().ok()).collect()
}

fn text(name: &GeneralName<'_>) -> String {
    match name {
        GeneralName::DNSName(text) | GeneralName::RFC822Name(text) | GeneralName::URI(text) => (*text).to_owned(),
        GeneralName::DirectoryName(name) => name_text::text(name),
        GeneralName::IPAddress(bytes) => {
            crate::proto::tls::certificate::address(bytes).unwrap_or_else(|| "an address of an odd length".to_owned())
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::{address_within, dns_within, host_within, mailbox_within, uri_within};

    #[test]
    fn dns_subtrees() {
        for (name, base, excluding, inside) in [
            ("a.test", "a.test", false, true),
            ("x.A.test", "a.test", false, true),
            ("xa.test", "a.test", false, false),
            ("a.test", ".a.test", false, false),
            ("x.a.test", ".a.test", false, true),
            ("a.test", "", false, true),
            ("*.a.test", "a.test", false, true),
            ("*.a.test", "x.a.test", false, false),
            ("*.a.test", "x.a.test", true, true),
        ] {
            assert_eq!(dns_within(name, base, excluding), inside, "{name} {base}");
        }
    }

    #[test]
    fn addresses_need_a_mask_without_gaps() {
        let within = |address: &[u8], base: &[u8]| address_within(address, base).ok();
        assert_eq!(within(&[10, 1, 2, 3], &[10, 0, 0, 0, 255, 0, 0, 0]), Some(true));
        assert_eq!(within(&[11, 1, 2, 3], &[10, 0, 0, 0, 255, 0, 0, 0]), Some(false));
        assert_eq!(within(&[10, 1, 2, 3], &[10, 0, 0, 0, 254, 0, 0, 0]), Some(true));
        assert_eq!(within(&[1; 16], &[10, 0, 0, 0, 255, 0, 0, 0]), Some(false), "another version");
        assert_eq!(within(&[10, 1, 2, 3], &[10, 0, 0, 0, 255, 0, 255, 0]), None);
        assert_eq!(within(&[10, 1, 2, 3], &[10, 0, 0, 0, 253, 0, 0, 0]), None);
        assert_eq!(within(&[10, 1, 2, 3], &[10, 0, 0, 0, 254, 128, 0, 0]), None);
        assert_eq!(within(&[10, 1, 2, 3], &[10, 0, 0, 0]), None);
    }

    #[test]
    fn mailboxes_and_uris_by_their_host() {
        assert_eq!(mailbox_within("a@b.test", "a@B.test"), Some(true));
        assert_eq!(mailbox_within("A@b.test", "a@b.test"), Some(false), "the local part has case");
        assert_eq!(mailbox_within("a@b.test", "b.test"), Some(true));
        assert_eq!(mailbox_within("a@x.b.test", "b.test"), Some(false));
        assert_eq!(mailbox_within("a@x.b.test", ".b.test"), Some(true));
        assert_eq!(mailbox_within("no mailbox", "b.test"), None);
        assert_eq!(uri_within("https://u@B.test:8443/x", "b.test"), Some(true));
        assert_eq!(uri_within("spiffe://x.b.test/x", ".b.test"), Some(true));
        assert_eq!(uri_within("https://192.0.2.1/", "b.test"), None);
        assert_eq!(uri_within("https://[2001:db8::1]/", "b.test"), None);
        assert_eq!(uri_within("urn:x", "b.test"), None);
        assert!(!host_within(".b.test", ".b.test"));
    }
}
