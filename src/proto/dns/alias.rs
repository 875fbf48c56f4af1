//! Aliases in an answer: what they hide, and whether they stand in order.

use hickory_proto::rr::Name;

use super::message::ResourceRecord;
use super::types;

/// Types that stand beside an alias (RFC 4034 section 3, RFC 4035 section 2.5).
const BESIDE: &[u16] = &[types::CNAME, types::SIG, types::RRSIG, types::NSEC];

/// Whether the owner of `record` has an alias, so that the record does not count (RFC 1034 section 3.6.2); a second alias
/// of one owner does not count either.
pub(crate) fn hides(answers: &[ResourceRecord], record: &ResourceRecord) -> bool {
    let mut aliases =
        answers.iter().filter(|alias| alias.target.is_some() && alias.owner.eq_ignore_root(&record.owner));
    let Some(first) = aliases.next() else { return false };
    match &record.target {
        Some(target) => first.target.as_ref().is_some_and(|first| !first.eq_ignore_root(target)),
        None => !BESIDE.contains(&record.code),
    }
}

/// Whether one pass over the answer, as stub resolvers make, leads from `name` to the records of type `code`: every alias
/// stands before what it leads to. Nothing without an alias.
pub(crate) fn ordered(answers: &[ResourceRecord], name: &Name, code: u16) -> Option<bool> {
    let alias = |at: &Name| {
        let mut own = answers.iter().enumerate().filter(|(_, record)| record.owner.eq_ignore_root(at));
        own.find_map(|(place, record)| Some((place, record.target.as_ref()?)))
    };
    let (mut last, mut at) = alias(name)?;
    // A chain has no more links than the answer has records; a loop ends with them.
    for _ in answers {
        let Some((place, target)) = alias(at) else { break };
        if place < last {
            return Some(false);
        }
        (last, at) = (place, target);
    }
    let mut own = answers.iter().take(last);
    Some(!own.any(|record| record.code == code && record.target.is_none() && record.owner.eq_ignore_root(at)))
}
