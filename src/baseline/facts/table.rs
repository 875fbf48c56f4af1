//! Two tables of one fact: rows by their keys, cells by the rules of their columns.

use std::collections::HashMap;

use super::rules::Resolver;
use super::values::{Difference, Walk, allows};
use crate::model::expectation::Sort;
use crate::model::rows::{RowCells, Rows};
use crate::model::typed::ValueType;
use crate::model::{Rule, Shift, Value};

/// A column of both tables, and how its cells are compared.
struct ComparedColumn {
    /// Name of the fact, `hosts.loss`.
    name: String,
    /// Name below the table.
    short: String,
    rule: Rule,
    before: Option<usize>,
    after: Option<usize>,
}

/// Everything in which the rows of `after` differ from those of `before`, by the rules of one check.
pub(super) fn compare(name: &str, (before, after): (&Rows, &Rows), resolver: &Resolver<'_>) -> Vec<Difference> {
    let columns = columns(name, (before, after), resolver);
    let of_rows = resolver.rule_of_rows(name);
    if columns.is_empty() && of_rows == Rule::Ignore {
        return Vec::new();
    }
    let key = |text: &str| ValueType { form: resolver.form(name), ..Sort::Text.into() }.key(&Value::from(text));
    let mut left: HashMap<String, RowCells<'_>> = before.rows.iter().map(|(own, cells)| (key(own), cells)).collect();
    let mut out = Vec::new();
    for (own, cells) in after.rows.iter() {
        match left.remove(&key(own)) {
            Some(old) => cells_of(&mut out, &columns, (&format!("{name}.row.{own}"), old, cells), resolver),
            None => whole_row(&mut out, (name, own), Shift::Appeared, of_rows),
        }
    }
    // In the order they were seen, not in that of the map.
    let vanished = before.rows.iter().filter(|(own, _)| left.contains_key(&key(own)));
    vanished.for_each(|(own, _)| whole_row(&mut out, (name, own), Shift::Vanished, of_rows));
    out
}

/// The columns that a rule has compared.
fn columns(table: &str, (before, after): (&Rows, &Rows), resolver: &Resolver<'_>) -> Vec<ComparedColumn> {
    let mut names: Vec<&str> = after.columns.iter().map(|name| &**name).collect();
    names.extend(before.columns.iter().map(|name| &**name).filter(|name| after.column(name).is_none()));
    let column = |short: &str| {
        let name = format!("{table}.{short}");
        let rule = resolver.rule_of_column(table, &name);
        ComparedColumn { name, rule, short: short.to_owned(), before: before.column(short), after: after.column(short) }
    };
    let all = names.into_iter().map(column);
    all.filter(|column| column.rule != Rule::Ignore).collect()
}

fn cells_of(
    out: &mut Vec<Difference>,
    columns: &[ComparedColumn],
    (row, old, new): (&str, RowCells<'_>, RowCells<'_>),
    resolver: &Resolver<'_>,
) {
    let cell = |cells: RowCells<'_>, at: Option<usize>| at.and_then(|at| cells.get(at).cloned()).unwrap_or_default();
    for column in columns {
        let (before, after) = (cell(old, column.before), cell(new, column.after));
        if before == after {
            continue;
        }
        let path = format!("{row}.{}", column.short);
        let rule = |_: &str| column.rule;
        let (form, words) = (resolver.form(&column.name), resolver.words(&column.name));
        let kind = resolver.kind(form);
        let (stays, written) = (|_: &str| false, |_: &str| resolver.is_written(&column.name, &column.name));
        let mut walk = Walk { rule: &rule, stays: &stays, written: &written, words, form, kind, out: Vec::new() };
        walk.at(&path, before.to_value().as_ref(), after.to_value().as_ref());
        out.append(&mut walk.out);
    }
}

/// A row that one of the tables has alone.
fn whole_row(out: &mut Vec<Difference>, (table, key): (&str, &str), shift: Shift, rule: Rule) {
    let path = format!("{table}.row.{key}");
    if rule == Rule::Ignore {
        return;
    }
    let value = Some(Value::from(key));
    let (before, after) = if shift == Shift::Vanished { (value, None) } else { (None, value) };
    let (added, removed) = (Vec::new(), Vec::new());
    let allowed = allows(rule, shift);
    out.push(Difference { path, before, after, shift, added, removed, rule, allowed });
}
