//! What no record data can be, and what stands in some: a suite that forbids `mail.example.` among MX records, whose data begin with a
//! number, would hold for ever.

use super::super::types::{self, RdataField};
use super::tokens::bytes;
use super::{rdata, words};
use crate::model::typed::{InvalidText, named};

/// Why no data of this type is ever `text`. Without a type anything may be.
pub(super) fn data(kind: Option<&str>, text: &str) -> Option<InvalidText> {
    let code = kind.and_then(types::number).filter(|code| !matches!(*code, types::ANY | types::AXFR))?;
    let form = types::of(code).map_or(&[][..], |row| row.form);
    if words(code, form, text).is_some() {
        return None;
    }
    let name = types::mnemonic(code);
    let like = if form.is_empty() { "\\# 2 ABCD".to_owned() } else { example(form) };
    let part = "for a part of it write {any: {contains: …}} or {none: {contains: …}}";
    Some(InvalidText {
        why: format!("{} is no data of a record of type {name}", named(text)),
        help: format!("it is like `{like}`; {part}"),
    })
}

/// The same for a whole record.
pub(super) fn record(_: Option<&str>, text: &str) -> Option<InvalidText> {
    match super::record(text) {
        Some((_, kind, rest)) => data(Some(&kind), rest),
        None => Some(InvalidText {
            why: format!("{} is no record", named(text)),
            help: "it is like `www.example. 300 IN A 192.0.2.1`: name, TTL, class, type, data".to_owned(),
        }),
    }
}

/// Data of this form, made up.
fn example(form: &[RdataField]) -> String {
    let word = |part: &RdataField| match part {
        RdataField::U8 | RdataField::Algorithm => "1",
        RdataField::U16 | RdataField::U32 => "10",
        RdataField::Name => "host.example.",
        RdataField::Address4 => "192.0.2.1",
        RdataField::Address6 => "2001:db8::1",
        RdataField::Text => "issue",
        RdataField::Quoted | RdataField::QuotedWord | RdataField::Texts | RdataField::Rest => "\"text\"",
        RdataField::Hex | RdataField::Salt => "AB12",
        RdataField::Base64 => "AQID",
        RdataField::Hash => "0P9MHAVEQVM6T7VBL5LOP2U3T2RP3TOM",
        RdataField::Type => "A",
        RdataField::Bits => "A RRSIG",
        RdataField::Time => "20260101000000",
        RdataField::CertType => "PKIX",
        RdataField::Eui => "00-00-5e-00-53-2a",
        RdataField::Location => "52 22 23.000 N 4 53 32.000 E -2.00m",
        RdataField::Params => "alpn=h2",
    };
    form.iter().map(word).collect::<Vec<_>>().join(" ")
}

/// Whether `part` stands in data of this type: names, numbers and digits without case, texts with it, over the borders of their
/// strings too.
pub(super) fn contains(kind: Option<&str>, text: &str, part: &str) -> bool {
    let code = kind.and_then(types::number);
    let form = code.and_then(types::of).map_or(&[][..], |row| row.form);
    if !form.is_empty() && form.iter().all(|part| is_caseless(*part)) {
        return text.to_lowercase().contains(&part.to_lowercase());
    }
    let bare = rdata::escaped(&bytes(part), b"\"\\");
    if text.contains(part) || text.contains(&bare) {
        return true;
    }
    match form {
        [RdataField::Texts] => text.replace("\" \"", "").contains(&bare),
        _ => code.and_then(|code| words(code, form, text)).is_some_and(|words| words.join(" ").contains(part)),
    }
}

/// The same in a whole record.
pub(super) fn record_contains(_: Option<&str>, text: &str, part: &str) -> bool {
    let kind = super::record(text).map(|(_, kind, _)| kind);
    contains(kind.as_deref(), text, part)
}

const fn is_caseless(part: RdataField) -> bool {
    !matches!(part, RdataField::Quoted | RdataField::Texts | RdataField::Rest | RdataField::Base64 | RdataField::Params)
}
