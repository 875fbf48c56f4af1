//! Distinguished names as text.

use std::borrow::Cow;

use x509_parser::asn1_rs::{BmpString, Tag};
use x509_parser::der_parser::asn1_rs::Any;
use x509_parser::objects::{oid_registry, oid2abbrev};
use x509_parser::prelude::FromDer;
use x509_parser::x509::X509Name;

use crate::net::bytes::hex;

/// A name as `C=US, O=Example\, Inc., CN=ca`, from its first part to its last, with RFC 4514's escapes, so that no value reads like
/// several parts.
pub(super) fn text(name: &X509Name<'_>) -> String {
    let part = |attribute: &x509_parser::x509::AttributeTypeAndValue<'_>| {
        let kind = attribute.attr_type();
        let kind = oid2abbrev(kind, oid_registry()).map_or_else(|_| kind.to_id_string(), str::to_owned);
        format!("{kind}={}", value(attribute.attr_value()))
    };
    let parts = name.iter_rdn().map(|rdn| rdn.iter().map(part).collect::<Vec<_>>().join(" + "));
    parts.collect::<Vec<_>>().join(", ")
}

/// The same of a name in DER; what cannot be read is hexadecimal.
#[must_use]
pub fn of_der(der: &[u8]) -> String {
    X509Name::from_der(der).map_or_else(|_| format!("(unreadable) {}", hex(der)), |(_, name)| text(&name))
}

fn value(any: &Any<'_>) -> String {
    let text = match any.tag() {
        Tag::BmpString => BmpString::try_from(any.clone()).ok().map(|text| Cow::Owned(text.string())),
        Tag::NumericString
        | Tag::VisibleString
        | Tag::PrintableString
        | Tag::GeneralString
        | Tag::ObjectDescriptor
        | Tag::GraphicString
        | Tag::T61String
        | Tag::VideotexString
        | Tag::Utf8String
        | Tag::Ia5String => std::str::from_utf8(any.data).ok().map(Cow::Borrowed),
        _ => None,
    };
    match text {
        Some(text) => escaped(&text),
        None => format!("#{}", hex(any.data)),
    }
}

/// RFC 4514 section 2.4.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let last = text.chars().count().saturating_sub(1);
    for (at, c) in text.chars().enumerate() {
        let outer = (c == ' ' && (at == 0 || at == last)) || (c == '#' && at == 0);
        if outer || matches!(c, ',' | '+' | '"' | '\\' | '<' | '>' | ';') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{escaped, of_der};

    #[test]
    fn a_value_of_any_type_is_told() {
        let name = |value: &[u8]| {
            let length = |more: usize| u8::try_from(value.len() + more).unwrap();
            let head = [0x30, length(9), 0x31, length(7), 0x30, length(5), 6, 3, 0x55, 4, 3];
            of_der(&[&head[..], value].concat())
        };
        assert_eq!(name(b"\x0c\x01a"), "CN=a");
        assert_eq!(name(b"\x1e\x02\x00\xe4"), "CN=ä", "UTF-16, of old Microsoft CAs");
        assert_eq!(name(b"\x04\x02\xab\xcd"), "CN=#abcd", "no text");
        let two = b"\x30\x16\x31\x14\x30\x08\x06\x03\x55\x04\x03\x0c\x01a\x30\x08\x06\x03\x55\x04\x0a\x0c\x01b";
        assert_eq!(of_der(two), "CN=a + O=b", "two attributes of one part");
    }

    #[test]
    fn a_value_never_reads_like_several_parts() {
        assert_eq!(escaped("Let's Encrypt"), "Let's Encrypt");
        assert_eq!(escaped("Example, Inc."), "Example\\, Inc.");
        assert_eq!(escaped("a, CN=b"), "a\\, CN=b");
        assert_eq!(escaped(" a+b "), "\\ a\\+b\\ ");
        assert_eq!(escaped("#1 \"x\\y\""), "\\#1 \\\"x\\\\y\\\"");
    }
}
