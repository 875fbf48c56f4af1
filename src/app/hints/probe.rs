//! A probe in the words of another tool: `probe ping HOST`, `probe https://…`, `probe dns NAME @SERVER +tcp`.

use std::fmt::Write as _;

use super::line::{Line, LineError};
use super::{Hint, credentials, is_taken};
use crate::app::adhoc::listing;
use crate::checks::{FAMILIES, family};
use crate::model::corrections;
use crate::model::interface::address_and_zone;
use crate::probe::Family;
use crate::proto::dns::types;

/// The command that these words behind `probe` mean; nothing if they are ours.
pub(super) fn hint(words: &[String]) -> Option<Hint> {
    let at = words.iter().position(|word| !word.starts_with(['-', '+', '@']))?;
    let name = words.get(at)?;
    let mut line = Line::default();
    let Some(family) = family_of(name, &mut line) else { return unclear(name) };
    let mut rest: Vec<&String> =
        words.iter().enumerate().filter(|(other, _)| *other != at).map(|(_, word)| word).collect();
    // Of a tool with tools in it, such as `openssl s_client`.
    if family.synonyms.is_called(name) && rest.first().is_some_and(|word| family.synonyms.is_called(word)) {
        rest.remove(0);
    }
    match line.read(family, rest) {
        Ok(()) => {
            let why = line.wrong.first()?.clone();
            let words = line.words(family);
            is_taken(&words).then_some(Hint::Write { why, words, note: line.note })
        }
        Err(LineError::Because(why)) => Some(Hint::Say(why)),
        Err(LineError::At(word)) if word.starts_with(['-', '+']) => {
            // Its value, which may be a credential, is not repeated.
            let end = word.find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '+' | '_' | '.'));
            let word = word.get(..end.unwrap_or(word.len())).unwrap_or_default();
            Some(Hint::Say(format!("`{word}` is no option of `probe`; {}", where_to_look(family))))
        }
        Err(LineError::At(word)) => line.wrong.first().map(|_| {
            let word = credentials::without(&word);
            Hint::Say(format!(
                "`{word}` is one word too many: a probe asks one target (several are a `matrix` of a suite); {}",
                where_to_look(family)
            ))
        }),
    }
}

fn where_to_look(family: &Family) -> String {
    format!(
        "what `{0}` takes is written FIELD=VALUE, such as {1}, and `shakedown probe {0}` lists it",
        family.name,
        listing::example_field(family)
    )
}

/// The family that the first word names, in whatever way, and what else that word says.
fn family_of(name: &str, line: &mut Line) -> Option<&'static Family> {
    if let Some(found) = family(name) {
        return Some(found);
    }
    let first = "the family stands before the target";
    if let Some((scheme, rest)) = name.split_once("://") {
        line.wrong.push(first.to_owned());
        let found = family(scheme).or_else(|| FAMILIES.iter().find(|family| family.synonyms.is_called(scheme)))?;
        let is_url = found.target_field.0 == "url";
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        line.target = Some(if is_url { name } else { authority }.to_owned());
        return Some(found);
    }
    if let Some(found) = FAMILIES.iter().find(|family| family.synonyms.is_called(name)) {
        line.wrong.push(format!("there is no family `{name}`"));
        line.said_by_name(found, name);
        return Some(found);
    }
    let (host, port) = name.rsplit_once(':')?;
    let alone = !host.is_empty() && !host.contains(':') || host.starts_with('[') && host.ends_with(']');
    if alone && (port.parse::<u16>().is_ok() || corrections::port_named(port).is_some()) {
        line.wrong.push(first.to_owned());
        line.target = Some(name.to_owned());
        return family("tcp");
    }
    None
}

/// A target by itself may be meant for several families.
fn unclear(name: &str) -> Option<Hint> {
    if name.contains("://") {
        let name = credentials::without(name);
        return Some(Hint::Say(format!("no family asks for `{name}`; `shakedown probe` lists the families")));
    }
    let host = name.split('/').next().unwrap_or_default();
    let is_address = address_and_zone(host).is_some();
    let is_name = host.contains('.') && !host.starts_with('.') && !host.contains(['=', ' ']);
    // A type of record is none, nor is a slip in the name of a family.
    if !(is_address || is_name) || types::number(&host.to_ascii_uppercase()).is_some() {
        return None;
    }
    let mut out = String::from("the family stands before the target; write one of\n");
    // What also needs something else than a target is no answer to one.
    let is_enough = |family: &&Family| {
        let (target, port) = family.target_field;
        family.fields.iter().all(|field| !field.required || field.name == target || Some(field.name) == port)
    };
    for family in FAMILIES.iter().filter(is_enough) {
        let asks = match listing::target_syntax(family) {
            "URL" => format!("https://{}/", if host.contains(':') { format!("[{host}]") } else { host.to_owned() }),
            "NAME" if is_address || listing::is_nested(family) => continue,
            "HOST:PORT" if family.name == "tcp" && !host.contains(':') => format!("{host}:443"),
            "HOST" | "NAME" => host.to_owned(),
            "HOST[:PORT]" if family.target_field.1.is_some() => host.to_owned(),
            _ => continue,
        };
        let command = format!("shakedown probe {} {}", family.name, credentials::without(&asks));
        let _ = write!(out, "\n  {command:<60} {}", family.summary);
    }
    Some(Hint::Say(out))
}
