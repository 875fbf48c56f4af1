//! `matrix:` to its cells.

use std::collections::{BTreeMap, BTreeSet};

use super::diagnostic::Diagnostics;
use super::tree::{Key, Kind, Node};
use crate::model::target::UNKNOWN;
use crate::model::{GridCell, stand_in};

/// Most cells of one check.
pub(super) const MAX_CELLS: usize = 100_000;
/// Most bytes of all values of all cells.
const MAX_BYTES: usize = 128 * 1024 * 1024;
/// Bytes counted for a value beside its text.
const VALUE_BYTES: usize = 200;

/// One cell: a value per key, keys sorted.
pub type Cell = BTreeMap<String, Node>;

/// All combinations, in the order written, the last key changing fastest. One empty cell without a matrix.
pub fn cells(node: Option<&Node>, secrets: &BTreeMap<String, String>, errors: &mut Diagnostics) -> Vec<Cell> {
    let mut out = vec![Cell::new()];
    let mut bytes = 0_usize;
    let Some(node) = node else { return out };
    if node.entries().is_empty() {
        errors.add(node.span, "`matrix` is empty: the check would have no case", "write key: [a, b]");
        return out;
    }
    for (key, values) in node.entries() {
        let Kind::List(values) = &values.kind else {
            let help = match values.text() {
                Some(_) => format!("write `{}: [{}]`", key.name, super::syntax::flow(values)),
                None => format!("write `{}: [a, b]`", key.name),
            };
            errors.add(values.span, format!("`{}` of `matrix` is {}, not a list", key.name, values.sort()), help);
            if values.text().is_some() {
                // Its uses are right.
                for cell in &mut out {
                    cell.insert(key.name.clone(), values.clone());
                }
            }
            continue;
        };
        if values.is_empty() {
            errors.add(
                key.span,
                format!("`{}` of `matrix` is empty: the check would have no case", key.name),
                "name at least one",
            );
            continue;
        }
        scalars(key, values, secrets, errors);
        let written: usize = values.iter().map(|value| value.text().map_or(0, str::len) + VALUE_BYTES).sum();
        bytes = bytes.saturating_mul(values.len()).saturating_add(out.len().saturating_mul(written));
        if bytes > MAX_BYTES {
            errors.add(node.span, format!("`matrix` expands to more than {MAX_BYTES} bytes"), "split the check");
            return out;
        }
        if out.len().saturating_mul(values.len()) > MAX_CELLS {
            errors.add(node.span, format!("`matrix` has more than {MAX_CELLS} cells"), "split the check");
            return out;
        }
        out = out
            .iter()
            .flat_map(|cell| {
                values.iter().map(|value| {
                    let mut cell = cell.clone();
                    cell.insert(key.name.clone(), value.clone());
                    cell
                })
            })
            .collect();
    }
    out
}

/// Keys of the matrix of `check` that nothing in it speaks of: all their cells would look at the same, and seem to have looked
/// at each.
/// Keys that `elsewhere` holds are used in another place.
pub fn unused(check: &Node, elsewhere: &BTreeSet<String>, errors: &mut Diagnostics) {
    const LABELS: [&str; 4] = ["matrix", "id", "description", "tags"];
    let mut named: BTreeSet<&str> = elsewhere.iter().map(String::as_str).collect();
    for (_, node) in check.entries().iter().filter(|(key, _)| !LABELS.contains(&key.name.as_str())) {
        named_keys(node, &mut named);
    }
    let keys = check.get("matrix").map_or(&[][..], Node::entries);
    // A misspelt name is told where it stands, and may be the one that is missing.
    if named.iter().any(|name| !elsewhere.contains(*name) && !keys.iter().any(|(key, _)| key.name == *name)) {
        return;
    }
    for (key, _) in keys.iter().filter(|(key, _)| !named.contains(key.name.as_str())) {
        let message = format!("`{}` of `matrix` changes nothing: its cells would all look at the same", key.name);
        let help = format!("write ${{matrix.{}}} where they differ; `rounds` repeats a check", key.name);
        errors.add(key.span, message, help);
    }
}

/// The keys of a matrix that variables in `node`, or keys of a `when`, name.
fn named_keys<'n>(node: &'n Node, out: &mut BTreeSet<&'n str>) {
    match &node.kind {
        Kind::Map(entries) => {
            for (key, value) in entries {
                out.extend(key.name.strip_prefix("matrix.").map(key_of));
                named_keys(value, out);
            }
        }
        Kind::List(items) => items.iter().for_each(|item| named_keys(item, out)),
        _ => {
            let variables = node.text().unwrap_or_default().split("${").skip(1);
            out.extend(variables.filter_map(|text| text.split(['}', ':']).next()?.strip_prefix("matrix.")).map(key_of));
        }
    }
}

/// The key of a name that may go on with a part of a target: `target.host`.
fn key_of(name: &str) -> &str {
    name.split('.').next().unwrap_or(name)
}

/// Values stand in the ids of cases: scalars, each once, and no secrets.
fn scalars(key: &Key, values: &[Node], secrets: &BTreeMap<String, String>, errors: &mut Diagnostics) {
    let mut seen = BTreeSet::new();
    for value in values {
        match value.text() {
            None => {
                errors.add(value.span, format!("`{}` of `matrix` holds {}", key.name, value.sort()), "write scalars");
            }
            Some(text) if stand_in::is_in(text) => {
                let message = format!("`{}` of `matrix` holds a captured value", key.name);
                errors.add(value.span, message, "the cases are settled before anything is sent: write the values");
            }
            Some(text)
                if value.shown.is_some()
                    || secrets.values().any(|secret| !secret.is_empty() && text.contains(secret.as_str())) =>
            {
                errors.add(
                    value.span,
                    format!("`{}` of `matrix` holds a secret", key.name),
                    "it would be part of the case's id",
                );
            }
            Some(text) if !seen.insert(text.to_owned()) => {
                errors.add(
                    value.span,
                    format!("`{text}` is listed twice in `{}`", key.name),
                    "two cases would have one id",
                );
            }
            Some(_) => {}
        }
    }
}

/// `check[key=value,…]` with sorted keys; the bare id without a matrix.
#[must_use]
pub fn id(check: &str, cell: &Cell) -> String {
    id_of(check, &parts(cell))
}

/// The same of key and value as an id has them.
#[must_use]
pub fn id_of(check: &str, parts: &[(String, String)]) -> String {
    if parts.is_empty() {
        return check.to_owned();
    }
    let parts: Vec<String> = parts.iter().map(|(key, value)| format!("{key}={value}")).collect();
    format!("{check}[{}]", parts.join(","))
}

/// Key and value of a cell of a grid.
#[must_use]
pub fn grid_parts(cell: &GridCell) -> Vec<(String, String)> {
    [("from", &cell.from), ("port", &cell.port), ("to", &cell.to)]
        .map(|(key, text)| (key.to_owned(), value(text)))
        .into()
}

/// Key and value of a cell, as an id has them.
#[must_use]
pub fn parts(cell: &Cell) -> Vec<(String, String)> {
    cell.iter().map(|(key, node)| (key.clone(), value(node.text().unwrap_or_default()))).collect()
}

/// What a case is called in a plan where its targets are not known: each value of its cell may be that of a target.
pub fn planned_ids(id: &str) -> impl Iterator<Item = String> {
    let (check, parts) = split_id(id).unwrap_or((id, Vec::new()));
    let own = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
    let parts: Vec<(String, String)> = parts.iter().map(own).collect();
    let check = check.to_owned();
    (0..parts.len()).map(move |at| {
        let mut parts = parts.clone();
        UNKNOWN.clone_into(&mut parts[at].1);
        id_of(&check, &parts)
    })
}

/// Check and cell of a name that may be an id, or a part of one: `alive`, `alive[site=a]`. `None` for a name that is no id.
#[must_use]
pub fn split_id(name: &str) -> Option<(&str, Vec<(&str, &str)>)> {
    let Some((check, rest)) = name.split_once('[') else { return Some((name, Vec::new())) };
    let mut rest = rest.strip_suffix(']')?;
    let mut out = Vec::new();
    while !rest.is_empty() {
        let (key, after) = rest.split_once('=')?;
        let (value, after) = after.split_at(value_length(after));
        out.push((key.trim(), value.trim()));
        rest = match after.strip_prefix(',') {
            Some(more) => more,
            None if after.is_empty() => after,
            None => return None,
        };
    }
    Some((check, out))
}

/// Bytes of the value a text begins with, quotes included.
fn value_length(text: &str) -> usize {
    let mut escaped = false;
    let quoted = text.starts_with('"');
    let end = text.char_indices().skip(1).find(|(_, c)| {
        let ends = if quoted { *c == '"' && !escaped } else { *c == ',' };
        escaped = *c == '\\' && !escaped;
        ends
    });
    end.map_or(text.len(), |(at, _)| if quoted { at + 1 } else { at })
}

/// A value that could be taken for two is quoted, so that ids stay unique.
pub(super) fn value(text: &str) -> String {
    if text.is_empty() || text.contains([',', '=', '[', ']', '"']) || text.contains(char::is_whitespace) {
        format!("{text:?}")
    } else {
        text.to_owned()
    }
}
