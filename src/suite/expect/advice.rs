//! What to write in place of facts, and of paths below them, as other tools and people write them.

use std::borrow::Cow;

use regex::{Captures, Regex};

use super::{ExpectationReader, entries_of};
use crate::model::expectation::{FactPart, Operator, Sort};
use crate::model::fact::{Better, STATISTICS};
use crate::model::{FactInfo, Kind, TimeOf};
use crate::probe::{Synonyms, plain};
use crate::suite::diagnostic::suggest;
use crate::suite::synonyms::{self, Subject, alternatives, corrected};
use crate::suite::syntax::flow;
use crate::suite::tables;
use crate::suite::tree::Node;

impl ExpectationReader<'_> {
    /// What to write in place of a fact that there is none of.
    pub(super) fn other_fact(&self, path: &str, value: &Node) -> String {
        if let Some(help) = self.operator_in_path(path, value) {
            return help;
        }
        if Operator::of(&plain(path)).is_some() || (synonyms::is_operator(path) && path.contains(['<', '>', '='])) {
            let best = self.facts.iter().find(|fact| fact.better.is_some() && fact.kind == Kind::Distribution);
            let name = best.map_or_else(
                || "FACT".to_owned(),
                |fact| format!("{}.{}", fact.name, usual_part(fact.name, self.facts)),
            );
            let subject = Subject::at(self.facts, &name).unwrap_or(Subject::of_sort(Sort::Any));
            let tests = synonyms::test(path, value, subject);
            let test = tests.first().cloned().unwrap_or_else(|| format!("{{{path}: {}}}", flow(value)));
            return format!("name the fact it is about, such as `{name}: {test}`");
        }
        if let Some(instead) = self.meant_fact(path) {
            if let Some(why) = instead.strip_prefix('!') {
                return why.to_owned();
            }
            return format!("write {}", alternatives(&synonyms::expectation(&instead, value, self.facts)));
        }
        if let Some(path) = self.below_another(path) {
            return format!("write `{path}: {}`", corrected(value, Subject::of_sort(Sort::Any)).swap_remove(0));
        }
        if let Some(whole) = self.longer(path) {
            return whole;
        }
        if let Some(field) = self.family.fields.iter().find(|field| field.name == path) {
            let entry = format!("{}: {{…, {}: {}}}", self.family.name, field.name, flow(value));
            return format!("it is a field of the check, not a fact: write `{entry}`");
        }
        if tables::names(tables::CHECK).any(|name| name == path) {
            return format!("it is a key of the check, not a fact: write `{path}: {}` beside `expect:`", flow(value));
        }
        let names = self.paths();
        let near = suggest(path, names.iter().map(String::as_str));
        if near.starts_with("did you mean") {
            return near;
        }
        let of_check = synonyms::key("check", path, value).filter(|help| !help.contains("`expect"));
        let of_check = of_check.and_then(|help| Some(help.strip_prefix("write `")?.strip_suffix('`')?.to_owned()));
        of_check.map_or_else(
            || suggest(path, self.facts.iter().map(|fact| fact.name)),
            |entry| format!("it is no fact: write `{entry}` beside `expect:`"),
        )
    }

    /// The fact that another tool calls so.
    fn meant_fact(&self, path: &str) -> Option<Cow<'static, str>> {
        let statistic = |word: &str| STATISTICS.contains(&word) || synonyms::statistic(word).is_some();
        synonyms::fact(self.family, path, statistic)
    }

    /// What to write for `status.eq: 200`: an operator stands behind the fact, and is no part of its name.
    pub(super) fn operator_in_path(&self, path: &str, value: &Node) -> Option<String> {
        let (before, word) = path.rsplit_once('.').filter(|(_, word)| synonyms::is_operator(word))?;
        // `ttfb.max`: a statistic of a fact that another tool calls so.
        if STATISTICS.contains(&word) && self.meant_fact(path).is_some() {
            return None;
        }
        let known = |path: &str| match Subject::at(self.facts, path) {
            Some(subject) => self.paths().iter().any(|known| known == path) || subject.sort == Sort::Any,
            None => false,
        };
        let distribution =
            |path: &str| self.facts.iter().any(|fact| fact.name == path && fact.kind == Kind::Distribution);
        let path = match before {
            _ if distribution(before) && STATISTICS.contains(&word) => return None,
            _ if distribution(before) => format!("{before}.{}", usual_part(before, self.facts)),
            _ if known(before) => before.to_owned(),
            _ => self.meant_fact(before).filter(|instead| !instead.contains(": "))?.into_owned(),
        };
        let subject = Subject::at(self.facts, &path)?;
        let tests = synonyms::test(word, value, subject);
        let found = entries_of(&path, &tests);
        (!found.is_empty()).then(|| format!("write {}: an operator stands behind the fact", alternatives(&found)))
    }

    /// The path below an object that another tool calls differently: `header.server`, `jsonpath $.status`.
    fn below_another(&self, path: &str) -> Option<String> {
        let (word, rest) = path.split_once([' ', '.'])?;
        // A path by JSONPath, whatever it is called, is one of the document.
        let by_path = rest.trim_matches([' ', '"', '\'']).starts_with('$').then_some("body.json");
        let object = Synonyms::find(self.family.synonyms.facts, word).or(by_path)?;
        let info = self.facts.iter().find(|fact| fact.name == object && fact.kind == Kind::Object)?;
        let rest = rest.trim().trim_matches(['"', '\'']).trim_start_matches(['$', '.']);
        let rest = if info.name == "headers" { rest.to_lowercase() } else { rest.to_owned() };
        (!rest.is_empty() && !rest.contains([' ', '['])).then(|| format!("{object}.{rest}"))
    }

    /// The path with its beginning: `json.status` for `body.json.status`.
    fn longer(&self, path: &str) -> Option<String> {
        let first = path.split('.').next().unwrap_or_default();
        let mut fitting =
            self.facts.iter().filter(|fact| fact.name.rsplit_once('.').is_some_and(|(_, last)| last == first));
        let fact = fitting.next().filter(|fact| matches!(fact.kind, Kind::Object) || path == first)?;
        let (before, _) = fact.name.rsplit_once('.')?;
        fitting.next().is_none().then(|| format!("did you mean `{before}.{path}`?"))
    }
}

/// The part of a distribution that is usually limited: the side on which it is bad.
fn usual_part(path: &str, facts: &[FactInfo]) -> &'static str {
    let info = facts.iter().find(|fact| fact.name == path);
    match info.map(|info| (info.better, info.time)) {
        Some((Some(Better::Higher), _)) => "p50",
        Some((None, TimeOf::Setting)) => "max",
        _ => "p95",
    }
}

/// What to write for a distribution by itself.
pub(super) fn part_help(info: &FactInfo, value: &Node) -> String {
    let path = info.name;
    let statistic = |word: &str| STATISTICS.iter().find(|name| **name == word).copied();
    let below = value.entries();
    // Its parts stand below it, as keys.
    if !below.is_empty() && below.iter().all(|(key, _)| statistic(&key.name).is_some()) {
        let entry = |(key, below): &(crate::suite::tree::Key, Node)| {
            let subject = Subject::at(std::slice::from_ref(info), &format!("{path}.{}", key.name))?;
            Some(format!("{path}.{}: {}", key.name, corrected(below, subject).swap_remove(0)))
        };
        return format!("write `{}`", below.iter().filter_map(entry).collect::<Vec<_>>().join(", "));
    }
    let others: Vec<String> = STATISTICS.iter().map(|part| format!(".{part}")).collect();
    let part = usual_part(path, std::slice::from_ref(info));
    let found = corrected(value, Subject::of(info, &FactPart::Statistic(part)));
    let found = entries_of(&format!("{path}.{part}"), &found);
    format!("say which part of it: write {}, or {}", alternatives(&found), others.join(" "))
}

/// What to write in place of a path as `JSONPath` or jq have it; `None` for one of this language.
pub(super) fn path_help(fact: &str, path: &str) -> Option<String> {
    let index = Regex::new(r#"\[(\d+|-\d+|\*|["'][^"']*["'])\]"#).ok()?;
    let every = path.contains("[*]") || path.split('.').any(|part| part == "*");
    if every {
        let before = path.split(".*").next().and_then(|part| part.split("[*]").next()).unwrap_or_default();
        return Some(format!("every element is told by the list: `{fact}.{before}: {{all: {{…}}}}`, or any, or none"));
    }
    // `[?(@.name=='db')]` of JSONPath.
    let select = Regex::new(r#"\[\?\(?\s*@\.([\w.-]+)\s*={1,3}\s*("[^"]*"|'[^']*'|[^)\]&|]+?)\s*\)?\]"#).ok()?;
    if select.is_match(path) {
        let plain = select.replace_all(path, "[$1=$2]");
        return Some(format!("write `{fact}.{}`", plain.trim_start_matches(['$', '.'])));
    }
    let synonyms = index.is_match(path) || path.contains("..") || path.split('.').any(|part| matches!(part, "$" | "@"));
    synonyms.then(|| {
        let plain = index
            .replace_all(path, |found: &Captures<'_>| format!(".{}", found[1].trim_matches(['"', '\''])))
            .into_owned();
        let parts: Vec<&str> = plain.split('.').filter(|part| !matches!(*part, "$" | "@" | "")).collect();
        format!("write `{fact}.{}`: keys, and positions from 0, with dots between", parts.join("."))
    })
}
