//! Names of values that checks capture: `${checks.login.token}` is what the check `login` captures as `token`.

use std::collections::{BTreeMap, HashMap};

use super::diagnostic::{Diagnostics, Span};
use super::merge::{Document, is_name};
use super::tree::{Kind, Node};
use super::vars::Lookup;
use crate::model::suggest::suggested_word;
use crate::model::{FieldKind, stand_in, target};
use crate::probe::Family;

/// Stands before the id of the check.
pub const PREFIX: &str = "checks.";

/// What the checks of a suite capture, by their ids.
pub struct CaptureNames {
    suite: String,
    checks: BTreeMap<String, Vec<String>>,
    /// Facts that are tables of targets: those make cases, and stand in no text.
    tables: Vec<&'static str>,
    /// Check and name by stand-in.
    origins: HashMap<Box<str>, (String, String)>,
}

impl CaptureNames {
    /// Those of a suite, as written: what is wrong with them is told where they are read.
    #[must_use]
    pub fn of(document: &Document, families: &'static [Family]) -> Self {
        let of_check = |(node, _): &(Node, _)| {
            let id = node.get("id").and_then(Node::text)?;
            let names = node.get("capture").map_or(&[][..], Node::entries);
            Some((id.to_owned(), names.iter().map(|(key, _)| key.name.clone()).collect()))
        };
        let suite = document.name.as_ref().map_or_else(String::new, |(name, _)| name.clone());
        let checks: BTreeMap<String, Vec<String>> = document.checks.iter().filter_map(of_check).collect();
        let all = checks.iter().flat_map(|(check, names)| names.iter().map(move |name| (check, name)));
        let origins =
            all.map(|(check, name)| (stand_in::of(&suite, check, name), (check.clone(), name.clone()))).collect();
        let facts = families.iter().flat_map(|family| family.facts);
        let tables = facts.filter(|fact| fact.roles.targets).map(|fact| fact.name).collect();
        Self { suite, checks, tables, origins }
    }

    /// The stand-in of what the check `check` captures as `name`.
    #[must_use]
    pub fn stand_in(&self, check: &str, name: &str) -> Box<str> {
        stand_in::of(&self.suite, check, name)
    }

    /// The check and the name behind a stand-in.
    #[must_use]
    pub fn origin(&self, word: &str) -> Option<(&str, &str)> {
        self.origins.get(word).map(|(check, name)| (check.as_str(), name.as_str()))
    }

    /// Whether facts of this name are tables of targets.
    #[must_use]
    pub fn is_table(&self, name: &str) -> bool {
        self.tables.contains(&name)
    }

    /// What stands for a reference, `checks.` left out.
    pub(super) fn find(&self, reference: &str, errors: &Diagnostics) -> Lookup<'static> {
        let wrong = |message: String, help: String| Lookup::Wrong { message, help };
        let (check, name) = reference.split_once('.').unwrap_or((reference, ""));
        let Some(names) = self.checks.get(check) else {
            let capturing = self.checks.iter().filter(|(_, names)| !names.is_empty()).map(|(id, _)| id.as_str());
            let near = errors.suggest(check, capturing);
            let help = match suggested_word(&near) {
                Some(near) => format!("write `${{{PREFIX}{near}.{name}}}`"),
                None if near.is_empty() => {
                    "no check of this suite captures anything: add `capture: {NAME: FACT}` to one".to_owned()
                }
                None => near,
            };
            return wrong(format!("`${{{PREFIX}{reference}}}`: this suite has no check `{check}`"), help);
        };
        if names.iter().any(|known| known == name) {
            return Lookup::Captured(self.stand_in(check, name));
        }
        let near = errors.suggest(name, names.iter().map(String::as_str));
        let define = |name: &str, fact: &str| format!("say there what it is, `capture: {{{name}: {fact}}}`");
        let help = match suggested_word(&near) {
            _ if self.is_table(name) => format!(
                "targets make cases: write `matrix: {{target: \"${{{PREFIX}{reference}}}\"}}`, and `${{matrix.target.host}}` here"
            ),
            Some(near) => format!("write `${{{PREFIX}{check}.{near}}}`"),
            None if !names.is_empty() => format!("it captures {}", names.join(", ")),
            None if is_name(name) => define(name, "FACT"),
            // A fact, such as `body.json.token`.
            None if !name.is_empty() => {
                let last = name.rsplit('.').next().filter(|last| is_name(last)).unwrap_or("NAME");
                format!("{}, and write `${{{PREFIX}{check}.{last}}}`", define(last, name))
            }
            None => define("NAME", "FACT"),
        };
        let what = if name.is_empty() { "nothing by that name".to_owned() } else { format!("nothing called `{name}`") };
        wrong(format!("`{check}` captures {what}"), help)
    }

    /// The reference that is meant by a name without `checks.`: `login.token`, `needs.login.token`, or `token` where one check
    /// alone captures it.
    #[must_use]
    pub fn meant(&self, name: &str) -> Option<String> {
        let parts: Vec<&str> = name.split('.').collect();
        let reference = |check: &str, name: &str| format!("{PREFIX}{check}.{name}");
        let captures = |check: &str, name: &str| self.checks.get(check)?.iter().find(|known| *known == name);
        if let [.., first, middle, last] = parts.as_slice()
            && matches!(*middle, "captures" | "capture" | "outputs")
            && captures(first, last).is_some()
        {
            return Some(reference(first, last));
        }
        match parts.as_slice() {
            [.., check, name] => captures(check, name).map(|name| reference(check, name)),
            [name] => {
                let mut all = self.checks.iter().filter(|(_, names)| names.iter().any(|known| known == name));
                let (check, _) = all.next().filter(|_| all.next().is_none())?;
                Some(reference(check, name))
            }
            [] => None,
        }
    }
}

/// The stand-ins in a node and below it, each with its place.
#[must_use]
pub fn stand_ins(node: &Node) -> Vec<(&str, Span)> {
    let mut out = Vec::new();
    collect(node, &mut out);
    out
}

fn collect<'n>(node: &'n Node, out: &mut Vec<(&'n str, Span)>) {
    match &node.kind {
        Kind::Null => {}
        Kind::Scalar(text, _) => out.extend(stand_in::all(text).map(|word| (word, node.span))),
        Kind::List(items) => items.iter().for_each(|item| collect(item, out)),
        Kind::Map(entries) => entries.iter().for_each(|(_, item)| collect(item, out)),
    }
}

/// Why a captured value cannot stand in a field, and what to do: what decides where packets go, how many, and how long is known
/// before the first one is sent. `fixed` says that the field is about that, whatever its kind.
#[must_use]
pub fn refusal(name: &str, node: &Node, kind: &FieldKind, fixed: bool) -> Option<(String, String)> {
    let text = node.text()?;
    if !stand_in::is_in(text) {
        return target::is_planned(text).then(|| refusal_of_target(name, kind)).flatten();
    }
    let shown = node.shown().unwrap_or_default();
    match kind {
        FieldKind::Text if !fixed => None,
        FieldKind::Url => {
            let url = url::Url::parse(text).ok();
            let host = url.as_ref().and_then(url::Url::host_str).filter(|host| !stand_in::is_in(host));
            host.is_none().then(|| {
                let message = format!("`{name}`: scheme, host and port must be known before anything is sent");
                (message, format!("write them, and let the value be a part behind them: `https://HOST/{shown}`"))
            })
        }
        FieldKind::Path | FieldKind::FileOr(_) | FieldKind::Inline => {
            let message = format!("`{name}`: what a server answers cannot name a file of this host");
            Some((message, "write the file".to_owned()))
        }
        FieldKind::Argument => {
            let message = format!("`{name}`: what a server answers cannot be part of a command");
            Some((message, "write the command without it".to_owned()))
        }
        _ => {
            let message = format!("`{name}` must be known before anything is sent, and `{shown}` is not");
            Some((
                message,
                "write the value itself; captured values go into texts: headers, bodies, paths of URLs".to_owned(),
            ))
        }
    }
}

/// Why the host that another check finds cannot stand in a field.
fn refusal_of_target(name: &str, kind: &FieldKind) -> Option<(String, String)> {
    let (what, help) = match kind {
        FieldKind::Path | FieldKind::FileOr(_) | FieldKind::Inline => ("name a file of this host", "write the file"),
        FieldKind::Argument => ("be part of a command", "write the command without it"),
        FieldKind::Address => ("stand where only an address may", "write the address: a target may be a name"),
        _ => return None,
    };
    Some((format!("`{name}`: a target that a server names cannot {what}"), help.to_owned()))
}
