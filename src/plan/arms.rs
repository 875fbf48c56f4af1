//! Which cases run against two targets.

use crate::model::count::counted;
use crate::suite::check::Check;
use crate::suite::{Diagnostics, Suite};

/// The new target of each case of `suite`, where an override reaches it and there is something to measure. The case keeps the
/// id it has in the suite as written, also where a variable stands in its matrix.
pub(super) fn pair(suite: &Suite, head: Option<Suite>, errors: &mut Diagnostics) -> Vec<Option<Check>> {
    let Some(head) = head else { return Vec::new() };
    // A check that could not be read has no cases: that would be told as a second error.
    if !errors.is_empty() {
        return Vec::new();
    }
    let of = |checks: &[Check], name: &str| checks.iter().filter(|check| *check.check == *name).count();
    for check in &suite.checks {
        let (base, head) = (of(&suite.checks, &check.check), of(&head.checks, &check.check));
        if base != head {
            let head = counted(head, "case");
            let message = format!("with the overrides of --against `{}` has {head} instead of {base}", check.check);
            errors.add(check.span, message, "let both arms have the same matrix");
            return Vec::new();
        }
    }
    let moved = |(base, head): &(&Check, &Check)| base.netns != head.netns && head.differs;
    if let Some((base, _)) = suite.checks.iter().zip(&head.checks).find(moved) {
        let message = format!("with the overrides of --against `{}` runs in another network namespace", base.id);
        errors.add(base.span, message, "let both arms have the same `netns`: a case runs in one");
        return Vec::new();
    }
    let parity = |(base, head): &(&Check, &Check)| base.over_ipv4.is_some() && head.differs;
    if let Some((base, _)) = suite.checks.iter().zip(&head.checks).find(parity) {
        let message = format!("`{}` compares IPv4 with IPv6: --against cannot compare two targets as well", base.id);
        errors.add(base.span, message, "leave it out with --only or --skip-tag");
        return Vec::new();
    }
    let pairs = suite.checks.iter().zip(head.checks);
    pairs
        .map(|(base, head)| {
            let measured = base.family.facts.iter().any(|fact| fact.better.is_some());
            (head.differs && measured).then_some(head)
        })
        .collect()
}
