//! Facts of two measurements compared: what an unchanged thing shows twice is the same. Pure.

mod attributes;
mod checks;
mod inputs;
mod rules;
mod table;
#[cfg(test)]
mod tests;
mod values;

pub use rules::Rules;

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::model::fact::FactKeys;
use crate::model::named::Named;
use crate::model::record::{FactValue, Facts, Shared, Word};
use crate::model::reduced::{Check, Report};
use crate::model::typed::Form;
use crate::model::{Changes, FactChange, PartialFact, Shift, Value, Verdict};
use checks::MatchedBy;
use rules::Resolver;
use values::{Difference, Walk};

/// Changes of facts listed, of each sort (allowed or not), and changes of checks.
const LISTED: usize = 10_000;
/// Changes listed of one check: a document that differs everywhere must not hide the other checks.
const PER_CHECK: usize = 1000;

/// Everything in which `after` differs from `before`, but for the metrics. Linear in the number of checks and facts.
#[must_use]
pub fn compare(before: &Report, after: &Report, rules: &Rules) -> Changes {
    let mut out = Collector::default();
    let pairing = checks::pair(before, after);
    out.changes.not_selected = pairing.not_selected;
    for (old, new, shift) in &pairing.both {
        match shift {
            MatchedBy::SameId => checks::differences(old, new).into_iter().for_each(|change| out.check(change)),
            MatchedBy::SameDigest => {
                out.check(checks::renamed(old, new));
                if let Some(change) = checks::verdict(new, (old.verdict, old.reason.as_deref())) {
                    out.check(change);
                }
            }
        }
        if measured(old.verdict) && measured(new.verdict) {
            out.recovered = old.verdict == Verdict::Failed && new.verdict == Verdict::Passed;
            // Where it looks is the suite's own input: what repeats it is no change of what it saw.
            let before = inputs::moved((&old.facts, &old.target), (&new.facts, &new.target));
            out.partial = seen_in_part([&old.partial, &new.partial]);
            let sides = Sides { before: &before, after: &new.facts };
            out.facts(new, &sides, rules);
        }
    }
    for change in checks::unpaired(&pairing) {
        out.check(change);
    }
    out.changes
}

/// The same for a report whose checks carry both arms of an interleaved comparison: what arm `head` shows that arm `base`
/// does not. That their targets differ is the point of it, and not told.
#[must_use]
pub fn arms(record: &Report, rules: &Rules) -> Changes {
    let mut out = Collector::default();
    for check in &record.checks {
        let Some(base) = check.base.as_deref() else { continue };
        if let Some(change) = checks::verdict(check, (base.verdict, base.reason.as_deref())) {
            out.check(change);
        }
        if measured(base.verdict) && measured(check.verdict) {
            out.recovered = base.verdict == Verdict::Failed && check.verdict == Verdict::Passed;
            let before = inputs::moved((&base.facts, &base.target), (&check.facts, &check.target));
            out.partial = seen_in_part([&base.partial, &check.partial]);
            out.facts(check, &Sides { before: &before, after: &check.facts }, rules);
        }
    }
    out.changes
}

/// The facts of two observations of one check, by its own rules alone, and by those of its family.
#[must_use]
pub fn sides(check: &Check, [before, after]: [&Facts; 2], partial: [&Named<String>; 2]) -> Changes {
    let mut out = Collector { partial: seen_in_part(partial), ..Collector::default() };
    out.facts(check, &Sides { before, after }, &Rules::default());
    out.changes
}

/// The facts that either side saw in part, and why.
fn seen_in_part(sides: [&Named<String>; 2]) -> BTreeMap<String, String> {
    let all = sides.into_iter().flat_map(|partial| &partial.0);
    all.map(|(name, why)| (name.to_string(), why.clone())).collect()
}

/// Errored and skipped checks show few facts or none; their verdict says so.
fn measured(verdict: Verdict) -> bool {
    matches!(verdict, Verdict::Passed | Verdict::Failed)
}

struct Sides<'a> {
    before: &'a Facts,
    after: &'a Facts,
}

#[derive(Default)]
struct Collector {
    changes: Changes,
    allowed: usize,
    /// The check being compared did not hold before and does now: what differs is what was repaired.
    recovered: bool,
    /// Facts of it that a side saw in part, and why: nothing about them is known to have changed.
    partial: BTreeMap<String, String>,
}

impl Collector {
    fn check(&mut self, change: crate::model::CheckChange) {
        self.changes.worse += u64::from(change.worse);
        if self.changes.checks.len() < LISTED {
            self.changes.checks.push(change);
        } else {
            self.changes.left_out += 1;
        }
    }

    /// Compares the facts of two sides of `check`, whose own rules count.
    fn facts(&mut self, check: &Check, sides: &Sides<'_>, rules: &Rules) {
        self.changes.compared += 1;
        let resolver = rules.resolver(check, [sides.before, sides.after]);
        let here = (&check.suite, &check.id);
        // What was not seen of a path is told apart hop by hop.
        self.partial.retain(|name, _| !matches!(resolver.form(name), Form::Hops) && !resolver.is_ignored(name));
        let mut listed = 0;
        let first = self.changes.facts.len();
        self.seen_in_part(here);
        for (name, after) in &sides.after.0 {
            let before = sides.before.get(name);
            self.fact(here, name, (before, Some(after)), &resolver, &mut listed);
        }
        for (name, before) in &sides.before.0 {
            if sides.after.get(name).is_none() {
                self.fact(here, name, (Some(before), None), &resolver, &mut listed);
            }
        }
        self.follow_outcome(first, &resolver);
    }

    /// What appeared or vanished along with another outcome did so for that reason.
    fn follow_outcome(&mut self, first: usize, resolver: &Resolver<'_>) {
        let of_check = self.changes.facts.get_mut(first..).unwrap_or_default();
        if !of_check.iter().any(|change| resolver.is_outcome(&change.fact)) {
            return;
        }
        for change in of_check {
            if resolver.is_outcome(&change.fact) || matches!(change.change, Shift::Appeared | Shift::Vanished) {
                change.part_of = Some(Word::Borrowed("outcome"));
            }
        }
    }

    /// Names what is not compared.
    fn seen_in_part(&mut self, (suite, check): (&Shared, &Shared)) {
        for (fact, why) in &self.partial {
            if self.changes.partial.len() < LISTED {
                let (suite, check, fact, why) = (suite.clone(), check.clone(), fact.clone(), why.clone());
                self.changes.partial.push(PartialFact { suite, check, fact, why });
            } else {
                self.changes.left_out += 1;
            }
        }
    }

    /// Whether the fact, or what it lies in, was seen in part.
    fn is_partial(&self, name: &str) -> bool {
        let below = |whole: &str, part: &str| part.strip_prefix(whole).is_some_and(|rest| rest.starts_with('.'));
        self.partial.keys().any(|part| part == name || below(part, name))
    }

    fn fact(
        &mut self,
        here: (&Shared, &Shared),
        name: &str,
        sides: (Option<&FactValue>, Option<&FactValue>),
        resolver: &Resolver<'_>,
        listed: &mut usize,
    ) {
        if self.is_partial(name)
            || FactKeys::ALL.facts().any(|info| info.name == name)
            || !resolver.may_matter(name, is_distribution(sides.0) || is_distribution(sides.1))
        {
            return;
        }
        if let (Some(FactValue::Table(before)), Some(FactValue::Table(after))) = sides {
            for difference in table::compare(name, (before, after), resolver) {
                self.push(here, resolver.part_of(name), difference, listed);
            }
            return;
        }
        // A statistic stands for a distribution; its parts are facts of the same name.
        let whole = !is_distribution(sides.0) && !is_distribution(sides.1);
        let statistics = if whole { &[""] } else { resolver.statistics(name) };
        for statistic in statistics {
            let path = if whole { name.to_owned() } else { format!("{name}.{statistic}") };
            let (before, after) = (scalar(sides.0, statistic), scalar(sides.1, statistic));
            let rule = |path: &str| resolver.rule(name, path);
            let stays = |path: &str| resolver.stays(name, path);
            let written = |path: &str| resolver.is_written(name, path);
            let (form, words) = (resolver.form(name), resolver.words(name));
            let kind = resolver.kind(form);
            let mut walk = Walk { rule: &rule, stays: &stays, written: &written, words, form, kind, out: Vec::new() };
            walk.at(&path, before.as_deref(), after.as_deref());
            let differs = !walk.out.is_empty();
            for difference in walk.out {
                self.push(here, resolver.part_of(name), difference, listed);
            }
            if differs {
                break;
            }
        }
    }

    fn push(
        &mut self,
        (suite, check): (&Shared, &Shared),
        part_of: Option<&'static str>,
        difference: Difference,
        listed: &mut usize,
    ) {
        let Difference { path, before, after, shift, added, removed, rule, allowed } = difference;
        let allowed = allowed || self.recovered;
        self.changes.not_allowed += u64::from(!allowed);
        // What is not allowed is listed even when much was allowed before it.
        let taken = if allowed { self.allowed } else { self.changes.facts.len() - self.allowed };
        if *listed >= PER_CHECK || taken >= LISTED {
            self.changes.left_out += 1;
            return;
        }
        *listed += 1;
        self.allowed += usize::from(allowed);
        let (suite, check) = (suite.clone(), check.clone());
        let part_of = part_of.map(Word::Borrowed);
        let change = FactChange {
            suite,
            check,
            fact: path,
            part_of,
            before,
            after,
            change: shift,
            added,
            removed,
            rule,
            allowed,
        };
        self.changes.facts.push(change);
    }
}

fn is_distribution(value: Option<&FactValue>) -> bool {
    matches!(value, Some(FactValue::Distribution(..)))
}

fn scalar<'f>(value: Option<&'f FactValue>, statistic: &str) -> Option<Cow<'f, Value>> {
    match value? {
        FactValue::Scalar(value) => Some(Cow::Borrowed(value)),
        FactValue::Distribution(_, summary) => summary.get(statistic).map(|number| Cow::Owned(Value::from(number))),
        // Beside another table it is compared row by row; beside none, by how many rows there are.
        FactValue::Table(rows) => Some(Cow::Owned(Value::from(rows.total))),
    }
}
