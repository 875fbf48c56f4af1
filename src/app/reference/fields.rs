//! Tables of fields.

use super::markdown::{MarkdownTable, Page, code, codes};
use crate::model::{FieldInfo, FieldKind};

/// The table of some fields, those of a group below it by their path.
pub(super) fn table(page: &mut Page, fields: &[FieldInfo]) {
    let mut table = MarkdownTable::new(&["Key", "Value", "Default", "Meaning"]);
    rows(&mut table, "", fields);
    page.table(&table);
}

fn rows(table: &mut MarkdownTable, path: &str, fields: &[FieldInfo]) {
    for field in fields {
        let name = format!("{path}{}", field.name);
        let default = match (field.required, field.default) {
            (true, _) => "required".to_owned(),
            (false, Some(default)) => code(default),
            (false, None) => String::new(),
        };
        table.row([code(&name), brief(&field.kind), default, field.help.to_owned()]);
        if let Some(inner) = field.kind.inner() {
            let each = if matches!(field.kind, FieldKind::Map(_)) { "NAME." } else { "" };
            rows(table, &format!("{name}.{each}"), inner);
        }
    }
}

/// The kind of a value in a few words.
pub(super) fn brief(kind: &FieldKind) -> String {
    match kind {
        FieldKind::Text | FieldKind::Argument => "text".into(),
        FieldKind::Host => "host name or address".into(),
        FieldKind::Address => "IP address".into(),
        FieldKind::Endpoint => "`host:port`".into(),
        FieldKind::Url => "URL".into(),
        FieldKind::Path => "file".into(),
        FieldKind::Document => "map, list, or JSON as text".into(),
        FieldKind::Inline => "text, or a file with it".into(),
        FieldKind::FileOr(words) => format!("{}, or a file", codes(words.iter().copied())),
        FieldKind::Bool => "`true`, `false`".into(),
        FieldKind::Integer(low, high) if low == high => format!("`{low}`"),
        FieldKind::Integer(low, high) if *high == i64::MAX => format!("whole number from {low}"),
        FieldKind::Integer(low, high) => format!("whole number, {low} to {high}"),
        FieldKind::Duration(..) => "time, such as `5s`".into(),
        FieldKind::Size(..) => "size, such as `1 MiB`".into(),
        FieldKind::Ratio(..) => "share, such as `0.1%`".into(),
        FieldKind::BitRate => "rate, such as `100 Mbit/s`".into(),
        FieldKind::BitRateOr(words) => format!("rate, such as `100 Mbit/s`, or {}", codes(words.iter().copied())),
        FieldKind::Rate => "rate, such as `100 /s`".into(),
        FieldKind::DurationOr(.., words) => format!("time, such as `5s`, or {}", codes(words.iter().copied())),
        FieldKind::RateOr(words) => format!("rate, such as `100 /s`, or {}", codes(words.iter().copied())),
        FieldKind::Choice(words) => codes(words.iter().copied()),
        FieldKind::List(FieldKind::Group(_)) => "list of maps".into(),
        FieldKind::List(FieldKind::GroupOr(main, _)) => format!("list: {} alone, or a map", code(main)),
        FieldKind::List(item) => format!("list: {}", brief(item)),
        FieldKind::Map(FieldKind::Text) => "map".into(),
        FieldKind::Map(item) => format!("map to: {}", brief(item)),
        FieldKind::Group(_) => "map".into(),
        FieldKind::GroupOr(main, _) => format!("{} alone, or a map", code(main)),
        FieldKind::Switch(_) => "`true`, `false`, or a map".into(),
        FieldKind::Probe(families, _) => format!("map with one of {}", codes(families())),
    }
}
