//! Rows: what is kept of many, how they are written, and how they are read again.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Cell, RowList, Rows, RowsBuilder};
use crate::model::record::FactValue;
use crate::model::typed::Form;
use crate::testing::scripted::{FACTS, HOST_LOSS, HOST_NAME, HOST_STATE, HOSTS};

/// Hosts `h0`, `h1` and so on; of these numbers, the dead ones.
fn hosts(count: usize, dead: &[usize], most: usize) -> RowsBuilder {
    let mut rows = RowsBuilder::new(&HOSTS, FACTS).keeping(most);
    for number in 0..count {
        let mut row = rows.row(format!("h{number}"));
        let is_dead = dead.contains(&number);
        row.set(&HOST_STATE, if is_dead { "dead" } else { "alive" });
        row.set(&HOST_LOSS, if is_dead { 1.0 } else { 0.0 });
        if is_dead {
            row.mark_wrong();
        }
        rows.add(row);
    }
    rows
}

fn keys(rows: &Rows) -> Vec<&str> {
    rows.rows.iter().map(|(key, _)| key).collect()
}

#[test]
fn what_is_wrong_comes_first_and_is_kept_before_the_rest() {
    let (_, rows, _) = hosts(4, &[2], 10).finish();
    assert_eq!(keys(&rows), ["h2", "h0", "h1", "h3"]);
    let (_, rows, samples) = hosts(10, &[7, 8], 4).finish();
    assert_eq!((keys(&rows), rows.total, rows.omitted), (vec!["h7", "h8", "h0", "h1"], 10, 6));
    assert_eq!(rows.why_partial().unwrap(), "4 rows are kept of 10");
    let loss = samples.iter().find(|(name, _)| *name == "hosts.loss").unwrap().1.summary().unwrap();
    assert_eq!((loss.count, loss.max), (10, 1.0), "rows that are not kept count all the same");
    let (_, rows, _) = hosts(9, &[0, 1, 2, 3, 4], 3).finish();
    assert_eq!((keys(&rows), rows.omitted), (vec!["h0", "h1", "h2"], 6));
}

#[test]
fn a_table_is_written_with_its_columns_once() {
    let (_, rows, _) = hosts(2, &[1], 10).finish();
    let written = serde_json::to_value(&rows).unwrap();
    let columns = json!(["host", "state", "loss", "name"]);
    let want = json!({
        "key": "host", "columns": columns, "units": {"loss": "ratio"},
        "rows": [["h1", "dead", 1.0, null], ["h0", "alive", 0.0, null]], "total": 2, "omitted": 0
    });
    assert_eq!(written, want);
}

#[test]
fn a_row_is_found_by_the_value_of_its_key() {
    let mut rows = RowsBuilder::new(&HOSTS, FACTS);
    let mut row = rows.row("2001:db8::1");
    row.set(&HOST_NAME, "a");
    rows.add(row);
    let (_, rows, _) = rows.finish();
    assert!(rows.row("2001:DB8:0::1", Form::Address).is_some());
    assert!(rows.row("2001:db8::2", Form::Address).is_none());
    assert_eq!(rows.object(rows.row("2001:db8::1", Form::Address).unwrap()), json!({"name": "a"}));
}

#[test]
fn what_only_looks_like_a_table_is_none() {
    let good = json!({
        "key": "host", "columns": ["host", "n"], "units": {}, "rows": [["a", 1]], "total": 1, "omitted": 0
    });
    let read = |value: &Value| serde_json::from_str::<FactValue>(&value.to_string()).unwrap();
    assert!(matches!(read(&good), FactValue::Table(_)));
    for (key, other) in [
        ("key", json!("hop")),
        ("columns", json!([])),
        ("units", json!({"n": "furlong"})),
        ("rows", json!([["a"]])),
        ("rows", json!([[1, 1]])),
        ("total", json!(-1)),
        ("omitted", json!(null)),
    ] {
        let mut value = good.clone();
        value[key] = other;
        assert!(matches!(read(&value), FactValue::Scalar(_)), "{value}");
        assert_eq!(serde_json::to_value(read(&value)).unwrap(), value);
    }
}

fn cell() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-1e300_f64..1e300).prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
        prop::collection::vec(".{0,4}", 0..3).prop_map(Value::from),
        Just(serde_json::from_str("0.1000").unwrap()),
        Just(serde_json::from_str("123456789012345678901234567890").unwrap()),
    ]
}

/// Cells of few values, so that columns are often alike; zero has both signs.
fn repeated() -> impl Strategy<Value = Cell> {
    let zero = |bits: bool| Cell::Number(if bits { -0.0 } else { 0.0 });
    prop_oneof![4 => Just(Cell::Empty), 2 => Just(Cell::Integer(1)), 1 => any::<bool>().prop_map(zero)]
}

fn table() -> impl Strategy<Value = Vec<[Cell; 2]>> {
    prop::collection::vec([repeated(), repeated()], 0..6)
}

/// A list that was filled row by row.
fn filled(rows: &[[Cell; 2]]) -> RowList {
    let mut list = RowList::new(2);
    list.reserve(rows.len());
    for row in rows {
        let mut cells = row.clone();
        list.push("key".into(), &mut cells);
        assert_eq!(cells, [Cell::Empty, Cell::Empty]);
    }
    list
}

fn written(list: &RowList) -> String {
    serde_json::to_string(list).unwrap()
}

/// As a list of rows that keeps every cell writes them.
fn plainly(rows: &[[Cell; 2]]) -> String {
    let rows: Vec<_> = rows.iter().map(|[one, two]| ("key", one, two)).collect();
    serde_json::to_string(&rows).unwrap()
}

proptest! {
    #[test]
    fn columns_that_are_kept_once_are_those_that_were_put_in(first in table(), second in table(), popped in 0..4_usize) {
        let mut list = filled(&first);
        prop_assert_eq!(written(&list), plainly(&first));
        list.append(filled(&second));
        let mut all = [first, second].concat();
        prop_assert_eq!(written(&list), plainly(&all));
        for _ in 0..popped {
            prop_assert_eq!(list.pop(), all.pop().is_some());
        }
        for more in [[Cell::Empty, Cell::Empty], [Cell::Integer(1), Cell::Number(-0.0)]] {
            list.push("key".into(), &mut more.clone());
            all.push(more);
        }
        prop_assert_eq!(written(&list), plainly(&all));
        prop_assert_eq!(&list, &filled(&all));
        prop_assert!(list.iter().all(|(_, cells)| cells.len() == 2 && cells.iter().count() == 2));
    }

    #[test]
    fn a_cell_is_what_it_was_made_of(value in cell()) {
        let cell = Cell::from(value.clone());
        prop_assert_eq!(serde_json::to_string(&cell).unwrap(), value.to_string());
        prop_assert_eq!(cell.to_value().unwrap_or_default(), value);
    }

    #[test]
    fn what_is_written_is_read_again(table in prop::collection::vec((".{0,6}", prop::collection::vec(cell(), 3)), 0..5)) {
        let rows: Vec<Value> = table.iter().map(|(key, cells)| {
            std::iter::once(Value::from(key.as_str())).chain(cells.iter().cloned()).collect()
        }).collect();
        let text = json!({
            "key": "k", "columns": ["k", "a", "b", "c"], "units": {"a": "s"}, "rows": rows,
            "total": table.len(), "omitted": 0
        }).to_string();
        let value: FactValue = serde_json::from_str(&text).unwrap();
        prop_assert!(matches!(value, FactValue::Table(_)));
        let again: Value = serde_json::from_str(&serde_json::to_string(&value).unwrap()).unwrap();
        prop_assert_eq!(again, serde_json::from_str::<Value>(&text).unwrap());
    }
}
