//! `expect:` to typed expectations.

use std::sync::Arc;

use regex::RegexBuilder;

use super::diagnostic::{Diagnostics, Sources, Span, suggest};
use super::tree::{Kind as NodeKind, Node};
use crate::model::expectation::{Expectation, OperandForm, Operator, Parsed, Part, Sort, Test};
use crate::model::fact::{SETTLED_IN, STATISTICS};
use crate::model::{FactInfo, Kind, Unit, Value, quantity};

/// Largest compiled regular expression, bytes.
const REGEX_LIMIT: usize = 1 << 20;

/// Reads `expect:` against a family's facts.
pub struct Reader<'a> {
    /// Name of the family, for messages.
    pub family: &'a str,
    /// Its default expectations, for messages.
    pub usual: &'a str,
    /// How to switch on a fact that the fields of the check leave off.
    pub missing: &'a dyn Fn(&str) -> Option<&'static str>,
    /// Its facts.
    pub facts: &'static [FactInfo],
    /// Whether `settled_in` is a fact of this check.
    pub eventually: bool,
    /// Where errors go.
    pub errors: &'a mut Diagnostics,
    /// For places.
    pub sources: &'a Sources,
    /// True for a family's default.
    pub default: bool,
}

impl Reader<'_> {
    /// All expectations of the map `node`.
    pub fn read(&mut self, node: &Node) -> Vec<Expectation> {
        let mut out = Vec::new();
        if node.entries().is_empty() {
            self.errors.add(
                node.span,
                "`expect` is empty and would hold for anything",
                "write what must hold, or leave `expect` out for the family's default",
            );
            return out;
        }
        for (key, value) in node.entries() {
            let Some((info, part)) = self.fact(&key.name, key.span) else { continue };
            let sort = match &part {
                Part::Statistic("count") => Sort::Number(Unit::Count),
                Part::Path(_) => Sort::Any,
                _ => Sort::of(info.kind, info.unit),
            };
            let path: Arc<str> = key.name.as_str().into();
            for (operator, test, span, want) in self.tests(&key.name, value, sort) {
                if let Some(bound) = info.bounded_by.filter(|_| test.limits_above(sort)) {
                    let message = format!(
                        "`{}` is an estimate and may read too low: an upper limit of it proves nothing",
                        key.name
                    );
                    self.errors.add(
                        span,
                        message,
                        format!("write the limit for `{bound}`, which the true value never exceeds"),
                    );
                }
                let at = (!self.default).then(|| self.sources.place_of(span));
                out.push(Expectation {
                    path: path.clone(),
                    info,
                    part: part.clone(),
                    sort,
                    operator,
                    test,
                    want: want.into(),
                    at,
                });
            }
        }
        if !out.is_empty() && out.iter().all(|expectation| expectation.test.holds(None, expectation.sort)) {
            let help = format!(
                "expect what must be there as well; the family's default is {}",
                self.usual.replace('\n', ", ")
            );
            self.errors.add(
                node.span,
                "every expectation here holds for an absent fact: a dead target would pass",
                help,
            );
        }
        out
    }

    fn fact(&mut self, path: &str, span: Span) -> Option<(FactInfo, Part)> {
        let settled = [SETTLED_IN];
        let known = self.facts.iter().chain(settled.iter().filter(|_| self.eventually));
        let found = known
            .filter(|info| path == info.name || path.strip_prefix(info.name).is_some_and(|rest| rest.starts_with('.')))
            .max_by_key(|info| info.name.len())
            .copied();
        let Some(info) = found else {
            let names = self.paths();
            let help = suggest(path, names.iter().map(String::as_str));
            self.errors.add(span, format!("`{}` has no fact `{path}`", self.family), help);
            return None;
        };
        if let Some(with) = (self.missing)(info.name) {
            let help = format!("add `{with}` to `{}`, or take it out of `expect`", self.family);
            self.errors.add(span, format!("`{path}` is seen only with `{with}`"), help);
            return None;
        }
        let rest = path.get(info.name.len() + 1..);
        match (info.kind, rest) {
            (Kind::Distribution, None) => {
                let help = format!("say which part: `{path}.p95`, or .{}", STATISTICS.join(" ."));
                self.errors.add(span, format!("`{path}` is a distribution"), help);
                None
            }
            (Kind::Distribution, Some(rest)) => {
                let Some(statistic) = STATISTICS.iter().find(|name| **name == rest) else {
                    let names: Vec<String> = STATISTICS.iter().map(|s| format!("{}.{s}", info.name)).collect();
                    let help = suggest(path, names.iter().map(String::as_str));
                    self.errors.add(span, format!("`{}` has no `{rest}`", info.name), help);
                    return None;
                };
                Some((info, Part::Statistic(statistic)))
            }
            (_, None) => Some((info, Part::Whole)),
            (Kind::Object, Some(rest)) => Some((info, Part::Path(rest.split('.').map(str::to_owned).collect()))),
            (_, Some(_)) => {
                let names = self.paths();
                let help = suggest(path, names.iter().map(String::as_str));
                self.errors.add(span, format!("`{}` has no fact `{path}`", self.family), help);
                None
            }
        }
    }

    fn paths(&self) -> Vec<String> {
        let mut out = Vec::new();
        for info in self.facts {
            if info.kind == Kind::Distribution {
                out.extend(STATISTICS.iter().map(|s| format!("{}.{s}", info.name)));
            } else {
                out.push(info.name.to_owned());
            }
        }
        if self.eventually {
            out.push(SETTLED_IN.name.to_owned());
        }
        out
    }

    /// The tests of a scalar (`eq`) or of a map of operators, each with its place and its text.
    fn tests(&mut self, owner: &str, node: &Node, sort: Sort) -> Vec<(Operator, Test, Span, String)> {
        match &node.kind {
            NodeKind::Scalar(..) if sort == Sort::List => {
                let help = "say how: contains, exactly, any, all or none";
                self.errors.add(node.span, format!("`{owner}` is a list, this is one value"), help);
                Vec::new()
            }
            NodeKind::Scalar(text, _) => {
                let test = self.value(owner, node, sort).map(Test::Eq);
                test.map(|test| (Operator::Eq, test, node.span, text.clone())).into_iter().collect()
            }
            NodeKind::Map(entries) if entries.is_empty() => {
                self.errors.add(node.span, format!("`{owner}` is expected to be nothing at all"), "write an operator");
                Vec::new()
            }
            NodeKind::Map(entries) => {
                let mut out = Vec::new();
                for (key, below) in entries {
                    let Some(operator) = sort.operators().find(|operator| operator.word() == key.name) else {
                        let help = suggest(&key.name, sort.operators().map(Operator::word));
                        self.errors.add(key.span, format!("`{owner}` has no operator `{}`", key.name), help);
                        continue;
                    };
                    if let Some(test) = self.test(owner, operator, below, sort) {
                        out.push((operator, test, below.span, written(below)));
                    }
                }
                out
            }
            NodeKind::List(_) | NodeKind::Null => {
                let help = match sort {
                    Sort::List | Sort::Any => "say how: exactly, contains, any, all, none or eq",
                    _ => "write a value, or an operator such as {in: [...]}",
                };
                self.errors.add(node.span, format!("`{owner}` is {}", node.sort()), help);
                Vec::new()
            }
        }
    }

    fn test(&mut self, owner: &str, operator: Operator, node: &Node, sort: Sort) -> Option<Test> {
        let parsed = match operator.operand() {
            OperandForm::Whole => Parsed::Value(self.eq_value(owner, node, sort)?),
            OperandForm::Value => Parsed::Value(self.value(owner, node, sort)?),
            OperandForm::Range => self.range(owner, node, sort)?,
            OperandForm::Values => Parsed::Values(self.values(owner, node, sort, true)?),
            OperandForm::Elements => Parsed::Values(self.values(owner, node, element(sort), true)?),
            OperandForm::AllElements => Parsed::Values(self.values(owner, node, element(sort), false)?),
            OperandForm::Pattern => Parsed::Pattern(self.regex(owner, node)?),
            OperandForm::Flag => Parsed::Flag(self.value(owner, node, Sort::Bool)?.as_bool()?),
            OperandForm::OfElement => Parsed::Test(self.one_of(owner, node, element(sort))?),
            OperandForm::OfLength => Parsed::Test(self.one_of(owner, node, Sort::Number(Unit::Count))?),
            OperandForm::OfValue => Parsed::Test(self.one_of(owner, node, sort)?),
            OperandForm::Alternatives => Parsed::Tests(self.parts(owner, node, sort)?),
        };
        operator.test(parsed)
    }

    /// The operators of one map, all of which must hold.
    fn one_of(&mut self, owner: &str, node: &Node, sort: Sort) -> Option<Test> {
        let mut tests: Vec<Test> = self.tests(owner, node, sort).into_iter().map(|(_, test, ..)| test).collect();
        match tests.len() {
            0 => None,
            1 => tests.pop(),
            _ => Some(Test::AllOf(tests)),
        }
    }

    fn parts(&mut self, owner: &str, node: &Node, sort: Sort) -> Option<Vec<Test>> {
        let items = self.items(owner, node, true)?.to_vec();
        items.iter().map(|item| self.one_of(owner, item, sort)).collect()
    }

    fn items<'n>(&mut self, owner: &str, node: &'n Node, some: bool) -> Option<&'n [Node]> {
        match &node.kind {
            NodeKind::List(items) if items.is_empty() && some => {
                self.errors.add(
                    node.span,
                    format!("`{owner}`: the list is empty and decides nothing"),
                    "name at least one",
                );
                None
            }
            NodeKind::List(items) => Some(items),
            NodeKind::Scalar(..) | NodeKind::Map(_) => Some(std::slice::from_ref(node)),
            NodeKind::Null => {
                self.errors.add(node.span, format!("`{owner}`: a list is missing"), "write [a, b]");
                None
            }
        }
    }

    fn values(&mut self, owner: &str, node: &Node, sort: Sort, some: bool) -> Option<Vec<Value>> {
        let items = self.items(owner, node, some)?.to_vec();
        items.iter().map(|item| self.value(owner, item, sort)).collect()
    }

    fn range(&mut self, owner: &str, node: &Node, sort: Sort) -> Option<Parsed> {
        let ends = self.values(owner, node, sort, true)?;
        match ends.as_slice() {
            [low, high] => {
                if !Test::Le(high.clone()).holds(Some(low), sort) {
                    self.errors.add(node.span, format!("`{owner}`: nothing is between these"), "write [low, high]");
                }
                Some(Parsed::Range(low.clone(), high.clone()))
            }
            _ => {
                self.errors.add(node.span, format!("`{owner}`: between takes two values"), "write [low, high]");
                None
            }
        }
    }

    fn eq_value(&mut self, owner: &str, node: &Node, sort: Sort) -> Option<Value> {
        match (&node.kind, sort) {
            (NodeKind::List(_), Sort::List | Sort::Any) => {
                self.values(owner, node, element(sort), false).map(Value::Array)
            }
            (_, Sort::List) => {
                let help = "write [a, b]; or contains, exactly, any, all, none";
                self.errors.add(node.span, format!("`{owner}` is a list, this is {}", node.sort()), help);
                None
            }
            _ => self.value(owner, node, sort),
        }
    }

    fn regex(&mut self, owner: &str, node: &Node) -> Option<regex::Regex> {
        let text = node.text().unwrap_or_default();
        match RegexBuilder::new(text).size_limit(REGEX_LIMIT).build() {
            Ok(regex) if !text.is_empty() => Some(regex),
            Ok(_) => {
                self.errors.add(node.span, format!("`{owner}`: an empty pattern matches anything"), "write a pattern");
                None
            }
            Err(error) => {
                let why = error.to_string();
                let last = why.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
                self.errors.add(node.span, format!("`{owner}`: the pattern is not a regular expression"), last);
                None
            }
        }
    }

    fn value(&mut self, owner: &str, node: &Node, sort: Sort) -> Option<Value> {
        let NodeKind::Scalar(text, plain) = &node.kind else {
            self.errors.add(node.span, format!("`{owner}`: a value is missing, this is {}", node.sort()), "");
            return None;
        };
        match typed(text, *plain, sort) {
            Ok(value) => Some(value),
            Err(_) if text.contains("${") && self.errors.has(node.span) => None,
            Err(why) => {
                self.errors.add(node.span, format!("`{owner}`: {why}"), hint(sort));
                None
            }
        }
    }
}

/// Sort of the elements of a list.
const fn element(sort: Sort) -> Sort {
    match sort {
        Sort::List => Sort::Text,
        other => other,
    }
}

fn typed(text: &str, plain: bool, sort: Sort) -> Result<Value, String> {
    match sort {
        Sort::Bool => match text {
            "true" => Ok(Value::Bool(true)),
            "false" => Ok(Value::Bool(false)),
            _ => Err(format!("`{text}` is neither true nor false")),
        },
        Sort::Number(unit) => quantity::parse(text, unit).map(Value::from),
        Sort::Text | Sort::List => Ok(Value::from(text)),
        Sort::Choice(words) if words.contains(&text) => Ok(Value::from(text)),
        Sort::Choice(words) => Err(format!("`{text}` is never seen here; {}", suggest(text, words.iter().copied()))),
        Sort::Time => match text.parse::<jiff::Timestamp>() {
            Ok(_) => Ok(Value::from(text)),
            Err(_) => Err(format!("`{text}` is not an RFC 3339 time")),
        },
        Sort::Any if plain => Ok(serde_json::from_slice::<Value>(text.as_bytes())
            .ok()
            .filter(|value| value.is_number() || value.is_boolean())
            .unwrap_or_else(|| Value::from(text))),
        Sort::Any => Ok(Value::from(text)),
    }
}

fn hint(sort: Sort) -> String {
    match sort {
        Sort::Number(unit) => format!("write it like {}", unit.example()),
        Sort::Time => "write it like 2026-12-31T00:00:00Z".into(),
        Sort::Choice(words) => format!("one of {}", words.join(", ")),
        _ => String::new(),
    }
}

/// A node as a suite author would write it, for reports.
fn written(node: &Node) -> String {
    match &node.kind {
        NodeKind::Null => "~".into(),
        NodeKind::Scalar(text, _) => text.clone(),
        NodeKind::List(items) => format!("[{}]", items.iter().map(written).collect::<Vec<_>>().join(", ")),
        NodeKind::Map(entries) => {
            let parts: Vec<String> = entries.iter().map(|(key, n)| format!("{}: {}", key.name, written(n))).collect();
            format!("{{{}}}", parts.join(", "))
        }
    }
}
