//! `expect:` to typed expectations, and together with the defaults of the family to those in force.

mod advice;
pub mod derived;
pub mod effective;
mod operand;
mod parts;
mod soundness;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use advice::{part_help, path_help};

use super::diagnostic::{Diagnostics, Sources, Span, suggest};
use super::synonyms::{self, Subject, alternatives};
use super::syntax::flow;
use super::tree::{Kind as NodeKind, Node};
use crate::model::document_path::{self, Step};
use crate::model::expectation::{Expectation, FactPart, Operator, Origin, Sort, Test};
use crate::model::fact::{FactKeys, STATISTICS};
use crate::model::typed::Form;
use crate::model::{Args, FactInfo, Kind, Unit, Value, quantity};
use crate::probe::{Family, plain};

/// An operator and its test, with the place and the text of what is wanted.
type Read = (Operator, Test, Span, String);

/// Reads `expect:` against a family's facts.
pub struct ExpectationReader<'a> {
    /// The family, for messages.
    pub family: &'static Family,
    /// How to switch on a fact that the fields of the check leave off.
    pub missing: &'a dyn Fn(&str) -> Option<&'static str>,
    /// Its facts.
    pub facts: &'static [FactInfo],
    /// The keys that give this check facts beside those of its family.
    pub keys: FactKeys,
    /// Where errors go.
    pub errors: &'a mut Diagnostics,
    /// For places.
    pub sources: &'a Sources,
    /// True for a family's default.
    pub default: bool,
    /// The fields of the check, which may decide what a fact can be.
    pub args: &'a Args,
    /// What the values of the fact being read stand for.
    pub typing: FactTyping,
}

/// What the values of a fact stand for.
#[derive(Default)]
pub struct FactTyping {
    form: Form,
    kind: Option<String>,
    subject: Option<Subject>,
}

impl ExpectationReader<'_> {
    /// All expectations of the map `node`, each with its place.
    pub fn read(&mut self, node: &Node) -> Vec<(Expectation, Span)> {
        let mut out = Vec::new();
        if node.entries().is_empty() {
            let (message, help) = self.no_entries(node);
            self.errors.add(node.span, message, help);
            return out;
        }
        for (key, value) in node.entries() {
            let Some((info, part)) = self.fact(&key.name, key.span, value) else { continue };
            let sort = match &part {
                FactPart::Statistic("count") => Sort::Number(Unit::Count),
                FactPart::Path(_) => Sort::Any,
                FactPart::Row(_) if !info.is_column => Sort::Any,
                FactPart::Whole if info.is_column => Sort::of_column(&info),
                _ => Sort::of(info.kind, info.unit),
            };
            self.typing = self.typing_of(&info, &part);
            let path: Arc<str> = key.name.as_str().into();
            let tests = self.tests(&key.name, value, sort);
            self.of_row(&info, (&part, &key.name), &tests);
            for (operator, test, span, want) in tests {
                let origin = if self.default { Origin::Default } else { Origin::Suite(self.sources.place_of(span)) };
                let (path, want, part) = (path.clone(), want.into(), part.clone());
                let given = Arc::default();
                let expectation = Expectation { path, info, part, sort, operator, test, want, origin, given };
                if !self.default
                    && let Some((message, help)) = soundness::flaw(&expectation)
                {
                    self.errors.add(span, message, help);
                }
                out.push((expectation, span));
            }
        }
        out
    }

    /// What is wrong with an `expect` that is no map of facts, and what to write.
    fn no_entries(&self, node: &Node) -> (&'static str, String) {
        let empty = "`expect` is empty and would hold for anything";
        match &node.kind {
            NodeKind::List(items) if !items.is_empty() => {
                let entries: Vec<String> = items
                    .iter()
                    .flat_map(Node::entries)
                    .map(|(key, value)| format!("{}: {}", key.name, flow(value)))
                    .collect();
                let entries = if entries.is_empty() { "FACT: VALUE".to_owned() } else { entries.join(", ") };
                ("`expect` is a list, not a map", format!("write `expect: {{{entries}}}`"))
            }
            NodeKind::Scalar(..) => {
                let fact = self.facts.iter().find(|fact| fact.name == "status").or(self.facts.first());
                let fact = fact.map_or("FACT", |fact| fact.name);
                (
                    "`expect` is a single value, not a map",
                    format!("say of which fact: write `expect: {{{fact}: {}}}`", flow(node)),
                )
            }
            _ => (empty, "write what must hold, or leave `expect` out for the family's defaults".to_owned()),
        }
    }

    /// What the values of a fact stand for, as far as that is known before it is seen.
    fn typing_of(&self, info: &FactInfo, part: &FactPart) -> FactTyping {
        let form = match part {
            FactPart::Whole => info.form,
            FactPart::Row(_) => {
                if info.is_column {
                    info.form
                } else {
                    Form::Plain
                }
            }
            FactPart::Path(path) => info.form.at(&document_path::keys(path)),
            FactPart::Statistic(_) => Form::default(),
        };
        let subject = Some(Subject::of(info, part));
        let deciding = |name: &str| self.facts.iter().find(|fact| fact.name == name).and_then(|fact| fact.foreseen);
        let kind = match form {
            Form::Data(data) => deciding(data.kind).and_then(|foreseen| foreseen(self.args)),
            _ => None,
        };
        FactTyping { form, kind, subject }
    }

    fn fact(&mut self, path: &str, span: Span, value: &Node) -> Option<(FactInfo, FactPart)> {
        let known = self.facts.iter().chain(self.keys.facts());
        let found =
            known.filter(|info| document_path::is_of(path, info.name)).max_by_key(|info| info.name.len()).copied();
        let Some(info) = found else {
            let by_key = FactKeys::of(path)
                .map(|key| format!("a check has it with `{key}`, which stands beside `{}`", self.family.name));
            let help = by_key.unwrap_or_else(|| self.other_fact(path, value));
            self.errors.add(span, format!("`{}` has no fact `{path}`", self.family.name), help);
            return None;
        };
        if let Some(with) = (self.missing)(info.name) {
            let family = self.family.name;
            let help = format!("write `{family}: {{…, {with}}}`, or take `{path}` out of `expect`");
            let message = format!("`{path}` is not seen by this check: `{family}` looks for it only with `{with}`");
            self.errors.add(span, message, help);
            return None;
        }
        // The dot before a key, and not the bracket of a filter.
        let rest = path.strip_prefix(info.name).filter(|rest| !rest.is_empty());
        let rest = rest.map(|rest| rest.strip_prefix('.').unwrap_or(rest));
        match (info.kind, rest) {
            (Kind::Table(_), Some(rest)) => self.row(&info, path, rest, span),
            (_, Some(rest)) if info.has_statistics() => self.statistic(&info, (path, rest), span, value),
            (Kind::Distribution, None) => {
                let help = part_help(&info, value);
                self.errors.add(span, format!("`{path}` has many values: one per measurement"), help);
                None
            }
            (_, None) => Some((info, FactPart::Whole)),
            (Kind::Object, Some(rest)) => {
                if matches!(info.form, Form::Fields)
                    && let Some(help) = self.operator_in_path(path, value)
                {
                    self.errors.add(span, format!("`{}` has no fact `{path}`", self.family.name), help);
                    return None;
                }
                if let Some(help) = path_help(info.name, rest) {
                    self.errors.add(span, format!("`{path}` is a path of another language"), help);
                    return None;
                }
                self.path(&info, path, rest, span).map(|steps| (info, FactPart::Path(steps)))
            }
            (_, Some(_)) => {
                let help = self.other_fact(path, value);
                self.errors.add(span, format!("`{}` has no fact `{path}`", self.family.name), help);
                None
            }
        }
    }

    /// The steps below an object.
    fn path(&mut self, info: &FactInfo, path: &str, rest: &str, span: Span) -> Option<Vec<Step>> {
        let steps = match document_path::read(rest) {
            Ok(steps) => steps,
            Err((why, help)) => {
                self.errors.add(span, format!("`{path}`: {why}"), help);
                return None;
            }
        };
        if document_path::filters(&steps) && matches!(info.form, Form::Fields) {
            let message = format!("`{path}`: there are no objects below `{}` to choose from", info.name);
            self.errors.add(span, message, "filters are for lists of objects, such as in body.json");
            return None;
        }
        Some(steps)
    }

    fn paths(&self) -> Vec<String> {
        let mut out = Vec::new();
        for info in self.facts {
            if info.has_statistics() {
                out.extend(STATISTICS.iter().map(|s| format!("{}.{s}", info.name)));
            } else {
                out.push(info.name.to_owned());
            }
        }
        out.extend(self.keys.facts().map(|info| info.name.to_owned()));
        out
    }

    /// Whether a value that stands by itself is a comparison in the words of another tool; then that is told.
    fn compares(&mut self, owner: &str, node: &Node, text: &str, sort: Sort) -> bool {
        let right = match sort {
            Sort::Number(unit) => quantity::parse(text, unit).is_ok(),
            Sort::Text | Sort::Any => !text.starts_with(['<', '>', '=', '!', '~', '/', '≥', '≤']),
            _ => true,
        };
        let tests = synonyms::comparison(node.shown().unwrap_or(text), self.subject(sort));
        if right || tests.is_empty() {
            return false;
        }
        let literal = match sort {
            Sort::Number(_) => String::new(),
            _ => format!("; for this very text, `{owner}: {{eq: {}}}`", flow(node)),
        };
        let message = format!("`{owner}`: `{}` is a comparison written as text", node.shown().unwrap_or(text));
        self.errors.add(node.span, message, format!("write {}{literal}", alternatives(&entries_of(owner, &tests))));
        true
    }

    /// What is being read, whose values are of this sort.
    fn subject(&self, sort: Sort) -> Subject {
        self.typing.subject.map_or(Subject::of_sort(sort), |subject| subject.with(sort))
    }

    /// Whether a node is a null as documents have it. One that is empty was left unfinished.
    fn is_null(&self, node: &Node) -> bool {
        let written = || {
            let source = self.sources.get(node.span.source)?;
            source.text.get(node.span.start as usize..node.span.end as usize).map(str::trim)
        };
        let named = || written().is_some_and(|text| matches!(text, "null" | "Null" | "NULL" | "~"));
        matches!(node.kind, NodeKind::Null) && matches!(self.typing.form, Form::Document) && named()
    }

    /// What to write where there is nothing.
    fn instead_of_null(&self, owner: &str) -> String {
        if matches!(self.typing.form, Form::Document) {
            format!(
                "write `{owner}: null` for a null that is there, `{owner}: {{present: false}}` for what is not there at all"
            )
        } else {
            format!("write `{owner}: {{present: false}}` for what is not there")
        }
    }

    /// The tests of a scalar (`eq`) or of a map of operators, each with its place and its text.
    fn tests(&mut self, owner: &str, node: &Node, sort: Sort) -> Vec<Read> {
        match &node.kind {
            NodeKind::Scalar(..) if matches!(sort, Sort::Column(_)) => {
                self.one_for_many(owner, node, sort);
                Vec::new()
            }
            NodeKind::Scalar(..) if sort == Sort::List => {
                self.one_for_many(owner, node, sort);
                Vec::new()
            }
            NodeKind::Scalar(text, _) if self.compares(owner, node, text, sort) => Vec::new(),
            NodeKind::Scalar(..) => {
                let test = self.whole(owner, node, sort).map(Test::Eq);
                test.map(|test| (Operator::Eq, test, node.span, written(node))).into_iter().collect()
            }
            NodeKind::Map(entries) if entries.is_empty() => {
                self.errors.add(node.span, format!("`{owner}` is expected to be nothing at all"), "write an operator");
                Vec::new()
            }
            NodeKind::Map(entries) => {
                let mut out = Vec::new();
                for (key, below) in entries {
                    let Some(operator) = sort.operators().find(|operator| operator.word() == key.name) else {
                        let tests = synonyms::test(&key.name, below, self.subject(sort));
                        let meant =
                            (!tests.is_empty()).then(|| format!("write {}", alternatives(&entries_of(owner, &tests))));
                        let near = || suggest(&key.name, sort.operators().map(Operator::word));
                        let null = matches!(&*plain(&key.name), "null" | "is_null" | "isnull");
                        let null =
                            (null && matches!(self.typing.form, Form::Document)).then(|| self.instead_of_null(owner));
                        let help = match null.or(meant).unwrap_or_else(near) {
                            near if near.starts_with("write ") => near,
                            near if near.starts_with("did you mean") || sort != Sort::Any => near,
                            _ => format!("if it is a key in there, write it behind a dot: `{owner}.{}: …`", key.name),
                        };
                        self.errors.add(key.span, format!("`{owner}` has no operator `{}`", key.name), help);
                        continue;
                    };
                    if let Some(test) = self.test(owner, operator, below, sort) {
                        out.push((operator, test, below.span, written(below)));
                    }
                }
                out
            }
            NodeKind::Null if self.is_null(node) => {
                vec![(Operator::Eq, Test::Eq(Value::Null), node.span, written(node))]
            }
            NodeKind::List(_) | NodeKind::Null => {
                let text = flow(node);
                let help = match sort {
                    _ if matches!(node.kind, NodeKind::Null) => self.instead_of_null(owner),
                    Sort::List | Sort::Any => {
                        format!(
                            "write `{owner}: {{exactly: {text}}}`, or `{owner}: {{contains: {text}}}` where more may be there"
                        )
                    }
                    Sort::Text => format!(
                        "write `{owner}: {{contains: {text}}}` where all are parts of it, or `{owner}: {{in: {text}}}` for one of several"
                    ),
                    Sort::Bool | Sort::Time => "write one value".to_owned(),
                    _ => format!("write `{owner}: {{in: {text}}}` for one of several"),
                };
                self.errors.add(node.span, format!("`{owner}`: this is {}, not a value", node.sort()), help);
                Vec::new()
            }
        }
    }
}

/// An entry of `expect` for each of several values.
fn entries_of(path: &str, values: &[String]) -> Vec<String> {
    values.iter().map(|value| format!("{path}: {value}")).collect()
}

/// A node as a suite author would write it, for reports.
fn written(node: &Node) -> String {
    match &node.kind {
        NodeKind::Null => "null".into(),
        NodeKind::Scalar(text, _) => node.shown().unwrap_or(text).to_owned(),
        NodeKind::List(items) => format!("[{}]", items.iter().map(written).collect::<Vec<_>>().join(", ")),
        NodeKind::Map(entries) => {
            let parts: Vec<String> = entries.iter().map(|(key, n)| format!("{}: {}", key.name, written(n))).collect();
            format!("{{{}}}", parts.join(", "))
        }
    }
}
