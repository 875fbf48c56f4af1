//! What a family takes on the command line.

use std::fmt::Write as _;

use crate::checks::FAMILIES;
use crate::model::{FieldInfo, FieldKind, FieldRole};
use crate::probe::Family;

/// Column of the help texts.
const COLUMN: usize = 30;

/// The families, each with a command that could be typed.
pub(super) fn families() -> String {
    let mut out = String::new();
    for family in FAMILIES.iter().filter(|family| !wants_suite(family)) {
        let _ = writeln!(out, "  shakedown probe {:<40} {}", command(family), family.summary);
    }
    out.push_str("\n`shakedown probe FAMILY` lists what a family takes.\n");
    out
}

/// The help of the whole command, as clap has it.
pub(super) fn of_command(root: &clap::Command) -> String {
    let mut root = root.clone();
    root.build();
    root.find_subcommand_mut("probe").map_or_else(String::new, |command| command.render_long_help().to_string())
}

/// Usage and fields of a family.
pub(super) fn of_family(family: &Family) -> String {
    let mut out = format!("{}\n\nUsage: {}\n\n", family.summary, usage(family));
    fields(&mut out, family.fields, "");
    let _ = writeln!(
        out,
        "\n-e 'FACT: VALUE' says what must hold; `shakedown explain {}` has the facts, and what is expected without it.",
        family.name
    );
    out
}

/// That the target is missing, with an example and the fields.
pub(super) fn needs_target(family: &Family) -> String {
    format!(
        "`probe {}` needs a target, such as\n\n  shakedown probe {}\n\n{}",
        family.name,
        command(family),
        of_family(family).trim_end()
    )
}

fn usage(family: &Family) -> String {
    format!("shakedown probe {} {} [FIELD=VALUE]... [-e 'FACT: VALUE']...", family.name, target_syntax(family))
}

fn target_kind(family: &Family) -> Option<FieldKind> {
    let (main, _) = family.target_field;
    family.fields.iter().find(|field| field.name == main).map(|field| field.kind)
}

/// How the target of a family is written.
pub(in crate::app) fn target_syntax(family: &Family) -> &'static str {
    let needed = |name: &str| family.fields.iter().any(|field| field.name == name && field.required);
    match (target_kind(family), family.target_field.1) {
        (Some(FieldKind::Url), _) => "URL",
        (Some(FieldKind::Endpoint), _) => "HOST[:PORT]",
        (Some(FieldKind::Host), Some(port)) if needed(port) => "HOST:PORT",
        (Some(FieldKind::Host), Some(_)) => "HOST[:PORT]",
        (Some(FieldKind::Host), None) => "HOST",
        _ => "NAME",
    }
}

/// A command for a family, without the program's name.
pub(in crate::app) fn command(family: &Family) -> String {
    // Only the fields know what a family cannot do without.
    let sends = family.fields.iter().any(|field| field.help.contains("is required"));
    let target = match target_syntax(family) {
        "URL" => "https://www.example.test/",
        // Whoever must send something first speaks no protocol of the web.
        "HOST:PORT" if sends => "echo.example.test:7 send=hello",
        "HOST:PORT" | "HOST[:PORT]" if !matches!(target_kind(family), Some(FieldKind::Endpoint)) => {
            "www.example.test:443"
        }
        _ => "www.example.test",
    };
    let (main, port) = family.target_field;
    let others = family.fields.iter().filter(|field| field.required && field.name != main && Some(field.name) != port);
    let others = others.filter_map(|field| Some(format!(" {}={}", field.name, in_example(family, field.name)?)));
    format!("{} {target}{}", family.name, others.collect::<String>())
}

/// The first value of a field in the family's example that is one word.
pub(super) fn in_example<'e>(family: &'e Family, field: &str) -> Option<&'e str> {
    let key = format!("{field}: ");
    let values = family.example.split(&key).skip(1);
    let mut words = values.filter_map(|rest| rest.split([',', '}', '\n', ' ']).next());
    words.find(|word| !word.is_empty() && !word.starts_with(['{', '[', '"']))
}

/// The first commands that somebody types to use a family: by hand where that is possible, and for its example as a suite.
pub(in crate::app) fn first_commands(family: &Family) -> String {
    let by_hand = format!("shakedown probe {}", command(family));
    let file = format!("{}.yaml", family.name);
    let allowed = if is_nested(family) { " --allow-disruptive" } else { "" };
    let in_suite = format!("shakedown run {file}{allowed}");
    let width = by_hand.len().max(in_suite.len());
    let of_suite = format!("{in_suite:<width$}   # the example, saved as {file}, with your hosts\n");
    if wants_suite(family) { of_suite } else { format!("{by_hand:<width$}   # by hand\n{of_suite}") }
}

/// A field with a value, for messages.
pub(in crate::app) fn example_field(family: &Family) -> String {
    let patience = family.fields.iter().find(|field| matches!(field.kind, FieldKind::Duration(..)));
    patience.map_or_else(|| "FIELD=VALUE".to_owned(), |field| format!("{}=2s", field.name))
}

/// The field that a word is a value of, as people know it from other tools (`AAAA`, `@192.0.2.53`); else any field.
pub(in crate::app) fn field_of(family: &Family, word: &str) -> String {
    if let Some(address) = word.strip_prefix('@') {
        return server(family, address);
    }
    let chosen =
        family.fields.iter().find(|field| matches!(field.kind, FieldKind::Choice(words) if words.contains(&word)));
    let has_types = family.fields.iter().any(|field| field.name == "type");
    match chosen {
        Some(field) => format!("{}={word}", field.name),
        None if has_types && crate::proto::dns::types::number(&word.to_ascii_uppercase()).is_some() => {
            format!("type={word}")
        }
        None => format!("FIELD=VALUE, such as {}", example_field(family)),
    }
}

/// The field with the server to ask, of a family whose target is something else.
pub(in crate::app) fn server_field(family: &Family) -> Option<&'static str> {
    let asks = |field: &&FieldInfo| field.has(FieldRole::Host) && field.name != family.target_field.0;
    family.fields.iter().find(asks).map(|field| field.name)
}

/// Whether the target of a family is a probe of its own.
pub(in crate::app) fn is_nested(family: &Family) -> bool {
    matches!(target_kind(family), Some(FieldKind::Probe(..)))
}

/// Whether a check of a family cannot be made by hand.
pub(in crate::app) fn wants_suite(family: &Family) -> bool {
    is_nested(family) || family.grid.is_some()
}

/// How a server to ask is typed.
pub(super) fn server(family: &Family, address: &str) -> String {
    match server_field(family) {
        Some(field) => format!("{field}={address}"),
        None => format!("shakedown probe {} {address}", family.name),
    }
}

/// A value of a kind, as it is typed.
pub(super) fn example_value(kind: &FieldKind) -> String {
    match kind {
        FieldKind::Text | FieldKind::Inline | FieldKind::Argument => "TEXT".into(),
        FieldKind::Host => "www.example.test".into(),
        FieldKind::Address => "192.0.2.1".into(),
        FieldKind::Endpoint => "192.0.2.1:53".into(),
        FieldKind::Url => "https://www.example.test/".into(),
        FieldKind::Path => "FILE".into(),
        FieldKind::Document => "'{\"name\": 1}'".into(),
        FieldKind::FileOr(words) | FieldKind::Choice(words) => words.first().copied().unwrap_or("WORD").into(),
        FieldKind::Bool | FieldKind::Switch(_) => "true".into(),
        FieldKind::Integer(low, high) => low.saturating_add(1).min(*high).to_string(),
        FieldKind::Duration(low, _) if *low > 2.0 => format!("{low}s"),
        FieldKind::Duration(_, high) if *high < 2.0 => format!("{high}s"),
        FieldKind::Duration(..) | FieldKind::DurationOr(..) => "2s".into(),
        FieldKind::Size(low, _) => {
            if *low > 1024.0 {
                format!("{low}B")
            } else {
                "1KiB".into()
            }
        }
        FieldKind::Ratio(..) => "1%".into(),
        FieldKind::BitRate | FieldKind::BitRateOr(_) => "100Mbit/s".into(),
        FieldKind::Rate | FieldKind::RateOr(_) => "100/s".into(),
        FieldKind::List(item) => format!("{0},{0}", example_value(item)),
        FieldKind::Map(_) | FieldKind::Group(_) | FieldKind::GroupOr(..) | FieldKind::Probe(..) => "…".into(),
    }
}

fn fields(out: &mut String, all: &[FieldInfo], above: &str) {
    for field in all {
        let name = format!("{above}{}", field.name);
        match field.kind {
            FieldKind::Group(inner) => {
                let _ = writeln!(out, "  {name}.…");
                let _ = writeln!(out, "  {:<COLUMN$} {}", "", field.help);
                fields(out, inner, &format!("{name}."));
                continue;
            }
            FieldKind::Map(_) => {
                let _ = writeln!(out, "  {:<COLUMN$} {}", format!("{name}.NAME=TEXT"), field.help);
                continue;
            }
            _ => {}
        }
        let note = match (field.required, field.default) {
            (true, _) => " Required.".to_owned(),
            (false, Some(default)) => format!(" Default {default}."),
            (false, None) => String::new(),
        };
        let typed = format!("{name}={}", value_syntax(&field.kind));
        if typed.chars().count() > COLUMN {
            let _ = writeln!(out, "  {typed}\n  {:<COLUMN$} {}{note}", "", field.help);
        } else {
            let _ = writeln!(out, "  {typed:<COLUMN$} {}{note}", field.help);
        }
        if let FieldKind::Switch(inner) = field.kind {
            fields(out, inner, &format!("{name}."));
        }
    }
}

/// What stands behind `=`: the words there are, or an example.
fn value_syntax(kind: &FieldKind) -> String {
    match kind {
        FieldKind::Choice(words) => words.join("|"),
        FieldKind::FileOr(words) => format!("{}|FILE", words.join("|")),
        FieldKind::Bool | FieldKind::Switch(_) => "true|false".into(),
        FieldKind::Integer(..) => "NUMBER".into(),
        FieldKind::List(item) => format!("{}[,…]", value_syntax(item)),
        FieldKind::Text | FieldKind::Inline | FieldKind::Argument => "TEXT".into(),
        FieldKind::Host => "HOST".into(),
        FieldKind::Address => "ADDRESS".into(),
        FieldKind::Endpoint => "HOST:PORT".into(),
        FieldKind::Url => "URL".into(),
        FieldKind::Path => "FILE".into(),
        FieldKind::Document => "JSON".into(),
        other => example_value(other),
    }
}
