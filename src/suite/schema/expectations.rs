//! Schemas of expectations, by the sort of their fact. What a sort allows stands in `$defs` once, in up to three forms.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::fields::{quantity_name, reference, several};
use super::words;
use crate::model::expectation::{OperandForm, Operator, Sort};
use crate::model::fact::{FactKeys, STATISTICS, parity};
use crate::model::{FactInfo, Kind, Unit, typed};
use crate::probe::Family;

/// What may be asked of a fact, beside what its sort allows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// All of it.
    All,
    /// No single value: a statistic of what is measured is never exactly one.
    Limits,
    /// Nothing but words that are named: an outcome.
    Named,
    /// All of it, and null, which is a value in documents of others.
    Document,
}

impl Form {
    const fn suffix(self) -> &'static str {
        match self {
            Self::All => "",
            Self::Limits => ".limits",
            Self::Named => ".named",
            Self::Document => ".document",
        }
    }

    fn allows(self, operator: Operator) -> bool {
        match self {
            Self::All | Self::Document => true,
            Self::Limits => operator != Operator::Eq,
            Self::Named => {
                matches!(operator, Operator::Eq | Operator::In | Operator::AnyOf | Operator::AllOf)
            }
        }
    }

    /// The form of what stands inside of `not`, of a list and the like: there everything is allowed.
    const fn inside(self) -> Self {
        match self {
            Self::Document => self,
            _ => Self::All,
        }
    }
}

/// Word of a unit in names of definitions.
pub(super) const fn unit_word(unit: Unit) -> &'static str {
    match unit {
        Unit::Count => "count",
        Unit::Ratio => "ratio",
        Unit::Seconds => "seconds",
        Unit::Bytes => "bytes",
        Unit::BitsPerSecond => "bits_per_second",
        Unit::PerSecond => "per_second",
    }
}

fn name(sort: Sort, form: Form) -> String {
    let sort = match sort {
        Sort::Bool => "bool".to_owned(),
        Sort::Number(unit) => unit_word(unit).to_owned(),
        Sort::Text => "text".to_owned(),
        Sort::List => "list".to_owned(),
        Sort::Time => "time".to_owned(),
        Sort::Any => "any".to_owned(),
        Sort::Column(_) => format!("column.{}", name(sort.element(), Form::All).trim_start_matches("is.")),
        Sort::Choice(words) => words::name(words),
    };
    format!("is.{sort}{}", form.suffix())
}

/// Definitions of every sort and form that the facts of `families` have.
pub(super) fn shared(families: &[Family]) -> Map<String, Value> {
    let mut out = Map::new();
    let facts = || families.iter().flat_map(|family| family.facts).chain(FactKeys::ALL.facts());
    for fact in facts() {
        for (sort, form) in uses(fact) {
            out.entry(name(sort, form)).or_insert_with(|| tests(sort, form));
            // Choices have that in common.
            if !matches!(sort, Sort::Choice(_) | Sort::Column(_)) {
                out.entry(name(sort, form.inside())).or_insert_with(|| tests(sort, form.inside()));
            }
        }
        if let Kind::Choice(words) = fact.kind {
            out.entry(words::name(words)).or_insert_with(|| words::schema(words));
        }
    }
    out.extend(statistics(families));
    for fact in FactKeys::ALL.facts() {
        let sort = if fact.kind == Kind::Object { Sort::Any } else { Sort::of(fact.kind, fact.unit) };
        out.insert(fact.name.into(), described(sort, fact));
    }
    for form in [Form::All, Form::Named] {
        let of_all = format!("is.choice{}", form.suffix());
        let any_choice = json!({"anyOf": [reference("text"), reference(&of_all)]});
        out.insert(format!("is.any_choice{}", form.suffix()), any_choice);
        out.insert(of_all, operators(Sort::Choice(&[]), form));
    }
    for sort in [Sort::Text, Sort::Any, Sort::List, Sort::Number(Unit::Count)] {
        out.entry(name(sort, Form::All)).or_insert_with(|| tests(sort, Form::All));
    }
    out
}

fn uses(fact: &FactInfo) -> Vec<(Sort, Form)> {
    let sort = Sort::of(fact.kind, fact.unit);
    let mut out = vec![(sort, form_of(fact))];
    if fact.is_column {
        out.push((Sort::of_column(fact), Form::All));
    }
    if matches!(fact.kind, Kind::Table(_)) {
        out.push((Sort::Any, Form::All));
    }
    if fact.has_statistics() {
        out.push((Sort::Number(Unit::Count), Form::All));
    }
    out
}

fn form_of(fact: &FactInfo) -> Form {
    match fact.kind {
        _ if fact.roles.outcome => Form::Named,
        _ if matches!(fact.form, typed::Form::Document) => Form::Document,
        Kind::Distribution if fact.better.is_some() => Form::Limits,
        Kind::Interval => Form::Limits,
        _ if fact.time.runs_on() => Form::Limits,
        _ => Form::All,
    }
}

/// Schema of `expect` of a family.
pub(super) fn of(family: &Family) -> Value {
    let mut properties = Map::new();
    let mut patterns = Map::new();
    // Distributions by what may be asked of them.
    let mut statistics: BTreeMap<String, Vec<String>> = BTreeMap::new();
    // Columns by their table, and by what may be asked of a cell.
    let mut cells: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    for info in family.facts {
        let sort = Sort::of(info.kind, info.unit);
        let escaped = info.name.replace('.', "\\.");
        match info.kind {
            Kind::Table(_) => {
                properties.insert(info.name.into(), described(sort, info));
                let columns = family.facts.iter().filter(|fact| fact.is_column_of(info));
                let columns: Vec<&str> = columns.map(|fact| &fact.name[info.name.len() + 1..]).collect();
                let pattern = format!("^{escaped}\\.row\\.(?!.+\\.({})$).", columns.join("|"));
                patterns.insert(pattern, described(Sort::Any, info));
            }
            _ if info.is_column => {
                let column = reference(&name(Sort::of_column(info), Form::All));
                properties.insert(info.name.into(), json!({"description": info.help, "allOf": [column]}));
                let (table, column) = escaped.rsplit_once("\\.").unwrap_or_default();
                let named = family.facts.iter().any(|fact| fact.row_names.is_some() && info.is_column_of(fact));
                let rows = if named { "(row\\.)?" } else { "row\\." };
                cells
                    .entry((format!("{table}\\.{rows}"), name(sort, form_of(info))))
                    .or_default()
                    .push(column.to_owned());
                if info.has_statistics() {
                    statistics.entry(name(sort, form_of(info))).or_default().push(escaped);
                }
            }
            Kind::Distribution => {
                // The usual one is offered by editors, with the help of the fact.
                properties.insert(format!("{}.p95", info.name), described(sort, info));
                statistics.entry(name(sort, form_of(info))).or_default().push(escaped);
            }
            Kind::Object => {
                properties.insert(info.name.into(), described(sort, info));
                // Facts of their own are no parts of the document.
                let own = family.facts.iter().filter_map(|fact| fact.name.strip_prefix(info.name)?.strip_prefix('.'));
                let own: Vec<String> = own.map(|rest| format!("{}$", rest.replace('.', "\\."))).collect();
                let but = if own.is_empty() { String::new() } else { format!("(?!{})", own.join("|")) };
                // Headers are texts: there is no list of objects to choose from.
                let below = if matches!(info.form, typed::Form::Fields) { "\\." } else { "[.\\[]" };
                patterns.insert(format!("^{escaped}{below}{but}."), described(sort, info));
            }
            _ => {
                properties.insert(info.name.into(), described(sort, info));
            }
        }
    }
    // They stand in `$defs` once.
    for info in FactKeys::ALL.facts().filter(|info| family.no_parity.is_none() || !parity::is_parity(info)) {
        match info.kind {
            Kind::Object => patterns.insert(format!("^{}\\.", info.name.replace('.', "\\.")), reference(info.name)),
            _ => properties.insert(info.name.into(), reference(info.name)),
        };
    }
    patterns.extend(of_statistics(&statistics));
    patterns.extend(cells.iter().map(|((table, definition), columns)| {
        (format!("^{table}.+\\.({})$", columns.join("|")), reference(definition))
    }));
    json!({
        "type": "object", "minProperties": 1, "additionalProperties": false, "propertyNames": reference("key"),
        "properties": properties, "patternProperties": patterns
    })
}

/// Patterns of the other statistics of distributions, which stand here by the definition of what may be asked of them.
fn of_statistics(distributions: &BTreeMap<String, Vec<String>>) -> Map<String, Value> {
    let others: Vec<&str> = STATISTICS.iter().copied().filter(|part| !matches!(*part, "count" | "p95")).collect();
    let of = |(definition, names): (&String, &Vec<String>)| {
        (format!("^({})\\.({})$", names.join("|"), others.join("|")), reference(&statistic(definition)))
    };
    let mut out: Map<String, Value> = distributions.iter().map(of).collect();
    let counted: Vec<&str> = distributions.values().flatten().map(String::as_str).collect();
    if !counted.is_empty() {
        out.insert(format!("^({})\\.count$", counted.join("|")), reference(COUNT));
    }
    out
}

/// The number of measurements of a distribution.
const COUNT: &str = "statistic.count";

/// Name of the definition of a statistic of which `definition` may be asked.
fn statistic(definition: &str) -> String {
    format!("statistic.{definition}")
}

/// Definitions of the statistics of all distributions, by what may be asked of them.
fn statistics(families: &[Family]) -> Map<String, Value> {
    let facts = families.iter().flat_map(|family| family.facts);
    let distributions = facts.filter(|fact| fact.has_statistics());
    let mut out = Map::new();
    for fact in distributions {
        let of = name(Sort::of(fact.kind, fact.unit), form_of(fact));
        let help = "A statistic of the measurements; `.p95` says what is measured.";
        out.insert(statistic(&of), json!({"description": help, "allOf": [reference(&of)]}));
        let count = reference(&name(Sort::Number(Unit::Count), Form::All));
        out.insert(COUNT.into(), json!({"description": "How many measurements there are.", "allOf": [count]}));
    }
    out
}

/// Schema of an expectation of a fact, with its help.
fn described(sort: Sort, fact: &FactInfo) -> Value {
    json!({"description": fact.help, "allOf": [reference(&name(sort, form_of(fact)))]})
}

fn tests(sort: Sort, form: Form) -> Value {
    match (sort, form) {
        (Sort::Choice(words), _) => choice(words, form),
        (Sort::List | Sort::Column(_), _) => operators(sort, form),
        (_, Form::Document) => json!({"anyOf": [value(sort), {"type": "null"}, operators(sort, form)]}),
        (_, Form::All | Form::Named) => json!({"anyOf": [value(sort), operators(sort, form)]}),
        (_, Form::Limits) => {
            let refused = sort.operators().filter(|operator| !form.allows(*operator));
            let refused: Map<String, Value> = refused.map(|operator| (operator.word().into(), json!(false))).collect();
            json!({"type": "object", "properties": refused, "allOf": [reference(&name(sort, Form::All))]})
        }
    }
}

/// A map of the operators of a sort.
fn operators(sort: Sort, form: Form) -> Value {
    let mut operators = Map::new();
    for operator in sort.operators().filter(|operator| form.allows(*operator)) {
        operators.insert(operator.word().into(), operand(operator, sort, form));
    }
    json!({"type": "object", "minProperties": 1, "additionalProperties": false, "properties": operators})
}

/// Tests of a choice: the operators of all choices, with these words where they are compared as a whole.
fn choice(words: &'static [&'static str], form: Form) -> Value {
    let word = reference(&words::name(words));
    let several = several(&words::name(words));
    let mut own = Map::new();
    for (operator, schema) in
        [(Operator::Eq, &word), (Operator::Ne, &word), (Operator::In, &several), (Operator::NotIn, &several)]
    {
        if form.allows(operator) {
            own.insert(operator.word().into(), schema.clone());
        }
    }
    let of_all = reference(&format!("is.choice{}", form.suffix()));
    json!({"anyOf": [word, {"type": "object", "properties": own, "allOf": [of_all]}]})
}

fn operand(operator: Operator, sort: Sort, form: Form) -> Value {
    // A null by itself may be a list that was left unfinished; within one it is meant.
    let or_null = |item: Value| {
        if form == Form::Document { json!({"anyOf": [item, {"type": "null"}]}) } else { item }
    };
    let list = |item: Value, least: usize| {
        let mut list = json!({"type": "array", "items": or_null(item.clone())});
        if least > 0 {
            list["minItems"] = json!(least);
        }
        json!({"anyOf": [list, item]})
    };
    let within = if form == Form::Named { Form::Named } else { form.inside() };
    match operator.operand() {
        OperandForm::Flag => reference("flag"),
        OperandForm::Whole if sort == Sort::List => {
            json!({"anyOf": [{"type": "array", "items": reference("text")}, reference("variable")]})
        }
        OperandForm::Whole if sort == Sort::Any => or_null(list(reference("text"), 0)),
        OperandForm::Whole => value(sort),
        // What stands in a document has an order when it is a number or a version.
        OperandForm::Value if sort == Sort::Any => reference("ordered"),
        OperandForm::Value => value(sort),
        OperandForm::Values if form == Form::Document => list(value(sort), 1),
        OperandForm::Elements if form == Form::Document => list(reference("part"), 1),
        OperandForm::AllElements if form == Form::Document => list(value(sort), 0),
        OperandForm::Values => several(&value_name(sort)),
        OperandForm::Elements => several("part"),
        OperandForm::AllElements if matches!(sort.element(), Sort::Text | Sort::Any) => reference("texts"),
        OperandForm::AllElements => list(value(sort.element()), 0),
        OperandForm::Alternatives => several(&whole_name(sort, within)),
        OperandForm::Range => {
            let item = if sort == Sort::Any { reference("ordered") } else { value(sort) };
            json!({"anyOf": [{"type": "array", "minItems": 2, "maxItems": 2, "items": item}, reference("variable")]})
        }
        OperandForm::Pattern => reference("pattern"),
        OperandForm::OfElement => whole(sort.element(), within),
        OperandForm::OfLength => reference(&name(Sort::Number(Unit::Count), Form::All)),
        OperandForm::OfValue => whole(sort, within),
    }
}

/// All that may stand for a test of this sort.
fn whole(sort: Sort, form: Form) -> Value {
    reference(&whole_name(sort, form))
}

fn whole_name(sort: Sort, form: Form) -> String {
    match sort {
        // Of all choices.
        Sort::Choice([]) => format!("is.any_choice{}", form.suffix()),
        _ => name(sort, form),
    }
}

fn value(sort: Sort) -> Value {
    reference(&value_name(sort))
}

fn value_name(sort: Sort) -> String {
    match sort {
        Sort::Bool => "flag".into(),
        Sort::Number(unit) => quantity_name(unit, false),
        // Of all choices: which words there are, each says itself.
        Sort::Choice([]) | Sort::List | Sort::Text | Sort::Any | Sort::Column(_) => "text".into(),
        Sort::Choice(words) => words::name(words),
        Sort::Time => "time".into(),
    }
}
