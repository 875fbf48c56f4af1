//! Lists of ranges of ports as what they are: sets. How they are cut into ranges says nothing.

use crate::model::{PortSet, Value};

/// The set of a list; `None` where an element is no port.
fn set(items: &[Value]) -> Option<PortSet> {
    PortSet::of_texts(items.iter().map(Value::as_str))
}

/// Whether two lists are one set.
pub(super) fn same(one: &[Value], other: &[Value]) -> Option<bool> {
    Some(set(one)? == set(other)?)
}

/// Whether all ports of an element are in a list.
pub(super) fn hold(items: &[Value], want: &Value) -> Option<bool> {
    Some(set(items)?.holds(&set(std::slice::from_ref(want))?))
}

/// Whether a port of an element is in a list.
pub(super) fn touch(items: &[Value], want: &Value) -> Option<bool> {
    Some(set(items)?.touches(&set(std::slice::from_ref(want))?))
}

/// Whether all ports of a text are in another.
pub(super) fn holds(text: &str, part: &str) -> bool {
    matches!((PortSet::parse(text), PortSet::parse(part)), (Ok(all), Ok(part)) if all.holds(&part))
}

/// Each port of a list.
pub(super) fn each(items: &[Value]) -> Option<Vec<Value>> {
    Some(set(items)?.iter().map(|port| Value::from(port.to_string())).collect())
}

/// How many ports a list has.
pub(super) fn count(items: &[Value]) -> Option<u64> {
    set(items).map(|ports| ports.len())
}

/// A text that all lists of one set have in common.
pub(super) fn key(items: &[Value]) -> String {
    set(items).map_or_else(|| Value::from(items).to_string(), |ports| ports.to_string())
}
