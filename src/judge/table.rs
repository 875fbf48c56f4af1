//! The values of tables that an expectation is about: keys, columns, rows and cells.

use std::borrow::Cow;

use super::operands::{Operand, seen};
use crate::model::count::counted;
use crate::model::expectation::{Expectation, FactPart, Test};
use crate::model::record::EXPIRED;
use crate::model::typed::ValueType;
use crate::model::{FactInfo, Kind, Observation, Round};

/// Rows named of those that break an expectation; further ones are counted.
const NAMED: usize = 5;

/// The table an expectation is about, and the column of it, where it is about one; `None` for other facts.
fn place(info: &FactInfo) -> Option<(&'static str, Option<&'static str>)> {
    match info.kind {
        Kind::Table(_) => Some((info.name, None)),
        _ if info.is_column => info.name.rsplit_once('.').map(|(table, column)| (table, Some(column))),
        _ => None,
    }
}

/// The operand of one round; `None` where the expectation is about no table.
pub(super) fn of_round<'v>(expectation: &Expectation, round: &'v Round) -> Option<Operand<'v>> {
    let (table, column) = place(&expectation.info)?;
    let Some(rows) = round.rows(table) else {
        return Some(match (&expectation.part, round.partial(table)) {
            (_, Some(why)) => Operand::Partial(None, why),
            // Nothing can be absent from what was never there.
            (FactPart::Row(_), None) => Operand::Unavailable(format!("nothing: there is no `{table}`")),
            _ => Operand::Value(None),
        });
    };
    let (value, is_whole) = match &expectation.part {
        FactPart::Row(key) => match (rows.row(&key.text, key.form), column) {
            (None, _) => (None, false),
            (Some(cells), None) => (Some(rows.object(cells)), true),
            (Some(cells), Some(column)) => (rows.column(column).and_then(|at| cells.get(at)?.to_value()), true),
        },
        _ => (column.map_or_else(|| Some(rows.keys()), |column| rows.values(column)), false),
    };
    let value = value.map(Cow::Owned);
    // That other rows were not kept says nothing of this one.
    let of_others = |why: &&str| is_whole && rows.why_partial().as_deref() == Some(*why);
    // A column that was not seen of every row: the rows that have it were.
    let of_column =
        || round.partial(expectation.info.name).filter(|_| column.is_some() && !(is_whole && value.is_some()));
    Some(match round.partial(table).filter(|why| !of_others(why)).or_else(of_column) {
        Some(why) => Operand::Partial(value, why),
        None => Operand::Value(value),
    })
}

/// The rows that break an expectation of a column, by their keys: nobody looks for them in a list of its values.
pub(super) fn offending(expectation: &Expectation, round: &Round, typing: ValueType<'_>) -> Option<String> {
    let (table, Some(column)) = place(&expectation.info)? else { return None };
    let (part, is_offence): (&Test, fn(Option<bool>) -> bool) = match &expectation.test {
        Test::All(part) => (part, |held| held != Some(true)),
        Test::None(part) => (part, |held| held == Some(true)),
        _ => return None,
    };
    let rows = round.rows(table).filter(|rows| !rows.rows.is_empty())?;
    let at = rows.column(column)?;
    let cells = rows.rows.iter().filter_map(|(key, cells)| Some((key, cells.get(at)?.to_value()?)));
    let offending: Vec<_> = cells.filter(|(_, value)| is_offence(part.of_element(value, typing))).collect();
    let named = offending.iter().take(NAMED).map(|(key, value)| {
        let text = seen(expectation, value, typing.sort.element());
        if text.starts_with(EXPIRED) { format!("{key} {text}") } else { format!("{text} of {key}") }
    });
    let named = named.collect::<Vec<_>>().join(", ");
    let more = offending.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    (!offending.is_empty())
        .then(|| format!("{named}{more} ({} of {})", offending.len(), counted(rows.total, rows.key.as_ref())))
}

/// Why there may be more in a column than was seen. That rows were not kept is no reason: its statistics have all of them.
pub(super) fn unseen<'v>(column: &FactInfo, observation: &'v Observation) -> Option<&'v str> {
    let (table, Some(_)) = place(column)? else { return None };
    let seen_in_part = |round: &'v Round| {
        let kept = round.rows(table).and_then(|rows| rows.why_partial());
        round.partial(table).filter(|why| kept.as_deref() != Some(*why))
    };
    observation.counted().find_map(seen_in_part)
}

/// How many values there are, where not all of them are kept: the keys of a table, or the elements of a list.
pub(super) fn total(expectation: &Expectation, round: &Round) -> Option<u64> {
    let whole = expectation.part == FactPart::Whole && !expectation.info.is_column;
    round.total(expectation.info.name).filter(|_| whole)
}
