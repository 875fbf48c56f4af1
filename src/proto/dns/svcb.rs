//! Parameters of SVCB and HTTPS records (RFC 9460).

use std::net::{Ipv4Addr, Ipv6Addr};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::rdata::{Wire, escaped, quoted};

/// Registered keys, by number.
const KEYS: &[&str] =
    &["mandatory", "alpn", "no-default-alpn", "port", "ipv4hint", "ech", "ipv6hint", "dohpath", "ohttp"];

fn key(number: u16) -> String {
    KEYS.get(usize::from(number)).map_or_else(|| format!("key{number}"), ToString::to_string)
}

/// All parameters to the end, in the order sent.
pub(crate) fn params(wire: &mut Wire<'_>) -> Option<String> {
    let mut words = Vec::new();
    while !wire.is_empty() {
        let number = wire.u16()?;
        let length = usize::from(wire.u16()?);
        let data = wire.bytes(length)?;
        // A value that has not the form of its key is still shown, as the bytes it is.
        let word = known(number, data).unwrap_or_else(|| match data {
            [] => key(number),
            _ => format!("key{number}={}", quoted(data)),
        });
        words.push(word);
    }
    Some(words.join(" "))
}

fn known(number: u16, data: &[u8]) -> Option<String> {
    let value = match number {
        0 => join(data.chunks(2).map(|pair| Some(key(u16::from_be_bytes(pair.try_into().ok()?)))))?,
        1 => alpn(data)?,
        2 | 8 if data.is_empty() => return Some(key(number)),
        3 => u16::from_be_bytes(data.try_into().ok()?).to_string(),
        4 => join(data.chunks(4).map(|four| Some(Ipv4Addr::from(<[u8; 4]>::try_from(four).ok()?).to_string())))?,
        5 => STANDARD.encode(data),
        6 => join(data.chunks(16).map(|part| Some(Ipv6Addr::from(<[u8; 16]>::try_from(part).ok()?).to_string())))?,
        7 => quoted(data),
        _ => return None,
    };
    (!value.is_empty()).then(|| format!("{}={value}", key(number)))
}

fn join(items: impl Iterator<Item = Option<String>>) -> Option<String> {
    Some(items.collect::<Option<Vec<_>>>()?.join(","))
}

/// Protocol ids, each behind its length; a comma or backslash inside an id is escaped twice, for the list and for the
/// quotes.
fn alpn(data: &[u8]) -> Option<String> {
    let mut left = data;
    let mut ids = Vec::new();
    while let Some((length, more)) = left.split_first() {
        let id = more.get(..usize::from(*length)).filter(|id| !id.is_empty())?;
        left = more.get(usize::from(*length)..)?;
        let listed: Vec<u8> = id
            .iter()
            .flat_map(|byte| if matches!(byte, b',' | b'\\') { vec![b'\\', *byte] } else { vec![*byte] })
            .collect();
        ids.push(escaped(&listed, b"\"\\"));
    }
    (!ids.is_empty()).then(|| format!("\"{}\"", ids.join(",")))
}
