//! Checks that have a case for each target that another check finds.

use std::path::Path;
use std::sync::Arc;

use super::Builder;
use crate::model::Args;
use crate::model::target::{self, PARTS, Target};
use crate::probe::{Footprint, called};
use crate::suite::captured;
use crate::suite::check::Check;
use crate::suite::diagnostic::{Diagnostics, Span};
use crate::suite::matrix::{self, Cell};
use crate::suite::syntax::flow;
use crate::suite::tables;
pub(super) use crate::suite::targets::modes;
use crate::suite::targets::{TargetFields, TargetList, filled, part_in};
use crate::suite::tree::{Key, Kind, Node};

/// A key of a matrix whose values another check finds.
#[derive(Clone)]
pub(super) struct ListKey {
    key: String,
    check: String,
    table: String,
    most: usize,
    span: Span,
}

impl ListKey {
    /// Its key and value in an id, while the target is not known.
    pub(super) fn unknown(&self) -> (String, String) {
        (self.key.clone(), target::UNKNOWN.to_owned())
    }

    /// Whether so many cells may each have as many targets as this.
    pub(super) fn leaves_room_for(&self, cells: usize) -> bool {
        cells.saturating_mul(self.most) <= matrix::MAX_CELLS
    }

    pub(super) fn too_many(&self, errors: &mut Diagnostics) {
        let message = format!("`matrix` and its targets have more than {} cells", matrix::MAX_CELLS);
        errors.add(self.span, message, "split the check, or lower `max`");
    }
}

impl Builder<'_> {
    /// A matrix without the key whose values another check finds, and that key.
    pub(super) fn list_key(&mut self, matrix: &Node, folder: &Path) -> (Option<Node>, Option<ListKey>) {
        let mut list: Option<ListKey> = None;
        let mut rest = Vec::new();
        for (key, value) in matrix.entries() {
            let Some(found) = self.list_of(key, value, folder) else {
                rest.push((key.clone(), value.clone()));
                continue;
            };
            if let Some(first) = &list {
                let message =
                    format!("`{}` is the second key of targets in this matrix, after `{}`", key.name, first.key);
                self.errors.add(key.span, message, "write a check for each");
            }
            list = list.or(Some(found));
        }
        if list.is_none() {
            return (Some(matrix.clone()), None);
        }
        let rest = (!rest.is_empty()).then(|| Node::new(matrix.span, Kind::Map(rest)));
        (rest, list)
    }

    /// The targets that a value of a matrix names, if it names any.
    fn list_of(&mut self, key: &Key, value: &Node, folder: &Path) -> Option<ListKey> {
        let name = &key.name;
        let (text, span, most) = match &value.kind {
            Kind::Scalar(text, _) => (text.clone(), value.span, None),
            Kind::List(items) => {
                let [only] = items.as_slice() else { return None };
                let (_, table) = reference(only.text()?)?;
                self.scope.captured.filter(|names| names.is_table(table))?;
                let help = format!("write `{name}: {}`: it stands for a list itself", flow(only));
                self.errors.add(only.span, format!("`{name}` of `matrix` holds targets within a list"), help);
                (only.text()?.to_owned(), only.span, None)
            }
            Kind::Map(_) => {
                tables::names(tables::TARGETS).find(|name| value.get(name).is_some())?;
                let typed = self.typing(folder).fields(name, value, tables::TARGETS).args;
                let from = value.get(tables::FROM.name());
                (typed.get(&tables::FROM), from.map_or(value.span, |from| from.span), Some(typed.get(&tables::MOST)))
            }
            Kind::Null => return None,
        };
        let found = reference(&text);
        if found.is_none() && matches!(value.kind, Kind::Scalar(..)) {
            return None;
        }
        if found.is_none() && !self.errors.has(value.span) {
            let help = format!("write `{name}: {{from: \"${{checks.ID.targets}}\"}}`");
            self.errors.add(span, format!("`{text}` names no table of targets"), help);
        }
        let (check, table) = found.unwrap_or_default();
        let (check, table) = (check.to_owned(), table.to_owned());
        let most = most.unwrap_or_else(|| Args::default().get(&tables::MOST));
        Some(ListKey { key: name.clone(), check, table, most: usize::try_from(most).unwrap_or(1), span })
    }

    /// A cell in which words stand for the parts of the target.
    pub(super) fn cell_of_target(list: &ListKey, cell: &Cell) -> Cell {
        let word = |part: &str| Node::new(list.span, Kind::Scalar(target::word(part).to_owned(), true));
        let parts = PARTS.map(|part| (format!("{}.{part}", list.key), word(part)));
        cell.clone().into_iter().chain(parts).collect()
    }

    /// The fields with a target that stands for any. Something in them must say that it is the one that is asked.
    pub(super) fn planned_target(&mut self, list: &ListKey, below: &Node) -> Node {
        let word = target::word(target::HOST);
        let is_elsewhere = part_in(below).is_some() && !texts_in(below).any(|text| text.contains(word));
        if is_elsewhere && !self.errors.has(list.span) {
            let message = format!("`{}` of `matrix` changes nothing: all its cases would look at the same", list.key);
            let help = format!("write ${{matrix.{}.{}}} where the host stands", list.key, target::HOST);
            self.errors.add(list.span, message, help);
        }
        filled(below, &Target::planned()).unwrap_or_else(|_| below.clone())
    }

    /// The keys of a check without those that hold a part of a target: what they say is settled before there is one.
    pub(super) fn without_targets(&mut self, list: &ListKey, check: Node) -> Node {
        let Kind::Map(entries) = check.kind else { return check };
        let of_key = format!("matrix.{}", list.key);
        let kept = entries.into_iter().filter(|(key, node)| {
            let when = node.entries().iter().map(|(key, _)| key).filter(|_| key.name == "when");
            let named = when.filter(|key| key.name.split('.').take(2).eq(of_key.split('.'))).map(|key| key.span).next();
            let found = part_in(node).map(|(_, span)| span).or(named);
            if let Some(span) = found {
                let message = format!("`{}` is settled before anything is sent, and `{}` is not", key.name, list.key);
                let help = format!("parts of `{}` stand in the fields of the family alone, such as its host", list.key);
                self.errors.add(span, message, help);
            }
            found.is_none()
        });
        let kept: Vec<_> = kept.collect();
        Node::new(check.span, Kind::Map(kept))
    }

    /// Errors from the `first` one on, which were found with a target that stands for any, as the suite writes it.
    pub(super) fn name_target(&mut self, list: &ListKey, first: usize) {
        let written = format!("${{matrix.{}.{}}}", list.key, target::HOST);
        for error in self.errors.0.iter_mut().skip(first) {
            error.message = target::shown(&error.message, &written);
            error.help = target::shown(&error.help, &written);
        }
    }

    /// What only checks whose targets are known before the run may be.
    fn known_before(&mut self, check: &Check, node: &Node, list: &ListKey) {
        let at = |key: &str| node.get(key).map_or(list.span, |written| written.span);
        let wrong = if check.probe.footprint() == Footprint::Disruptive {
            let help = "write the targets: what is broken on purpose is named by the suite";
            Some((list.span, "breaks something, and its targets are not known before", help))
        } else if !check.captures.is_empty() {
            Some((at("capture"), "would capture a value for each target", "capture it in a check of its own"))
        } else if check.over_ipv4.is_some() {
            let help = "write the targets, or a check for each `ip_version`";
            Some((at("parity"), "asks over both IP versions, and its targets are not known before", help))
        } else if !check.silent.is_empty() {
            let help = "write the targets: that a host can be reached is shown by a control, which is planned before";
            Some((check.expect_span, "expects silence of targets that are not known before", help))
        } else {
            None
        };
        if let Some((span, what, help)) = wrong {
            self.errors.add(span, format!("`{}` {what}", check.check), help);
        }
    }

    /// The cases of a list: as many as it may have targets, all planned alike.
    pub(super) fn target_cases(
        &mut self,
        (case, modes): (Check, Vec<bool>),
        (list, below, node): (&ListKey, &Node, &Node),
        cell: &Cell,
        folder: &Path,
    ) -> Vec<Check> {
        self.known_before(&case, node, list);
        let check_fields = TargetFields {
            family: case.family,
            families: self.families,
            below: below.clone(),
            timeout: self.defaults.get("timeout").cloned(),
            folder: folder.to_owned(),
            netns: case.netns.clone(),
        };
        let ListKey { key, check, table, most, span } = list.clone();
        let parts = matrix::parts(cell);
        let of = TargetList { key, check, table, most, span, modes, name: case.check.to_string(), parts, check_fields };
        let name = target::shown(&case.probe.target(), target::UNKNOWN);
        let case = Check { probe: called(Arc::clone(&case.probe), name), list: Some(Arc::new(of)), ..case };
        (0..most).map(|slot| Check { slot, ..case.clone() }).collect()
    }
}

/// Check and table of a text that is such a reference, and nothing else.
fn reference(text: &str) -> Option<(&str, &str)> {
    let inner = text.trim().strip_prefix("${")?.strip_suffix('}')?;
    let inner = inner.trim().strip_prefix(captured::PREFIX).filter(|inner| !inner.contains(['{', '}', ':']))?;
    Some(inner.split_once('.').unwrap_or((inner, "")))
}

/// The texts in a node and below it.
fn texts_in(node: &Node) -> Box<dyn Iterator<Item = &str> + '_> {
    match &node.kind {
        Kind::Null => Box::new(std::iter::empty()),
        Kind::Scalar(text, _) => Box::new(std::iter::once(text.as_str())),
        Kind::List(items) => Box::new(items.iter().flat_map(texts_in)),
        Kind::Map(entries) => Box::new(entries.iter().flat_map(|(_, item)| texts_in(item))),
    }
}
