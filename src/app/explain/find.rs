//! Finds the meanings of a word: it may have several, such as `timeout`, a field, an outcome and a flag.

use std::fmt::Write as _;

use super::topics::{self, Topic};
use super::{facts, families, fields, operators, others, suite};
use crate::app::config;
use crate::checks::{FAMILIES, family};
use crate::cli::examples;
use crate::exit;
use crate::model::document_path::is_of;
use crate::model::expectation::Operator;
use crate::model::fact::{FactKeys, STATISTICS};
use crate::model::{FactInfo, FieldInfo, FieldKind, Kind};
use crate::probe::Family;
use crate::suite::tables;

/// The tables of a suite, with where their keys stand.
const TABLES: &[(&str, &[FieldInfo])] = &[
    ("of a suite", tables::SUITE),
    ("of a check", tables::CHECK),
    ("of `defaults`", tables::DEFAULTS),
    ("below `eventually`", tables::EVENTUALLY),
    ("below `capture`", tables::CAPTURE),
    ("below `baseline`, per fact", tables::BASELINE),
];

/// Every explanation of a word; none if nothing is called so.
pub(super) fn all(topic: &str) -> Vec<String> {
    let plain = normal(topic);
    let dashed = topic.trim().trim_matches(['`', '"', '\'']).starts_with(['-', '+']);
    if ["suite", "suites", "yaml"].contains(&&*plain.to_lowercase()) {
        return vec![suite::text()];
    }
    if let Some(family) = family(&plain.to_lowercase()) {
        // `tls` is the family, and to some tools a transport of DNS.
        return std::iter::once(families::text(family)).chain(others::otherwise(&plain, dashed, true)).collect();
    }
    let (owner, name) = match plain.split_once('.') {
        Some((owner, name)) if family(owner).is_some() => (Some(owner), name),
        _ => (None, plain.as_str()),
    };
    let mut out = Vec::new();
    if owner.is_none() {
        out.extend(of_topics(&plain));
        out.extend(Operator::all().find(|operator| same(operator.word(), name)).map(operators::text));
        out.extend(key(name));
        out.extend(exit_code(&plain));
        out.extend(statistics(name));
    }
    out.extend(of_facts(owner, name));
    out.extend(of_fields(owner, name));
    if owner.is_none() {
        out.extend(choice(&plain));
        out.extend(command(&plain));
        out.extend(setting(&plain));
        out.extend(others::quantity(&plain));
    }
    // A word that means nothing here may mean something elsewhere.
    if out.is_empty() {
        out.extend(others::status(&plain));
    }
    if owner.is_none() {
        out.extend(others::otherwise(&plain, dashed, !out.is_empty()));
    }
    out
}

/// The words something is called by, for whoever mistyped one; dotted ones only for a dotted word.
pub(super) fn known(topic: &str) -> Vec<String> {
    let dotted = topic.contains('.');
    let mut out: Vec<String> = FAMILIES.iter().map(|family| family.name.to_owned()).collect();
    let mut add = |word: &str| out.push(word.to_owned());
    topics::all().flat_map(|topic| topic.names).for_each(|name| add(name));
    Operator::all().for_each(|operator| add(operator.word()));
    TABLES.iter().flat_map(|(_, table)| tables::names(table)).for_each(&mut add);
    for family in FAMILIES {
        family.facts.iter().for_each(|fact| add(fact.name));
        family.fields.iter().for_each(|field| add(field.name));
        words_of(family).into_iter().for_each(&mut add);
        if dotted {
            family.facts.iter().for_each(|fact| add(&format!("{}.{}", family.name, fact.name)));
            family.fields.iter().for_each(|field| add(&format!("{}.{}", family.name, field.name)));
        }
        for fact in family.facts.iter().filter(|fact| dotted && fact.has_statistics()) {
            for part in STATISTICS {
                add(&format!("{}.{part}", fact.name));
                add(&format!("{}.{}.{part}", family.name, fact.name));
            }
        }
    }
    examples::commands(&crate::cli::command()).iter().filter(|name| !name.is_empty()).for_each(|name| add(name));
    for key in config::keys() {
        add(&key.name);
    }
    out
}

/// As people type it: with backticks, dashes of a flag, a colon behind, in capitals.
fn normal(topic: &str) -> String {
    let trimmed = topic.trim().trim_matches(['`', ':', '"', '\'']).trim_start_matches("--");
    trimmed.to_owned()
}

/// Names are one with blanks, dashes and underscores, and whatever their case.
fn same(a: &str, b: &str) -> bool {
    let plain = |text: &str| text.to_lowercase().replace(['-', '_'], " ");
    plain(a) == plain(b)
}

fn of_topics(word: &str) -> Vec<String> {
    let found = topics::all().filter(|topic| topic.names.iter().any(|name| same(name, word)));
    found
        .map(|topic: &Topic| {
            topic.shown() + &topics::picture(topic).map_or_else(String::new, |text| format!("\n{text}"))
        })
        .collect()
}

/// A key of the file format.
fn key(name: &str) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for (place, table) in TABLES {
        let Some(field) = table.iter().find(|field| same(field.name, name)) else { continue };
        let mut text = format!("{}  a key {place}\n", field.name);
        fields::list(&mut text, &[FieldInfo { kind: suite::shallow(field.kind), ..*field }], 0);
        // `defaults` repeats the keys of a check.
        if !out.iter().any(|before| before.lines().skip(1).eq(text.lines().skip(1))) {
            out.push(text);
        }
    }
    out
}

/// `3`, `exit 3`, `exit code 3`, `exit codes`.
fn exit_code(word: &str) -> Option<String> {
    let word = word.to_lowercase();
    let rest = word.strip_prefix("exit").unwrap_or(&word).trim_start_matches([' ', '-', '_']);
    let rest = rest.strip_prefix("codes").or_else(|| rest.strip_prefix("code")).or_else(|| rest.strip_prefix("status"));
    let rest = rest.unwrap_or_else(|| word.strip_prefix("exit").unwrap_or(&word));
    let number = rest.trim_matches([' ', '-', '_']);
    let wanted = number.parse::<u8>().ok();
    if wanted.is_none() && !(number.is_empty() && word.starts_with("exit")) {
        return None;
    }
    let line = |out: &mut String, (code, meaning): &exit::Meaning| {
        if wanted.is_none_or(|wanted| wanted == *code) {
            let _ = writeln!(out, "  {code:<3}  {meaning}");
        }
    };
    let mut out = String::new();
    for (title, table) in [
        ("run, probe, demo, calibrate, report", exit::OF_RUNS),
        ("compare", exit::OF_COMPARISONS),
        ("other commands", exit::OF_TOOLS),
    ] {
        let mut lines = String::new();
        for row in table {
            line(&mut lines, row);
        }
        if !lines.is_empty() {
            let _ = writeln!(out, "exit codes of {title}\n{lines}");
        }
    }
    (!out.is_empty()).then(|| out.trim_end().to_owned() + "\n")
}

fn statistics(name: &str) -> Option<String> {
    let text = facts::statistic(name)?;
    let owners = FAMILIES.iter().flat_map(|family| {
        let facts = family.facts.iter().filter(|fact| fact.has_statistics());
        facts.map(move |fact| format!("{}.{}.{name}", family.name, fact.name))
    });
    let owners: Vec<String> = owners.take(4).collect();
    Some(format!("{name}  a part of a distribution\n  It is {text}.\n  such as: {}\n", owners.join(", ")))
}

fn of_facts(owner: Option<&str>, name: &str) -> Vec<String> {
    let mut out = Vec::new();
    for family in FAMILIES.iter().filter(|family| owner.is_none_or(|owner| owner == family.name)) {
        for fact in family.facts {
            let below = name.strip_prefix(fact.name).and_then(|rest| rest.strip_prefix('.'));
            // `headers.server` is a path only where no fact is called so.
            let exact = family.facts.iter().any(|other| other.name == name);
            out.extend(match below {
                Some(rest) if !exact => facts::part(family.name, fact, rest),
                _ if fact.name == name => Some(facts::text(family.name, fact)),
                _ => None,
            });
        }
    }
    if owner.is_none() {
        let by_key = FactKeys::ALL
            .facts()
            .filter(|fact| is_of(name, fact.name) && (name == fact.name || fact.kind == Kind::Object));
        out.extend(by_key.map(facts::of_any_family));
    }
    out
}

fn of_fields(owner: Option<&str>, name: &str) -> Vec<String> {
    let mut out: Vec<(Vec<&str>, String)> = Vec::new();
    for family in FAMILIES.iter().filter(|family| owner.is_none_or(|owner| owner == family.name)) {
        let Some(field) = field_at(family.fields, name) else { continue };
        let mut text = String::new();
        fields::list(&mut text, &[field], 0);
        match out.iter_mut().find(|(_, other)| *other == text) {
            Some((families, _)) => families.push(family.name),
            None => out.push((vec![family.name], text)),
        }
    }
    out.into_iter().map(|(families, text)| format!("{name}  a field of {}\n{text}", families.join(", "))).collect()
}

/// A field, or one of a group: `load.connections`.
fn field_at(fields: &[FieldInfo], name: &str) -> Option<FieldInfo> {
    if let Some(field) = fields.iter().find(|field| same(field.name, name)) {
        return Some(*field);
    }
    let (first, rest) = name.split_once('.')?;
    field_at(fields.iter().find(|field| field.name == first)?.kind.inner()?, rest)
}

fn words_of(family: &Family) -> Vec<&'static str> {
    let of = |fact: &FactInfo| match fact.kind {
        Kind::Choice(words) => words,
        _ => &[],
    };
    family.facts.iter().flat_map(|fact| of(fact).iter().copied()).collect()
}

/// A word that facts or fields may be: which ones, and what it says of the host where it is an outcome.
fn choice(word: &str) -> Option<String> {
    let mut out = String::new();
    let among = |words: &[&'static str]| words.iter().copied().find(|known| same(known, word));
    for family in FAMILIES {
        for fact in family.facts {
            let Kind::Choice(words) = fact.kind else { continue };
            let Some(found) = among(words) else { continue };
            let note = if fact.silent.contains(&found) {
                "; silence: where it is expected, it needs a `control`"
            } else if fact.elsewhere.contains(&found) {
                "; it comes from elsewhere than the peer, and shows nothing of it"
            } else {
                ""
            };
            let _ = writeln!(out, "  {}.{}: {found}{note}", family.name, fact.name);
        }
        for field in family.fields {
            let words: &[&str] = match field.kind {
                FieldKind::Choice(words) => words,
                FieldKind::List(FieldKind::Choice(words)) => words,
                _ => &[],
            };
            if let Some(found) = words.iter().find(|known| same(known, word)) {
                let _ = writeln!(out, "  {}.{}: {found}, in a suite", family.name, field.name);
            }
        }
    }
    (!out.is_empty()).then(|| format!("{word}  a value of\n{out}  more: shakedown explain FAMILY\n"))
}

fn command(name: &str) -> Option<String> {
    let root = crate::cli::command();
    let name = name.strip_prefix("shakedown ").unwrap_or(name);
    let found = examples::commands(&root).into_iter().find(|command| !command.is_empty() && command == name)?;
    let mut command = &root;
    for word in found.split_whitespace() {
        command = command.find_subcommand(word)?;
    }
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    let mut out = format!("shakedown {found}  a command\n  {about}.\n");
    for (purpose, line) in examples::of(&found) {
        let _ = writeln!(out, "  {purpose}\n    {line}");
    }
    let _ = writeln!(out, "  more: shakedown {found} --help");
    Some(out)
}

/// A key of `shakedown.toml`, its flag, or its variable.
fn setting(word: &str) -> Option<String> {
    let key = config::keys().into_iter().find(|key| same(&key.name, word) || key.variable == word)?;
    Some(format!(
        "{}  a setting\n  {}.\n  flag --{}, variable {}, key `{}` of {}; for {}\n",
        key.name,
        key.help,
        key.name,
        key.variable,
        key.name,
        config::FILE,
        key.commands.join(", "),
    ))
}
