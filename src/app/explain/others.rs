//! Words that are in no table of ours: those of other tools, quantities, and numbers.

use std::fmt::Write as _;

use crate::checks::FAMILIES;
use crate::exit;
use crate::model::{Unit, quantity};
use crate::probe::Synonyms;
use crate::suite::synonyms;

/// A word that other tools use: what it is called here, and where.
pub(super) fn otherwise(word: &str) -> Option<String> {
    let mut out = String::new();
    for family in FAMILIES {
        if family.synonyms.is_called(word) {
            let _ = writeln!(out, "  the family {0}: shakedown explain {0}", family.name);
        }
    }
    for (place, instead) in synonyms::otherwise(word) {
        let _ = writeln!(out, "  {place}: {instead}");
    }
    for family in FAMILIES {
        for (table, what) in [(family.synonyms.facts, "a fact"), (family.synonyms.fields, "a field")] {
            if let Some(instead) = Synonyms::find(table, word) {
                let _ = writeln!(out, "  {what} of {}: {instead}", family.name);
            }
        }
    }
    (!out.is_empty()).then(|| format!("{word}  has another name here\n{out}"))
}

/// `5s`, `10 MiB`, `50%`: what it is, and in the base unit.
pub(super) fn quantity(text: &str) -> Option<String> {
    let kinds = [
        (Unit::Seconds, "a length of time"),
        (Unit::Bytes, "a size"),
        (Unit::BitsPerSecond, "a bit rate"),
        (Unit::PerSecond, "a rate"),
        (Unit::Ratio, "a share"),
    ];
    let (unit, what, number) =
        kinds.iter().find_map(|(unit, what)| quantity::parse(text, *unit).ok().map(|number| (*unit, *what, number)))?;
    let symbol = if unit == Unit::Ratio { "as a share of one".to_owned() } else { format!("in {}", unit.word()) };
    Some(format!(
        "{text}  {what}, as suites write it\n  In reports: {number}, {symbol}.\n  units: {}\n  more: shakedown explain unit\n",
        quantity::names(unit)
    ))
}

/// A number that is no exit code: perhaps a status of HTTP.
pub(super) fn status(word: &str) -> Option<String> {
    let number: u16 = word.parse().ok().filter(|number| (100..600).contains(number))?;
    Some(format!(
        "{number}  a status of HTTP\n  A value of the fact `status`: expect: {{status: {number}}}. By default it must be from 200 to 299.\n  more: shakedown explain status\n"
    ))
}

/// The exit codes there are, for whoever asks for another one.
pub(super) fn codes(word: &str) -> Option<String> {
    let asked = word.to_lowercase().starts_with("exit") || word.bytes().all(|byte| byte.is_ascii_digit());
    let known: Vec<String> = exit::OF_RUNS.iter().map(|(code, _)| code.to_string()).collect();
    asked.then(|| format!("the exit codes are {}", known.join(", ")))
}
