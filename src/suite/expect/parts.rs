//! Parts of a fact behind its name: a statistic of many numbers, a row of a table, a cell.

use super::{ExpectationReader, Read, entries_of};
use crate::model::expectation::{FactPart, Operator, RowKey, Sort};
use crate::model::fact::STATISTICS;
use crate::model::{FactInfo, Kind};
use crate::suite::diagnostic::{Span, suggest};
use crate::suite::synonyms::{self, Subject, alternatives, corrected};
use crate::suite::syntax::flow;
use crate::suite::tree::Node;

impl ExpectationReader<'_> {
    /// A statistic of many numbers. A column of numbers has them as samples have.
    pub(super) fn statistic(
        &mut self,
        info: &FactInfo,
        (path, rest): (&str, &str),
        span: Span,
        value: &Node,
    ) -> Option<(FactInfo, FactPart)> {
        let Some(statistic) = STATISTICS.iter().find(|name| **name == rest) else {
            let names: Vec<String> = STATISTICS.iter().map(|s| format!("{}.{s}", info.name)).collect();
            let near = || suggest(path, names.iter().map(String::as_str));
            let meant = synonyms::statistic(rest).map(|part| {
                let subject = Subject::of(info, &FactPart::Statistic(part));
                let found = entries_of(&format!("{}.{part}", info.name), &corrected(value, subject));
                format!("write {}", alternatives(&found))
            });
            let help = self.operator_in_path(path, value).or(meant).unwrap_or_else(near);
            self.errors.add(span, format!("`{}` has no `{rest}`", info.name), help);
            return None;
        };
        Some((*info, FactPart::Statistic(statistic)))
    }

    /// One value where there are several: what to write of all, or of some.
    pub(super) fn one_for_many(&mut self, owner: &str, node: &Node, sort: Sort) {
        let text = flow(node);
        if matches!(sort, Sort::Column(_)) {
            let help = format!(
                "write `{owner}: {{all: {text}}}` for every row, or `{owner}: {{any: {text}}}`, or `{owner}: {{none: {text}}}`"
            );
            self.errors.add(node.span, format!("`{owner}` is a column: it has a value in each row"), help);
            return;
        }
        let help = format!(
            "write `{owner}: {{contains: {text}}}`, or `{owner}: {{exactly: [{text}]}}` where nothing else may be there"
        );
        self.errors.add(node.span, format!("`{owner}` is a list, this is one value"), help);
    }

    /// Of a whole row only that it is there may be asked: all else is of its cells, and most likely the name of a column is
    /// misspelt.
    pub(super) fn of_row(&mut self, info: &FactInfo, (part, path): (&FactPart, &str), tests: &[Read]) {
        let FactPart::Row(key) = part else { return };
        if info.is_column {
            return;
        }
        let table = info.name;
        let columns = || {
            let of_table = self.facts.iter().filter(|fact| fact.is_column_of(info));
            of_table.map(|fact| &fact.name[table.len() + 1..])
        };
        let last = key.text.rsplit_once('.').map_or(&*key.text, |(_, last)| last);
        let near = suggest(last, columns());
        let is_misspelt = near.starts_with("did you mean") && key.text.contains('.');
        for (operator, _, span, _) in tests {
            if *operator == Operator::Present && !is_misspelt {
                continue;
            }
            let help = if is_misspelt {
                near.clone()
            } else {
                let columns = columns().collect::<Vec<_>>().join(", ");
                format!("write the column behind it: `{path}.COLUMN`, one of {columns}; or {{present: true}}")
            };
            let message = if is_misspelt {
                format!("`{table}` has no column `{last}`")
            } else {
                format!("`{path}` is a whole row of `{table}`")
            };
            self.errors.add(*span, message, help);
        }
    }

    /// A row of a table, or a cell of it: `hosts.row.192.0.2.7.loss`. The key may hold dots; the column is what follows the last.
    pub(super) fn row(&mut self, table: &FactInfo, path: &str, rest: &str, span: Span) -> Option<(FactInfo, FactPart)> {
        let names = table.row_names.map(|names| names(self.args));
        let key = rest.strip_prefix("row.").filter(|key| !key.is_empty()).or_else(|| names.is_some().then_some(rest));
        let first = key.and_then(|key| key.split('.').next()).unwrap_or_default();
        if let Some(names) = names.filter(|names| !names.iter().any(|name| name == first)) {
            let columns = self.facts.iter().filter(|fact| fact.is_column_of(table));
            let columns = columns.filter_map(|fact| fact.name.strip_prefix(table.name)?.strip_prefix('.'));
            let near = suggest(first, names.iter().map(String::as_str).chain(columns));
            self.errors.add(span, format!("`{path}`: there is no `{first}` in `{}`", table.name), near);
            return None;
        }
        let Some(key) = key else {
            let columns = self.facts.iter().filter(|fact| fact.is_column_of(table)).map(|fact| fact.name);
            let Kind::Table(what) = table.kind else { return None };
            let help = format!(
                "the row of one {what} is `{0}.row.{1}`, a cell of it `{0}.row.{1}.COLUMN`, and the columns are {2}",
                table.name,
                what.to_uppercase(),
                columns.collect::<Vec<_>>().join(", "),
            );
            self.errors.add(span, format!("`{path}` is no part of the table `{}`", table.name), help);
            return None;
        };
        let of = |key: &str| FactPart::Row(RowKey { text: key.into(), form: table.form });
        let cell = key.rsplit_once('.').and_then(|(key, short)| {
            let name = format!("{}.{short}", table.name);
            let column = self.facts.iter().find(|fact| fact.is_column_of(table) && fact.name == name)?;
            Some((*column, of(key)))
        });
        Some(cell.unwrap_or_else(|| (*table, of(key))))
    }
}
