//! Loading suites: everything is read and validated, and every error collected, before anything is sent.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::allowed_targets::AllowedTargets;
use super::captured::CaptureNames;
use super::check::Check;
use super::check_builder::Builder;
use super::defaults::Defaults;
use super::diagnostic::{Diagnostics, Sources, Span, suggest};
use super::digest;
use super::merge::{self, Document};
use super::reading::{self, IncludeRoots};
use super::secret::{Redactor, SHORTEST};
use super::tree::{self, Kind, Node};
use super::vars::{self, Env, Scope};
use crate::model::suggest::suggested_word;
use crate::probe::Family;

/// A validated suite.
pub struct Suite {
    /// Name.
    pub name: Arc<str>,
    /// Path as given.
    pub file: String,
    /// SHA-256 of the file and what it includes.
    pub sha256: String,
    /// What its checks may break, if it says so.
    pub allowed_targets: Option<AllowedTargets>,
    /// Cases in the order written.
    pub checks: Vec<Check>,
    /// Every id written, also of checks with errors: whoever needs those has no error of its own.
    pub ids: Vec<String>,
}

/// Additions of the command line.
#[derive(Clone)]
pub struct Options<'a> {
    /// `--var`, in order.
    pub vars: Vec<(String, String)>,
    /// `--against`: what the new target of a comparison overrides beyond `vars`.
    pub against: Vec<(String, String)>,
    /// `--vars` files, read before `--var`.
    pub var_files: Vec<PathBuf>,
    /// `--rounds`.
    pub rounds: Option<u32>,
    /// `--timeout`, replaces `defaults.timeout`.
    pub timeout: Option<String>,
    /// `--per-target`, replaces `defaults.per_target`.
    pub per_target: Option<u32>,
    /// Folders given to the command; what suites include may lie below them.
    pub roots: Vec<PathBuf>,
    /// Whether a check only shows what is there, as `probe` does: then it need not say what is right.
    pub shows: bool,
    /// `--include-outside`.
    pub include_outside: bool,
    /// The environment.
    pub env: Env<'a>,
}

impl<'a> Options<'a> {
    /// Those of a command line without any.
    #[must_use]
    pub fn none(env: Env<'a>) -> Self {
        Self {
            vars: Vec::new(),
            against: Vec::new(),
            var_files: Vec::new(),
            rounds: None,
            timeout: None,
            per_target: None,
            roots: Vec::new(),
            shows: false,
            include_outside: false,
            env,
        }
    }
}

/// The outcome of loading: use `suites` only when `errors` is empty.
#[derive(Default)]
pub struct Loaded {
    /// The suites.
    pub suites: Vec<Suite>,
    /// Files read, for places.
    pub sources: Sources,
    /// Every file read, and those that fields name.
    pub files: BTreeSet<PathBuf>,
    /// Files that fields name, with the field and its place.
    pub named: Vec<NamedFile>,
    /// All errors.
    pub errors: Diagnostics,
    /// The name of some suite is not known, as its file has an error.
    pub incomplete: bool,
    /// Knows every secret.
    pub redactor: Redactor,
}

/// A file that a field names.
#[derive(Clone, Debug)]
pub struct NamedFile {
    /// The field.
    pub field: String,
    /// As it is opened.
    pub path: PathBuf,
    /// Where it was written.
    pub span: Span,
    /// Suite and id of the case it is for.
    pub case: (Arc<str>, String),
}

impl Loaded {
    /// Makes every file that a field of a case names, and that is not there, an error: the case could see nothing without it.
    /// `runs` says whether a case, by its suite and id, is going to run.
    pub fn require_files(&mut self, runs: &dyn Fn(&str, &str) -> bool) {
        for NamedFile { field, path, span, case: (suite, id) } in std::mem::take(&mut self.named) {
            if !runs(&suite, &id) {
                continue;
            }
            let shown = path.display();
            let why = match std::fs::metadata(&path) {
                Ok(meta) if meta.is_dir() => format!("`{field}`: {shown} is a folder, not a file"),
                Ok(_) => continue,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                    format!("`{field}`: there is no file {shown}")
                }
                Err(error) => format!("`{field}`: {shown} cannot be read: {}", reading::why(&error)),
            };
            self.errors.add(span, why, reading::missing_file_help(&path));
        }
    }
}

/// A suite to load.
#[derive(Clone, Debug)]
pub enum Input {
    /// A file.
    File(PathBuf),
    /// A name and a text, for suites that are part of the program.
    Text(String, String),
}

/// Loads and validates every suite.
#[must_use]
pub fn load(inputs: &[Input], families: &'static [Family], options: &Options<'_>) -> Loaded {
    let mut loaded = Loaded::default();
    let overrides = overrides(options, &mut loaded);
    let defaults = Defaults::of(families, &mut loaded.errors);
    let mut known: Vec<String> = Vec::new();
    for input in inputs {
        let (path, text) = match input {
            Input::File(path) => (path.as_path(), None),
            Input::Text(name, text) => (Path::new(name), Some(text.clone())),
        };
        let roots = (!options.include_outside).then(|| IncludeRoots::of(path, &options.roots));
        let Some(document) = merge::read(path, text, roots.as_ref(), &mut loaded.sources, &mut loaded.errors) else {
            loaded.incomplete = true;
            continue;
        };
        loaded.incomplete |= document.name.is_none();
        known.extend(document.vars.keys().cloned());
        loaded.files.extend(document.files.iter().cloned());
        suite(path, document, families, options, &overrides, &defaults, &mut loaded);
    }
    for (name, node) in &overrides {
        if !known.contains(name) {
            let near = suggest(name, known.iter().map(String::as_str));
            let help = match suggested_word(&near) {
                Some(near) => {
                    let value = node.text().unwrap_or_default();
                    match loaded.sources.get(node.span.source).map(|source| &*source.path) {
                        Some(path) if path.starts_with("--against ") => format!("write `--against {near}={value}`"),
                        Some(path) if path.starts_with("--var ") => format!("write `--var {near}={value}`"),
                        _ => format!("write `{near}: {value}`"),
                    }
                }
                None if known.is_empty() => {
                    format!("the suites have no variables; define it there: `vars: {{{name}: DEFAULT}}`")
                }
                None => format!("{near}; or define it in the suite: `vars: {{{name}: DEFAULT}}`"),
            };
            loaded.errors.add(node.span, format!("no suite has a variable `{name}`"), help);
        }
    }
    loaded
}

fn suite(
    path: &Path,
    mut document: Document,
    families: &'static [Family],
    options: &Options<'_>,
    overrides: &BTreeMap<String, Node>,
    defaults_of: &Defaults,
    loaded: &mut Loaded,
) {
    let secrets = secrets(&document, options.env, loaded);
    let as_written = document.vars.clone();
    for (name, node) in overrides {
        if let Some(slot) = document.vars.get_mut(name) {
            *slot = node.clone();
        }
    }
    let written = digest::DefinedVariables::of(&as_written, &document.vars, &secrets, document.defaults.get("netns"));
    let vars = vars::resolve_all(&document.vars, &secrets, options.env, &mut loaded.errors);
    let cell = BTreeMap::new();
    let budget = vars::Budget::of_checks();
    let captured = CaptureNames::of(&document, families);
    let broken = document.vars.keys().filter(|name| !vars.contains_key(*name)).cloned().collect();
    let scope = Scope {
        vars: &vars,
        secrets: &secrets,
        matrix: &cell,
        env: options.env,
        budget: &budget,
        broken: &broken,
        of_variable: false,
        captured: Some(&captured),
    };
    let in_variables = document.vars.values().flat_map(vars::names);
    let in_variables = in_variables.filter_map(|name| Some(name.strip_prefix("matrix.")?.to_owned())).collect();
    let mut defaults: BTreeMap<String, Node> = document
        .defaults
        .iter()
        .map(|(key, node)| (key.clone(), vars::resolve(node, &scope, &mut loaded.errors)))
        .collect();
    defaults.extend(given_defaults(options, &mut loaded.sources));
    let affected = vars::affected(&document.vars, options.against.iter().map(|(name, _)| name));
    let everywhere = document.defaults.values().any(|node| vars::mentions(node, &affected));
    let mut builder = Builder {
        families,
        sources: &loaded.sources,
        errors: &mut loaded.errors,
        scope,
        written: &written,
        defaults: &defaults,
        defaults_of,
        in_variables: &in_variables,
        rounds: options.rounds,
        shows: options.shows,
        files: &mut loaded.files,
        named: &mut loaded.named,
    };
    let first_file = builder.named.len();
    let differs = |node: &Node| everywhere || vars::mentions(node, &affected);
    let (ids, checks) = checks(&mut builder, &document, &differs);
    let name: Arc<str> = document.name.as_ref().map_or("", |(name, _)| name).into();
    loaded.named.iter_mut().skip(first_file).for_each(|file| file.case.0 = Arc::clone(&name));
    if let Some((_, span)) = document.name {
        called_alike(&name, span, loaded);
    }
    let allowed_targets = allowed_targets(&document, &scope, &mut loaded.errors);
    let file = path.to_string_lossy().into_owned();
    loaded.suites.push(Suite { name, file, sha256: document.sha256, allowed_targets, checks, ids });
}

fn called_alike(name: &str, span: Span, loaded: &mut Loaded) {
    if let Some(other) = loaded.suites.iter().find(|suite| &*suite.name == name) {
        let label = format!("also in {}", other.file);
        loaded.errors.labelled(span, format!("two suites are called `{name}`"), label, "rename one of them");
    }
}

fn allowed_targets(document: &Document, scope: &Scope<'_>, errors: &mut Diagnostics) -> Option<AllowedTargets> {
    let lists = document.allowed_targets.iter().map(|list| vars::resolve(list, scope, errors));
    let lists: Vec<Node> = lists.collect();
    AllowedTargets::read(&lists, errors)
}

/// Every id written, and the cases.
fn checks(
    builder: &mut Builder<'_>,
    document: &Document,
    differs: &dyn Fn(&Node) -> bool,
) -> (Vec<String>, Vec<Check>) {
    let mut first_seen: BTreeMap<String, Span> = BTreeMap::new();
    let mut checks = Vec::new();
    for (node, folder) in &document.checks {
        // Who calls it `name` is told so: what needs it has no error of its own.
        let called = || node.get("name").and_then(Node::text).filter(|name| merge::is_name(name));
        if let Some(id) = node.get("id").map_or_else(called, Node::text) {
            if let Some(first) = first_seen.get(id) {
                let place = builder.sources.line_of(*first);
                let span = node.get("id").map_or(node.span, |id| id.span);
                let label = format!("first at {place}");
                builder.errors.labelled(span, format!("check `{id}` is defined twice"), label, "give it another id");
                continue;
            }
            first_seen.insert(id.to_owned(), node.span);
        }
        let differs = differs(node);
        checks.extend(builder.check(node, folder).into_iter().map(|check| Check { differs, ..check }));
    }
    (first_seen.into_keys().collect(), checks)
}

/// Defaults that the command line replaces.
fn given_defaults(options: &Options<'_>, sources: &mut Sources) -> Vec<(String, Node)> {
    let per_target = options.per_target.map(|most| most.to_string());
    let given = [("timeout", "--timeout", options.timeout.clone()), ("per_target", "--per-target", per_target)];
    let node = |(key, flag, text): (&str, &str, Option<String>)| {
        let text = text?;
        // Such a source has no line to show: its name is what was typed.
        let source = sources.add(&format!("{flag}={text}"), String::new());
        Some((key.to_owned(), scalar_node(source, &text)))
    };
    given.into_iter().filter_map(node).collect()
}

fn secrets(document: &Document, env: Env<'_>, loaded: &mut Loaded) -> BTreeMap<String, String> {
    let mut out = BTreeMap::new();
    for (name, span) in &document.secrets {
        if document.vars.contains_key(name) {
            loaded.errors.add(*span, format!("`{name}` is a variable and a secret"), "rename the variable");
        }
        match env(name) {
            None => {
                loaded.errors.add(
                    *span,
                    format!("secret `{name}` is not set in the environment"),
                    format!("export {name}=… before the run, or take it out of `secrets`"),
                );
                // Known by name, so that its uses are not reported as well.
                out.insert(name.clone(), String::new());
            }
            Some(value) if value.len() < SHORTEST => {
                let message =
                    format!("secret `{name}` is shorter than {SHORTEST} characters and cannot be hidden in text");
                loaded.errors.add(*span, message, "use a longer secret");
                out.insert(name.clone(), String::new());
            }
            Some(value) => {
                loaded.redactor.add_secret(&value);
                out.insert(name.clone(), value);
            }
        }
    }
    out
}

fn scalar_node(source: u32, text: &str) -> Node {
    let end = u32::try_from(text.len()).unwrap_or(u32::MAX);
    Node::new(Span { source, start: 0, end }, Kind::Scalar(text.to_owned(), true))
}

fn overrides(options: &Options<'_>, loaded: &mut Loaded) -> BTreeMap<String, Node> {
    let mut out = BTreeMap::new();
    for path in &options.var_files {
        let shown = path.to_string_lossy().into_owned();
        loaded.files.insert(path.clone());
        match reading::text(path) {
            Ok(text) => {
                let source = loaded.sources.add(&shown, text);
                let node = tree::parse(source, &loaded.sources, &mut loaded.errors);
                match node {
                    Some(node) if matches!(node.kind, Kind::Map(_)) => {
                        out.extend(node.entries().iter().map(|(key, value)| (key.name.clone(), value.clone())));
                    }
                    Some(node) => {
                        loaded.errors.add(
                            node.span,
                            "a file of variables is a map",
                            "write `NAME: VALUE` on each line",
                        );
                    }
                    None => {}
                }
            }
            Err(error) => {
                let source = loaded.sources.add(&shown, String::new());
                let span = Span { source, start: 0, end: 0 };
                loaded.errors.add(
                    span,
                    format!(
                        "cannot read {shown}, given with --vars: {}",
                        error.split(" (os error").next().unwrap_or_default()
                    ),
                    reading::missing_file_help(path),
                );
            }
        }
    }
    for (flag, pairs) in [("--var", &options.vars), ("--against", &options.against)] {
        for (name, value) in pairs {
            let shown: String = value.chars().take(60).collect();
            let source = loaded.sources.add(&format!("{flag} {name}={shown}"), String::new());
            out.insert(name.clone(), scalar_node(source, value));
        }
    }
    out
}
