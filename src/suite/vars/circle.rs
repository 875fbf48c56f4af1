//! Variables that refer to themselves, by way of others.

use std::collections::{BTreeMap, BTreeSet};

use super::names;
use crate::suite::tree::Node;

/// Those of `pending` that lead back to themselves: what is left when all that names none of the rest, and all that none of
/// the rest names, is taken away.
pub(super) fn circle<'r>(raw: &'r BTreeMap<String, Node>, pending: &[&'r String]) -> BTreeSet<&'r str> {
    let all: BTreeSet<&str> = pending.iter().map(|name| name.as_str()).collect();
    let mut named: Edges<'r> = BTreeMap::new();
    let mut naming: Edges<'r> = BTreeMap::new();
    for name in &all {
        for other in names(&raw[*name]).filter(|other| all.contains(other)) {
            named.entry(*name).or_default().push(other);
            naming.entry(other).or_default().push(*name);
        }
    }
    let all = without_ends(&all, &named, &naming);
    without_ends(&all, &naming, &named)
}

/// Names that each name leads to.
type Edges<'r> = BTreeMap<&'r str, Vec<&'r str>>;

/// The nodes of which each leads to another one that is left. `back` has the same edges the other way round.
fn without_ends<'r>(nodes: &BTreeSet<&'r str>, edges: &Edges<'r>, back: &Edges<'r>) -> BTreeSet<&'r str> {
    let count = |name: &str| edges.get(name).map_or(0, |to| to.iter().filter(|other| nodes.contains(*other)).count());
    let mut left: BTreeMap<&str, usize> = nodes.iter().map(|name| (*name, count(name))).collect();
    let mut ends: Vec<&str> = left.iter().filter(|(_, count)| **count == 0).map(|(name, _)| *name).collect();
    while let Some(name) = ends.pop() {
        left.remove(name);
        for other in back.get(name).into_iter().flatten() {
            if let Some(count) = left.get_mut(other) {
                *count = count.saturating_sub(1);
                if *count == 0 {
                    ends.push(*other);
                }
            }
        }
    }
    left.into_keys().collect()
}
