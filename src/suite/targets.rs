//! Checks whose targets another check finds: planned with one that stands for any, and built again for each that was found.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use super::args::{ArgContext, TypedArgs};
use super::check_builder::conflict;
use super::defaults::Defaults;
use super::diagnostic::{Diagnostics, Span};
use super::digest;
use super::matrix;
use super::tree::{Kind, Node};
use crate::model::target::{self, Target};
use crate::model::{Args, Fault};
use crate::net::bytes::hex;
use crate::probe::{DynProbe, Family, Host};

/// Where the targets of a check come from, and what is made of one.
#[derive(Debug)]
pub struct TargetList {
    /// The key of the matrix.
    pub key: String,
    /// The check that finds them.
    pub check: String,
    /// Its table.
    pub table: String,
    /// The most that are looked at.
    pub most: usize,
    /// Where the matrix names it.
    pub span: Span,
    /// Which modes of its family the planned fields switch on.
    pub modes: Vec<bool>,
    pub(super) name: String,
    /// Key and value of the rest of the cell.
    pub(super) parts: Vec<(String, String)>,
    pub(super) check_fields: TargetFields,
}

/// The fields of a check, in which words stand for the parts of its target.
#[derive(Clone)]
pub(super) struct TargetFields {
    pub(super) family: &'static Family,
    pub(super) families: &'static [Family],
    pub(super) below: Node,
    /// That of `defaults`.
    pub(super) timeout: Option<Node>,
    /// Of the suite file, for paths.
    pub(super) folder: PathBuf,
    pub(super) netns: Option<Arc<str>>,
}

impl std::fmt::Debug for TargetFields {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TargetFields").field("family", &self.family.name).finish_non_exhaustive()
    }
}

/// What a check is for one target.
pub struct BuiltTarget {
    /// Its probe.
    pub probe: Arc<dyn DynProbe>,
    /// Arguments that say something of a failure, secrets masked.
    pub args: Args,
    /// The hosts it is about.
    pub hosts: Arc<[Host]>,
    /// Which modes of its family its fields switch on.
    pub modes: Vec<bool>,
}

impl TargetList {
    /// The id of the case that looks at a target of this name; of the check where it has none.
    #[must_use]
    pub fn id(&self, label: Option<&str>) -> String {
        let mut parts = self.parts.clone();
        if let Some(label) = label {
            parts.push((self.key.clone(), matrix::value(label)));
            parts.sort();
        }
        matrix::id_of(&self.name, &parts)
    }

    /// The reference that names it, as the suite writes it.
    #[must_use]
    pub fn reference(&self) -> String {
        format!("${{checks.{}.{}}}", self.check, self.table)
    }

    /// The digest of the case that looks at a target of this name.
    #[must_use]
    pub fn digest(&self, planned: &str, label: &str) -> String {
        let text = format!("{planned} {label}");
        hex(&Sha256::digest(text.as_bytes())).chars().take(digest::DIGITS).collect()
    }

    /// The check for one target; a fault where that does not fit.
    pub fn built(&self, target: &Target) -> Result<BuiltTarget, Fault> {
        let TargetFields { family, families, below, timeout, folder, netns } = &self.check_fields;
        let fault = |detail: String, remedy: String| Fault::local(self.operation(), target.label(), detail, remedy);
        let below = filled(below, target).map_err(|part| {
            let (reference, key) = (self.reference(), &self.key);
            fault(
                format!("{reference} gives it no {part}"),
                format!("write the {part} itself in place of ${{matrix.{key}.{part}}}"),
            )
        })?;
        let mut errors = Diagnostics::default();
        let mut context = ArgContext {
            errors: &mut errors,
            families,
            defaults: &Defaults::default(),
            folder,
            files: &mut BTreeSet::new(),
            named: &mut Vec::new(),
            timeout: timeout.as_ref(),
            family: None,
            fixed: false,
        };
        let TypedArgs { mut args, .. } = context.fields(family.name, &below, family.fields);
        let wrong = |message: &str| fault(format!("it does not fit: {message}"), UNFIT.to_owned());
        if let Some(first) = errors.0.first() {
            return Err(wrong(&first.message));
        }
        if let Some(why) = conflict(families, family, &mut args) {
            return Err(wrong(&why));
        }
        let probe = family.probe(&args).map_err(|invalid| wrong(&invalid.message))?;
        let modes = modes(family, &args);
        let hosts = Host::of_args(family.fields, &args).into_iter().map(|host| host.within(netns.as_ref())).collect();
        Ok(BuiltTarget { probe, args: args.only(family.diagnosed_by).masked(), hosts, modes })
    }

    /// What is done with a list of targets, for faults.
    #[must_use]
    pub fn operation(&self) -> String {
        format!("look at {}", self.reference())
    }
}

/// Which modes of a family these fields switch on.
pub(super) fn modes(family: &Family, args: &Args) -> Vec<bool> {
    family.modes.iter().map(|mode| (mode.applies)(args)).collect()
}

const UNFIT: &str =
    "see what the check that finds the targets was told, and whether such a target can be asked this way";

/// The node with the parts of a target in place of their words; `Err` is the part that it lacks.
pub(super) fn filled(node: &Node, target: &Target) -> Result<Node, &'static str> {
    let kind = match &node.kind {
        Kind::Null => Kind::Null,
        Kind::Scalar(text, plain) => Kind::Scalar(target.fill(text)?, *plain),
        Kind::List(items) => Kind::List(items.iter().map(|item| filled(item, target)).collect::<Result<_, _>>()?),
        Kind::Map(entries) => {
            let entries = entries.iter().map(|(key, item)| filled(item, target).map(|item| (key.clone(), item)));
            Kind::Map(entries.collect::<Result<_, _>>()?)
        }
    };
    let shown = node.shown.as_deref().map(|shown| target.fill(shown)).transpose()?;
    Ok(Node { span: node.span, kind, shown: shown.map(Into::into) })
}

/// The part whose word stands first in a node or below it, and where.
pub(super) fn part_in(node: &Node) -> Option<(&'static str, Span)> {
    match &node.kind {
        Kind::Null => None,
        Kind::Scalar(text, _) => target::part_in(text).map(|part| (part, node.span)),
        Kind::List(items) => items.iter().find_map(part_in),
        Kind::Map(entries) => entries.iter().find_map(|(_, item)| part_in(item)),
    }
}
