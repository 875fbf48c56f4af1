//! The expectations in force: those a check writes, and every default it does not replace.
//!
//! A default stays until the check speaks of that fact, and says what it wants of it. What only says what is not wanted
//! (`ne`, `not_in`, `excludes`, `none`, `all`, `not_matches`) stands beside the default.

use std::sync::Arc;

use crate::model::expectation::{Expectation, FactPart, Precondition, Sort, Test, domain};
use crate::model::fact::{Better, parity};
use crate::model::{FactInfo, Kind, Value};
use crate::suite::diagnostic::{Diagnostics, Span};

/// The expectations in force of a check, in the order of the table of facts: the outcome, on which the others rest, first.
pub fn combine(
    facts: &'static [FactInfo],
    defaults: &[Expectation],
    written: Vec<(Expectation, Span)>,
    errors: &mut Diagnostics,
) -> Vec<Expectation> {
    let parts = Parts { facts, defaults, written: &written };
    let mut out = Vec::new();
    for default in defaults.iter().filter(|default| !parts.replaced(default)) {
        let Some(given) = parts.given(default) else { continue };
        if let Some((message, help, span)) = parts.contradiction(default).filter(|(.., span)| !errors.has(*span)) {
            errors.add(span, message, help);
        }
        out.push(Expectation { given, ..default.clone() });
    }
    for (message, help, span) in written.iter().filter_map(|(written, span)| parts.unanswerable(written, *span)) {
        errors.add(span, message, help);
    }
    for (path, span) in parts.impossible() {
        if !errors.has(span) {
            errors.add(
                span,
                format!("no `{path}` holds all that is expected of it"),
                "see whether the limits are the wrong way round",
            );
        }
    }
    out.extend(written.into_iter().map(|(expectation, _)| expectation));
    let place = |expectation: &Expectation| facts.iter().position(|fact| fact.name == expectation.info.name);
    out.sort_by_key(|expectation| place(expectation).unwrap_or(usize::MAX));
    out
}

/// The outcomes a check accepts although silence leads to them, when nothing else it expects shows that the peer was reached.
#[must_use]
pub fn silent_outcomes(expectations: &[Expectation]) -> Vec<&'static str> {
    accepted_unreached(expectations, |outcome| outcome.silent)
}

/// Whether a check accepts no outcome but those that silence leads to.
#[must_use]
pub fn nothing_but_silence(expectations: &[Expectation]) -> bool {
    let of_outcome: Vec<&Expectation> = expectations.iter().filter(|e| e.info.roles.outcome).collect();
    let tests: Vec<&Test> = of_outcome.iter().map(|expectation| &expectation.test).collect();
    let accepted = of_outcome.first().map(|outcome| (outcome.info.silent, words_of(&outcome.info, &tests)));
    accepted.is_some_and(|(silent, words)| words.iter().all(|word| silent.contains(word)))
}

/// The outcomes a check accepts although another than the peer leads to them, as above.
#[must_use]
pub fn outcomes_elsewhere(expectations: &[Expectation]) -> Vec<&'static str> {
    accepted_unreached(expectations, |outcome| outcome.elsewhere)
}

fn accepted_unreached(
    expectations: &[Expectation],
    some: impl Fn(&FactInfo) -> &'static [&'static str],
) -> Vec<&'static str> {
    let of_outcome: Vec<&Expectation> = expectations.iter().filter(|e| e.info.roles.outcome).collect();
    let Some(outcome) = of_outcome.first().map(|expectation| expectation.info) else { return Vec::new() };
    let reached = |e: &Expectation| e.info.roles.reached && !e.test.holds(None, e.sort);
    if expectations.iter().any(reached) {
        return Vec::new();
    }
    let tests: Vec<&Test> = of_outcome.iter().map(|expectation| &expectation.test).collect();
    let accepted = words_of(&outcome, &tests);
    accepted.into_iter().filter(|word| some(&outcome).contains(word)).collect()
}

struct Parts<'a> {
    facts: &'static [FactInfo],
    defaults: &'a [Expectation],
    written: &'a [(Expectation, Span)],
}

impl Parts<'_> {
    fn of(&self, fact: &'static str) -> impl Iterator<Item = &(Expectation, Span)> {
        self.written.iter().filter(move |(expectation, _)| expectation.info.name == fact)
    }

    fn outcome(&self) -> Option<&'static FactInfo> {
        self.facts.iter().find(|fact| fact.roles.outcome)
    }

    /// Whether the check says itself what it wants of the fact, or of one that says the same in another form.
    fn replaced(&self, default: &Expectation) -> bool {
        let own = self.of(default.info.name).any(|(written, _)| self.replaces(written, default));
        let says_so = |written: &Expectation| match written.sort {
            // Of a flag no value speaks for another fact; that it is not there says that nothing came so far.
            Sort::Bool => self.is_absent_by_outcome(written),
            _ => speaks_of_the_worst(written),
        };
        let other = |name: &&'static str| self.of(name).any(|(written, _)| says_so(written));
        own || default.info.lifted_by.iter().any(other)
    }

    fn replaces(&self, written: &Expectation, default: &Expectation) -> bool {
        if !names(written, default) {
            return false;
        }
        if let Test::Present(false) = written.test {
            return self.is_absent_by_outcome(written);
        }
        let beside = written.test.bounds_other_side(&default.test)
            && !domain::contradict(&[&written.test, &default.test], default.sort, default.info.range());
        written.test.is_positive() && !beside
    }

    /// Where the outcome is named, a value that is not there is no wonder.
    fn is_absent_by_outcome(&self, written: &Expectation) -> bool {
        let outcome = self.outcome().filter(|outcome| outcome.name != written.info.name);
        matches!(written.test, Test::Present(false))
            && outcome.is_some_and(|outcome| self.of(outcome.name).next().is_some())
    }

    /// What must be so for the default to speak; `None` when the check rules that out.
    fn given(&self, default: &Expectation) -> Option<Arc<[Precondition]>> {
        let mut out = Vec::new();
        // Two answers that differ do so whatever they are.
        if default.info.roles.outcome || parity::is_parity(&default.info) {
            return Some(out.into());
        }
        let named = self.facts.iter().filter(|fact| default.info.given.contains(&fact.name));
        for before in named.chain(self.outcome()) {
            let usual: Vec<&Test> =
                self.defaults.iter().filter(|other| other.info.name == before.name).map(|other| &other.test).collect();
            if usual.is_empty() {
                continue;
            }
            let (right, accepted) = (words_of(before, &usual), self.accepted(before));
            if !accepted.iter().any(|word| right.contains(word)) {
                return None;
            }
            if accepted.iter().any(|word| !right.contains(word)) {
                out.push(Precondition { fact: before.name, words: right });
            }
        }
        Some(out.into())
    }

    /// The words of a choice that everything in force about it accepts.
    fn accepted(&self, fact: &'static FactInfo) -> Vec<&'static str> {
        let kept = self.defaults.iter().filter(|other| other.info.name == fact.name && !self.replaced(other));
        let written = self.of(fact.name).map(|(written, _)| written);
        let tests: Vec<&Test> = kept.chain(written).map(|expectation| &expectation.test).collect();
        words_of(fact, &tests)
    }

    /// What holds only where nothing answers, of a check that accepts no such outcome.
    fn unanswerable(&self, written: &Expectation, span: Span) -> Option<(String, String, Span)> {
        let (value, outcome) = (Value::from(written.info.unanswered?), self.outcome()?);
        let another = Test::Not(Box::new(Test::Eq(value)));
        let accepted = self.accepted(outcome);
        let answered = self.defaults.iter().filter(|default| default.info.name == outcome.name);
        let right = words_of(outcome, &answered.map(|default| &default.test).collect::<Vec<_>>());
        let possible = accepted.iter().any(|word| !right.contains(word));
        let only = domain::contradict(&[&written.test, &another], written.sort, written.info.range());
        (only && !possible && !right.is_empty()).then(|| {
            let Expectation { path, operator, want, .. } = written;
            let (outcome, right, silent) = (outcome.name, right.join(" or "), outcome.silent.join(", "));
            let want = operator.sentence(want);
            (
                format!("`{path}` can be {want} only where nothing answers, and `{outcome}` is expected to be {right}"),
                format!("name the outcome that is meant, `{outcome}: {{in: [{silent}]}}`, and a `control`, since silence proves nothing"),
                span,
            )
        })
    }

    /// What the check writes more than once of, and cannot hold together. Of numbers and closed lists of words it is certain.
    fn impossible(&self) -> Vec<(&str, Span)> {
        let mut out: Vec<(&str, Span)> = Vec::new();
        for (first, span) in self.written {
            let certain = matches!(first.sort, Sort::Number(_) | Sort::Bool | Sort::Choice(_));
            if !certain || out.iter().any(|(path, _)| *path == &*first.path) {
                continue;
            }
            let same = self.written.iter().filter(|(other, _)| other.path == first.path);
            let tests: Vec<&Test> = same.map(|(other, _)| &other.test).collect();
            if tests.len() > 1 && domain::contradict(&tests, first.sort, first.info.range()) {
                out.push((&*first.path, *span));
            }
        }
        out
    }

    /// A default in force and what the check writes of the same thing cannot both hold.
    fn contradiction(&self, default: &Expectation) -> Option<(String, String, Span)> {
        let same: Vec<&(Expectation, Span)> =
            self.of(default.info.name).filter(|(written, _)| written.path == default.path).collect();
        let (_, span) = same.first()?;
        let tests: Vec<&Test> = same.iter().map(|(written, _)| &written.test).chain([&default.test]).collect();
        domain::contradict(&tests, default.sort, default.info.range()).then(|| {
            let Expectation { path, operator, want, .. } = default;
            let usual = operator.sentence(want);
            let message = format!("`{path}` is expected to be {usual} unless the check says what else it should be");
            (message, default_help(default), *span)
        })
    }
}

fn default_help(default: &Expectation) -> String {
    let path = &default.path;
    let value = match default.sort {
        Sort::Bool => "true or false".to_owned(),
        Sort::Choice(_) => "{in: [WORD, …]}".to_owned(),
        Sort::List => "{len: 0} for an empty list".to_owned(),
        _ => "the value it should have".to_owned(),
    };
    format!(
        "write what it should be: `{path}:` {value}; {{present: true}} accepts any value, and beside a named outcome {{present: false}} none"
    )
}

/// Whether it names what the default is of, or a path below that: another key of the same object says nothing of it. Nor does
/// what says of the whole object neither its value nor that any will do, or of one row of a column.
fn names(written: &Expectation, default: &Expectation) -> bool {
    if written.info.is_column && matches!(written.part, FactPart::Row(_)) && !matches!(default.part, FactPart::Row(_)) {
        return false;
    }
    let whole = || written.test.names_words() || matches!(written.test, Test::Present(_));
    written.part.is_within(&default.part) || (default.part.is_within(&written.part) && whole())
}

/// Whether it says of a fact in another form what the default says of its own: that there is a number, or a status, says
/// nothing of it, and a number must be bounded on its bad side, as "at most 5 received" accepts none at all.
fn speaks_of_the_worst(written: &Expectation) -> bool {
    let Expectation { test, info, sort, .. } = written;
    if !test.is_positive() || matches!(test, Test::Present(_)) {
        return test.is_positive() && info.roles.failure;
    }
    match (sort, info.better) {
        (Sort::Number(_), Some(Better::Lower)) => domain::limits_above(test, *sort),
        (Sort::Number(_), _) => !test.holds(Some(&Value::from(0)), *sort),
        _ => true,
    }
}

/// The words of a choice or a flag for which all tests hold.
fn words_of(fact: &FactInfo, tests: &[&Test]) -> Vec<&'static str> {
    let all_hold = |value: Value, sort: Sort| tests.iter().all(|test| test.holds(Some(&value), sort));
    match fact.kind {
        Kind::Choice(words) => {
            words.iter().copied().filter(|word| all_hold(Value::from(*word), Sort::Choice(words))).collect()
        }
        Kind::Bool => {
            ["true", "false"].into_iter().filter(|word| all_hold(Value::Bool(*word == "true"), Sort::Bool)).collect()
        }
        _ => Vec::new(),
    }
}
