//! Words that are in no table of ours: those of other tools, quantities, and numbers.

use std::fmt::Write as _;

use crate::checks::FAMILIES;
use crate::exit;
use crate::model::{Unit, quantity};
use crate::probe::Synonyms;
use crate::suite::synonyms;

/// A word that other tools use: what it is called here, and where. `dashed` is one that was typed as an option, `known` one that has a
/// meaning of its own besides.
pub(super) fn otherwise(word: &str, dashed: bool, known: bool) -> Option<String> {
    let mut out = String::new();
    for family in FAMILIES {
        if family.synonyms.is_called(word) {
            let _ = writeln!(out, "  the family {0} ({1}): `shakedown explain {0}`", family.name, family.summary);
        }
    }
    for (place, instead) in synonyms::otherwise(word) {
        let _ = writeln!(out, "  {place}: {}", instead.trim_start_matches('!'));
    }
    for family in FAMILIES {
        for (table, what) in [(family.synonyms.facts, "a fact"), (family.synonyms.fields, "a field")] {
            if let Some(instead) = Synonyms::find(table, word) {
                let off = if Synonyms::is_meant_off(table, word) { "where it is off, " } else { "" };
                let _ = writeln!(out, "  {what} of {}: {off}{}", family.name, instead.trim_start_matches('!'));
            }
        }
        for (option, instead) in family.synonyms.options.iter().filter(|_| dashed) {
            if is_option(option, word) {
                let _ = writeln!(out, "  as option {option}, for {}: {}", family.name, of_option(instead));
            }
        }
    }
    let title = if known { "has another name elsewhere" } else { "has another name here" };
    (!out.is_empty()).then(|| format!("{word}  {title}\n{out}"))
}

/// Whether a word, which may lack its dashes, is this option of a table.
fn is_option(option: &str, word: &str) -> bool {
    let name = option.split(' ').next().unwrap_or_default();
    name == word || name.trim_start_matches('-') == word.trim_start_matches('-')
}

/// What stands in place of an option, for people.
fn of_option(instead: &str) -> String {
    match instead.strip_prefix('!') {
        Some(why) => why.to_owned(),
        None if instead.is_empty() => "nothing is to be said".to_owned(),
        None if instead.starts_with('{') => "the target".to_owned(),
        None => instead
            .trim_start_matches("-e=")
            .replace("{secret}", "VALUE")
            .replace("{address}", "ADDRESS")
            .replace("{}", "VALUE")
            .replace('?', ""),
    }
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

#[cfg(test)]
mod tests {
    use crate::app::explain::texts;
    use crate::checks::FAMILIES;
    use crate::suite::synonyms;

    /// Whatever another tool calls it, `explain` says what it is called here, in every table and beside other meanings.
    #[test]
    fn every_synonym_is_found() {
        let mut wanted: Vec<(String, String)> = Vec::new();
        for (place, table) in synonyms::TABLES {
            wanted.extend(table.iter().map(|(word, _)| ((*word).to_owned(), format!("  {place}: "))));
        }
        for family in FAMILIES {
            let of = |what: &str, instead: &str| {
                let off = instead.replacen("off: ", "where it is off, ", 1).replacen('!', "", 1);
                format!("  {what} of {}: {off}\n", family.name)
            };
            let words = family.synonyms;
            let names = words.names.iter().filter_map(|name| name.split(' ').next());
            wanted.extend(names.map(|word| (word.to_owned(), format!("  the family {} (", family.name))));
            wanted.extend(words.facts.iter().map(|(word, instead)| ((*word).to_owned(), of("a fact", instead))));
            wanted.extend(words.fields.iter().map(|(word, instead)| ((*word).to_owned(), of("a field", instead))));
            for (option, _) in words.options {
                let name = option.split(' ').next().unwrap_or_default();
                wanted.push((name.to_owned(), format!("  as option {option}, for {}: ", family.name)));
            }
        }
        assert!(wanted.len() > 900, "{}", wanted.len());
        let lost: Vec<_> = wanted.iter().filter(|(word, says)| !texts(word).concat().contains(says.as_str())).collect();
        assert!(lost.is_empty(), "{} of {}: {lost:?}", lost.len(), wanted.len());
    }
}
