//! Domain names and addresses as texts of one value.

use std::fmt::Write as _;
use std::net::IpAddr;

use crate::model::interface::{Interface, address_and_zone};

/// A name in lower case without its final dot, escapes by value (RFC 1035, 5.1), letters beyond ASCII as A-labels (RFC 5890).
#[must_use]
pub fn key(text: &str) -> String {
    let text = text.trim();
    let ascii = if text.is_ascii() { None } else { to_ascii(text) };
    let Some(labels) = labels(ascii.as_deref().unwrap_or(text)) else { return text.to_lowercase() };
    let labels: Vec<String> = labels.iter().map(|label| written(label)).collect();
    if labels.is_empty() { ".".to_owned() } else { labels.join(".") }
}

/// An address, in brackets or not.
#[must_use]
pub fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text).parse().ok()
}

/// An address as one text: IPv4 in IPv6 as what it leads to, and the zone of one of a link behind it.
#[must_use]
pub fn address_key(text: &str) -> Option<String> {
    let (address, zone) = address_and_zone(text.trim())?;
    Some(with_zone(address.to_canonical(), zone))
}

/// The same of an address whose version is a part of it.
#[must_use]
pub fn host_key(text: &str) -> Option<String> {
    address_and_zone(text.trim()).map(|(address, zone)| with_zone(address, zone))
}

fn with_zone(address: IpAddr, zone: Option<Interface>) -> String {
    zone.map_or_else(|| address.to_string(), |zone| format!("{address}%{zone}"))
}

/// `None` for a name that cannot be one: then it is compared as it is.
fn to_ascii(text: &str) -> Option<String> {
    let dotted = text.ends_with('.');
    match url::Host::parse(text.trim_end_matches('.')) {
        Ok(url::Host::Domain(name)) => Some(if dotted { name + "." } else { name }),
        _ => None,
    }
}

/// The labels, escapes undone, in lower case; `None` for what is no name.
fn labels(text: &str) -> Option<Vec<Vec<u8>>> {
    if text == "." || text.is_empty() {
        return Some(Vec::new());
    }
    let (mut out, mut label) = (Vec::new(), Vec::new());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'.' if label.is_empty() => return None,
            b'.' => out.push(std::mem::take(&mut label)),
            b'\\' => label.push(escaped(&mut bytes)?.to_ascii_lowercase()),
            other => label.push(other.to_ascii_lowercase()),
        }
    }
    if !label.is_empty() {
        out.push(label);
    }
    Some(out)
}

/// What stands behind a backslash: three digits, or any other character.
fn escaped(bytes: &mut std::str::Bytes<'_>) -> Option<u8> {
    let first = bytes.next()?;
    if !first.is_ascii_digit() {
        return Some(first);
    }
    let digits = [first, bytes.next()?, bytes.next()?];
    let value =
        digits.iter().try_fold(0_u16, |all, digit| digit.is_ascii_digit().then(|| all * 10 + u16::from(digit - b'0')));
    u8::try_from(value?).ok()
}

fn written(label: &[u8]) -> String {
    label.iter().fold(String::with_capacity(label.len()), |mut out, byte| {
        match byte {
            b'.' | b'\\' => out.extend(['\\', char::from(*byte)]),
            byte if byte.is_ascii_graphic() => out.push(char::from(*byte)),
            byte => {
                let _ = write!(out, "\\{byte:03}");
            }
        }
        out
    })
}
