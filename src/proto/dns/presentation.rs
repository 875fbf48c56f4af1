//! Record data as text, compared as what it is: names in any case with or without the final dot, numbers, addresses and bytes by value, texts
//! with or without quotes. Case counts only in texts (RFC 4034 6.2, RFC 4343).

mod impossible;
pub(crate) mod labels;
mod parts;
mod tokens;

use std::cmp::Ordering;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use base64::engine::{DecodePaddingMode, general_purpose};

use super::rdata::{self, ALGORITHMS, CERT_TYPES};
use super::types::{self, RdataField};
use crate::model::typed::{DataForm, hex, name, no_order, serial_order};
use tokens::{Token, bytes, tokens};

/// Data of records of the type that fact `type` names.
pub(crate) static DATA: DataForm = DataForm {
    kind: "type",
    same: same_data,
    key: data_key,
    contains: impossible::contains,
    impossible: impossible::data,
    order: soa_order,
};
/// Whole records: name, TTL, class, type, data.
pub(crate) static RECORD: DataForm = DataForm {
    kind: "",
    same: same_record,
    key: record_key,
    contains: impossible::record_contains,
    impossible: impossible::record,
    order: no_order,
};
/// Data of DS records.
pub(crate) static DS: DataForm = DataForm {
    kind: "",
    same: |_, one, other| same_data(Some("DS"), one, other),
    key: |_, text| data_key(Some("DS"), text),
    contains: |_, text, part| impossible::contains(Some("DS"), text, part),
    impossible: |_, text| impossible::data(Some("DS"), text),
    order: no_order,
};
/// Texts of some other kind that may hold names: everything else stays as it is.
pub(crate) static MIXED: DataForm = DataForm {
    kind: "",
    same: same_mixed,
    key: mixed_key,
    contains: |_, text, part| text.contains(part),
    impossible: |_, _| None,
    order: no_order,
};

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
    if token.text.ends_with('.') { dotted(&token.text) } else { token.text.clone() }
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
        RdataField::Hex => one(digits(&rest(left).concat())?),
        RdataField::Base64 => one(base64(&rest(left).concat())?),
        RdataField::Bits => {
            let mut codes: Vec<u16> = rest(left).iter().map(|word| types::number(word)).collect::<Option<_>>()?;
            codes.sort_unstable();
            codes.dedup();
            Some(codes.into_iter().map(types::mnemonic).collect())
        }
        RdataField::Location => parts::location(std::mem::take(left)),
        RdataField::Params => Some(parts::params(std::mem::take(left))),
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
        RdataField::Address4 => text.parse::<Ipv4Addr>().ok().map(|address| address.to_string()),
        RdataField::Address6 => text.parse::<Ipv6Addr>().ok().map(|address| address.to_string()),
        RdataField::Text => Some(text.to_ascii_lowercase()),
        RdataField::Quoted => Some(rdata::quoted(&bytes(text))),
        RdataField::QuotedWord => Some(rdata::quoted(&bytes(text)).to_ascii_lowercase()),
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

/// Hexadecimal digits in one spelling; `None` for anything else.
fn digits(text: &str) -> Option<String> {
    let key = hex::key(text);
    key.bytes().all(|byte| byte.is_ascii_hexdigit()).then_some(key)
}

/// Base64 with its padding; `None` for what is none.
fn base64(text: &str) -> Option<String> {
    const LENIENT: GeneralPurpose = GeneralPurpose::new(
        &STANDARD,
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
    );
    LENIENT.decode(text).ok().map(|bytes| general_purpose::STANDARD.encode(bytes))
}

#[cfg(test)]
mod tests;
