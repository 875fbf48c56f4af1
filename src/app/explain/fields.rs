//! Tables of fields, for families and for the suite format.

use std::fmt::Write as _;

use crate::model::FieldInfo;

/// Lists fields, those of a group below it.
pub(super) fn list(out: &mut String, fields: &[FieldInfo], depth: usize) {
    let indent = "  ".repeat(depth + 1);
    for field in fields {
        let note = match (field.required, field.default) {
            (true, _) => " (required)".to_owned(),
            (false, Some(default)) => format!(" (default {default})"),
            (false, None) => String::new(),
        };
        let _ = writeln!(out, "{indent}{:<16} {}{note}", field.name, field.kind.wants());
        let _ = writeln!(out, "{indent}{:<16}   {}", "", field.help);
        if let Some(inner) = field.kind.inner() {
            list(out, inner, depth + 1);
        }
    }
}
