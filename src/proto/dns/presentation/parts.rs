//! Parts of record data that are more than a word: parameters of SVCB, places of LOC.

use std::net::IpAddr;

use super::tokens::{Token, bytes};
use super::{base64, rdata};

/// `key=value` of SVCB: keys without case, values without quotes, addresses by value. The order is that of the keys' numbers on
/// the wire, so it says nothing.
pub(super) fn params(tokens: &[Token]) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for token in tokens {
        match out.last_mut().filter(|last| token.quoted && last.ends_with('=')) {
            // alpn="h2,h3" is a word and a text behind it.
            Some(last) => last.push_str(&token.text),
            None => out.push(token.text.clone()),
        }
    }
    let one = |param: &String| {
        let (key, value) = param.split_once('=').map_or((param.as_str(), None), |(key, value)| (key, Some(value)));
        let key = key.to_ascii_lowercase();
        let value = value.map(|value| value.trim_matches('"'));
        let value = match (key.as_str(), value) {
            ("ipv4hint" | "ipv6hint", Some(list)) => Some(list.split(',').map(address).collect::<Vec<_>>().join(",")),
            ("mandatory", Some(list)) => Some(sorted(list)),
            ("port", Some(port)) => Some(port.parse::<u16>().map_or_else(|_| port.to_owned(), |port| port.to_string())),
            ("ech", Some(data)) => Some(base64(data).unwrap_or_else(|| data.to_owned())),
            (_, value) => value.map(|value| rdata::escaped(&bytes(value), b"\"\\")),
        };
        value.map_or_else(|| key.clone(), |value| format!("{key}={value}"))
    };
    let mut params: Vec<String> = out.iter().map(one).collect();
    params.sort();
    params
}

/// Keys that must be understood have no order.
fn sorted(list: &str) -> String {
    let mut keys: Vec<String> = list.split(',').map(str::to_ascii_lowercase).collect();
    keys.sort_unstable();
    keys.join(",")
}

pub(super) fn address(text: &str) -> String {
    text.parse::<IpAddr>().map_or_else(|_| text.to_owned(), |address| address.to_string())
}

/// LOC with every part written out (RFC 1876, 3): minutes and seconds, then size 1 m and precisions 10 km and 10 m. `None` for what is
/// no place.
pub(super) fn location(tokens: &[Token]) -> Option<Vec<String>> {
    let words: Vec<String> = tokens.iter().map(|token| token.text.to_ascii_uppercase()).collect();
    let mut rest = words.as_slice();
    let mut out = angle(&mut rest, ["N", "S"])?;
    out.extend(angle(&mut rest, ["E", "W"])?);
    let lengths = rest.len();
    if !(1..=4).contains(&lengths) {
        return None;
    }
    let given = rest.iter().map(|word| metres(word)).collect::<Option<Vec<_>>>()?;
    let usual = ["1", "10000", "10"].map(str::to_owned);
    out.extend(given.into_iter().chain(usual.into_iter().skip(lengths - 1)));
    Some(out)
}

/// Degrees, minutes, seconds and side, from the front.
fn angle(words: &mut &[String], sides: [&str; 2]) -> Option<Vec<String>> {
    let end = words.iter().take(4).position(|word| sides.contains(&word.as_str())).filter(|end| *end > 0)?;
    let (numbers, after) = words.split_at(end);
    let (side, after) = after.split_first()?;
    *words = after;
    let numbers = numbers.iter().map(|word| metres(word)).collect::<Option<Vec<_>>>()?;
    let zeros = std::iter::repeat_n("0".to_owned(), 3 - numbers.len());
    Some(numbers.into_iter().chain(zeros).chain([side.clone()]).collect())
}

/// `10.00m` is `10`.
fn metres(word: &str) -> Option<String> {
    let number = word.strip_suffix('M').unwrap_or(word);
    let value: f64 = number.parse().ok()?;
    value.is_finite().then(|| value.to_string())
}
