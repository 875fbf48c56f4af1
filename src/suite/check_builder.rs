//! From an entry of `checks:` to its cases.

mod capture;
mod expectations;
mod grid;
mod header;
mod parity;
mod rules;
mod targets;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::args::{ArgContext, TypedArgs};
use super::check::{Check, Eventually, Reference};
use super::defaults::Defaults;
use super::diagnostic::{Diagnostics, Sources, Span};
use super::digest::{Contents, DefinedVariables};
use super::expect::effective;
use super::file::NamedFile;
use super::matrix::{self, Cell};
use super::repeats;
use super::tables::{self, Weight};
use super::tree::{Kind, Node};
use super::vars::{self, Scope};
use crate::model::fact::FactKeys;
use crate::model::{Arg, Args, FieldRole, GridCell, Severity};
use crate::probe::{DynProbe, Family, Footprint, Host};
pub(super) use rules::conflict;
use targets::ListKey;

/// Keys of a check with a parser of their own. Whatever else is written is checked against the kind in the table.
const PARSED: [&str; 7] = ["id", "matrix", "when", "expect", "capture", "eventually", "baseline"];

/// Everything needed to build the cases of a suite.
pub struct Builder<'a> {
    /// The registry.
    pub families: &'static [Family],
    /// For places.
    pub sources: &'a Sources,
    /// Where errors go.
    pub errors: &'a mut Diagnostics,
    /// Variables and secrets.
    pub scope: Scope<'a>,
    /// The variables as written and as resolved, for the digest.
    pub written: &'a DefinedVariables,
    /// `defaults:`, resolved.
    pub defaults: &'a BTreeMap<String, Node>,
    /// Default expectations of the families.
    pub defaults_of: &'a Defaults,
    /// Keys of matrices that variables name, which is told of them.
    pub in_variables: &'a BTreeSet<String>,
    /// `--rounds`.
    pub rounds: Option<u32>,
    /// See [`crate::suite::file::Options::shows`].
    pub shows: bool,
    /// Where files named by fields are noted.
    pub files: &'a mut BTreeSet<PathBuf>,
    /// The same with the places.
    pub named: &'a mut Vec<NamedFile>,
}

/// The keys of a check that do not depend on its cell.
struct CheckHeader<'n> {
    /// Its id; `None` where there is an error of it.
    name: Option<String>,
    /// Its family, or the one that is meant by a word that is none, and what stands below it.
    family: Option<(&'static Family, &'n Node)>,
    /// There is an error of the family.
    misspelt: bool,
}

/// A check as it is written, in one cell of its matrix.
#[derive(Clone, Copy)]
struct Written<'n> {
    node: &'n Node,
    name: &'n str,
    family: &'static Family,
    /// What stands below the family with its variables, and with these replaced.
    raw: &'n Node,
    below: &'n Node,
    /// The other keys.
    resolved: &'n Node,
    common: &'n Args,
    cell: &'n Cell,
    /// The files it sends, or that say what is to hold.
    contents: &'n Contents,
}

/// What one case has of its own.
struct OwnCell {
    id: String,
    parts: Vec<(String, String)>,
    netns: Option<Arc<str>>,
    hosts: Arc<[Host]>,
    grid: Option<Arc<GridCell>>,
}
/// What decides which facts a check can have: its family, its fields, and its keys that give it facts.
type Described<'c> = (&'static Family, &'c Args, FactKeys);

/// The id of a check, its family, what stands below that, and what finds its targets, if a check does.
type NamedFamily<'n> = (&'n str, &'static Family, &'n Node, Option<&'n ListKey>);

impl Builder<'_> {
    /// All cases of one check.
    pub fn check(&mut self, node: &Node, folder: &Path) -> Vec<Check> {
        let Some(header) = self.header(node) else { return Vec::new() };
        let scope = self.scope;
        let (matrix, list) = node.get("matrix").map_or((None, None), |matrix| self.list_key(matrix, folder));
        let matrix = matrix.map(|matrix| vars::resolve(&matrix, &scope, self.errors));
        let mut cells = matrix::cells(matrix.as_ref(), scope.secrets, self.errors);
        if let Some(list) = list.as_ref().filter(|list| !list.leaves_room_for(cells.len())) {
            list.too_many(self.errors);
            cells.truncate(1);
        }
        matrix::unused(node, self.in_variables, self.errors);
        if !scope.budget.take(&without(node, ""), cells.len() - 1) {
            scope.budget.exceeded(node.span, self.errors);
            return Vec::new();
        }
        let Some((family, below)) = header.family else {
            cells.first().into_iter().for_each(|cell| self.without_family(node, cell, folder));
            return Vec::new();
        };
        let name = header.name.as_deref();
        let first_error = self.errors.0.len();
        let cases: Vec<Check> = cells
            .iter()
            .flat_map(|cell| self.cases(node, (name.unwrap_or("?"), family, below, list.as_ref()), cell, folder))
            .collect();
        if let Some(list) = &list {
            self.name_target(list, first_error);
        }
        // What has no name, or no family, is looked at for its other errors.
        if name.is_none() || header.misspelt { Vec::new() } else { cases }
    }

    /// The cases of one cell of a matrix: one, or those of a grid.
    fn cases(&mut self, node: &Node, named: NamedFamily<'_>, cell: &Cell, folder: &Path) -> Vec<Check> {
        let (name, family, written_below, list) = named;
        let written_cell = cell;
        let cell = &list.map_or_else(|| cell.clone(), |list| Self::cell_of_target(list, cell));
        let scope = Scope { matrix: cell, ..self.scope };
        let with_words = vars::resolve(written_below, &scope, self.errors);
        let below = list.map_or_else(|| with_words.clone(), |list| self.planned_target(list, &with_words));
        let resolved = vars::resolve(&without(node, family.name), &scope, self.errors);
        let resolved = self.without_captured(resolved);
        let resolved = if let Some(list) = list { self.without_targets(list, resolved) } else { resolved };
        let common = self.common(&resolved, folder);
        let first_file = self.named.len();
        let typed = self.typing(folder).fields(family.name, &below, family.fields);
        let parts = parts(list, written_cell);
        let id = matrix::id_of(name, &parts);
        self.named.iter_mut().skip(first_file).for_each(|file| file.case.1.clone_from(&id));
        let netns = resolved.get("netns").or_else(|| self.defaults.get("netns"));
        let netns = repeats::network_namespace(netns, self.errors);
        let hosts = hosts(family, &typed.args, netns.as_ref());
        let written = Written {
            node,
            name,
            family,
            raw: written_below,
            below: &below,
            resolved: &resolved,
            common: &common,
            cell,
            contents: &Contents::of(family.fields, &typed.args),
        };
        let Some(grid) = family.grid else {
            let own = OwnCell { id, parts, netns, hosts, grid: None };
            let modes = list.map(|list| (list, targets::modes(family, &typed.args)));
            return match (modes, self.case(&written, typed, own, folder)) {
                (Some((list, modes)), Some(case)) => {
                    self.target_cases((case, modes), (list, &with_words, node), written_cell, folder)
                }
                (_, case) => case.into_iter().collect(),
            };
        };
        self.only_a_grid(node, family.name);
        match grid(&typed.args) {
            Ok(cells) => cells.into_iter().filter_map(|cell| self.grid_case(&written, &typed, cell, folder)).collect(),
            Err(invalid) if typed.wrong.contains(invalid.field) => Vec::new(),
            // What is missing is told.
            Err(_) if self.errors.has(below.span) => Vec::new(),
            Err(invalid) => {
                let at = typed.spans.get(invalid.field).copied().unwrap_or(below.span);
                self.errors.add(at, invalid.message, invalid.help);
                Vec::new()
            }
        }
    }

    fn case(&mut self, written: &Written<'_>, typed: TypedArgs, own: OwnCell, folder: &Path) -> Option<Check> {
        let Written { node, name, family, raw, below, resolved, common, cell, contents } = *written;
        let (mut typed, mut own, when) = (typed, own, self.skip(resolved.get("when"), cell));
        let ipv4 = self.over_both(written, &mut typed, &mut own);
        let judged = self.judged(written, &typed.args, own.grid.as_deref(), folder);
        let conflict = self.conflict(family, &mut typed, cell, below.span);
        let probe = self.build(family, &typed, below.span)?;
        let over_ipv4 = match &ipv4 {
            Some(ipv4) => Some(self.over_ipv4(written, (ipv4, &own), &*probe, &judged)?),
            None => None,
        };
        let OwnCell { id, parts, netns, hosts, grid } = own;
        let severity = match common.get(&tables::SEVERITY) {
            Weight::Warn => Severity::Warn,
            Weight::Fail => Severity::Fail,
        };
        let patience = patience(family, &typed.args);
        if effective::nothing_but_silence(&judged.expectations) {
            self.window(resolved.get("eventually"), judged.eventually, patience, &judged.silent);
        }
        let disruptive = probe.footprint() == Footprint::Disruptive;
        self.repetition(node, resolved, common, disruptive, family.name);
        let timeout = self.defaults.get("timeout");
        let parity = over_ipv4.is_some();
        let digest = self.written.digest((family, raw), (node.get("netns"), parity), timeout, cell);
        let digest = contents.added_to(digest);
        Some(Check {
            id: id.into(),
            grid,
            check: name.into(),
            family,
            probe,
            over_ipv4,
            args: Arc::new(typed.args.only(family.diagnosed_by).masked()),
            tags: texts(resolved.get("tags")).into(),
            needs: texts(resolved.get("needs")).into(),
            captures: judged.captures.into(),
            uses: self.uses(name, below).into(),
            tables: tables_of_targets(family, &typed.args),
            list: None,
            slot: 0,
            control: resolved
                .get("control")
                .and_then(|node| node.shown().map(|name| Reference { name: name.to_owned(), span: node.span })),
            silent: judged.silent,
            elsewhere: effective::outcomes_elsewhere(&judged.expectations),
            patience,
            expect_span: node.get("expect").map_or(node.span, |expect| expect.span),
            hosts,
            netns,
            cell: parts,
            skip: when.or(conflict),
            expectations: judged.expectations.into(),
            eventually: judged.eventually,
            retries: if disruptive { 0 } else { common.get(&tables::RETRIES) },
            retry_delay: common.get(&tables::RETRY_DELAY),
            serial: repeats::serial(resolved.get("serial"), self.errors),
            per_target: common.get(&tables::PER_TARGET).and_then(|most| usize::try_from(most).ok()),
            rounds: self.rounds_of(common),
            samples: if disruptive { 1 } else { common.get(&tables::SAMPLES) },
            severity,
            budget: common.get(&tables::BUDGET),
            baseline: judged.baseline.into(),
            digest: digest.into(),
            differs: false,
            at: self.sources.place_of(node.span),
            needs_span: node.get("needs").map_or(node.span, |needs| needs.span),
            span: node.span,
        })
    }

    fn rounds_of(&self, common: &Args) -> u32 {
        self.rounds.unwrap_or_else(|| common.get(&tables::ROUNDS))
    }

    fn typing<'t>(&'t mut self, folder: &'t Path) -> ArgContext<'t> {
        let timeout = self.defaults.get("timeout");
        ArgContext {
            errors: self.errors,
            families: self.families,
            defaults: self.defaults_of,
            folder,
            files: self.files,
            named: self.named,
            timeout,
            family: None,
            fixed: false,
        }
    }

    /// The keys of `defaults` (rounds, retries, severity, budget): from the check, else from `defaults`, else the table.
    fn common(&mut self, node: &Node, folder: &Path) -> Args {
        let mut args = Args::default();
        for field in tables::COMMON.iter().filter(|field| !field.has(FieldRole::Patience)) {
            // `eventually` repeats in another way, and says so in place of the default.
            let otherwise = field.name == tables::RETRIES.name() && node.get("eventually").is_some();
            let default = self.defaults.get(field.name).filter(|_| !otherwise);
            let written = node.get(field.name).or(default).cloned();
            let of_table = || field.default.map(|text| Node::new(node.span, Kind::Scalar(text.into(), true)));
            if let Some(value) = written.or_else(of_table)
                && let Some(arg) = self.typing(folder).value(field.name, &value, &field.kind)
            {
                args.0.insert(field.name, arg);
            }
        }
        let common = |name| tables::names(tables::DEFAULTS).any(|other| other == name);
        for field in tables::CHECK.iter().filter(|field| !PARSED.contains(&field.name) && !common(field.name)) {
            if let Some(value) = node.get(field.name).cloned() {
                let arg = self.typing(folder).value(field.name, &value, &field.kind);
                args.0.extend(arg.filter(|_| field.name == tables::PARITY.name()).map(|arg| (field.name, arg)));
            }
        }
        args
    }

    fn eventually(&mut self, node: Option<&Node>, folder: &Path) -> Option<Eventually> {
        let typed = self.typing(folder).fields("eventually", node?, tables::EVENTUALLY);
        // Without `within` there is an error already, and nothing is built.
        typed
            .args
            .given(&tables::WITHIN)
            .then(|| Eventually { within: typed.args.get(&tables::WITHIN), every: typed.args.get(&tables::EVERY) })
    }

    fn build(&mut self, family: &'static Family, typed: &TypedArgs, span: Span) -> Option<Arc<dyn DynProbe>> {
        let complete = family.fields.iter().all(|field| !field.required || typed.args.0.contains_key(field.name));
        if !complete {
            return None;
        }
        match family.probe(&typed.args) {
            Ok(probe) => Some(probe),
            // What is wrong by itself is told, and not what follows from it.
            Err(invalid) if typed.wrong.contains(invalid.field) => None,
            Err(invalid) => {
                let at = blamed(family, typed, invalid.field).unwrap_or(span);
                self.errors.add(at, invalid.message, invalid.help);
                None
            }
        }
    }
}

/// Where the field is written that is wrong. An interface that is missing is missing for the host.
fn blamed(family: &Family, typed: &TypedArgs, field: &str) -> Option<Span> {
    let of_role = |role| family.fields.iter().filter(move |field| field.has(role)).map(|field| field.name);
    let host = || of_role(FieldRole::Host).find_map(|name| typed.spans.get(name));
    let is_interface = || of_role(FieldRole::Interface).any(|name| name == field);
    typed.spans.get(field).or_else(|| host().filter(|_| is_interface())).copied()
}

/// Tables of targets that a check with these fields records.
fn tables_of_targets(family: &Family, args: &Args) -> Vec<&'static str> {
    let tables = family.facts.iter().filter(|fact| fact.roles.targets && family.produces(args, fact.name));
    tables.map(|fact| fact.name).collect()
}

/// Key and value of a cell, as an id has them; that of targets is not known.
fn parts(list: Option<&ListKey>, cell: &Cell) -> Vec<(String, String)> {
    let mut parts = matrix::parts(cell);
    parts.extend(list.map(ListKey::unknown));
    parts.sort();
    parts
}

fn hosts(family: &Family, args: &Args, netns: Option<&Arc<str>>) -> Arc<[Host]> {
    Host::of_args(family.fields, args).into_iter().map(|host| host.within(netns)).collect()
}

fn patience(family: &Family, args: &Args) -> Option<Duration> {
    let field = family.fields.iter().find(|field| field.has(FieldRole::Patience))?;
    match args.0.get(field.name)? {
        Arg::Number(seconds) => Duration::try_from_secs_f64(*seconds).ok(),
        _ => None,
    }
}

/// A text or several, as people see them: names and tags stand in every report.
fn texts(node: Option<&Node>) -> Vec<String> {
    let Some(node) = node else { return Vec::new() };
    let items = if let Kind::List(items) = &node.kind { items.as_slice() } else { std::slice::from_ref(node) };
    items.iter().filter_map(|item| item.shown().map(str::to_owned)).collect()
}

/// The check without its family and its matrix: those are resolved apart.
fn without(node: &Node, family: &str) -> Node {
    let entries =
        node.entries().iter().filter(|(key, _)| key.name != family && key.name != "matrix").cloned().collect();
    Node::new(node.span, Kind::Map(entries))
}
