//! Errors of what was typed, in the form it was typed in: `FIELD=VALUE`, never YAML.

use regex::{Captures, Regex};

use super::listing;
use crate::model::visible::visible_lines;
use crate::model::{FieldInfo, FieldKind};
use crate::probe::Family;
use crate::suite::Sources;
use crate::suite::diagnostic::{Diagnostic, Diagnostics};

/// Who stands behind a line of the suite.
#[derive(Clone, Debug)]
pub(super) enum Origin {
    /// Nobody by itself: the check as a whole.
    Whole,
    /// `--secret`.
    Secrets,
    /// A field or the target, as typed.
    Field(String),
    /// An expectation, as typed.
    Expectation(String),
}

/// What silence needs, for a check that is alone.
const BY_HAND: &str = "see by another probe that the host answers (shakedown probe icmp HOST), and leave the expectation out here; \
                       in a suite, `control` names a check that shows it";
/// Errors shown.
const SHOWN: usize = 10;

/// All errors, each with the argument it is about and what to type instead.
pub(super) fn render(family: &Family, errors: &Diagnostics, sources: &Sources, lines: &[Origin]) -> String {
    let one = |error: &Diagnostic| {
        let (line, _) = sources.position(error.span);
        let origin = line.checked_sub(1).and_then(|at| lines.get(at)).unwrap_or(&Origin::Whole);
        error_text(family, origin, &error.message, &error.help)
    };
    let mut all: Vec<String> = errors.0.iter().take(SHOWN).map(one).collect();
    let more = errors.count().saturating_sub(SHOWN);
    if more > 0 {
        all.push(format!("and {more} more"));
    }
    all.join("\nerror: ")
}

fn error_text(family: &Family, origin: &Origin, message: &str, help: &str) -> String {
    let message = as_typed(family, &visible_lines(message));
    let help = match origin {
        _ if help.contains("`control: ") => BY_HAND.to_owned(),
        Origin::Field(typed) => {
            by_kind(family, typed, help).unwrap_or_else(|| with_signs(family, &as_typed(family, help)))
        }
        Origin::Whole | Origin::Secrets => with_signs(family, &as_typed(family, help)),
        Origin::Expectation(_) => as_typed(family, help),
    };
    let place = match origin {
        Origin::Whole => String::new(),
        Origin::Secrets => "--secret: ".to_owned(),
        Origin::Field(typed) | Origin::Expectation(typed) => format!("{}: ", visible_lines(typed)),
    };
    let help = visible_lines(&help);
    if help.is_empty() { format!("{place}{message}") } else { format!("{place}{message}\n       {help}") }
}

/// Fields that a help names alone, with the sign that their value stands behind: `send` is `send=…`.
fn with_signs(family: &Family, help: &str) -> String {
    let mut out = help.to_owned();
    for name in all_names(family.fields) {
        out = out.replace(&format!("`{name}`"), &format!("`{name}=…`"));
    }
    out
}

/// An example of the field, where the help says of what kind its values are.
fn by_kind(family: &Family, typed: &str, help: &str) -> Option<String> {
    let (path, _) = typed.split_once('=')?;
    let mut fields = family.fields;
    let mut found: Option<&FieldInfo> = None;
    for name in path.split('.') {
        found = fields.iter().find(|field| field.name == name);
        fields = match found?.kind {
            FieldKind::Group(inner) | FieldKind::Switch(inner) => inner,
            _ => &[],
        };
    }
    let kind = found?.kind;
    let wants = help.strip_prefix("write ").filter(|wants| *wants == kind.wants())?;
    Some(format!("write {path}={}: {wants}", listing::example_value(&kind)))
}

/// Hints about fields as they are typed here: `server: 192.0.2.53` is `server=192.0.2.53`, `load: {rate: …}` is `load.rate=…`.
fn as_typed(family: &Family, text: &str) -> String {
    let mut names: Vec<&str> = all_names(family.fields);
    names.sort_by_key(|name| std::cmp::Reverse(name.len()));
    names.dedup();
    let names: Vec<String> = names.iter().map(|name| regex::escape(name)).collect();
    let pattern = format!(r"\b({}): (\[[^\]]*\]|\{{[^{{}}]*\}}|[^\s,;`]+)", names.join("|"));
    let Ok(pattern) = Regex::new(&pattern) else { return text.to_owned() };
    let changed = pattern.replace_all(text, |found: &Captures<'_>| {
        let (name, value) = (&found[1], &found[2]);
        match (value.strip_prefix('['), value.strip_prefix('{')) {
            (Some(list), _) => format!("{name}={}", list.trim_end_matches(']').replace(", ", ",")),
            (_, Some(map)) => {
                let keys = map.trim_end_matches('}').split(", ").filter_map(|entry| entry.split_once(": "));
                keys.map(|(key, value)| format!("{name}.{key}={value}")).collect::<Vec<_>>().join(" ")
            }
            _ => format!("{name}={value}"),
        }
    });
    changed
        .replace(", or a check for each server by a matrix", "")
        .replace("`expect`", "-e")
        .replace("`netns`", "--netns")
        .replace("netns: ", "--netns ")
        .replace(&format!(" to `{}`", family.name), "")
        .replace("the file that names it or to ", "")
        .replace("the check ", "it ")
}

fn all_names(fields: &[FieldInfo]) -> Vec<&'static str> {
    let below = |field: &FieldInfo| match field.kind {
        FieldKind::Group(inner) | FieldKind::Switch(inner) => all_names(inner),
        _ => Vec::new(),
    };
    fields.iter().flat_map(|field| std::iter::once(field.name).chain(below(field))).collect()
}
