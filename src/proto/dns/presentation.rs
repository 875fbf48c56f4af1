//! Record data as text, compared as what it is: names without case and final dot, numbers, addresses and bytes by value, texts
//! with or without quotes. Case counts only in texts (RFC 4034 6.2, RFC 4343).

use std::cmp::Ordering;
use std::net::IpAddr;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use base64::engine::{DecodePaddingMode, general_purpose};

use super::rdata::{self, ALGORITHMS, CERT_TYPES};
use super::types::{self, RdataField};
use crate::model::typed::{DataForm, Form, hex, name, serial_order};

/// Data of records of the type that fact `type` names.
pub(crate) static DATA: DataForm = DataForm { kind: "type", same: same_data, key: data_key, order: soa_order };
/// Whole records: name, TTL, class, type, data.
pub(crate) static RECORD: DataForm = DataForm { kind: "", same: same_record, key: record_key, order: no_order };
/// Texts of some other kind that may hold names: everything else stays as it is.
pub(crate) static MIXED: DataForm = DataForm { kind: "", same: same_mixed, key: mixed_key, order: no_order };

/// Whether two texts are data of one value, of records of type `kind` (mnemonic); without it, as far as the texts show.
pub(crate) fn same_data(kind: Option<&str>, one: &str, other: &str) -> bool {
    if one == other {
        return true;
    }
    let code = kind.and_then(types::number);
    let form = code.and_then(types::of).map_or(&[][..], |row| row.form);
    let read = |text| code.and_then(|code| words(code, form, text));
    match (read(one), read(other)) {
        (Some(one), Some(other)) if form == [RdataField::Texts] => same_texts(&one, &other),
        (Some(one), Some(other)) => one == other,
        // One of the two has not the form of its type.
        _ => code.is_none() && same_untyped(one, other),
    }
}

/// Of two SOA that differ in their serial alone, which is older.
fn soa_order(kind: Option<&str>, one: &str, other: &str) -> Option<Ordering> {
    let form = kind.and_then(types::number).filter(|code| *code == types::SOA).and_then(types::of)?.form;
    let (mut one, mut other) = (words(types::SOA, form, one)?, words(types::SOA, form, other)?);
    let serials = (one.remove(2).parse().ok()?, other.remove(2).parse().ok()?);
    if one == other { serial_order(serials.0, serials.1) } else { None }
}

const fn no_order(_: Option<&str>, _: &str, _: &str) -> Option<Ordering> {
    None
}

/// Whether two sets of data are one, whatever their order; each once for once.
pub(crate) fn same_set(kind: Option<&str>, these: &[String], those: &[String]) -> bool {
    let mut left: Vec<&String> = those.iter().collect();
    these.len() == those.len()
        && these.iter().all(|one| {
            let found = left.iter().position(|other| same_data(kind, one, other));
            found.map(|at| left.swap_remove(at)).is_some()
        })
}

/// Whether each of either has its like in the other; how often says nothing.
pub(crate) fn same_each_once(kind: &str, these: &[String], those: &[String]) -> bool {
    let within = |some: &[String], all: &[String]| {
        some.iter().all(|one| all.iter().any(|other| same_data(Some(kind), one, other)))
    };
    within(these, those) && within(those, these)
}

/// A text that all texts of one value have in common.
pub(crate) fn data_key(kind: Option<&str>, text: &str) -> String {
    let code = kind.and_then(types::number);
    let form = code.and_then(types::of).map_or(&[][..], |row| row.form);
    match code.map(|code| words(code, form, text)) {
        Some(Some(words)) => words.join(" "),
        Some(None) => text.to_owned(),
        None => tokens(text).iter().map(untyped).collect::<Vec<_>>().join(" "),
    }
}

/// A text without quotes is all of the text, however the record splits it into strings.
fn same_texts(one: &[String], other: &[String]) -> bool {
    let quoted = |words: &[String]| words.iter().all(|word| word.starts_with('"'));
    let bare =
        |word: &'_ String| word.strip_prefix('"').and_then(|word| word.strip_suffix('"')).unwrap_or(word).to_owned();
    let whole = |words: &[String]| words.iter().map(bare).collect::<String>();
    if quoted(one) && quoted(other) { one == other } else { whole(one) == whole(other) }
}

fn same_untyped(one: &str, other: &str) -> bool {
    let (one, other) = (tokens(one), tokens(other));
    let dotted = |token: &Token| !token.quoted && token.text.ends_with('.');
    one.len() == other.len()
        && one.iter().zip(&other).all(|(one, other)| {
            let names = (dotted(one) || dotted(other)) && !one.quoted && !other.quoted;
            if names { name::key(&one.text) == name::key(&other.text) } else { untyped(one) == untyped(other) }
        })
}

/// What a word of data of no known type shows of itself: a final dot makes it a name.
fn untyped(token: &Token) -> String {
    if token.quoted {
        return rdata::quoted(&bytes(&token.text));
    }
    if let Ok(address) = token.text.parse::<IpAddr>() {
        return address.to_string();
    }
    match token.text.rsplit_once('/') {
        // A server as surveys label it: ns1.example./192.0.2.53.
        Some((host, place)) if name::address(place).is_some() => format!("{}/{}", name::key(host), address(place)),
        _ if token.text.ends_with('.') => dotted(&token.text),
        _ => token.text.clone(),
    }
}

fn same_mixed(_: Option<&str>, one: &str, other: &str) -> bool {
    same_untyped(one, other)
}

fn mixed_key(_: Option<&str>, text: &str) -> String {
    tokens(text).iter().map(untyped).collect::<Vec<_>>().join(" ")
}

fn same_record(_: Option<&str>, one: &str, other: &str) -> bool {
    let (Some((one_head, one_type, one)), Some((head, kind, other))) = (record(one), record(other)) else {
        return one == other;
    };
    one_head == head && one_type == kind && same_data(Some(&kind), one, other)
}

fn record_key(_: Option<&str>, text: &str) -> String {
    match record(text) {
        Some((head, kind, data)) => format!("{head} {kind} {}", data_key(Some(&kind), data)),
        None => text.to_owned(),
    }
}

/// Name, TTL and class in one form; type; data.
fn record(text: &str) -> Option<(String, String, &str)> {
    let mut parts = text.splitn(5, ' ');
    let (owner, ttl, class, kind) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let kind = types::mnemonic(types::number(kind)?);
    Some((format!("{} {ttl} {}", name::key(owner), class.to_ascii_uppercase()), kind, parts.next().unwrap_or_default()))
}

/// A word of presentation format, its escapes as written.
#[derive(Debug)]
struct Token {
    text: String,
    quoted: bool,
}

/// Words between blanks; quotes keep blanks, parentheses join lines (RFC 1035, 5.1).
fn tokens(text: &str) -> Vec<Token> {
    let mut out: Vec<Token> = Vec::new();
    let (mut open, mut quoted) = (false, false);
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        let begins = !open;
        match c {
            '"' if quoted => (open, quoted) = (false, false),
            '"' if begins => {
                (open, quoted) = (true, true);
                out.push(Token { text: String::new(), quoted });
            }
            c if !quoted && (c.is_whitespace() || matches!(c, '(' | ')')) => open = false,
            c => {
                if begins {
                    out.push(Token { text: String::new(), quoted });
                    open = true;
                }
                let Some(last) = out.last_mut() else { continue };
                last.text.push(c);
                // What is escaped is neither blank nor quote.
                last.text.extend((c == '\\').then(|| characters.next()).flatten());
            }
        }
    }
    out
}

/// The bytes of a word, escapes undone.
fn bytes(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        let digits: Vec<u8> = rest.clone().take(3).take_while(u8::is_ascii_digit).collect();
        let value = std::str::from_utf8(&digits).ok().filter(|digits| digits.len() == 3).and_then(|d| d.parse().ok());
        match value {
            Some(value) => {
                rest.nth(2);
                out.push(value);
            }
            None => out.extend(rest.next()),
        }
    }
    out
}

/// The data, each part in one form; `None` for what has not the form of its type.
fn words(code: u16, form: &[RdataField], text: &str) -> Option<Vec<String>> {
    let tokens = tokens(text);
    if tokens.first().is_some_and(|first| !first.quoted && first.text == "\\#") {
        return generic(code, form, &tokens);
    }
    if form.is_empty() {
        return None;
    }
    // Who writes no quotes means one text, blanks and all.
    if form == [RdataField::Texts] && tokens.iter().all(|token| !token.quoted) {
        return Some(vec![rdata::escaped(&bytes(text), b"\"\\")]);
    }
    let mut left = tokens.as_slice();
    let mut out = Vec::with_capacity(form.len());
    for part in form {
        out.extend(part_of(*part, &mut left)?);
    }
    left.is_empty().then_some(out)
}

/// RFC 3597: any type as its bytes.
fn generic(code: u16, form: &[RdataField], tokens: &[Token]) -> Option<Vec<String>> {
    let length: usize = tokens.get(1)?.text.parse().ok()?;
    let digits: String = tokens.get(2..)?.iter().map(|token| token.text.as_str()).collect();
    let data: Option<Vec<u8>> =
        (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok()).collect();
    let data = data.filter(|data| data.len() == length)?;
    let shown = rdata::text(&data, 0, data.len(), code)?;
    if form.is_empty() { Some(vec![shown]) } else { words(code, form, &shown) }
}

/// The words of one part, in one form, taken from the front.
fn part_of(part: RdataField, left: &mut &[Token]) -> Option<Vec<String>> {
    let rest = |left: &mut &[Token]| std::mem::take(left).iter().map(|token| token.text.clone()).collect::<Vec<_>>();
    let one = |word: String| Some(vec![word]);
    match part {
        RdataField::Texts => {
            Some(std::mem::take(left).iter().map(|token| rdata::quoted(&bytes(&token.text))).collect())
        }
        RdataField::Rest => one(rdata::quoted(&bytes(&rest(left).join(" ")))),
        RdataField::Hex => one(hex::key(&rest(left).concat())),
        RdataField::Base64 => one(base64(&rest(left).concat())),
        RdataField::Bits => {
            let mut codes: Vec<u16> = rest(left).iter().map(|word| types::number(word)).collect::<Option<_>>()?;
            codes.sort_unstable();
            codes.dedup();
            Some(codes.into_iter().map(types::mnemonic).collect())
        }
        RdataField::Location => Some(rest(left).iter().map(|word| location(word)).collect()),
        RdataField::Params => {
            let mut params: Vec<String> = joined_params(std::mem::take(left));
            params.sort();
            Some(params)
        }
        part => {
            let (first, after) = left.split_first()?;
            *left = after;
            one(word(part, &first.text)?)
        }
    }
}

/// One word of a part that is a word.
fn word(part: RdataField, text: &str) -> Option<String> {
    let coded = |words: &[(u16, &str)]| {
        let found = words.iter().find(|(_, word)| word.eq_ignore_ascii_case(text)).map(|(number, _)| *number);
        found.or_else(|| text.parse().ok()).map(|number: u16| number.to_string())
    };
    match part {
        // Zone files may name the algorithm of a key where its number stands.
        RdataField::U8 | RdataField::Algorithm => coded(ALGORITHMS),
        RdataField::U16 => text.parse::<u16>().ok().map(|number| number.to_string()),
        RdataField::U32 => seconds(text).map(|number| number.to_string()),
        RdataField::CertType => coded(CERT_TYPES),
        RdataField::Name => Some(dotted(text)),
        RdataField::Address4 | RdataField::Address6 => text.parse::<IpAddr>().ok().map(|address| address.to_string()),
        RdataField::Text => Some(text.to_ascii_lowercase()),
        RdataField::Quoted => Some(rdata::quoted(&bytes(text))),
        RdataField::Salt | RdataField::Hash => Some(text.to_ascii_uppercase()),
        RdataField::Type => types::number(text).map(types::mnemonic),
        RdataField::Time if text.len() == 14 => Some(text.to_owned()),
        RdataField::Time => text.parse().ok().map(rdata::time),
        RdataField::Eui => Some(text.to_ascii_lowercase().replace(':', "-")),
        _ => None,
    }
}

/// A name with its final dot.
fn dotted(text: &str) -> String {
    let key = name::key(text);
    if key == "." { key } else { key + "." }
}

/// A number, or a time with the units of zone files: `1h30m`.
fn seconds(text: &str) -> Option<u32> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().ok();
    }
    let (mut total, mut number) = (0_u32, String::new());
    for c in text.chars() {
        if c.is_ascii_digit() {
            number.push(c);
            continue;
        }
        let unit = match c.to_ascii_lowercase() {
            's' => 1,
            'm' => 60,
            'h' => 3600,
            'd' => 86_400,
            'w' => 604_800,
            _ => return None,
        };
        total = total.checked_add(number.parse::<u32>().ok()?.checked_mul(unit)?)?;
        number.clear();
    }
    number.is_empty().then_some(total)
}

/// Base64 with or without its padding; what is none stays as it is.
fn base64(text: &str) -> String {
    const LENIENT: GeneralPurpose = GeneralPurpose::new(
        &STANDARD,
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
    );
    LENIENT.decode(text).map_or_else(|_| text.to_owned(), |bytes| general_purpose::STANDARD.encode(bytes))
}

/// `10.00m` is `10m`, `n` is `N`.
fn location(word: &str) -> String {
    let upper = word.to_ascii_uppercase();
    Form::Field.key(None, upper.strip_suffix('M').unwrap_or(&upper))
}

/// `key=value` of SVCB: keys without case, values without quotes, addresses by value. The order is that of the keys' numbers on
/// the wire, so it says nothing.
fn joined_params(tokens: &[Token]) -> Vec<String> {
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
            ("ech", Some(data)) => Some(base64(data)),
            (_, value) => value.map(|value| rdata::escaped(&bytes(value), b"\"\\")),
        };
        value.map_or_else(|| key.clone(), |value| format!("{key}={value}"))
    };
    out.iter().map(one).collect()
}

fn address(text: &str) -> String {
    text.parse::<IpAddr>().map_or_else(|_| text.to_owned(), |address| address.to_string())
}

#[cfg(test)]
mod tests;
