//! Rows of a table for people: aligned where they fit, and one line each either way.

use std::collections::HashSet;

use crate::model::count::counted;
use crate::model::document_path::is_of;
use crate::model::record::{FactValue, Facts, Outcome};
use crate::model::rows::{Cell, RowCells, Rows};
use crate::model::{CheckRecord, FactInfo, Kind, Unit, Value};
use crate::report::style::visible;

/// Columns a line has beside the name of the fact.
const WIDTH: usize = 110;

/// A header, and a line for each of the first `most` rows.
#[must_use]
pub fn lines(rows: &Rows, most: usize) -> Vec<String> {
    let shown: Vec<(&str, Vec<String>)> =
        rows.rows.iter().take(most).map(|(key, cells)| (key, texts(rows, cells))).collect();
    let used: Vec<usize> =
        (0..rows.columns.len()).filter(|at| shown.iter().any(|(_, cells)| !cells[*at].is_empty())).collect();
    let mut grid = vec![
        std::iter::once(rows.key.to_string())
            .chain(used.iter().map(|at| rows.columns[*at].to_string()))
            .collect::<Vec<_>>(),
    ];
    for (key, cells) in &shown {
        grid.push(std::iter::once(visible(key)).chain(used.iter().map(|at| cells[*at].clone())).collect());
    }
    let width = |column: usize| grid.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..=used.len()).map(width).collect();
    if widths.iter().sum::<usize>() + 2 * used.len() <= WIDTH {
        return grid.iter().map(|line| aligned(line, &widths)).collect();
    }
    grid[1..].iter().map(|line| named(&grid[0], line)).collect()
}

/// Rows shown of a failure.
const WORST: usize = 5;
/// Cells shown of each.
const CELLS: usize = 6;

/// Of the tables that unmet expectations are about, the rows that are worst in what is expected: a line each, and how many more there
/// are. What names its row says enough, and so does a cause that tells of every one of them.
#[must_use]
pub fn worst(check: &CheckRecord, facts: &[FactInfo], told_of: impl Fn(&str) -> bool) -> Vec<String> {
    worst_of(&check.expectations, &check.facts, facts, told_of)
}

fn worst_of(expectations: &[Outcome], seen: &Facts, facts: &[FactInfo], told_of: impl Fn(&str) -> bool) -> Vec<String> {
    let mut out = Vec::new();
    let mut told: Vec<&str> = Vec::new();
    for unmet in expectations.iter().filter(|outcome| !outcome.held && !outcome.fact.contains(".row.")) {
        let tables = facts.iter().filter(|info| matches!(info.kind, Kind::Table(_)));
        let about = tables.filter(|info| is_of(&unmet.fact, info.name)).max_by_key(|info| info.name.len());
        let Some(table) = about.filter(|info| !told.contains(&info.name)) else { continue };
        let Some(FactValue::Table(rows)) = seen.get(table.name) else { continue };
        let column = facts.iter().find(|info| info.is_column_of(table) && is_of(&unmet.fact, info.name));
        let ordered = match column {
            Some(column) => by_column(rows, &column.name[table.name.len() + 1..], &unmet.operator),
            None => listed(rows, seen.get(&unmet.fact)),
        };
        let told_already = ordered.iter().all(|(key, _)| told_of(key));
        if told_already {
            continue;
        }
        out.extend(ordered.iter().take(WORST).map(|row| cells(rows, row)));
        if ordered.len() > WORST {
            out.push(format!("… {}", counted(ordered.len() - WORST, &format!("more {}", rows.key))));
        }
        told.push(table.name);
    }
    out
}

type Row<'r> = (&'r str, RowCells<'r>);

/// The rows with a number in a column, the worst first: the smallest where too little broke it.
fn by_column<'r>(rows: &'r Rows, column: &str, operator: &str) -> Vec<Row<'r>> {
    let Some(at) = rows.column(column) else { return Vec::new() };
    let number = |row: &Row<'_>| row.1.get(at).and_then(Cell::as_f64);
    let mut found: Vec<Row<'_>> = rows.rows.iter().filter(|row| number(row).is_some()).collect();
    let too_little = matches!(operator, "ge" | "gt");
    found.sort_by(|a, b| {
        let order = number(b).partial_cmp(&number(a)).unwrap_or(std::cmp::Ordering::Equal);
        if too_little { order.reverse() } else { order }
    });
    found
}

/// The rows that a list of keys names.
fn listed<'r>(rows: &'r Rows, list: Option<&FactValue>) -> Vec<Row<'r>> {
    let Some(FactValue::Scalar(Value::Array(keys))) = list else { return Vec::new() };
    let keys: HashSet<&str> = keys.iter().filter_map(Value::as_str).collect();
    rows.rows.iter().filter(|(key, _)| keys.contains(key)).collect()
}

fn cells(rows: &Rows, (key, cells): &Row<'_>) -> String {
    let named = rows.columns.iter().zip(texts(rows, *cells)).filter(|(_, text)| !text.is_empty());
    let named: Vec<String> = named.take(CELLS).map(|(name, text)| format!("{name}={text}")).collect();
    format!("{}: {}", visible(key), named.join(" "))
}

fn aligned(line: &[String], widths: &[usize]) -> String {
    let cells = line.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}"));
    cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
}

/// `192.0.2.7: outcome=dead loss=100%`.
fn named(header: &[String], line: &[String]) -> String {
    let cells = header.iter().zip(line).skip(1).filter(|(_, cell)| !cell.is_empty());
    let cells: Vec<String> = cells.map(|(name, cell)| format!("{name}={cell}")).collect();
    format!("{}: {}", line[0], cells.join(" "))
}

fn texts(rows: &Rows, cells: RowCells<'_>) -> Vec<String> {
    let unit = |name: &str| rows.units.get(name).copied().unwrap_or(Unit::Count);
    rows.columns.iter().zip(cells.iter()).map(|(name, cell)| text(cell, unit(name))).collect()
}

fn text(cell: &Cell, unit: Unit) -> String {
    match (cell, cell.as_f64()) {
        (_, Some(number)) if unit != Unit::Count => unit.human(number),
        (Cell::Empty, _) => String::new(),
        (Cell::Other(value), _) => list(value),
        (cell, _) => cell.to_value().map(|value| plain(&value)).unwrap_or_default(),
    }
}

fn list(value: &Value) -> String {
    match value {
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(","),
        other => plain(other),
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), visible)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Rows, WORST, by_column, cells, lines, listed, worst_of};
    use crate::model::record::{FactValue, Facts, OriginWord, Outcome};
    use crate::model::{Observation, Round, RowsBuilder};
    use crate::testing::scripted::{FACTS, HOST_LOSS, HOST_NAME, HOST_STATE, HOSTS};

    /// The lines of hosts of these states and losses, of which the first has this name.
    fn shown(hosts: &[(&str, &'static str, f64)], name: Option<&str>, most: usize) -> Vec<String> {
        lines(&table(hosts, name), most)
    }

    fn table(hosts: &[(&str, &'static str, f64)], name: Option<&str>) -> Rows {
        let mut rows = RowsBuilder::new(&HOSTS, FACTS);
        for (at, (host, state, loss)) in hosts.iter().enumerate() {
            let mut row = rows.row(*host);
            row.set(&HOST_STATE, *state);
            row.set(&HOST_LOSS, *loss);
            row.set_some(&HOST_NAME, name.filter(|_| at == 0));
            rows.add(row);
        }
        let mut observation = Observation::default();
        observation.begin_round(Round::default());
        observation.set_rows(rows);
        Rows::clone(observation.last_rows("hosts").unwrap())
    }

    /// Whatever broke the expectation comes first: too much of something, or too little.
    #[test]
    fn the_worst_rows_are_those_that_broke_it() {
        let rows = table(&[("a", "alive", 0.1), ("b", "dead", 1.0), ("c", "alive", 0.0)], None);
        let keys = |rows: &[super::Row<'_>]| rows.iter().map(|(key, _)| key.to_string()).collect::<Vec<_>>();
        assert_eq!(keys(&by_column(&rows, "loss", "le")), ["b", "a", "c"]);
        assert_eq!(keys(&by_column(&rows, "loss", "ge")), ["c", "a", "b"]);
        assert!(by_column(&rows, "state", "eq").is_empty(), "words are in no order");
        let list = FactValue::Scalar(json!(["b", "x"]));
        assert_eq!(keys(&listed(&rows, Some(&list))), ["b"]);
        assert_eq!(cells(&rows, &listed(&rows, Some(&list))[0]), "b: state=dead loss=100%");
    }

    /// Once for each table, with how many are not shown; not of what held, and not of what names its row.
    #[test]
    fn rows_are_shown_of_the_tables_that_broke() {
        let hosts: Vec<String> = (0..7).map(|n| format!("h{n}")).collect();
        let lost: Vec<(&str, &'static str, f64)> =
            hosts.iter().zip(0_u8..).map(|(host, n)| (&**host, "dead", f64::from(n) / 10.0)).collect();
        let mut seen = Facts::default();
        seen.0.push(("hosts".into(), FactValue::Table(table(&lost, None).into())));
        let shown = |outcomes: &[(&str, bool)]| {
            let outcome = |(fact, held): &(&str, bool)| Outcome {
                fact: (*fact).into(),
                operator: "le".into(),
                want: "0".into(),
                got: None,
                held: *held,
                origin: OriginWord::default(),
                at: None,
            };
            worst_of(&outcomes.iter().map(outcome).collect::<Vec<_>>(), &seen, FACTS, |_| false)
        };
        let once = shown(&[("hosts.loss", false)]);
        assert_eq!((once.len(), once[0].as_str()), (WORST + 1, "h6: state=dead loss=60%"));
        assert_eq!(once[WORST], "… 2 more hosts");
        assert_eq!(shown(&[("hosts.loss", false), ("hosts.loss.max", false)]), once);
        assert_eq!(shown(&[("hosts.row.h1.loss", false), ("hosts.loss", false)]), once);
        assert!(shown(&[("hosts.loss", true), ("hosts.row.h1.loss", false), ("outcome", false)]).is_empty());
    }

    /// A column of which nothing was seen takes no room, and numbers have their units.
    #[test]
    fn rows_are_aligned_and_empty_columns_are_left_out() {
        let hosts = [("192.0.2.7", "alive", 0.0), ("192.0.2.10", "dead", 0.5)];
        let want = ["host        state  loss", "192.0.2.7   alive  0%", "192.0.2.10  dead   50%"];
        assert_eq!(shown(&hosts, None, 5), want);
        assert_eq!(shown(&hosts, None, 1), ["host       state  loss", "192.0.2.7  alive  0%"]);
        assert_eq!(shown(&hosts, Some("web"), 1), ["host       state  loss  name", "192.0.2.7  alive  0%    web"]);
    }

    #[test]
    fn rows_that_are_too_wide_name_their_cells() {
        let hosts = [("192.0.2.7", "alive", 0.0), ("192.0.2.10", "dead", 0.5)];
        let name = "n".repeat(120);
        let want = [format!("192.0.2.7: state=alive loss=0% name={name}"), "192.0.2.10: state=dead loss=50%".into()];
        assert_eq!(shown(&hosts, Some(&name), 5), want);
    }
}
