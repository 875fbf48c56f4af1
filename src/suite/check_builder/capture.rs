//! `capture`: what a check lets others use, and what it uses of others.

use std::path::Path;

use super::{Builder, Described};
use crate::model::expectation::FactPart;
use crate::model::{Capture, Expectation, Kind as FactKind};
use crate::suite::captured::stand_ins;
use crate::suite::check::Reference;
use crate::suite::diagnostic::Span;
use crate::suite::merge::is_name;
use crate::suite::tables;
use crate::suite::tree::{Key, Kind, Node};

impl Builder<'_> {
    /// The entries of `capture`. The facts they name must be there, so that a login without a token fails by itself.
    pub(super) fn captures(
        &mut self,
        check: &str,
        read: Described<'_>,
        node: Option<&Node>,
        (folder, expectations): (&Path, &mut Vec<Expectation>),
    ) -> Vec<Capture> {
        let Some(node) = node else { return Vec::new() };
        if node.entries().is_empty() {
            let help = "write `capture: {NAME: FACT}`, such as `capture: {token: body.json.token}`";
            self.errors.add(node.span, format!("`capture` is {}, not a map of names and facts", node.sort()), help);
            return Vec::new();
        }
        let mut out = Vec::new();
        for (key, value) in node.entries() {
            if !is_name(&key.name) {
                let help = format!("letters, digits, _ and - only; it is used as ${{checks.{check}.NAME}}");
                self.errors.add(key.span, format!("`{}` is not a name", key.name), help);
            }
            let Some((path, span, secret)) = self.captured_fact(&key.name, value, folder) else { continue };
            let Some(present) = self.is_there(read, &path, span) else { continue };
            if let Some((message, help)) = unfit(&present) {
                self.errors.add(span, message, help);
                continue;
            }
            out.push(Capture {
                name: key.name.clone(),
                path: path.into(),
                info: present.info,
                part: present.part.clone(),
                secret,
                stand_in: self.scope.captured.map_or_else(Box::default, |all| all.stand_in(check, &key.name)),
            });
            // Beside what is expected already: that there is any value replaces no default.
            let after = expectations.iter().rposition(|other| other.info.name == present.info.name);
            expectations.insert(after.map_or(expectations.len(), |at| at + 1), present);
        }
        out
    }

    /// The fact of an entry, its place, and whether its value is secret.
    fn captured_fact(&mut self, name: &str, value: &Node, folder: &Path) -> Option<(String, Span, bool)> {
        if let Some(text) = value.text() {
            return Some((text.to_owned(), value.span, true));
        }
        if !matches!(value.kind, Kind::Map(_)) {
            let help = format!("write `{name}: FACT`, or `{name}: {{fact: FACT, secret: false}}`");
            self.errors.add(value.span, format!("`{name}` of `capture` is {}, not a fact", value.sort()), help);
            return None;
        }
        let typed = self.typing(folder).fields("capture", value, tables::CAPTURE).args;
        let span = value.get(tables::CAPTURED_FACT.name()).map_or(value.span, |fact| fact.span);
        let fact = typed.given(&tables::CAPTURED_FACT).then(|| typed.get(&tables::CAPTURED_FACT))?;
        Some((fact, span, typed.get(&tables::IS_SECRET)))
    }

    /// The expectation that a fact is there.
    fn is_there(&mut self, read: Described<'_>, path: &str, span: Span) -> Option<Expectation> {
        let key = |name: &str| Key { name: name.to_owned(), span };
        let present = Node::new(span, Kind::Scalar("true".to_owned(), true));
        let test = Node::new(span, Kind::Map(vec![(key("present"), present)]));
        let written = self.written(read, &Node::new(span, Kind::Map(vec![(key(path), test)])));
        written.into_iter().next().map(|(expectation, _)| expectation)
    }

    /// The values of other checks that stand in the fields `below` of the check `id`.
    pub(super) fn uses(&mut self, id: &str, below: &Node) -> Vec<Reference> {
        let mut out: Vec<Reference> = Vec::new();
        let Some(names) = self.scope.captured else { return out };
        for (word, span) in stand_ins(below) {
            let Some((check, name)) = names.origin(word) else { continue };
            if check == id {
                let message = format!("`{id}` uses a value that it captures itself");
                self.errors.add(
                    span,
                    message,
                    "what it asks is settled before it is answered: capture in a check before it",
                );
                continue;
            }
            let name = format!("{check}.{name}");
            if !out.iter().any(|known| known.name == name) {
                out.push(Reference { name, span });
            }
        }
        out
    }

    /// The keys of a check without those that hold a captured value: what they say is settled before anything is sent.
    pub(super) fn without_captured(&mut self, check: Node) -> Node {
        let Kind::Map(entries) = check.kind else { return check };
        let kept = entries.into_iter().filter(|(key, node)| {
            let found = stand_ins(node).into_iter().next();
            if let Some((_, span)) = found {
                let shown = node.shown().filter(|_| node.text().is_some()).unwrap_or("a captured value");
                let help = match key.name.as_str() {
                    "expect" => "send the value in a field, and expect what the server makes of it",
                    _ => "captured values stand in the fields of the family alone, such as a header",
                };
                self.errors.add(
                    span,
                    format!("`{}` is settled before anything is sent, and {shown} is not", key.name),
                    help,
                );
            }
            found.is_none()
        });
        let kept: Vec<_> = kept.collect();
        Node::new(check.span, Kind::Map(kept))
    }
}

/// Why a fact has no value that could stand in a text.
fn unfit(found: &Expectation) -> Option<(String, String)> {
    let Expectation { path, info, part, .. } = found;
    let one = |what: &str, help: &str| Some((format!("`{path}` is {what}, and no single value"), help.to_owned()));
    match (part, info.kind) {
        (FactPart::Path(_), _) => None,
        (FactPart::Whole, FactKind::Object) => {
            Some((format!("`{path}` is a document"), format!("name a value in it, such as `{path}.KEY`")))
        }
        (FactPart::Whole, FactKind::List) => one("a list", "capture a fact that is one"),
        (FactPart::Whole, FactKind::Table(_)) => one("a table", "capture a fact that is one"),
        (FactPart::Whole, _) if !info.is_column => None,
        _ => one("measured many times", "capture a fact that is one"),
    }
}
