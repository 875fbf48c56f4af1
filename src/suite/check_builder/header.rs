//! The keys of a check that do not depend on its cell: its id and its family, and what to write in place of unknown ones.

use std::path::Path;

use super::{Builder, CheckHeader, without};
use crate::model::suggest::suggested_word;
use crate::probe::{Family, Synonyms, plain};
use crate::suite::diagnostic::suggest;
use crate::suite::matrix::Cell;
use crate::suite::merge::is_name;
use crate::suite::synonyms;
use crate::suite::syntax::flow;
use crate::suite::tables;
use crate::suite::tree::{Key, Kind, Node};
use crate::suite::vars::{self, Scope};

impl Builder<'_> {
    /// `None` for what is no check at all.
    pub(super) fn header<'n>(&mut self, node: &'n Node) -> Option<CheckHeader<'n>> {
        if !matches!(node.kind, Kind::Map(_)) {
            let help = "write `- id: NAME`, and below it what to look at, such as `http: {url: https://HOST/}`";
            self.errors.add(node.span, format!("a check is a map, this is {}", node.sort()), help);
            return None;
        }
        let mut chosen = Vec::new();
        let mut unknown = Vec::new();
        for (key, below) in node.entries() {
            if let Some(family) = self.families.iter().find(|family| family.name == key.name) {
                chosen.push((family, below, key.span));
            } else if !tables::names(tables::CHECK).any(|name| name == key.name) {
                unknown.push((key, below));
            }
        }
        let misspelt = !unknown.is_empty();
        let chosen_family = chosen.first().map(|(family, ..)| *family);
        let (mut renamed, mut meant) = (false, None);
        for (key, below) in unknown {
            let help = self.key_help(node, key, below, chosen_family);
            renamed |= help.starts_with("write `id:");
            meant = meant.or_else(|| {
                self.meant(key, &help).filter(|_| matches!(below.kind, Kind::Map(_))).map(|family| (family, below))
            });
            self.errors.add(key.span, format!("unknown key `{}`", key.name), help);
        }
        // Who calls it `name` is told so, and not that there is no `id` as well.
        let name = if renamed && node.get("id").is_none() { None } else { self.name(node) };
        let family = match chosen.as_slice() {
            [(family, below, _)] => Some((*family, *below)),
            [] if misspelt => meant,
            [] => {
                let families: Vec<&str> = self.families.iter().map(|family| family.name).collect();
                let help = format!("add one of {}, such as `http: {{url: https://HOST/}}`", families.join(", "));
                self.errors.add(node.span, "the check looks at nothing", help);
                None
            }
            [_, (second, _, span), ..] => {
                let message = format!("a check has one family, `{}` is a second one", second.name);
                self.errors.add(*span, message, "make it a check of its own");
                None
            }
        };
        Some(CheckHeader { name, family, misspelt: chosen.len() != 1 })
    }

    /// The family that is meant by an unknown key, whose advice is `help`.
    fn meant(&self, key: &Key, help: &str) -> Option<&'static Family> {
        let word = plain(&key.name);
        let near = suggested_word(help);
        self.families.iter().find(|family| family.synonyms.is_called(&word) || near == Some(family.name))
    }

    /// Looks at the keys that do not depend on the family, of a check that has none.
    pub(super) fn without_family(&mut self, node: &Node, cell: &Cell, folder: &Path) {
        let scope = Scope { matrix: cell, ..self.scope };
        let resolved = vars::resolve(&without(node, ""), &scope, self.errors);
        let _ = self.common(&resolved, folder);
        let _ = self.eventually(resolved.get("eventually"), folder);
        let _ = self.skip(resolved.get("when"), cell);
    }

    /// What to write in place of a key that no check has.
    fn key_help(&self, check: &Node, key: &Key, below: &Node, family: Option<&'static Family>) -> String {
        let text = below.text().unwrap_or_default();
        if let Some(named) = self.families.iter().find(|family| family.name == text.to_lowercase()) {
            return match family {
                Some(family) if family.name == named.name => {
                    format!("leave `{}` out: the key `{}:` says it", key.name, named.name)
                }
                _ => format!("the family is a key of its own: write `{}: {{…}}`", named.name),
            };
        }
        let keys = || tables::names(tables::CHECK).chain(self.families.iter().map(|family| family.name));
        if let Some(family) = family {
            let has = |name: &str| family.fields.iter().any(|field| field.name == name);
            let field = if has(&key.name) {
                Some(Ok(format!("{}: {}", key.name, flow(below))))
            } else {
                synonyms::replaced(family.synonyms.fields, &key.name, below, family.fields)
            };
            let own = synonyms::key("check", &key.name, below);
            match field.filter(|_| has(&key.name) || own.is_none()) {
                Some(Ok(entry)) if entry.starts_with("expect: ") => return format!("write `{entry}`"),
                Some(Ok(entry)) => {
                    return format!("it belongs below `{0}`: write `{0}: {{…, {entry}}}`", family.name);
                }
                Some(Err(help)) => return help,
                None => {}
            }
            let fact = family.facts.iter().find(|fact| fact.name == key.name).map(|fact| fact.name);
            let fact = fact.or_else(|| Synonyms::find(family.synonyms.facts, &key.name)).filter(|_| own.is_none());
            if let Some(fact) = fact {
                if let Some(why) = fact.strip_prefix('!') {
                    return why.to_owned();
                }
                let entry = synonyms::expectation(fact, below, family.facts).swap_remove(0);
                return format!("what must hold goes below `expect`: write `expect: {{{entry}}}`");
            }
            if let Some(own) = own {
                return own;
            }
        } else {
            let scheme = text.split_once("://").map_or("", |(scheme, _)| scheme.strip_suffix('s').unwrap_or(scheme));
            if let Some(family) = self.families.iter().find(|family| family.name == scheme) {
                return format!("write `{}`", synonyms::target(family, below));
            }
            if key.name == "timeout" {
                let value = synonyms::value_of("timeout", below, tables::DEFAULTS);
                return format!("it belongs below the family, such as `http: {{…, timeout: {value}}}`");
            }
            let named = synonyms::key("check", &key.name, below)
                .filter(|help| help.starts_with("write `id:") && check.get("id").is_none());
            let target = || {
                let port = check.get("port");
                let mut fitting = self.families.iter().filter(|family| family.target_field.0 == key.name);
                let family = fitting.next()?;
                let with_port = port.filter(|_| family.target_field.1.is_some());
                if with_port.is_none() && fitting.next().is_some() {
                    return None;
                }
                let port = with_port.map(|port| format!(", port: {}", flow(port))).unwrap_or_default();
                Some(format!("write `{}: {{{}: {}{port}}}`", family.name, key.name, flow(below)))
            };
            let known = named.or_else(|| synonyms::family(self.families, &key.name, below)).or_else(target);
            if let Some(help) = known.or_else(|| synonyms::key("check", &key.name, below)) {
                return help;
            }
        }
        suggest(&key.name, keys())
    }

    fn name(&mut self, node: &Node) -> Option<String> {
        match node.get("id") {
            None => self.errors.add(node.span, "the check has no `id`", "write `id: NAME`: letters, digits, _ and -"),
            Some(id) => match id.text() {
                Some(text) if is_name(text) => return Some(text.to_owned()),
                Some(text) => {
                    let help = format!(
                        "write `id: {}`: letters, digits, _ and - only; cells add [key=value] themselves",
                        synonyms::name(text)
                    );
                    self.errors.add(id.span, format!("`{text}` is not a name"), help);
                }
                None => self.errors.add(id.span, format!("`id` is {}", id.sort()), "write a name"),
            },
        }
        None
    }
}
