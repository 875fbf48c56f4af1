//! What an expectation is about, and its values and tests as a suite has them.

use super::{comparison, known_test, one_test, operand_of, single};
use crate::model::document_path;
use crate::model::expectation::{FactPart, Sort};
use crate::model::fact::{Better, STATISTICS};
use crate::model::{FactInfo, Kind, TimeOf, Unit, corrections};
use crate::suite::syntax::flow;
use crate::suite::tree::{Kind as NodeKind, Node};

/// Units that may be meant by a number without one.
const CHOICES: usize = 2;

/// A fact, or a part of one, that an expectation is about.
#[derive(Clone, Copy, Debug)]
pub(in crate::suite) struct Subject {
    /// The sort of its values.
    pub(in crate::suite) sort: Sort,
    /// Of a length of time, what it is of.
    time: TimeOf,
    /// The operator that a value by itself stands for, where nothing is ever exactly that.
    limit: Option<&'static str>,
    /// Which of the units that may be meant is taken.
    pub(super) choice: usize,
}

impl Subject {
    /// Values of a sort, of which nothing else is known.
    pub(in crate::suite) const fn of_sort(sort: Sort) -> Self {
        Self { sort, time: TimeOf::Period, limit: None, choice: 0 }
    }

    /// A part of a fact.
    pub(in crate::suite) fn of(info: &FactInfo, part: &FactPart) -> Self {
        let sort = match part {
            FactPart::Statistic("count") => return Self::of_sort(Sort::Number(Unit::Count)),
            FactPart::Path(_) => return Self::of_sort(Sort::Any),
            FactPart::Row(_) if !info.is_column => return Self::of_sort(Sort::Any),
            FactPart::Whole if info.is_column => {
                return Self { time: info.time, ..Self::of_sort(Sort::of_column(info)) };
            }
            _ => Sort::of(info.kind, info.unit),
        };
        let limit = match info.better {
            _ if !info.is_never(1.0) => None,
            _ if info.time.runs_on() => Some("gt"),
            Some(Better::Higher) => Some("ge"),
            _ => Some("lt"),
        };
        Self { sort, time: info.time, limit, choice: 0 }
    }

    /// What a path of these facts is about; a distribution by itself stands for its parts.
    pub(in crate::suite) fn at(facts: &[FactInfo], path: &str) -> Option<Self> {
        let found =
            facts.iter().filter(|info| document_path::is_of(path, info.name)).max_by_key(|info| info.name.len())?;
        let rest = path.strip_prefix(found.name).unwrap_or_default().trim_start_matches('.');
        let statistic = STATISTICS.iter().find(|name| **name == rest).copied();
        let part = match (found.kind, statistic) {
            (_, Some(statistic)) if found.has_statistics() => FactPart::Statistic(statistic),
            (Kind::Distribution, _) => FactPart::Statistic(statistic.unwrap_or("p95")),
            (_, _) if rest.is_empty() => FactPart::Whole,
            _ => return Some(Self::of_sort(Sort::Any)),
        };
        Some(Self::of(found, &part))
    }

    /// The same with values of another sort, such as a length.
    pub(in crate::suite) fn with(self, sort: Sort) -> Self {
        if sort == self.sort { self } else { Self::of_sort(sort) }
    }

    /// What `one` makes of each unit that may be meant, without repetitions.
    pub(super) fn each(self, one: impl Fn(Self) -> Option<String>) -> Vec<String> {
        let mut out: Vec<String> = Vec::new();
        for text in (0..CHOICES).filter_map(|choice| one(Self { choice, ..self })) {
            if !out.contains(&text) {
                out.push(text);
            }
        }
        out
    }

    /// A number with its unit, as a suite has it.
    pub(super) fn quantity(self, text: &str, unit: Unit) -> Option<String> {
        let found = corrections::quantity(text, unit, self.time);
        found.get(self.choice).or(found.last()).cloned()
    }

    /// All units that may be meant by a number.
    pub(in crate::suite) fn quantities(self, text: &str, unit: Unit) -> Vec<String> {
        corrections::quantity(text, unit, self.time)
    }
}

/// What stands behind a fact, with the operators and the units of a suite: the likeliest first.
pub(in crate::suite) fn corrected(node: &Node, subject: Subject) -> Vec<String> {
    let found = subject.each(|subject| match &node.kind {
        NodeKind::Scalar(..) => Some(value(node, subject)),
        NodeKind::Map(entries) => match entries.as_slice() {
            // What stands behind nothing but "equal" may be written by itself.
            [(key, below)] if matches!(known_test(&key.name), Some("eq")) && below.text().is_some() => {
                Some(value(below, subject))
            }
            entries => {
                let tests: Option<Vec<String>> =
                    entries.iter().map(|(key, below)| entry(&key.name, below, subject)).collect();
                Some(tests.map_or_else(|| "…".to_owned(), |tests| format!("{{{}}}", tests.join(", "))))
            }
        },
        NodeKind::List(_) if subject.sort == Sort::List => Some(format!("{{exactly: {}}}", flow(node))),
        NodeKind::List(_) if subject.sort != Sort::Any => Some(format!("{{in: {}}}", operand_of("in", node, subject))),
        _ => Some(flow(node)),
    });
    if found.is_empty() { vec![flow(node)] } else { found }
}

/// One operator and what stands behind it; `None` where nothing like it can be asked.
fn entry(word: &str, below: &Node, subject: Subject) -> Option<String> {
    if subject.sort.operators().any(|operator| operator.word() == word) {
        return Some(format!("{word}: {}", operand_of(word, below, subject)));
    }
    let test = one_test(word, below, subject)?;
    Some(test.strip_prefix('{')?.strip_suffix('}')?.to_owned())
}

fn value(node: &Node, subject: Subject) -> String {
    let text = node.shown().unwrap_or_default();
    let numeric = matches!(subject.sort, Sort::Number(_));
    if let Some(test) = comparison(text, subject).into_iter().next().filter(|_| numeric) {
        return test;
    }
    if subject.sort == Sort::List {
        return format!("{{contains: {}}}", flow(node));
    }
    let value = match subject.sort {
        Sort::Text | Sort::Any | Sort::Time => flow(node),
        _ => single(text, subject).unwrap_or_else(|| flow(node)),
    };
    subject.limit.map_or_else(|| value.clone(), |limit| format!("{{{limit}: {value}}}"))
}
