//! Changed facts by their cause: the same old and new value in many checks, and all that describes one thing, are one line.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;

use super::layout::{self, StatusWord};
use super::values::{self, Movement};
use crate::model::count::counted;
use crate::model::{FactChange, Rule, Shift, Value};
use crate::report::style::Style;

/// Facts of one cause that are written out.
const FACTS: usize = 3;
/// Shortest text that hardly stands for two things by chance, when it has a digit (an address, a digest, a version).
const DISTINCT: usize = 7;

/// Changes that have one cause.
#[derive(Default)]
struct CommonCause<'d> {
    /// The checks concerned, in order, and each once.
    checks: Vec<(&'d str, &'d str)>,
    known: HashSet<(&'d str, &'d str)>,
    /// One change of each fact; of a fact with several, the first.
    facts: Vec<ChangedFact<'d>>,
}

/// A fact of a cause.
struct ChangedFact<'d> {
    change: &'d FactChange,
    /// Other changes of the same fact, in other checks.
    others: usize,
}

/// The changes, one text per cause: those that are not allowed first, the widest first.
pub(super) fn lines(changes: &[FactChange], style: Style) -> Vec<String> {
    let mut causes = causes(changes);
    causes.sort_by_key(|cause| (cause.allowed(), Reverse(cause.checks.len())));
    causes.iter().map(|cause| cause.text(style)).collect()
}

/// Joins changes that share a key (union by smallest index).
struct Groups(Vec<usize>);

impl Groups {
    fn root(&mut self, mut at: usize) -> usize {
        while let Some(&parent) = self.0.get(at)
            && parent != at
        {
            // Every second step is shortened, so that chains stay short.
            let grand = self.0.get(parent).copied().unwrap_or(parent);
            if let Some(slot) = self.0.get_mut(at) {
                *slot = grand;
            }
            at = grand;
        }
        at
    }

    fn join(&mut self, one: usize, other: usize) {
        let (one, other) = (self.root(one), self.root(other));
        if let Some(slot) = self.0.get_mut(one.max(other)) {
            *slot = one.min(other);
        }
    }
}

fn causes(changes: &[FactChange]) -> Vec<CommonCause<'_>> {
    let mut groups = Groups((0..changes.len()).collect());
    let mut first: HashMap<String, usize> = HashMap::new();
    for (at, change) in changes.iter().enumerate() {
        for key in keys(change) {
            match first.entry(key) {
                std::collections::hash_map::Entry::Occupied(known) => groups.join(*known.get(), at),
                std::collections::hash_map::Entry::Vacant(new) => drop(new.insert(at)),
            }
        }
    }
    let mut places: HashMap<usize, usize> = HashMap::new();
    let mut out: Vec<CommonCause<'_>> = Vec::new();
    for (at, change) in changes.iter().enumerate() {
        let root = groups.root(at);
        let place = *places.entry(root).or_insert_with(|| {
            out.push(CommonCause::default());
            out.len() - 1
        });
        if let Some(cause) = out.get_mut(place) {
            cause.add(change);
        }
    }
    out
}

/// What a change has in common with others of its cause.
fn keys(change: &FactChange) -> Vec<String> {
    let allowed = change.allowed;
    let mut out = Vec::new();
    // Plain data: this cannot fail.
    let content =
        || serde_json::to_string(&(&change.before, &change.after, &change.added, &change.removed)).unwrap_or_default();
    if let Some(thing) = change.part_of.as_deref() {
        out.push(format!("{allowed} thing {}/{} {thing}", change.suite, change.check));
        // What went with another outcome is no cause of its own.
        if thing == "outcome" && matches!(change.change, Shift::Appeared | Shift::Vanished) {
            return out;
        }
    }
    out.push(format!("{allowed} fact {} {}", change.fact, content()));
    if let Some((old, new)) = distinct(change) {
        out.push(format!("{allowed} value {old} {new}"));
    }
    out
}

/// The one value that took the place of another, where both hardly stand for anything else.
fn distinct(change: &FactChange) -> Option<(String, String)> {
    let pair = match (change.removed.as_slice(), change.added.as_slice()) {
        ([], []) => (change.before.as_ref()?, change.after.as_ref()?),
        ([old], [new]) => (old, new),
        _ => return None,
    };
    let one = |value: &Value| {
        let text = value.as_str()?;
        let names_one = text.len() >= DISTINCT && text.bytes().any(|byte| byte.is_ascii_digit());
        names_one.then(|| text.to_ascii_lowercase())
    };
    Some((one(pair.0)?, one(pair.1)?))
}

impl<'d> CommonCause<'d> {
    fn add(&mut self, change: &'d FactChange) {
        let check = (&*change.suite, &*change.check);
        if self.known.insert(check) {
            self.checks.push(check);
        }
        let same = |one: &FactChange| {
            (&one.before, &one.after, &one.added, &one.removed)
                == (&change.before, &change.after, &change.added, &change.removed)
        };
        match self.facts.iter_mut().find(|fact| fact.change.fact == change.fact) {
            Some(fact) if same(fact.change) => {}
            Some(fact) => fact.others += 1,
            None => self.facts.push(ChangedFact { change, others: 0 }),
        }
    }

    fn allowed(&self) -> bool {
        self.facts.first().is_some_and(|fact| fact.change.allowed)
    }

    /// What changed: the thing, or the facts by name.
    fn title(&self) -> String {
        let thing = self.facts.iter().find_map(|fact| fact.change.part_of.as_deref());
        match thing {
            Some(thing) => thing.to_owned(),
            None => {
                let names: Vec<String> = self.facts.iter().map(|fact| fact.change.fact.clone()).collect();
                layout::some(&names, false)
            }
        }
    }

    fn text(&self, style: Style) -> String {
        let mark = if self.allowed() { StatusWord::Allowed } else { StatusWord::Changed };
        let mut text =
            format!("{} of {}: {}", self.title(), layout::checks(&self.checks, style.verbose), self.movements());
        if let Some(why) = self.facts.first().and_then(|fact| rule(fact.change)) {
            let _ = write!(text, " ({why})");
        }
        let mut out = layout::line(style, mark, &text);
        if style.verbose {
            for fact in &self.facts {
                out.push_str(&in_full(fact.change, style));
            }
        }
        out
    }

    /// What became what: of the decisive facts, which stand first in their tables.
    fn movements(&self) -> String {
        let (facts, title) = (&self.facts, self.title());
        let mut seen: Vec<Movement> = Vec::new();
        let mut parts = Vec::new();
        let mut more = 0;
        for fact in facts.iter().filter(|fact| !fact.follows()) {
            let movement = values::movement(fact.change);
            // The same under another name says nothing new.
            if seen.contains(&movement) {
                continue;
            }
            if parts.len() >= FACTS {
                more += 1;
                continue;
            }
            let alone = self.facts.len() == 1 || fact.change.fact == title;
            let name = if alone { String::new() } else { format!("{} ", fact.change.fact) };
            let others = if fact.others == 0 {
                String::new()
            } else {
                format!(" (and {})", counted(fact.others, "other change"))
            };
            parts.push(format!("{name}{}{others}", movement.text()));
            seen.push(movement);
        }
        let mut out = parts.join(", ");
        if more > 0 {
            let _ = write!(out, " and {}", counted(more, "more fact"));
        }
        for (shift, word) in [(Shift::Vanished, "absent"), (Shift::Appeared, "there")] {
            let with_it = facts.iter().filter(|fact| fact.follows() && fact.change.change == shift).count() as u64;
            if with_it > 0 {
                let are = if with_it == 1 { "is" } else { "are" };
                let _ = write!(out, " (and {} {are} {word} with it)", counted(with_it, "fact"));
            }
        }
        out
    }
}

impl ChangedFact<'_> {
    /// Whether another outcome is why it appeared or vanished.
    fn follows(&self) -> bool {
        let of_outcome = self.change.part_of.as_deref() == Some("outcome");
        of_outcome && matches!(self.change.change, Shift::Appeared | Shift::Vanished)
    }
}

/// The rule, where it is part of the reason.
fn rule(change: &FactChange) -> Option<&'static str> {
    Some(match (change.rule, change.allowed) {
        (Rule::Same, false) => return None,
        (Rule::MayGrow, false) => "it may only grow",
        (Rule::MayShrink, false) => "it may only shrink",
        (Rule::MayGrow, true) => "it may grow",
        (Rule::MayShrink, true) => "it may shrink",
        (Rule::Ignore | Rule::Same, true) => "the check did not hold before",
        (Rule::Ignore, false) => return None,
    })
}

/// One change of a fact with all of its values.
fn in_full(change: &FactChange, style: Style) -> String {
    let mut out = layout::below(style, &format!("{}:", change.fact));
    let (removed, added): (Vec<Option<&Value>>, Vec<Option<&Value>>) =
        if change.added.is_empty() && change.removed.is_empty() {
            (vec![change.before.as_ref()], vec![change.after.as_ref()])
        } else {
            (change.removed.iter().map(Some).collect(), change.added.iter().map(Some).collect())
        };
    for (sign, values) in [("-", removed), ("+", added)] {
        for value in values {
            out.push_str(&layout::below(style, &format!("  {sign} {}", values::whole(value))));
        }
    }
    out
}
