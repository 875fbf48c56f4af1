//! The hops of a path: `3 192.0.2.1, 192.0.2.5`, number and addresses, and `*` for who did not answer. What is not known is no difference.

use std::collections::{BTreeMap, BTreeSet};

use super::name;
use crate::model::Value;

/// Who did not answer.
const UNKNOWN: &str = "*";

/// Who is known to stand at a hop.
#[derive(Debug, Default, PartialEq)]
struct Members {
    known: BTreeSet<String>,
    /// There may be others.
    more: bool,
}

impl Members {
    fn of(text: &str) -> Self {
        let mut out = Self::default();
        for member in text.split(',').map(str::trim).filter(|member| !member.is_empty()) {
            if member == UNKNOWN {
                out.more = true;
            } else {
                out.known.insert(key_of_member(member));
            }
        }
        out
    }

    fn is_unknown(&self) -> bool {
        self.known.is_empty()
    }

    /// Whether both may be the same routers.
    fn may_be(&self, other: &Self) -> bool {
        (self.known.is_subset(&other.known) || other.more) && (other.known.is_subset(&self.known) || self.more)
    }
}

fn key_of_member(member: &str) -> String {
    name::address(member).map_or_else(|| member.to_owned(), |address| address.to_canonical().to_string())
}

fn parts(text: &str) -> (&str, &str) {
    text.trim().split_once(' ').unwrap_or((text, ""))
}

/// A text that all texts of one hop have in common: the members in order, addresses by value.
pub(super) fn key(text: &str) -> String {
    let (number, members) = parts(text);
    let Members { mut known, more } = Members::of(members);
    known.extend(more.then(|| UNKNOWN.to_owned()));
    format!("{number} {}", known.into_iter().collect::<Vec<_>>().join(", "))
}

/// The hops of one path that are surely not those of the other, of each; a path whose last hop is unknown may go on.
#[must_use]
pub fn differences<'v>(one: &'v [Value], other: &'v [Value]) -> (Vec<&'v Value>, Vec<&'v Value>) {
    (only_in(one, other), only_in(other, one))
}

/// The hops of `these` that `those` surely do not have.
fn only_in<'v>(these: &'v [Value], those: &[Value]) -> Vec<&'v Value> {
    let hop =
        |value: &Value| value.as_str().map(parts).map(|(number, members)| (number.to_owned(), Members::of(members)));
    let others: BTreeMap<String, Members> = those.iter().filter_map(hop).collect();
    let is_open = those.last().and_then(hop).is_none_or(|(_, last)| last.is_unknown());
    let surely = |value: &&Value| match hop(value) {
        Some((_, own)) if own.is_unknown() => false,
        Some((number, own)) => others.get(&number).map_or(!is_open, |other| !own.may_be(other)),
        None => true,
    };
    these.iter().filter(surely).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{differences, key};

    fn path(text: &str) -> Vec<Value> {
        text.split('/').map(|hop| json!(hop.trim())).collect()
    }

    #[track_caller]
    fn differ(one: &str, other: &str, count: usize) {
        let (one, other) = (path(one), path(other));
        for (one, other) in [(&one, &other), (&other, &one)] {
            let (gone, new) = differences(one, other);
            assert_eq!(gone.len() + new.len(), count, "{one:?} {other:?}: {gone:?} {new:?}");
        }
    }

    #[test]
    fn who_did_not_answer_is_no_change() {
        differ("1 192.0.2.1 / 2 192.0.2.2 / 3 192.0.2.3", "1 192.0.2.1 / 2 * / 3 192.0.2.3", 0);
        differ("1 192.0.2.1 / 2 192.0.2.2 / 3 192.0.2.3", "1 192.0.2.1 / 2 192.0.2.9 / 3 192.0.2.3", 2);
        differ("1 192.0.2.1 / 2 *", "1 192.0.2.1 / 2 192.0.2.2 / 3 192.0.2.3", 0);
        differ("1 192.0.2.1 / 2 192.0.2.3", "1 192.0.2.1 / 2 192.0.2.2 / 3 192.0.2.3", 3);
    }

    #[test]
    fn members_of_a_hop_are_a_set() {
        differ("1 192.0.2.1, 192.0.2.2", "1 192.0.2.2, 192.0.2.1", 0);
        differ("1 2001:db8::1", "1 2001:DB8:0::1", 0);
        differ("1 192.0.2.1, 192.0.2.2", "1 192.0.2.1", 2);
        differ("1 192.0.2.1, 192.0.2.2", "1 192.0.2.1, *", 0);
        differ("1 192.0.2.1, 192.0.2.2", "1 192.0.2.3, *", 2);
        differ("1 192.0.2.1, *", "1 192.0.2.2, *", 0);
        assert_eq!(key("1  192.0.2.2, 192.0.2.1"), key("1 192.0.2.1,192.0.2.2"));
    }
}
