//! The operand behind an operator, by its form.

use regex::RegexBuilder;

use super::{ExpectationReader, FactTyping};
use crate::model::expectation::{OperandForm, Operator, ParsedOperand, Sort, Test, domain};
use crate::model::typed::{Form, InvalidText};
use crate::model::{Text, Unit, Value, corrections, quantity, typed};
use crate::suite::args::HIDDEN;
use crate::suite::synonyms::{self, Subject, alternatives};
use crate::suite::tree::{Kind as NodeKind, Node};

/// Largest compiled regular expression, bytes.
const REGEX_LIMIT: usize = 1 << 20;

impl ExpectationReader<'_> {
    pub(super) fn test(&mut self, owner: &str, operator: Operator, node: &Node, sort: Sort) -> Option<Test> {
        if sort == Sort::Any && matches!(operator.operand(), OperandForm::Value | OperandForm::Range) {
            self.ordered_only(owner, operator, node)?;
        }
        let parsed = match operator.operand() {
            OperandForm::Whole => ParsedOperand::Value(self.eq_value(owner, node, sort)?),
            OperandForm::Value => ParsedOperand::Value(self.value(owner, node, sort)?),
            OperandForm::Range => self.range(owner, node, sort)?,
            OperandForm::Values => ParsedOperand::Values(self.values(owner, node, sort, true)?),
            OperandForm::Elements => ParsedOperand::Values(self.parts_of(owner, node, sort)?),
            OperandForm::AllElements => ParsedOperand::Values(self.values(owner, node, sort.element(), false)?),
            OperandForm::Pattern => ParsedOperand::Pattern(self.regex(owner, node)?),
            OperandForm::Flag => ParsedOperand::Flag(self.value(owner, node, Sort::Bool)?.as_bool()?),
            OperandForm::OfElement => ParsedOperand::Test(self.one_of(owner, node, sort.element())?),
            OperandForm::OfLength => ParsedOperand::Test(self.length(owner, node)?),
            OperandForm::OfValue => ParsedOperand::Test(self.one_of(owner, node, sort)?),
            OperandForm::Alternatives => ParsedOperand::Tests(self.parts(owner, node, sort)?),
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

    /// What stands in a document has an order when it is a number or a version, and no unit.
    fn ordered_only(&mut self, owner: &str, operator: Operator, node: &Node) -> Option<()> {
        let items = match node.kind {
            NodeKind::Null => std::slice::from_ref(node),
            _ => self.items(owner, node, true)?,
        };
        let ordered = |item: &&Node| {
            if matches!(item.kind, NodeKind::Null) {
                return false;
            }
            let text = item.text().unwrap_or_default();
            typed::number_text(text).is_some() || is_version(text)
        };
        let Some(wrong) = items.iter().find(|item| !ordered(item)) else { return Some(()) };
        let shown = wrong.shown().unwrap_or("null").to_owned();
        let message =
            format!("`{owner}`: `{shown}` is neither a number nor a version, which `{0}` needs", operator.word());
        let number = shown.find(|c: char| !c.is_ascii_digit() && c != '.').map_or("", |end| &shown[..end]);
        let help = match number.trim_end_matches('.') {
            "" => {
                format!("write a number, such as {{{0}: 5}}, or a version, such as {{{0}: \"1.4.0\"}}", operator.word())
            }
            number => format!(
                "write the number as it is in the document, without a unit: `{owner}: {{{0}: {number}}}`; a version has dots: {{{0}: \"1.4.0\"}}",
                operator.word()
            ),
        };
        self.errors.add(wrong.span, message, help);
        None
    }

    /// The elements of a list, or the parts of a text.
    fn parts_of(&mut self, owner: &str, node: &Node, sort: Sort) -> Option<Vec<Value>> {
        if sort == Sort::List {
            return self.values(owner, node, Sort::Text, true);
        }
        // A part of a text need not be a value.
        let items = self.items(owner, node, true)?.to_vec();
        let mut values = Vec::with_capacity(items.len());
        for item in &items {
            let value = self.value(owner, item, sort)?;
            // What stands in none of the words is none of them either.
            let foreign = match (self.typing.form, value.as_str()) {
                (Form::Words(words), Some(part)) => !words.iter().any(|word| Form::Word.contains(None, word, part)),
                _ => false,
            };
            // Values of cookies are in no report, and so in no part of one.
            let foreign = foreign || matches!(self.typing.form, Form::Cookies);
            values.push(if foreign { self.whole(owner, item, Sort::Text)? } else { value });
        }
        if values.iter().any(|value| value.as_str() == Some("")) {
            self.errors.add(
                node.span,
                format!("`{owner}`: every text contains the empty one"),
                "write a part of the text",
            );
            return None;
        }
        Some(values)
    }

    fn length(&mut self, owner: &str, node: &Node) -> Option<Test> {
        let test = self.one_of(owner, node, Sort::Number(Unit::Count))?;
        if domain::always_holds(&test, Sort::Number(Unit::Count), (Some(0.0), None)) {
            let help = "write the length that must be there, such as {ge: 1}";
            self.errors.add(node.span, format!("`{owner}`: every length is like that"), help);
        }
        Some(test)
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
        items.iter().map(|item| self.whole(owner, item, sort)).collect()
    }

    fn range(&mut self, owner: &str, node: &Node, sort: Sort) -> Option<ParsedOperand> {
        let ends = self.values(owner, node, sort, true)?;
        match ends.as_slice() {
            [low, high] => {
                if !Test::Le(high.clone()).holds(Some(low), sort) {
                    let ends: Vec<&str> = self.items(owner, node, true)?.iter().filter_map(Node::shown).collect();
                    let help = format!(
                        "write `{owner}: {{between: [{}]}}`: the lower one first",
                        [ends[1], ends[0]].join(", ")
                    );
                    self.errors.add(node.span, format!("`{owner}`: nothing is between these"), help);
                    return None;
                }
                Some(ParsedOperand::Range(low.clone(), high.clone()))
            }
            _ => {
                let help = format!("write `{owner}: {{between: [LOW, HIGH]}}`");
                self.errors.add(node.span, format!("`{owner}`: between takes two values"), help);
                None
            }
        }
    }

    fn eq_value(&mut self, owner: &str, node: &Node, sort: Sort) -> Option<Value> {
        match (&node.kind, sort) {
            (NodeKind::List(_), Sort::List | Sort::Any) => {
                self.values(owner, node, sort.element(), false).map(Value::Array)
            }
            (_, Sort::List) => {
                let text = node.shown().map_or("a, b".to_owned(), str::to_owned);
                let help = format!("write [{text}]; or contains, exactly, any, all, none");
                self.errors.add(node.span, format!("`{owner}` is a list, this is {}", node.sort()), help);
                None
            }
            _ => self.whole(owner, node, sort),
        }
    }

    /// A value the whole fact, or an element of it, is compared with: one that it can be.
    pub(super) fn whole(&mut self, owner: &str, node: &Node, sort: Sort) -> Option<Value> {
        let value = self.value(owner, node, sort)?;
        let FactTyping { form, kind, .. } = &self.typing;
        let impossible = value
            .as_str()
            .filter(|_| matches!(sort, Sort::Text | Sort::Any))
            .and_then(|text| form.impossible(kind.as_deref(), text));
        let Some(InvalidText { why, help }) = impossible else { return Some(value) };
        let (why, help) = match &node.shown {
            None => (why, help),
            // What is told of a secret is told of what stands for it.
            Some(shown) => (format!("`{shown}` can never be seen here"), HIDDEN.to_owned()),
        };
        self.errors.add(node.span, format!("`{owner}`: {why}"), help);
        None
    }

    fn regex(&mut self, owner: &str, node: &Node) -> Option<regex::Regex> {
        // A secret is no pattern.
        let text = Text::new(node.text().unwrap_or_default(), node.shown.as_deref()).with_secrets(regex::escape);
        match RegexBuilder::new(&text).size_limit(REGEX_LIMIT).build() {
            Ok(regex) if !domain::matches_anything(&regex) => Some(regex),
            Ok(_) => {
                let message = format!("`{owner}`: the pattern `{}` matches anything", node.shown().unwrap_or_default());
                let help = "write a pattern that some texts do not match; `.` is any text but the empty one";
                self.errors.add(node.span, message, help);
                None
            }
            Err(error) => {
                let why = error.to_string();
                let last = why.lines().last().unwrap_or_default().trim_start_matches("error: ");
                let last = if node.shown.is_some() { HIDDEN.to_owned() } else { last.to_owned() };
                self.errors.add(node.span, format!("`{owner}`: the pattern is not a regular expression"), last);
                None
            }
        }
    }

    pub(super) fn value(&mut self, owner: &str, node: &Node, sort: Sort) -> Option<Value> {
        if sort == Sort::Any && self.is_null(node) {
            return Some(Value::Null);
        }
        let NodeKind::Scalar(text, plain) = &node.kind else {
            let help = match sort {
                _ if matches!(node.kind, NodeKind::Null) => self.instead_of_null(owner),
                Sort::Bool => "write true or false".to_owned(),
                _ if hint(sort).is_empty() => "write one value".to_owned(),
                _ => hint(sort),
            };
            self.errors.add(node.span, format!("`{owner}`: a value is missing, this is {}", node.sort()), help);
            return None;
        };
        match typed(text, *plain, sort) {
            Ok(value) => Some(value),
            Err(_) if text.contains("${") && self.errors.has(node.span) => None,
            Err(why) => {
                let why = match &node.shown {
                    None => why,
                    Some(shown) => typed(shown, *plain, sort).err().unwrap_or_else(|| HIDDEN.to_owned()),
                };
                let help = if node.shown.is_some() { hint(sort) } else { self.value_help(owner, text, sort) };
                self.errors.add(node.span, format!("`{owner}`: {why}"), help);
                None
            }
        }
    }
}

impl ExpectationReader<'_> {
    /// What to write in place of a value that does not fit.
    fn value_help(&self, owner: &str, text: &str, sort: Sort) -> String {
        let found: Vec<String> = match sort {
            Sort::Number(unit) => self.subject(sort).quantities(text, unit),
            Sort::Bool => corrections::flag(text).map(str::to_owned).into_iter().collect(),
            Sort::Choice(words) => corrections::word(text, words).map(str::to_owned).into_iter().collect(),
            _ => Vec::new(),
        };
        let tests = synonyms::comparison(text, self.subject(sort));
        if found.is_empty() && matches!(sort, Sort::Number(_)) && !tests.is_empty() {
            return format!("write {}", alternatives(&super::entries_of(owner, &tests)));
        }
        let several = match sort {
            Sort::Choice(words) => format!("; the words are {}", words.join(", ")),
            _ => String::new(),
        };
        match found.as_slice() {
            [] => self.period(owner, text).filter(|_| sort == Sort::Time).unwrap_or_else(|| hint(sort)),
            found => format!("write {}{several}", found.iter().take(2).cloned().collect::<Vec<_>>().join(" or ")),
        }
    }

    /// The fact to ask, for who asks a point in time how far away it is: `not_after: "> 30d"`.
    fn period(&self, owner: &str, text: &str) -> Option<String> {
        let length = text.trim_start_matches(['<', '>', '=', ' ']);
        quantity::parse(length, Unit::Seconds).ok()?;
        let fact = format!("{}expires_in", owner.strip_suffix("not_after")?);
        let subject = Subject::at(self.facts, &fact).filter(|subject| matches!(subject.sort, Sort::Number(_)))?;
        let tests = synonyms::comparison(text, subject).into_iter().next();
        let test = tests.unwrap_or_else(|| format!("{{gt: {length}}}"));
        Some(format!("for the time that is left write `{fact}: {test}` in place of `{owner}`"))
    }
}

/// Numbers between dots, behind a product where there is one: `1.10`, `v2.0.1`, `nginx/1.24.0`. `20ms` and `1.5s` are none.
fn is_version(text: &str) -> bool {
    let begin = text.find(|c: char| c.is_ascii_digit()).unwrap_or(text.len());
    let (product, rest) = text.split_at(begin);
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
    let (numbers, more) = rest.split_at(end);
    let joined = product.is_empty() || product.ends_with(['v', 'V', '/', '-', '_', ' ']);
    // Behind a single dot only what marks a stage or a build: 1.5s is a time.
    let several = numbers.matches('.').count() > 1 || more.is_empty() || more.starts_with(['-', '+', ' ', 'p']);
    joined && several && numbers.split('.').all(|part| !part.is_empty()) && numbers.contains('.') | !product.is_empty()
}

fn typed(text: &str, plain: bool, sort: Sort) -> Result<Value, String> {
    match sort {
        // All that YAML's core schema takes for one.
        Sort::Bool => match text {
            "true" | "True" | "TRUE" => Ok(Value::Bool(true)),
            "false" | "False" | "FALSE" => Ok(Value::Bool(false)),
            _ => Err(format!("`{text}` is neither true nor false")),
        },
        Sort::Number(unit) => quantity::parse(text, unit).map(|number| match typed::number_text(text) {
            // Every digit of it, also beyond 2^53.
            Some(exact) if text.bytes().all(|byte| byte.is_ascii_digit()) => Value::Number(exact),
            _ => Value::from(number),
        }),
        Sort::Text | Sort::List | Sort::Column(_) => Ok(Value::from(text)),
        Sort::Choice(words) if words.contains(&text) => Ok(Value::from(text)),
        Sort::Choice(words) if typed::canonical_word(words, text).is_some() => {
            Ok(Value::from(typed::canonical_word(words, text)))
        }
        Sort::Choice(words) => Err(match corrections::word(text, words) {
            Some(word) => format!("`{text}` is never seen here; did you mean `{word}`?"),
            None => format!("`{text}` is never seen here"),
        }),
        Sort::Time => match text.parse::<jiff::Timestamp>() {
            Ok(_) => Ok(Value::from(text)),
            Err(_) => Err(format!("`{text}` is not an RFC 3339 time")),
        },
        Sort::Any if plain => Ok(match (text, typed::number_text(text)) {
            ("true" | "True" | "TRUE", _) => Value::Bool(true),
            ("false" | "False" | "FALSE", _) => Value::Bool(false),
            (_, Some(number)) => Value::Number(number),
            (_, None) => Value::from(text),
        }),
        Sort::Any => Ok(Value::from(text)),
    }
}

fn hint(sort: Sort) -> String {
    match sort {
        Sort::Number(Unit::Count) => "write a number, such as 3, or a range, {between: [LOW, HIGH]}".into(),
        Sort::Bool => "write true or false".into(),
        Sort::Number(Unit::Seconds) => "write it with its unit, like 20ms, 5s or 30d".into(),
        Sort::Number(unit) => format!("write it with its unit, like {}", unit.example()),
        Sort::Time => "write it like 2026-12-31T00:00:00Z".into(),
        Sort::Choice(words) => format!("write one of {}", words.join(", ")),
        _ => String::new(),
    }
}
